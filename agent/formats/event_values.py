"""Values of an event's binary XML as text: [MS-EVEN6] 2.2.12, value types; as Windows writes them.

The text of a number, a GUID or a SID is that of the Event Viewer: ``0x1a4``, ``{…}``, ``S-1-5-18``.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable, Iterator

from . import FormatError
from .filetime import iso_of

ARRAY = 0x80
"""Set in the type of a value that holds several."""
STRING, ANSI = 0x01, 0x02
BINARY_XML = 0x21
_MAX_ITEMS = 32_768


def text_of(kind: int, data: bytes) -> str:
    """One value as text.

    Raises:
        FormatError: an unknown type, or too few bytes for it.
    """
    read = _READ.get(kind)
    if read is None:
        raise FormatError(f"event value of unknown type {kind:#04x}")
    try:
        return read(data)
    except (struct.error, ValueError) as error:
        raise FormatError(f"event value of type {kind:#04x} in {len(data)} bytes") from error


def texts_of(kind: int, data: bytes) -> Iterator[str]:
    """The items of an array as texts; strings end with a NUL, others are packed.

    Raises:
        FormatError: an unknown type, or one whose size is not fixed.
    """
    kind &= ~ARRAY
    if kind in {STRING, ANSI}:
        yield from _DECODE[kind](data).removesuffix("\0").split("\0")
        return
    size = _SIZE.get(kind)
    if size is None:
        raise FormatError(f"event value: an array of type {kind:#04x}")
    for at in range(0, min(len(data) // size, _MAX_ITEMS) * size, size):
        yield text_of(kind, data[at : at + size])


def _utf_16(data: bytes) -> str:
    return data[: len(data) & ~1].decode("utf-16-le", "surrogatepass")


def _code_page(data: bytes) -> str:
    # The host's code page is not in the log; what this one leaves open is shown, not lost.
    return data.decode("cp1252", "backslashreplace")


_DECODE = {STRING: _utf_16, ANSI: _code_page}


def _number(form: str, show: str = "{}") -> Callable[[bytes], str]:
    packed = struct.Struct("<" + form)
    return lambda data: show.format(packed.unpack_from(data)[0])


def _size_t(data: bytes) -> str:
    return f"{int.from_bytes(data[:8], 'little'):#x}"


def _guid(data: bytes) -> str:
    return f"{{{uuid.UUID(bytes_le=data[:16])}}}".upper()


def _sid(data: bytes) -> str:
    """[MS-DTYP] 2.4.2.2: revision, count, authority (big-endian), sub-authorities."""
    revision, count = struct.unpack_from("<BB", data)
    parts = struct.unpack_from(f"<{count}I", data, 8)
    authority = int.from_bytes(data[2:8], "big")
    return "-".join(["S", str(revision), str(authority), *map(str, parts)])


def _filetime(data: bytes) -> str:
    return iso_of(struct.unpack_from("<Q", data)[0])


def _system_time(data: bytes) -> str:
    year, month, _, day, hour, minute, second, milli = struct.unpack_from("<8H", data)
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z"


_READ: dict[int, Callable[[bytes], str]] = {
    0x00: lambda _: "",
    STRING: lambda data: _utf_16(data).rstrip("\0"),
    ANSI: lambda data: _code_page(data).rstrip("\0"),
    0x03: _number("b"),
    0x04: _number("B"),
    0x05: _number("h"),
    0x06: _number("H"),
    0x07: _number("i"),
    0x08: _number("I"),
    0x09: _number("q"),
    0x0A: _number("Q"),
    0x0B: _number("f"),
    0x0C: _number("d"),
    0x0D: lambda data: "true" if any(data[:4]) else "false",
    0x0E: lambda data: data.hex().upper(),
    0x0F: _guid,
    0x10: _size_t,
    0x11: _filetime,
    0x12: _system_time,
    0x13: _sid,
    0x14: _number("I", "{:#x}"),
    0x15: _number("Q", "{:#x}"),
    0x20: _size_t,
    0x23: lambda data: _utf_16(data).rstrip("\0"),
}
_SIZE = {
    0x03: 1, 0x04: 1, 0x05: 2, 0x06: 2, 0x07: 4, 0x08: 4, 0x09: 8, 0x0A: 8, 0x0B: 4, 0x0C: 8,
    0x0D: 4, 0x0F: 16, 0x11: 8, 0x12: 16, 0x14: 4, 0x15: 8,
}  # fmt: skip
