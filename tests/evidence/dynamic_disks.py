"""Dynamic disks of Windows, written from the published structures ("LDM Documentation" of the
Linux-NTFS project): volumes in one or more pieces, over one or more disks."""

from __future__ import annotations

import struct

MIB = 1 << 20
FIRST = 2048
"""The sector where a disk's volumes begin."""
Piece = tuple[int, bytes]
"""The disk, from 0 on, and the bytes."""


def _record(kind: int, number: int, body: bytes) -> bytes:
    head = struct.pack(">4sIIHH", b"VBLK", number, number, 0, 1)
    return (head + struct.pack(">HBBI", 0, 0, kind, len(body)) + body).ljust(128, b"\0")


def _counted(value: int | bytes) -> bytes:
    data = value.to_bytes(4, "big") if isinstance(value, int) else value
    return bytes([len(data)]) + data


def _guid(disk: int) -> bytes:
    return b"6f8b2e1c-0000-4000-8000-%012d" % disk


def dynamic_disks(
    *volumes: list[Piece], status: int = 1, parts: int | None = None, damage: bytes = b""
) -> list[bytes]:
    """Disks with master boot records. ``status``: of the database, 1 is whole; ``parts``: that each
    volume says that it has; ``damage``: what is lost of the database, where it comes first."""
    disks = [b""] * (1 + max(disk for volume in volumes for disk, _ in volume))
    records = [
        _record(0x34, 1 + disk, _counted(1 + disk) + _counted(b"Disk") + _counted(_guid(disk)))
        for disk in range(len(disks))
    ]
    number = 100
    for index, volume in enumerate(volumes):
        own, component = 30 + index, 60 + index
        sectors = sum(len(data) for _, data in volume) // 512
        name, count = _counted(b"Volume%d" % (index + 1)), len(volume) if parts is None else parts
        records.append(_record(
            0x51, own,
            _counted(own) + name + _counted(b"gen") + _counted(b"") + bytes(14) + b"\3" + bytes(6)
            + _counted(1) + bytes(16) + _counted(sectors) + bytes(21),
        ))  # fmt: skip
        records.append(_record(
            0x32, component,
            _counted(component) + name + _counted(b"ACTIVE") + b"\2" + bytes(4) + _counted(count)
            + bytes(16) + _counted(own) + b"\0",
        ))  # fmt: skip
        within = 0
        for disk, data in volume:
            place = struct.pack(">QQ", len(disks[disk]) // 512, within)
            size = _counted(len(data) // 512)
            body = _counted(number) + name + bytes(12) + place + size
            records.append(_record(0x33, number, body + _counted(component) + _counted(1 + disk)))
            disks[disk] += data
            within += len(data) // 512
            number += 1
    counts = (len(volumes), len(volumes), number - 100, len(disks))
    database = _database(records, counts, status)
    if damage:
        database = database.replace(damage, bytes(len(damage)), 1)
    return [_disk(_guid(disk), data, database) for disk, data in enumerate(disks)]


def _database(records: list[bytes], counts: tuple[int, ...], status: int) -> bytes:
    toc = b"TOCBLOCK".ljust(36, b"\0") + struct.pack(">8sHQQ", b"config", 0, 17, 1000)
    head = bytearray(b"VMDB".ljust(512, b"\0"))
    struct.pack_into(">IIIH", head, 4, len(records) + 4, 128, 512, status)
    struct.pack_into(">4I", head, 133, *counts)
    return bytes(1024) + toc.ljust(15 * 512, b"\0") + bytes(head) + b"".join(records)


def _disk(guid: bytes, data: bytes, database: bytes) -> bytes:
    table = bytearray(FIRST * 512)
    struct.pack_into("<B3xB3xII", table, 446, 0, 0x42, FIRST, len(data) // 512)
    table[510:512] = b"\x55\xaa"
    private = bytearray(b"PRIVHEAD".ljust(512, b"\0"))
    private[48 : 48 + len(guid)] = guid
    sectors = len(data) // 512
    struct.pack_into(">4Q", private, 283, FIRST, sectors, FIRST + sectors, 2048)
    table[6 * 512 : 7 * 512] = private
    return bytes(table) + data + database.ljust(MIB, b"\0")
