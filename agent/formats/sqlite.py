"""SQLite databases, read in memory: the log of changes laid over them, and never a file opened.

Format: SQLite, "Database File Format" (sqlite.org/fileformat2.html): 1.3 the header, 1.6 b-tree
pages, 1.7 cell payload overflow pages, 4.1 the WAL's header and frames. Library: the sqlite3 of
Python, by ``deserialize``, which refuses a database in WAL mode: so the frames that were committed
are laid over its pages, and bytes 18 and 19 of its header say "no WAL".

What lies in one cell but on several pages is cut: :class:`Seams` gives the text around each cut.
The checksums of frames are not computed: a frame counts by its salts and by a commit behind it.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator
from operator import sub
from typing import NamedTuple

from . import FormatError

MAGIC = b"SQLite format 3\0"
_WAL_MAGICS = (0x377F0682, 0x377F0683)
_WAL_HEADER, _FRAME_HEADER = 32, 24
_SIZES = tuple(1 << power for power in range(9, 17))
_TABLE_LEAF = 13
_KEYED = (10, 2)
"""Pages of an index, or of a table without row ids: leaves, and those above them."""
_BIG_ENDIAN = bytes((0, 0, 0, 3))
_OVERFLOW = 0
"""The first byte of an overflow page: of the next one's number, below 2^24."""

AROUND = 512
"""Bytes that are kept on either side of where a page ends."""
MAX_SEAMS = 16_384
"""Of one database: 16 MiB of text; more are left out."""
MAX_INSTRUCTIONS = 500_000_000
"""Of SQLite's machine, for one database; some seconds."""
_STEP = 10_000
"""Instructions between two questions whether to go on."""
_REFUSED = (sqlite3.Error, MemoryError, OverflowError, UnicodeError)
"""What sqlite3 says of a damaged database; UnicodeError: of the name of a column."""
_FIXED_SIZES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 7: 8}
_REAL = 7
_CONSTANTS: dict[int, int | None] = {0: None, 8: 0, 9: 1}
MAX_TABLES = 512
MAX_COLUMNS = 256

Value = int | float | bytes | None
"""A text is its bytes in UTF-8, as is a BLOB: some programs store URLs so."""


class Header(NamedTuple):
    """What the first 100 bytes say."""

    page_size: int
    """Bytes."""
    usable: int
    """Of a page, without what is reserved at its end."""
    pages: int = 0
    """That it has; 0: it does not tell, as what wrote to it last did not count them (1.3.7)."""
    hides_text: bool = False
    """Whether its texts are UTF-16 with the high byte first (1.3.13), as nobody looks for them."""


def read_header(data: bytes) -> Header:
    """Raises FormatError: no SQLite database."""
    if len(data) < 100 or not data.startswith(MAGIC):
        raise FormatError("no SQLite database", "header")
    (size,) = struct.unpack_from(">H", data, 16)
    size = 65_536 if size == 1 else size
    usable = size - data[20]
    if size not in _SIZES or usable < 480:
        raise FormatError("no SQLite database", "page size")
    pages: int = struct.unpack_from(">I", data, 28)[0] if data[24:28] == data[92:96] else 0
    return Header(size, usable, pages, data[56:60] == _BIG_ENDIAN)


def committed(wal: bytes) -> tuple[dict[int, int], int]:
    """Of each page that the WAL's transactions changed, where its newest content begins in the WAL;
    and how many pages the database has after the last of them. Nothing of an empty WAL, nor of one
    that was begun anew and holds no transaction yet.

    Raises FormatError: no WAL.
    """
    if len(wal) < _WAL_HEADER:
        return {}, 0
    magic, _, size, _, salt_1, salt_2 = struct.unpack_from(">6I", wal)
    if magic not in _WAL_MAGICS or size not in _SIZES:
        raise FormatError("no SQLite WAL", "header")
    pages: dict[int, int] = {}
    waiting: dict[int, int] = {}
    count = 0
    for at in range(_WAL_HEADER, len(wal) - _FRAME_HEADER - size + 1, _FRAME_HEADER + size):
        page, after, first, second = struct.unpack_from(">4I", wal, at)
        if (first, second) != (salt_1, salt_2) or not page:
            break
        waiting[page] = at + _FRAME_HEADER
        if after:
            pages.update(waiting)
            waiting.clear()
            count = after
    return pages, count


