"""What the commands share: their parsers, their store, how they tell and how they read words."""

from __future__ import annotations

import argparse
import asyncio
import os
import pwd
import re
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime, timezone
from typing import Any

from agent.output.escape import shown

from ..records import Sweep
from ..serving import open_store
from ..store.backup import BackupPlan
from ..store.passwords import with_password_of
from ..store.store import Store
from .owner import check_database

OK, FAILED, USAGE = range(3)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

Run = Callable[[argparse.Namespace], int]
Subparsers = Any
"""What argparse's ``add_subparsers`` gives: its own type is private."""


class Commands:
    """Where commands are added: to the program, or to a group such as ``sweep``."""

    def __init__(self, parsers: Subparsers, common: argparse.ArgumentParser) -> None:
        self._parsers = parsers
        self._common = common

    def add(self, name: str, run: Run, words: str) -> argparse.ArgumentParser:
        """One command; ``run`` gives its exit code."""
        made: argparse.ArgumentParser = self._parsers.add_parser(
            name, help=words, description=words, parents=[self._common], allow_abbrev=False
        )
        made.set_defaults(run=run)
        return made

    def group(self, name: str, words: str) -> Commands:
        """Commands of two words."""
        made = self._parsers.add_parser(name, help=words, description=words, allow_abbrev=False)
        return Commands(made.add_subparsers(required=True, metavar="ACTION"), self._common)


def who() -> str:
    """Who gives the command, for the audit log; with sudo, both."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    behind = os.environ.get("SUDO_USER", "") if uid == 0 else ""
    return shown(f"command line, {name}" + (f" for {behind}" if behind else ""))


def tell(text: str) -> None:
    """One line, at once, on stdout."""
    print(text, flush=True)  # noqa: T201


def explain(*lines: str) -> None:
    """Lines for whoever reads along: what a script takes from stdout stays as it is."""
    if sys.stdout.isatty():
        tell("\n".join(("", *lines)))


def backup_plan(options: argparse.Namespace) -> BackupPlan:
    """Of ``--backup-to`` and ``--no-backup``."""
    return BackupPlan(str(options.backup_to or ""), wanted=not options.no_backup)


def database(options: argparse.Namespace) -> str:
    """Of ``--database``, with the password that is kept in a file."""
    if options.database_password_file is None:
        return str(options.database)
    return with_password_of(options.database, options.database_password_file)


def with_store(
    work: Callable[[Store, argparse.Namespace], Awaitable[int]], *, make: bool = False
) -> Run:
    """A command on the store, whether or not a server has it open.

    ``make``: the database is made if there is none. Else that is an error: a home that was
    mistyped must not become an empty one of which all is well.
    """

    async def run(options: argparse.Namespace) -> int:
        check_database(options.home, options.database, make=make)
        store = await open_store(
            options.home, database(options), join=True, make=make, plan=backup_plan(options)
        )
        try:
            return await work(store, options)
        finally:
            await store.database.close()

    return lambda options: asyncio.run(run(options))


async def known_sweep(store: Store, sweep_id: str) -> Sweep:
    """Raises ValueError unless there is one of this id."""
    sweep = await store.sweep(sweep_id)
    if sweep is None:
        raise ValueError(f"there is no sweep {sweep_id!r}")
    return sweep


def duration(text: str) -> int:
    """Seconds of ``30d``."""
    found = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 30d")
    return int(found[1]) * _UNITS[found[2]]


def moment(text: str) -> int:
    """Milliseconds UTC of a time in ISO 8601, which is UTC where it names no zone."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from error
    if when.tzinfo is None:
        when = when.replace(tzinfo=timezone.utc)
    return int(when.timestamp() * 1000)


def day(ms: int) -> str:
    """A time for people."""
    return f"{datetime.fromtimestamp(ms / 1000, timezone.utc):%Y-%m-%d %H:%M UTC}"
