"""Small registry hives of nested dicts: texts, numbers and keys.

Format: M. Suhanov, "Windows registry file format specification".
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

_NOWHERE = 0xFFFFFFFF
_BLOCK = 4096

Keys = Mapping[str, object]
"""A value (a text or a number) or a key (another mapping) by its name."""


def small_hive(tree: Keys) -> bytes:
    """A hive whose root holds these."""
    bins = bytearray(struct.pack("<4sII20x", b"hbin", 0, 0))

    def put(content: bytes) -> int:
        offset, size = len(bins), len(content) + 4 + 7 & ~7
        bins.extend(struct.pack("<i", -size) + content.ljust(size - 4, b"\0"))
        return offset

    def listed(offsets: Sequence[int]) -> int:
        return put(struct.pack(f"<{len(offsets)}I", *offsets)) if offsets else _NOWHERE

    def value(name: str, content: object) -> int:
        if isinstance(content, int):
            kind, size, data = 4, 4 | 1 << 31, content
        else:
            text = f"{content}\0".encode("utf-16-le")
            kind, size, data = 1, len(text), put(text)
        head = struct.pack("<2sHIIIHH", b"vk", len(name), size, data, kind, 1, 0)
        return put(head + name.encode("ascii"))

    def key(name: str, inside: Keys, flags: int) -> int:
        folders = sorted((n, c) for n, c in inside.items() if isinstance(c, Mapping))
        keys = [(n, key(n, c, 0x20)) for n, c in folders]
        values = [value(n, c) for n, c in inside.items() if not isinstance(c, Mapping)]
        leaf = struct.pack("<2sH", b"lf", len(keys))
        for child, offset in keys:
            leaf += struct.pack("<I4s", offset, child[:4].encode("ascii"))
        below = put(leaf) if keys else _NOWHERE
        head = struct.pack(
            "<2sHQIIIIIIIIIIIIIIIHH",
            *(b"nk", flags, 131 * 10**15, 0, 0, len(keys), 0, below, _NOWHERE, len(values)),
            *(listed(values), _NOWHERE, _NOWHERE, 0, 0, 0, 0, 0, len(name), 0),
        )
        return put(head + name.encode("ascii"))

    root = key("ROOT", tree, 0x2C)
    rest = -len(bins) % _BLOCK
    bins.extend(struct.pack("<i", rest).ljust(rest, b"\0")[:rest])  # a free cell
    struct.pack_into("<I", bins, 8, len(bins))
    block = bytearray(_BLOCK)
    fields = (b"regf", 1, 1, 131 * 10**15, 1, 5, 0, 1, root, len(bins), 1)
    struct.pack_into("<4sIIQIIIIIII", block, 0, *fields)
    total = 0
    for word in struct.unpack_from("<127I", block):
        total ^= word
    struct.pack_into("<I", block, 508, total)
    return bytes(block) + bytes(bins)