def replayed(data: bytes, wal: bytes) -> bytes | bytearray:
    """The database as a program sees it: what was committed laid over it, and no WAL.

    Raises FormatError.
    """
    size = read_header(data).page_size
    pages, count = committed(wal)
    if pages and struct.unpack_from(">I", wal, 8)[0] != size:
        raise FormatError("pages of another size in the WAL", "WAL header")
    if not pages and data[18:20] == b"\1\1":
        return data
    length = count * size if count and count * size <= len(data) + len(wal) else len(data)
    made = bytearray(memoryview(data)[:length])
    made.extend(bytes(length - len(made)))
    for page, at in pages.items():
        if page * size <= length:
            made[(page - 1) * size : page * size] = wal[at : at + size]
    if len(made) >= 20:
        made[18:20] = b"\1\1"
    return made


class Row(NamedTuple):
    """One row of a table."""

    table: str
    number: int
    """Its rowid; its place in the table, from 1, where the table has none."""
    values: dict[str, Value]
    """By the column's name in lower case, in the order of the columns."""

    def text(self, column: str) -> str:
        """Of a column, whatever its type; "" if there is none."""
        value = self.values.get(column)
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        return "" if value is None else str(value)

    def integer(self, column: str) -> int:
        """Of a column; 0 for what is no integer."""
        value = self.values.get(column)
        return value if isinstance(value, int) else 0

    @property
    def bytes(self) -> bytes:
        """All its texts and BLOBs, with a zero between."""
        return b"\0".join(value for value in self.values.values() if isinstance(value, bytes))


class Database:
    """A database in memory. Close it."""

    def __init__(self, data: bytes | bytearray) -> None:
        """``data``: as :func:`replayed` gives it. Raises FormatError."""
        self._connection = sqlite3.connect(":memory:")
        self._steps = 0
        try:
            self._connection.text_factory = bytes
            self._connection.deserialize(data)
            self._connection.set_progress_handler(self._stop, _STEP)
            self._connection.execute("PRAGMA trusted_schema=OFF")
            self.tables = self._listed()
        except _REFUSED as error:
            self._connection.close()
            raise FormatError(f"database: {error}") from error

    def close(self) -> None:
        """Give back its memory."""
        self._connection.close()

    def _stop(self) -> bool:
        self._steps += 1
        return self._steps > MAX_INSTRUCTIONS // _STEP

    def _listed(self) -> tuple[str, ...]:
        """Names of the tables that hold rows of their own."""
        asked = "SELECT name, sql FROM sqlite_master WHERE type = 'table' LIMIT ?"
        rows = self._connection.execute(asked, (MAX_TABLES,)).fetchall()
        return tuple(
            name.decode("utf-8", "replace")
            for name, sql in rows
            if isinstance(name, bytes)
            and isinstance(sql, bytes)
            and not sql.upper().startswith(b"CREATE VIRTUAL")
        )

    def has(self, *tables: str) -> bool:
        """Whether all these are there."""
        return set(tables) <= set(self.tables)

    def columns(self, table: str) -> frozenset[str]:
        """Their names in lower case; none, where that cannot be told."""
        try:
            asked = "SELECT name FROM pragma_table_info(?)"
            found = self._connection.execute(asked, (table,)).fetchall()
        except _REFUSED:
            return frozenset()
        return frozenset(name.decode("utf-8", "replace").lower() for (name,) in found)

    def rows(self, table: str, where: str = "", *bound: int) -> Iterator[Row]:
        """Those of a table, in its order; ``where``: a condition with ``?`` for what is bound.

        Raises FormatError, when those before were given: damage, or more work than is done.
        """
        quoted = '"' + table.replace('"', '""') + '"'
        condition = f" WHERE {where}" if where else ""
        try:
            try:
                found = self._connection.execute(
                    f"SELECT rowid, * FROM {quoted}{condition}",  # noqa: S608 - quoted; of ours
                    bound,
                )
            except sqlite3.OperationalError:  # A table WITHOUT ROWID.
                found = self._connection.execute(
                    f"SELECT NULL, * FROM {quoted}{condition}",  # noqa: S608 - as above
                    bound,
                )
            names = [column[0].lower() for column in found.description[1 : MAX_COLUMNS + 1]]
            for place, (number, *values) in enumerate(found, start=1):
                rowid = number if isinstance(number, int) else place
                yield Row(table, rowid, dict(zip(names, values, strict=False)))
        except _REFUSED as error:
            raise FormatError(f"table {table}: {error}") from error

    def span(self, table: str, column: str, where: str = "1") -> tuple[int, int] | None:
        """The smallest and the largest positive integer of a column, of the rows for which the
        condition holds; None: there is none.

        Raises FormatError.
        """
        asked = (
            f'SELECT min("{column}"), max("{column}") FROM "{table}" '  # noqa: S608 - names of ours
            f'WHERE "{column}" > 0 AND typeof("{column}") = \'integer\' AND ({where})'
        )
        try:
            least, most = self._connection.execute(asked).fetchone()
        except _REFUSED as error:
            raise FormatError(f"table {table}: {error}") from error
        return None if least is None else (least, most)


