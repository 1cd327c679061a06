r"""The record that the recycle bin keeps of each thing in it: ``$I…`` beside ``$R…``.

Format: libyal, "Windows Recycle.Bin file formats", 2 (``$I``): a version of 64 bits, the size in
bytes, a FILETIME of the deletion, and the path: of version 1 (Windows Vista to 8.1) 260 characters,
of version 2 (Windows 10) their number with the last NUL, of 32 bits, and then they.
"""

from __future__ import annotations

import struct
from datetime import datetime
from typing import NamedTuple

from . import FormatError
from .filetime import utc_of

MAX_BYTES = 1 << 17
"""More than the longest path takes."""
_FIXED = 260


class Recycled(NamedTuple):
    """What was deleted."""

    path: str
    """Where it was."""
    size: int
    """Bytes; of a folder, of all that is in it."""
    deleted: datetime | None
    """UTC."""


def read_recycled(data: bytes) -> Recycled:
    """Raises FormatError."""
    if len(data) < 28:
        raise FormatError("too short for a recycle bin's record")
    version, size, ticks = struct.unpack_from("<QqQ", data)
    if version == 1:
        start, characters = 24, _FIXED
    elif version == 2:
        start, (characters,) = 28, struct.unpack_from("<I", data, 24)
    else:
        raise FormatError("no recycle bin's record", "version")
    text = data[start : start + 2 * min(characters, MAX_BYTES)]
    if len(text) < 2 * characters:
        raise FormatError("a recycle bin's record that is cut", "path")
    path = text[: len(text) & ~1].decode("utf-16-le", "surrogatepass").partition("\0")[0]
    if not path:
        raise FormatError("a recycle bin's record without a path", "path")
    return Recycled(path, max(size, 0), utc_of(ticks))
