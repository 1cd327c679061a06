"""Since when a host would have a trace of a deed: what a clean verdict is worth."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated

from msgspec import Meta, field

from .objects import Part

MAX_GAPS = 16
"""Of one memory; the last of more stands for the others."""


class Behaviour(str, Enum):
    """What the campaign would have done on a host, in the order in which it is told."""

    RAN = "ran"
    LOADED = "loaded"
    ON_DISK = "on_disk"
    DOWNLOADED = "downloaded"
    RESOLVED = "resolved"
    CONNECTED = "connected"


class Recorded(str, Enum):
    """Whether it would be there."""

    RECORDED = "recorded"
    NOT_RECORDED = "not_recorded"
    UNKNOWN = "unknown"


class MemoryGap(Part, kw_only=True):
    """A time of which a memory has nothing, or nothing sure."""

    start: datetime | None = field(default=None, name="from")
    """None: since ever."""
    end: datetime | None = field(default=None, name="to")
    """None: until the sweep."""
    why: str


class Remembered(Part, kw_only=True):
    """One memory of one deed."""

    behaviour: Behaviour
    state: Recorded
    since: datetime | None = None
    """The oldest record of the kind that would tell it, UTC; None: not recorded, or not known."""
    source: str
    part: str
    """What people call it: ``Security 4688``, ``Prefetch``."""
    only: Annotated[str, Meta(max_length=128)] = ""
    """What alone it tells, where that is less than the deed: no clean verdict can rest on it."""
    why: Annotated[str, Meta(max_length=512)] = ""
    gaps: Annotated[list[MemoryGap], Meta(max_length=MAX_GAPS)] = []
