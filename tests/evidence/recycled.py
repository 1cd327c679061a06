"""Records of the recycle bin, by the format's description."""

from __future__ import annotations

import struct
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
