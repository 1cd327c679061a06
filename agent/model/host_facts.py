"""What sources learn of how a host records things, while they read what it recorded."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct, field


class EventMemory(Struct, kw_only=True):
    """What one log has of one kind of event."""

    since: datetime | None = None
    """Of the oldest that tells what it should."""
    empty_since: datetime | None = None
    """Of the oldest that lacks what it should tell: a command line."""
    not_before: datetime | None = None
    """Chunks from then on were not looked into any more."""
    problem: str = ""
    """Why that is not known."""


class LogMemory(Struct, kw_only=True):
    """How far back one log goes, and what is wrong with it."""

    name: str
    """Of its file, lower case; of an archived log, that of the log."""
    is_whole: bool = True
    """Whether all of it could be read."""
    records: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None
    events: dict[str, EventMemory] = {}
    """By the recorder's name."""
    missing: list[tuple[int, datetime | None, datetime | None]] = []
    """Record ids that are not there: how many, between which times."""
    setbacks: list[tuple[datetime | None, datetime | None]] = []
    """Where its clock went back: times between are there twice, or sure of nothing."""
    cleared: list[datetime] = []


class HostFacts(Struct, kw_only=True):
    """Of one host; filled by sources as they go."""

    logs: list[LogMemory] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    """By the names of :mod:`agent.sources.registry.recording`."""
    cleared: dict[str, list[datetime]] = field(default_factory=dict)
    """Of each channel, when some log says that it was cleared."""
