"""Change journals, made record by record: of volumes in use, and on the disk of images."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

from agent.windows import dlls
from agent.windows.change_journal import JournalState

from .filetime import ticks
from .images import file_name, folders, image, non_resident, record, resident, run, standard

NOON = datetime(2018, 11, 14, 12, tzinfo=timezone.utc)
PAGE = 4096
JOURNAL = 7
FOLDERS = folders("Users", "jo", "AppData", "Local")
QUIET, OTHER = b"nothing to see" * 600, b"evil words here" * 560
"""What a file may hold."""


def change(
    name: str,
    reason: int = 0x100,
    *,
    minutes: float = 0,
    folder: tuple[int, int] = (5, 5),
    file: tuple[int, int] = (50, 7),
    attributes: int = 0x20,
    usn: int = 0,
) -> bytes:
    """A record of version 2 ([MS-FSCC] 2.7.2); ``minutes`` after noon."""
    text = name.encode("utf-16-le", "surrogatepass")
    length = 60 + len(text) + 7 & ~7
    head = struct.pack(
        "<IHHQQQQIIIIHH",
        length,
        2,
        0,
        file[0] | file[1] << 48,
        folder[0] | folder[1] << 48,
        usn,
        ticks(NOON + timedelta(minutes=minutes)),
        reason,
        0,
        0,
        attributes,
        len(text),
        60,
    )
    return (head + text).ljust(length, b"\0")


class MadeJournal:
    """As the system tells it: pages of records, of which none crosses a page's end.

    An error number for ``state``, ``read`` or a folder is what that call ends with.
    """

    def __init__(
        self,
        records: Sequence[bytes],
        folders: Mapping[int, str | int | OSError] | None = None,
        *,
        start: int = 1 << 20,
        lowest: int = 0,
        refused: Mapping[str, int] | None = None,
        at_once: int = 64 << 10,
    ) -> None:
        self.first, self.lowest, self.at_once = start, lowest, at_once
        self.folders = {5: "\\", **(folders or {})}
        self.refused = refused or {}
        self.records: dict[int, bytes] = {}
        self.read_from: list[int] = []
        self.is_open = True
        at = start
        for data in records:
            if at // PAGE != (at + len(data) - 1) // PAGE:
                at = -(-at // PAGE) * PAGE
            self.records[at] = data[:24] + struct.pack("<q", at) + data[32:]
            at += len(data)
        self.next = at

    def state(self) -> JournalState:
        self._refuse("state")
        return JournalState(JOURNAL, self.first, self.next, self.lowest)

    def read(self, journal: int, start: int) -> tuple[int, bytes]:
        assert journal == JOURNAL
        self._refuse("read")
        if start < self.first:
            raise dlls.failure("journal", dlls.ERROR_JOURNAL_ENTRY_DELETED)
        if start % PAGE and start not in self.records and start != self.next:
            raise dlls.failure("journal", dlls.ERROR_INVALID_PARAMETER)
        self.read_from.append(start)
        data, following = b"", self.next
        for at, each in self.records.items():
            if at < start:
                continue
            if len(data) + len(each) > self.at_once:
                following = at
                break
            data += each
        return following, data

    def folder(self, reference: int) -> str:
        self._refuse("folder")
        found = self.folders.get(reference & 0xFFFF_FFFF_FFFF, dlls.ERROR_INVALID_PARAMETER)
        if isinstance(found, OSError):
            raise found
        if isinstance(found, int):
            raise dlls.failure("folder", found)
        return found

    def close(self) -> None:
        self.is_open = False

    def _refuse(self, what: str) -> None:
        assert self.is_open
        if what in self.refused:
            raise dlls.failure(what, self.refused[what])


# On the disk.


def extend(number: int) -> bytes:
    """The record of ``$Extend``, which says that ``$UsnJrnl`` has this one."""
    name = "$UsnJrnl".encode("utf-16-le")
    parent = 11 | 11 << 48
    entry = struct.pack("<QHHHHQ", number | 1 << 48, 0x68, 0x54, 0, 0, parent).ljust(0x50, b"\0")
    index = bytes(0x20) + entry + bytes([len(name) // 2, 3]) + name
    return record(standard(), file_name("$Extend"), resident(0x90, index, "$I30"), flags=3)


def with_journal(journal: bytes, more: Mapping[int, bytes] | None = None) -> bytes:
    """An image of ``FOLDERS`` and ``more`` records, and its change journal."""
    records = {
        11: extend(45),
        45: record(
            standard(),
            file_name("$UsnJrnl", 11, 11),
            non_resident(0x80, len(journal), run(1, 100), name="$J"),
        ),
    }
    return image({**FOLDERS, **(more or {}), **records}, contents={100: journal})


def journalled(
    folder: Path,
    data: bytes = QUIET,
    *,
    usn: int = 77,
    journal: int = 5,
    stream: bytes = b"",
    keeps_journal: bool = True,
    names: tuple[str, ...] = ("report.bin",),
    made: int = 1_700_000_000,
) -> Path:
    """An image with one file, ``\\report.bin``, on a volume with a change journal.
    ``made``: when the image was, in seconds."""
    times = (10**17 + 7,) * 4
    si = struct.pack("<4QI", *times, 0x20).ljust(64, b"\0") + struct.pack("<Q", usn)
    streams = [resident(0x80, stream, "more")] if stream else []
    records = {
        30: record(
            resident(0x10, si), *map(file_name, names),
            non_resident(0x80, len(data), run(3, 100), last=2), *streams,
        ),
    }  # fmt: skip
    if keeps_journal:
        records[11] = extend(40)
        records[40] = record(
            standard(), file_name("$UsnJrnl", 11, 11),
            resident(0x80, struct.pack("<4Q", 1 << 25, 1 << 22, journal, 0), "$Max"),
            resident(0x80, b"", "$J"),
        )  # fmt: skip
    path = folder / "C.dd"
    path.write_bytes(image(records, contents={100: data}))
    os.utime(path, (made, made))
    return path
