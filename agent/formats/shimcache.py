r"""The application compatibility cache ("Shimcache"): programs that Windows looked at.

Format: the value ``AppCompatCache`` of ``Control\Session Manager\AppCompatCache`` (of Windows XP:
of ``AppCompatibility``), as described in libyal's winreg-kb, "Application Compatibility Cache", and
A. Davis, "Leveraging the Application Compatibility Cache in Forensic Investigations" (Mandiant,
2012). Windows XP (of 32 bits), Server 2003 with Vista and Server 2008, 7 with Server 2008 R2 (each
of 32 and 64 bits), 8.0, 8.1 and 10 and newer.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from . import FormatError
from .filetime import utc_of

MAX_ENTRIES = 4096
"""Windows keeps 1,024 at most."""

_WINDOWS_XP, _WINDOWS_2003, _WINDOWS_7 = 0xDEADBEEF, 0xBADC0FFE, 0xBADC0FEE
_HEADER_XP, _ENTRY_XP = 400, 552
_PATH_XP = 528
"""Bytes in which a path stands; what is behind its end is left over."""
_HEADER_2003 = 8
_HEADER_7_8 = 0x80
_HEADERS_10 = (0x30, 0x34)
_OF_8_0, _SINCE_8_1 = b"00ts", b"10ts"
_HEAD = struct.Struct("<4s4xI")
"""Signature and the size of what follows."""
_X64 = struct.Struct("<HH4xQQI4xQQ")
_X86 = struct.Struct("<HHIQI4xII")
_2003_X64 = struct.Struct("<HH4xQQ8x")
_2003_X86 = struct.Struct("<HHIQ8x")
"""Behind the time stand a size (Server 2003) or flags (Vista); nothing says which."""
_CUT = "the application compatibility cache is cut"
_INSERTED = 2
"""Of Windows 7's flags: set when the program was started."""


class CachedProgram(NamedTuple):
    """One entry."""

    number: int
    """From 0: the newest first."""
    path: str
    modified: datetime | None
    """Of the file when it was looked at, UTC."""
    was_started: bool
    """Windows 7 alone says so; False elsewhere tells nothing."""
    size: int | None = None
    """Of the file, bytes; Windows XP alone says so."""
    updated: datetime | None = None
    """When the entry was written, UTC; Windows XP alone says so."""


def read_shimcache(data: bytes) -> Iterator[CachedProgram]:
    """Every entry, the newest first. Raises FormatError for no cache, and where one is cut, after
    those before it."""
    if len(data) < 8:
        raise FormatError("no application compatibility cache", "header")
    first = int.from_bytes(data[:4], "little")
    if first == _WINDOWS_XP:
        yield from _of_xp(data, int.from_bytes(data[4:8], "little"))
    elif first == _WINDOWS_2003:
        yield from _of_2003(data, int.from_bytes(data[4:8], "little"))
    elif first == _WINDOWS_7:
        yield from _of_7(data, int.from_bytes(data[4:8], "little"))
    elif first in _HEADERS_10 and data[first : first + 4] == _SINCE_8_1:
        yield from _since_8(data, first, is_10=True)
    elif data[_HEADER_7_8 : _HEADER_7_8 + 4] in (_OF_8_0, _SINCE_8_1):
        yield from _since_8(data, _HEADER_7_8, is_10=False)
    elif data.startswith(_SINCE_8_1):
        yield from _without_times(data)
    elif first not in _HEADERS_10 or len(data) > first:
        raise FormatError("an application compatibility cache of an unknown kind", "header")


def _of_xp(data: bytes, count: int) -> Iterator[CachedProgram]:
    for number in range(min(count, MAX_ENTRIES)):
        at = _HEADER_XP + number * _ENTRY_XP
        if at + _ENTRY_XP > len(data):
            raise FormatError(_CUT, f"0x{at:x}")
        modified, size, updated = struct.unpack_from("<QqQ", data, at + _PATH_XP)
        path = _text(data[at : at + _PATH_XP]).partition("\0")[0]
        yield CachedProgram(
            number,
            path,
            utc_of(modified),
            was_started=False,
            size=size if size > 0 else None,
            updated=utc_of(updated),
        )


