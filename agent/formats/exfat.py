"""exFAT: folders and files of a volume, and the names of those that were deleted.

exFAT file system specification 1.00 (Microsoft), by section. libfsfat 20260826 cannot give names of
136 letters and more, and gives each time a month late: so it is read here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from . import FormatError
from .cluster_chains import Chain, Clusters
from .fat_times import FatTime, exfat_time
from .kinds import Read

MAX_FOLDER = 256 << 20
"""Bytes (7.4)."""
BOOT_SIZE = 512
_BOOT = struct.Struct("<QQIIIIIIHHBBB")
"""From byte 64 on: PartitionOffset … NumberOfFats (3.1)."""
_TIMES = struct.Struct("<IIIBBBBB")
"""From byte 8 of the entry of a file on (7.4)."""
_STREAM = struct.Struct("<BBxBH2xQ4xIQ")
_LENGTH = 32
_STEP = 32 << 10
_IN_USE = 0x80
_OF_FILE, _OF_STREAM, _OF_NAME = 0x05, 0x40, 0x41
"""Types of entries, less the bit that says that they are in use (6.2.1)."""
_FOLDER = 0x10
_NO_CHAIN = 0x02
_LETTERS = 15
"""In one entry of a name."""
_OTHER_CHECKSUM = "entry of a folder whose checksum differs"
_BROKEN = "entry of a folder that is broken"


class ExfatItem(NamedTuple):
    """What the entries of one file or folder tell."""

    name: str
    is_folder: bool
    size: int
    """Bytes."""
    valid: int
    """Bytes that were written; those behind them are zeros (7.6.5)."""
    first: int
    """Number of its first cluster; 0: it has none."""
    in_one_piece: bool = False
    told: bytes = bytes(_LENGTH)
    """The entry with its times."""
    deleted: bool = False
    """Then its clusters may be another's."""

    @property
    def created(self) -> FatTime:
        created, _, _, hundredths, _, zone, _, _ = _TIMES.unpack_from(self.told, 8)
        return exfat_time(created, hundredths, zone)

    @property
    def modified(self) -> FatTime:
        _, modified, _, _, hundredths, _, zone, _ = _TIMES.unpack_from(self.told, 8)
        return exfat_time(modified, hundredths, zone)

    @property
    def accessed(self) -> FatTime:
        _, _, accessed, _, _, _, _, zone = _TIMES.unpack_from(self.told, 8)
        return exfat_time(accessed, 0, zone)


class Exfat:
    """One volume."""

    def __init__(self, read: Read) -> None:
        """Raises FormatError: no such volume; OSError."""
        head = read(0, BOOT_SIZE)
        if len(head) < BOOT_SIZE:
            raise FormatError("boot sector that is cut short")
        (_, sectors, table, table_sectors, heap, count, root, self.serial, _, flags, shift,
         cluster_shift, tables) = _BOOT.unpack_from(head, 64)  # fmt: skip
        active = flags & 1
        if (
            not 9 <= shift <= 12
            or shift + cluster_shift > 25
            or not (table and table_sectors and heap and count)
            or active >= tables
            or tables > 2
        ):
            raise FormatError("boot sector that makes no sense")
        self.clusters = Clusters(
            read,
            heap=heap << shift,
            size=1 << shift + cluster_shift,
            count=count,
            table=table + active * table_sectors << shift,
            table_size=table_sectors << shift,
            bits=32,
        )
        self.size: int = sectors << shift
        self.root = ExfatItem("", is_folder=True, size=0, valid=0, first=root)

    def folder(self, item: ExfatItem, tell: Callable[[str], object]) -> Iterator[ExfatItem]:
        """The entries of a folder, deleted ones too. ``tell`` is told why some are missing.
        Raises FormatError, OSError."""
        waiting: list[bytes] = []
        for entry in self._entries(item):
            kind = entry[0] & ~_IN_USE
            if kind == _OF_FILE:
                yield from _told(waiting, tell)
                waiting = [entry]
            elif waiting:
                waiting.append(entry)
                if len(waiting) > waiting[0][1]:
                    yield from _told(waiting, tell)
                    waiting = []
        yield from _told(waiting, tell)

    def content(self, item: ExfatItem) -> Chain:
        """Of a file or folder that has a cluster."""
        piece = item.size if item.in_one_piece else 0
        return Chain(self.clusters, item.first, in_one_piece=piece)

    def _entries(self, item: ExfatItem) -> Iterator[bytes]:
        """Up to the end mark. Raises FormatError, OSError."""
        chain, at, step = self.content(item), 0, _STEP
        end = item.size or MAX_FOLDER  # The top one's size is written nowhere.
        while at < end <= MAX_FOLDER:
            try:
                data = chain.read(at, min(step, end - at))
            except (FormatError, OSError):
                # What comes before the damage is still told.
                if step <= BOOT_SIZE:
                    raise
                step = BOOT_SIZE
                continue
            for place in range(0, len(data) - _LENGTH + 1, _LENGTH):
                if not data[place]:
                    return
                yield data[place : place + _LENGTH]
            if len(data) < min(step, end - at):
                if item.size:
                    raise FormatError("folder longer than its clusters")
                return
            at += step
        if at < end or not item.size:
            raise FormatError("folder larger than can be")


def _told(entries: list[bytes], tell: Callable[[str], object]) -> Iterator[ExfatItem]:
    """What a file's entries say, if they are whole; of deleted ones, if they still are."""
    if not entries:
        return
    in_use = bool(entries[0][0] & _IN_USE)
    count, is_sound = entries[0][1], len(entries) > entries[0][1] >= 2
    if is_sound and (entries[1][0] & ~_IN_USE) == _OF_STREAM:
        if in_use and _checksum(entries) != entries[0][2] | entries[0][3] << 8:
            tell(_OTHER_CHECKSUM)
        item = _item(entries[0], entries[1], entries[2 : count + 1], deleted=not in_use)
        if item is not None:
            yield item
            return
    if in_use:
        tell(_BROKEN)


def _item(file: bytes, stream: bytes, names: list[bytes], *, deleted: bool) -> ExfatItem | None:
    _, flags, length, _, valid, first, size = _STREAM.unpack(stream)
    text = b"".join(name[2:] for name in names if name[0] & ~_IN_USE == _OF_NAME)
    if not length or len(text) < 2 * length:
        return None
    return ExfatItem(
        text[: 2 * length].decode("utf-16-le", "surrogatepass"),
        bool(file[4] & _FOLDER),
        size,
        min(valid, size),
        first,
        bool(flags & _NO_CHAIN),
        file,
        deleted,
    )


def _checksum(entries: list[bytes]) -> int:
    """6.3.3, over all but itself."""
    total, data = 0, b"".join(entries)
    for byte in data[:2] + data[4:]:
        total = ((total & 1) << 15 | total >> 1) + byte & 0xFFFF
    return total


__all__ = ["Exfat", "ExfatItem"]
