"""The driver for evidence that lies in files: logs, hives, prefetch, databases.

An :class:`Artefact` says where its files lie and what a record of them means. All else is done
here, once for all: each file is opened once and its bytes are scanned once for all indicators;
records are parsed where something occurs and nowhere else; what a parser refuses is a mention by
its raw bytes; every file is accounted for, and what the agent itself left there is left out.

A large file is looked at in windows of whole *pieces* that can be parsed alone (the chunks of an
event log), scanned on other threads while the next ones are read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol

from ..engine.scanner import ScanFailed
from ..formats import FormatError
from ..model.observation import ByteHit, Claim, Observation, Place
from ..model.report import State
from ..reading.opening import is_gone, read_up_to, reason_of
from ..targets.raw_fallback import BY_RECORD

if TYPE_CHECKING:
    from ..coverage import Ledger, Part
    from ..engine.patterns import BytePattern
    from ..matching.matcher import Matcher
    from ..matching.own_traces import Own
    from ..matching.record_rules import RecordRules
    from ..targets import Target
    from ..targets.evidence import EvidenceFile

WINDOW = 256 << 10
"""Bytes that are scanned at once; whole pieces."""
THREADS = 2


class Found(NamedTuple):
    """Bytes in which something occurs."""

    data: bytes
    """A piece, or the whole file in the clear (:meth:`Artefact.plain`)."""
    offset: int
    """Of the data, in its file."""
    rules: RecordRules
    """To tell which of its records hold what."""


class Reader(Protocol):
    """One file of an artefact, while it is looked at."""

    def passes(self, data: bytes, offset: int) -> None:
        """Is shown every piece of the file, in order, whether anything occurs in it or not: for the
        reach, and for what is missing. Does as little as it can."""

    def records(self, found: Found) -> Iterator[Observation]:
        """What the records say in which something occurs. Raises FormatError, after which the
        bytes are mentioned raw."""

    def end(self) -> Iterator[Observation]:
        """What is known when the whole file was seen."""


class Artefact(Protocol):
    """A kind of evidence that lies in files."""

    name: str
    """Of the source."""
    kind: str
    """Of one file, in a few words: ``event log``."""
    max_bytes: int
    """Of a file that is read whole; what is beyond is a gap. 0: it is read in pieces."""
    header: int
    piece: int
    """Bytes before the first piece, and of each piece; 0: the file is one."""
    markers: Sequence[BytePattern]
    """What makes a record worth parsing though no indicator occurs in it: it hides text."""

    def patterns(self, target: Target) -> Sequence[str]:
        """Where its files lie, in the host's language (``targets/path_patterns.py``)."""

    def required(self, target: Target) -> bool:
        """As of a source."""

    def plain(self, data: bytes) -> bytes:
        """The bytes to scan, where a file hides text in them. Raises FormatError."""

    def searchable(self, data: bytes, file: EvidenceFile, part: Part) -> bytes:
        """The bytes to scan of one file, which may be more than its own: what lies beside it.
        Raises FormatError."""

    def reader(self, file: EvidenceFile, part: Part) -> Reader:
        """For one file; ``part``: its account."""


class WholeFile:
    """What most artefacts have in common: files that are read whole, as they are."""

    where: Sequence[str] = ()
    max_bytes = 64 << 20
    header = piece = 0
    markers: Sequence[BytePattern] = ()

    def patterns(self, target: Target) -> Sequence[str]:  # noqa: ARG002 - the same everywhere
        """``where``"""
        return self.where

    def required(self, target: Target) -> bool:
        """Wherever there is a Windows to ask."""
        return target.platform == "windows"

    def plain(self, data: bytes) -> bytes:
        """Nothing is hidden."""
        return data

    def searchable(self, data: bytes, file: EvidenceFile, part: Part) -> bytes:  # noqa: ARG002
        """Nothing lies beside it."""
        return self.plain(data)

    def records(
        self, file: EvidenceFile, data: bytes, hits: Sequence[ByteHit]
    ) -> Iterator[Observation]:
        """What the file says, in which these indicators are mentioned. Raises FormatError."""
        raise NotImplementedError

    def reader(self, file: EvidenceFile, part: Part) -> Reader:
        """Asks :meth:`records`, and nothing of a file in which nothing occurs."""
        return _WholeReader(self, file, part)


