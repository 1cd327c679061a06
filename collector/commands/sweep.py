"""``sweep create``, ``list``, ``edit``, ``close``, ``delete``, ``expect``; and ``expect``."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from agent.model.attestation import key_id
from agent.output.escape import shown

from ..demanding import add_demand, demand_by
from ..introducing import how_to_bring
from ..judging import usual_demand
from ..pages.describe import demand_words, states
from ..records import Sweep
from ..signatures import new_key, public_pem
from ..store.expecting import Expected, Listed
from ..store.store import Store, now_ms
from .command import OK, Commands, duration, explain, known_sweep, moment, tell, who, with_store
from .holdings import RECEIVING_MS, holdings_words, receiving
from .names import Unkept, read_expected, read_names, same_words

_AS_IT_IS = -1
"""A deadline that is not given, as None is one."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def add(commands: Commands) -> None:
    """The commands and their options."""
    sweeps = commands.group("sweep", "create, list, change and end sweeps")
    made = sweeps.add("create", with_store(_create, make=True), "a new sweep and its token")
    made.add_argument("title")
    made.add_argument("--id", default="", help="for addresses (default: from the title)")
    made.add_argument("--deadline", type=moment, metavar="TIME", help="2026-12-01T18:00 (UTC)")
    made.add_argument("--expires", type=duration, metavar="30d", help="when its token ends")
    made.add_argument("--expect", type=Path, metavar="FILE", help="expected hosts, text or CSV")
    add_demand(made)
    sweeps.add("list", with_store(_list), "all sweeps with their counters")

    made = sweeps.add("edit", with_store(_edit), "change its words, and what counts as an answer")
    made.add_argument("sweep")
    made.add_argument("--title")
    made.add_argument("--deadline", type=_moment_or_none, metavar="TIME", default=_AS_IT_IS,
                      help="2026-12-01T18:00 (UTC), or none")  # fmt: skip
    made.add_argument("--accept-pack", action="store_true", help="that of the first report")
    add_demand(made)
    made = sweeps.add("close", with_store(_close), "take no more reports; all of it stays")
    made.add_argument("sweep")
    made = sweeps.add("delete", with_store(_delete), "remove it with all of its own")
    made.add_argument("sweep")
    made.add_argument("--yes", action="store_true", help="without it, what would go is shown")
    made.add_argument("--even-receiving", action="store_true",
                      help="though it got a report within a day")  # fmt: skip

    made = sweeps.add("key", with_store(_key), "issue a key for reports to be signed by")
    made.add_argument("sweep")
    what = made.add_mutually_exclusive_group()
    what.add_argument("--public", action="store_true",
                      help="tell the public ones, for `iocsweep verify --pubkey`")  # fmt: skip
    made.add_argument("--revoked", action="store_true",
                      help="with --public: those that were revoked, too")  # fmt: skip
    what.add_argument("--revoke", metavar="ID", default="",
                      help="what it signs from now on is wrong")  # fmt: skip

    lists = sweeps.group("expect", "change its list of expected hosts")
    for name, run, words in (
        ("add", _expect, "add hosts, and what the list says beside their names"),
        ("remove", _expect_no_more, "take hosts off the list; what they reported stays"),
    ):
        made = lists.add(name, with_store(run), words)
        made.add_argument("sweep")
        made.add_argument("file", type=Path, help="text (a name a line) or CSV")

    made = commands.add("expect", with_store(_expect), "add expected hosts to a sweep")
    made.add_argument("sweep")
    made.add_argument("file", type=Path, help="text (a name a line) or CSV")


async def _create(store: Store, options: argparse.Namespace) -> int:
    sweep_id = options.id or re.sub(r"[^a-z0-9]+", "-", options.title.lower()).strip("-")[:60]
    if not _ID.fullmatch(sweep_id):
        raise ValueError(f"{sweep_id!r} is no id: letters, digits, '.', '_' and '-'")
    now = now_ms()
    demand = demand_by(options, usual_demand(sweep_id, now))
    sweep = Sweep(
        sweep_id=sweep_id,
        title=options.title,
        pack=demand.pack,
        created=now,
        deadline=options.deadline,
        demand=demand,
    )
    unkept = Unkept()
    expected = list(read_expected(options.expect, unkept)) if options.expect else []
    if await store.sweep(sweep_id) is not None:
        raise ValueError(f"there is a sweep {sweep_id!r} already")
    await store.create_sweep(sweep, who=who())
    expires = now_ms() + options.expires * 1000 if options.expires else None
    secret = await store.create_token(
        "sweep", sweep_id=sweep_id, label=options.title, expires=expires, who=who()
    )
    key, public = new_key()
    await store.add_sweep_key(sweep_id, public, who=who())
    tell(f"sweep {sweep_id}\nkey {key}\ntoken {secret}")
    if options.expect:
        listed = await store.expect(sweep_id, expected, who=who())
        tell(f"{listed.new} expected hosts{_kept_beside(expected)}")
        _tell_beside(listed, unkept)
    explain(*await how_to_bring(store, secret, options.home, key))
    return OK


