"""``sweep create`` and ``sweep list``, and ``expect``."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from ..records import Sweep
from ..store.store import Store, now_ms
from .command import OK, Commands, duration, known_sweep, moment, tell, who, with_store
from .names import read_names

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def add(commands: Commands) -> None:
    """The commands and their options."""
    sweeps = commands.group("sweep", "create and list sweeps")
    made = sweeps.add("create", with_store(_create, make=True), "a new sweep and its token")
    made.add_argument("title")
    made.add_argument("--id", default="", help="for addresses (default: from the title)")
    made.add_argument("--pack", default="", help="what is looked for")
    made.add_argument("--deadline", type=moment, metavar="TIME", help="2026-12-01T18:00 (UTC)")
    made.add_argument("--expires", type=duration, metavar="30d", help="when its token ends")
    made.add_argument("--expect", type=Path, metavar="FILE", help="expected hosts, text or CSV")
    sweeps.add("list", with_store(_list), "all sweeps with their counters")

    made = commands.add("expect", with_store(_expect), "add expected hosts to a sweep")
    made.add_argument("sweep")
    made.add_argument("file", type=Path, help="text (a name a line) or CSV")


async def _create(store: Store, options: argparse.Namespace) -> int:
    sweep_id = options.id or re.sub(r"[^a-z0-9]+", "-", options.title.lower()).strip("-")[:60]
    if not _ID.fullmatch(sweep_id):
        raise ValueError(f"{sweep_id!r} is no id: letters, digits, '.', '_' and '-'")
    sweep = Sweep(
        sweep_id=sweep_id,
        title=options.title,
        pack=options.pack,
        created=now_ms(),
        deadline=options.deadline,
    )
    names = list(read_names(options.expect)) if options.expect else []
    if await store.sweep(sweep_id) is not None:
        raise ValueError(f"there is a sweep {sweep_id!r} already")
    await store.create_sweep(sweep, who=who())
    expires = now_ms() + options.expires * 1000 if options.expires else None
    secret = await store.create_token(
        "sweep", sweep_id=sweep_id, label=options.title, expires=expires, who=who()
    )
    tell(f"sweep {sweep_id}\ntoken {secret}")
    if options.expect:
        added = await store.expect(sweep_id, names, who=who())
        tell(f"{added} expected hosts")
    return OK


async def _list(store: Store, _: argparse.Namespace) -> int:
    for sweep in await store.sweeps():
        counts = await store.counts(sweep.sweep_id)
        tell(
            f"{sweep.sweep_id}   {sweep.title}   clean {counts.clean}, hit {counts.hit},"
            f" incomplete {counts.incomplete}, failed {counts.failed},"
            f" not reported {counts.not_reported} of {counts.expected}"
        )
    return OK


async def _expect(store: Store, options: argparse.Namespace) -> int:
    await known_sweep(store, options.sweep)
    added = await store.expect(options.sweep, read_names(options.file), who=who())
    tell(f"{added} new expected hosts")
    return OK