class Seams:
    """What stands where the pages of one cell meet, of pages that are shown in any order.

    Of table b-trees: what is too long for a page of an index is in its table too. Of a table
    WITHOUT ROWID, which lies in the pages of an index, see :meth:`add_keyed`.
    """

    def __init__(self, header: Header) -> None:
        self._size, self._usable = header.page_size, header.usable
        self._most = self._usable - 35
        """Payload that a leaf's cell keeps on its page ("X" of the specification)."""
        self._least = (self._usable - 12) * 32 // 255 - 23
        """The same, of a cell that goes on elsewhere ("M")."""
        self._begins: dict[int, bytes] = {}
        self._ends: list[tuple[int, bytes]] = []
        self.left_out = 0

    def add(self, data: bytes, at: int, end: int, first: int) -> None:
        """Whole pages, from ``at`` to ``end``; ``first``: number of the one there, from 1."""
        kinds = data[at : end : self._size]
        if _OVERFLOW not in kinds and _TABLE_LEAF not in kinds:
            return
        for place, kind in enumerate(kinds):
            start = at + place * self._size
            if start + self._size > end:
                return
            if kind == _OVERFLOW:
                self._overflow(data, start, first + place)
            elif kind == _TABLE_LEAF:
                self._cells(data, start, 8, self._most)

    def add_keyed(self, data: bytes) -> None:
        """Whole pages once more, for the cells of tables that have no row ids (1.6: X = ((U-12) *
        64 / 255) - 23; in the pages above the leaves the number of a page comes first)."""
        most = (self._usable - 12) * 64 // 255 - 23
        for start in range(0, len(data) - self._size + 1, self._size):
            if data[start] in _KEYED:
                self._cells(data, start, 8 if data[start] == _KEYED[0] else 12, most)

    def joined(self) -> bytes:
        """The end of each page and the beginning of the one on which it goes on; zeros between."""
        return b"\0".join(
            end + self._begins[following]
            for following, end in self._ends
            if following in self._begins
        )

    def _overflow(self, data: bytes, start: int, number: int) -> None:
        if len(self._begins) >= MAX_SEAMS:
            self.left_out += 1
            return
        end = start + self._usable
        begin = data[start + 4 : start + 4 + AROUND]
        if begin.strip(b"\0"):
            self._begins[number] = begin
            (following,) = struct.unpack_from(">I", data, start)
            if following:
                self._ends.append((following, data[end - AROUND : end]))

    def _cells(self, data: bytes, start: int, head: int, most: int) -> None:
        """Cells that go on elsewhere are long: pages without a long one are passed over. ``head``:
        bytes of the page's header; ``most``: payload that a cell keeps here."""
        (count,) = struct.unpack_from(">H", data, start + 3)
        if not count or head + 2 * count > self._size:
            return
        places = sorted(struct.unpack_from(f">{count}H", data, start + head))
        ends = (*places[1:], self._usable)
        if max(map(sub, ends, places)) < self._least:
            return
        above = start + (4 if data[start] == _KEYED[1] else 0)
        for place, end in zip(places, ends, strict=True):
            if end - place >= self._least and _may_exceed(data, above + place, most):
                self._cell(data, start, place, most)

    def _cell(self, data: bytes, start: int, place: int, most: int) -> None:
        is_keyed = data[start] != _TABLE_LEAF
        above = 4 if data[start] == _KEYED[1] else 0
        payload, at = _varint(data, start + place + above)
        if not is_keyed:
            _, at = _varint(data, at)
        if payload <= most:
            return
        local = self._least + (payload - self._least) % (self._usable - 4)
        local = local if local <= most else self._least
        end = at + local
        if end + 4 > start + self._size:
            return
        if len(self._ends) >= 2 * MAX_SEAMS:
            self.left_out += 1
            return
        (following,) = struct.unpack_from(">I", data, end)
        self._ends.append((following, data[max(at, end - AROUND) : end]))


