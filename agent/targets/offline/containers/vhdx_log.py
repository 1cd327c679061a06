"""The log of a VHDX: what was being written when its host stopped, laid over the file in memory.

[MS-VHDX] 2.3: entries, their descriptors and data sectors, and how the active ones are found
(2.3.2). A reader that passes the log over reads the disk as it was before.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from ....ntfs import ByteSource
from . import MediumError
from .crc32c import crc32c

SECTOR = 4096
_ENTRY = struct.Struct("<4sIIIQI4x16sQQ")
_DATA = struct.Struct("<4s4s8sQQ")
_ZERO = struct.Struct("<4s4xQQQ")
_DESCRIPTOR = 32
_MAX_LOG = 64 << 20
_MAX_ZEROS = 1 << 18
"""Pages that one log clears: a gibibyte."""
_NOTHING = bytes(SECTOR)
_DAMAGED = "VHDX disk: its log is damaged and cannot be replayed"
_CUT_OFF = "VHDX disk: cut off: its log tells of a longer file"


class _Entry(NamedTuple):
    place: int
    data: bytes
    """Of the whole entry."""
    tail: int
    number: int
    """Of the sequence; each is one more than that before it."""
    descriptors: int
    flushed: int
    """Bytes that the file had, and has if it is whole."""
    last: int
    """Bytes that it has when the entry was applied, at least."""


class Replayed:
    """A file with its log laid over it."""

    def __init__(self, file: ByteSource, guid: bytes, place: int, length: int) -> None:
        """``guid``: of the log in use. Raises MediumError: there is none that holds."""
        if not 0 < length <= _MAX_LOG or length % SECTOR:
            raise MediumError(_DAMAGED, f"{length} bytes")
        self._file = file
        log = file.read_at(place, length)
        if len(log) < length:
            raise MediumError(_DAMAGED, "it ends early")
        self._pages: dict[int, bytes] = {}
        self._zeros = 0
        entries = _active(log, guid)
        for entry in entries:
            if entry.flushed > file.size:
                raise MediumError(_CUT_OFF, f"{entry.flushed - file.size:,} bytes")
            self._lay(entry)
        self._size = max(file.size, entries[-1].last)

    @property
    def size(self) -> int:
        return self._size

    def _lay(self, entry: _Entry) -> None:
        data = entry.data
        sector = -(-(_ENTRY.size + entry.descriptors * _DESCRIPTOR) // SECTOR) * SECTOR
        for number in range(entry.descriptors):
            at = _ENTRY.size + number * _DESCRIPTOR
            if data[at : at + 4] == b"zero":
                _, length, place, sequence = _ZERO.unpack_from(data, at)
                if length % SECTOR or place % SECTOR or length > 1 << 30:
                    raise MediumError(_DAMAGED, f"entry {entry.number}")
                self._zeros += length // SECTOR
                if self._zeros > _MAX_ZEROS:
                    raise MediumError(_DAMAGED, f"entry {entry.number}")
                self._pages |= dict.fromkeys(range(place, place + length, SECTOR), _NOTHING)
            else:
                kind, trailing, leading, place, sequence = _DATA.unpack_from(data, at)
                held = data[sector : sector + SECTOR]
                sector += SECTOR
                high, low = held[4:8], held[-4:]
                if (
                    kind != b"desc" or place % SECTOR or held[:4] != b"data"
                    or low + high != sequence.to_bytes(8, "little")
                ):  # fmt: skip
                    raise MediumError(_DAMAGED, f"entry {entry.number}")
                self._pages[place] = leading + held[8:-4] + trailing
            if sequence != entry.number:
                raise MediumError(_DAMAGED, f"entry {entry.number}")

    def read_at(self, offset: int, size: int) -> bytes:
        buffer = bytearray(max(0, min(size, self._size - offset)))
        with memoryview(buffer) as view:
            count = self.read_into(offset, view)
        return bytes(buffer[:count])

    def read_into(self, offset: int, view: memoryview) -> int:
        wanted = min(len(view), self._size - offset)
        if wanted <= 0 or offset < 0:
            return 0
        count = self._file.read_into(offset, view[:wanted])
        view[count:wanted] = bytes(wanted - count)
        first = offset // SECTOR * SECTOR
        for place in self._laid(first, offset + wanted):
            page = self._pages[place]
            start, end = max(place, offset), min(place + SECTOR, offset + wanted)
            view[start - offset : end - offset] = page[start - place : end - place]
        return wanted

    def _laid(self, first: int, end: int) -> Iterator[int]:
        if (end - first) // SECTOR > len(self._pages):
            return (place for place in self._pages if first <= place < end)
        return (place for place in range(first, end, SECTOR) if place in self._pages)

    def close(self) -> None:
        self._file.close()


def _active(log: bytes, guid: bytes) -> list[_Entry]:
    """The entries to replay, in their order: of all sequences that hold together the one that was
    written last, from the place that its last entry names."""
    best: list[_Entry] = []
    known: set[int] = set()
    for place in range(0, len(log), SECTOR):
        if place in known:
            continue
        sequence = [*_sequence(log, place, guid)]
        known.update(one.place for one in sequence)
        if not sequence:
            continue
        tail = sequence[-1].tail
        starts = [at for at, one in enumerate(sequence) if one.place == tail]
        if starts and (not best or sequence[-1].number > best[-1].number):
            best = sequence[starts[0] :]
    if not best:
        raise MediumError(_DAMAGED, "no entry of it holds")
    return best


def _sequence(log: bytes, place: int, guid: bytes) -> Iterator[_Entry]:
    start, number = place, None
    while (entry := _entry(log, place, guid)) is not None:
        if number is not None and entry.number != number + 1:
            return
        yield entry
        number = entry.number
        place = (place + len(entry.data)) % len(log)
        if place == start:
            return


def _entry(log: bytes, place: int, guid: bytes) -> _Entry | None:
    """None where there is none that holds."""
    head = log[place : place + _ENTRY.size]
    if len(head) < _ENTRY.size or not head.startswith(b"loge") or head[32:48] != guid:
        return None
    _, check, length, tail, number, descriptors, _, flushed, last = _ENTRY.unpack(head)
    if not SECTOR <= length <= len(log) or length % SECTOR or tail % SECTOR:
        return None
    data = (log[place:] + log[:place])[:length]
    if _ENTRY.size + descriptors * _DESCRIPTOR > length or number == 0:
        return None
    if crc32c(data[:4] + bytes(4) + data[8:]) != check:
        return None
    return _Entry(place, data, tail, number, descriptors, flushed, last)


__all__ = ["Replayed"]
