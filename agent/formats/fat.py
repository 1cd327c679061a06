"""FAT12, FAT16 and FAT32: folders and files of a volume, and the names of those that were deleted.

Microsoft Extensible Firmware Initiative FAT32 File System Specification 1.03, December 2000: "Boot
Sector and BPB", "FAT Directory Structure", "FAT Long Directory Entries"; the case of short names
(byte 12) as Windows NT keeps it. What type it is tells Windows' way: FAT32 has no size of its table
in 16 bits.

libfsfat 20260826 gives each time a month late, and names that have no long form in one encoding
alone: so it is read here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from . import FormatError
from .cluster_chains import FIRST, Chain, Clusters
from .fat_times import FatTime, fat_time
from .kinds import Read

MAX_FOLDER = 4 << 20
"""Bytes: twice the most that Windows writes, 65,536 entries."""
BOOT_SIZE = 512
_BOOT = struct.Struct("<HBHBHHBHHHIIIHHI")
"""From byte 11 on: bytes of a sector … the root's cluster of FAT32."""
_ENTRY = struct.Struct("<11sBB7xH4xHI")
_TIMES = struct.Struct("<BHHHHHH")
"""From byte 13 of an entry on."""
_LENGTH = 32
_LONG = 0x0F
_VOLUME, _FOLDER = 0x08, 0x10
_END, _DELETED, _IS_E5 = 0x00, 0xE5, 0x05
_SMALL_NAME, _SMALL_EXTENSION = 0x08, 0x10
_LAST_PIECE = 0x40
_MAX_PIECES = 20
_PIECE = 13
"""Letters in one entry of a long name."""
_CODE_PAGE = "cp437"
"""Of short names: which one a host used is written nowhere."""


class FatItem(NamedTuple):
    """What an entry of a folder tells."""

    name: str
    is_folder: bool
    size: int
    first: int
    """Number of its first cluster; 0: it has none."""
    told: bytes
    """The entry with its times."""
    deleted: bool = False
    """Then its clusters may be another's; of a short name the first letter is lost: ``?``."""

    @property
    def created(self) -> FatTime:
        hundredths, time, date, _, _, _, _ = _TIMES.unpack_from(self.told, 13)
        return fat_time(date, time, hundredths)

    @property
    def modified(self) -> FatTime:
        _, _, _, _, _, time, date = _TIMES.unpack_from(self.told, 13)
        return fat_time(date, time)

    @property
    def accessed(self) -> FatTime:
        """The day alone."""
        return fat_time(_TIMES.unpack_from(self.told, 13)[3])


