"""Disks in containers: by QEMU's and libewf's own tools, and what these cannot make (differencing
VHD and VHDX, a VHDX whose log was not applied) from the published formats."""

from __future__ import annotations

import shutil
import struct
import subprocess
import uuid
from pathlib import Path

import pytest

from agent.targets.offline.containers.crc32c import crc32c

_TOOLS = {"qemu-img": "qemu-utils", "ewfacquire": "ewf-tools"}
BLOCK = 2 << 20
"""Bytes of a block of the VHDs made here."""
_SECTOR = 512
_MIB = 1 << 20

QEMU = {
    "plain.qcow2": ("qcow2",),
    "old.qcow2": ("qcow2", "-c", "-o", "compat=0.10"),
    "zlib.qcow2": ("qcow2", "-c"),
    "zstd.qcow2": ("qcow2", "-c", "-o", "compression_type=zstd"),
    "small.qcow2": ("qcow2", "-c", "-o", "cluster_size=4k"),
    "large.qcow2": ("qcow2", "-c", "-o", "cluster_size=2M"),
    "extended.qcow2": ("qcow2", "-o", "extended_l2=on,cluster_size=128k"),
    "packed.qcow2": ("qcow2", "-c", "-o", "extended_l2=on,cluster_size=128k"),
    "dynamic.vdi": ("vdi",),
    "static.vdi": ("vdi", "-o", "static=on"),
    "dynamic.vhd": ("vpc", "-o", "force_size=on"),
    "fixed.vhd": ("vpc", "-o", "subformat=fixed,force_size=on"),
    "dynamic.vhdx": ("vhdx",),
    "fixed.vhdx": ("vhdx", "-o", "subformat=fixed"),
    "blocks.vhdx": ("vhdx", "-o", "block_size=1M"),
    "sparse.vmdk": ("vmdk",),
    "flat.vmdk": ("vmdk", "-o", "subformat=monolithicFlat"),
    "split.vmdk": ("vmdk", "-o", "subformat=twoGbMaxExtentSparse"),
    "pieces.vmdk": ("vmdk", "-o", "subformat=twoGbMaxExtentFlat"),
    "stream.vmdk": ("vmdk", "-o", "subformat=streamOptimized"),
}
"""Name of the file, and how ``qemu-img convert`` makes it."""
EWF = {
    "best.E01": ("encase6", "best"),
    "none.E01": ("encase6", "none"),
    "early.E01": ("encase3", "best"),
    "smart.s01": ("smart", "fast"),
}
"""Name of the file, and its format and compression."""


def needs(tool: str) -> None:
    """Skips the test where it is not installed."""
    if shutil.which(tool) is None:
        pytest.skip(f"needs {tool} (Debian package {_TOOLS[tool]})")


def converted(raw: Path, name: str, folder: Path) -> Path:
    """Of :data:`QEMU`."""
    needs("qemu-img")
    kind, *options = QEMU[name]
    made = folder / name
    subprocess.run(
        ["qemu-img", "convert", "-q", "-f", "raw", "-O", kind, *options, raw, made], check=True
    )
    return made


def acquired(raw: Path, name: str, folder: Path, *, files_of: str = "1500MiB") -> Path:
    """Of :data:`EWF`; ``files_of``: at most so large."""
    needs("ewfacquire")
    kind, compression = EWF[name]
    made = folder / name
    subprocess.run(
        ["ewfacquire", "-q", "-u", "-t", made.with_suffix(""), "-f", kind, "-c", compression,
         "-S", files_of, "-B", str(raw.stat().st_size), raw],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return made


def on(base: Path, kind: str, path: Path) -> Path:
    """An empty disk (``qcow2``, ``vmdk``) that rests on another of its kind."""
    needs("qemu-img")
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", kind, "-b", base.name, "-F", kind, path.name],
        check=True, cwd=base.parent,
    )  # fmt: skip
    return path


