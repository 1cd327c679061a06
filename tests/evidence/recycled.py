"""Records of the recycle bin, by the format's description."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import datetime, timezone

from .filetime import ticks

NOON = datetime(2018, 11, 14, 12, tzinfo=timezone.utc)


def recycled(path: str, size: int, *, deleted: datetime = NOON, version: int = 2) -> bytes:
    """A ``$I`` file."""
    text = (path + "\0").encode("utf-16-le", "surrogatepass")
    head = struct.pack("<QQQ", version, size, ticks(deleted))
    if version == 1:
        return head + text.ljust(520, b"\0")
    return head + struct.pack("<I", len(text) // 2) + text


def recycler(
    paths: Sequence[str], *, gone: Sequence[str] = (), size: int = 800, deleted: datetime = NOON
) -> bytes:
    """``INFO2``. ``gone``: of the paths, those no longer in the bin; ``size``: of an entry. What
    was longer before stands behind the ends of paths still."""
    made = struct.pack("<IIIII", 5, 0, 0, size, 0)
    for number, path in enumerate(paths, start=1):
        narrow = bytearray(path.encode("cp1252", "replace").ljust(260, b"\0"))
        if path in gone:
            narrow[0] = 0
        drive = ord(path[0].upper()) - ord("A")
        made += bytes(narrow) + struct.pack("<IIQI", number, drive, ticks(deleted), 4096)
        if size == 800:
            made += (path + "\0left over").encode("utf-16-le").ljust(520, b"\0")
    return made
