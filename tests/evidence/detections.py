"""Records of Defender's detections, laid out as real ones are."""

from __future__ import annotations

import struct
from datetime import datetime

from .filetime import ticks


def _value(kind: int, data: bytes) -> bytes:
    made = struct.pack("<II", len(data), kind) + data
    return made + bytes(-len(made) % 8)


def _text(text: str) -> bytes:
    return (text + "\0").encode("utf-16-le")


def _named(name: str, value: str | datetime) -> bytes:
    key = _text(name)
    begin = struct.pack("<I", len(key)) + key
    if isinstance(value, str):
        data = _text(value)
        return begin + struct.pack("<II", 6, len(data)) + data
    return begin + struct.pack("<IQ", 4, ticks(value))


def detection(
    *resources: tuple[str, str], threat: str = "Trojan:Win32/Example", sha1: str = "",
    started: datetime | None = None,
) -> bytes:  # fmt: skip
    """``resources``: kind and value."""
    made = _value(8, bytes(8)) + _value(0x1E, bytes(16))
    made += _value(0x15, _text("Magic.Version:1.2")) + _value(0x15, _text(threat))
    named = _named("ThreatTrackingSha1", sha1)
    if started is not None:
        named += _named("ThreatTrackingStartTime", started)
    for kind, value in resources:
        made += _value(0x15, _text(kind)) + _value(0x15, _text(value)) + _value(6, bytes(4))
        made += _value(0x28, bytes(24) + named)
    return made
