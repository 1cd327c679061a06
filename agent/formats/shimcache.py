r"""The application compatibility cache ("Shimcache"): programs that Windows looked at.

Format: the value ``AppCompatCache`` of ``Control\Session Manager\AppCompatCache``, as described in
libyal's winreg-kb, "Application Compatibility Cache", and A. Davis, "Leveraging the Application
Compatibility Cache in Forensic Investigations" (Mandiant, 2012). Windows 7 and Server 2008 R2 (of
32 and 64 bits), 8.0, 8.1 and 10 and newer. Those before are refused.
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

_WINDOWS_7 = 0xBADC0FEE
_HEADER_7_8 = 0x80
_HEADERS_10 = (0x30, 0x34)
_OF_8_0, _SINCE_8_1 = b"00ts", b"10ts"
_HEAD = struct.Struct("<4s4xI")
"""Signature and the size of what follows."""
_X64 = struct.Struct("<HH4xQQI4xQQ")
_X86 = struct.Struct("<HHIQI4xII")
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


def read_shimcache(data: bytes) -> Iterator[CachedProgram]:
    """Every entry, the newest first. Raises FormatError for no cache, and where one is cut, after
    those before it."""
    if len(data) < 8:
        raise FormatError("no application compatibility cache", "header")
    first = int.from_bytes(data[:4], "little")
    if first == _WINDOWS_7:
        yield from _of_7(data, int.from_bytes(data[4:8], "little"))
    elif first in _HEADERS_10 and data[first : first + 4] == _SINCE_8_1:
        yield from _since_8(data, first, is_10=True)
    elif data[_HEADER_7_8 : _HEADER_7_8 + 4] in (_OF_8_0, _SINCE_8_1):
        yield from _since_8(data, _HEADER_7_8, is_10=False)
    elif first not in _HEADERS_10 or len(data) > first:
        raise FormatError("an application compatibility cache of an unknown kind", "header")


def _of_7(data: bytes, count: int) -> Iterator[CachedProgram]:
    """The four bytes behind the two lengths are padding on 64 bits, and a path's offset on 32."""
    is_64 = data[_HEADER_7_8 + 4 : _HEADER_7_8 + 8] == bytes(4)
    entry = _X64 if is_64 else _X86
    for number in range(min(count, MAX_ENTRIES)):
        at = _HEADER_7_8 + number * entry.size
        if at + entry.size > len(data):
            raise FormatError("the application compatibility cache is cut", f"0x{at:x}")
        length, _, offset, modified, flags, *_ = entry.unpack_from(data, at)
        path = data[offset : offset + length]
        if len(path) < length:
            raise FormatError("the application compatibility cache is cut", f"0x{at:x}")
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
            raise FormatError("the application compatibility cache is cut", f"0x{at:x}")
        when = utc_of(int.from_bytes(modified, "little"))
        yield CachedProgram(number, _text(body[2:end]), when, was_started=False)
        at += _HEAD.size + size


def _text(path: bytes) -> str:
    text = path[: len(path) & ~1].decode("utf-16-le", "surrogatepass")
    return text.removeprefix("\\??\\").removeprefix("SYSVOL\\")
