"""What lies in a partition: told by its bytes, and by its type where they say nothing."""

from __future__ import annotations

import io
import lzma
import struct
import tarfile
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.formats import FormatError
from agent.formats.ldm import AT_ON_MBR, dynamic_volumes
from agent.matching.own_traces import Own
from agent.model.report import State
from agent.targets.offline.image import ImageTarget
from agent.targets.offline.layout import volumes_on
from tests.evidence.debian_sources import source_member
from tests.evidence.images import file_name, image, resident, standard
from tests.evidence.images import record as mft_record
from tests.evidence.journals import FOLDERS
from tests.evidence.sweeping import commanded

MIB = 1 << 20
EXTEND = mft_record(standard(), file_name("$Extend"), flags=3)
STAGE = mft_record(standard(), file_name("cyzfc.dat", 43), resident(0x80, b"x"))
VOLUME = image({11: EXTEND})
TRACE = image({**FOLDERS, 11: EXTEND, 50: STAGE})
NOTHING = bytes(256 << 10)
UNKNOWN = bytes(510) + b"\x55\xaa" + NOTHING


def by_guid(guid: str, volume: bytes) -> bytes:
    last = 2048 + len(volume) // 512 - 1
    entry = struct.pack("<16s16sQQQ72x", UUID(guid).bytes_le, b"x" * 16, 2048, last, 0)
    header = struct.pack("<8s64xQIII", b"EFI PART", 2, 1, 128, 0)
    protective = bytearray(512)
    struct.pack_into("<B3xB3xII", protective, 446, 0, 0xEE, 1, 4096)
    protective[510:] = b"\x55\xaa"
    return (bytes(protective) + header.ljust(512, b"\0") + entry).ljust(MIB, b"\0") + volume


def by_byte(kind: int, volume: bytes, *, logical: bool = False) -> bytes:
    table, inner = bytearray(512), bytearray(512)
    at = inner if logical else table
    if logical:
        struct.pack_into("<B3xB3xII", table, 446, 0, 0x05, 2048, 4096)
    struct.pack_into("<B3xB3xII", at, 446, 0, kind, 8 if logical else 2048, len(volume) // 512)
    table[510:] = inner[510:] = b"\x55\xaa"
    gap = bytes(inner).ljust(4096, b"\0") if logical else b""
    return bytes(table).ljust(MIB, b"\0") + gap + volume


def told(data: bytes) -> list[str]:
    def read(offset: int, size: int) -> bytes:
        return data[offset : offset + size]

    problems: list[str] = []
    found = [one.told for one in volumes_on(read, problems.append)]
    assert problems == (["dynamic disk (LDM): no private header"] if "dynamic" in found[0] else [])
    return found


@pytest.mark.parametrize("volume", [NOTHING, UNKNOWN], ids=["nothing", "a boot sector of nobody"])
@pytest.mark.parametrize(
    ("guid", "name"),
    [
        ("e6d6d379-f507-44c2-a23c-238f2a3df928", "LVM volume"),
        ("ca7d7ccb-63ed-4c53-861c-1742536059cc", "LUKS volume"),
        ("e75caf8f-f680-4cee-afa3-b001e56efc2d", "Storage Spaces pool"),
        ("af9b60a0-1431-4f62-bc68-3311714a69ad", "dynamic disk (LDM)"),
        ("5808c8aa-7e8f-42e0-85d2-e1e90434cfb3", "dynamic disk (LDM), its database"),
        ("a19d880f-05fc-4d3b-a006-743f0f84911e", "member of a Linux RAID"),
        ("7c3457ef-0000-11aa-aa11-00306543ecac", "APFS volume"),
        ("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7", "partition of an unknown kind"),
    ],
)
def test_by_the_type_of_a_gpt_where_the_bytes_say_nothing(
    guid: str, name: str, volume: bytes
) -> None:
    (found,) = told(by_guid(guid, volume))
    if volume is UNKNOWN and name == "partition of an unknown kind":
        name = "volume of an unknown kind"
    assert found == name


@pytest.mark.parametrize("logical", [False, True], ids=["primary", "logical"])
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (0x42, "dynamic disk (LDM)"),
        (0x8E, "LVM volume"),
        (0xE8, "LUKS volume"),
        (0xFD, "member of a Linux RAID"),
        (0x82, "Linux swap partition"),
        (0x07, "partition of an unknown kind"),
    ],
)
def test_by_the_byte_of_a_master_boot_record(kind: int, name: str, logical: bool) -> None:
    assert told(by_byte(kind, NOTHING, logical=logical)) == [name]


