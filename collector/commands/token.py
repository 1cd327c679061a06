"""``token create``, ``token list`` and ``token revoke``."""

from __future__ import annotations

import argparse

from ..introducing import how_to_bring, how_to_log_in
from ..records import ROLES
from ..store.store import Store, now_ms
from .command import OK, Commands, day, duration, explain, known_sweep, tell, who, with_store


def add(commands: Commands) -> None:
    """The commands and their options."""
    tokens = commands.group("token", "create, list, revoke tokens")
    made = tokens.add("create", with_store(_create, make=True), "a token, told this once")
    made.add_argument(
        "--sweep", metavar="ID", help="of one sweep: without --role to bring its reports"
    )
    made.add_argument(
        "--role",
        choices=ROLES,
        help="for the pages: reader (sees; the default without --sweep), analyst (suppresses, too),"
        " administrator; with --sweep of that one only",
    )
    made.add_argument("--label", default="")
    made.add_argument("--expires", type=duration, metavar="30d")
    tokens.add("list", with_store(_list), "all tokens, by the start of their SHA-256")
    made = tokens.add("revoke", with_store(_revoke), "end a token")
    made.add_argument("digest", help="the start of its SHA-256, as `token list` tells it")


async def _create(store: Store, options: argparse.Namespace) -> int:
    if options.sweep is not None:
        await known_sweep(store, options.sweep)
    secret = await store.create_token(
        "sweep" if options.sweep and not options.role else "reader",
        role=options.role or "",
        sweep_id=options.sweep,
        label=options.label,
        expires=now_ms() + options.expires * 1000 if options.expires else None,
        who=who(),
    )
    tell(secret)
    if options.sweep and not options.role:
        explain(*await how_to_bring(store, secret, options.home))
    else:
        explain(await how_to_log_in(store, options.home))
    return OK


async def _list(store: Store, _: argparse.Namespace) -> int:
    for token in await store.tokens():
        state = "valid" if token.valid(now_ms()) else "revoked" if token.revoked else "expired"
        until = f" until {day(token.expires)}" if token.expires else ""
        of = f" of {token.sweep_id}" if token.sweep_id else ""
        what = f"{token.role or token.kind}{of}"
        tell(f"{token.digest.hex()[:16]}   {what}   {state}{until}   {token.label}")
    return OK


async def _revoke(store: Store, options: argparse.Namespace) -> int:
    found = [t for t in await store.tokens() if t.digest.hex().startswith(options.digest.lower())]
    if len(found) != 1 or len(options.digest) < 8:
        raise ValueError(f"{options.digest!r}: {len(found)} tokens begin so; `token list` tells")
    await store.revoke(found[0].digest, who=who())
    tell("revoked; it opens nothing after two seconds")
    return OK