@dataclass
class _WholeReader:
    artefact: WholeFile
    file: EvidenceFile
    part: Part

    def passes(self, data: bytes, offset: int) -> None:  # noqa: ARG002 - nothing to keep
        self.part.examined()

    def records(self, found: Found) -> Iterator[Observation]:
        hits = found.rules.mentions(found.data)
        yield from self.artefact.records(self.file, found.data, hits)

    def end(self) -> Iterator[Observation]:
        return iter(())


class ArtefactSource:
    """A source, made of an artefact."""

    def __init__(
        self,
        artefact: Artefact,
        *,
        threads: int = THREADS,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        """``progress``: is told each file, again while it is read, and may raise to end it."""
        self.name = artefact.name
        self.progress = progress
        self._artefact = artefact
        self.threads = threads

    def required(self, target: Target) -> bool:
        """As the artefact says."""
        return self._artefact.required(target)

    def observe(self, target: Target, matcher: Matcher, ledger: Ledger) -> Iterator[Observation]:
        """What the records say that match; every file is accounted for."""
        sweep = _ArtefactSweep(self._artefact, matcher, ledger, target.own, self)
        for file in target.evidence(self._artefact.patterns(target), ledger):
            sweep.files += 1
            yield from sweep.file(file, in_use=target.live is not None)
        if not sweep.files and ledger.state is State.COMPLETE:
            ledger.note("none on this host")


@dataclass
class _ArtefactSweep:
    artefact: Artefact
    matcher: Matcher
    ledger: Ledger
    own: Own
    source: ArtefactSource
    files: int = 0

    def __post_init__(self) -> None:
        self.rules = self.matcher.records(self.artefact.markers)

    def file(self, file: EvidenceFile, *, in_use: bool) -> Iterator[Observation]:
        """One file, of a system that is ``in_use``; an error in it is a gap."""
        self.source.progress(file.path)
        part = self.ledger.part(file.path)
        try:
            opened = file.open()
        except OSError as error:
            self._missed(part, file, error)
            return
        if in_use and file.how == "by record":
            part.note(BY_RECORD, file.path)
        self.matcher.accounts.scanned()
        look = _Look(self, file, part, self.artefact.reader(file, part))
        try:
            with opened:
                yield from look.in_pieces(opened) if self.artefact.piece else look.whole(opened)
            yield from look.told(look.reader.end())
        except OSError as error:
            self._missed(part, file, error)

    def _missed(self, part: Part, file: EvidenceFile, error: OSError) -> None:
        if is_gone(error):
            part.note("vanished during the sweep", file.path)
        else:
            part.unread(f"{self.artefact.kind}: {reason_of(error)}", file.path)


@dataclass
class _Look:
    """One file."""

    sweep: _ArtefactSweep
    file: EvidenceFile
    part: Part
    reader: Reader

    def whole(self, opened: BinaryIO) -> Iterator[Observation]:
        """A file that is looked at as one. Raises OSError."""
        most = self.sweep.artefact.max_bytes
        data = read_up_to(opened, most + 1)
        if len(data) > most:
            self.part.unread(f"{self._kind}: read up to {most >> 20} MiB only", self.file.path)
            data = data[:most]
        self.sweep.ledger.bytes += len(data)
        try:
            data = self.sweep.artefact.searchable(data, self.file, self.part)
        except FormatError as error:
            self.part.unread(f"{self._kind}: {error.what}", self.file.path)
        self.reader.passes(data, 0)
        if self._occurs(data, 0):
            yield from self._parsed(Found(data, 0, self.sweep.rules))

    def in_pieces(self, opened: BinaryIO) -> Iterator[Observation]:
        """A file that is looked at in windows of pieces. Raises OSError."""
        size = self.sweep.artefact.piece
        for window, offset, occurs in self._scanned(opened):
            self.sweep.source.progress(self.file.path)
            if not offset:
                self.reader.passes(window[: self.sweep.artefact.header], 0)
            first = self.sweep.artefact.header if not offset else 0
            for at in range(first, len(window), size):
                piece = window[at : at + size]
                self.reader.passes(piece, offset + at)
                if occurs and self._occurs(piece, offset + at):
                    yield from self._parsed(Found(piece, offset + at, self.sweep.rules))

    def _scanned(self, opened: BinaryIO) -> Iterator[tuple[bytes, int, bool]]:
        """Windows with their offsets, and whether anything occurs in each."""
        waiting: deque[tuple[bytes, int, Future[bool]]] = deque()
        threads = max(1, self.sweep.source.threads)
        pool = ThreadPoolExecutor(threads, "scan")
        try:
            for window, offset in self._windows(opened):
                waiting.append((window, offset, pool.submit(self.sweep.rules.occurs, window)))
                if len(waiting) > threads:
                    yield self._answered(*waiting.popleft())
            while waiting:
                yield self._answered(*waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)

    def _answered(
        self, window: bytes, offset: int, occurs: Future[bool]
    ) -> tuple[bytes, int, bool]:
        """What cannot be answered of a window may be of its pieces."""
        try:
            return window, offset, occurs.result()
        except ScanFailed:
            return window, offset, True

    def _windows(self, opened: BinaryIO) -> Iterator[tuple[bytes, int]]:
        artefact = self.sweep.artefact
        pieces = max(1, WINDOW // artefact.piece) * artefact.piece
        offset, length = 0, artefact.header + pieces
        while data := read_up_to(opened, length, length):
            self.sweep.ledger.bytes += len(data)
            yield data, offset
            offset, length = offset + len(data), pieces

    def _occurs(self, data: bytes, offset: int) -> bool:
        try:
            return self.sweep.rules.occurs(data)
        except ScanFailed as error:
            self.part.unread(f"scan of the bytes: {error}", self._place_of(offset))
            return False

    @property
    def _kind(self) -> str:
        return self.sweep.artefact.kind

    def _parsed(self, found: Found) -> Iterator[Observation]:
        try:
            yield from self.told(self.reader.records(found))
        except FormatError as error:
            self.part.unread(f"{self._kind}: {error.what}", self._place_of(found.offset))
            yield from self.told(self._raw_mention(found))

    def _raw_mention(self, found: Found) -> Iterator[Observation]:
        try:
            hits = found.rules.mentions(found.data)
        except ScanFailed as error:
            self.part.unread(f"scan of the bytes: {error}", self._place_of(found.offset))
            return
        if hits:
            at = found.offset + hits[0].offset
            yield Observation(
                source=self.sweep.artefact.name,
                seen=f"{self._kind}, by its bytes",
                claim=Claim.MENTIONED,
                place=Place(
                    text=self._place_of(at),
                    path=self.file.path,
                    record=f"byte {at}",
                    view=self.file.view,
                    owner=self.file.owner,
                ),
                hits=tuple(hits),
            )

    def _place_of(self, offset: int) -> str:
        return f"{self.file.path} (byte {offset:,})"

    def told(self, seen: Iterator[Observation]) -> Iterator[Observation]:
        """Without what the agent itself left there: counted, not hidden."""
        for one in seen:
            if self._is_own(one):
                self.sweep.ledger.own += 1
            else:
                yield one

    def _is_own(self, seen: Observation) -> bool:
        own, matcher = self.sweep.own, self.sweep.matcher
        if seen.process is not None and own.has_file(seen.process.executable):
            return True
        mentions = [hit for hit in seen.hits if matcher.is_mention(hit)]
        return (
            seen.claim in (Claim.MENTIONED, Claim.LOGGED)
            and bool(mentions)
            and len(mentions) == len(seen.hits)
            and all(own.has_text(hit.excerpt) for hit in mentions)
        )
