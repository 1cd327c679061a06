"""Disks with partitions, as the UEFI Specification 2.10 (5.2.3, 5.3) has them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from uuid import UUID

MIB = 1 << 20
BASIC = UUID("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7")
RESERVED = UUID("e3c9e316-0b5c-4db8-817d-f92df00215ae")
_ENTRIES, _ENTRY = 128, 128


def mbr(*entries: tuple[int, int, int]) -> bytes:
    """A master boot record, or the table of a logical drive: type, first sector, sectors."""
    table = bytearray(512)
    for number, (kind, first, sectors) in enumerate(entries):
        struct.pack_into("<B3xB3xII", table, 446 + 16 * number, 0, kind, first, sectors)
    table[510:] = b"\x55\xaa"
    return bytes(table)


def gpt(
    *volumes: tuple[UUID, bytes], sector: int = 512, change: Callable[[bytes], bytes] = bytes
) -> bytes:
    """A disk with a protective record, the table, the volumes from 1 MiB on, each from a MiB of
    its own, and the table's copy in the last sectors. ``change``: of the entries, before they are
    signed."""
    entries, data = b"", b""
    for kind, volume in volumes:
        first = (MIB + len(data)) // sector
        last = first + len(volume) // sector - 1
        entries += struct.pack("<16s16sQQQ72x", kind.bytes_le, b"x" * 16, first, last, 0)
        data += volume.ljust(-(-len(volume) // MIB) * MIB, b"\0")
    entries = change(entries).ljust(_ENTRIES * _ENTRY, b"\0")
    size = 2 * MIB + len(data)
    last = size // sector - 1
    protective = mbr((0xEE, 1, last)).ljust(sector, b"\0")
    begin = protective + _header(entries, sector, 1, last, 2) + entries
    end = entries + _header(entries, sector, last, 1, last - len(entries) // sector)
    return begin.ljust(MIB, b"\0") + data + end.rjust(MIB, b"\0")


def _header(entries: bytes, sector: int, here: int, copy: int, place: int) -> bytes:
    head = bytearray(struct.pack(
        "<8sIII4xQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, here, copy, 34, 34, b"d" * 16, place,
        _ENTRIES, _ENTRY, zlib.crc32(entries),
    ))  # fmt: skip
    struct.pack_into("<I", head, 16, zlib.crc32(bytes(head)))
    return bytes(head).ljust(sector, b"\0")


def laid(*pieces: tuple[int, bytes]) -> bytes:
    """Bytes at their places."""
    data = bytearray(max(at + len(piece) for at, piece in pieces))
    for at, piece in pieces:
        data[at : at + len(piece)] = piece
    return bytes(data)


__all__ = ["BASIC", "MIB", "RESERVED", "gpt", "laid", "mbr"]
