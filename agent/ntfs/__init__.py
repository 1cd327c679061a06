"""NTFS read as bytes: one engine for a live raw volume and an image of one.

The $MFT is scanned as it lies on the disk, and only records that something hit are parsed.
Everything that is read may be hostile: each parser is bounded and ends in values or in
:class:`NtfsError`. Sources of the format facts: [Russon] R. Russon and Y. Fledel, "NTFS
Documentation" (the Linux-NTFS project), by attribute name; [layout.h] of ntfs-3g 2022.10.3.
"""

from __future__ import annotations

from .byte_source import ByteSource, FileSource, SliceSource
from .copied import CopiedVolume
from .entry import MftEntry, Name, Stream
from .errors import Account, NtfsError, Unread
from .index import FolderEntry, list_folder
from .paths import ResolvedPath
from .patterns import Wanted
from .reference import Reference
from .scan import Hit, MftScan, RawHit, ScanCounts
from .selection import Selected
from .usn import UsnMention, UsnRecord, UsnScan
from .volume import Volume

__all__ = [
    "Account",
    "ByteSource",
    "CopiedVolume",
    "FileSource",
    "FolderEntry",
    "Hit",
    "RawHit",
    "MftEntry",
    "MftScan",
    "Name",
    "NtfsError",
    "Reference",
    "ResolvedPath",
    "ScanCounts",
    "SliceSource",
    "Stream",
    "Unread",
    "UsnMention",
    "UsnRecord",
    "UsnScan",
    "Volume",
    "list_folder",
    "Wanted",
    "Selected",
]
