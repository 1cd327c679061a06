"""Keeping account of what a source looked at, while it looks.

A source is handed a :class:`Ledger` and cannot end without a coverage: the sweep closes the ledger
whatever happens, an exception included.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import NamedTuple

from .model.host_facts import HostFacts
from .model.observation import EARLIEST, utc
from .model.report import MAX_PARTS, MAX_SAMPLES, Coverage, CoveragePart, Reach, Reason, State

MAX_REASONS = 64
"""Distinct reasons kept per source; the rest are counted under ``other reasons``."""
MAX_SAMPLE_LENGTH = 512
MAX_PLACES = 100_000
"""Places remembered so as not to be counted twice."""


class _Reasons:
    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._samples: dict[str, list[str]] = {}

    def add(self, reason: str, sample: str, count: int) -> None:
        if reason not in self._counts and len(self._counts) >= MAX_REASONS:
            reason = "other reasons"
        self._counts[reason] = self._counts.get(reason, 0) + count
        samples = self._samples.setdefault(reason, [])
        if sample and len(samples) < MAX_SAMPLES and sample[:MAX_SAMPLE_LENGTH] not in samples:
            samples.append(sample[:MAX_SAMPLE_LENGTH])

    def copy(self) -> _Reasons:
        made = _Reasons()
        made._counts = dict(self._counts)
        made._samples = {reason: list(samples) for reason, samples in self._samples.items()}
        return made

    def close(self) -> list[Reason]:
        return [
            Reason(reason=reason, count=count, samples=self._samples[reason])
            for reason, count in sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))
        ]

    def __bool__(self) -> bool:
        return bool(self._counts)


class Part:
    """The account of one log, volume or user within a source's; its gaps and what it examined are
    the source's too."""

    __slots__ = (
        "_examined",
        "_ledger",
        "_span",
        "gaps",
        "is_of_host",
        "name",
        "state",
        "tells",
        "whose",
    )

    def __init__(self, ledger: Ledger, name: str) -> None:
        self.name = name
        self.state = State.COMPLETE
        self.tells = False
        """Whether it is told by itself however little it holds."""
        self.gaps = 0
        """How often something was missed."""
        self.is_of_host = True
        """Whether it is of the Windows that is asked, as it is now: another one's, and what a
        shadow copy holds, is not what the host remembers."""
        self.whose = ""
        """As people call what remembers: ``Chrome of jo``."""
        self._ledger = ledger
        self._examined = 0
        self._span: _Span | None = None

    def examined(self, count: int = 1) -> None:
        """Count what was looked at."""
        self._examined += count
        self._ledger.examined += count

    def unread(self, reason: str, sample: str = "", count: int = 1) -> None:
        """As :meth:`Ledger.unread`; the part is named if there is no sample."""
        self.state = State.PARTIAL
        self.gaps += 1
        self._ledger.unread(reason, sample or self.name, count)

    def note(self, reason: str, sample: str = "", count: int = 1) -> None:
        """As :meth:`Ledger.note`."""
        self._ledger.note(reason, sample or self.name, count)

    def reaches(self, when: datetime) -> None:
        """Widen the span of time that it covers, and that of the source."""
        self._span = self._span or _Span()
        self._span.add(when)
        self._ledger.reaches(when)
        if self.is_of_host:
            self.facts.reached(self._ledger.source, self.whose, when)

    @property
    def facts(self) -> HostFacts:
        """As :attr:`Ledger.facts`."""
        return self._ledger.facts

    def close(self) -> CoveragePart | None:
        """None: it is empty, and nothing is missing."""
        if self.state is State.COMPLETE and not self._examined:
            return None
        reach = None if self._span is None else self._span.close()
        return CoveragePart(name=self.name, state=self.state, examined=self._examined, reach=reach)


class _Span:
    def __init__(self) -> None:
        self._oldest: datetime | None = None
        self._newest: datetime | None = None

    def add(self, when: datetime) -> None:
        if utc(when) < EARLIEST:
            return
        if self._oldest is None or when < self._oldest:
            self._oldest = when
        if self._newest is None or when > self._newest:
            self._newest = when

    def close(self) -> Reach | None:
        if self._oldest is None:
            return None
        return Reach(oldest=self._oldest, newest=self._newest)


class Checkpoint(NamedTuple):
    """The gaps of a ledger at one moment."""

    unread: int
    reasons: _Reasons
    places: set[int] | None


