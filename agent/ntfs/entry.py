"""What the $MFT says of one file or folder."""

from __future__ import annotations

import struct
from functools import cached_property
from typing import NamedTuple

from msgspec import Struct

from ..spelling import extension_of
from .attributes import COMPRESSED, ENCRYPTED, text_of
from .errors import NtfsError
from .reference import Reference
from .run_list import Run

POSIX, WIN32, DOS, WIN32_AND_DOS = 0, 1, 2, 3
"""Name spaces of a name ([Russon] "Filename Namespace"); DOS: the 8.3 name beside a long one."""
REPARSE_SURROGATE = 0x2000_0000
"""Bit of a reparse tag: it stands for another place ([MS-FSCC] 2.1.2.1)."""
REPARSE_WOF = 0x8000_0017
"""Compressed by the Windows Overlay Filter ("CompactOS")."""
WOF_STREAM = "WofCompressedData"
_ELSEWHERE = 0x44_1200
"""FILE_ATTRIBUTE_SPARSE_FILE, _OFFLINE, _RECALL_ON_OPEN, _RECALL_ON_DATA_ACCESS ([MS-FSCC] 2.6)."""
MAX_REPARSE_DATA = 24
"""Bytes of a reparse point that are kept: its tag, and what comes first behind it."""
_STANDARD = struct.Struct("<QQQQI")
_USN = slice(64, 72)
"""In a $STANDARD_INFORMATION of NTFS 3.0 and later ([layout.h] STANDARD_INFORMATION)."""
_FILE_NAME = struct.Struct("<QQQQQ24xBB")
"""Folder, four times; length and space of the name behind them."""
_made = tuple.__new__
"""Half as long as a call of the class, for what is made for each record."""


class Times(NamedTuple):
    """100 ns ticks since 1601, UTC."""

    created: int
    modified: int
    changed: int
    """Of the record itself."""
    accessed: int


class Name(NamedTuple):
    """One of a file's names, each in a folder: hard links have several."""

    text: str
    parent: Reference
    space: int
    times: Times
    """When the name was given or changed; programs cannot set these."""

    @property
    def is_short(self) -> bool:
        """Whether it is the 8.3 name beside a long one."""
        return self.space == DOS


class Stream(Struct, frozen=True):
    """A stream of data; the unnamed one is the file's content. Sizes in bytes."""

    name: str
    size: int
    allocated: int
    initialized: int
    resident: bool
    flags: int
    unit: int = 0
    """Compressed together, in clusters as a power of two."""
    value: bytes = b""
    """If resident."""
    runs: tuple[Run, ...] = ()
    damage: str = ""
    """Why it cannot be read whole."""

    @property
    def is_compressed(self) -> bool:
        return bool(self.flags & COMPRESSED)

    @property
    def has_holes(self) -> bool:
        """Whether a part of it is kept nowhere, and reads as zeros."""
        told = not self.resident and self.initialized < self.size
        return told or (any(run.cluster is None for run in self.runs) and not self.is_compressed)

    @property
    def is_encrypted(self) -> bool:
        """By EFS: its clusters are cipher text."""
        return bool(self.flags & ENCRYPTED)


class MftEntry(Struct, frozen=True, dict=True):
    """A file or folder as its records tell it."""

    reference: Reference
    live: bool
    """False: deleted; the record is kept until it is used again."""
    folder: bool
    names: tuple[Name, ...]
    streams: tuple[Stream, ...]
    times: Times | None
    """Of $STANDARD_INFORMATION: what programs see and can set. None: it is not there."""
    attributes: int = 0
    """FILE_ATTRIBUTE_… bits."""
    reparse_data: bytes = b""
    """The first bytes of its reparse point."""
    notes: tuple[str, ...] = ()
    """What is odd about it: torn, damaged, times that disagree."""
    partial: bool = False
    """Some of its records could not be read: there may be more names and streams."""
    usn: int = 0
    """Of its last change in the volume's change journal; 0: none is kept."""

    @property
    def number(self) -> int:
        return self.reference.number

    @property
    def reparse_tag(self) -> int:
        """0: it is no reparse point."""
        return int.from_bytes(self.reparse_data[:4], "little")

    @property
    def size(self) -> int | None:
        """Of the unnamed stream in bytes; None for none."""
        stream = self.stream()
        return None if stream is None else stream.size

    def stream(self, name: str = "") -> Stream | None:
        """The stream of this name, in any case; the exact spelling first."""
        for stream in self.streams:
            if stream.name == name:
                return stream
        folded = name.upper()
        return next((s for s in self.streams if s.name.upper() == folded), None)

    @cached_property
    def long_names(self) -> tuple[Name, ...]:
        """Without 8.3 names beside long ones: as a walk lists them."""
        return tuple([name for name in self.names if name.space != DOS])

    @property
    def is_link(self) -> bool:
        """Whether it stands for another place: symbolic link, junction, mount point."""
        return bool(self.reparse_tag & REPARSE_SURROGATE)

    @property
    def is_kept_elsewhere(self) -> bool:
        """Whether a filter driver keeps its content, or a part of it: its clusters do not say what
        programs read (deduplicated, moved to slower storage, backed by a WIM, projected …)."""
        if not self.reparse_tag or self.is_link:
            return False
        stream = self.stream()
        return bool(self.attributes & _ELSEWHERE) or (stream is not None and stream.has_holes)


def stream_extension(name: str) -> str | None:
    """Of an alternate stream; None for one that the system keeps for itself and shows to nobody."""
    return None if name.lower() == WOF_STREAM.lower() else extension_of(name)


def read_name(value: bytes) -> Name:
    """From a $FILE_NAME attribute. Raises NtfsError."""
    if len(value) < _FILE_NAME.size:
        raise NtfsError("record damaged: file name")
    parent, born, modified, changed, accessed, length, space = _FILE_NAME.unpack_from(value)
    text = value[_FILE_NAME.size : _FILE_NAME.size + 2 * length]
    if len(text) < 2 * length:
        raise NtfsError("record damaged: file name")
    times = _made(Times, (born, modified, changed, accessed))
    return _made(Name, (text_of(text), Reference.of(parent), space, times))


def read_standard(value: bytes) -> tuple[Times, int, int]:
    """Times, attributes and USN from a $STANDARD_INFORMATION. Raises NtfsError."""
    if len(value) < _STANDARD.size:
        raise NtfsError("record damaged: standard information")
    told = _STANDARD.unpack_from(value)
    return _made(Times, told[:4]), told[4], int.from_bytes(value[_USN], "little")


def time_notes(times: Times | None, names: tuple[Name, ...]) -> tuple[str, ...]:
    """Signs that a file's times were set by a program.

    An archive that is unpacked sets times too: a note, never a proof.
    """
    if times is None or not names:
        return ()
    notes = []
    created, modified, _, _ = times
    for name in names:
        given = name.times.created
        if given and given <= created:
            break
    else:
        notes.append("created, says the file, before its name was given ($SI before $FN)")
    if created and not created % 10_000_000 and not modified % 10_000_000:
        notes.append("times without fractions of a second")
    return tuple(notes)
