"""Change journals of volumes in use, made record by record."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone

from agent.windows import dlls
from agent.windows.change_journal import JournalState

NOON = datetime(2018, 11, 14, 12, tzinfo=timezone.utc)
_EPOCH = datetime(1601, 1, 1, tzinfo=timezone.utc)
PAGE = 4096
JOURNAL = 7


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
    ticks = int(((NOON - _EPOCH).total_seconds() + minutes * 60) * 10_000_000)
    head = struct.pack(
        "<IHHQQQQIIIIHH",
        length,
        2,
        0,
        file[0] | file[1] << 48,
        folder[0] | folder[1] << 48,
        usn,
        ticks,
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
        for record in records:
            if at // PAGE != (at + len(record) - 1) // PAGE:
                at = -(-at // PAGE) * PAGE
            self.records[at] = record[:24] + struct.pack("<q", at) + record[32:]
            at += len(record)
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
        for at, record in self.records.items():
            if at < start:
                continue
            if len(data) + len(record) > self.at_once:
                following = at
                break
            data += record
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
