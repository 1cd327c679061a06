"""What a source saw."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from .objects import Destination, Dll, Dns, File, Process, Url


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
    place: str
    """Where, whole, as a person would look for it."""
    keys: tuple[str, ...] = ()
    """What this has in common with other observations of one chain; see ``findings/chains.py``."""
    time: datetime | None = None
    """When it happened, if the evidence says so."""
    mention: bool = False
    """The bytes only mention it (a text, a log, memory): a name or domain then proves little."""
    file: File | None = None
    process: Process | None = None
    dll: Dll | None = None
    dns: Dns | None = None
    destination: Destination | None = None
    url: Url | None = None
    pipe: str = ""
    hits: tuple[ByteHit, ...] = ()
    blocked: bool = False
    """A defender's block of a name (hosts file sinkhole)."""
    remarks: tuple[str, ...] = ()
    """What a reader of the finding should know: how it was read, why it may not be true."""
