"""Evidence that lies in ESE databases: searched page by page, and read where something occurs.

A database is looked at in pieces of whole pages, so that its size does not matter. What its pages
compress is searched in the clear, and long values across the ends of their parts too. Where an
indicator occurs, the rows on that page are read, with the catalogue that was met on the way; a hit
in a long value is told by the row that it belongs to. What occurs in no row (a deleted one, the
slack of a page) is mentioned.
Cannot tell: what is in the database's log alone, where values stand as compressed as in it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from msgspec import structs

from ..formats import FormatError
from ..formats.ese import (
    CATALOG,
    Catalogued,
    CellValue,
    Row,
    Table,
    catalogued,
    farthest_of,
    rows_of,
    tables_of,
)
from ..formats.ese_pages import Page, Part, long_values_of, page_size_of, tagged
from ..model.objects import User
from ..model.observation import ByteHit, Claim, Observation, Place
from ..reading.opening import read_up_to, reason_of
from ..spelling import fold
from .artefact import BLANK, CUT, Artefact, Found, Reader, is_blank
from .by_bytes import raw_mention
from .places import owner_of, place_in, told_as

if TYPE_CHECKING:
    from ..coverage import Part as Account
    from ..matching.record_rules import RecordRules
    from ..targets.evidence import EvidenceFile

PIECE = 64 << 10
"""Bytes: pages of any size lie in it whole."""
MAX_CATALOGUED = 100_000
"""Columns and tables of one database."""
MAX_TOLD = 20_000
"""Pages of one database in which something occurs, and rows."""
MAX_SEAMS = 16_384
MAX_LONG = 32 << 20
"""Bytes of long values that are read for the rows that are told."""
_AROUND = 512
"""Bytes at the end of a part that are joined with as many of the next."""

_IN_NO_ROW = ("in none of its rows: a deleted one, or not readable",)
_LOGS = (".LOG", ".JTX")
_LOG = "log of an ESE database, searched by its bytes: values that it compresses are not read"
_NONE = "no ESE database: enciphered, or damaged where it begins"

Key = tuple[int, bytes]
"""Of a long value: its tree, and its key there."""


class HitRow(NamedTuple):
    """A row in which something occurs."""

    file: EvidenceFile
    table: str
    row: Row
    hits: tuple[ByteHit, ...]
    """In its values; their offsets tell nothing."""

    @property
    def place(self) -> Place:
        """Of the row, in its file."""
        record = f"{self.table} page {self.row.page} row {self.row.number}"
        return place_in(self.file, record, f"{self.file.path}, {record}")

    def place_of(self, what: str) -> Place:
        """Of the row, named by what it is about."""
        return told_as(what, self.place)

    @property
    def owner(self) -> User | None:
        """In whose profile it lies."""
        return owner_of(self.file)

    def text(self, name: str) -> str:
        """A value as text, "" for none."""
        value = self.row.values.get(name)
        return text_of(value) if isinstance(value, bytes) else ""

    def number(self, name: str) -> int:
        """A value, or the eight bytes of one, as a number; 0 for none."""
        value = self.row.values.get(name)
        if isinstance(value, bytes) and len(value) <= 8:
            return int.from_bytes(value, "little")
        return value if isinstance(value, int) else 0


def text_of(value: bytes) -> str:
    """In UTF-16, unless it is ASCII throughout; up to its end."""
    if value.isascii() and b"\0" not in value:
        return value.decode("ascii")
    return value[: len(value) & ~1].decode("utf-16-le", "surrogatepass").rstrip("\0")


class EseDatabases(Artefact):
    """An artefact whose files are ESE databases."""

    max_bytes = 0
    piece = PIECE
    markers = ()
    hides = True

    def told(self, hit: HitRow) -> Iterator[Observation]:
        """What a row says: unless overridden, that something is mentioned in it."""
        yield self.mention(hit)

    def mention(self, hit: HitRow) -> Observation:
        """That something is mentioned in a row, and no more."""
        return Observation(
            source=self.name,
            seen=f"table {hit.table}",
            claim=Claim.LOGGED,
            place=hit.place,
            user=hit.owner,
            hits=hit.hits,
        )

    def gap(self, tables: Mapping[str, Table]) -> str:  # noqa: ARG002 - none has one
        """What of a database with these tables is not read; "" for nothing."""
        return ""

    def reader(self, file: EvidenceFile, part: Account) -> Reader:
        return EseReader(file, part, self)


@dataclass
class _Seams:
    """Where parts of long values meet. By several threads at once."""

    left_out: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ends: dict[tuple[Key, int], bytes] = field(default_factory=dict)
    _begins: dict[tuple[Key, int], bytes] = field(default_factory=dict)

    def add(self, tree: int, part: Part) -> None:
        key = (tree, part.of)
        with self._lock:
            if len(self._ends) + len(self._begins) >= MAX_SEAMS:
                self.left_out += 1
                return
            if part.at:
                self._begins[key, part.at] = part.data[:_AROUND]
            if part.goes_on:
                self._ends[key, part.at + len(part.data)] = part.data[-_AROUND:]

    def joined(self) -> bytes:
        return b"\0\0".join(
            end + self._begins[place] for place, end in self._ends.items() if place in self._begins
        )


@dataclass
class EseReader(Reader):
    """One database."""

    artefact: EseDatabases
    _page: int = field(default=0, init=False)
    """Bytes of a page; 0: it is no database."""
    _catalog: list[Catalogued] = field(default_factory=list, init=False)
    _seams: _Seams = field(default_factory=_Seams, init=False)
    _damaged: int = field(default=0, init=False)
    """Pages on which something cannot be read."""
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _raw: dict[str, ByteHit] = field(default_factory=dict, init=False)
    _pages: set[int] = field(default_factory=set, init=False)
    """Offsets of those with rows in which something occurs."""
    _longs: set[Key] = field(default_factory=set, init=False)
    _told: int = field(default=0, init=False)
    _written: bool = field(default=False, init=False)
    _seen: int = field(default=0, init=False)
    """Bytes, to the end of the last piece that was ever written: what its folder says of its size
    may be old."""

    def passes(self, window: bytes, at: int, offset: int) -> None:
        """The catalogue is kept as it comes by."""
        if not offset:
            with suppress(FormatError):
                self._page = page_size_of(window[:240])
        self._written = self._written or not is_blank(window[at : at + PIECE])
        self._seen = offset + min(PIECE, len(window) - at)
        for place in self._places(offset, min(PIECE, len(window) - at)):
            page = Page(window[at + place : at + place + self._page])
            if page.tree == CATALOG and page.has_rows and len(self._catalog) < MAX_CATALOGUED:
                try:
                    self._catalog += catalogued(page)
                except FormatError:
                    self._miss()

    def _places(self, offset: int, size: int) -> range:
        """Of the pages in a piece; the first two of the file are its headers."""
        if not self._page:
            return range(0)
        first = max(0, 2 * self._page - offset)
        return range(first, size - self._page + 1, self._page)

    def _miss(self) -> None:
        with self._lock:
            self._damaged += 1

    def hidden(self, piece: bytes, offset: int) -> bytes:
        values: list[bytes] = []
        for at in self._places(offset, len(piece)):
            page = Page(piece[at : at + self._page])
            if page.has_long_values:
                parts, damaged = page.readable_parts()
                for part in parts:
                    self._seams.add(page.tree, part)
                    values.append(part.data)
            else:
                text, damaged = page.hidden()
                values.append(text)
            if damaged:
                self._miss()
        return b"\0\0".join(values)

    def records(self, found: Found) -> Iterator[Observation]:
        """Nothing yet: rows are told when the whole file was seen."""
        self._mentioned(found.data, found.offset, found.rules)
        for at in self._places(found.offset, len(found.data)):
            data = found.data[at : at + self._page]
            page = Page(data)
            if page.has_rows:
                text = data + b"\0\0" + page.hidden().text
                if found.rules.occurs(text):
                    self._mentioned(text, found.offset + at, found.rules)
                    self._keep(found.offset + at)
            elif page.has_long_values:
                for part in page.readable_parts()[0]:
                    if found.rules.occurs(part.data):
                        self._mentioned(part.data, found.offset + at, found.rules)
                        self._longs.add((page.tree, part.of))
        yield from ()

    def _keep(self, offset: int) -> None:
        if len(self._pages) < MAX_TOLD:
            self._pages.add(offset)
        else:
            self.part.unread(f"more than {MAX_TOLD:,} pages with something in them")

    def _mentioned(self, data: bytes, offset: int, rules: RecordRules) -> None:
        for hit in rules.mentions(data, whole_words=False):
            moved = structs.replace(hit, offset=offset + min(hit.offset, len(data) - 1))
            self._raw.setdefault(hit.indicator, moved)

    def end(self, rules: RecordRules) -> Iterator[Observation]:
        """The rows, and what no row tells. Raises ScanFailed."""
        self.part.examined()
        kind = self.artefact.kind
        tables = tables_of(self._catalog)
        for reason in (self._torn(), self.artefact.gap(tables)):
            if reason:
                self.part.unread(f"{kind}: {reason}", self.file.path)
        if self._seams.left_out:
            self.part.unread("parts of long values not joined", count=self._seams.left_out)
        joined = self._seams.joined()
        self._seams = _Seams()
        if joined and rules.occurs(joined):
            self._mentioned(joined, 0, rules)
        if self._damaged:
            self.part.unread(f"{kind}: pages that cannot be read", count=self._damaged)
        explained: set[str] = set()
        if self._pages or self._longs:
            try:
                with self.file.open() as opened:
                    rows = _HitRows(opened, self._page, tables)
                    for table, row in rows.all(self._pages, self._longs, rules):
                        yield from self._row(table, row, rules, explained)
                if rows.left_out:
                    self.part.note(f"more than {MAX_LONG >> 20} MiB of long values", self.file.path)
            except OSError as error:
                self.part.unread(f"{kind}: {reason_of(error)}", self.file.path)
        yield from self._left(explained)

    def _torn(self) -> str:
        """What it is instead of a whole database; "" for that, and for an empty file."""
        if not self._written:
            return BLANK if self.file.size else ""
        if not self._page:
            if fold(self.file.path).endswith(_LOGS):
                self.part.note(_LOG, self.file.path)
                return ""
            return _NONE
        if not self._catalog:
            return "its catalogue is not there"
        is_cut = farthest_of(self._catalog) > self._seen // self._page - 2
        return CUT if is_cut else ""

    def _row(
        self, table: str, row: Row, rules: RecordRules, explained: set[str]
    ) -> Iterator[Observation]:
        text = bytes_of(row)
        if not rules.occurs(text):
            return
        explained.update(hit.indicator for hit in rules.mentions(text, whole_words=False))
        self._told += 1
        if self._told > MAX_TOLD:
            if self._told == MAX_TOLD + 1:
                self.part.unread(f"more than {MAX_TOLD:,} rows with something in it")
            return
        hit = HitRow(self.file, table, row, tuple(rules.mentions(text)))
        try:
            yield from self.artefact.told(hit)
        except FormatError as error:
            self.part.unread(f"{self.artefact.kind}: {error.what}", hit.place.text)
            yield self.artefact.mention(hit)

    def _left(self, explained: set[str]) -> Iterator[Observation]:
        """What no row holds."""
        hits = [hit for indicator, hit in self._raw.items() if indicator not in explained]
        if hits:
            yield raw_mention(self.artefact, self.file, hits, hits[0].offset, _IN_NO_ROW)


def bytes_of(row: Row) -> bytes:
    """All that stands in a row, to be searched; two zeros between values."""
    return b"\0\0".join(_bytes(value) for value in row.values.values())


def _bytes(value: CellValue) -> bytes:
    return value if isinstance(value, bytes) else b""


class _HitRows:
    """Rows of a database, by the pages in which something occurs and by their long values."""

    def __init__(self, opened: BinaryIO, page_size: int, tables: Mapping[str, Table]) -> None:
        self._opened, self._size = opened, page_size
        self._tables = {table.id: table for table in tables.values()}
        self._trees = {table.long_values: table.id for table in tables.values()}
        self._parts: dict[Key, dict[int, bytes]] = {}
        self._room = MAX_LONG
        self.left_out = False

    def all(
        self, pages: set[int], longs: set[Key], rules: RecordRules
    ) -> Iterator[tuple[str, Row]]:
        """With the name of their table. Raises OSError and ScanFailed."""
        wanted = set(longs)
        for offset in sorted(pages):
            wanted |= self._wanted(offset, rules)
        if wanted:
            pages = pages | self._owners(longs, wanted)
        whole = {
            key: b"".join(data for _, data in sorted(parts.items()))
            for key, parts in self._parts.items()
        }
        for offset in sorted(pages):
            page = self._read(offset)
            if page is None or (table := self._tables.get(page.tree)) is None:
                continue
            known = {of: data for (tree, of), data in whole.items() if tree == table.long_values}
            number = offset // self._size - 1
            for row in _rows(page, number, table, known):
                yield table.name, row

    def _read(self, offset: int) -> Page | None:
        self._opened.seek(offset)
        data = read_up_to(self._opened, self._size)
        return Page(data) if len(data) == self._size else None

    def _wanted(self, offset: int, rules: RecordRules) -> set[Key]:
        """The long values of the rows on a page in which something occurs."""
        page = self._read(offset)
        table = self._tables.get(page.tree) if page is not None else None
        wanted: set[Key] = set()
        if page is None or table is None:
            return wanted
        occurs = {row.number for row in _rows(page, 0, table, {}) if rules.occurs(bytes_of(row))}
        for entry in _entries(page):
            if entry[0] in occurs:
                wanted |= {(table.long_values, key) for key in entry[1]}
        return wanted

    def _owners(self, longs: set[Key], wanted: set[Key]) -> set[int]:
        """The pages of rows whose long values are these; the values that are wanted are kept."""
        owners: set[int] = set()
        offset = 2 * self._size
        self._opened.seek(offset)
        while len(data := read_up_to(self._opened, self._size)) == self._size:
            page = Page(data)
            if page.has_long_values and page.tree in self._trees:
                for part in page.readable_parts()[0]:
                    if (page.tree, part.of) in wanted:
                        self._hold((page.tree, part.of), part)
            elif longs and page.has_rows and (table := self._tables.get(page.tree)) is not None:
                tree = table.long_values
                if any((tree, key) in longs for _, keys in _entries(page) for key in keys):
                    owners.add(offset)
            offset += self._size
        return owners

    def _hold(self, key: Key, part: Part) -> None:
        self._room -= len(part.data)
        if self._room < 0:
            self.left_out = True
        else:
            self._parts.setdefault(key, {})[part.at] = part.data


def _rows(page: Page, number: int, table: Table, known: Mapping[bytes, bytes]) -> Iterator[Row]:
    try:
        yield from rows_of(page, number, table, known)
    except FormatError:
        return  # Counted before, as a page that cannot be read.


def _entries(page: Page) -> list[tuple[int, list[bytes]]]:
    """Of each entry of a page its number, and the keys of its long values."""
    told: list[tuple[int, list[bytes]]] = []
    try:
        for entry in page.entries():
            values = tagged(entry.data, is_large=page.is_large)
            told.append((entry.number, [key for one in values for key in long_values_of(one)]))
    except FormatError:
        return told
    return told
