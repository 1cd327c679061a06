"""Records of Defender's detections, laid out as real ones are."""

from __future__ import annotations

import struct
from datetime import datetime

from agent.formats.quarantine import rc4

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


def quarantined(
    *resources: tuple[str, str], threat: str = "Trojan:Win32/Example",
    when: datetime | None = None, created: datetime | None = None, identifier: bytes = b"",
) -> bytes:  # fmt: skip
    """An entry of the quarantine, encrypted. ``resources``: kind and path."""
    ticks_of = ticks(when) if when is not None else 0
    first = bytes(range(16)) + bytes(16) + struct.pack("<QQI", ticks_of, 2147519003, 1)
    first += threat.encode() + b"\0"
    bodies = [_resource(kind, path, created, identifier) for kind, path in resources]
    head = 4 + 4 * len(bodies)
    offsets = [head + sum(map(len, bodies[:place])) for place in range(len(bodies))]
    second = struct.pack(f"<{1 + len(bodies)}I", len(bodies), *offsets) + b"".join(bodies)
    header = b"\xdb\xe8\xc5\1\1\0\0\0" + bytes(32)
    header += struct.pack("<IIII", len(first), len(second), 1, 2) + b"\xa5\xa5\xa5\xa5"
    return rc4(header) + rc4(first) + rc4(second)


def _resource(kind: str, path: str, created: datetime | None, identifier: bytes) -> bytes:
    fields = [(0x0C, 2, _text(path))]
    if created is not None:
        fields.append((0x0F, 6, struct.pack("<Q", ticks(created))))
    if identifier:
        fields.append((0x02, 5, identifier))
    made = _text(path.upper()) + struct.pack("<H", len(fields)) + kind.encode() + b"\0"
    for number, form, data in fields:
        made += bytes(-len(made) % 4) + struct.pack("<HH", len(data), form << 12 | number) + data
    return made + bytes(-len(made) % 4)
