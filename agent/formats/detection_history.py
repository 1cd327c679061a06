"""What Microsoft Defender remembers of a detection.

Format: not published; as read from real records (log2timeline/plaso, test_data, whose parser
windefender_history.py says the same): values one after the other, each a length and a type of 32
bits, the data, and zeros up to a multiple of eight bytes. Type 0x15 is a text in UTF-16; 0x28 holds
named values: from byte 24 on, each a name with its length, and a type: 6, a text with its length in
front, 3, 32 bits, 4, 64 bits, 5, a byte. A text that names a kind of resource has it behind it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from . import FormatError
from .filetime import utc_of

MAX_VALUES = 4_096
_TEXT, _NAMED = 0x15, 0x28
_NAMED_TEXT, _NAMED_64 = 6, 4
_SIZES = {3: 4, 4: 8, 5: 1}
"""Bytes of a named value, by its type."""
_NAMED_HEADER = 24
_KINDS = frozenset({"file", "containerfile", "webfile", "webscript", "process", "regkey"})


class Resource(NamedTuple):
    """What a threat was found in."""

    kind: str
    """``file``, ``containerfile``, ``webfile`` …"""
    value: str
    """As it stands there: a path, ``archive->member``, ``path|URL|pid:…``."""
    named: dict[str, str]
    """``ThreatTrackingSha1`` and others; empty, if it tells none."""

    @property
    def path(self) -> str:
        """Of the file on disk."""
        return self.value.partition("|")[0].partition("->")[0]

    @property
    def member(self) -> str:
        """Within it, if it is an archive."""
        return self.value.partition("|")[0].partition("->")[2]

    @property
    def url(self) -> str:
        """From where it came, where a browser's download was looked at."""
        told = self.value.split("|")
        return told[1] if self.kind.startswith("web") and len(told) > 1 else ""


class Detection(NamedTuple):
    """One record."""

    threat: str
    """Its name."""
    resources: list[Resource]
    started: datetime | None
    """The scan, UTC."""


def read_detection(data: bytes) -> Detection:
    """Raises FormatError: nothing of a detection is in these bytes."""
    texts: list[str] = []
    resources: list[Resource] = []
    started: datetime | None = None
    for kind, value in _values(data):
        if kind == _TEXT:
            text = _text(value)
            if texts and texts[-1] in _KINDS:
                resources.append(Resource(texts[-1], text, {}))
            texts.append(text)
        elif kind == _NAMED and resources:
            named, times = _named(value)
            resources[-1] = resources[-1]._replace(named=named)
            started = started or times.get("ThreatTrackingStartTime")
    threat = next((text for text in texts if ":" in text and "/" in text), "")
    if not resources:
        raise FormatError("no record of a detection", "resources")
    return Detection(threat, resources, started)


def _values(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    for _ in range(MAX_VALUES):
        if at + 8 > len(data):
            return
        size, kind = struct.unpack_from("<II", data, at)
        yield kind, data[at + 8 : at + 8 + size]
        at += 8 + (size + 7 & ~7)


def _named(data: bytes) -> tuple[dict[str, str], dict[str, datetime | None]]:
    texts: dict[str, str] = {}
    times: dict[str, datetime | None] = {}
    at = _NAMED_HEADER
    for _ in range(MAX_VALUES):
        if at + 4 > len(data):
            break
        (length,) = struct.unpack_from("<I", data, at)
        name, at = _text(data[at + 4 : at + 4 + length]), at + 4 + length
        if at + 8 > len(data):
            break
        kind, size = struct.unpack_from("<II", data, at)
        at += 8 if kind == _NAMED_TEXT else 4
        size = size if kind == _NAMED_TEXT else _SIZES.get(kind, len(data))
        value = data[at : at + size]
        at += size
        if kind == _NAMED_TEXT:
            texts[name] = _text(value)
        elif kind == _NAMED_64 and len(value) == 8:
            times[name] = utc_of(struct.unpack("<Q", value)[0])
    return texts, times


def _text(data: bytes) -> str:
    return data[: len(data) & ~1].decode("utf-16-le", "surrogatepass").partition("\0")[0]
