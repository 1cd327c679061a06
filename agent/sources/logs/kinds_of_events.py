"""Since when a log has the kinds of events that would tell a deed.

The chunks that may hold one are known by a text of its template (``model/recorders.py``), which is
looked for while the log passes; then the oldest of them are read again and the record is parsed
that brings the template: other kinds of events may have that text too. At most 64 chunks of a log
are parsed.
"""

from __future__ import annotations

import re
from bisect import insort
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from ...formats.evtx import CHUNK, records_of
from ...formats.filetime import utc_of
from ...formats.log_reach import wide_mark
from ...model.host_facts import EventMemory, HostFacts, LogMemory
from ...model.observation import EARLIEST
from ...model.recorders import LOGS, RECORDERS, SYSTEM, Recorder
from ...reading.opening import read_up_to, reason_of
from ...spelling import base_name

if TYPE_CHECKING:
    from ...formats.evtx import ChunkReach
    from ...formats.log_reach import LogReach
    from ...targets.evidence import EvidenceFile

MAX_CHUNKS = 64
"""Of one log that are parsed; so many are kept of each kind, the oldest."""
MAX_PLACES = 256
"""Of a chunk in which a text is looked at."""
_BY_LOG = {log: [one for one in RECORDERS if one.log == log] for log in LOGS}
_ARCHIVED = re.compile(r"archive-(.+)-\d{4}-\d{2}-\d{2}-\d{2}-\d{2}-\d{2}-\d+\.evtx")


class _Candidate(NamedTuple):
    """A chunk that may hold an event of a kind, in the order of the ids of records."""

    first: int
    oldest: int
    offset: int
    """Of the chunk in its file."""


def log_of(path: str) -> str:
    """The name of a log's file; of an archived one, that of the log it was."""
    name = base_name(path).lower()
    archived = _ARCHIVED.fullmatch(name)
    return f"{archived[1]}.evtx" if archived else name


class KindsOfEvents:
    """Of one log, while it passes."""

    def __init__(self, file: EvidenceFile) -> None:
        self._file = file
        self._name = log_of(file.path)
        known = () if file.windows or file.view else _BY_LOG.get(self._name, ())
        self._kinds = [(one, wide_mark(one.mark)) for one in known if not one.by_default]
        self.any = bool(self._kinds)
        """Whether there is any to look for."""
        self._is_told = bool(known)
        self.tells_the_clock = self._is_told and self._name == SYSTEM
        """Whether it is the log that says when the host's clock was set."""
        self._found: dict[str, list[_Candidate]] = {one.name: [] for one, _ in self._kinds}
        self._more: dict[str, int] = {}
        """Of kinds with more chunks than are kept: when the first of the others begins."""

    def add(self, window: bytes, at: int, offset: int, reach: ChunkReach) -> None:
        """The chunk that begins in the window ``at`` this place, in the file at ``offset``; it has
        records. Nothing is to be added where there is not :attr:`any`."""
        for kind, mark in self._kinds:
            if window.rfind(mark, at, at + CHUNK) >= 0:
                found = self._found[kind.name]
                insort(found, _Candidate(reach.first, reach.oldest, offset))
                if len(found) > MAX_CHUNKS:
                    oldest = found.pop().oldest
                    self._more[kind.name] = min(self._more.get(kind.name, oldest), oldest)

    def told(
        self, reach: LogReach, facts: HostFacts, *, is_whole: bool, is_full: bool = False
    ) -> None:
        """What is known of the log now; nothing is raised."""
        if not self._is_told:
            return
        memory = LogMemory(
            name=self._name,
            is_whole=is_whole,
            records=reach.records,
            oldest=reach.oldest,
            newest=reach.newest,
            missing=[(gap.missing, gap.start, gap.end) for gap in reach.gaps()],
            setbacks=reach.setbacks(),
            is_archived=self._name != base_name(self._file.path).lower(),
            is_full=is_full,
            used=reach.used,
        )
        try:
            memory.events = self._events()
        except OSError as error:
            problem = EventMemory(problem=f"the log could not be read again: {reason_of(error)}")
            memory.events = {kind.name: problem for kind, _ in self._kinds}
        facts.logs.append(memory)

    def _events(self) -> dict[str, EventMemory]:
        """Raises OSError."""
        if not any(self._found.values()):
            return {kind.name: EventMemory() for kind, _ in self._kinds}
        with self._file.open() as opened:
            room = MAX_CHUNKS
            events: dict[str, EventMemory] = {}
            for kind, _ in self._kinds:
                events[kind.name], parsed = self._event(kind, opened, room)
                room -= parsed
            return events

    def _event(self, kind: Recorder, opened: BinaryIO, room: int) -> tuple[EventMemory, int]:
        """The oldest of a kind, and how many chunks were parsed for it."""
        memory, parsed = EventMemory(), 0
        for candidate in self._found[kind.name]:
            if parsed >= room:
                memory.not_before = utc_of(candidate.oldest)
                return memory, parsed
            parsed += 1
            opened.seek(candidate.offset)
            chunk = read_up_to(opened, CHUNK)
            for record in records_of(chunk, _places(chunk, kind.mark)):
                if (record.provider, record.event) != (kind.provider, kind.event):
                    continue
                if record.time is None or record.time < EARLIEST:
                    continue
                if kind.value and not record.value(kind.value).strip("- "):
                    memory.empty_since = memory.empty_since or record.time
                else:
                    memory.since = record.time
                    return memory, parsed
        if kind.name in self._more:
            memory.not_before = utc_of(self._more[kind.name])
        return memory, parsed


def _places(chunk: bytes, mark: str) -> list[int]:
    """Where the text stands: once in each template that has it."""
    text, found, at = mark.encode("utf-16-le"), list[int](), 0
    while len(found) < MAX_PLACES and (at := chunk.find(text, at)) >= 0:
        found.append(at)
        at += len(text)
    return found
