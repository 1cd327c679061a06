"""Links with an item ID list, and jump lists, by their formats' descriptions."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from .filetime import ticks

_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_MY_COMPUTER = uuid.UUID("20d04fe0-3aea-1069-a2d8-08002b30309d").bytes_le
HEADER = struct.pack("<I16s", 0x4C, bytes.fromhex("0114020000000000c000000000000046"))


def _item(data: bytes) -> bytes:
    return struct.pack("<H", len(data) + 2) + data


def id_list(drive: str, *names: str) -> bytes:
    """My Computer, a drive and what lies in it; long names in extension blocks of Windows 10."""
    items = [
        _item(b"\x1f\x50" + _MY_COMPUTER),
        _item(b"\x2f" + f"{drive}\\\0".encode().ljust(20, b"\0")),
    ]
    for name in names:
        short = name[:6].upper().encode("ascii", "replace") + b"~1\0"
        short += b"\0" * (len(short) % 2)
        begin = struct.pack("<BBIIH", 0x32, 0, 0, 0, 0x20) + short
        long = (name + "\0").encode("utf-16-le")
        block = struct.pack("<HIIIHHQQHII", 9, 0xBEEF0004, 0, 0, 46, 0, 0, 0, 0, 0, 0)
        block = struct.pack("<H", 2 + len(block) + len(long) + 2) + block + long
        items.append(_item(begin + block + struct.pack("<H", 2 + len(begin))))
    return b"".join(items) + b"\0\0"


def link_by_id_list(
    drive: str, *names: str, size: int = 0, times: Sequence[datetime] = ()
) -> bytes:
    """A link that tells its target by nothing else. ``times``: created, accessed, modified."""
    whole = id_list(drive, *names)
    told = [ticks(time) for time in times] or [0, 0, 0]
    header = HEADER + struct.pack("<II3QIIIHHII", 0x81, 0x20, *told, size, 0, 1, 0, 0, 0, 0)
    return header + struct.pack("<H", len(whole)) + whole + struct.pack("<I", 0)


class Listed(NamedTuple):
    """An entry of ``DestList``."""

    number: int
    path: str
    opened: datetime
    host: str = "ws-0421"


def dest_list(*entries: Listed, version: int = 4) -> bytes:
    made = struct.pack("<IIIfQQ", version, len(entries), 0, 0.0, len(entries), 0)
    for entry in entries:
        fixed = bytearray(114 if version == 1 else 130)
        fixed[72:88] = entry.host.encode().ljust(16, b"\0")
        struct.pack_into("<I", fixed, 88, entry.number)
        struct.pack_into("<Q", fixed, 100, ticks(entry.opened))
        struct.pack_into("<H", fixed, len(fixed) - 2, len(entry.path))
        made += bytes(fixed) + entry.path.encode("utf-16-le") + (b"" if version == 1 else bytes(4))
    return made


def compound(streams: Mapping[str, bytes], *, scattered: bool = False) -> bytes:
    """A compound file, every stream in the mini stream; ``scattered``: its pieces turn about."""
    sizes = {name: -(-len(data) // 64) for name, data in streams.items()}
    total = sum(sizes.values())
    order = list(range(total))
    if scattered:
        order = order[::2] + order[1::2]
    mini, mini_fat = bytearray(64 * total), [_FREE] * total
    starts: dict[str, int] = {}
    at = 0
    for name, data in streams.items():
        places = order[at : at + sizes[name]]
        at += sizes[name]
        starts[name] = places[0]
        for index, place in enumerate(places):
            mini[64 * place : 64 * place + 64] = data[64 * index : 64 * index + 64].ljust(64, b"\0")
            mini_fat[place] = places[index + 1] if index + 1 < len(places) else _END
    directory = _directory_entry("Root Entry", 5, 0, len(mini))
    for name, data in streams.items():
        directory += _directory_entry(name, 2, starts[name], len(data))
    parts = [bytes(mini), struct.pack(f"<{total}I", *mini_fat), directory]
    fat: list[int] = []
    begins: list[int] = []
    body = b""
    for part in parts:
        count = -(-len(part) // 512)
        begins.append(len(fat))
        fat += [*range(len(fat) + 1, len(fat) + count), _END]
        body += part.ljust(512 * count, b"\xff" if part is parts[1] else b"\0")
    fat_at = len(fat)
    fat.append(_FAT)
    assert len(fat) <= 128
    body += struct.pack("<128I", *fat, *[_FREE] * (128 - len(fat)))
    header = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16)
    header += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<IIIIIIIIII", 0, 1, begins[2], 0, 4096, begins[1], 1, _END, 0, fat_at)
    return header.ljust(512, b"\xff") + body


def _directory_entry(name: str, kind: int, start: int, size: int) -> bytes:
    text = (name + "\0").encode("utf-16-le")
    made = text.ljust(64, b"\0") + struct.pack("<HBB3I", len(text), kind, 1, _FREE, _FREE, _FREE)
    return made.ljust(116, b"\0") + struct.pack("<IQ", start, size)
