"""Rows of an ESE database (Extensible Storage Engine): fixed columns, and tagged ones in place.

Format: libyal's libesedb, "Extensible Storage Engine (ESE) Database File (EDB) format". No tree is
walked: every leaf page says which table it belongs to, so that what a damaged tree no longer
reaches is read too. Libraries give filler for the fixed columns that a row lacks; here it is None.
Variable columns, long values in pages of their own, compressed and multiple ones are not read
(None): whoever needs their text looks at the bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import NamedTuple

from . import FormatError
from .paged import Bytes

SIGNATURE = bytes.fromhex("efcdab89")
"""At 4."""
MAX_VALUES = 20_000_000
"""Of one table."""
_CATALOG = 2
"""The object id of the table of tables."""
_LEAF = 0x2
_NO_ROWS = 0x20 | 0x40 | 0x80
"""Of pages: a tree of free space, an index, long values."""
_PAGE_SIZES = (2048, 4096, 8192, 16_384, 32_768)
_DEFUNCT, _COMMON_KEY = 0x2, 0x4
_FIRST_VARIABLE, _FIRST_TAGGED = 128, 256
_FORMATS = {
    1: "B",
    2: "B",
    3: "<h",
    4: "<i",
    5: "<q",
    6: "<f",
    7: "<d",
    8: "<q",
    14: "<I",
    15: "<q",
    17: "<H",
}
_OF_A_PAGE = struct.Struct("<I8xI")
_SIZES = {**{kind: struct.calcsize(form) for kind, form in _FORMATS.items()}, 16: 16}
_OTHER_SIZES = {9: 255, 10: 255}
_TABLE, _COLUMN = 1, 2
_TREES = (_TABLE, 3, 4)
"""Tables, indexes and long values: what begins on a page of its own."""
_EPOCH = datetime(1899, 12, 30, tzinfo=timezone.utc)

CellValue = int | float | bytes | None


class Column(NamedTuple):
    """``kind``: the number of its type (4 Long, 8 DateTime, 11 LongBinary …)."""

    id: int
    name: str
    kind: int
    size: int


class Table(NamedTuple):
    """As the catalogue has it."""

    id: int
    name: str
    columns: tuple[Column, ...]


class Row(NamedTuple):
    """``page`` from 1; ``values`` by the column's name."""

    page: int
    number: int
    values: dict[str, CellValue]
    is_deleted: bool


