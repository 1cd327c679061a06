"""The queue of BITS: which file was to be fetched from where, and what its job runs then.

Format: not published; ANSSI's bits_parser (MIT) for ``qmgr0.dat`` and ``qmgr1.dat`` up to Windows
8.1, Mandiant's BitsParser (Apache-2.0) for the rows of ``qmgr.db``: both have the same records.
Each text is its number of characters, 32 bits, and then they in UTF-16. Of a file come target,
address and temporary file, bytes fetched and to be fetched, and the volume; of a job, behind one of
the known marks, type, priority and state, its GUID, name, description, command, arguments and SID.
"""

from __future__ import annotations

import re
import struct
from datetime import datetime
from typing import NamedTuple

from .filetime import utc_of

MAX_TEXT = 1 << 15
"""Characters."""
MAX_RECORDS = 10_000
"""Of one file."""
UNKNOWN = (1 << 64) - 1
"""Bytes, where the server has not told how many."""
_TARGET = re.compile(rb"[A-Za-z]\0:\0\\\0|\\\0\\\0")
"""How a path begins; its number of characters stands before it."""
_JOBS = tuple(
    bytes.fromhex(mark)
    for mark in (
        "93362035a00c104a84f3b17e7b499cd7",
        "101370c83653b34183e581557f361b87",
        "8c93ea64030f6840b46ff97fe51d4dcd",
        "b346ed3d3b10f944bc2fe8378bd31986",
        "a15609e143afc94292e66f9856eba7f6",
        "9f95d44c6470f24b84d7476a7e62699f",
        "f11926a93203bf4c9427898818958831",
        "c133bcddfb5aaf4db8a12268b39d01ad",
        "d057568f2c013e4ead2cf4a5d7656faf",
        "5067419457031d46a4cc5dd9990706e4",
    )
)
"""Before a job, of Windows Server 2003 to Windows 11."""
_QUEUE = bytes.fromhex("13f72bc84099124a9f1a3aaebd894eea")
"""At 16 of a queue, up to Windows 8.1."""
_FILES = bytes.fromhex("36da56776f515a43acac44a248fff34d")
"""Before and behind the files of a job, up to Windows 8.1."""
_CREATED = 29
"""Bytes behind a file's volume, since Windows 10."""
_YEARS = range(2000, 2200)


class Transfer(NamedTuple):
    """A file of a job. ``offset``: of its record; ``end``: behind its address."""

    offset: int
    end: int
    target: str
    url: str
    temporary: str
    fetched: int
    size: int
    """``UNKNOWN``, or bytes."""
    created: datetime | None


class Job(NamedTuple):
    """A job. ``offset``, ``end``: of its record, as far as it was read."""

    offset: int
    end: int
    name: str
    description: str
    command: str
    arguments: str
    sid: str


def is_queue(data: bytes) -> bool:
    """Whether these are the first bytes of a queue, up to Windows 8.1."""
    return data[16:32] == _QUEUE


def transfers_in(data: bytes) -> list[Transfer]:
    """Every file's record in these bytes, whatever lies between: of jobs that are gone, too."""
    found: list[Transfer] = []
    behind = 0
    for match in _TARGET.finditer(data):
        start = match.start() - 4
        if start < max(behind, 0):
            continue
        transfer = _transfer(data, start)
        if transfer is not None:
            found.append(transfer)
            behind = transfer.end
            if len(found) == MAX_RECORDS:
                break
    return found


def _transfer(data: bytes, start: int) -> Transfer | None:
    texts: list[str] = []
    at = end = start
    for _ in range(3):
        told = _text(data, at)
        if told is None:
            break
        text, at = told
        texts.append(text)
        end = at if len(texts) < 3 else end
    if len(texts) < 2 or "://" not in texts[1]:
        return None
    fetched, size = struct.unpack_from("<QQ", data, at) if at + 16 <= len(data) else (0, UNKNOWN)
    return Transfer(
        start, end, texts[0], texts[1], texts[2] if len(texts) > 2 else "",
        fetched, size, _created(data, at + 17) if len(texts) > 2 else None,
    )  # fmt: skip


def _created(data: bytes, at: int) -> datetime | None:
    """Behind drive and volume: up to Windows 8.1, that of the job behind all its files."""
    for _ in range(2):
        told = _text(data, at)
        if told is None:
            return None
        at = told[1]
    files = data.find(_FILES, at)
    if files >= 0:
        return _of_job(data, files + len(_FILES))
    return _time(data, at + _CREATED)


def _of_job(data: bytes, at: int) -> datetime | None:
    """Behind the files of a job: what went wrong, how it is tried again, when it was made."""
    (errors,) = struct.unpack_from("<I", data, at) if at + 4 <= len(data) else (0,)
    return _time(data, at + 4 + 25 * errors + 12)


def _time(data: bytes, at: int) -> datetime | None:
    when = utc_of(int.from_bytes(data[at : at + 8], "little"))
    return when if when is not None and when.year in _YEARS else None


def jobs_in(data: bytes) -> list[Job]:
    """Every job's record in these bytes."""
    found: list[Job] = []
    for mark in _JOBS:
        at = data.find(mark)
        while at >= 0 and len(found) < MAX_RECORDS:
            job = _job(data, at)
            if job is not None:
                found.append(job)
            at = data.find(mark, at + len(mark))
    return sorted(found)


def _job(data: bytes, start: int) -> Job | None:
    at = start + 16 + 32  # type, priority, state, one more, and the job's own GUID
    texts: list[str] = []
    for _ in range(5):
        told = _text(data, at)
        if told is None:
            return None
        text, at = told
        texts.append(text)
    return Job(start, at, *texts) if texts[-1].startswith("S-1-") else None


def _text(data: bytes, at: int) -> tuple[str, int] | None:
    """A text, without its NUL, and where it ends; None: there is none."""
    if at + 4 > len(data):
        return None
    (count,) = struct.unpack_from("<I", data, at)
    end = at + 4 + 2 * count
    if count > MAX_TEXT or end > len(data):
        return None
    return data[at + 4 : end].decode("utf-16-le", "surrogatepass").rstrip("\0"), end
