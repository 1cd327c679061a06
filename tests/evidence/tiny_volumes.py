"""The smallest volumes of FAT and exFAT, and the smallest WIM, byte by byte: each has one file in
one folder, ``a`` and in it ``a long name.bin``."""

from __future__ import annotations

import hashlib
import struct

_SECTOR = 512
_CONTENT = b"x" * 600
_LONG = "a long name.bin".encode("utf-16-le")


def tiny_fat() -> bytes:
    """FAT12: boot sector, table, top folder, and clusters of one sector from number 2 on."""
    boot = bytearray(_SECTOR)
    struct.pack_into("<HBHBHHBH", boot, 11, _SECTOR, 1, 1, 1, 16, 8, 0xF8, 1)
    boot[54:62] = b"FAT12   "
    boot[510:] = b"\x55\xaa"
    table = _twelve([0xFF8, 0xFFF, 0xFFF, 4, 0xFFF])
    short = b"ALONGN~1BIN"
    total = 0
    for byte in short:
        total = ((total & 1) << 7 | total >> 1) + byte & 0xFF
    text = (_LONG + b"\0\0").ljust(52, b"\xff")
    pieces = [
        struct.pack("<B10sBBB12sH4s", number | last, part[:10], 15, 0, total, part[10:22], 0,
                    part[22:])
        for number, last, part in ((2, 0x40, text[26:]), (1, 0, text[:26]))
    ]  # fmt: skip
    inside = b"".join(pieces) + _short(short, 0x20, 3, len(_CONTENT))
    parts = [bytes(boot), table, _short(b"A          ", 0x10, 2, 0), inside, _CONTENT]
    return b"".join(part.ljust(-(-len(part) // _SECTOR) * _SECTOR, b"\0") for part in parts)


def _twelve(values: list[int]) -> bytes:
    packed = sum(value << 12 * place for place, value in enumerate(values))
    return packed.to_bytes(_SECTOR, "little")


def _short(name: bytes, attributes: int, first: int, size: int) -> bytes:
    day = 38 << 9 | 11 << 5 | 14
    return struct.pack("<11sB2x7HI", name, attributes, 0, day, day, 0, 0, day, first, size)


def tiny_exfat() -> bytes:
    """Boot sector, table, and clusters of one sector: top folder, folder, and the file in two."""
    boot = bytearray(_SECTOR)
    boot[:11] = b"\xeb\x76\x90EXFAT   "
    struct.pack_into("<QQIIIIIIHHBBB", boot, 64, 0, 6, 1, 1, 2, 4, 2, 1, 0x100, 0, 9, 0, 1)
    boot[510:] = b"\x55\xaa"
    table = struct.pack("<6I", 0xFFFFFFF8, *[0xFFFFFFFF] * 3, 5, 0xFFFFFFFF)
    top = _set("a".encode("utf-16-le"), 0x10, 3, _SECTOR, 3)
    inside = _set(_LONG, 0x20, 4, len(_CONTENT), 1)
    parts = [bytes(boot), table, top, inside, _CONTENT]
    return b"".join(part.ljust(-(-len(part) // _SECTOR) * _SECTOR, b"\0") for part in parts)


def _set(name: bytes, attributes: int, first: int, size: int, flags: int) -> bytes:
    head = struct.pack("<BBHH2xIIIBBBBB7x", 0x85, 2, 0, attributes, *[0x4D6E_0000] * 3, 0, 0,
                       0x80, 0x80, 0x80)  # fmt: skip
    stream = struct.pack("<BBBBHHQIIQ", 0xC0, flags, 0, len(name) // 2, 0, 0, size, 0, first, size)
    made = bytearray(head + stream + b"\xc1\0" + name.ljust(30, b"\0"))
    total = 0
    for at, byte in enumerate(made):
        if at not in (2, 3):
            total = ((total & 1) << 15 | total >> 1) + byte & 0xFFFF
    struct.pack_into("<H", made, 2, total)
    return bytes(made)


def tiny_wim() -> bytes:
    """One image, stored as it is."""
    inside = _entry("a long name.bin", 0x20, _digest(_CONTENT), 0)
    top, end = _entry("", 0x10, bytes(20), 1), bytes(8)
    at = 8 + len(top) + 8
    of_folder = _entry("a", 0x10, bytes(20), at + len(_entry("a", 0x10, bytes(20), 1)) + 8)
    top = _entry("", 0x10, bytes(20), at)
    listed = struct.pack("<II", 8, 0) + top + end + of_folder + end + inside + end
    contents = [(_CONTENT, 0), (listed, 2)]
    data, table = bytearray(208), b""
    for content, flags in contents:
        place = struct.pack("<7sBQQ", len(content).to_bytes(7, "little"), flags, len(data),
                            len(content))  # fmt: skip
        table += struct.pack("<24sHI20s", place, 1, 1, _digest(content))
        data += content
    struct.pack_into(
        "<8sIIII16sHHI", data, 0, b"MSWIM\0\0\0", 208, 0x10D00, 0, 0, b"g" * 16, 1, 1, 1
    )
    struct.pack_into("<7sBQQ", data, 48, len(table).to_bytes(7, "little"), 0, len(data), len(table))
    return bytes(data + table)


def _digest(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


def _entry(name: str, attributes: int, digest: bytes, below: int) -> bytes:
    text = name.encode("utf-16-le")
    length = 102 + len(text) + 2 + 7 & ~7
    made = struct.pack("<QIiQ16x3Q20s4xIIHHH", length, attributes, -1, below, *[10**17] * 3, digest,
                       0, 0, 0, 0, len(text))  # fmt: skip
    return (made + text).ljust(length, b"\0")
