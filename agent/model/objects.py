"""What a sighting is about: a file, a process, a name …, with ECS field names as leaves."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=0)]
SCRIPT_BLOCK = 4104
"""The event of PowerShell that has a script."""
ARROW = " → "
"""Between an archive and its member, where a place is told as text."""


class Part(Struct, omit_defaults=True, kw_only=True, gc=False):
    """A part of the report; fields left at their default are left out of the JSON, and fields that
    a later version added are passed over (``codec.unknown_fields`` names them)."""


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
    inode: str = ""
    """Its record on its volume: the number, on NTFS with the sequence (``40-5``) that tells it from
    a file whose record was used again."""
    member_of: str = ""
    """The archive that holds this member; then ``path`` is the member's path in it."""
    pe: Pe | None = None
    lnk: Lnk | None = None
    zone_url: list[str] = []
    """HostUrl and ReferrerUrl of the Zone.Identifier stream."""
    signer: str = ""
    recycled: str = ""
    """Where its content is in the recycle bin, if it was put there."""


class User(Part, kw_only=True):
    """An account."""

    name: str = ""
    id: str = ""


class Parent(Part, kw_only=True):
    """One ancestor of a process."""

    pid: int | None = None
    name: str = ""
    executable: str = ""
    command_line: str = ""
    start: datetime | None = None


class Process(Part, kw_only=True):
    """A process as it was when it was seen, or as something remembers it."""

    pid: int | None = None
    """None where the evidence does not tell it: prefetch, a Run key."""
    entity_id: str = ""
    """What a logger calls this very process in all its records (Sysmon's ``ProcessGuid``)."""
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
    id: int | None = None
    """None where the record cannot be parsed."""
    record: int | None = None
    provider: str = ""

    @property
    def is_script(self) -> bool:
        """Whether it holds a script, or a part of one, and no command line."""
        return self.id == SCRIPT_BLOCK and "powershell" in self.provider.casefold()


class Url(Part, kw_only=True):
    """A URL."""

    full: str


class Pipe(Part, kw_only=True):
    """A named pipe."""

    name: str


class Task(Part, kw_only=True):
    """A scheduled task."""

    name: str
    command: str = ""


class Service(Part, kw_only=True):
    """A service or driver."""

    name: str
    display_name: str = ""
    executable: str = ""
    """The command line or path that it is started by."""


class Objects(Part, kw_only=True):
    """All that a sighting, and the finding made of it, can be about; those that apply."""

    file: File | None = None
    process: Process | None = None
    dll: Dll | None = None
    dns: Dns | None = None
    destination: Destination | None = None
    registry: Registry | None = None
    event: Event | None = None
    url: Url | None = None
    user: User | None = None
    """Whose it is or who did it, where no process says so."""
    pipe: Pipe | None = None
    task: Task | None = None
    service: Service | None = None


OBJECTS = Objects.__struct_fields__
"""Their names."""


def objects_of(holder: Objects) -> dict[str, Part]:
    """Those that are there, by name."""
    held = ((name, getattr(holder, name)) for name in OBJECTS)
    return {name: value for name, value in held if value is not None}
