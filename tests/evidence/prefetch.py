"""Prefetch files as Windows writes them: SCCA of versions 17 to 31, and the MAM form of Windows 10.

Layout: libyal's "Windows Prefetch File (PF) format", sections 4 to 9; MAM: its section 3, with
[MS-XCA] 2.2 for the compressed blocks.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import NamedTuple

from .filetime import ticks

RAN = datetime(2018, 11, 14, 15, 41, 7, 250_000, tzinfo=timezone.utc)
DEVICE = r"\VOLUME{01d1217a9c4c6779-8c9f49ec}"
SYSTEM32 = rf"{DEVICE}\WINDOWS\SYSTEM32"
RUNDLL32 = rf"{SYSTEM32}\RUNDLL32.EXE"
CYZFC = rf"{DEVICE}\USERS\JO\APPDATA\LOCAL\CYZFC.DAT"
"""What a prefetch of rundll32 lists when it has run the campaign's DLL."""


class PlantedVolume(NamedTuple):
    """A volume of which files were loaded."""

    device: str = DEVICE
    serial: int = 0x8C9F49EC
    created: datetime = datetime(2015, 11, 17, 20, 57, 46, 243_468, tzinfo=timezone.utc)
    directories: Sequence[str] = (rf"{DEVICE}\WINDOWS", SYSTEM32)


class ReadAsData(NamedTuple):
    """A file that was read, not loaded: all its pages were mapped as data."""

    path: str


class _Layout(NamedTuple):
    """What differs between versions: bytes of each structure, offsets in the file information."""

    information: int
    metric: int
    chain: int
    volume: int
    run: int
    slots: int
    counter: int


_LAYOUTS = {
    17: _Layout(68, 20, 12, 40, 36, 1, 60),
    23: _Layout(156, 32, 12, 104, 44, 1, 68),
    26: _Layout(220, 32, 12, 104, 44, 8, 124),
    30: _Layout(220, 32, 8, 96, 44, 8, 124),
    31: _Layout(212, 32, 8, 96, 44, 8, 116),
}
_HEADER = 84


def prefetch(
    executable: str = "RUNDLL32.EXE",
    files: Sequence[str | ReadAsData] = (rf"{SYSTEM32}\NTDLL.DLL", RUNDLL32),
    *,
    version: int = 30,
    variant: int = 1,
    runs: Sequence[datetime] = (RAN,),
    run_count: int | None = None,
    volumes: Sequence[PlantedVolume] = (PlantedVolume(),),
    path: str = "",
    name_hash: int = 0x2CC598BD,
) -> bytes:
    """The SCCA bytes.

    ``runs``: in the slots' order, as many as the version has slots for. ``variant``: 2 for version
    30 as Windows 10 1903 and newer write it. ``path``: what those state as the executable's own.
    """
    layout = _LAYOUTS[31 if (version, variant) == (30, 2) else version]
    metrics_at = _HEADER + layout.information
    chains_at = metrics_at + layout.metric * len(files)
    strings_at = chains_at + layout.chain * len(files)
    strings, metrics = _names(files, layout)
    path_at = strings_at + len(strings)
    text = _string(path) if path else b""
    volumes_at = path_at + len(text)
    volumes_at += -volumes_at % 8
    information = _volumes(volumes, layout)
    slots = [*map(ticks, runs), *[0] * (layout.slots - len(runs))]
    assert len(slots) == layout.slots, "more runs than this version has slots for"
    head = bytearray(metrics_at)
    struct.pack_into("<I4sI", head, 0, version, b"SCCA", 0x0F if version == 17 else 0x11)
    struct.pack_into("<I", head, 12, volumes_at + len(information))
    head[16:76] = _units(executable[:29]).ljust(60, b"\0")
    struct.pack_into("<I", head, 76, name_hash)
    sections = (metrics_at, len(files), chains_at, len(files), strings_at, len(strings))
    struct.pack_into("<6I", head, _HEADER, *sections)
    struct.pack_into("<3I", head, _HEADER + 24, volumes_at, len(volumes), len(information))
    struct.pack_into(f"<{layout.slots}Q", head, _HEADER + layout.run, *slots)
    struct.pack_into(
        "<I", head, _HEADER + layout.counter, len(runs) if run_count is None else run_count
    )
    if path:
        struct.pack_into("<II", head, _HEADER + layout.counter + 12, path_at, len(text))
    body = bytes(head) + metrics + _pages(files, layout) + strings + text
    return body.ljust(volumes_at, b"\0") + information