@pytest.mark.parametrize(
    ("start", "at", "name"),
    [
        (b"LABELONE", 512, "LVM volume"),
        (b"LUKS\xba\xbe", 0, "LUKS volume"),
        (b"ReFS\0\0\0\0", 3, "ReFS volume"),
    ],
)
def test_by_the_bytes_whatever_the_type(start: bytes, at: int, name: str) -> None:
    volume = bytes(at) + start + NOTHING[at + len(start) :]
    for disk in (
        by_guid("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7", volume),
        by_guid("0fc63daf-8483-4772-8e79-3d69d8477de4", volume),
        by_byte(7, volume),
    ):
        assert told(disk) == [name]


def test_ntfs_in_a_partition_of_another_system_is_read() -> None:
    assert told(by_byte(0x83, VOLUME)) == ["NTFS volume"]
    assert told(by_guid("0fc63daf-8483-4772-8e79-3d69d8477de4", VOLUME)) == ["NTFS volume"]


@pytest.mark.parametrize(
    "disk",
    [
        by_byte(0x42, VOLUME),
        by_guid("af9b60a0-1431-4f62-bc68-3311714a69ad", VOLUME),
    ],
    ids=["master boot record", "GPT"],
)
@pytest.mark.parametrize("given", ["the disk", "its folder"])
def test_the_first_volume_of_a_dynamic_disk_is_not_taken_for_all_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, disk: bytes, given: str
) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))
    (tmp_path / "case").mkdir()
    path = tmp_path / "case/d.dd"
    path.write_bytes(disk)
    target = path if given == "the disk" else path.parent
    code, report = commanded(tmp_path / "out", "offline", str(target), "--quiet")
    assert code == 3
    files = next(one for one in report.coverage if one.source == "files")
    assert files.state is not State.COMPLETE
    assert "dynamic disk (LDM): not looked into" in [one.reason for one in files.reasons]


LAYOUTS = {"mirrored": "mirrored", "raid5": "RAID-5", "spanned": "spanned", "striped": "striped"}


def test_real_dynamic_disks(tmp_path: Path) -> None:
    """Of Windows Server 2003 and 2008, with both tables: simple, spanned, striped, mirrored and
    RAID-5; as ldmtool lists them."""
    packed = source_member("libldm", "test/data/ldm-data.tar.xz")
    with tarfile.open(fileobj=io.BytesIO(lzma.decompress(packed))) as archive:
        names = archive.getnames()
        assert len(names) == 19
        for name in names:
            archive.extract(name, tmp_path, filter="data")
            roots, skipped = ImageTarget(str(tmp_path / name), own=Own()).roots()
            (tmp_path / name).unlink()
            gaps = {one.reason for one in skipped if one.gap}
            if "simple" in name:
                assert [root.path[-24:] for root in roots] == [" (dynamic volume Volume1)"[-24:]]
                assert not gaps
            else:
                layout = LAYOUTS[name.split("-")[2]]
                assert roots == []
                assert f"{layout} volume of a dynamic disk (LDM): not looked into" in gaps, name


def record(kind: int, body: bytes, number: int) -> bytes:
    """A whole one of 128 bytes."""
    head = struct.pack(">4sIIHH", b"VBLK", number, number, 0, 1)
    return (head + struct.pack(">HBBI", 0, 0, kind, len(body)) + body).ljust(128, b"\0")


def counted(value: int | bytes) -> bytes:
    data = value.to_bytes(4, "big") if isinstance(value, int) else value
    return bytes([len(data)]) + data


GUID = b"6f8b2e1c-0000-4000-8000-000000000001"


