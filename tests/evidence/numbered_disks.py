"""Disks of one partition, as Windows' mount manager knows them: by signature, or by GUID."""

from __future__ import annotations

import struct
from uuid import UUID

from .partitioned import BASIC, MIB, gpt

START = MIB
"""Bytes before the partition."""


def by_signature(volume: bytes, signature: bytes) -> tuple[bytes, bytes]:
    """A disk with a master boot record, and what stands for its partition in MountedDevices."""
    table = struct.pack("<B3xB3xII", 0, 7, START // 512, len(volume) // 512).ljust(64, b"\0")
    record = bytes(0x1B8) + signature + bytes(2) + table + b"\x55\xaa"
    return record.ljust(START, b"\0") + volume, signature + struct.pack("<Q", START)


def by_guid(volume: bytes, guid: UUID) -> tuple[bytes, bytes]:
    """The same with a GPT."""
    disk = gpt((BASIC, volume), change=lambda table: table.replace(b"x" * 16, guid.bytes_le))
    return disk, b"DMIO:ID:" + guid.bytes_le