class Database:
    """A database's pages.

    Raises:
        FormatError: no ESE database.
    """

    def __init__(self, data: Bytes) -> None:
        if data[4:8] != SIGNATURE or len(data) < 240:
            raise FormatError("no ESE database", "header")
        self.page_size = int.from_bytes(data[236:240], "little")
        if self.page_size not in _PAGE_SIZES:
            raise FormatError("no page size of an ESE database", f"{self.page_size}")
        self.is_dirty = int.from_bytes(data[52:56], "little") != 3
        self._data = data
        self._pages: dict[int, list[int]] = {}
        """Numbers of leaf pages with rows, by the table's object id."""
        self._farthest = 0
        """Of the pages that the catalogue names."""
        for number in range(1, len(data) // self.page_size - 1):
            at = self._at(number) + 24
            table, flags = _OF_A_PAGE.unpack(data[at : at + 16])
            if flags & _LEAF and not flags & _NO_ROWS:
                self._pages.setdefault(table, []).append(number)
        self.tables = self._read_catalog()
        self.is_cut = self._farthest > len(data) // self.page_size - 2
        """Whether a tree begins on a page that is not there."""

    def _at(self, page: int) -> int:
        return (page + 1) * self.page_size

    def rows(self, table: Table) -> Iterator[Row]:
        """Those of a table, in the order of its pages; more than 20,000,000 values raise
        FormatError, and so does a page whose entries overlap."""
        room = MAX_VALUES
        for page in self._pages.get(table.id, ()):
            for number, record, is_deleted in self._records(page):
                room -= 1 + len(table.columns)
                if room < 0:
                    raise FormatError("more rows than a database has", f"page {page}")
                yield Row(page, number, _values(record, table.columns), is_deleted)

    def first_rows(self, table: Table) -> Iterator[Row]:
        """The first of each page of a table. Raises FormatError, as :meth:`rows`."""
        for page in self._pages.get(table.id, ()):
            for number, record, is_deleted in islice(self._records(page), 1):
                yield Row(page, number, _values(record, table.columns), is_deleted)

    def _records(self, page: int) -> Iterator[tuple[int, bytes, bool]]:
        """The data of each entry of a leaf page, without its key. Raises FormatError."""
        whole = self._data[self._at(page) : self._at(page) + self.page_size]
        is_large = self.page_size > 8192
        head = 80 if is_large else 40
        (count,) = struct.unpack_from("<H", whole, 34)
        room = self.page_size
        for number in range(1, min(count, self.page_size // 4)):
            size, offset = struct.unpack_from("<HH", whole, self.page_size - 4 * (number + 1))
            flags = offset >> 13
            room -= size & (0x7FFF if is_large else 0x1FFF)
            if room < 0:
                raise FormatError("entries of a page overlap", f"page {page}")
            mask = 0x7FFF if is_large else 0x1FFF
            entry = whole[head + (offset & mask) : head + (offset & mask) + (size & mask)]
            if is_large and len(entry) >= 2:
                flags = entry[1] >> 5
            at = 2 if flags & _COMMON_KEY else 0
            key = int.from_bytes(entry[at : at + 2], "little") & 0x1FFF
            record = entry[at + 2 + key :]
            if len(record) >= 4:
                yield number, record, bool(flags & _DEFUNCT)

    def _read_catalog(self) -> dict[str, Table]:
        names: dict[int, str] = {}
        columns: dict[int, list[Column]] = {}
        for page in self._pages.get(_CATALOG, ()):
            for _, record, is_deleted in self._records(page):
                values = _values(record, _OF_THE_CATALOG)
                table, kind, number = (values[name] for name in ("ObjidTable", "Type", "Id"))
                name = _variable(record)
                if is_deleted or not isinstance(table, int) or not isinstance(number, int):
                    continue
                if kind in _TREES and isinstance(values["ColtypOrPgnoFDP"], int):
                    self._farthest = max(self._farthest, values["ColtypOrPgnoFDP"])
                if kind == _TABLE:
                    names[number] = name
                elif kind == _COLUMN:
                    of, space = values["ColtypOrPgnoFDP"], values["SpaceUsage"]
                    if isinstance(of, int) and isinstance(space, int):
                        columns.setdefault(table, []).append(Column(number, name, of, space))
        return {
            name: Table(number, name, tuple(sorted(columns.get(number, ()))))
            for number, name in names.items()
        }


_OF_THE_CATALOG = (
    Column(1, "ObjidTable", 4, 4),
    Column(2, "Type", 3, 2),
    Column(3, "Id", 4, 4),
    Column(4, "ColtypOrPgnoFDP", 4, 4),
    Column(5, "SpaceUsage", 4, 4),
)


def time_of(value: CellValue) -> datetime | None:
    """A DateTime: days since 1899-12-30 as a float in eight bytes, UTC; None for none."""
    if not isinstance(value, int):
        return None
    (days,) = struct.unpack("<d", struct.pack("<q", value))
    try:
        return _EPOCH + timedelta(days=days)
    except (OverflowError, ValueError):
        return None


def _values(record: bytes, columns: tuple[Column, ...]) -> dict[str, CellValue]:
    last_fixed, last_variable, variable = struct.unpack_from("<BBH", record)
    nulls = record[variable - -(-last_fixed // 8) : variable]
    tagged = _tagged(record, last_variable, variable)
    told: dict[str, CellValue] = {}
    at = 4
    for column in columns:
        if column.id < _FIRST_VARIABLE:
            size = _SIZES.get(column.kind) or column.size or _OTHER_SIZES.get(column.kind, 0)
            place = column.id - 1
            is_there = 0 < column.id <= last_fixed and place // 8 < len(nulls)
            if is_there and not nulls[place // 8] >> place % 8 & 1:
                told[column.name] = _number(record[at : at + size], column.kind)
            else:
                told[column.name] = None
            at += size
        else:  # variable ones, which lie between, are not read
            told[column.name] = tagged.get(column.id) if column.id >= _FIRST_TAGGED else None
    return told


def _number(raw: bytes, kind: int) -> CellValue:
    form = _FORMATS.get(kind)
    if form is None or len(raw) < struct.calcsize(form):
        return raw
    value: int | float = struct.unpack(form, raw)[0]
    return value


def _variable(record: bytes) -> str:
    """The first variable column as text."""
    _, last, at = struct.unpack_from("<BBH", record)
    count = max(0, last - _FIRST_VARIABLE + 1)
    size = int.from_bytes(record[at : at + 2], "little") if count else 0x8000
    start = at + 2 * count
    return "" if size & 0x8000 else record[start : start + size].decode("ascii", "replace")


def _tagged(record: bytes, last_variable: int, at: int) -> dict[int, bytes | None]:
    """Those that are kept in the record as they are."""
    count = max(0, last_variable - _FIRST_VARIABLE + 1)
    if count:
        size = int.from_bytes(record[at + 2 * count - 2 : at + 2 * count], "little") & 0x7FFF
        at += 2 * count + size
    block = record[at:]
    if len(block) < 4:
        return {}
    first = int.from_bytes(block[2:4], "little") & 0x3FFF
    heads = [
        struct.unpack_from("<HH", block, one) for one in range(0, min(first, len(block) - 3), 4)
    ]
    if not heads:
        return {}
    ends = [offset & 0x3FFF for _, offset in heads[1:]] + [len(block)]
    told: dict[int, bytes | None] = {}
    for (column, offset), end in zip(heads, ends, strict=True):
        value = block[offset & 0x3FFF : end]
        if offset & 0x4000:
            told[column] = value[1:] if value and value[0] in (0, 1) else None
        else:
            told[column] = value
    return told