class Ledger:
    """What one source examined and left unread. Not thread-safe: one writer."""

    def __init__(self, source: str, *, required: bool, facts: HostFacts | None = None) -> None:
        """``facts``: where a source tells how the host records things; of all sources one."""
        self.facts = facts if facts is not None else HostFacts()
        self.source = source
        self.required = required
        self.examined = 0
        self.bytes = 0
        self.own = 0
        self._unread = 0
        self._state: State | None = None
        self._reasons = _Reasons()
        self._notes = _Reasons()
        self._span = _Span()
        self._parts: list[Part] = []
        self._started = time.monotonic()
        self._places: set[int] | None = None

    def unread(self, reason: str, sample: str = "", count: int = 1) -> None:
        """Count something that should have been looked at and was not: the state becomes
        partial.
        """
        if self._places is not None and sample and self._is_told(reason, sample):
            return
        self._unread += count
        self._reasons.add(reason, sample, count)

    def dedupe_by_place(self) -> None:
        """From now on one place is counted once for each reason, however often it is looked at.
        Samples have to be places, then."""
        if self._places is None:
            self._places = set()

    def _is_told(self, reason: str, place: str) -> bool:
        assert self._places is not None
        key = hash((reason, place.replace("/", "\\")))
        if key in self._places:
            return True
        if len(self._places) < MAX_PLACES:
            self._places.add(key)
        return False

    def checkpoint(self) -> Checkpoint:
        """The gaps as they stand, to go back to."""
        places = None if self._places is None else set(self._places)
        return Checkpoint(self._unread, self._reasons.copy(), places)

    def rollback(self, checkpoint: Checkpoint) -> None:
        """Forget the gaps that were counted since: the same is looked at again, another way, and
        that account is the one to keep."""
        self._unread, self._reasons, self._places = checkpoint

    def note(self, reason: str, sample: str = "", count: int = 1) -> None:
        """Record something worth knowing that leaves no gap."""
        self._notes.add(reason, sample, count)

    def unavailable(self, reason: str, sample: str = "") -> None:
        """The evidence cannot be had at all here."""
        self._state = State.UNAVAILABLE
        self._reasons.add(reason, sample, 1)

    def skipped(self, reason: str) -> None:
        """The operator asked to leave this source out."""
        self._state = State.SKIPPED
        self._reasons.add(reason, "", 1)

    def reaches(self, when: datetime) -> None:
        """Widen the span of time that the data covers."""
        self._span.add(when)

    def part(self, name: str, *, is_of_host: bool = True) -> Part:
        """The account of a part, to be kept beside this one's."""
        part = Part(self, name)
        part.is_of_host = is_of_host
        self._parts.append(part)
        return part

    @property
    def state(self) -> State:
        """As it stands now: complete until something is missed."""
        if self._state is not None:
            return self._state
        return State.PARTIAL if self._unread else State.COMPLETE

    def close(self) -> Coverage:
        """The coverage as it stands."""
        return Coverage(
            source=self.source,
            required=self.required,
            state=self.state,
            examined=self.examined,
            unread=self._unread,
            bytes=self.bytes,
            elapsed_ms=int((time.monotonic() - self._started) * 1000),
            own=self.own,
            reasons=self._reasons.close(),
            notes=self._notes.close(),
            reach=self._span.close(),
            parts=self._closed_parts(),
        )

    def _closed_parts(self) -> list[CoveragePart]:
        """Those with gaps first, then the fullest; what there is no room for is one line, but none
        of those that are told in any case."""
        closed = [(part.tells, made) for part in self._parts if (made := part.close()) is not None]
        closed.sort(key=lambda pair: (not pair[0], *_by_gap(pair[1])))
        told = [made for _, made in closed]
        if len(told) <= MAX_PARTS:
            return sorted(told, key=_by_gap)
        rest = told[MAX_PARTS - 1 :]
        whole = all(part.state is State.COMPLETE for part in rest)
        return [
            *sorted(told[: MAX_PARTS - 1], key=_by_gap),
            CoveragePart(
                name=f"{len(rest)} more",
                state=State.COMPLETE if whole else State.PARTIAL,
                examined=sum(part.examined for part in rest),
            ),
        ]


def _by_gap(part: CoveragePart) -> tuple[bool, int]:
    return part.state is State.COMPLETE, -part.examined