def _of_2003(data: bytes, count: int) -> Iterator[CachedProgram]:
    """As of Windows 7, with less."""
    is_64 = data[_HEADER_2003 + 4 : _HEADER_2003 + 8] == bytes(4)
    entry = _2003_X64 if is_64 else _2003_X86
    for number in range(min(count, MAX_ENTRIES)):
        at = _HEADER_2003 + number * entry.size
        if at + entry.size > len(data):
            raise FormatError(_CUT, f"0x{at:x}")
        length, _, offset, modified = entry.unpack_from(data, at)
        path = data[offset : offset + length]
        if len(path) < length:
            raise FormatError(_CUT, f"0x{at:x}")
        yield CachedProgram(number, _text(path), utc_of(modified), was_started=False)


def _of_7(data: bytes, count: int) -> Iterator[CachedProgram]:
    """The four bytes behind the two lengths are padding on 64 bits, and a path's offset on 32."""
    is_64 = data[_HEADER_7_8 + 4 : _HEADER_7_8 + 8] == bytes(4)
    entry = _X64 if is_64 else _X86
    for number in range(min(count, MAX_ENTRIES)):
        at = _HEADER_7_8 + number * entry.size
        if at + entry.size > len(data):
            raise FormatError(_CUT, f"0x{at:x}")
        length, _, offset, modified, flags, *_ = entry.unpack_from(data, at)
        path = data[offset : offset + length]
        if len(path) < length:
            raise FormatError(_CUT, f"0x{at:x}")
        yield CachedProgram(number, _text(path), utc_of(modified), bool(flags & _INSERTED))


def _since_8(data: bytes, at: int, *, is_10: bool) -> Iterator[CachedProgram]:
    for number in range(MAX_ENTRIES):
        if at + _HEAD.size > len(data):
            return
        signature, size = _HEAD.unpack_from(data, at)
        body = data[at + _HEAD.size : at + _HEAD.size + size]
        if signature not in (_OF_8_0, _SINCE_8_1):
            raise FormatError("no entry of an application compatibility cache", f"0x{at:x}")
        end = 2 + int.from_bytes(body[:2], "little")
        behind = end
        if not is_10:
            if signature == _SINCE_8_1:  # the name of a package
                behind += 2 + int.from_bytes(body[end : end + 2], "little")
            behind += 8  # flags
        modified = body[behind : behind + 8]
        if len(body) < size or len(modified) < 8:
            raise FormatError(_CUT, f"0x{at:x}")
        when = utc_of(int.from_bytes(modified, "little"))
        yield CachedProgram(number, _text(body[2:end]), when, was_started=False)
        at += _HEAD.size + size


def _without_times(data: bytes) -> Iterator[CachedProgram]:
    """``CacheMainSdb`` of Windows 8.1: entries from the first byte on, a path and flags each."""
    at = 0
    for number in range(MAX_ENTRIES):
        if at + _HEAD.size > len(data):
            return
        signature, size = _HEAD.unpack_from(data, at)
        body = data[at + _HEAD.size : at + _HEAD.size + size]
        if signature != _SINCE_8_1:
            raise FormatError("no entry of an application compatibility cache", f"0x{at:x}")
        end = 2 + int.from_bytes(body[:2], "little")
        if len(body) < size or end > size:
            raise FormatError(_CUT, f"0x{at:x}")
        yield CachedProgram(number, _text(body[2:end]), None, was_started=False)
        at += _HEAD.size + size


def _text(path: bytes) -> str:
    text = path[: len(path) & ~1].decode("utf-16-le", "surrogatepass")
    return text.removeprefix("\\??\\").removeprefix("SYSVOL\\")
