"""A copy of the database before its schema is changed: without one, nothing is changed.

SQLite by its own backup interface, into a file beside the database; PostgreSQL by ``pg_dump``, in
its custom format.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
import sqlite3
import time
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode

from msgspec import Struct

from .database import StoreError

_DUMP_MAGIC = b"PGDMP"
_MAX_WORDS = 500


class BackupPlan(Struct, frozen=True):
    """What the operator wants of it."""

    folder: str = ""
    """Where it goes; empty: beside an SQLite file, else where the caller keeps its data."""
    wanted: bool = True
    """False: they have one of their own."""


USUAL = BackupPlan()


def new_file(path: Path) -> bool:
    """Make an empty file that only its owner can read; False if it is there. Raises OSError."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return False
    return True


def brought_up(place: str, version: int, newest: int, copy: Path | None) -> str:
    """What the operator is told of a migration."""
    before = copy if copy is not None else "in the operator's own backup"
    return f"{place}: brought from schema {version} to {newest}; as it was before: {before}"


def copy_sqlite(connection: sqlite3.Connection, path: Path, plan: BackupPlan) -> Path:
    """Copy the open database at ``path``; gives the copy, which is on the disk and was checked.

    Raises StoreError that names the file; what there is of it then is removed.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    folder = Path(plan.folder) if plan.folder else path.parent
    copy = folder / path.name
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _ask_for_room(connection, folder)
        copy = _claim(folder, f"{path.name}.schema-{version}")
    except OSError as error:
        raise _none(copy, str(error)) from error
    try:
        _copy(connection, copy)
        _check(copy, version)
        _to_disk(copy)
    except BaseException as error:
        copy.unlink(missing_ok=True)
        if isinstance(error, (sqlite3.Error, OSError)):
            raise _none(copy, str(error)) from error
        raise
    return copy


def _ask_for_room(connection: sqlite3.Connection, folder: Path) -> None:
    """For the copy, and for as much again: a migration may write every row anew. Raises OSError."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (page,) = connection.execute("PRAGMA page_size").fetchone()
    needed, free = 2 * pages * page, shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(f"not enough room: {needed:,} bytes are needed, {free:,} are free")


def _claim(folder: Path, start: str, suffix: str = "") -> Path:
    """A new empty file, named by the time. Raises OSError."""
    name = f"{start}.{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    for number in range(1, 100):
        path = folder / (f"{name}-{number}{suffix}" if number > 1 else name + suffix)
        if new_file(path):
            return path
    raise OSError(f"{folder / name}: is there already")


def _copy(connection: sqlite3.Connection, copy: Path) -> None:
    target = sqlite3.connect(copy)
    try:
        connection.backup(target)
    finally:
        target.close()


def _check(copy: Path, version: int) -> None:
    """Raises sqlite3.Error."""
    # immutable: the copy is whole, and to read it must leave nothing beside it
    read = sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        found = [str(row[0]) for row in read.execute("PRAGMA integrity_check(3)")]
        (kept,) = read.execute("PRAGMA user_version").fetchone()
    finally:
        read.close()
    if found != ["ok"] or kept != version:
        raise sqlite3.DatabaseError(f"the copy is not whole: {'; '.join(found)}")


def _to_disk(path: Path) -> None:
    for one, flags in ((path, os.O_RDONLY), (path.parent, os.O_RDONLY | os.O_DIRECTORY)):
        handle = os.open(one, flags | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _none(path: Path, why: str) -> StoreError:
    return StoreError(f"{path}: no backup, so the database stays as it was: {why}")


# ---- PostgreSQL


async def dump_postgresql(url: str, place: str, version: int, plan: BackupPlan) -> Path:
    """Run ``pg_dump``; gives the file, which ``pg_restore`` can read. ``place``: for people.

    Raises StoreError that names the reason and what to do; what there is of the file is removed.
    """
    bare, password = without_password(url)
    program = shutil.which("pg_dump")
    if program is None:
        raise _by_hand(place, version, bare, "pg_dump is not installed here")
    if "sslpassword=" in bare:
        raise _by_hand(place, version, "", "its URL has a password that no variable can hold")
    if not plan.folder:
        raise _by_hand(place, version, bare, "no folder is named for it")
    folder = Path(plan.folder)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        dump = _claim(folder, f"collector.schema-{version}", ".dump")
    except OSError as error:
        raise _by_hand(place, version, bare, f"{folder}: {error}") from error
    try:
        secret = {} if password is None else {"PGPASSWORD": password}
        await _run(
            [program, "--format=custom", "--no-password", f"--file={dump}", f"--dbname={bare}"],
            {**os.environ, **secret},
        )
        await _check_dump(dump)
        _to_disk(dump)
    except BaseException as error:
        dump.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _by_hand(place, version, bare, f"{dump}: {error}") from error
        raise
    return dump


async def _run(command: list[str], environment: dict[str, str]) -> None:
    """Raises OSError with the last of what it said."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    try:
        _, said = await process.communicate()
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    if process.returncode:
        words = " ".join(said.decode("utf-8", "replace").split())
        raise OSError(words[-_MAX_WORDS:] or f"exit code {process.returncode}")


async def _check_dump(dump: Path) -> None:
    """Raises OSError."""
    with dump.open("rb") as file:
        if file.read(len(_DUMP_MAGIC)) != _DUMP_MAGIC:
            raise OSError("what pg_dump wrote is no dump")
    if program := shutil.which("pg_restore"):
        await _run([program, "--list", str(dump)], {**os.environ})


def _by_hand(place: str, version: int, bare: str, why: str) -> StoreError:
    shown = shlex.quote(bare) if bare else "URL"
    return StoreError(
        f"{place}: no backup, so the database stays as it was: {why}. Make one with"
        f" `pg_dump --format=custom --file=collector.schema-{version}.dump --dbname={shown}`,"
        " then start once with --no-backup"
    )


def without_password(url: str) -> tuple[str, str | None]:
    """The URL as it may stand on a command line, and its password, which may not."""
    whole = re.fullmatch(r"(postgres(?:ql)?://)(?:([^/?#]*)@)?([^?#]*)(?:\?(.*))?", url)
    if whole is None:
        return url.partition("://")[0] + "://", None
    user, colon, secret = (whole[2] or "").partition(":")
    password = unquote(secret) if colon else None
    options = parse_qsl(whole[4] or "", keep_blank_values=True)
    for name, value in options:
        if name == "password":
            password = value
    rest = urlencode([(name, value) for name, value in options if name != "password"], safe="/,:")
    return (
        whole[1] + (f"{user}@" if user else "") + whole[3] + (f"?{rest}" if rest else ""),
        password,
    )
