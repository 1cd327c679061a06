r"""The list that the recycle bin of Windows 95 to XP keeps of all that is in it: ``INFO2``.

Format: libyal's dtformats, "The Windows Recycler file formats": a header of 20 bytes with the size
of an entry; entries of 280 bytes (Windows 95 to Me) or 800 (NT 4 to Server 2003): the path in the
system's code page (260), number, drive, FILETIME of the deletion, size, and of the longer ones the
path in UTF-16 (520). What was restored or removed keeps its entry, of which the first letter of the
path in the code page is blanked (D. Marschall, recyclebinunit, FORMAT.md). The content lies beside
the list as ``D``, the letter of the drive, the number and the extension (Microsoft, KB 136517).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from . import FormatError
from .filetime import utc_of

HEADER = 20
SHORT, LONG = 280, 800
"""Bytes of an entry."""
MAX_ENTRIES = 65_536
_FIXED = struct.Struct("<260sIIQI")


class InBin(NamedTuple):
    """One thing that was deleted."""

    offset: int
    """Of its entry."""
    raw: bytes
    """The entry, with what is left over behind the ends of its texts."""
    path: str
    """Where it was."""
    size: int
    """Bytes on the disk: whole clusters."""
    deleted: datetime | None
    """UTC."""
    content: str
    """Name of the file beside the list that holds it."""
    is_gone: bool
    """Whether it is no longer in the bin: restored, or removed from there."""


def read_recycler(data: bytes) -> Iterator[InBin]:
    """Every entry. Raises FormatError: no such list, or one that is cut, after those before."""
    size = int.from_bytes(data[12:16], "little")
    if len(data) < HEADER or size not in (SHORT, LONG):
        raise FormatError("no list of a recycle bin", "header")
    for at in range(HEADER, min(len(data), HEADER + MAX_ENTRIES * size), size):
        entry = data[at : at + size]
        if len(entry) < size:
            raise FormatError("the list of a recycle bin is cut", f"0x{at:x}")
        if entry.strip(b"\0"):
            yield _entry(at, entry)


def _entry(at: int, entry: bytes) -> InBin:
    narrow, number, drive, ticks, size = _FIXED.unpack_from(entry)
    letter = chr(ord("A") + drive) if drive < 26 else "?"
    is_gone = narrow[:1] == b"\0"
    text = narrow[is_gone:].partition(b"\0")[0].decode("cp1252", "replace")
    path = letter + text if is_gone and text else text
    if len(entry) == LONG:
        wide = entry[SHORT:].decode("utf-16-le", "surrogatepass")
        path = wide.partition("\0")[0] or path
    name = path.rpartition("\\")[2]
    extension = name[name.rfind(".") :] if "." in name else ""
    content = f"D{letter.lower()}{number}{extension}"
    return InBin(at, entry, path, size, utc_of(ticks), content, is_gone)