def written(disk: Path, kind: str, offset: int, length: int, pattern: int) -> None:
    """So many bytes of one value."""
    if shutil.which("qemu-io") is None:
        pytest.skip("needs qemu-io (Debian package qemu-utils)")
    subprocess.run(
        ["qemu-io", "-f", kind, "-c", f"write -P {pattern} {offset} {length}", disk],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip


# As the Virtual Hard Disk Image Format Specification 1.0 has it.


def _checked(data: bytearray, at: int) -> bytes:
    data[at : at + 4] = struct.pack(">I", ~sum(data) & 0xFFFF_FFFF)
    return bytes(data)


def _footer(size: int, kind: int, own: bytes) -> bytes:
    data = bytearray(512)
    struct.pack_into(">8sIIQI4sI4sQQ", data, 0, b"conectix", 2, 0x10000, 512, 0, b"test", 1,
                     b"Wi2k", size, size)  # fmt: skip
    struct.pack_into(">HBBI4x16s", data, 56, 1, 1, 1, kind, own)
    return _checked(data, 64)


def differencing_vhd(path: Path, parent: Path, size: int, sectors: dict[int, bytes]) -> Path:
    """A VHD that rests on another, with these sectors of its own."""
    parent_id = parent.read_bytes()[-512:][68:84]
    entries = -(-size // BLOCK)
    head = bytearray(1024)
    struct.pack_into(">8sQQIII4x16s", head, 0, b"cxsparse", (1 << 64) - 1, 512 + 1024, 0x10000,
                     entries, BLOCK, parent_id)  # fmt: skip
    name = parent.name.encode("utf-16-be")
    head[64 : 64 + len(name)] = name
    table_size = -(-4 * entries // 512) * 512
    table, blocks = [0xFFFF_FFFF] * entries, bytearray()
    at = 512 + 1024 + table_size
    for number in sorted({sector * 512 // BLOCK for sector in sectors}):
        bitmap, content = bytearray(512), bytearray(BLOCK)
        for sector, data in sectors.items():
            block, within = divmod(sector * 512, BLOCK)
            if block == number:
                one = within // 512
                bitmap[one >> 3] |= 0x80 >> (one & 7)
                content[within : within + 512] = data
        table[number] = (at + len(blocks)) // 512
        blocks += bitmap + content
    footer = _footer(size, 4, uuid.uuid4().bytes)
    packed = struct.pack(f">{entries}I", *table).ljust(table_size, b"\xff")
    path.write_bytes(footer + _checked(head, 36) + packed + bytes(blocks) + footer)
    return path


# As [MS-VHDX] has it.


def _signed(data: bytearray) -> bytes:
    """With its CRC-32C at 4."""
    data[4:8] = bytes(4)
    data[4:8] = struct.pack("<I", crc32c(bytes(data)))
    return bytes(data)


def dirty(vhdx: Path, pages: dict[int, bytes], *, torn: bool = False) -> None:
    """Leave pages of 4,096 bytes (by their place in the file) in the log of a VHDX, as a host does
    that stops in the middle. ``torn``: the log's data do not hold."""
    data = bytearray(vhdx.read_bytes())
    headers = [64 << 10, 128 << 10]
    newest = max(headers, key=lambda at: int.from_bytes(data[at + 8 : at + 16], "little"))
    length, place = struct.unpack_from("<IQ", data, newest + 68)
    log, number = uuid.uuid4().bytes, 7
    head_size = -(-(64 + 32 * len(pages)) // 4096) * 4096
    entry = bytearray(head_size + 4096 * len(pages))
    struct.pack_into("<4sIIIQII16sQQ", entry, 0, b"loge", 0, len(entry), 0, number, len(pages), 0,
                     log, len(data), len(data))  # fmt: skip
    for index, (at, page) in enumerate(sorted(pages.items())):
        struct.pack_into("<4s4s8sQQ", entry, 64 + 32 * index, b"desc", page[-4:], page[:8], at,
                         number)  # fmt: skip
        sector = b"data" + struct.pack("<I", number >> 32) + page[8:-4] + struct.pack("<I", number)
        start = head_size + 4096 * index
        entry[start : start + 4096] = sector
    signed = bytearray(_signed(entry))
    if torn:
        signed[-100] ^= 1
    data[place : place + length] = bytes(signed).ljust(length, b"\0")
    header = data[newest : newest + 4096]
    struct.pack_into("<Q", header, 8, int.from_bytes(header[8:16], "little") + 1)
    header[48:64] = log
    other = headers[1 - headers.index(newest)]
    data[other : other + 4096] = _signed(header)
    vhdx.write_bytes(data)


def differencing_vhdx(path: Path, parent: Path, size: int, sectors: dict[int, bytes]) -> Path:
    """A VHDX that rests on another, with these sectors (of 512 bytes) of its own."""
    block = 2 << 20
    ratio = (512 << 23) // block
    blocks = -(-size // block)
    bat_size = _MIB
    data = bytearray(5 * _MIB)  # headers, log, metadata, table … each in a mebibyte of its own
    data[:8] = b"vhdxfile"
    log_at, metadata_at, bat_at = _MIB, 2 * _MIB, 3 * _MIB
    for at, sequence in ((64 << 10, 1), (128 << 10, 2)):
        header = bytearray(4096)
        struct.pack_into("<4sIQ16s16s16sHHIQ", header, 0, b"head", 0, sequence, uuid.uuid4().bytes,
                         uuid.uuid4().bytes, bytes(16), 0, 1, _MIB, log_at)  # fmt: skip
        data[at : at + 4096] = _signed(header)
    regions = bytearray(64 << 10)
    struct.pack_into("<4sIII", regions, 0, b"regi", 0, 2, 0)
    for index, (guid, at, length) in enumerate(
        (("2dc27766-f623-4200-9d64-115e9bfd4a08", bat_at, bat_size),
         ("8b7ca206-4790-4b9a-b8fe-575f050f886e", metadata_at, _MIB))
    ):  # fmt: skip
        struct.pack_into("<16sQII", regions, 16 + 32 * index, uuid.UUID(guid).bytes_le, at, length,
                         1)  # fmt: skip
    for at in (192 << 10, 256 << 10):
        data[at : at + len(regions)] = _signed(regions)
    newest = parent.read_bytes()[64 << 10 :]
    both = [newest[:4096], newest[64 << 10 : (64 << 10) + 4096]]
    header = bytearray(max(both, key=lambda one: int.from_bytes(one[8:16], "little")))
    linkage = "{" + str(uuid.UUID(bytes_le=bytes(header[32:48]))) + "}"
    items = {
        "caa16737-fa36-4d43-b3b6-33f0aa44e76b": struct.pack("<II", block, 2),
        "2fa54224-cd1b-4876-b211-5dbed83bf4b8": struct.pack("<Q", size),
        "8141bf1d-a96f-4709-ba47-f233a8faab5f": struct.pack("<I", 512),
        "a8d35f2d-b30b-454d-abf7-d3d84834ab0c": _locator(
            {"parent_linkage": linkage, "relative_path": f".\\{parent.name}"}
        ),
    }
    table = bytearray(64 << 10)
    struct.pack_into("<8sHH", table, 0, b"metadata", 0, len(items))
    at = 64 << 10
    for index, (guid, item) in enumerate(items.items()):
        struct.pack_into("<16sIII", table, 32 + 32 * index, uuid.UUID(guid).bytes_le, at,
                         len(item), 0)  # fmt: skip
        data[metadata_at + at : metadata_at + at + len(item)] = item
        at += 4096
    data[metadata_at : metadata_at + len(table)] = table
    bitmaps: dict[int, bytearray] = {}
    for number in sorted({sector * 512 // block for sector in sectors}):
        content, (chunk, inside) = bytearray(block), divmod(number, ratio)
        bitmap = bitmaps.setdefault(chunk, bytearray(_MIB))
        for sector, held in sectors.items():
            if sector * 512 // block == number:
                within = sector * 512 % block
                bit = inside * (block // 512) + within // 512
                bitmap[bit >> 3] |= 1 << (bit & 7)
                content[within : within + 512] = held
        struct.pack_into("<Q", data, bat_at + 8 * (number + number // ratio), len(data) | 7)
        data += content
    for chunk, bitmap in bitmaps.items():
        struct.pack_into("<Q", data, bat_at + 8 * ((chunk + 1) * ratio + chunk), len(data) | 6)
        data += bitmap
    assert 8 * (blocks + blocks // ratio + 1) <= bat_size
    path.write_bytes(data)
    return path


def _locator(values: dict[str, str]) -> bytes:
    head = bytearray(20 + 12 * len(values))
    struct.pack_into("<16sHH", head, 0,
                     uuid.UUID("b04aefb7-d19e-4a81-b789-25b8e9445913").bytes_le, 0,
                     len(values))  # fmt: skip
    texts = b""
    for index, (key, value) in enumerate(values.items()):
        packed = key.encode("utf-16-le"), value.encode("utf-16-le")
        start = len(head) + len(texts)
        struct.pack_into("<IIHH", head, 20 + 12 * index, start, start + len(packed[0]),
                         *map(len, packed))  # fmt: skip
        texts += b"".join(packed)
    return bytes(head) + texts
