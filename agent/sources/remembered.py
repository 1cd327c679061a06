"""What evidence remembers of programs and files, and files that consist of such memories.

A :class:`Memories` says where its files lie and what they remember, thing by thing; which of the
things hold an indicator, and what is mentioned beside them, is told here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ..formats import FormatError
from ..formats.paged import Joined
from ..model.objects import User
from ..model.observation import ByteHit, Claim, Moment, MomentOf, Observation, Place
from .artefact import Artefact, Found, Reader
from .in_pages import first_mentions
from .places import owner_of, place_in

if TYPE_CHECKING:
    from datetime import datetime

    from ..coverage import Part
    from ..formats.paged import Bytes, PagedFile
    from ..matching.record_rules import RecordRules
    from ..model.objects import Dll, File, Process, Task, Url
    from ..targets.evidence import EvidenceFile
    from .in_pages import FoundInPages, Searched


class Remembered(NamedTuple):
    """One thing that is remembered; the objects are what it is about.

    ``texts``: all of it in which an indicator can be written. ``record``: which of several in one
    place. ``user``: whose, where that is not whoever owns the place.
    """

    seen: str
    claim: Claim
    texts: tuple[str, ...]
    moments: tuple[Moment, ...] = ()
    process: Process | None = None
    file: File | None = None
    dll: Dll | None = None
    task: Task | None = None
    url: Url | None = None
    user: User | None = None
    record: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What it is about, as people write it."""
        if self.process is not None:
            return self.process.command_line or self.process.executable
        part = self.file or self.dll
        if part is not None:
            return part.path
        return self.url.full if self.url is not None else ""

    @property
    def has_times_of_a_file(self) -> bool:
        """Whether a time is that at which a file was written, which says nothing of the host: the
        time of a key does."""
        return self.file is not None and any(one.of is MomentOf.MODIFIED for one in self.moments)

    def hits(self, rules: RecordRules) -> list[ByteHit] | None:
        """What it mentions; None: it is worth no closer look.

        Raises ScanFailed.
        """
        text = "\0".join(self.texts).encode("utf-16-le", "surrogatepass")
        return rules.mentions(text) if rules.occurs(text) else None


class Memories(Artefact):
    """Files that are read whole, and remember one thing behind the other."""

    def plain(self, data: bytes) -> bytes:
        """The bytes in which no text is hidden: these. Raises FormatError."""
        return data

    def missing(self, data: bytes) -> str:  # noqa: ARG002 - most end where they end
        """Why a part of a file is not there, whatever occurs in the rest; "": it is whole."""
        return ""

    def things(self, file: EvidenceFile, data: bytes) -> Iterator[Remembered]:
        """What is remembered; ``data``: in the clear. Raises FormatError for what cannot be read,
        when all else was given."""
        raise NotImplementedError

    def times(self, file: EvidenceFile, data: bytes) -> Iterable[datetime]:  # noqa: ARG002
        """Of a file in which nothing need occur, times between which it reaches, if that is cheap
        to tell. Raises FormatError."""
        return ()

    def reader(self, file: EvidenceFile, part: Part) -> Reader:
        """Asks :meth:`things`, and nothing of a file in which nothing occurs."""
        return _MemoriesReader(file, part, self)


class PagedMemories(Memories):
    """Those that may be too large to be held."""

    by_pages = True

    def missing(self, data: Bytes) -> str:  # noqa: ARG002 - as of those that are held
        return ""

    def hidden(self, data: Bytes) -> tuple[bytes, str]:  # noqa: ARG002 - most hide nothing
        """What it hides (compressed), in the clear, searched behind its bytes; and why not all of
        it can be had."""
        return b"", ""

    def things(self, file: EvidenceFile, data: Bytes) -> Iterator[Remembered]:
        raise NotImplementedError

    def times(self, file: EvidenceFile, data: Bytes) -> Iterable[datetime]:
        raise NotImplementedError

    def reader(self, file: EvidenceFile, part: Part) -> Reader:
        return _PagedReader(file, part, self)


@dataclass
class _MemoriesReader(Reader):
    artefact: Memories

    def plain(self, data: bytes) -> bytes:
        self._lacks(self.artefact.missing(data))
        return self.artefact.plain(data)

    def _lacks(self, what: str) -> None:
        if what:
            self.part.unread(f"{self.artefact.kind}: {what}", self.file.path)

    def passes(self, window: bytes, at: int, offset: int) -> None:
        super().passes(window, at, offset)
        self._reached(lambda: self.artefact.times(self.file, window))

    def _reached(self, times: Callable[[], Iterable[datetime]]) -> None:
        try:
            for when in times():
                self.part.reaches(when)
        except FormatError as error:
            self.part.note(f"how far back it reaches is unknown: {error.what}", self.file.path)

    def records(self, found: Found) -> Iterator[Observation]:
        yield from self._told(self.artefact.things(self.file, found.data), found)

    def _told(self, things: Iterator[Remembered], found: Searched) -> Iterator[Observation]:
        told: set[str] = set()
        for thing in things:
            hits = thing.hits(found.rules)
            if hits is not None:
                told.update(hit.indicator for hit in hits)
                yield self._observation(thing, hits)
        mentioned = first_mentions(found.data, found.rules)
        if rest := [hit for hit in mentioned if hit.indicator not in told]:
            yield self._mention(rest)

    def _observation(self, thing: Remembered, hits: list[ByteHit]) -> Observation:
        user, process = thing.user or owner_of(self.file), thing.process
        if process is not None and process.user is None:
            process.user = user
        return Observation(
            source=self.artefact.name,
            seen=thing.seen,
            claim=thing.claim,
            place=self._place(thing.record),
            moments=thing.moments,
            process=process,
            file=thing.file,
            dll=thing.dll,
            task=thing.task,
            url=thing.url,
            user=user if process is None else None,
            hits=tuple(hits),
            remarks=thing.remarks,
        )

    def _mention(self, hits: list[ByteHit]) -> Observation:
        return Observation(
            source=self.artefact.name,
            seen=self.artefact.kind,
            claim=Claim.MENTIONED,
            place=self._place(f"byte {hits[0].offset}"),
            user=owner_of(self.file),
            hits=tuple(hits),
        )

    def _place(self, record: str) -> Place:
        return place_in(self.file, record, f"{self.file.path}, {record}" if record else "")


@dataclass
class _PagedReader(_MemoriesReader):
    artefact: PagedMemories
    _own: Bytes = field(default=b"", init=False)
    """The file without what it hides."""

    def plain(self, data: bytes) -> bytes:
        self._own = data
        hidden = self._hidden(data)
        own = super().plain(data)
        return own + hidden if hidden else own

    def passes(self, window: bytes, at: int, offset: int) -> None:  # noqa: ARG002 - the whole file
        self.part.examined()
        self._reached(lambda: self.artefact.times(self.file, self._own))

    def pages(self, data: PagedFile) -> Bytes:
        self._own = data
        self._reached(lambda: self.artefact.times(self.file, data))
        self._lacks(self.artefact.missing(data))
        super().pages(data)
        hidden = self._hidden(data)
        return Joined([(data, 0, len(data)), (hidden, 0, len(hidden))]) if hidden else data

    def _hidden(self, data: Bytes) -> bytes:
        text, missing = self.artefact.hidden(data)
        self._lacks(missing)
        return text

    def records(self, found: Found) -> Iterator[Observation]:
        yield from self._told(self.artefact.things(self.file, self._own), found)

    def records_in_pages(self, found: FoundInPages) -> Iterator[Observation]:
        yield from self._told(self.artefact.things(self.file, self._own), found)
