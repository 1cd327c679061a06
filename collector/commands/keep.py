"""``backup``, ``verify``, ``forget`` and ``audit``: what is done about all that is kept."""

from __future__ import annotations

import argparse
from pathlib import Path

from agent.output.escape import shown

from ..pages.describe import audit_words
from ..store.database import StoreError
from ..store.store import Store, now_ms
from .command import FAILED, OK, Commands, day, duration, tell, who, with_store
from .holdings import RECEIVING_MS, holdings_words, receiving

SURE_S = 30 * 86400
"""Whoever asks for less may have mistyped it."""


def add(commands: Commands) -> None:
    """The commands and their options."""
    made = commands.add("backup", with_store(_backup), "copy the database while it is served")
    made.add_argument("file", type=Path)
    commands.add("verify", with_store(_verify), "read every report again, check the database")
    made = commands.add("forget", with_store(_forget), "remove old sweeps")
    made.add_argument("--older-than", type=duration, required=True, metavar="180d")
    made.add_argument("--dry-run", action="store_true",
                      help="show what would go; without --yes so it is below 30d")  # fmt: skip
    made.add_argument("--yes", action="store_true", help="remove, though it is less than 30d")
    made.add_argument("--even-receiving", action="store_true",
                      help="those, too, that got a report meanwhile or within a day")  # fmt: skip
    made = commands.add("audit", with_store(_audit), "who did what, the latest last")
    made.add_argument("--lines", type=int, default=500, metavar="N", help="(default: %(default)s)")


async def _backup(store: Store, options: argparse.Namespace) -> int:
    from ..store.backup import new_file
    from ..store.sqlite import SqliteDatabase

    if not isinstance(store.database, SqliteDatabase):
        raise StoreError("for PostgreSQL use pg_dump, which does this well")
    if not new_file(options.file):  # its owner's alone, like the database
        raise ValueError(f"{options.file}: is there already")
    try:
        await store.database.backup(options.file.absolute())
    except BaseException:
        options.file.unlink()
        raise
    await store.note(who(), "back up", "", str(options.file.absolute()))
    tell(f"{options.file}   {options.file.stat().st_size:,} bytes")
    return OK


async def _verify(store: Store, _: argparse.Namespace) -> int:
    from ..verifying import verify

    problems = 0
    async for line, is_problem in verify(store):
        tell(line)
        problems += is_problem
    tell(f"NOT well: {problems:,} of these lines say what is wrong" if problems else "all is well")
    return FAILED if problems else OK


async def _forget(store: Store, options: argparse.Namespace) -> int:
    """Age counts from the last report: a sweep that still receives is none of the old ones."""
    now = now_ms()
    before = now - options.older_than * 1000
    quiet = min(before, now - RECEIVING_MS)
    gone = 0
    sure = options.yes or options.older_than >= SURE_S
    remove = sure and not options.dry_run
    for one in await store.old_sweeps(before):
        if receiving(one, quiet) and not options.even_receiving:
            tell(f"stays: it is receiving   {holdings_words(one)}")
            continue
        gone += 1
        if remove:
            await store.remove_sweep(one.sweep_id, who=who(), why="retention")
        tell(f"{'removed' if remove else 'would go'}   {holdings_words(one)}")
    if remove:
        tell(f"{gone} sweeps removed, with all of theirs")
    else:
        how = "without --dry-run they go" if sure else "--yes does it"
        tell(f"{gone} sweeps would be removed, with all of theirs; nothing was ({how})")
    return OK


async def _audit(store: Store, options: argparse.Namespace) -> int:
    for row in reversed(await store.audit_log(max(options.lines, 1))):
        words = (day(row.at), row.who, row.action, row.subject, audit_words(row))
        tell(shown("   ".join(word for word in words if word)))
    return OK
