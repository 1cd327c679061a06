"""Shadow copies of a volume, read from the volume itself: which there are, and its bytes as they
were.

Layout: J. Metz, "Volume Shadow Snapshot (VSS) format" (of libvshadow), by section. Each copy keeps
the blocks of 16 KiB that were written since it was made, as they had been; what it does not keep is
as in the next newer copy, or else as on the volume now. So a copy is read through all that are
newer. Blocks that belonged to nothing when it was made read as they are now: Windows leaves them
undefined.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct, field

from ..formats.filetime import utc_of
from .byte_source import ByteSource
from .errors import NtfsError

BLOCK = 0x4000
"""Bytes of a block, of data and of each list."""
MAX_COPIES = 512
"""Windows keeps 512 for a volume, and no more."""
MAX_BLOCKS = 1 << 22
"""Blocks that the lists of one volume's copies may tell together: 64 GiB, in 64 MiB of memory."""
MAX_SPECIAL = 1 << 18
"""Of them, those of which a part is kept, or that were moved."""
_HEADER_AT, _HEADER = 0x1E00, struct.Struct("<16sIIQQQQQ")
"""Of the volume: what it is, version, type of record, its own place, …, the catalog's place, …"""
_MAGIC = bytes.fromhex("6b870838 76c1 484e b7ae 04046e6cc752")
_VERSIONS = (1, 2)
_BLOCK_HEADER, _LIST_STARTS = struct.Struct("<16sIIQQQ"), 0x80
"""Of a block of a list: what it is, version, type, place in the list, own place, the next one's."""
_VOLUME, _CATALOG, _BLOCKS = 1, 2, 3
_ENTRY_SIZE = 0x80
_MADE, _STORED = struct.Struct("<QQ16sQQQ"), struct.Struct("<QQ16sQQQ")
"""Type, size of the volume, id, …, …, time; type, list of blocks, id, header, ranges, bitmap."""
_OF_COPY, _OF_STORE = 2, 3
_DESCRIPTOR = struct.Struct("<QQQII")
"""Place on the volume, place in the store, where it is kept, flags, which sectors are kept."""
_MOVED, _IN_PART, _NOT_USED = 1, 2, 4
_SECTOR = 512
_SORTED = 1 << 16
"""Descriptors that are sorted at once."""


class Copy(NamedTuple):
    """A shadow copy, as the catalog has it."""

    identifier: bytes
    made: datetime | None
    """UTC."""
    blocks: int | None
    """Where the list of its blocks begins; None: its data are not on this volume."""

    @property
    def name(self) -> str:
        """As a view is called."""
        when = "no time that can be" if self.made is None else f"{self.made:%Y-%m-%d %H:%M:%S} UTC"
        return f"shadow copy of {when}"


def shadow_copies(source: ByteSource) -> list[Copy]:
    """Those of a volume, the oldest first; none if it keeps none.

    Raises:
        NtfsError: there are, and their catalog cannot be read.
        OSError: the volume cannot be.
    """
    head = source.read_at(_HEADER_AT, _HEADER.size)
    if len(head) < _HEADER.size or head[:16] != _MAGIC:
        return []
    _, version, kind, _, _, _, catalog, _ = _HEADER.unpack(head)
    if version not in _VERSIONS or kind != _VOLUME:
        raise NtfsError("shadow copies of an unknown version", f"version {version}, type {kind}")
    if not catalog:
        return []
    times: dict[bytes, int] = {}
    lists: dict[bytes, int] = {}
    for data in _list_blocks(source, catalog, _CATALOG):
        for at in range(_LIST_STARTS, BLOCK, _ENTRY_SIZE):
            kind = data[at]
            if kind == _OF_COPY:
                _, _, identifier, _, _, ticks = _MADE.unpack_from(data, at)
                times[identifier] = ticks
            elif kind == _OF_STORE:
                _, first, identifier, _, _, _ = _STORED.unpack_from(data, at)
                lists[identifier] = first
        if len(times) > MAX_COPIES:
            raise NtfsError("more shadow copies than Windows keeps", f"{len(times)}")
    return [
        Copy(one, utc_of(ticks), lists.get(one))
        for one, ticks in sorted(times.items(), key=lambda item: item[1])
    ]


def _list_blocks(source: ByteSource, first: int, kind: int) -> Iterator[bytes]:
    """The blocks of a list, each once. Raises NtfsError where one cannot be right."""
    seen: set[int] = set()
    while first:
        data = source.read_at(first, BLOCK)
        if len(data) < BLOCK or first in seen:
            raise NtfsError("list of a shadow copy damaged", f"byte {first:,} of the volume")
        magic, _, own, _, _, following = _BLOCK_HEADER.unpack_from(data)
        if magic != _MAGIC or own != kind:
            raise NtfsError("list of a shadow copy damaged", f"byte {first:,} of the volume")
        seen.add(first)
        yield data
        first = following


