"""What Microsoft Defender writes down of a thing that it put into quarantine.

Format: M. Groot and E. Schamper (Fox-IT), "Reverse, Reveal, Recover: Windows Defender Quarantine
Forensics" (2023): a header of 60 bytes and two sections, each encrypted by RC4 from its beginning
with the one key that is in mpengine.dll (F. Bauch, ERNW White Paper 71, 2019). The first section
tells the threat and the time, the second the resources, each with its path, kind and fields.
"""

from __future__ import annotations

import struct
from datetime import datetime
from typing import NamedTuple

from . import FormatError
from .filetime import utc_of

MAX_BYTES = 1 << 18
"""Of one section; a real one has some hundred."""
MAX_RESOURCES = 4_096
_HEADER = 60
_SIZES = 40
"""Where the header has those of the sections."""
_KEY = bytes.fromhex(
    "1e87781b8dbaa844ce69702c0c78b786a3f623b738f5edf9af83530fb3fc54faa21eb9cf1331fd0f0da954f687cb"
    "9e18279697900e53fb317c9cbce48e23d05371ecc15951b8f3649d7ca33ed68dc9047e82c9baad9799d0d458cb84"
    "7ca9ffbe3c8a775233557dde13a8b14087cc1bc8f10f6ecdd083a959cff84a9d1d50755e3e191818af23e2293558"
    "766d2c07e25712b2ca0b535ed8f6c56ce73d24bdd0291771861a54b4c285a9a3db7aca6d224aeacd621db9f2a22e"
    "d1e9e11d75bed7dc0ecb0a8e68a2ff1263408dc808dffd164b116774cd0b9b8d05411ed6262e429ba495676b8398"
    "db2f35d3c1b9ced52636f2765e1a95cb7ca4c3ddabddbff38253"
)
_IDENTIFIER, _PATH, _CREATED, _ACCESSED, _WRITTEN = 0x02, 0x0C, 0x0F, 0x10, 0x11
_LONG_PATH = "\\\\?\\"


class Quarantined(NamedTuple):
    """One resource."""

    kind: str
    """``file``, ``regkey``, ``service`` …"""
    path: str
    identifier: str
    """Of the content: the name of its file below ``ResourceData``; empty, if it tells none."""
    created: datetime | None
    accessed: datetime | None
    written: datetime | None


class Entry(NamedTuple):
    """One entry."""

    threat: str
    when: datetime | None
    """It was put into quarantine, UTC."""
    resources: list[Quarantined]


class Sections(NamedTuple):
    """An entry in the clear, as far as it is there."""

    first: bytes
    second: bytes
    is_whole: bool


def decrypted(data: bytes) -> Sections:
    """Raises FormatError: not an entry."""
    sizes = rc4(data[:_HEADER])[_SIZES : _SIZES + 8]
    if len(data) < _HEADER:
        raise FormatError("too short for an entry of the quarantine")
    first, second = struct.unpack("<II", sizes)
    if not 44 <= first <= MAX_BYTES or second > MAX_BYTES:
        raise FormatError("no entry of the quarantine", "header")
    begin = _HEADER + first
    return Sections(
        rc4(data[_HEADER:begin]),
        rc4(data[begin : begin + second]),
        len(data) >= begin + second,
    )


def read_entry(sections: Sections) -> Entry:
    """As much of it as is there: what is cut off is not told. Raises FormatError."""
    first = sections.first
    if len(first) < 44:
        raise FormatError("an entry of the quarantine without its threat")
    (ticks,) = struct.unpack_from("<Q", first, 32)
    threat = first[52:].partition(b"\0")[0].decode("utf-8", "replace")
    return Entry(threat, utc_of(ticks), list(_resources(sections.second)))


def _resources(data: bytes) -> list[Quarantined]:
    count = int.from_bytes(data[:4], "little")
    count = min(count, len(data) // 4, MAX_RESOURCES)
    told: list[Quarantined] = []
    for place in range(4, 4 * count + 1, 4):
        at = int.from_bytes(data[place : place + 4], "little")
        if at < len(data):
            told.append(_resource(data, at))
    return told


def _resource(data: bytes, at: int) -> Quarantined:
    end = at
    while end + 1 < len(data) and data[end : end + 2] != b"\0\0":
        end += 2
    path = data[at:end].decode("utf-16-le", "surrogatepass")
    count = int.from_bytes(data[end + 2 : end + 4], "little")
    kind, _, _ = data[end + 4 :].partition(b"\0")
    fields = _fields(data, end + 4 + len(kind) + 1, count)
    if _PATH in fields:
        path = _text(fields[_PATH])
    times = (
        utc_of(int.from_bytes(fields.get(one, b"")[:8], "little"))
        for one in (_CREATED, _ACCESSED, _WRITTEN)
    )
    return Quarantined(
        kind.decode("ascii", "replace"),
        path.removeprefix(_LONG_PATH),
        fields.get(_IDENTIFIER, b"").hex().upper(),
        *times,
    )


def _fields(data: bytes, at: int, count: int) -> dict[int, bytes]:
    """By their identifiers: each begins at a multiple of four."""
    fields: dict[int, bytes] = {}
    for _ in range(count):
        at = at + 3 & ~3
        if at + 4 > len(data):
            break
        size, identifier = struct.unpack_from("<HH", data, at)
        fields.setdefault(identifier & 0xFFF, data[at + 4 : at + 4 + size])
        at += 4 + size
    return fields


def _text(data: bytes) -> str:
    return data[: len(data) & ~1].decode("utf-16-le", "surrogatepass").partition("\0")[0]


def rc4(data: bytes, key: bytes = _KEY) -> bytes:
    """From the beginning of what was encrypted with this key; both ways alike."""
    box = list(range(256))
    other = 0
    for place in range(256):
        other = (other + box[place] + key[place % len(key)]) & 0xFF
        box[place], box[other] = box[other], box[place]
    stream = bytearray(len(data))
    one = other = 0
    for place in range(len(data)):
        one = (one + 1) & 0xFF
        other = (other + box[one]) & 0xFF
        box[one], box[other] = box[other], box[one]
        stream[place] = box[(box[one] + box[other]) & 0xFF]
    number = int.from_bytes(data, "little") ^ int.from_bytes(stream, "little")
    return number.to_bytes(len(data), "little")