class Fat:
    """One volume."""

    def __init__(self, read: Read) -> None:
        """Raises FormatError: no such volume; OSError."""
        head = read(0, BOOT_SIZE)
        if len(head) < BOOT_SIZE:
            raise FormatError("boot sector that is cut short")
        (sector, per_cluster, reserved, tables, root_entries, sectors, _, table_sectors,
         _, _, _, many_sectors, many_table_sectors, flags, _, root) = (
            _BOOT.unpack_from(head, 11)
        )  # fmt: skip
        self.is_fat32 = table_sectors == 0
        table_sectors = table_sectors or many_table_sectors
        sectors = sectors or many_sectors
        root_sectors = -(-root_entries * _LENGTH // sector) if sector else 0
        before = reserved + tables * table_sectors + root_sectors
        if (
            sector not in (512, 1024, 2048, 4096)
            or per_cluster not in (1, 2, 4, 8, 16, 32, 64, 128)
            or not (reserved and tables and table_sectors and before < sectors)
        ):
            raise FormatError("boot sector that makes no sense")
        count = (sectors - before) // per_cluster
        bits = 28 if self.is_fat32 else 12 if count < 4085 else 16
        active = flags & 15 if self.is_fat32 and flags & 0x80 else 0
        if active >= tables:
            raise FormatError("boot sector that makes no sense")
        self.clusters = Clusters(
            read,
            heap=before * sector,
            size=per_cluster * sector,
            count=count,
            table=(reserved + active * table_sectors) * sector,
            table_size=table_sectors * sector,
            bits=bits,
        )
        self.size = sectors * sector
        self.serial: int = struct.unpack_from("<I", head, 67 if self.is_fat32 else 39)[0]
        self.root = root if self.is_fat32 else 0
        self._fixed_root = ((before - root_sectors) * sector, root_entries * _LENGTH)

    def folder(self, first: int, tell: Callable[[str], object]) -> Iterator[FatItem]:
        """The entries of a folder by its first cluster, of the top one by :attr:`root`; deleted
        ones too. ``tell`` is told why some are missing. Raises FormatError, OSError."""
        at_root = first == self.root and not self.is_fat32
        read = self._read_fixed if at_root else Chain(self.clusters, first).read
        yield from _entries(read, self.clusters.size, tell)

    def content(self, item: FatItem) -> Chain:
        """Of a file that has a cluster."""
        return Chain(self.clusters, item.first)

    def _read_fixed(self, offset: int, size: int) -> bytes:
        start, length = self._fixed_root
        wanted = max(0, min(size, length - offset))
        data = self.clusters.read(start + offset, wanted)
        if len(data) < wanted:
            raise FormatError("folder that is cut short", f"0x{start:x}")
        return data


def _entries(
    read: Callable[[int, int], bytes], step: int, tell: Callable[[str], object]
) -> Iterator[FatItem]:
    pieces: list[bytes] = []
    step, at = max(step, 32 << 10), 0
    while at < MAX_FOLDER:
        try:
            data = read(at, step)
        except (FormatError, OSError):
            # What comes before the damage is still told.
            if step <= BOOT_SIZE:
                raise
            step = BOOT_SIZE
            continue
        for place in range(0, len(data) - _LENGTH + 1, _LENGTH):
            entry = data[place : place + _LENGTH]
            if entry[0] == _END:
                return
            if entry[11] & 0x3F == _LONG:
                if pieces and entry[0] != _DELETED and entry[0] & _LAST_PIECE:
                    pieces = []
                pieces = [*pieces, entry][-_MAX_PIECES:]
                continue
            item = _item(entry, pieces)
            pieces = []
            if item is not None:
                yield item
        if len(data) < step:
            return
        at += step
    tell("folder larger than can be")


def _item(entry: bytes, pieces: list[bytes]) -> FatItem | None:
    """None for what is no file and no folder of its own."""
    short, attributes, case, high, low, size = _ENTRY.unpack(entry)
    if attributes & _VOLUME or short[:1] == b".":
        return None
    deleted = short[0] == _DELETED
    name = _long_name(pieces, short, deleted=deleted) or _short_name(short, case, deleted=deleted)
    if not name:
        return None
    return FatItem(
        name,
        bool(attributes & _FOLDER),
        size,
        high << 16 | low,
        entry,
        deleted,
    )


def _long_name(pieces: list[bytes], short: bytes, *, deleted: bool) -> str:
    """Empty where the pieces are none of this file's, as after a system that knows no long names.

    Those of a deleted file have lost their numbers, and its short name the letter without which
    their checksum cannot be compared: they are those that lie before it and share one.
    """
    checksum = pieces[-1][13] if deleted and pieces else _checksum(short)
    text, is_whole = b"", deleted
    for number, piece in enumerate(reversed(pieces), 1):
        if piece[13] != checksum or (not deleted and piece[0] & 0x3F != number):
            break
        text += piece[1:11] + piece[14:26] + piece[28:32]
        if not deleted and piece[0] & _LAST_PIECE:
            is_whole = True
            break
    if not is_whole:
        return ""
    return text.decode("utf-16-le", "surrogatepass").partition("\0")[0].rstrip("\uffff")


def _checksum(short: bytes) -> int:
    total = 0
    for byte in short:
        total = ((total & 1) << 7 | total >> 1) + byte & 0xFF
    return total


def _short_name(short: bytes, case: int, *, deleted: bool) -> str:
    if deleted:
        short = b"?" + short[1:]
    elif short[0] == _IS_E5:
        short = bytes([0xE5]) + short[1:]
    name = short[:8].decode(_CODE_PAGE).rstrip(" ")
    extension = short[8:].decode(_CODE_PAGE).rstrip(" ")
    name = name.lower() if case & _SMALL_NAME else name
    extension = extension.lower() if case & _SMALL_EXTENSION else extension
    return f"{name}.{extension}" if extension else name


__all__ = ["BOOT_SIZE", "FIRST", "Fat", "FatItem"]
