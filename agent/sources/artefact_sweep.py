"""The look at the files of one artefact.

Each file is opened once and its bytes are scanned once for all indicators; records are parsed where
something occurs and nowhere else; what a parser refuses is a mention by its raw bytes; every file
is accounted for, and what the agent itself left there is left out.

Files of whole *pieces* that can be parsed alone (the chunks of an event log) are looked at in
windows of them (``piece_scan.py``), so many files ahead of the one that is told next: this thread
lists and opens them while another one reads and scans the large ones, scans the small ones itself,
and helps with a large one where it would wait for it.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from ..engine.scanner import ScanFailed
from ..formats import FormatError
from ..formats.paged import HELD, PagedFile
from ..model.observation import Observation
from ..reading.opening import is_gone, read_whole, reason_of
from ..targets.raw_fallback import BY_RECORD
from .artefact import BLANK, Found, is_blank
from .by_bytes import is_own, raw_mention
from .encoded_commands import with_decoded
from .in_pages import FoundInPages, first_mentions
from .piece_scan import PieceScan, windows_from_the_heap

if TYPE_CHECKING:
    from ..coverage import Ledger, Part
    from ..formats.paged import Bytes
    from ..matching.matcher import Matcher
    from ..matching.own_traces import Own
    from ..matching.record_rules import RecordRules
    from ..targets.evidence import EvidenceFile
    from .artefact import Artefact, Reader
    from .artefact_source import ArtefactSource
    from .in_pages import Searched
    from .piece_scan import Piece

_T = TypeVar("_T")
_AHEAD = 64
"""Files that are under way."""


def _room(size: int) -> str:
    return f"{size >> 20} MiB" if size >= 1 << 20 else f"{size >> 10} KiB"


@dataclass
class ArtefactSweep:
    """Is given the files one by one; to be closed."""

    artefact: Artefact
    matcher: Matcher
    ledger: Ledger
    own: Own
    source: ArtefactSource
    _under_way: deque[tuple[_Look, PieceScan]] = field(default_factory=deque)
    """In the order in which they are told."""
    _pool: ThreadPoolExecutor | None = None
    _opened: int = 0
    """How many files were opened."""

    def __post_init__(self) -> None:
        if not self.artefact.piece:
            return
        windows_from_the_heap()
        if self.source.threads > 1:
            self._pool = ThreadPoolExecutor(self.source.threads - 1, "scan")

    @cached_property
    def rules(self) -> RecordRules:
        """Built for the first file: of much that is looked for there is none on most hosts."""
        return self.matcher.records(self.artefact.markers, turned=self.artefact.turned)

    def close(self) -> None:
        """Whatever is under way is given up, and a gap."""
        self.matcher.accounts.scanned(self._opened)
        for look, scan in self._under_way:
            scan.close()
            look.part.unread(f"{self.artefact.kind}: not looked at to its end", look.file.path)
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def file(self, file: EvidenceFile, *, in_use: bool) -> Iterator[Observation]:
        """One file, of a system that is ``in_use``; an error in it is a gap."""
        self.source.progress(file.path)
        part = self.ledger.part(file.path, is_of_host=not (file.windows or file.view))
        try:
            opened = file.open()
        except OSError as error:
            self._missed(part, file, error)
            return
        if in_use and file.how == "by record":
            part.note(BY_RECORD, file.path)
        self._opened += 1
        look = _Look(self, file, part, self.artefact.reader(file, part))
        if self.artefact.piece:
            scan = PieceScan(opened, file.size, self.artefact, look.reader, self.rules)
            self._under_way.append((look, scan))
            self._share(scan)
            yield from self.told(most=0 if self._pool is None else _AHEAD)
            return
        try:
            with opened:
                yield from look.whole(opened)
        except OSError as error:
            self._missed(part, file, error)
        yield from look.ended()

    def _share(self, scan: PieceScan) -> None:
        if self._pool is not None:
            scan.share(self._pool)

    def told(self, *, most: int) -> Iterator[Observation]:
        """What the oldest files hold, until so many are under way."""
        while len(self._under_way) > most:
            look, scan = self._under_way[0]
            yield from self._scanned(look, scan)
            scan.close()
            self._under_way.popleft()
            self.ledger.bytes += scan.bytes
            if scan.error is not None:
                self._missed(look.part, look.file, scan.error)
            yield from look.ended()

    def _scanned(self, look: _Look, scan: PieceScan) -> Iterator[Observation]:
        """What a file's windows hold."""
        path, progress = look.file.path, self.source.progress
        while True:
            scan.run(lambda: progress(path))
            yield from look.held(scan.drained())
            if scan.ended:
                return
            self._share(scan)

    def _missed(self, part: Part, file: EvidenceFile, error: OSError) -> None:
        if is_gone(error):
            part.note("vanished during the sweep", file.path)
        else:
            part.unread(f"{self.artefact.kind}: {reason_of(error)}", file.path)


