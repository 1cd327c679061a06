"""ESE databases of large pages as Windows Search, WebCache and BITS keep theirs: compressed, several
and long values, trees of more than one page. dissect.database reads them as this project does."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from dissect.util.compression import sevenbit

LONG, LONG_TEXT, LONG_BINARY, TEXT, LONG_LONG = 4, 12, 11, 10, 15
_FIXED = {LONG: "<i", LONG_LONG: "<q"}
_ROOT, _LEAF, _PARENT, _LONG_VALUES, _NEW = 0x1, 0x2, 0x4, 0x80, 0x2800
_CATALOG_PAGE = 4


class Packed(NamedTuple):
    """A value that is compressed; ``data``: with what says how."""

    data: bytes


class Elsewhere(NamedTuple):
    """A long value, by its number."""

    number: int


class Several(NamedTuple):
    """Values of one column."""

    values: Sequence[bytes | Elsewhere | Packed]


Value = int | bytes | Packed | Elsewhere | Several


@dataclass
class Made:
    """One table. ``columns``: type by name; ``long_values``: by number, the parts that each has, as
    they are kept, and their sizes in the clear."""

    columns: Mapping[str, int]
    rows: Sequence[Mapping[str, Value]]
    long_values: Mapping[int, Sequence[tuple[bytes, int]]] = field(default_factory=dict)


def seven_bits(text: str, *, is_wide: bool = True) -> Packed:
    """As ESE packs short texts."""
    bits = 7 * len(text)
    packed = sevenbit.compress(text.encode("ascii")).ljust(-(-bits // 8), b"\0")
    return Packed(bytes([(2 if is_wide else 1) << 3 | (bits - 1) % 8]) + packed)


def xpress(data: bytes) -> Packed:
    """As ESE packs long ones."""
    return Packed(bytes([3 << 3]) + struct.pack("<H", len(data)) + plain_lz77(data))


def plain_lz77(data: bytes) -> bytes:
    """[MS-XCA] 2.3: the longest match before each place, of at most 300 bytes."""
    out = bytearray(4)
    flags_at, flags, count, nibble_at, at = 0, 0, 0, 0, 0

    def flag(bit: int) -> None:
        nonlocal flags_at, flags, count
        flags, count = flags << 1 | bit, count + 1
        if count == 32:
            struct.pack_into("<I", out, flags_at, flags)
            flags_at, flags, count = len(out), 0, 0
            out.extend(bytes(4))

    # The word of flags stands before what it is about: it is made room for first.
    tokens: list[tuple[int, bytes, int]] = []
    while at < len(data):
        length, distance = _longest(data, at)
        if length >= 3:
            tokens.append(
                (1, struct.pack("<H", distance - 1 << 3 | min(length - 3, 7)), length - 3)
            )
            at += length
        else:
            tokens.append((0, data[at : at + 1], 0))
            at += 1
    for bit, raw, length in tokens:
        out += raw
        if bit and length >= 7:
            rest = length - 7
            if nibble_at:
                out[nibble_at] |= min(rest, 15) << 4
                nibble_at = 0
            else:
                nibble_at = len(out)
                out.append(min(rest, 15))
            if rest >= 15:
                out += (
                    bytes([rest - 15]) if rest - 15 < 255 else b"\xff" + struct.pack("<H", length)
                )
        flag(bit)
    flags = flags << 32 - count | (1 << 32 - count) - 1
    struct.pack_into("<I", out, flags_at, flags & 0xFFFFFFFF)
    return bytes(out)


def _longest(data: bytes, at: int) -> tuple[int, int]:
    best, distance = 0, 0
    for length in (3, 4, 6, 8, 12, 16, 24, 40, 80, 300):
        place = data.rfind(data[at : at + length], max(0, at - 8192), at + length - 1)
        if place < 0 or at + length > len(data):
            break
        best, distance = length, at - place
    return best, distance


def ese_file(tables: Mapping[str, Made], *, page_size: int = 32_768) -> bytes:
    """A database, closed as it should be."""
    pages: dict[int, bytes] = {}
    catalog: list[tuple[bytes, bytes]] = []
    number = _CATALOG_PAGE + 1
    for tree, (name, made) in enumerate(tables.items()):
        table, longs = 10 + 2 * tree, 11 + 2 * tree
        ids = _ids(made.columns)
        rows = [
            (struct.pack(">I", one), _record(made.columns, ids, row, page_size))
            for one, row in enumerate(made.rows, start=1)
        ]
        catalog.append(_catalogued(table, 1, table, number, 80, name))
        catalog += [
            _catalogued(table, 2, ids[column], kind, _size(kind), column)
            for column, kind in sorted(made.columns.items(), key=lambda item: ids[item[0]])
        ]
        number = _tree(pages, number, table, 0, rows, page_size)
        if made.long_values:
            catalog.append(_catalogued(table, 4, longs, number, 80, "LV"))
            entries = _long_values(made.long_values)
            number = _tree(pages, number, longs, _LONG_VALUES, entries, page_size)
    beyond = _tree(pages, _CATALOG_PAGE, 2, 0, sorted(catalog), page_size, spill=number)
    head = bytearray(page_size)
    struct.pack_into("<III", head, 4, 0x89ABCDEF, 0x620, 0)
    struct.pack_into("<I", head, 52, 3)
    struct.pack_into("<II", head, 232, 20, page_size)
    blank = bytes(page_size)
    return bytes(head) * 2 + b"".join(pages.get(one, blank) for one in range(1, beyond + 1))


def _ids(columns: Mapping[str, int]) -> dict[str, int]:
    fixed, variable, tagged = 0, 127, 255
    ids: dict[str, int] = {}
    for name, kind in columns.items():
        if kind in _FIXED:
            ids[name] = fixed = fixed + 1
        elif kind == TEXT:
            ids[name] = variable = variable + 1
        else:
            ids[name] = tagged = tagged + 1
    return ids


def _size(kind: int) -> int:
    return struct.calcsize(_FIXED[kind]) if kind in _FIXED else 0


def _catalogued(
    table: int, kind: int, number: int, of: int, size: int, name: str
) -> tuple[bytes, bytes]:
    fixed = struct.pack("<ihiiiii", table, kind, number, of, size, 0, 1200)
    text = name.encode()
    head = struct.pack("<BBH", 7, 128, 4 + len(fixed) + 1)
    key = struct.pack(">IHI", table, kind, number)
    return key, head + fixed + b"\0" + struct.pack("<H", len(text)) + text


def _record(
    columns: Mapping[str, int], ids: Mapping[str, int], row: Mapping[str, Value], page_size: int
) -> bytes:
    fixed, nulls, last = b"", 0, 0
    variable: list[bytes] = []
    tagged: list[tuple[int, int, bytes]] = []
    for name, kind in sorted(columns.items(), key=lambda item: ids[item[0]]):
        value = row.get(name)
        if kind in _FIXED:
            nulls |= (value is None) << last
            last += 1
            fixed += struct.pack(_FIXED[kind], value or 0)
        elif kind == TEXT:
            assert isinstance(value, bytes)
            variable.append(value)
        elif value is not None:
            tagged.append((ids[name], *_kept(value)))
    bits = nulls.to_bytes(-(-last // 8), "little")
    made = struct.pack("<BBH", last, 127 + len(variable), 4 + len(fixed) + len(bits)) + fixed + bits
    ends = [sum(map(len, variable[: place + 1])) for place in range(len(variable))]
    made += struct.pack(f"<{len(ends)}H", *ends) + b"".join(variable)
    heads, values = b"", b""
    for column, flags, data in tagged:
        offset = 4 * len(tagged) + len(values)
        heads += struct.pack("<HH", column, offset | (0x4000 if page_size <= 8192 else 0))
        values += bytes([flags]) + data
    return made + heads + values


def _kept(value: Value) -> tuple[int, bytes]:
    """Flags and bytes."""
    if isinstance(value, Packed):
        return 0x3, value.data
    if isinstance(value, Elsewhere):
        return 0x5, struct.pack("<I", value.number)
    if isinstance(value, Several):
        return _several(value.values)
    assert isinstance(value, bytes)
    return 0x1, value


def _several(values: Sequence[bytes | Elsewhere | Packed]) -> tuple[int, bytes]:
    packed = 0x2 if isinstance(values[0], Packed) else 0
    kept = [
        struct.pack("<I", one.number)
        if isinstance(one, Elsewhere)
        else one.data
        if isinstance(one, Packed)
        else one
        for one in values
    ]
    if len(kept) == 2 and not any(isinstance(one, Elsewhere) for one in values):
        return 0x19 | packed, bytes([len(kept[0])]) + kept[0] + kept[1]
    heads, at = b"", 2 * len(kept)
    for one, data in zip(values, kept, strict=True):
        heads += struct.pack("<H", at | (0x8000 if isinstance(one, Elsewhere) else 0))
        at += len(data)
    return 0x9 | packed, heads + b"".join(kept)


def _long_values(
    values: Mapping[int, Sequence[tuple[bytes, int]]],
) -> list[tuple[bytes, bytes]]:
    entries: list[tuple[bytes, bytes]] = []
    for number, parts in sorted(values.items()):
        key, at = struct.pack(">I", number), 0
        entries.append((key, struct.pack("<II", 1, sum(size for _, size in parts))))
        for data, size in parts:
            entries.append((key + struct.pack(">I", at), data))
            at += size
    return entries


def _tree(
    pages: dict[int, bytes], root: int, tree: int, kind: int,
    entries: Sequence[tuple[bytes, bytes]], page_size: int, *, spill: int = 0,
) -> int:  # fmt: skip
    """Lay down a tree, its leaves behind ``spill`` or the root; gives the next free page."""
    leaves: list[list[tuple[bytes, bytes]]] = [[]]
    room = page_size - 200
    for key, data in entries:
        size = len(key) + len(data) + 12
        if size > room:
            leaves.append([])
            room = page_size - 200
        leaves[-1].append((key, data))
        room -= size
    flags = kind | _NEW
    first = spill or root + 1
    if len(leaves) == 1:
        pages[root] = _page(tree, flags | _ROOT | _LEAF, leaves[0], page_size)
        return first
    branches = [
        (leaves[place + 1][0][0] if place + 1 < len(leaves) else b"", struct.pack("<I", number))
        for place, number in enumerate(range(first, first + len(leaves)))
    ]
    pages[root] = _page(tree, flags | _ROOT | _PARENT, branches, page_size)
    for number, leaf in enumerate(leaves, start=first):
        links = (
            number - 1 if number > first else 0,
            number + 1 if number - first < len(leaves) - 1 else 0,
        )
        pages[number] = _page(tree, flags | _LEAF, leaf, page_size, links)
    return first + len(leaves)


def _page(
    tree: int, flags: int, entries: Sequence[tuple[bytes, bytes]], page_size: int,
    links: tuple[int, int] = (0, 0),
) -> bytes:  # fmt: skip
    """Keys of what is no root share what they begin with."""
    is_large, is_root = page_size > 8192, bool(flags & _ROOT)
    head = 80 if is_large else 40
    page = bytearray(page_size)
    common = bytes(16) if is_root or not entries else entries[0][0][:3]
    bodies = [(common, 0)] + [_entry(one, common, is_large, shares=not is_root) for one in entries]
    at = 0
    for number, (body, bits) in enumerate(bodies):
        page[head + at : head + at + len(body)] = body
        offset = at | (0 if is_large else bits << 13)
        struct.pack_into("<HH", page, page_size - 4 * (number + 1), len(body), offset)
        at += len(body)
    struct.pack_into("<II", page, 16, *links)
    struct.pack_into("<I", page, 24, tree)
    struct.pack_into("<HHHHI", page, 28, page_size - at, 0, at, len(bodies) | 0x1000, flags)
    return bytes(page)


def _entry(
    one: tuple[bytes, bytes], common: bytes, is_large: bool, *, shares: bool
) -> tuple[bytes, int]:
    key, data = one
    count = 0
    while shares and count < min(len(common), len(key)) and common[count] == key[count]:
        count += 1
    bits = 4 if count else 0
    body = struct.pack("<H", len(key) - count) + key[count:] + data
    if count:
        body = struct.pack("<H", count) + body
    if is_large:
        body = body[:1] + bytes([body[1] | bits << 5]) + body[2:]
    return body, bits
