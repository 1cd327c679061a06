"""Databases of shims, by their format's description."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

_DATABASE, _EXE, _SHIM_REFERENCE, _LAYER, _STRINGS = 0x7001, 0x7007, 0x7009, 0x700B, 0x7801
_NAME, _COMMAND_LINE, _APPLICATION = 0x6001, 0x6008, 0x6006


@dataclass
class _Strings:
    data: bytes = b""
    known: dict[str, int] = field(default_factory=dict)

    def reference(self, tag: int, text: str) -> bytes:
        if text not in self.known:
            self.known[text] = 6 + len(self.data)
            self.data += _sized(0x8801, (text + "\0").encode("utf-16-le"))
        return struct.pack("<HI", tag, self.known[text])


def _sized(tag: int, data: bytes) -> bytes:
    return struct.pack("<HI", tag, len(data)) + data + bytes(len(data) & 1)


def shim_database(programs: Sequence[tuple[str, str, str]], *, layer: bool = False) -> bytes:
    """Of programs, each with a shim and what that is given; ``layer``: of layers by that name."""
    strings = _Strings()
    body = struct.pack("<HQ", 0x5001, 131_866_704_020_000_000)  # when it was made
    body += strings.reference(_NAME, "Updates")
    body += _sized(0x9007, bytes(16))  # its GUID
    for program, shim, line in programs:
        reference = strings.reference(_NAME, shim)
        if line:
            reference += strings.reference(_COMMAND_LINE, line)
        entry = strings.reference(_NAME, program)
        if not layer:
            entry += strings.reference(_APPLICATION, "Program") + _sized(0x9004, b"odd")
        if shim:
            entry += _sized(_SHIM_REFERENCE, reference)
        body += _sized(_LAYER if layer else _EXE, entry)
    indexes = _sized(0x7802, _sized(0x9801, b""))
    header = struct.pack("<II4s", 2, 1, b"sdbf")
    return header + indexes + _sized(_DATABASE, body) + _sized(_STRINGS, strings.data)
