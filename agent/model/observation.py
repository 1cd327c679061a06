"""What a source saw."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from msgspec import Struct

from .objects import Destination, Dll, Dns, File, Process, Url


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


class Observation(Struct, frozen=True, kw_only=True):
    """Something a source saw that may match; what is compared are the objects it carries.

    A source yields one per object and never one per indicator. It never decides about strength.
    """

    source: str
    seen: str
    """In a few words: ``file``, ``running process``, ``loaded module``, ``connection`` …"""
    claim: Claim
    place: str
    """Where, whole, as a person would look for it."""
    keys: tuple[str, ...] = ()
    """What this has in common with other observations of one chain; see ``findings/chains.py``."""
    time: datetime | None = None
    """When it happened, if the evidence says so."""
    file: File | None = None
    process: Process | None = None
    dll: Dll | None = None
    dns: Dns | None = None
    destination: Destination | None = None
    url: Url | None = None
    pipe: str = ""
    hits: tuple[ByteHit, ...] = ()
    remarks: tuple[str, ...] = ()
    """What a reader of the finding should know: how it was read, why it may not be true."""

    @property
    def mention(self) -> bool:
        """Whether bytes only mention it."""
        return self.claim is Claim.MENTIONED