def rows_on_page(page: bytes, usable: int) -> Iterator[tuple[int, list[Value]]]:
    """The rowid and the values of each row that a page of a table holds: as far as they are on this
    page, and not which table it is. Nothing of any other page; what is damaged ends it.

    Format: 1.6 b-tree pages, 2.1 record format; ``usable``: bytes of the page.
    """
    if len(page) < usable or page[0] != _TABLE_LEAF:
        return
    (count,) = struct.unpack_from(">H", page, 3)
    for place in range(8, min(8 + 2 * count, usable - 1), 2):
        (cell,) = struct.unpack_from(">H", page, place)
        _, at = _varint(page, cell)
        number, at = _varint(page, at)
        if at < usable:
            yield number, _values(page[at:usable])


def _values(record: bytes) -> list[Value]:
    """Of a record; a text or BLOB that goes on elsewhere is cut."""
    end, at = _varint(record, 0)
    types: list[int] = []
    while at < min(end, len(record)) and len(types) < MAX_COLUMNS:
        kind, at = _varint(record, at)
        types.append(kind)
    values: list[Value] = []
    at = end
    for kind in types:
        size = (kind - 12) // 2 if kind >= 12 else _FIXED_SIZES.get(kind, 0)
        data = record[at : at + size]
        at += size
        if kind >= 12:
            values.append(data)
        elif kind == _REAL and len(data) == 8:
            values.append(struct.unpack(">d", data)[0])
        elif kind in _CONSTANTS:
            values.append(_CONSTANTS[kind])
        elif len(data) < size or kind == _REAL:
            values.append(None)  # cut
        else:
            values.append(int.from_bytes(data, "big", signed=True))
    return values


def _may_exceed(data: bytes, at: int, most: int) -> bool:
    """Whether a variable-length integer may be larger than this, by its first two bytes: of most
    there are no more."""
    first, second = data[at : at + 2].ljust(2, b"\0")
    if first < 0x80:
        return first > most
    return second >= 0x80 or (first & 0x7F) << 7 | second > most


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A variable-length integer (1.6), and where it ends; what goes beyond the data is 0."""
    value = 0
    for place in range(at, min(at + 8, len(data))):
        value = value << 7 | data[place] & 0x7F
        if data[place] < 0x80:
            return value, place + 1
    end = at + 8
    return (value << 8 | data[end], end + 1) if end < len(data) else (0, len(data))
