"""Rows of an ESE database (Extensible Storage Engine): fixed columns, and tagged ones in place.

Format: libyal's libesedb, "Extensible Storage Engine (ESE) Database File (EDB) format". No tree is
walked: every leaf page says which table it belongs to, so that what a damaged tree no longer
reaches is read too. Libraries give filler for the fixed columns that a row lacks; here it is None.
Long values that are kept in pages of their own are not read (None); ``ese_pages.py`` reads these
pages.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import NamedTuple

from . import FormatError
from .ese_pages import (
    FIRST_TAGGED,
    FIRST_VARIABLE,
    LEAF,
    NO_ROWS,
    SIGNATURE,
    Page,
    Tagged,
    clear,
    long_values_of,
    page_size_of,
    tagged,
)
from .paged import Bytes

__all__ = ["SIGNATURE", "CellValue", "Column", "Database", "Row", "Table", "catalogued", "time_of"]

MAX_VALUES = 20_000_000
"""Of one table."""
MAX_ROW = 64 << 20
"""Bytes of one row, what is compressed in the clear; what is beyond is not read."""
CATALOG = 2
"""The object id of the table of tables."""
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
_TABLE, _COLUMN, _LONG_VALUES = 1, 2, 4
_TREES = (_TABLE, 3, _LONG_VALUES)
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
    long_values: int = 0
    """The object id of the tree of its long values; 0: it has none."""


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
        self.page_size = page_size_of(data[:240])
        self._data = data
        self._pages: dict[int, list[int]] = {}
        """Numbers of leaf pages with rows, by the table's object id."""
        for number in range(1, len(data) // self.page_size - 1):
            at = self._at(number) + 24
            table, flags = _OF_A_PAGE.unpack(data[at : at + 16])
            if flags & LEAF and not flags & NO_ROWS:
                self._pages.setdefault(table, []).append(number)
        pages = map(self._page, self._pages.get(CATALOG, ()))
        catalog = [one for page in pages for one in catalogued(page)]
        self.tables = tables_of(catalog)
        self.is_cut = farthest_of(catalog) > len(data) // self.page_size - 2
        """Whether a tree begins on a page that is not there."""

    def _page(self, number: int) -> Page:
        return Page(self._data[self._at(number) : self._at(number) + self.page_size])

    def _at(self, page: int) -> int:
        return (page + 1) * self.page_size

    def rows(self, table: Table) -> Iterator[Row]:
        """Those of a table, in the order of its pages; more than 20,000,000 values raise
        FormatError, and so does a page whose entries overlap."""
        room = MAX_VALUES
        for number in self._pages.get(table.id, ()):
            for row in rows_of(self._page(number), number, table):
                room -= 1 + len(table.columns)
                if room < 0:
                    raise FormatError("more rows than a database has", f"page {number}")
                yield row

    def first_rows(self, table: Table) -> Iterator[Row]:
        """The first of each page of a table. Raises FormatError, as :meth:`rows`."""
        for number in self._pages.get(table.id, ()):
            yield from islice(rows_of(self._page(number), number, table), 1)


def rows_of(
    page: Page, number: int, table: Table, long_values: Mapping[bytes, bytes] | None = None
) -> Iterator[Row]:
    """The rows on a page of this table; ``long_values``: those that are known, by their keys.
    Raises FormatError."""
    for entry in page.entries():
        if len(entry.data) >= 4:
            values = _values(entry.data, table.columns, long_values, is_large=page.is_large)
            yield Row(number, entry.number, values, entry.is_deleted)


class Catalogued(NamedTuple):
    """An entry of the table of tables. ``of``: of a column its type, of others where its tree
    begins."""

    table: int
    kind: int
    id: int
    of: int
    size: int
    name: str


def catalogued(page: Page) -> Iterator[Catalogued]:
    """What a page of the catalogue (a leaf) tells. Raises FormatError."""
    for entry in page.entries():
        if entry.is_deleted or len(entry.data) < 4:
            continue
        values = _values(entry.data, _OF_THE_CATALOG, is_large=page.is_large)
        numbers = [value for value in values.values() if isinstance(value, int)]
        if len(numbers) == len(_OF_THE_CATALOG):
            table, kind, number, of, size = numbers
            yield Catalogued(table, kind, number, of, size, _variable(entry.data))


def farthest_of(entries: Iterable[Catalogued]) -> int:
    """The last of the pages on which trees begin."""
    return max((one.of for one in entries if one.kind in _TREES), default=0)


def tables_of(entries: Iterable[Catalogued]) -> dict[str, Table]:
    """The tables, by name."""
    names: dict[int, str] = {}
    long_values: dict[int, int] = {}
    columns: dict[int, list[Column]] = {}
    for one in entries:
        if one.kind == _TABLE:
            names[one.id] = one.name
        elif one.kind == _COLUMN:
            columns.setdefault(one.table, []).append(Column(one.id, one.name, one.of, one.size))
        elif one.kind == _LONG_VALUES:
            long_values[one.table] = one.id
    return {
        name: Table(
            number, name, tuple(sorted(columns.get(number, ()))), long_values.get(number, 0)
        )
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


def _values(
    record: bytes,
    columns: tuple[Column, ...],
    long_values: Mapping[bytes, bytes] | None = None,
    *,
    is_large: bool,
) -> dict[str, CellValue]:
    last_fixed, _, variable = struct.unpack_from("<BBH", record)
    nulls = record[variable - -(-last_fixed // 8) : variable]
    at_the_end = {one.column: one for one in tagged(record, is_large=is_large)}
    told: dict[str, CellValue] = {}
    at, room = 4, MAX_ROW
    for column in columns:
        if column.id < FIRST_VARIABLE:
            size = _SIZES.get(column.kind) or column.size or _OTHER_SIZES.get(column.kind, 0)
            place = column.id - 1
            is_there = 0 < column.id <= last_fixed and place // 8 < len(nulls)
            if is_there and not nulls[place // 8] >> place % 8 & 1:
                told[column.name] = _number(record[at : at + size], column.kind)
            else:
                told[column.name] = None
            at += size
        elif column.id >= FIRST_TAGGED and (value := at_the_end.get(column.id)) is not None:
            known = _clear(value, long_values or {}) if room > 0 else None
            room -= len(known or b"")
            told[column.name] = _number(known, column.kind)
        elif column.id >= FIRST_TAGGED:
            told[column.name] = None
        else:
            told[column.name] = _variable_value(record, column.id)
    return told


def _clear(value: Tagged, long_values: Mapping[bytes, bytes]) -> bytes | None:
    """None for one that is damaged too: it takes nothing from the others of its row."""
    try:
        here = clear(value)
    except FormatError:
        here = None
    keys = long_values_of(value) if long_values else []
    known = [long_values[key] for key in keys if key in long_values]
    return b"\0\0".join([*([here] if here else []), *known]) if known else here


def _number(raw: bytes | None, kind: int) -> CellValue:
    form = _FORMATS.get(kind)
    if raw is None or form is None or len(raw) < struct.calcsize(form):
        return raw
    value: int | float = struct.unpack_from(form, raw)[0]
    return value


def _variable(record: bytes) -> str:
    """The first variable column as text."""
    return (_variable_value(record, FIRST_VARIABLE) or b"").decode("ascii", "replace")


def _variable_value(record: bytes, column: int) -> bytes | None:
    """Each has the place where it ends, or that it is none."""
    _, last, at = struct.unpack_from("<BBH", record)
    if column > last or last >= FIRST_TAGGED:
        return None
    ends = [
        int.from_bytes(record[at + 2 * place : at + 2 * place + 2], "little")
        for place in range(column - FIRST_VARIABLE + 1)
    ]
    if ends[-1] & 0x8000:
        return None
    start = at + 2 * (last - FIRST_VARIABLE + 1)
    begin = ends[-2] & 0x7FFF if len(ends) > 1 else 0
    return record[start + begin : start + ends[-1]]
