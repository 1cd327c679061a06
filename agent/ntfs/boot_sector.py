"""The boot sector of a volume: where the $MFT lies and how large things are.

Layout: [Russon] $Boot; [layout.h] NTFS_BOOT_SECTOR.
"""

from __future__ import annotations

import struct

from msgspec import Struct

from .errors import NtfsError

BOOT_SIZE = 512
_FIELDS = struct.Struct("<3x8sHB26xQQQb3xb3xQ")
MAX_CLUSTER = 2 << 20
"""Bytes; the largest that Windows makes (since 10 1709)."""
MIN_RECORD, MAX_RECORD = 512, 64 << 10


class BootSector(Struct, frozen=True):
    """The volume's geometry; all sizes in bytes, places in clusters."""

    sector_size: int
    cluster_size: int
    record_size: int
    index_size: int
    total_sectors: int
    mft_cluster: int
    mirror_cluster: int
    serial: int

    @property
    def volume_size(self) -> int:
        """Without the copy of the boot sector in the sector behind it."""
        return self.total_sectors * self.sector_size

    @property
    def clusters(self) -> int:
        return self.volume_size // self.cluster_size


def read_boot_sector(data: bytes) -> BootSector:
    """From the first 512 bytes of a volume, or of their copy in its last sector.

    Raises:
        NtfsError: it is none of NTFS, is locked by BitLocker, or cannot be true.
    """
    if len(data) < BOOT_SIZE:
        raise NtfsError("no boot sector: too few bytes", f"{len(data)} bytes")
    name = data[3:11]
    if name == b"-FVE-FS-":
        raise NtfsError("locked by BitLocker")
    if name != b"NTFS    ":
        raise NtfsError("not an NTFS volume", name.hex(" "))
    _, sector, per_cluster, sectors, mft, mirror, record, index, serial = _FIELDS.unpack_from(data)
    if sector not in (256, 512, 1024, 2048, 4096):
        raise NtfsError("boot sector: impossible size of a sector", str(sector))
    cluster = sector << (256 - per_cluster) if per_cluster > 0x80 else sector * per_cluster
    if not _is_power(cluster) or cluster > MAX_CLUSTER:
        raise NtfsError("boot sector: impossible size of a cluster", str(per_cluster))
    boot = BootSector(
        sector_size=sector,
        cluster_size=cluster,
        record_size=_size(record, cluster, "record"),
        index_size=_size(index, cluster, "index block"),
        total_sectors=sectors,
        mft_cluster=mft,
        mirror_cluster=mirror,
        serial=serial,
    )
    if not 0 < sectors < 1 << 55:
        raise NtfsError("boot sector: impossible size of the volume", f"{sectors} sectors")
    if not 0 < mft < boot.clusters:
        raise NtfsError("boot sector: the $MFT lies outside the volume", f"cluster {mft}")
    return boot


def _size(value: int, cluster: int, what: str) -> int:
    """Clusters if positive, else the power of two of the bytes."""
    size = value * cluster if value > 0 else 1 << -value if -value < 32 else 0
    if not (MIN_RECORD <= size <= MAX_RECORD or what != "record") or not _is_power(size):
        raise NtfsError(f"boot sector: impossible size of a {what}", str(value))
    return size


def _is_power(value: int) -> bool:
    return value > 0 and not value & (value - 1)
