"""What a superblock of ext2, ext3 or ext4 says of its volume, before anything else is read.

Linux kernel, Documentation/filesystems/ext4/super.rst: "The Super Block" at byte 1,024;
s_feature_incompat at 0x60: what must be understood by whoever reads the volume.
"""

from __future__ import annotations

import struct
from typing import NamedTuple
from uuid import UUID

from . import FormatError
from .kinds import Read

_AT, _SIZE = 1024, 1024
_MAGIC = 0xEF53
NEEDS_RECOVERY = 0x4
_INCOMPATIBLE = {
    0x1: "compression",
    0x2: "filetype",
    NEEDS_RECOVERY: "needs_recovery",
    0x8: "journal_dev",
    0x10: "meta_bg",
    0x40: "extents",
    0x80: "64bit",
    0x100: "mmp",
    0x200: "flex_bg",
    0x400: "ea_inode",
    0x1000: "dirdata",
    0x2000: "metadata_csum_seed",
    0x4000: "large_dir",
    0x8000: "inline_data",
    0x10000: "encrypt",
    0x20000: "casefold",
}
"""By its bit: the feature, as ``tune2fs`` calls it."""


class ExtSays(NamedTuple):
    """Of itself."""

    size: int
    """Bytes."""
    uuid: UUID
    features: tuple[str, ...]
    """Those that whoever reads it must understand."""


def read_ext(read: Read) -> ExtSays:
    """Raises FormatError: no such superblock; OSError."""
    block = read(_AT, _SIZE)
    if len(block) < _SIZE or struct.unpack_from("<H", block, 0x38)[0] != _MAGIC:
        raise FormatError("no superblock")
    low, shift = struct.unpack_from("<I", block, 4)[0], struct.unpack_from("<I", block, 0x18)[0]
    bits, high = struct.unpack_from("<I", block, 0x60)[0], 0
    if shift > 6:
        raise FormatError("superblock that makes no sense")
    if bits & 0x80:
        high = struct.unpack_from("<I", block, 0x150)[0]
    known = [name for bit, name in _INCOMPATIBLE.items() if bits & bit]
    unknown = bits & ~sum(_INCOMPATIBLE)
    return ExtSays(
        (high << 32 | low) << 10 + shift,
        UUID(bytes=block[0x68:0x78]),
        (*known, *([f"0x{unknown:x}"] if unknown else [])),
    )


__all__ = ["ExtSays", "read_ext"]
