"""Whose bytes lie at a position of a hive: the key and the value that a byte hit belongs to.

The tree is walked once for any number of positions, and only the cells around them are looked for:
no map of the whole hive is kept. What the tree does not reach was deleted, and is told by the
records that are left in free cells.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import NamedTuple

from . import FormatError
from .hive import LIST_ELEMENT, MAX_DEPTH, Hive, Key, Value
from .hive_cells import NOWHERE, SEGMENT, KeyCell, Tries, key_of, pieces_at, value_of
from .hive_logs import BASE_BLOCK
from .paged import Bytes

_KEY_HEAD, _VALUE_HEAD = 76, 20
_SIZE_AND_DATA = struct.Struct("<4xII")
"""Of a value, and the cell of its data."""
_LONGEST_NAME = 2 * 16_383
"""Of a value, in bytes ("Registry element size limits", Windows SDK)."""

MAX_VALUES = 1 << 16
"""Of a deleted key whose list of values is searched."""
_LIST_SLACK = 16
MAX_TRIES = 64
"""To find the two letters of a record before a position."""


class State(str, Enum):
    """Of the cell around a position."""

    IN_USE = "in use"
    DELETED = "deleted"
    """Free, or marked as in use and reached by nothing."""
    NO_CELL = "no cell"
    """In the base block, in the header of a bin, behind the bins, or in a damaged bin."""


class Part(str, Enum):
    """What of a key or value lies at a position."""

    KEY = "key"
    """Its name and times."""
    VALUE = "value"
    """Its name and type."""
    DATA = "data"
    OTHER = "other"
    """A list, a class name, a security descriptor; or unknown."""


class Place(NamedTuple):
    """``cell``: the offset of the cell around ``position``, None for no cell. ``key`` and ``value``
    are None where nothing tells them; the path of a deleted key is as far as its parents are left.
    """

    position: int
    state: State
    part: Part = Part.OTHER
    cell: int | None = None
    key: Key | None = None
    value: Value | None = None


class _Owner(NamedTuple):
    key: int
    cell: KeyCell
    part: Part
    value: int = NOWHERE


def places(hive: Hive, positions: Iterable[int]) -> dict[int, Place]:
    """The place of each position, in their order; they count from the beginning of the file.

    Never raises; what the walk could not read is among ``hive.problems``.
    """
    found: dict[int, Place] = {}
    wanted: dict[int, list[int]] = {}
    free: list[int] = []
    for position in sorted(set(positions)):
        cell = hive.cells.cell_around(position)
        if cell is None:
            found[position] = Place(position, State.NO_CELL)
        elif cell.is_free:
            free.append(position)
        else:
            wanted.setdefault(cell.offset, []).append(position)
    owners, parents = _owners(hive, set(wanted))
    for offset, there in wanted.items():
        owner = owners.get(offset)
        if owner is None:
            if _is_list(hive, offset):
                found.update((at, Place(at, State.IN_USE, Part.OTHER, offset)) for at in there)
            else:
                free += there
            continue
        key = _key(hive, owner.key, owner.cell, parents)
        value = _value(hive, owner.value) if owner.value != NOWHERE else None
        for position in there:
            found[position] = Place(position, State.IN_USE, owner.part, offset, key, value)
    found.update(_deleted(hive, free))
    return dict(sorted(found.items()))


def _is_list(hive: Hive, offset: int) -> bool:
    """A list of keys, or a security descriptor: what many keys share and the walk leaves out."""
    return hive.cells.content(offset, 2) in {b"lf", b"lh", b"li", b"ri", b"sk"}


def _owners(hive: Hive, wanted: set[int]) -> tuple[dict[int, _Owner], dict[int, int]]:
    """Who owns these cells, as far as the tree reaches them; and each key's parent."""
    owners: dict[int, _Owner] = {}
    parents: dict[int, int] = {}
    cells = 0
    if not wanted:
        return owners, parents
    for offset, key, parent in hive.walk():
        parents[offset] = parent
        if offset in wanted:
            owners.setdefault(offset, _Owner(offset, key, Part.KEY))
        for other in (key.value_list, key.class_name, key.subkey_list):
            if other in wanted:
                owners.setdefault(other, _Owner(offset, key, Part.OTHER))
        for value in hive.value_offsets(offset, key):
            cells += 1
            for cell, part in _cells_of_value(hive, value, wanted):
                cells += 1
                if cell in wanted:
                    owners.setdefault(cell, _Owner(offset, key, part, value))
            if cells > hive.cells.room_for(LIST_ELEMENT):
                break
        if cells > hive.cells.room_for(LIST_ELEMENT):
            hive.note(FormatError("more values than the hive has room for", f"0x{offset:x}"))
            break
        if len(owners) == len(wanted):
            break
    return owners, parents


