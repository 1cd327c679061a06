"""Volumes with shadow copies, made block by block as libvshadow's document of the format has it
(libvshadow itself reads them as they were meant: ``test_shadow_copies.py``)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from .filetime import ticks
from .journals import NOON

BLOCK = 0x4000
MAGIC = UUID("3808876b-c176-4e48-b7ae-04046e6cc752").bytes_le
MOVED, IN_PART, NOT_USED = 1, 2, 4
_HEADER, _CATALOG, LIST, _STORE, _RANGES, _BITMAP = range(1, 7)


class Kept(NamedTuple):
    """One descriptor of a store's list."""

    place: int
    """Of the block on the volume."""
    data: bytes = b""
    """What it held; empty: nothing is kept."""
    relative: int = 0
    flags: int = 0
    bits: int = 0


def with_copies(*states: bytes, room: int = 4 << 20, version: int = 1) -> bytes:
    """A volume as it is in the last state, with a copy of each one before, an hour apart from noon
    on. Behind what the states tell there is room for the copies' blocks."""
    *then, now = states
    lists = [
        [Kept(at, old[at : at + BLOCK]) for at in _differing(old, new)]
        for old, new in zip(then, states[1:], strict=True)
    ]
    return made(now, lists, room=room, version=version)


def made(
    now: bytes, lists: Sequence[Sequence[Kept]], *, room: int = 4 << 20, version: int = 1
) -> bytes:
    """A volume with copies that have these lists, the oldest first."""
    data = bytearray(now.ljust(-(-len(now) // BLOCK) * BLOCK, b"\0"))
    free = _Blocks(len(data))
    data += bytes(room)
    size, catalog = len(data), next(free)
    data[0x1E00:0x2000] = struct.pack(
        "<16sIIQQQQQ", MAGIC, version, _HEADER, 0x1E00, 0x1E00, 0, catalog, 0
    ).ljust(0x200, b"\0")
    entries = b""
    for number, kept in enumerate(lists):
        first, header, ranges, bitmap = next(free), next(free), next(free), next(free)
        entries += catalogued(number, size, first, header, ranges, bitmap)
        info = bytes(64) + struct.pack("<HH", 0, 0)
        for at, kind, body in (
            (header, _STORE, info),
            (ranges, _RANGES, b""),
            (bitmap, _BITMAP, b""),
        ):
            data[at : at + BLOCK] = block(kind, at, body, length=len(info) * (kind == _STORE))
        descriptors = []
        for one in kept:
            at = next(free) if one.data else 0
            data[at : at + len(one.data)] = one.data
            relative = one.relative or at
            descriptors.append(struct.pack("<QQQII", one.place, relative, at, one.flags, one.bits))
        write_list(data, first, descriptors, free)
    data[catalog : catalog + BLOCK] = block(_CATALOG, catalog, entries)
    assert next(free) <= size
    data[0x28:0x30] = struct.pack("<Q", size // 512)
    return bytes(data + data[:512])


def catalogued(number: int, size: int, first: int, *others: int) -> bytes:
    """The entries of a copy in the catalog; ``first``: where its list is, ``others``: its header,
    ranges and bitmap."""
    store, at = UUID(int=number + 1).bytes_le, ticks(when(number))
    one = struct.pack("<QQ16sQQQ", 2, size, store, number, 0x40, at)
    header, ranges, bitmap = others or (0, 0, 0)
    other = struct.pack("<QQ16sQQQQQQ", 3, first, store, header, ranges, bitmap, 0, BLOCK, 0)
    return one.ljust(128, b"\0") + other.ljust(128, b"\0")


def when(number: int) -> datetime:
    """A copy was made."""
    return NOON + timedelta(hours=number)


class _Blocks(Iterator[int]):
    """Places of blocks that nobody uses."""

    def __init__(self, first: int) -> None:
        self._next = first

    def __next__(self) -> int:
        self._next += BLOCK
        return self._next - BLOCK


def write_list(
    data: bytearray, at: int, descriptors: list[bytes], free: Iterator[int], relative: int = 0
) -> None:
    most = (BLOCK - 128) // 32
    following = next(free) if len(descriptors) > most else 0
    body = b"".join(descriptors[:most])
    data[at : at + BLOCK] = block(LIST, at, body, following=following, relative=relative)
    if following:
        write_list(data, following, descriptors[most:], free, relative + BLOCK)


def block(
    kind: int, at: int, body: bytes, *, following: int = 0, length: int = 0, relative: int = 0
) -> bytes:
    """One of a list, of a kind ("Store block record types")."""
    head = struct.pack("<16sIIQQQQ", MAGIC, 1, kind, relative, at, following, length)
    return (head.ljust(128, b"\0") + body).ljust(BLOCK, b"\0")


def _differing(one: bytes, other: bytes) -> list[int]:
    size = max(len(one), len(other))
    return [
        at
        for at in range(0, size, BLOCK)
        if one[at : at + BLOCK].ljust(BLOCK, b"\0") != other[at : at + BLOCK].ljust(BLOCK, b"\0")
    ]
