"""What sources learn of how a host records things, while they read what it recorded."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct, field

from .host_parts import Account, Drive, NetworkCard
from .observation import EARLIEST, utc

MAX_SPANS = 256
"""Memories of one source, such as users' histories."""


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
    is_archived: bool = False
    """A copy that was put aside when the log was full."""
    is_full: bool = False
    """Whether its header says so."""
    used: int = 0
    """Bytes, as far as records lie in it."""


class LogSettings(Struct, kw_only=True):
    """How a log is kept, as the registry says; None: it does not."""

    enabled: bool | None = None
    keeps_old: bool | None = None
    """Whether nothing is overwritten when it is full."""
    archives: bool | None = None
    """Whether it is then put aside, and a new one begun."""
    max_bytes: int | None = None


class Span(Struct):
    """Times between which something is remembered."""

    oldest: datetime
    newest: datetime


class HostFacts(Struct, kw_only=True):
    """Of one host; filled by sources as they go."""

    logs: list[LogMemory] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    """By the names of :mod:`agent.sources.registry.recording`."""
    log_settings: dict[str, LogSettings] = field(default_factory=dict)
    """By the name of the log's file, lower case."""
    log_policies: dict[str, LogSettings] = field(default_factory=dict)
    """What a policy sets goes before what the log has."""
    cleared: dict[str, list[datetime]] = field(default_factory=dict)
    """Of each channel, when some log says that it was cleared."""
    reaches: dict[str, dict[str, Span]] = field(default_factory=dict)
    """By source, what each of its memories of this Windows covers: whose, "" for one that is the
    host's."""

    accounts: list[Account] = field(default_factory=list)
    """Of this Windows, as are the others: who has a profile."""
    drives: list[Drive] = field(default_factory=list)
    cards: list[NetworkCard] = field(default_factory=list)
    time_zone: str = ""
    utc_offset_minutes: int | None = None

    def settings_of(self, log: str) -> LogSettings:
        """As they hold."""
        own, policy = (
            settings.get(log, LogSettings()) for settings in (self.log_settings, self.log_policies)
        )
        return LogSettings(
            enabled=own.enabled,
            keeps_old=own.keeps_old if policy.keeps_old is None else policy.keeps_old,
            archives=own.archives if policy.archives is None else policy.archives,
            max_bytes=own.max_bytes if policy.max_bytes is None else policy.max_bytes,
        )

    def reached(self, memory: str, whose: str, when: datetime) -> None:
        """A memory holds something of that time; none of a clock that was not set."""
        if utc(when) < EARLIEST:
            return
        spans = self.reaches.setdefault(memory, {})
        known = spans.get(whose)
        if known is not None:
            known.oldest, known.newest = min(known.oldest, when), max(known.newest, when)
        elif len(spans) < MAX_SPANS:
            spans[whose] = Span(when, when)
