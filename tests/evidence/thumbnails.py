"""Explorer's caches of pictures and icons, by their formats' descriptions."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from .filetime import ticks
from .jump_lists import compound
from .recycled import NOON

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def cache(identifiers: Sequence[str], version: int = 32, *, picture: bytes = PICTURE) -> bytes:
    """``thumbcache_256.db`` of Windows Vista (20), 7 (21), 8 (30) or 10 (32)."""
    made = struct.pack("<4sIIIII", b"CMMM", version, 4, 24, 0, len(identifiers))
    if version > 21:
        made = struct.pack("<4sIIIII", b"CMMM", version, 4, 0, 24, len(identifiers))
    for number, identifier in enumerate(identifiers):
        text = identifier.encode("utf-16-le")
        head = struct.pack("<QQ", 0x4141, 0x42424242_00410041)  # checksums that look like letters
        sizes = struct.pack("<III4x", len(text), 2, len(picture))
        if version == 20:
            sizes = "png\0".encode("utf-16-le") + sizes
        elif version > 21:
            sizes += bytes(8)
        body = struct.pack("<Q", number) + sizes + head + text + b"\0\0" + picture
        made += struct.pack("<4sI", b"CMMM", 8 + len(body)) + body
    return made


def icon_cache(paths: Sequence[str]) -> bytes:
    """``IconCache.db``: a header, numbers, and paths with their ends."""
    made = struct.pack("<I4sII", 0x40, b"Win4", 0x06010000, len(paths)).ljust(0x40, b"\0")
    for number, path in enumerate(paths):
        made += struct.pack("<HHI", 0x22, len(path), number) + (path + "\0").encode("utf-16-le")
    return made


def catalog(names: Sequence[str]) -> bytes:
    """The stream ``Catalog`` of ``Thumbs.db``."""
    made = struct.pack("<HHIII", 16, 7, len(names), 96, 96)
    for number, name in enumerate(names, start=1):
        text = (name + "\0").encode("utf-16-le") + bytes(2)
        made += struct.pack("<IIQ", 16 + len(text), number, ticks(NOON)) + text
    return made


def thumbs_db(names: Sequence[str], *, scattered: bool = False) -> bytes:
    """As Windows XP writes it."""
    streams = {"Catalog": catalog(names)}
    streams |= {str(number)[::-1]: PICTURE[:200] for number in range(1, len(names) + 1)}
    return compound(streams, scattered=scattered)