@dataclass
class _Look:
    """One file."""

    sweep: ArtefactSweep
    file: EvidenceFile
    part: Part
    reader: Reader

    def whole(self, opened: BinaryIO) -> Iterator[Observation]:
        """A file that is looked at as one. Raises OSError."""
        artefact, most = self.sweep.artefact, self.sweep.artefact.max_bytes
        if artefact.never_held or (artefact.by_pages and self.reader.size > HELD):
            yield from self._in_pages(opened, most)
            return
        data = read_whole(opened, most + 1, self.file.size)
        if len(data) > most:
            self.part.unread(f"{self._kind}: read up to {_room(most)} only", self.file.path)
            data = data[:most]
        if is_blank(data):
            self.part.unread(f"{self._kind}: {BLANK}", self.file.path)
        self.sweep.ledger.bytes += len(data)
        try:
            data = self.reader.plain(data)
        except FormatError as error:
            self.part.unread(f"{self._kind}: {error.what}", self.file.path)
        self.reader.passes(data, 0, 0)
        if self._asked(partial(self.sweep.rules.occurs, data)):
            found = Found(data, 0, self.sweep.rules)
            yield from self._parsed(found, partial(self.reader.records, found))

    def _in_pages(self, opened: BinaryIO, most: int) -> Iterator[Observation]:
        """A file that is too large to be held. Raises OSError."""
        size = opened.seek(0, os.SEEK_END)
        if size > most:
            self.part.unread(f"{self._kind}: read up to {most >> 20} MiB only", self.file.path)
        file = PagedFile(opened, min(size, most))
        self.sweep.ledger.bytes += len(file)
        data: Bytes = file
        if is_blank(file):
            self.part.unread(f"{self._kind}: {BLANK}", self.file.path)
        try:
            data = self.reader.pages(file)
        except FormatError as error:
            self.part.unread(f"{self._kind}: {error.what}", self.file.path)
        found = FoundInPages(data, self.sweep.rules)
        if (closer := self._asked(partial(self.reader.closer, found))) is not None:
            yield from self._parsed(closer, partial(self.reader.records_in_pages, closer))

    def held(self, pieces: Sequence[Piece]) -> Iterator[Observation]:
        """What pieces say in which something occurs."""
        for offset, data, failed in pieces:
            if failed:
                self.part.unread(f"scan of the bytes: {failed}", self._place_of(offset))
            else:
                found = Found(data, offset, self.sweep.rules)
                yield from self._parsed(found, partial(self.reader.records, found), offset)

    def ended(self) -> Iterator[Observation]:
        """What is known now."""
        try:
            yield from self.told(self.reader.end(self.sweep.rules))
        except ScanFailed as error:
            self.part.unread(f"scan of the bytes: {error}", self.file.path)

    def _asked(self, question: Callable[[], _T], offset: int = 0) -> _T | None:
        """None, and a gap, where bytes cannot be scanned."""
        try:
            return question()
        except ScanFailed as error:
            self.part.unread(f"scan of the bytes: {error}", self._place_of(offset))
            return None

    @property
    def _kind(self) -> str:
        return self.sweep.artefact.kind

    def _parsed(
        self, found: Searched, records: Callable[[], Iterator[Observation]], offset: int = 0
    ) -> Iterator[Observation]:
        try:
            yield from self.told(records())
        except ScanFailed as error:
            self.part.unread(f"scan of the bytes: {error}", self._place_of(offset))
        except FormatError as error:
            self.part.unread(f"{self._kind}: {error.what}", self._place_of(offset))
            yield from self.told(self._raw_mention(found, offset))

    def _raw_mention(self, found: Searched, offset: int) -> Iterator[Observation]:
        if hits := self._asked(lambda: first_mentions(found.data, found.rules), offset):
            yield raw_mention(self.sweep.artefact, self.file, hits, offset + hits[0].offset)

    def _place_of(self, offset: int) -> str:
        return f"{self.file.path} (byte {offset:,})"

    def told(self, seen: Iterator[Observation]) -> Iterator[Observation]:
        """Without what the agent itself left there: counted, not hidden; command lines with the
        commands that they hide."""
        for one in seen:
            if is_own(one, self.sweep.own, self.sweep.matcher):
                self.sweep.ledger.own += 1
            else:
                yield self._in_the_clear(one)

    def _in_the_clear(self, seen: Observation) -> Observation:
        try:
            return with_decoded(seen, self.sweep.rules)
        except (FormatError, ScanFailed) as error:
            self.part.unread(f"base64 in a command line: {error}", seen.place.text)
            return seen