async def _list(store: Store, _: argparse.Namespace) -> int:
    closed = await store.closed_sweeps(now_ms())
    for sweep in await store.sweeps():
        counts = await store.counts(sweep.sweep_id)
        tell(
            f"{sweep.sweep_id}   {sweep.title}   {states(counts)}"
            + ("   closed" if sweep.sweep_id in closed else "")
        )
    return OK


async def _expect(store: Store, options: argparse.Namespace) -> int:
    await known_sweep(store, options.sweep)
    unkept = Unkept()
    expected = list(read_expected(options.file, unkept))
    listed = await store.expect(options.sweep, expected, who=who())
    tell(f"{listed.new} new expected hosts{_kept_beside(expected)}")
    _tell_beside(listed, unkept)
    return OK


def _kept_beside(expected: Sequence[Expected]) -> str:
    """What the list says beside the names, and of how many."""
    hosts = {one.name.casefold() for one in expected if one.columns}
    titles = {title: None for one in expected for title, _ in one.columns}
    named = shown(", ".join(titles))
    return f"; {named} kept of {len(hosts):,}" if hosts else ""


def _tell_beside(listed: Listed, unkept: Unkept) -> None:
    for words in (same_words(listed), unkept.words()):
        if words:
            tell(words)


async def _expect_no_more(store: Store, options: argparse.Namespace) -> int:
    await known_sweep(store, options.sweep)
    names = list(read_names(options.file))
    removed = await store.expect_no_more(options.sweep, names, who=who())
    others = len({name.casefold().rstrip(".") for name in names}) - removed
    rest = f"; {others} of this file were not" if others > 0 else ""
    tell(f"{removed} hosts are no longer expected{rest}")
    return OK


async def _edit(store: Store, options: argparse.Namespace) -> int:
    sweep = await known_sweep(store, options.sweep)
    await store.describe_sweep(
        sweep.sweep_id,
        title=sweep.title if options.title is None else options.title,
        deadline=sweep.deadline if options.deadline == _AS_IT_IS else options.deadline,
        who=who(),
    )
    if options.accept_pack:
        if await store.accept_proposal(sweep.sweep_id, who=who()) is None:
            raise ValueError("no pack is proposed: one is pinned, or no report has named one")
    else:
        await store.edit_sweep(sweep.sweep_id, demand_by(options, sweep.demand), who=who())
    hosts = 0
    async for count in store.judge_again(sweep.sweep_id):
        hosts += count
    for name, words in demand_words(await known_sweep(store, sweep.sweep_id)):
        tell(f"{name}: {words}")
    tell(f"{hosts:,} hosts judged by it: {states(await store.counts(sweep.sweep_id))}")
    return OK


async def _key(store: Store, options: argparse.Namespace) -> int:
    await known_sweep(store, options.sweep)
    issued = await store.sweep_keys(options.sweep)
    valid = [one for one in issued if one.revoked is None]
    if options.revoked and not options.public:
        raise ValueError("--revoked is of --public")
    if options.public:
        told = issued if options.revoked else valid
        if not told and issued:
            raise ValueError("all keys of this sweep are revoked (--revoked tells them)")
        if not told:
            raise ValueError("this sweep has no key")
        tell("".join(public_pem(one.public_key) for one in told).rstrip())
    elif options.revoke:
        found = [one for one in valid if key_id(one.public_key) == options.revoke.lower()]
        if not found:
            known = ", ".join(key_id(one.public_key) for one in valid) or "none"
            raise ValueError(f"{options.revoke!r} is no key of this sweep; there are: {known}")
        await store.revoke_sweep_key(options.sweep, found[0].public_key, who=who())
        tell("revoked; after two seconds what it signs is wrong")
    else:
        key, public = new_key()
        await store.add_sweep_key(options.sweep, public, who=who())
        tell(f"key {key}")
        explain(f"it is told this once; its id is {key_id(public)}")
    return OK


async def _close(store: Store, options: argparse.Namespace) -> int:
    await known_sweep(store, options.sweep)
    ended = await store.close_sweep(options.sweep, who=who())
    tell(
        f"closed: {ended} tokens bring no more reports after two seconds; `token create --sweep"
        f" {options.sweep}` opens it again"
    )
    return OK


async def _delete(store: Store, options: argparse.Namespace) -> int:
    await known_sweep(store, options.sweep)
    one = await store.holdings(options.sweep)
    if not options.yes:
        tell(f"would go   {holdings_words(one)}\nnothing was removed (--yes does it)")
        return OK
    if receiving(one, now_ms() - RECEIVING_MS) and not options.even_receiving:
        raise ValueError(f"it is receiving (--even-receiving removes it): {holdings_words(one)}")
    await store.remove_sweep(options.sweep, who=who(), why="deleted")
    tell(f"removed   {holdings_words(one)}")
    return OK


def _moment_or_none(text: str) -> int | None:
    return None if text == "none" else moment(text)
