r"""SRUM: which programs ran, for whom, and what they sent and received, by the hour.

Evidence: ``%SystemRoot%\System32\sru\SRUDB.dat``, an ESE database: ``SruDbIdMapTable`` names
programs and users, the tables of its providers have a row for each of them and hour, of the last
30 to 60 days. Its logs beside it (``SRU*.log``) are searched as bytes: what was written last may be
there alone. Since: Windows 8. Tables: Y. Khatri, "Windows SRUM" (2015); A. Rathbun, DFIRMuseum.
Cannot tell: arguments, modules, whom it talked to; the minute. A path begins with a device.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from msgspec import Struct, field

from ...formats import FormatError
from ...formats.ese import SIGNATURE, CellValue, Database, time_of
from ...formats.ese_pages import Page, page_size_of
from ...model.objects import Process, User
from ...model.observation import Claim, Moment, MomentOf
from ...spelling import base_name, fold
from .. import whereabouts
from ..artefact import CUT
from ..remembered import PagedMemories, Remembered

if TYPE_CHECKING:
    from ...formats.paged import Bytes
    from ...targets.evidence import EvidenceFile

_NAMES = "SruDbIdMapTable"
_USER = 3
"""The type of an entry that is a SID; others name programs and services."""
_ROW = frozenset({"AppId", "UserId", "TimeStamp"})
"""Columns of a table about programs."""
_NEVER = datetime(2012, 1, 1, tzinfo=timezone.utc)
"""Before SRUM was."""
MAX_HIDDEN = 32 << 20
_SENT, _RECEIVED = "BytesSent", "BytesRecvd"


class _Use(Struct):
    """Of a program by one user, in all tables."""

    times: set[datetime] = field(default_factory=set)
    sent: int = 0
    received: int = 0
    rows: int = 0


class Srum(PagedMemories):
    """One thing for each program and user."""

    name = "srum"
    kind = "SRUM database"
    where = whereabouts.SRUM
    max_bytes = 1 << 30

    def missing(self, data: Bytes) -> str:
        """Of the half of a database."""
        try:
            return CUT if data[4:8] == SIGNATURE and Database(data).is_cut else ""
        except FormatError as error:
            return error.what

    def hidden(self, data: Bytes) -> tuple[bytes, str]:
        """Of columns that are compressed; no database was seen that compresses any."""
        try:
            size = page_size_of(data[:240])
        except FormatError:
            return b"", ""  # None, or said where it is read.
        texts: list[bytes] = []
        damaged, taken, missing = 0, 0, ""
        for at in range(2 * size, len(data) - size + 1, size):
            text, missed = Page(data[at : at + size]).hidden()
            damaged += missed
            taken += len(text)
            if taken > MAX_HIDDEN:
                missing = f"compressed values of more than {MAX_HIDDEN >> 20} MiB"
                break
            if text:
                texts.append(text)
        if damaged:
            missing = "compressed values that cannot be read"
        return b"\0\0".join(texts), missing

    def times(self, file: EvidenceFile, data: Bytes) -> Iterator[datetime]:  # noqa: ARG002
        """One row of each page tells."""
        database = Database(data) if data[4:8] == SIGNATURE else None
        for table in database.tables.values() if database is not None else ():
            if not {column.name for column in table.columns} >= _ROW:
                continue
            for row in database.first_rows(table) if database is not None else ():
                when = time_of(row.values["TimeStamp"])
                if when is not None and when > _NEVER:
                    yield when

    def things(self, file: EvidenceFile, data: Bytes) -> Iterator[Remembered]:
        """The programs, with the first and the last hour in which each did something."""
        if data[4:8] != SIGNATURE and fold(base_name(file.path)).endswith(".LOG"):
            return
        database = Database(data)
        programs, users = _named(database)
        used = _uses(database)
        for number, text in programs.items():
            by_user = used.get(number) or {None: _Use()}
            for user, use in by_user.items():
                yield _thing(number, text, users.get(user) if user is not None else None, use)


def _named(database: Database) -> tuple[dict[int, str], dict[int, str]]:
    """What the numbers of programs, and of users, stand for."""
    programs: dict[int, str] = {}
    users: dict[int, str] = {}
    names = database.tables.get(_NAMES)
    for row in database.rows(names) if names is not None else ():
        number, blob = row.values.get("IdIndex"), row.values.get("IdBlob")
        if not isinstance(number, int) or not isinstance(blob, bytes):
            continue
        if row.values.get("IdType") == _USER:
            users[number] = _sid(blob)
        else:
            text = blob[: len(blob) & ~1].decode("utf-16-le", "surrogatepass")
            programs[number] = text.partition("\0")[0]
    return programs, users


def _uses(database: Database) -> dict[int, dict[int | None, _Use]]:
    used: dict[int, dict[int | None, _Use]] = {}
    for table in database.tables.values():
        if not {column.name for column in table.columns} >= _ROW:
            continue
        for row in database.rows(table):
            program, user = row.values["AppId"], row.values["UserId"]
            if not isinstance(program, int):
                continue
            of = user if isinstance(user, int) else None
            use = used.setdefault(program, {}).setdefault(of, _Use())
            when = time_of(row.values["TimeStamp"])
            if when is not None:
                use.times = {min({when, *use.times}), max({when, *use.times})}
            use.rows += 1
            use.sent += _bytes(row.values.get(_SENT))
            use.received += _bytes(row.values.get(_RECEIVED))
    return used


def _thing(number: int, text: str, sid: str | None, use: _Use) -> Remembered:
    path = text.split("!")[2] if text.startswith("!!") and text.count("!") > 2 else text
    remarks = [f"records of it, one an hour and kind: {use.rows:,}"] if use.rows else []
    if use.sent or use.received:
        remarks.append(f"sent {use.sent:,} and received {use.received:,} bytes by the network")
    return Remembered(
        seen="SRUM",
        claim=Claim.RAN,
        texts=(text, path),
        moments=tuple(Moment(time=time, of=MomentOf.RAN) for time in sorted(use.times)),
        process=Process(name=base_name(path), executable=path),
        user=User(id=sid) if sid else None,
        record=f"program {number}",
        remarks=tuple(remarks),
    )


def _bytes(value: CellValue) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _sid(blob: bytes) -> str:
    """[MS-DTYP] 2.4.2.2; empty for what is none."""
    if len(blob) < 8 or len(blob) < 8 + 4 * blob[1]:
        return ""
    parts = struct.unpack_from(f"<{blob[1]}I", blob, 8)
    return "-".join(map(str, ["S", blob[0], int.from_bytes(blob[2:8], "big"), *parts]))