def _may_be_of(hive: Hive, value: int, wanted: set[int]) -> bool:
    """Whether any of these cells may hold the data of a value, or it is none: most are neither, and
    to read them all takes longest."""
    at = BASE_BLOCK + 4 + value
    head = hive.cells.data[at : at + _SIZE_AND_DATA.size]
    if len(head) < _SIZE_AND_DATA.size or not head.startswith(b"vk"):
        return True
    size, data = _SIZE_AND_DATA.unpack(head)
    return not size >> 31 and (size > SEGMENT or data in wanted)


def _cells_of_value(hive: Hive, offset: int, wanted: set[int]) -> Iterator[tuple[int, Part]]:
    """None of a value that can have none of those that are wanted."""
    if offset not in wanted and not _may_be_of(hive, offset, wanted):
        return
    value = hive.read_value(offset)
    if value is None:
        return
    yield offset, Part.VALUE
    if value.inline is not None:
        return
    yield value.data, Part.DATA
    try:
        big = hive.cells.big_data(value)
    except FormatError as error:
        hive.note(error)
        return
    if big is not None:
        yield big.list, Part.OTHER
        for segment in big.segments:
            yield segment, Part.DATA


def _key(hive: Hive, offset: int, cell: KeyCell, parents: dict[int, int]) -> Key:
    names: list[str] = []
    at, name = offset, cell.name
    while at in parents and parents[at] != NOWHERE and len(names) < MAX_DEPTH:
        names.append(name)
        at = parents[at]
        above = hive.read_key(at)
        name = above.name if above is not None else "?"
    return Key(hive, offset, cell, "\\".join(reversed(names)))


def _value(hive: Hive, offset: int) -> Value | None:
    cell = hive.read_value(offset)
    return Value(hive, offset, cell) if cell is not None else None


# ---- what was deleted


def _deleted(hive: Hive, positions: list[int]) -> Iterator[tuple[int, Place]]:
    """Of positions in free cells: the record that lies there, or whose data lie there."""
    found: dict[int, Place] = {}
    for position in sorted(positions):
        cell = hive.cells.cell_around(position)
        first = BASE_BLOCK + cell.offset if cell is not None else position
        place = _record_at(hive, position, first) or Place(position, State.DELETED)
        found[position] = place._replace(cell=cell.offset if cell is not None else None)
    lost = sorted(at for at, place in found.items() if place.part is Part.OTHER)
    for position, value in _values_with_data_at(hive, lost).items() if lost else ():
        found[position] = found[position]._replace(part=Part.DATA, value=value)
    values = {place.value.offset for place in found.values() if place.value is not None}
    keys = _former_keys(hive, values) if values else {}
    for position, place in found.items():
        if place.value is not None:
            yield position, place._replace(key=keys.get(place.value.offset))
        else:
            yield position, place


def _record_at(hive: Hive, position: int, first: int) -> Place | None:
    """The key or value whose record a position in the free cell at ``first`` lies in."""
    data = hive.cells.data
    for mark, head in ((b"vk", _VALUE_HEAD), (b"nk", _KEY_HEAD)):
        earliest, at = max(first, position - head - _LONGEST_NAME), position + 1
        for _ in range(MAX_TRIES):
            at = data.rfind(mark, earliest, at)
            if at < 0 or at & 7 == 4:
                break
        if at < 0 or at & 7 != 4:
            continue
        offset = at - 4 - BASE_BLOCK
        length = int.from_bytes(
            data[at + 2 : at + 4] if mark == b"vk" else data[at + 72 : at + 74], "little"
        )
        content = data[at : at + head + length]
        if position >= at + len(content):
            continue
        try:
            if mark == b"vk":
                cell = value_of(content, f"0x{offset:x}")
                value = Value(hive, offset, cell, is_deleted=True)
                return Place(position, State.DELETED, Part.VALUE, value=value)
            key = _deleted_key(hive, offset, key_of(content, f"0x{offset:x}"))
            return Place(position, State.DELETED, Part.KEY, key=key)
        except FormatError:
            continue  # two letters of something else
    return None


