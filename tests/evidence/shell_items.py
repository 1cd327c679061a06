"""Shell items and lists of them, as Explorer writes them (libfwsi, "Windows Shell Item format")."""

from __future__ import annotations

import struct
from datetime import datetime
from uuid import UUID

THIS_PC = "20d04fe0-3aea-1069-a2d8-08002b30309d"


def root(guid: str = THIS_PC) -> bytes:
    """The root of a namespace."""
    return _sized(b"\x1f\x50" + UUID(guid).bytes_le)


def volume(drive: str) -> bytes:
    """``C:\\``"""
    return _sized(b"\x2f" + drive.encode().ljust(22, b"\0"))


def entry(
    name: str,
    short: str = "SHORT~1",
    *,
    when: datetime | None = None,
    version: int = 9,
    kind: int = 0x31,
) -> bytes:
    """A folder or file, its long name in an extension block."""
    time = _fat(when)
    head = struct.pack("<BxI", kind, 0) + time + struct.pack("<H", 0x10)
    stored = short.encode() + b"\0"
    head += stored + b"\0" * (len(stored) % 2)
    body = struct.pack("<HI", version, 0xBEEF0004) + time + time + struct.pack("<H", 0x2A)
    body += bytes(18 if version >= 7 else 0) + b"\0\0" + bytes(4 * max(0, version - 7))
    body += (name + "\0").encode("utf-16-le") + struct.pack("<H", len(head) + 2)
    return _sized(head + struct.pack("<H", len(body) + 2) + body)


def listed(*items: bytes) -> bytes:
    """A list, with its end."""
    return b"".join(items) + b"\0\0"


def _sized(body: bytes) -> bytes:
    return struct.pack("<H", len(body) + 2) + body


def _fat(when: datetime | None) -> bytes:
    if when is None:
        return bytes(4)
    date = (when.year - 1980) << 9 | when.month << 5 | when.day
    return struct.pack("<HH", date, when.hour << 11 | when.minute << 5 | when.second // 2)