def dynamic(*volumes: bytes, status: int = 1, parts: int = 1, damage: bytes = b"") -> bytes:
    """A disk with a master boot record, of simple volumes from sector 2,048 on; ``parts``: of each,
    as its component says."""
    records = [record(0x34, counted(1) + counted(b"Disk1") + counted(GUID), 1)]
    data = b""
    for number, volume in enumerate(volumes):
        own, component, sectors = 10 + number, 20 + number, len(volume) // 512
        name = counted(f"Volume{number + 1}".encode())
        records += [
            record(
                0x51,
                counted(own) + name + counted(b"gen") + counted(b"") + bytes(14) + b"\3" + bytes(6)
                + counted(1) + bytes(16) + counted(sectors) + bytes(21),
                own,
            ),
            record(
                0x32,
                counted(component) + name + counted(b"ACTIVE") + b"\2" + bytes(4) + counted(parts)
                + bytes(16) + counted(own) + b"\0",
                component,
            ),
            record(
                0x33,
                counted(30 + number) + name + bytes(12)
                + struct.pack(">QQ", len(data) // 512, 0)
                + counted(sectors) + counted(component) + counted(1),
                30 + number,
            ),
        ]  # fmt: skip
        data += volume
    table = bytearray(by_byte(0x42, data))
    private = bytearray(b"PRIVHEAD".ljust(512, b"\0"))
    private[48 : 48 + len(GUID)] = GUID
    struct.pack_into(">4Q", private, 283, 2048, len(data) // 512, len(table) // 512, 2048)
    table[6 * 512 : 7 * 512] = private
    toc = b"TOCBLOCK".ljust(36, b"\0") + struct.pack(">8sHQQ", b"config", 0, 17, 1000)
    head = bytearray(b"VMDB".ljust(512, b"\0"))
    struct.pack_into(">IIIH", head, 4, len(records) + 4, 128, 512, status)
    struct.pack_into(">4I", head, 133, len(volumes), len(volumes), len(volumes), 1)
    database = bytes(1024) + toc.ljust(15 * 512, b"\0") + bytes(head) + b"".join(records)
    return bytes(table) + (database.replace(damage, b"XXXX", 1) if damage else database).ljust(
        MIB, b"\0"
    )


FOLDER_OF_IT = "d.dd (dynamic volume Volume2):\\Users\\jo\\AppData\\Local\\cyzfc.dat"


@pytest.mark.parametrize("given", ["the disk", "its folder"])
def test_every_simple_volume_of_a_dynamic_disk_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))
    (tmp_path / "case").mkdir()
    path = tmp_path / "case/d.dd"
    path.write_bytes(dynamic(VOLUME, TRACE))
    target = path if given == "the disk" else path.parent
    code, report = commanded(tmp_path / "out", "offline", str(target), "--quiet")
    assert code == 1
    (finding,) = report.findings
    assert finding.title.endswith(FOLDER_OF_IT)
    files = next(one for one in report.coverage if one.source == "files")
    assert files.state is State.COMPLETE


@pytest.mark.parametrize(
    ("disk", "why"),
    [
        (dynamic(VOLUME, status=2), "a database in the middle of a change"),
        (dynamic(VOLUME, parts=2), "a volume of which parts are not in the database"),
        (dynamic(VOLUME, damage=b"VBLK"), "a database of which records are missing"),
        (dynamic(VOLUME, damage=b"VMDB"), "no database"),
        (dynamic(VOLUME, damage=b"TOCB"), "no table of contents"),
    ],
)
def test_a_database_that_cannot_be_believed_is_a_gap_that_says_why(disk: bytes, why: str) -> None:
    problems: list[str] = []
    found = list(volumes_on(lambda offset, size: disk[offset : offset + size], problems.append))
    assert [one.told for one in found] == ["dynamic disk (LDM)"]
    assert problems == [f"dynamic disk (LDM): {why}"]


@given(st.integers(0, 4095), st.binary(min_size=1, max_size=12))
def test_any_database_ends_in_volumes_or_in_an_error(at: int, change: bytes) -> None:
    disk = bytearray(DISK)
    start = len(disk) - MIB + 512 + at
    disk[start : start + len(change)] = change
    try:
        found = dynamic_volumes(lambda offset, size: bytes(disk[offset : offset + size]), AT_ON_MBR)
    except FormatError as error:
        assert error.what
    else:
        assert {one.layout for one in found} <= {
            "simple",
            "spanned",
            "striped",
            "mirrored",
            "RAID-5",
        }


DISK = dynamic(VOLUME, VOLUME)
