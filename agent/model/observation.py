"""What a source saw."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from enum import Enum
from typing import Protocol

from msgspec import Struct

from .objects import Objects, Registry


class Claim(str, Enum):
    """What a sighting says of its object. Matching, chains and wording go by it and by the objects,
    never by the name of a source (DESIGN, "The words")."""

    EXISTS = "exists"
    RUNNING = "running"
    LOADED = "loaded"
    RAN = "ran"
    CONNECTED = "connected"
    RESOLVED = "resolved"
    VISITED = "visited"
    DOWNLOADED = "downloaded"
    LOGGED = "logged"
    WAS_THERE = "was there"
    MENTIONED = "mentioned"
    """The bytes only mention it (a text, a log, memory): a name or domain then proves little."""
    BLOCKED = "blocked"
    """A defender's block of a name (hosts file sinkhole)."""


class ByteHit(Struct, frozen=True):
    """An indicator found by scanning bytes."""

    indicator: str
    offset: int
    excerpt: str = ""
    """The bytes around the hit as text, at most 256 characters."""


class MomentOf(str, Enum):
    """What a time is the time of."""

    CREATED = "created"
    MODIFIED = "modified"
    ACCESSED = "accessed"
    RAN = "ran"
    LOGGED = "logged"
    VISITED = "visited"
    DOWNLOADED = "downloaded"
    DELETED = "deleted"
    CONNECTED = "connected"
    HAPPENED = "happened"
    """The evidence does not say what."""


class Moment(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A time, UTC, and what it is the time of."""

    time: datetime
    of: MomentOf = MomentOf.HAPPENED


def moments(**times: datetime | None) -> tuple[Moment, ...]:
    """Of those that are known: ``moments(created=…, ran=None)``."""
    return tuple(
        Moment(time=time, of=MomentOf(of)) for of, time in times.items() if time is not None
    )


def telling(told: Iterable[Moment]) -> list[datetime]:
    """The times that tell since when and until when a thing was there, in order, UTC.

    Not when it was read last, which anyone can have done; nor when it was written, where that was
    before it came to this host (a copy keeps the time); nor what is no time (:data:`EARLIEST`).
    """
    told = [one for one in told if utc(one.time) >= EARLIEST]
    came = [utc(one.time) for one in told if one.of is MomentOf.CREATED]
    return sorted(
        time
        for one in told
        if one.of is not MomentOf.ACCESSED
        and not ((time := utc(one.time)) < min(came, default=time) and one.of is MomentOf.MODIFIED)
    )


class Dated(Protocol):
    """A sighting, as far as its times go."""

    @property
    def moments(self) -> Iterable[Moment]: ...

    @property
    def registry(self) -> Registry | None: ...


def telling_of(sightings: Iterable[Dated]) -> list[datetime]:
    """As :func:`telling`, of several sightings of one thing.

    When a file was written is none of them, where the evidence does not tell when it came to this
    host, or to whoever copied it: unless there is no other time.
    """
    sightings = list(sightings)
    sure = [moment for seen in sightings for moment in _sure(seen)]
    return telling(sure) or telling(moment for seen in sightings for moment in seen.moments)


def _sure(seen: Dated) -> list[Moment]:
    told = list(seen.moments)
    if seen.registry is not None or any(one.of is MomentOf.CREATED for one in told):
        return told
    return [one for one in told if one.of is not MomentOf.MODIFIED]


EARLIEST = datetime(1993, 7, 27, tzinfo=timezone.utc)
"""Windows NT 3.1. A time before it is none: 1601, 1970 and 1980 stand for a clock that was not
set, or for zeros; no memory goes back to it."""


def utc(time: datetime) -> datetime:
    """With its zone: one without is in UTC."""
    return time if time.tzinfo is not None else time.replace(tzinfo=timezone.utc)


class Place(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Where something was seen."""

    text: str
    """Whole, as a person would look for it."""
    path: str = ""
    """The file that holds it, as the host knew it; empty where that is the text."""
    record: str = ""
    """Which of the records in it: an event's record id, a USN, a row, an offset."""
    view: str = ""
    """Empty: as it is now. ``deleted``, or a shadow copy's date."""
    owner: str = ""
    """The user in whose profile it lies."""


class Observation(Objects, kw_only=True):
    """Something a source saw that may match; what is compared are the objects it carries.

    A source yields one per object and never one per indicator. It never decides about strength, nor
    about what belongs together.
    """

    source: str
    seen: str
    """In a few words: ``file``, ``running process``, ``loaded module``, ``event 4688`` …"""
    claim: Claim
    place: Place
    moments: tuple[Moment, ...] = ()
    """When it happened, as far as the evidence says so."""
    hits: tuple[ByteHit, ...] = ()
    remarks: tuple[str, ...] = ()
    """What a reader of the finding should know: how it was read, why it may not be true."""
    is_ownerless: bool = False
    """Whether its bytes belong to no file and no record: nobody knows who wrote them, and nothing
    that stands there proves more than a mention does."""
    text: str = ""
    """Of a short file in which something occurs, of a script or command that ran, all that it says:
    known-benign rules go by it. Empty where not all of it is known. In no report."""

    @property
    def mention(self) -> bool:
        """Whether bytes only mention it."""
        return self.claim is Claim.MENTIONED
