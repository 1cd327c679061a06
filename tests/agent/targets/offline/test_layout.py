"""What lies in a partition: told by its bytes, and by its type where they say nothing."""

from __future__ import annotations

import io
import lzma
import shutil
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
from agent.targets.offline.media import DISK_MISSING
from agent.targets.volume_keys import Sort, VolumeKey
from tests.evidence.bitlocker import PASSWORD, locked
from tests.evidence.debian_sources import source_member
from tests.evidence.dynamic_disks import Piece, dynamic_disks
from tests.evidence.images import file_name, image, resident, standard
from tests.evidence.images import record as mft_record
from tests.evidence.journals import FOLDERS
from tests.evidence.partitioned import BASIC, RESERVED, gpt
from tests.evidence.sweeping import commanded

MIB = 1 << 20
EXTEND = mft_record(standard(), file_name("$Extend"), flags=3)
STAGE = mft_record(standard(), file_name("cyzfc.dat", 43), resident(0x80, b"x"))
VOLUME = image({11: EXTEND})
TRACE = image({**FOLDERS, 11: EXTEND, 50: STAGE})
NOTHING = bytes(256 << 10)
UNKNOWN = bytes(510) + b"\x55\xaa" + NOTHING


def by_guid(guid: str, volume: bytes) -> bytes:
    return gpt((UUID(guid), volume))


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


def _unpack(archive: tarfile.TarFile, name: str, folder: Path) -> None:
    held = archive.extractfile(name)
    assert held is not None
    with (folder / name).open("wb") as file:
        shutil.copyfileobj(held, file, 1 << 20)


def test_real_dynamic_disks(tmp_path: Path) -> None:
    """Of Windows Server 2003 and 2008, with both tables: simple, spanned, striped, mirrored and
    RAID-5; as ldmtool lists them."""
    packed = source_member("libldm", "test/data/ldm-data.tar.xz")
    with tarfile.open(fileobj=io.BytesIO(lzma.decompress(packed))) as archive:
        names = archive.getnames()
        assert len(names) == 19
        for name in names:
            _unpack(archive, name, tmp_path)
            roots, skipped = ImageTarget(str(tmp_path / name), own=Own()).roots()
            (tmp_path / name).unlink()
            gaps = {one.reason for one in skipped if one.gap}
            if "simple" in name:
                assert [root.path[-24:] for root in roots] == [" (dynamic volume Volume1)"[-24:]]
                assert not gaps
            else:
                layout = LAYOUTS[name.split("-")[2]]
                assert roots == []
                missing = ", of which a disk is missing" if layout == "spanned" else ""
                what = f"{layout} volume of a dynamic disk (LDM){missing}"
                assert f"{what}: not looked into" in gaps, name


@pytest.mark.parametrize("windows", ["2003r2", "2008r2"])
def test_a_real_volume_over_two_disks_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, windows: str
) -> None:
    """With a master boot record and, in 2008, one and a GPT."""
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))
    packed = source_member("libldm", "test/data/ldm-data.tar.xz")
    paths = [tmp_path / f"ldm-{windows}-spanned-{number}.img" for number in (1, 2)]
    with tarfile.open(fileobj=io.BytesIO(lzma.decompress(packed))) as archive:
        for path in paths:
            _unpack(archive, path.name, tmp_path)
    for order in (paths, paths[::-1]):
        (root,), skipped = ImageTarget(*map(str, order), own=Own()).roots()
        assert not [one for one in skipped if one.gap]
        assert root.raw is not None
        source = root.raw.open()
        boot = source.read_at(0, 512)
        total = int.from_bytes(boot[40:48], "little") * 512
        assert total + 512 <= source.size
        assert source.read_at(total, 512) == boot, "its copy lies at the volume's end"
    code, report = commanded(tmp_path / "out", "offline", *map(str, paths), "--quiet")
    assert code == 0
    files = next(one for one in report.coverage if one.source == "files")
    assert files.examined >= 24
    for path in paths:
        roots, skipped = ImageTarget(str(path), own=Own()).roots()
        assert roots == []
        assert f"{DISK_MISSING}: not looked into" in [one.reason for one in skipped if one.gap]


def dynamic(
    *volumes: bytes, status: int = 1, parts: int | None = None, damage: bytes = b""
) -> bytes:
    """One disk of simple volumes."""
    pieces = [[(0, volume)] for volume in volumes]
    (disk,) = dynamic_disks(*pieces, status=status, parts=parts, damage=damage)
    return disk


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


CUT = 300 << 10


@pytest.mark.parametrize(
    "pieces",
    [
        [(1, TRACE[:CUT]), (0, TRACE[CUT:])],
        [(0, TRACE[:4096]), (0, TRACE[4096:CUT]), (1, TRACE[CUT:])],
    ],
    ids=["two disks", "three places of two disks"],
)
def test_a_volume_over_several_disks_is_swept_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pieces: list[Piece]
) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))
    paths = [tmp_path / "0.dd", tmp_path / "1.dd"]
    for path, data in zip(paths, dynamic_disks([(0, VOLUME)], pieces), strict=True):
        path.write_bytes(data)
    code, report = commanded(tmp_path / "out", "offline", *map(str, paths), "--quiet")
    assert code == 1
    (finding,) = report.findings
    first = f"{pieces[0][0]}.dd (dynamic volume Volume2)"
    assert finding.title == f"{first}:\\Users\\jo\\AppData\\Local\\cyzfc.dat"
    files = next(one for one in report.coverage if one.source == "files")
    assert files.state is State.COMPLETE
    assert files.examined == 2 * 64
    for path in paths:
        roots, skipped = ImageTarget(str(path), own=Own()).roots()
        assert len(roots) == (path is paths[0]), "its simple volume alone"
        assert [one.reason for one in skipped if one.gap] == [f"{DISK_MISSING}: not looked into"]


def test_a_locked_volume_over_several_disks_opens(tmp_path: Path) -> None:
    pytest.importorskip("pybde", reason="libbde-python is not installed: the extra offline")
    made = locked(TRACE, password=PASSWORD)
    paths = [tmp_path / "0.dd", tmp_path / "1.dd"]
    for path, data in zip(paths, dynamic_disks([(0, made[:CUT]), (1, made[CUT:])]), strict=True):
        path.write_bytes(data)
    keys = [VolumeKey(Sort.PASSWORD, PASSWORD)]
    (root,), _ = ImageTarget(*map(str, paths), own=Own(), keys=keys).roots()
    assert root.raw is not None
    assert root.raw.open().read_at(0, len(TRACE)) == TRACE


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


@pytest.mark.parametrize(
    ("volume", "code"),
    [(bytes(54) + b"FAT16" + bytes(MIB - 59), 3), (TRACE, 1), (bytes(MIB), 0)],
    ids=["FAT", "NTFS", "nothing"],
)
def test_what_a_reserved_partition_holds_all_the_same_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, volume: bytes, code: int
) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))
    path = tmp_path / "d.dd"
    path.write_bytes(gpt((BASIC, VOLUME), (RESERVED, volume)))
    given = ("offline", str(path), "--quiet", "--only", "files")
    assert commanded(tmp_path / "out", *given)[0] == code
