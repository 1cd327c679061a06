"""Harmless files in the shapes of the campaign: its DLL, its shell link, its stage 0, archives.

Nothing here holds code of the campaign: the DLL exports a function that returns, the shell link's
payload is zeros.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from uuid import UUID

DLL_SIZE = 294_400
LNK_SIZE = 0x623B6
EXPORT = "PointFunctionCall"
DROID_TIME = datetime(2016, 10, 6, 17, 3, 4, tzinfo=timezone.utc)
STAGE_0 = (
    "-noni -ep bypass $zk='JHB0Z3Q9MHgwMDA1ZTJiZTskdmNxPTB4MDAwNjIzYjY7JHRiPSJkczcwMDIubG5rIjtpZi'"
    ";$fz='FromBase'+0x40+'String';$rhia=[Text.Encoding]::ASCII.GetString([Convert]::$fz.Invoke($zk))"
    ";iex $rhia;"
)


def droid(when: datetime = DROID_TIME, node: int = 0x0800279224E5, sequence: int = 13273) -> UUID:
    """A UUID of version 1 (RFC 4122, 4.1.2) as the Distributed Link Tracking service makes them."""
    ticks = (when - datetime(1582, 10, 15, tzinfo=timezone.utc)) // timedelta(microseconds=1) * 10
    low, middle, high = ticks & 0xFFFF_FFFF, ticks >> 32 & 0xFFFF, ticks >> 48 | 0x1000
    return UUID(fields=(low, middle, high, sequence >> 8 | 0x80, sequence & 0xFF, node))


def dll(
    exports: Iterable[str] = (EXPORT,),
    *,
    size: int = DLL_SIZE,
    machine: int = 0x8664,
    original_name: str = "",
) -> bytes:
    """A DLL of a given size that exports these functions, each of which returns at once.

    Two sections: ``.text`` with the code, the export directory and the names; ``.rsrc`` with the
    string of a version resource.
    """
    names = sorted(exports)
    text_rva, text_offset, text_size = 0x1000, 0x400, 0x1000
    code = b"\xb8\x01\x00\x00\x00\xc3".ljust(16, b"\xcc")
    directory = text_rva + len(code)
    functions = directory + 40
    pointers = functions + 4 * len(names)
    ordinals = pointers + 4 * len(names)
    strings = ordinals + 2 * len(names)
    table, places = b"planted.dll\0", []
    for name in names:
        places.append(strings + len(table))
        table += name.encode() + b"\0"
    text = code
    text += struct.pack(
        "<IIHHIIIIIII",
        0,
        0,
        0,
        0,
        strings,
        1,
        len(names),
        len(names),
        functions,
        pointers,
        ordinals,
    )
    text += struct.pack(f"<{len(names)}I", *[text_rva] * len(names))
    text += struct.pack(f"<{len(names)}I", *places)
    text += struct.pack(f"<{len(names)}H", *range(len(names)))
    text += table
    export_size = len(text) - len(code)
    assert len(text) <= text_size
    resource = b""
    if original_name:
        key = "OriginalFilename\0".encode("utf-16-le")
        value = (original_name + "\0").encode("utf-16-le")
        resource = struct.pack("<HHH", 6 + len(key) + len(value), len(value) // 2, 1) + key
        resource += b"\0" * (-len(resource) % 4) + value
        resource = bytes(0x40) + resource
    rsrc_offset = text_offset + text_size
    rsrc_size = max(0x200, -(-len(resource) // 0x200) * 0x200)

    wide = machine != 0x14C
    optional = struct.pack("<HBBIII", 0x20B if wide else 0x10B, 14, 0, text_size, rsrc_size, 0)
    optional += struct.pack("<II", text_rva, text_rva)
    optional += struct.pack("<Q", 0x1_8000_0000) if wide else struct.pack("<II", 0, 0x1000_0000)
    optional += struct.pack("<II6H", 0x1000, 0x200, 6, 0, 0, 0, 6, 0)
    optional += struct.pack("<IIIIHH", 0, 0x4000, 0x400, 0, 2, 0x160)
    optional += struct.pack("<4Q" if wide else "<4I", 0x10_0000, 0x1000, 0x10_0000, 0x1000)
    optional += struct.pack("<II", 0, 16)
    directories = [(0, 0)] * 16
    directories[0] = (directory, export_size)
    if resource:
        directories[2] = (0x2000, len(resource))
    optional += b"".join(struct.pack("<II", *entry) for entry in directories)

    headers = b"MZ".ljust(60, b"\0") + struct.pack("<I", 0x80)
    headers = headers.ljust(0x80, b"\0") + b"PE\0\0"
    headers += struct.pack("<HHIIIHH", machine, 2, 0x5BEC_0000, 0, 0, len(optional), 0x2022)
    headers += optional
    headers += struct.pack(
        "<8sIIIIIIHHI",
        b".text",
        text_size,
        text_rva,
        text_size,
        text_offset,
        0,
        0,
        0,
        0,
        0x6000_0020,
    )
    headers += struct.pack(
        "<8sIIIIIIHHI", b".rsrc", rsrc_size, 0x2000, rsrc_size, rsrc_offset, 0, 0, 0, 0, 0x4000_0040
    )
    image = headers.ljust(text_offset, b"\0") + text.ljust(text_size, b"\0")
    image += resource.ljust(rsrc_size, b"\0")
    assert len(image) <= size
    return image.ljust(size, b"\0")


def shell_link(
    arguments: str = STAGE_0,
    *,
    machine_id: str = "user-pc",
    tracked: UUID | None = None,
    serial: int = 0xC4B2_BD1C,
    target: str = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe",
) -> bytes:
    """A shell link ([MS-SHLLINK]) with LinkInfo, arguments in Unicode and a TrackerDataBlock."""
    header = struct.pack("<I16s", 0x4C, bytes.fromhex("0114020000000000c000000000000046"))
    header += struct.pack("<II", 0x2 | 0x20 | 0x80, 0x20) + bytes(24)
    header += struct.pack("<IIIHHII", 0, 0, 7, 0, 0, 0, 0)
    volume = struct.pack("<IIII", 0x11, 3, serial, 0x10) + b"\0"
    local = target.encode("ascii") + b"\0"
    info_header = 0x1C
    path_at = info_header + len(volume)
    suffix_at = path_at + len(local)
    info = struct.pack(
        "<IIIIIII", suffix_at + 1, info_header, 1, info_header, path_at, 0, suffix_at
    )
    info += volume + local + b"\0"
    strings = struct.pack("<H", len(arguments)) + arguments.encode("utf-16-le")
    tracker = struct.pack("<IIII16s", 0x60, 0xA000_0003, 0x58, 0, machine_id.encode())
    tracker += 2 * (bytes(16) + (droid() if tracked is None else tracked).bytes_le)
    return header + info + strings + tracker + struct.pack("<I", 0)


def campaign_link() -> bytes:
    """A shell link in the campaign's layout: what stands at its offsets stands here, the rest is
    empty."""
    data = bytearray(LNK_SIZE)
    link = shell_link()
    data[: len(link)] = link
    data[0xDD8:0x48BD8] = b"\x5c" * (0x48BD8 - 0xDD8)
    data[0xDD8:0xDDA] = b"\x11\x06"
    data[0x48BD8:0x5E2BE] = b"\x5c" * (0x5E2BE - 0x48BD8)
    data[0x48BD8:0x48BDC] = bytes.fromhex("790c181a")
    data[0x5E2BE:] = b"A" * (LNK_SIZE - 0x5E2BE)
    return bytes(data)


def archive(members: dict[str, bytes], *, encrypted: bool = False) -> bytes:
    """A ZIP archive; ``encrypted`` marks its members so."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as out:
        for name, member in members.items():
            out.writestr(name, member)
    data = bytearray(buffer.getvalue())
    if encrypted:
        for signature, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
            start = data.find(signature)
            while start >= 0:
                data[start + at] |= 1
                start = data.find(signature, start + 4)
    return bytes(data)


def bomb(name: str, claimed: int, real: int) -> bytes:
    """An archive whose one member claims one size and unpacks to another, of zeros."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(real >> 20)) + packer.flush()
    raw = name.encode()
    local = struct.pack(
        "<4s5H3I2H", b"PK\3\4", 20, 0, 8, 0, 0, 0, len(packed), claimed, len(raw), 0
    )
    central = struct.pack(
        "<4s6H3I5H2I",
        b"PK\1\2",
        20,
        20,
        0,
        8,
        0,
        0,
        0,
        len(packed),
        claimed,
        len(raw),
        0,
        0,
        0,
        0,
        0,
        0,
    )
    body = local + raw + packed
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(central) + len(raw), len(body), 0)
    return body + central + raw + end
