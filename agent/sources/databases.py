"""Evidence that lies in SQLite databases: searched as bytes, and read where something occurs.

A database is looked at in pieces of whole pages, so that its size does not matter, and with what
lies beside it: the WAL, in which the newest rows are, and the journal of the last change. Where an
indicator occurs, in a page or across the ends of pages, the WAL is laid over the database in memory
and its rows are asked for it; of a database that is too large for that, the rows on the page that
was hit are, as far as they tell by themselves what they are, and the bytes are mentioned.
Nothing is written, beside it or elsewhere. What occurs in no row (a deleted one, an older page) is
mentioned too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from os import SEEK_END
from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from ..formats import FormatError
from ..formats.sqlite import (
    Database,
    Row,
    Seams,
    Value,
    committed,
    read_header,
    replayed,
    rows_on_page,
)
from ..model.observation import ByteHit, Claim, Observation, Place
from ..reading.opening import read_up_to, read_whole, reason_of
from .artefact import BLANK, CUT, Artefact, Found, Reader, is_blank
from .places import place_in

if TYPE_CHECKING:
    from ..coverage import Part
    from ..matching.record_rules import RecordRules
    from ..targets.evidence import EvidenceFile

PIECE = 64 << 10
"""Bytes: pages of any size lie in it whole."""
MAX_PARSED = 40 << 20
"""Bytes of a database whose rows are read: it is in memory twice then. Of a larger one those on the
pages in which something occurs are told, as far as they tell by themselves what they are."""
MAX_REPLAYED = 48 << 20
"""Bytes of a database and its WAL together, of which the same holds."""
MAX_BESIDE = 64 << 20
"""Of a WAL or journal; what is beyond is a gap."""
MAX_TOLD = 20_000
"""Rows of one database in which something occurs."""
KEYED = (b"WITHOUT ROWID", b"without rowid")
NO_DATABASE = "no SQLite database: enciphered, or damaged where it begins"
_PROBE = 512
_TEXT = re.compile(rb"[^\x00-\x08\x0e-\x1f\x7f]*")
_BATCH = 256
"""Rows that are scanned at once."""
WAL, JOURNAL = "-wal", "-journal"


class HitRow(NamedTuple):
    """A row in which something occurs."""

    file: EvidenceFile
    database: Database
    row: Row
    hits: tuple[ByteHit, ...]
    """In its texts; their offsets tell nothing. None: it holds a part of a path alone."""

    @property
    def place(self) -> Place:
        """Of the row, in its file."""
        table, number = self.row.table, self.row.number
        return place_in(self.file, f"{table} {number}", f"{self.file.path}, {table}, row {number}")


class Databases(Artefact):
    """An artefact whose files are SQLite databases."""

    max_bytes = 0
    piece = PIECE
    markers = ()

    def told(self, hit: HitRow) -> Iterator[Observation]:
        """What a row says. Raises FormatError."""
        raise NotImplementedError

    def alone(
        self,
        file: EvidenceFile,  # noqa: ARG002 - none does
        number: int,  # noqa: ARG002
        values: Sequence[Value],  # noqa: ARG002
    ) -> Observation | None:
        """What a row of a table that is not known says by itself; ``number``: its rowid."""
        return None

    def unasked(self, database: Database) -> Iterator[Row]:  # noqa: ARG002 - none are
        """Rows that are told whether anything occurs in them or not, of those files whose reach is
        asked for. Raises FormatError."""
        return iter(())

    def reach(self, database: Database) -> Iterable[datetime | None]:  # noqa: ARG002 - none
        """The oldest and the newest time that it knows; nothing, where that tells nothing. Raises
        FormatError."""
        return ()

    def knows_reach(self, file: EvidenceFile) -> bool:  # noqa: ARG002 - none does
        """Whether :meth:`reach` is worth reading this file once more."""
        return False

    def whose(self, file: EvidenceFile) -> str | None:  # noqa: ARG002 - not a user's
        """Of which user and program the memory is, in words; None: of none that goes on."""
        return ""

    def reader(self, file: EvidenceFile, part: Part) -> Reader:
        return DatabaseReader(file, part, self)


@dataclass
class DatabaseReader(Reader):
    """One database."""

    artefact: Databases
    _seams: Seams | None = field(default=None, init=False)
    _page: int = field(default=0, init=False)
    """Bytes of a page; 0: it is no database."""
    _usable: int = field(default=0, init=False)
    _pages: int = field(default=0, init=False)
    """As its header counts them."""
    _first: bytes = field(default=b"", init=False)
    """Of its bytes."""
    _written: bool = field(default=False, init=False)
    """Whether it has any that are no zeros."""
    _raw: dict[str, tuple[str, ByteHit]] = field(default_factory=dict, init=False)
    """By the indicator, the file that mentions it, and where."""
    _words: dict[str, tuple[str, ByteHit]] = field(default_factory=dict, init=False)
    """The same, of those that stand there as a word of their own."""
    _keyed: bool = field(default=False, init=False)
    """Whether it has tables without row ids."""
    _hidden: bool = field(default=False, init=False)
    """Whether its bytes hide its texts: its rows are read whatever occurs."""
    _occurs: bool = field(default=False, init=False)
    _parts: set[str] = field(default_factory=set, init=False)
    """Indicators that rows have, be it as a part of a longer word."""
    _told: int = field(default=0, init=False)
    """Rows in which something occurs."""

    def passes(self, window: bytes, at: int, offset: int) -> None:
        if not offset:
            self._first = window[:_PROBE]
            try:
                header = read_header(window[:100])
            except FormatError:
                pass  # What it is instead is told at the end.
            else:
                self._seams, self._page, self._usable = (
                    Seams(header),
                    header.page_size,
                    header.usable,
                )
                self._pages, self._hidden = header.pages, header.hides_text
                self._occurs = self._hidden
        self._written = self._written or not is_blank(window[at : at + PIECE])
        if self._seams is not None:
            end = min(at + PIECE, len(window))
            self._keyed = self._keyed or any(window.find(one, at, end) >= 0 for one in KEYED)
            self._seams.add(window, at, end, offset // self._page + 1)

    def records(self, found: Found) -> Iterator[Observation]:
        """Of a large one; else nothing yet: rows are told when the whole file was seen."""
        self._mentioned(self.file.path, found.data, found.offset, found.rules)
        if self._page and self._is_large:
            data, size = found.data, self._page
            pages = (data[at : at + size] for at in range(0, len(data), size))
            yield from self._alone(pages, found.rules)

    @cached_property
    def _is_large(self) -> bool:
        """Whether its rows are not read as those of a database."""
        if self.file.size > MAX_PARSED:
            return True
        try:
            wal = self.file.beside(WAL)
        except OSError:
            return False  # Which is told where the WAL is read.
        return wal is not None and self.file.size + wal.size > MAX_REPLAYED

    def _frames(self, wal: bytes) -> Iterator[tuple[int, int]]:
        """Where the pages of a WAL begin in it, and their numbers."""
        step = self._page + 24
        for at in range(32, len(wal) - step + 1, step):
            yield at + 24, int.from_bytes(wal[at : at + 4], "big")

    def _alone(self, pages: Iterable[bytes], rules: RecordRules) -> Iterator[Observation]:
        for page in pages:
            if page[:1] != b"\r" or not rules.occurs(page):
                continue
            for number, values in rows_on_page(page, self._usable):
                text = b"\0".join(value for value in values if isinstance(value, bytes))
                if rules.occurs(text):
                    seen = self.artefact.alone(self.file, number, values)
                    if seen is not None:
                        yield seen

    def _mentioned(self, path: str, data: bytes, offset: int, rules: RecordRules) -> None:
        self._occurs = True
        for known, whole_words in ((self._raw, False), (self._words, True)):
            for hit in rules.mentions(data, whole_words=whole_words):
                moved = structs.replace(hit, offset=offset + hit.offset)
                known.setdefault(hit.indicator, (path, moved))

    def end(self, rules: RecordRules) -> Iterator[Observation]:
        """The rows, what no row tells, and the reach. Raises ScanFailed."""
        self.part.examined()
        beside = {suffix: self._beside(suffix, rules) for suffix in (WAL, JOURNAL)}
        self._whole(beside[WAL])
        self._across(beside[WAL], rules)
        explained: set[str] = set()
        if self._page and self._occurs and self._is_large:
            wal = beside[WAL]
            frames = (wal[at : at + self._page] for at, _ in self._frames(wal))
            yield from self._alone(frames, rules)
        if self._occurs or (self._page and self.artefact.knows_reach(self.file)):
            yield from self._rows(beside[WAL], rules, explained)
        yield from self._left(explained)

    def _whole(self, wal: bytes) -> None:
        """What is no database, or the half of one, is a gap: more than its bytes say may be in it,
        enciphered or elsewhere. Text, by that name, is all that it says."""
        if not self.file.size:
            return
        if not self._written:
            self.part.unread(f"{self.artefact.kind}: {BLANK}", self.file.path)
        elif not self._page and _TEXT.fullmatch(self._first):
            self.part.note("no SQLite database; its bytes were searched", self.file.path)
        elif not self._page:
            self.part.unread(f"{self.artefact.kind}: {NO_DATABASE}", self.file.path)
        elif self._pages * self._page > self.file.size and self._is_cut(wal):
            self.part.unread(f"{self.artefact.kind}: {CUT}", self.file.path)

    def _is_cut(self, wal: bytes) -> bool:
        """Whether pages that it counts are neither in it nor in its WAL. The file is asked for its
        size: a folder knows that of one in use late."""
        try:
            with self.file.open() as opened:
                there = opened.seek(0, SEEK_END) // self._page
            changed, _ = committed(wal)
        except (OSError, FormatError):
            return True
        return there + sum(there < page <= self._pages for page in changed) < self._pages

    def _beside(self, suffix: str, rules: RecordRules) -> bytes:
        """What lies beside it, scanned; what cannot be read is a gap."""
        try:
            file = self.file.beside(suffix)
            if file is None or not file.size:
                return b""
            with file.open() as opened:
                data = read_whole(opened, MAX_BESIDE + 1, file.size)
        except OSError as error:
            self.part.unread(f"{suffix[1:]}: {reason_of(error)}", self.file.path + suffix)
            return b""
        if len(data) > MAX_BESIDE:
            self.part.unread(f"{suffix[1:]}: read up to {MAX_BESIDE >> 20} MiB only", file.path)
            data = data[:MAX_BESIDE]
        if rules.occurs(data):
            self._mentioned(file.path, data, 0, rules)
        return data

    def _across(self, wal: bytes, rules: RecordRules) -> None:
        """What stands across the ends of pages, of the WAL too."""
        if self._seams is None:
            return
        if self._keyed:
            self._add_keyed()
        for at, page in self._frames(wal):
            self._seams.add(wal, at, at + self._page, page)
            if self._keyed:
                self._seams.add_keyed(wal[at : at + self._page])
        if self._seams.left_out:
            self.part.unread("ends of pages that were not joined", count=self._seams.left_out)
        joined = self._seams.joined()
        if joined and rules.occurs(joined):
            self._mentioned(self.file.path, joined, 0, rules)
        self._seams = None

    def _add_keyed(self) -> None:
        """Its pages once more, for tables without row ids."""
        try:
            with self.file.open() as opened:
                while self._seams is not None and (data := read_up_to(opened, PIECE)):
                    self._seams.add_keyed(data)
        except OSError as error:
            self.part.unread(f"{self.artefact.kind}: {reason_of(error)}", self.file.path)

    def _rows(self, wal: bytes, rules: RecordRules, explained: set[str]) -> Iterator[Observation]:
        try:
            database = self._opened(wal)
        except FormatError as error:
            tell = self.part.unread if self._occurs else self.part.note
            tell(f"{self.artefact.kind}: {error.what}", self.file.path)
            return
        if database is None:
            if self._hidden:
                why = "too large to read its rows, and its bytes hide text"
                self.part.unread(f"{self.artefact.kind}: {why}", self.file.path)
            self.part.note("too large to read its rows; its bytes were searched", self.file.path)
            return
        try:
            self._reached(database)
            yield from self._unasked(database)
            if self._occurs:
                yield from self._hit_rows(database, rules, explained)
        finally:
            database.close()

    def _opened(self, wal: bytes) -> Database | None:
        """None: it is too large. Raises FormatError."""
        try:
            with self.file.open() as opened:
                data = read_whole(opened, MAX_PARSED + 1, self.file.size)
        except OSError as error:
            raise FormatError(reason_of(error)) from error
        if len(data) > MAX_PARSED or len(data) + len(wal) > MAX_REPLAYED:
            return None
        made: bytes | bytearray
        try:
            made = replayed(data, wal)
        except FormatError as error:
            self.part.unread(f"{self.artefact.kind}: {error.what}", self.file.path + WAL)
            made = replayed(data, b"")
        del data  # It is in memory twice already.
        return Database(made)

    def _reached(self, database: Database) -> None:
        whose = self.artefact.whose(self.file)
        self.part.is_of_host &= whose is not None
        self.part.whose = whose or ""
        try:
            for when in self.artefact.reach(database):
                if when is not None:
                    self.part.reaches(when)
        except FormatError as error:
            self.part.note(f"{self.artefact.kind}: {error.what}", self.file.path)

    def _unasked(self, database: Database) -> Iterator[Observation]:
        try:
            for row in self.artefact.unasked(database):
                yield from self.artefact.told(HitRow(self.file, database, row, ()))
        except FormatError as error:
            self.part.unread(f"{self.artefact.kind}: {error.what}", self.file.path)

    def _hit_rows(
        self, database: Database, rules: RecordRules, explained: set[str]
    ) -> Iterator[Observation]:
        for table in database.tables:
            try:
                for batch in _batches(database.rows(table)):
                    if rules.occurs(b"\0".join(row.bytes for row in batch)):
                        for row in batch:
                            yield from self._row(database, row, rules, explained)
            except FormatError as error:
                self.part.unread(f"{self.artefact.kind}: {error.what}", self.file.path)

    def _row(
        self, database: Database, row: Row, rules: RecordRules, explained: set[str]
    ) -> Iterator[Observation]:
        text = row.bytes
        if not rules.occurs(text):
            return
        hits = tuple(rules.mentions(text))
        self._parts.update(hit.indicator for hit in rules.mentions(text, whole_words=False))
        explained.update(hit.indicator for hit in hits)
        self._told += 1
        if self._told > MAX_TOLD:
            if self._told == MAX_TOLD + 1:
                self.part.unread(f"more than {MAX_TOLD:,} rows with something in it")
            return
        yield from self.artefact.told(HitRow(self.file, database, row, hits))

    def _left(self, explained: set[str]) -> Iterator[Observation]:
        """What no row holds. A row with a longer word explains what is a part of one, and nothing
        that stands elsewhere as a word of its own."""
        remark = "" if self._is_large else "in none of its rows: a deleted one, or not readable"
        by_path: dict[str, list[ByteHit]] = {}
        raw = {one: at for one, at in self._raw.items() if one not in self._parts}
        for indicator, (path, hit) in {**raw, **self._words}.items():
            if indicator not in explained:
                by_path.setdefault(path, []).append(hit)
        for path, hits in by_path.items():
            yield Observation(
                source=self.artefact.name,
                seen=f"{self.artefact.kind}, by its bytes",
                claim=Claim.MENTIONED,
                place=Place(
                    text=f"{path} (byte {hits[0].offset:,})",
                    path=path,
                    record=f"byte {hits[0].offset}",
                    view=self.file.view,
                    owner=self.file.owner,
                ),
                hits=tuple(hits),
                remarks=(remark,) if remark else (),
            )


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Those before a damaged one are given before its FormatError is raised."""
    batch: list[Row] = []
    try:
        for row in rows:
            batch.append(row)
            if len(batch) == _BATCH:
                yield batch
                batch = []
    except FormatError:
        yield batch
        raise
    yield batch