def mam(data: bytes) -> bytes:
    """The form of Windows 10, without matches: a NUL is one bit, any other byte nine bits.

    Half the bytes of UTF-16 are NUL, and this much smaller it must be: libscca reads no more bytes
    of a block than it has decompressed.
    """
    packed = b"MAM\x04" + struct.pack("<I", len(data))
    for start in range(0, len(data), 1 << 16):
        block = data[start : start + (1 << 16)]
        packed += _TABLE + _coded(block, is_last=start + len(block) == len(data))
    return packed


_TABLE = b"\x91" + b"\x99" * 127 + b"\x09" + bytes(127)
"""Code lengths ([MS-XCA] 2.2.2): one bit for 0, nine for 1 to 255 and the end."""


def _coded(block: bytes, *, is_last: bool) -> bytes:
    bits = "".join(f"{0xFF + byte:b}" if byte else "0" for byte in block)
    bits += f"{0xFF + 256:b}" if is_last else ""
    bits += "0" * (-len(bits) % 16)
    words = [int(bits[start : start + 16], 2) for start in range(0, len(bits), 16)]
    # A reader has one word more in hand than it has used ([MS-XCA] 2.2.4).
    return struct.pack(f"<{len(words) + 1}H", *words, 0)


def _names(files: Sequence[str | ReadAsData], layout: _Layout) -> tuple[bytes, bytes]:
    """The texts, and the entries that point to them and to one page each."""
    strings, metrics = bytearray(), bytearray()
    for number, file in enumerate(files):
        name = file.path if isinstance(file, ReadAsData) else file
        place = struct.pack("<II", len(strings), len(_units(name)) // 2)
        before = struct.pack("<II", number, 1).ljust(8 if layout.metric == 20 else 12, b"\0")
        metrics += (before + place).ljust(layout.metric, b"\0")
        strings += _string(name)
    return bytes(strings), bytes(metrics)


def _pages(files: Sequence[str | ReadAsData], layout: _Layout) -> bytes:
    """One page a file, the last of its chain, mapped as an image (2) or as data (4)."""
    before = b"\xff\xff\xff\xff" + bytes(4) if layout.chain == 12 else bytes(4)
    flags = (b"\4" if isinstance(file, ReadAsData) else b"\2" for file in files)
    return b"".join((before + flag).ljust(layout.chain, b"\0") for flag in flags)


def _volumes(volumes: Sequence[PlantedVolume], layout: _Layout) -> bytes:
    entries, data = b"", bytearray()
    for volume in volumes:
        device_at = layout.volume * len(volumes) + len(data)
        data += _string(volume.device)
        data += bytes(-(layout.volume * len(volumes) + len(data)) % 8)
        references_at = layout.volume * len(volumes) + len(data)
        references = struct.pack("<IIQ", 1 if layout.volume == 40 else 3, 0, 0)
        data += references
        directories_at = layout.volume * len(volumes) + len(data)
        for directory in volume.directories:
            data += struct.pack("<H", len(_units(directory)) // 2) + _string(directory)
        entries += struct.pack(
            "<IIQIIIII",
            device_at,
            len(_units(volume.device)) // 2,
            ticks(volume.created),
            volume.serial,
            references_at,
            len(references),
            directories_at,
            len(volume.directories),
        ).ljust(layout.volume, b"\0")
    return entries + bytes(data)


def _units(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def _string(text: str) -> bytes:
    return _units(text) + b"\0\0"