def _deleted_key(hive: Hive, offset: int, cell: KeyCell) -> Key:
    """With the path that its parents give, deleted ones too, up to the root or to what is gone."""
    names = [cell.name]
    parent, seen = cell.parent, {offset}
    while parent != hive.root.offset and parent not in seen and len(names) < MAX_DEPTH:
        seen.add(parent)
        at = BASE_BLOCK + parent + 4
        try:
            above = key_of(hive.cells.data[at : at + 1024], f"0x{parent:x}")
        except FormatError:
            names.append("?")
            break
        names.append(above.name)
        parent = above.parent
    return Key(hive, offset, cell, "\\".join(reversed(names)))


def _marks(data: Bytes, mark: bytes) -> Iterator[int]:
    """Where a record may begin: its two letters four bytes behind the begin of a cell."""
    at = data.find(mark, BASE_BLOCK)
    while at >= 0:
        if at & 7 == 4:
            yield at
        at = data.find(mark, at + 1)


def _values_with_data_at(hive: Hive, positions: list[int]) -> dict[int, Value]:
    """For positions in ascending order, the value left over whose data lay there."""
    data = hive.cells.data
    found: dict[int, Value] = {}
    room, tries = hive.cells.room_for(LIST_ELEMENT), Tries(data)
    for at in _marks(data, b"vk"):
        if at + _VALUE_HEAD > len(data) or not positions or room < 0:
            break
        name, size, where, kind = struct.unpack("<2xHIII", data[at : at + 16])
        if size >> 31 or where & 7 or name > _LONGEST_NAME or 0x20 <= kind < 0xFFFF0000:
            continue  # inline, or two letters of something else
        for start, end in _stretches(data, BASE_BLOCK + 4 + where, size, tries):
            room -= 1
            first = bisect_left(positions, start)
            after = bisect_left(positions, end)
            if first < after:
                offset = at - 4 - BASE_BLOCK
                try:
                    cell = value_of(data[at : at + _VALUE_HEAD + name], f"0x{offset:x}")
                except FormatError:
                    break  # its name is cut
                value = Value(hive, offset, cell, is_deleted=True)
                found.update((position, value) for position in positions[first:after])
                del positions[first:after]
    return found


def _stretches(data: Bytes, start: int, size: int, tries: Tries) -> Iterator[tuple[int, int]]:
    """Where the data of a value lie, free cells included."""
    pieces = pieces_at(data, start, tries) if size > SEGMENT else []
    if not pieces:
        yield start, start + min(size, SEGMENT)
    yield from pieces


def _former_keys(hive: Hive, values: set[int]) -> dict[int, Key]:
    """By value, the key in whose list of values it still stands, or stood behind the last."""
    data = hive.cells.data
    found: dict[int, Key] = {}
    room = hive.cells.room_for(1)
    for at in _marks(data, b"nk"):
        if at + _KEY_HEAD > len(data) or room < 0:
            break
        count, offset = struct.unpack("<II", data[at + 36 : at + 44])
        start = BASE_BLOCK + 4 + offset
        if not 0 < count <= MAX_VALUES or offset & 7 or start > len(data):
            continue
        listed = data[start : start + 4 * count + _LIST_SLACK]
        room -= len(listed)
        elements = memoryview(listed[: len(listed) & ~3]).cast("I")
        for value in values.intersection(elements) - found.keys():
            try:
                former = key_of(data[at : at + _KEY_HEAD + _LONGEST_NAME], "")
            except FormatError:
                break  # two letters of something else
            found[value] = _deleted_key(hive, at - 4 - BASE_BLOCK, former)
    return found
