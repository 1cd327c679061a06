"""Images of memory and dumps, made up byte by byte: headers as their documents have them
(``agent/formats/memory_image.py`` names these), and whatever bytes a test wants as memory."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

PAGE = 4096
Ranges = Sequence[tuple[int, bytes]]
"""Address and content, in the order of the file."""


def lime(ranges: Ranges, *, version: int = 1) -> bytes:
    """As LiME writes it with ``format=lime``."""
    return b"".join(
        struct.pack("<4sIQQ8x", b"EMiL", version, address, address + len(data) - 1) + data
        for address, data in ranges
    )


def crash_dump(ranges: Ranges, *, wide: bool = True, dump_type: int = 1) -> bytes:
    """A complete memory dump; ranges of whole pages."""
    header = _header(wide=wide, dump_type=dump_type)
    runs = [(address // PAGE, len(data) // PAGE) for address, data in ranges]
    pages = sum(count for _, count in runs)
    told = struct.pack("<IIQ" if wide else "<II", *_counted(len(runs), pages, wide=wide))
    told += b"".join(struct.pack("<QQ" if wide else "<II", *run) for run in runs)
    at = 0x88 if wide else 0x64
    header[at : at + len(told)] = told
    return bytes(header) + b"".join(data for _, data in ranges)


def _counted(runs: int, pages: int, *, wide: bool) -> tuple[int, ...]:
    return (runs, 0, pages) if wide else (runs, pages)


def _header(*, wide: bool, dump_type: int) -> bytearray:
    """What Windows does not fill in holds ``PAGE``, again and again."""
    size = 0x2000 if wide else 0x1000
    header = bytearray(b"PAGE" * (size // 4))
    header[4:8] = b"DU64" if wide else b"DUMP"
    struct.pack_into("<I", header, 0xF98 if wide else 0xF88, dump_type)
    return header


def bitmap_dump(
    pages: Mapping[int, bytes], total: int, *, kernel: bool = True, wide: bool = True
) -> bytes:
    """A dump of some pages, by their numbers, of so many."""
    header = _header(wide=wide, dump_type=6 if kernel else 5)
    bits = bytearray(-(-total // 8))
    for number in pages:
        bits[number // 8] |= 1 << number % 8
    first = -(-(len(header) + 0x38 + len(bits)) // PAGE) * PAGE
    summary = (b"SDMP" if kernel else b"FDMP") + b"DUMP" + bytes(24)
    summary += struct.pack("<QQQ", first, len(pages), total)
    start = bytes(header) + summary + bytes(bits)
    return start.ljust(first, b"\0") + b"".join(pages[number] for number in sorted(pages))


def minidump(ranges: Ranges, *, whole: bool = True) -> bytes:
    """Of a process: with all of its memory (a list of 64 bits), or with parts of it."""
    at = 32 + 12
    if whole:
        size = 16 + 16 * len(ranges)
        data = at + size
        listed = struct.pack("<QQ", len(ranges), data)
        listed += b"".join(struct.pack("<QQ", address, len(one)) for address, one in ranges)
    else:
        size = 4 + 16 * len(ranges)
        data = place = at + size
        listed = struct.pack("<I", len(ranges))
        for address, one in ranges:
            listed += struct.pack("<QII", address, len(one), place)
            place += len(one)
    header = struct.pack("<4sHHIIIIQ", b"MDMP", 0xA793, 0, 1, 32, 0, 0, 2)
    stream = struct.pack("<III", 9 if whole else 5, size, at)
    return header + stream + listed + b"".join(one for _, one in ranges)


def core(ranges: Ranges) -> bytes:
    """An ELF core, as QEMU's dump-guest-memory writes it, without its note."""
    at = 64 + 56 * len(ranges)
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 4, 62, 1, 0, 64, 0, 0, 64, 56, len(ranges), 0, 0, 0)
    segments = b""
    for address, data in ranges:
        segments += struct.pack("<IIQQQQQQ", 1, 0, at, 0, address, len(data), len(data), 0)
        at += len(data)
    return header + segments + b"".join(data for _, data in ranges)


def pages_of(*texts: tuple[int, bytes], size: int) -> bytes:
    """Memory of so many bytes with texts at places, and no text elsewhere."""
    data = bytearray((bytes(range(128, 251)) * (size // 123 + 1))[:size])
    for at, text in texts:
        data[at : at + len(text)] = text
    return bytes(data)
