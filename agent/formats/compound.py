"""Compound files: files in a file, the small ones cut into pieces of 64 bytes.

Format: [MS-CFB] 2.2 header, 2.3 FAT, 2.4 mini FAT, 2.5 DIFAT, 2.6 directory.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from . import FormatError

MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")
MAX_STREAMS = 4_096
_IN_HEADER = 109
_LAST = 0xFFFFFFFA
"""Numbers from here on are no sectors."""
_STREAM, _ROOT = 2, 5
_ENTRY = 128


class Streams(NamedTuple):
    """What a compound file holds."""

    by_name: dict[str, bytes]
    """Whatever folder they are in; a further one of a name has a blank and a number behind it."""
    is_cut: bool
    """Whether there are fewer bytes of a stream than it has, or more streams than are told."""


def read_streams(data: bytes) -> Streams:
    """Each stream. Together they are no larger than twice the file: what is beyond its chain, or
    claimed twice, is cut.

    Raises FormatError: no compound file, or one whose tables cannot be followed.
    """
    return _Compound(data).streams()


class _Compound:
    def __init__(self, data: bytes) -> None:
        if len(data) < 512 or not data.startswith(MAGIC):
            raise FormatError("no compound file", "header")
        shift, mini_shift = struct.unpack_from("<HH", data, 30)
        if shift not in (9, 12) or mini_shift != 6:
            raise FormatError("no compound file", "sector size")
        self._data, self._size, self._mini = data, 1 << shift, 1 << mini_shift
        self._directory, _, self._cutoff, self._mini_fat_at = struct.unpack_from("<4I", data, 48)
        self._fat = self._numbers(self._fat_sectors())

    def streams(self) -> Streams:
        directory = self._chain(self._directory)
        is_cut = not directory or len(directory) > MAX_STREAMS * _ENTRY
        entries = [
            entry
            for at in range(0, min(len(directory), MAX_STREAMS * _ENTRY) - _ENTRY + 1, _ENTRY)
            if (entry := _entry(directory[at : at + _ENTRY])) is not None
        ]
        root = next((entry for entry in entries if entry[1] == _ROOT), None)
        mini = self._chain(root[2]) if root is not None else b""
        mini_fat = self._numbers(self._sectors(self._mini_fat_at)) if mini else ()
        found: dict[str, bytes] = {}
        left = 2 * len(self._data)
        for number, (own_name, kind, start, size) in enumerate(entries):
            if kind == _STREAM:
                name = f"{own_name} {number}" if own_name in found else own_name
                if size < self._cutoff:
                    places = _followed(mini_fat, start, -(-min(size, left) // self._mini))
                    pieces = (mini[at * self._mini : (at + 1) * self._mini] for at in places)
                    found[name] = b"".join(pieces)[:size]
                else:
                    found[name] = self._chain(start, -(-min(size, left) // self._size))[:size]
                left -= len(found[name])
                is_cut = is_cut or len(found[name]) < size
        return Streams(found, is_cut)

    def _fat_sectors(self) -> list[int]:
        """Of the FAT, from the header and the sectors that go on from there."""
        known = list(struct.unpack_from(f"<{_IN_HEADER}I", self._data, 76))
        (following,) = struct.unpack_from("<I", self._data, 68)
        seen: set[int] = set()
        while following < _LAST and following not in seen:
            seen.add(following)
            numbers = self._numbers([following])
            if not numbers:
                break
            known += numbers[:-1]
            following = numbers[-1]
        return [number for number in known if number < _LAST]

    def _numbers(self, sectors: Sequence[int]) -> tuple[int, ...]:
        joined = b"".join(self._sector(number) for number in sectors)
        return struct.unpack(f"<{len(joined) // 4}I", joined[: len(joined) & ~3])

    def _sector(self, number: int) -> bytes:
        begin = (number + 1) * self._size
        return self._data[begin : begin + self._size]

    def _sectors(self, start: int, most: int | None = None) -> list[int]:
        return list(_followed(self._fat, start, len(self._fat) if most is None else most))

    def _chain(self, start: int, most: int | None = None) -> bytes:
        return b"".join(self._sector(number) for number in self._sectors(start, most))


def _followed(table: Sequence[int], start: int, most: int) -> Iterator[int]:
    """A chain, at most so long, and no number twice."""
    seen: set[int] = set()
    while start < len(table) and start not in seen and len(seen) < most:
        seen.add(start)
        yield start
        start = table[start]


def _entry(data: bytes) -> tuple[str, int, int, int] | None:
    """Name, kind, first sector, and size; None: not in use."""
    length, kind = struct.unpack_from("<HB", data, 64)
    if kind not in (_STREAM, _ROOT) or not 2 <= length <= 64:
        return None
    name = data[: length - 2 & ~1].decode("utf-16-le", "surrogatepass")
    start, size = struct.unpack_from("<II", data, 116)
    return name, kind, start, size
