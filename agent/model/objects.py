"""What a sighting is about: a file, a process, a name …, with ECS field names as leaves."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=0)]


class Part(Struct, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """A part of the report; fields left at their default are left out of the JSON."""


class Hash(Part, kw_only=True):
    """Hashes of a whole file."""

    md5: str | None = None
    sha1: str | None = None
    sha256: str | None = None


class Pe(Part, kw_only=True):
    """What a PE file says of itself."""

    machine: str
    """``amd64``, ``x86``, ``arm64`` or the number in hexadecimal."""
    dll: bool = False
    exports: list[str] = []
    original_file_name: str = ""
    compiled: datetime | None = None


class Lnk(Part, kw_only=True):
    """What a shell link says of itself and of the machine that made it."""

    arguments: str = ""
    target: str = ""
    machine_id: str = ""
    mac: str = ""
    """From the droid's UUID, ``08:00:27:…``."""
    volume_serial: str = ""
    """``C4B2-BD1C``"""
    droid_time: datetime | None = None
    droid_sequence: int | None = None
    """The clock sequence of the droid's UUID."""


class File(Part, kw_only=True):
    """A file, its stream, or a member of an archive."""

    path: str
    name: str = ""
    size: Count | None = None
    hash: Hash | None = None
    created: datetime | None = None
    mtime: datetime | None = None
    accessed: datetime | None = None
    stream: str = ""
    """The alternate data stream's name, when that is what matched."""
    member_of: str = ""
    """The archive that holds this member; then ``path`` is the member's path in it."""
    pe: Pe | None = None
    lnk: Lnk | None = None
    zone_url: list[str] = []
    """HostUrl and ReferrerUrl of the Zone.Identifier stream."""
    signer: str = ""


class User(Part, kw_only=True):
    """An account."""

    name: str = ""
    id: str = ""


class Parent(Part, kw_only=True):
    """One ancestor of a process."""

    pid: int
    name: str = ""
    executable: str = ""
    command_line: str = ""
    start: datetime | None = None


class Process(Part, kw_only=True):
    """A process as it was when it was seen."""

    pid: int
    name: str = ""
    executable: str = ""
    command_line: str = ""
    start: datetime | None = None
    user: User | None = None
    parent: list[Parent] = []
    """Ancestors, nearest first."""
    hash: Hash | None = None
    original_file_name: str = ""
    """From the image's version resource: tells a renamed rundll32."""
    signer: str = ""


class Dll(Part, kw_only=True):
    """A module mapped into a process."""

    path: str
    name: str = ""
    size: Count | None = None
    hash: Hash | None = None
    pe: Pe | None = None
    on_disk: bool | None = None
    """Whether the file is (still) where it was loaded from."""


class Dns(Part, kw_only=True):
    """A name and what it resolved to."""

    question: str
    type: str = ""
    answers: list[str] = []


class Destination(Part, kw_only=True):
    """The far end of a connection."""

    ip: str = ""
    port: int | None = None
    domain: str = ""
    state: str = ""
    """``established``, ``listen``, …"""
    local: str = ""
    """The host's own end, ``address:port``."""


class Registry(Part, kw_only=True):
    """A value of the registry."""

    path: str
    value: str = ""
    data: str = ""


class Event(Part, kw_only=True):
    """A record of an event log."""

    channel: str
    id: int
    record: int | None = None
    provider: str = ""


class Url(Part, kw_only=True):
    """A URL."""

    full: str
