"""Chain of custody: who had which bytes swept, and whether these are those that were acquired.

When it was, by which program and with which packs stands in the report itself.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated

from msgspec import Meta

from .objects import Count, Hash, Part

MAX_NOTES = 64 << 10
"""Characters of the notes."""
MAX_WORDS = 1000
"""Characters of who it was, and of the case."""
MAX_EXHIBITS = 1000
MAX_FILES = 1000
"""Files of one exhibit that are told one by one."""


class Checked(str, Enum):
    """What came of reading all bytes of an exhibit (``--check-hash``)."""

    EQUAL = "equal"
    """Every stored hash is that of the bytes that were read."""
    DIFFERENT = "different"
    NOTHING_STORED = "nothing stored"
    """Hashed; nothing is there to compare it with."""
    NOT_READ = "not read"
    """Not all bytes could be read: a hash of the rest says nothing."""


class HeldFile(Part, kw_only=True, gc=False):
    """A file that an exhibit lies in, as it was when the sweep began."""

    path: str
    """Absolute, on the machine that swept."""
    size: Count
    mtime: datetime


class Exhibit(Part, kw_only=True):
    """One thing that was given: an image with all its parts and parents, a folder, a file."""

    path: str
    """Absolute, on the machine that swept."""
    kind: str
    """As the coverage calls it: ``EnCase image (E01)``, ``raw image``, ``folder`` …"""
    size: Count | None = None
    """Bytes of the disk within; absent for a folder."""
    files: Annotated[list[HeldFile], Meta(max_length=MAX_FILES)] = []
    """Empty for a folder: its files are told by the findings."""
    more_files: Count = 0
    identity: str = ""
    """SHA-256 over names, sizes and times of all its files, some pages of each, and its stored
    hashes: equal wherever they were copied to with their times. Empty where it was not worked
    out."""
    stored: Hash | None = None
    """As whoever made the container wrote it down, of all bytes of the disk."""
    read: Hash | None = None
    """Of all bytes of the disk, as this sweep read them."""
    checked: Checked | None = None
    """Absent: it was not asked for, or not reached."""


class Custody(Part, kw_only=True):
    """As far as the sweep knows it: what came before and after is in the case's own log."""

    examiner: Annotated[str, Meta(max_length=MAX_WORDS)] = ""
    case: Annotated[str, Meta(max_length=MAX_WORDS)] = ""
    notes: Annotated[str, Meta(max_length=MAX_NOTES)] = ""
    workstation: str = ""
    """The machine that swept, as it calls itself."""
    account: str = ""
    """That the sweep ran under."""
    exhibits: Annotated[list[Exhibit], Meta(max_length=MAX_EXHIBITS)] = []
