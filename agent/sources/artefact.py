"""The driver for evidence that lies in files: logs, hives, prefetch, databases.

An :class:`Artefact` says where its files lie and what a record of them means. All else is done
here, once for all: each file is opened once and its bytes are scanned once for all indicators;
records are parsed where something occurs and nowhere else; what a parser refuses is a mention by
its raw bytes; every file is accounted for, and what the agent itself left there is left out.

A large file is looked at in windows of whole *pieces* that can be parsed alone (the chunks of an
event log), scanned on other threads while the next ones are read.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
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
"""One that reads and tells, the others scan."""
SWITCH_S = 0.0005
"""How long a thread may keep the interpreter while another one waits for it."""
_AHEAD = 24
"""Windows that are under way."""
_BATCH = 1 << 20
_NEVER_WRITTEN = bytes(WINDOW)


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

    def passes(self, window: bytes, at: int, offset: int) -> None:
        """Is shown every piece of the file, in order, whether anything occurs in it or not: for the
        reach, and for what is missing. The piece begins in the window ``at`` this place, in the
        file at this ``offset``; the header is shown first. Does as little as it can."""

    def records(self, found: Found) -> Iterator[Observation]:
        """What the records say in which something occurs. Raises FormatError, after which the
        bytes are mentioned raw."""

    def end(self, rules: RecordRules) -> Iterator[Observation]:
        """What is known when the whole file was seen. Raises ScanFailed."""


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

    def passes(self, window: bytes, at: int, offset: int) -> None:  # noqa: ARG002 - nothing to keep
        self.part.examined()

    def records(self, found: Found) -> Iterator[Observation]:
        hits = found.rules.mentions(found.data)
        yield from self.artefact.records(self.file, found.data, hits)

    def end(self, rules: RecordRules) -> Iterator[Observation]:  # noqa: ARG002 - nothing is left
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
        try:
            for file in target.evidence(self._artefact.patterns(target), ledger):
                sweep.files += 1
                yield from sweep.file(file, in_use=target.live is not None)
            yield from sweep.told(most=0)
        finally:
            sweep.close()
        if not sweep.files and ledger.state is State.COMPLETE:
            ledger.note("none on this host")


@dataclass
class _Batch:
    """Windows that are scanned one after the other, perhaps by another thread: to hand over each
    alone would cost as much as to scan it."""

    windows: list[bytes] = field(default_factory=list)
    size: int = 0
    _answers: Future[list[bool]] | list[bool] | None = None

    def add(self, window: bytes) -> int:
        """Its place among the answers."""
        self.windows.append(window)
        self.size += len(window)
        return len(self.windows) - 1

    def begin(self, rules: RecordRules, pool: ThreadPoolExecutor | None) -> None:
        """Have them scanned; once."""
        if self._answers is None:
            self._answers = (
                _occur(rules, self.windows) if pool is None
                else pool.submit(_occur, rules, self.windows)
            )  # fmt: skip

    def occurs(self, place: int) -> bool:
        """Whether anything occurs in a window."""
        answers = self._answers
        assert answers is not None
        return (answers.result() if isinstance(answers, Future) else answers)[place]


def _occur(rules: RecordRules, windows: Sequence[bytes]) -> list[bool]:
    return [_may_occur(rules, window) for window in windows]


def _may_occur(rules: RecordRules, window: bytes) -> bool:
    if window == _NEVER_WRITTEN:
        return False
    try:
        return rules.occurs(window)
    except ScanFailed:
        return True  # What cannot be answered of a window may be of its pieces.


class _Scanned(NamedTuple):
    """A window that is scanned, or was."""

    look: _Look
    window: bytes
    """Empty: the file has ended."""
    offset: int
    batch: _Batch
    place: int
    """Among the batch's answers."""


@dataclass
class _ArtefactSweep:
    artefact: Artefact
    matcher: Matcher
    ledger: Ledger
    own: Own
    source: ArtefactSource
    files: int = 0
    _under_way: deque[_Scanned] = field(default_factory=deque)
    """In the order in which they are told: windows of several files."""
    _batch: _Batch = field(default_factory=_Batch)
    """What is put together."""
    _most: int = 0
    """Windows that may be under way."""
    _pool: ThreadPoolExecutor | None = None
    _switch_s: float = 0.0

    def __post_init__(self) -> None:
        self.rules = self.matcher.records(self.artefact.markers)
        if self.artefact.piece and self.source.threads > 1:
            self._pool = ThreadPoolExecutor(self.source.threads - 1, "scan")
            self._most = _AHEAD
            self._switch_s = sys.getswitchinterval()
            sys.setswitchinterval(SWITCH_S)

    def close(self) -> None:
        """Whatever is under way is given up."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            sys.setswitchinterval(self._switch_s)

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
                if not self.artefact.piece:
                    yield from look.whole(opened)
                for window, offset in look.windows(opened) if self.artefact.piece else ():
                    self.source.progress(file.path)
                    self._scan(look, window, offset)
                    yield from self.told(most=self._most)
        except OSError as error:
            self._missed(part, file, error)
        self._under_way.append(_Scanned(look, b"", 0, self._batch, 0))
        if not self.artefact.piece:
            yield from self.told(most=0)

    def _scan(self, look: _Look, window: bytes, offset: int) -> None:
        place = self._batch.add(window)
        self._under_way.append(_Scanned(look, window, offset, self._batch, place))
        if self._batch.size >= _BATCH:
            self._batch.begin(self.rules, self._pool)
            self._batch = _Batch()

    def told(self, *, most: int) -> Iterator[Observation]:
        """What the oldest windows hold, until so many are under way."""
        while len(self._under_way) > most:
            look, window, offset, batch, place = self._under_way.popleft()
            if not window:
                yield from look.ended()
                continue
            if batch is self._batch:
                self._batch = _Batch()
            batch.begin(self.rules, self._pool)
            yield from look.in_pieces(window, offset, occurs=batch.occurs(place))

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
        self.reader.passes(data, 0, 0)
        if self._occurs(data, 0):
            yield from self._parsed(Found(data, 0, self.sweep.rules))

    def windows(self, opened: BinaryIO) -> Iterator[tuple[bytes, int]]:
        """A file that is looked at in pieces, so many at once. Raises OSError."""
        artefact = self.sweep.artefact
        pieces = max(1, WINDOW // artefact.piece) * artefact.piece
        offset, most = 0, artefact.header + pieces
        while data := read_up_to(opened, most, self._expected(offset, most)):
            self.sweep.ledger.bytes += len(data)
            yield data, offset
            offset, most = offset + len(data), pieces

    def _expected(self, offset: int, most: int) -> int:
        """How many bytes the next window has; one more than are known tells the end."""
        return min(most, max(self.file.size - offset, 1))

    def in_pieces(self, window: bytes, offset: int, *, occurs: bool) -> Iterator[Observation]:
        """What a window's pieces say, if anything occurs in it."""
        size, first = self.sweep.artefact.piece, 0
        if not offset:
            self.reader.passes(window, 0, 0)
            first = self.sweep.artefact.header
        for at in range(first, len(window), size):
            self.reader.passes(window, at, offset + at)
            if occurs and self._occurs(piece := window[at : at + size], offset + at):
                yield from self._parsed(Found(piece, offset + at, self.sweep.rules))

    def ended(self) -> Iterator[Observation]:
        """What is known now."""
        try:
            yield from self.told(self.reader.end(self.sweep.rules))
        except ScanFailed as error:
            self.part.unread(f"scan of the bytes: {error}", self.file.path)

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
