"""What a partition is by its type, where its bytes do not tell: parts of several disks, encrypted
volumes, those of other systems.

UEFI Specification 2.10, table 5-8; "PARTITION_INFORMATION_GPT", Microsoft Learn; The Discoverable
Partitions Specification; A. Brouwer, "Partition types" (the byte of a master boot record).
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

DYNAMIC_DISK = "dynamic disk (LDM)"


class PartitionType(NamedTuple):
    """One that holds no file system, or none that is always told by its bytes."""

    name: str
    decides: bool = False
    """Whatever its first bytes look like: they are not where a volume begins."""


class Partition(NamedTuple):
    """Where one lies; bytes."""

    number: int
    start: int
    size: int
    reserved: bool = False
    """Whether it holds nothing by its type."""
    beside_gpt: bool = False
    """Whether the master boot record tells of it, and there is a GPT."""
    of_type: PartitionType | None = None
    """Where its bytes may not tell what it is."""
    device: bytes = b""
    """As Windows' mount manager knows it: by the disk's signature and the offset, or by its own
    GUID. Empty where it has neither."""


_DYNAMIC = PartitionType(DYNAMIC_DISK, decides=True)
DATABASE = PartitionType(DYNAMIC_DISK + ", its database", decides=True)
"""On a disk with a GPT."""
_SPACES = PartitionType("Storage Spaces pool", decides=True)
_LVM = PartitionType("LVM volume")
_LUKS = PartitionType("LUKS volume")
_RAID = PartitionType("member of a Linux RAID")
_SWAP = PartitionType("Linux swap partition")
_LINUX = PartitionType("Linux partition of an unknown kind")
_HFS = PartitionType("HFS+ volume")
_VMFS = PartitionType("VMFS volume")
_ZFS = PartitionType("ZFS volume")

_BY_GUID = {
    UUID(guid).bytes_le: what
    for guid, what in (
        ("5808c8aa-7e8f-42e0-85d2-e1e90434cfb3", DATABASE),
        ("af9b60a0-1431-4f62-bc68-3311714a69ad", _DYNAMIC),
        ("e75caf8f-f680-4cee-afa3-b001e56efc2d", _SPACES),
        ("e6d6d379-f507-44c2-a23c-238f2a3df928", _LVM),
        ("ca7d7ccb-63ed-4c53-861c-1742536059cc", _LUKS),
        ("7ffec5c9-2d00-49b7-8941-3ea10a5586b7", PartitionType("dm-crypt volume")),
        ("a19d880f-05fc-4d3b-a006-743f0f84911e", _RAID),
        ("0657fd6d-a4ab-43c4-84e5-0933c84b4f4f", _SWAP),
        ("0fc63daf-8483-4772-8e79-3d69d8477de4", _LINUX),
        ("7c3457ef-0000-11aa-aa11-00306543ecac", PartitionType("APFS volume")),
        ("48465300-0000-11aa-aa11-00306543ecac", _HFS),
        ("53746f72-6167-11aa-aa11-00306543ecac", PartitionType("Core Storage volume")),
        ("6a898cc3-1dd2-11b2-99a6-080020736631", _ZFS),
        ("516e7cba-6ecf-11d6-8ff8-00022d71cb7b", _ZFS),
        ("aa31e02a-400f-11db-9590-000c2911d1b8", _VMFS),
        ("37affc90-ef7d-4e96-91c3-2d7ae055b174", PartitionType("GPFS volume")),
    )
}
_BY_BYTE = {
    0x42: _DYNAMIC,
    0x82: _SWAP,
    0x83: _LINUX,
    0x8E: _LVM,
    0xAF: _HFS,
    0xE8: _LUKS,
    0xFB: _VMFS,
    0xFD: _RAID,
}


def by_guid(guid: bytes) -> PartitionType | None:
    """By the 16 bytes of an entry of a GPT."""
    return _BY_GUID.get(guid)


def by_byte(kind: int) -> PartitionType | None:
    """By the byte of an entry of a master boot record."""
    return _BY_BYTE.get(kind)


__all__ = ["DATABASE", "DYNAMIC_DISK", "Partition", "PartitionType", "by_byte", "by_guid"]
