"""Values of hives in which Windows remembers programs, as it writes them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import datetime

from .filetime import ticks


def shimcache(entries: Sequence[tuple[str, datetime]], form: str = "10") -> bytes:
    """A cache of Windows ``xp``, ``2003``, ``2003x86``, ``7``, ``7x86``, ``8.0``, ``8.1`` or
    ``10``; ``bare``: ``CacheMainSdb`` of 8.1. Times of XP: of the file, and of the entry."""
    if form == "xp":
        return _of_xp(entries)
    if form.startswith("2003"):
        return _of_2003(entries, is_64=form == "2003")
    if form == "bare":
        texts = [struct.pack("<H", 2 * len(path)) + path.encode("utf-16-le") for path, _ in entries]
        return b"".join(
            struct.pack("<4sII", b"10ts", 0, len(text) + 4) + text + bytes(4) for text in texts
        )
    if form.startswith("7"):
        return _of_7(entries, is_64=form == "7")
    header = struct.pack("<I", 0x34 if form == "10" else 0x80).ljust(
        0x34 if form == "10" else 0x80, b"\0"
    )
    return header + b"".join(_entry(path, when, form) for path, when in entries)


def _of_xp(entries: Sequence[tuple[str, datetime]]) -> bytes:
    """What was longer before stands behind the ends of paths still."""
    count = len(entries)
    made = struct.pack("<III", 0xDEADBEEF, count, count).ljust(400, b"\0")
    for path, when in entries:
        text = f"\\??\\{path}\0left over".encode("utf-16-le")
        made += text.ljust(528, b"\0") + struct.pack("<QQQ", ticks(when), 294_400, ticks(when))
    return made


def _of_2003(entries: Sequence[tuple[str, datetime]], *, is_64: bool) -> bytes:
    layout = struct.Struct("<HH4xQQQ" if is_64 else "<HHIQQ")
    made, texts = struct.pack("<II", 0xBADC0FFE, len(entries)), b""
    at = len(made) + layout.size * len(entries)
    for path, when in entries:
        text = f"\\??\\{path}".encode("utf-16-le")
        made += layout.pack(len(text), len(text) + 2, at + len(texts), ticks(when), 294_400)
        texts += text + b"\0\0"
    return made + texts


def _of_7(entries: Sequence[tuple[str, datetime]], *, is_64: bool) -> bytes:
    layout = struct.Struct("<HH4xQQI4xQQ" if is_64 else "<HHIQI4xII")
    texts = b""
    made = struct.pack("<II", 0xBADC0FEE, len(entries)).ljust(0x80, b"\0")
    at = len(made) + layout.size * len(entries)
    for path, when in entries:
        text = f"\\??\\{path}".encode("utf-16-le")
        made += layout.pack(len(text), len(text) + 2, at + len(texts), ticks(when), 2, 0, 0)
        texts += text + b"\0\0"
    return made + texts


def _entry(path: str, when: datetime, form: str) -> bytes:
    text = path.encode("utf-16-le")
    body = struct.pack("<H", len(text)) + text
    if form == "8.1":
        body += struct.pack("<H", 0)
    if form != "10":
        body += bytes(8)
    body += struct.pack("<QI", ticks(when), 0)
    return struct.pack("<4sII", b"00ts" if form == "8.0" else b"10ts", 0, len(body)) + body


def user_assist(count: int, ran: datetime) -> bytes:
    """Version 5."""
    return struct.pack("<IIII", 0, count, 1, 1000).ljust(60, b"\0") + struct.pack(
        "<QI", ticks(ran), 0
    )


def last_run(when: datetime) -> bytes:
    """As BAM and DAM keep it."""
    return struct.pack("<QQII", ticks(when), 0, 0, 2)


def task_actions(command: str, arguments: str) -> bytes:
    """``Actions`` of a task, of version 3."""
    texts = b"".join(_sized(text) for text in ("", command, arguments, ""))
    return struct.pack("<H", 3) + _sized("Author") + struct.pack("<H", 0x6666) + texts + bytes(2)


def task_times(created: datetime, ran: datetime) -> bytes:
    """``DynamicInfo`` of a task."""
    return struct.pack("<IQQIIQ", 3, ticks(created), ticks(ran), 0, 0, ticks(ran))


def _sized(text: str) -> bytes:
    raw = text.encode("utf-16-le")
    return struct.pack("<I", len(raw)) + raw