class Kept(Struct):
    """The blocks that one copy keeps.

    A block's place has no lower bits: a 1 there says that the block was moved to another place of
    the volume, where newer copies may keep it.
    """

    _places: list[array[int]] = field(default_factory=list)
    """Sorted, of so many descriptors each; those that come later count."""
    _kept: list[array[int]] = field(default_factory=list)
    parts: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Of blocks of which some sectors are kept: where, and which, as bits."""
    count: int = 0

    @classmethod
    def of(cls, source: ByteSource, copy: Copy, most: int) -> Kept:
        """Of at most so many blocks. Raises NtfsError, OSError."""
        kept, moved = cls(), dict[int, int]()
        pending: dict[int, int] = {}
        if copy.blocks is None:
            raise NtfsError("its data are on another volume")
        for data in _list_blocks(source, copy.blocks, _BLOCKS):
            for place, relative, at, flags, bits in _DESCRIPTOR.iter_unpack(data[_LIST_STARTS:]):
                if flags & _NOT_USED or not (place or relative or at or flags):
                    continue
                if not flags & (_MOVED | _IN_PART) and not moved:
                    pending[place] = at  # Nearly all.
                else:
                    kept._special(pending, moved, (place, relative, at, flags, bits))
            if len(pending) >= _SORTED:
                kept._keep(pending)
            if kept.count + len(pending) > most or len(kept.parts) + len(moved) > MAX_SPECIAL:
                raise NtfsError("more blocks than are kept in memory", f"{most:,}")
        kept._keep(pending)
        return kept

    def _special(
        self,
        pending: dict[int, int],
        moved: dict[int, int],
        descriptor: tuple[int, int, int, int, int],
    ) -> None:
        """As "Successive block descriptors" has it. ``moved``: from where, by where to."""
        place, relative, at, flags, bits = descriptor
        if flags & _IN_PART:
            first, known = self.parts.get(place, (at, 0))
            self.parts[place] = (first, known | bits)
            return
        place = moved.pop(place, place)
        if not flags & _MOVED:
            pending[place] = at
        elif place != relative:
            pending[place] = relative | 1
            moved[relative] = place

    def _keep(self, pending: dict[int, int]) -> None:
        places = sorted(pending)
        self._places.append(array("Q", places))
        self._kept.append(array("Q", map(pending.__getitem__, places)))
        self.count += len(places)
        pending.clear()

    def where(self, place: int) -> int | None:
        """Of the block at this place; None: it keeps none."""
        for places, kept in zip(reversed(self._places), reversed(self._kept), strict=True):
            index = bisect_left(places, place)
            if index < len(places) and places[index] == place:
                return kept[index]
        return None

    def keeps(self, place: int) -> bool:
        """Whether anything of this block."""
        return place in self.parts or self.where(place) is not None


class ShadowView:
    """A volume as it was: a :class:`ByteSource`."""

    def __init__(self, source: ByteSource, kept: Sequence[Kept]) -> None:
        """``kept``: of the copy, and of all that are newer, in this order. The source is not
        closed here."""
        self._source = source
        self._kept = kept

    @property
    def size(self) -> int:
        return self._source.size

    def read_at(self, offset: int, size: int) -> bytes:
        size = min(size, self.size - offset)
        if size <= 0 or offset < 0:
            return b""
        buffer = bytearray(size)
        with memoryview(buffer) as view:
            count = self.read_into(offset, view)
        return bytes(buffer[:count])

    def read_into(self, offset: int, view: memoryview) -> int:
        wanted = min(len(view), self.size - offset)
        if wanted <= 0 or offset < 0:
            return 0
        done = 0
        while done < wanted:
            place, length = self._piece(offset + done, wanted - done)
            count = self._source.read_into(place, view[done : done + length])
            done += count
            if count < length:
                break
        return done

    def _piece(self, offset: int, most: int) -> tuple[int, int]:
        """Where it lies, and for how long that goes on: neighbours are read together."""
        place, length = self._where(offset)
        while length < most:
            following, more = self._where(offset + length)
            if following != place + length:
                break
            length += more
        return place, min(length, most)

    def _where(self, offset: int) -> tuple[int, int]:
        """Place on the volume, and bytes to the end of the block or of what is kept of it."""
        block, within = offset & -BLOCK, offset % BLOCK
        length = BLOCK - within
        if (part := self._kept[0].parts.get(block)) is not None:
            at, bits = part
            sector = within // _SECTOR
            is_kept, last = bits >> sector & 1, sector + 1
            while last < BLOCK // _SECTOR and bits >> last & 1 == is_kept:
                last += 1
            length = last * _SECTOR - within
            if is_kept:
                return at + within, length
        for kept in self._kept:
            found = kept.where(block)
            if found is None:
                continue
            block = found & ~1
            if not found & 1:
                break
            # Moved: the next newer one knows it by its new place.
        return block + within, length

    def close(self) -> None: ...
