"""Files that hold others: looked into, swept, or a gap that names their kind, wherever they are met."""

from __future__ import annotations

import struct
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from agent.indicators import Domain
from agent.matching.own_traces import Own
from agent.model.report import State, Strength, Verdict
from agent.sources.catalog import Setup, sources_of
from agent.sources.files.containers import A_HOST_OF_ITS_OWN, ODD
from agent.sources.files.source import FilesSource
from agent.targets.offline.folder import FolderTarget
from agent.targets.offline.recognise import offline_target
from tests.evidence.containers import acquired, converted, on
from tests.evidence.files import archive, dll
from tests.evidence.hosts import disk
from tests.evidence.images import file_name, image, record, resident, standard
from tests.evidence.packs import matcher_of, stated
from tests.evidence.partitioned import BASIC, RESERVED, gpt
from tests.evidence.sweeping import reported, swept
from tests.evidence.windows_folder import volume_bytes, windows

MIB = 1 << 20
IMPLANT = "C:\\ProgramData\\any.bin"
CLOSED = {
    "EnCase image (E01)": b"EVF\t\r\n\xff\0",
    "EnCase image (Ex01)": b"EVF2\r\n\x81\0",
    "EnCase logical image (L01)": b"LVF\t\r\n\xff\0",
    "AFF image": b"AFF10\r\n\0",
    "AD1 image": b"ADSEGMENTEDFILE\0",
    "VHD disk": b"conectix",
    "VHDX disk": b"vhdxfile",
    "VMDK disk": b"KDMV\1\0\0\0",
    "VMDK description": b"# Disk DescriptorFile\nversion=1\n",
    "QCOW disk": b"QFI\xfb\0\0\0\3",
    "VDI disk": b"<<< any >>>\n".ljust(64, b"\0") + b"\x7f\x10\xda\xbe",
    "Parallels disk": b"WithoutFreeSpace",
    "AFF4 image": archive({"container.description": b"aff4://0"}),
    "WIM image": b"MSWIM\0\0\0",
    "7z archive": b"7z\xbc\xaf\x27\x1c\0\4",
    "RAR archive": b"Rar!\x1a\7\1\0",
    "zstd stream": b"\x28\xb5\x2f\xfd",
    "LZ4 stream": b"\x04\x22\x4d\x18",
    "RPM package": b"\xed\xab\xee\xdb",
    "cpio archive": b"070701",
    "SquashFS volume": b"hsqs",
    "XFS volume": b"XFSB\0\0\x10\0",
    "ReFS volume": b"\0\0\0ReFS\0\0\0\0",
    "exFAT volume": b"\xeb\x76\x90EXFAT   ",
    "FAT volume": bytes(82) + b"FAT32   ",
    "APFS volume": bytes(32) + b"NXSB",
    "HFS+ volume": bytes(1024) + b"H+\0\4",
    "ext volume": bytes(1048) + bytes(4) + bytes(28) + b"\x53\xef\1\0",
    "btrfs volume": bytes(0x1_0040) + b"_BHRfS_M",
    "ISO 9660 image": bytes(0x8001) + b"CD001",
    "volume of an unknown kind": bytes(510) + b"\x55\xaa",
    "memory image": b"PAGEDU64",
}


READ = {
    kind: "VMDK disk" if kind == "VMDK description" else kind
    for kind in (
        "EnCase image (E01)", "VHD disk", "VHDX disk", "VMDK disk", "VMDK description",
        "QCOW disk", "VDI disk", "AFF4 image", "WIM image", "FAT volume", "exFAT volume", "ext volume",
    )
}  # fmt: skip
"""Those that are read, or refused with a reason, and what that names."""


def closed(kind: str) -> str:
    return f"{kind}: not looked into"


def mbr(*volumes: bytes, kind: int = 7) -> bytes:
    """A disk of these volumes, each in a partition of its own from 1 MiB on."""
    table, data = bytearray(512), b""
    table[510:] = b"\x55\xaa"
    for number, volume in enumerate(volumes):
        start = 2048 + len(data) // 512
        struct.pack_into("<B3xB3xII", table, 446 + 16 * number, 0, kind, start, len(volume) // 512)
        data += volume
    return bytes(table).ljust(MIB, b"\0") + data


@pytest.fixture(scope="module")
def volume() -> bytes:
    """Of a Windows, with the campaign's DLL in it, and with a hosts file that names its server."""
    data = volume_bytes(windows({IMPLANT: dll(), HOSTS: b"10.1.2.3 pandorasong.com\n"}))
    return data.ljust(512 << 10, b"\0")


HOSTS = "C:\\Windows\\System32\\drivers\\etc\\hosts"


@pytest.mark.parametrize(("kind", "start"), CLOSED.items())
@pytest.mark.parametrize("name", ["disk.001", "any.dat"])
def test_what_holds_files_and_is_not_looked_into_is_a_gap_that_names_its_kind(
    tmp_path: Path, kind: str, start: bytes, name: str
) -> None:
    with (tmp_path / name).open("wb") as file:
        file.write(start)
        file.truncate(16 * MIB)
    report = reported(tmp_path, FilesSource())

    assert report.verdict is Verdict.INCOMPLETE
    (reason,) = [reason.reason for reason in report.coverage[0].reasons]
    if kind in READ:  # of which there is no more than a start
        assert reason.startswith(f"{READ[kind]}: ")
        assert reason != closed(kind)
    else:
        assert reason == closed(kind)


@pytest.mark.parametrize("name", ["a.7z", "a.RAR", "backup.vhdx", "a.cab", "a.esd", "a.docx"])
def test_a_small_one_is_recognised_by_content_behind_any_of_their_extensions(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(CLOSED["7z archive"].ljust(100, b"\0"))
    assert swept(tmp_path).reasons == {closed("7z archive"): 1}


def test_it_is_recognised_on_an_image_in_a_stream_and_in_an_archive(tmp_path: Path) -> None:
    small = CLOSED["7z archive"].ljust(100, b"\0")
    names = standard(), file_name("a.7z")
    data = image({50: record(*names, resident(0x80, small))})
    assert swept(disk(tmp_path, data)).reasons == {closed("7z archive"): 1}

    deleted = image({50: record(*names, resident(0x80, small), flags=0)})
    sweep = swept(disk(tmp_path, deleted))
    assert sweep.reasons == {}

    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "outer.zip").write_bytes(archive({"b/a.7z": small, "b/c.txt": b"7z"}))
    assert swept(inner).reasons == {closed("7z archive"): 1}
    (sample,) = swept(inner).coverage.reasons[0].samples
    assert sample == f"{inner / 'outer.zip'} → b/a.7z"

    thorough = image({50: record(standard(), file_name("a.txt"), resident(0x80, small, "any"))})
    assert swept(disk(tmp_path, thorough), thorough=True).reasons == {closed("7z archive"): 1}

    zipped = resident(0x80, archive({"a.7z": small}), "any.zip")
    hidden = image({50: record(standard(), file_name("a.txt"), zipped)})
    assert swept(disk(tmp_path, hidden)).reasons == {closed("7z archive"): 1}


def test_a_pack_that_asks_for_no_file_has_no_gap_there(tmp_path: Path) -> None:
    (tmp_path / "a.7z").write_bytes(CLOSED["7z archive"].ljust(100, b"\0"))
    asked = Domain(id="one", value="evil.example", **stated(Strength.STRONG))
    sweep = swept(tmp_path, matcher=matcher_of(asked))
    assert sweep.reasons == {}
    assert sweep.notes == {closed("7z archive"): 1}


@pytest.mark.parametrize("name", ["C.dd", "any.bin"])
def test_a_volume_in_a_folder_is_swept_and_its_windows_asked(
    tmp_path: Path, volume: bytes, name: str
) -> None:
    (tmp_path / "case").mkdir()
    with (tmp_path / "case" / name).open("wb") as file:
        file.write(volume)
        file.truncate(16 * MIB)
    target = offline_target(str(tmp_path), own=Own())
    sources = sources_of(target.describe().kind, Setup(MIB, lambda _: None))
    report = reported(target, *sources)

    place = f"{tmp_path}/case/{name}:"
    assert report.verdict is Verdict.HIT
    found = {finding.indicator.id: finding for finding in report.findings}
    assert found["dll-export"].evidence[0].place.text == f"{place}\\ProgramData\\any.bin"
    assert found["dll-export"].file is not None
    assert found["dll-export"].file.path == IMPLANT
    assert found["c2-domain"].evidence[0].place.path == HOSTS
    states = {one.source: one.state for one in report.coverage if one.required}
    assert states["hosts_file"] is State.COMPLETE


def test_the_partitions_of_a_disk_are_swept_and_the_others_gaps(
    tmp_path: Path, volume: bytes
) -> None:
    refs = CLOSED["ReFS volume"].ljust(MIB, b"\0")
    for name, data in {
        "mbr.dd": mbr(refs, volume),
        "gpt.dd": gpt((RESERVED, bytes(MIB)), (BASIC, refs), (BASIC, volume)),
    }.items():
        place = tmp_path / name.partition(".")[0]
        place.mkdir()
        (place / name).write_bytes(data)
        for target in (place, place / name):
            sweep = swept(FolderTarget(str(target), own=Own()))
            assert sweep.reasons == {closed("ReFS volume"): 1}
            number = 2 if "mbr" in name else 3
            (found,) = {match.observation.place.text for match in sweep.matches()}
            assert found == f"{place / name} (partition {number}):\\ProgramData\\any.bin"


def test_containers_in_a_folder_are_disks_each_of_which_is_swept_once(
    tmp_path: Path, volume: bytes
) -> None:
    raw = tmp_path / "raw"
    raw.write_bytes(mbr(volume).ljust(2 * MIB, b"\0"))
    case = tmp_path / "case"
    case.mkdir()
    acquired(raw, "none.E01", case, files_of="1MiB")
    for name in ("flat.vmdk", "dynamic.vhdx"):
        converted(raw, name, case)
    child = on(converted(raw, "plain.qcow2", case), "qcow2", case / "child.qcow2")
    assert child.parent == case
    split = ["split", "-b", "1M", "-d", "-a3", "--numeric-suffixes=1", str(raw), "disk."]
    subprocess.run(split, check=True, cwd=case)
    assert len(list(case.iterdir())) >= 10
    sweep = swept(FolderTarget(str(case), own=Own()))
    assert sweep.reasons == {}
    assert sorted(one.observation.place.text for one in sweep.matches()) == [
        f"{case}/{name} (partition 1):\\ProgramData\\any.bin"
        for name in ("child.qcow2", "disk.001", "dynamic.vhdx", "flat.vmdk", "none.E01")
    ]


def test_a_disk_whose_table_makes_no_sense_is_a_gap(tmp_path: Path) -> None:
    (tmp_path / "a.dd").write_bytes((bytes(512) + b"EFI PART").ljust(MIB, b"\0"))
    assert swept(tmp_path).reasons == {"disk with partitions: impossible table of partitions": 1}


def test_a_table_that_hides_a_partition_is_never_clean(tmp_path: Path, volume: bytes) -> None:
    # Of a disk that had a GPT once, and has another table now.
    stale = bytearray(mbr(volume))
    stale[512:1024] = gpt()[512:1024]
    # In force for one system, and not for another.
    both = bytearray(mbr(volume))
    both[512:1152] = gpt((RESERVED, bytes(512)))[512:1152]
    for number, data in enumerate((stale, both)):
        place = tmp_path / f"swept-{number}"
        place.mkdir()
        (place / "a.dd").write_bytes(data)
        assert {match.indicator.id for match in swept(place).matches()} == {"dll-export"}

    unused = gpt((BASIC, volume), change=lambda entries: bytes(16) + entries[16:])
    turned = struct.pack("<QQ", 5000, 10)
    backwards = gpt((BASIC, volume), change=lambda entries: entries[:32] + turned + entries[48:])
    for number, (made, gap) in enumerate(
        [
            (unused, "no partitions in the table"),
            (backwards, "partition that ends before it begins"),
        ]
    ):
        place = tmp_path / f"gap-{number}"
        place.mkdir()
        (place / "a.dd").write_bytes(made)
        assert swept(place).reasons == {f"disk with partitions: {gap}": 1}


def test_one_partition_in_both_tables_is_swept_once(tmp_path: Path, volume: bytes) -> None:
    hybrid = bytearray(gpt((BASIC, volume)))
    hybrid[446 + 16 : 446 + 32] = mbr(volume)[446:462]
    (tmp_path / "a.dd").write_bytes(hybrid)
    sweep = swept(tmp_path)
    assert (len(sweep.seen), sweep.reasons) == (1, {})


def test_what_a_damaged_table_still_tells_of_is_swept(tmp_path: Path, volume: bytes) -> None:
    data = bytearray(mbr(volume))
    struct.pack_into("<B3xB3xII", data, 446 + 16, 0, 0x0F, 2000, 8)  # no table lies there
    (tmp_path / "a.dd").write_bytes(data)
    sweep = swept(tmp_path)
    assert {match.indicator.id for match in sweep.matches()} == {"dll-export"}
    assert sweep.reasons == {"disk with partitions: damaged table of a logical drive": 1}


def test_a_locked_volume_in_a_folder_is_a_gap(tmp_path: Path) -> None:
    (tmp_path / "a.dd").write_bytes(b"\xeb\x58\x90-FVE-FS-".ljust(MIB, b"\0"))
    assert swept(tmp_path).reasons == {"locked by BitLocker": 1}


def test_an_image_in_an_image_is_swept_to_a_depth(tmp_path: Path, volume: bytes) -> None:
    data = volume
    for _ in range(2):
        data = volume_bytes({"C:\\inner.dd": data}).ljust(512 << 10, b"\0")
    (tmp_path / "a.dd").write_bytes(data)
    sweep = swept(tmp_path)
    assert sweep.reasons == {}
    assert "a.dd:\\inner.dd:\\inner.dd:\\ProgramData" in sweep.matches()[0].observation.place.text

    deeper = volume_bytes({"C:\\inner.dd": data}).ljust(512 << 10, b"\0")
    (tmp_path / "a.dd").write_bytes(deeper)
    assert swept(tmp_path).reasons == {"image too deep in images, not looked into": 1}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("split", b"\x07" * 100),
        ("Security.evtx", b"ElfFile\0" + bytes(4096)),
        ("blank", bytes(4096)),
        ("NTUSER.DAT", b"regf" + bytes(4096)),
    ],
)
def test_a_given_file_that_no_source_looks_into_is_never_clean(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    report = reported(FolderTarget(str(tmp_path / name), own=Own()), FilesSource())
    assert report.verdict is Verdict.INCOMPLETE
    assert [reason.reason for reason in report.coverage[0].reasons] == [ODD]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.ps1", b"Write-Host 'hello'\r\n"),
        ("a.txt", "grün".encode("cp1252")),
        ("a.txt", "grün".encode("utf-16")),
        ("any", b"MZ" + bytes(2000)),
        ("a.pdf", b"%PDF-1.4\n%\xe2\xe3\xcf\xd3" + bytes(100)),
        ("a.zip", archive({"a.txt": b"x"})),
    ],
)
def test_a_given_file_that_is_looked_into_may_be_clean(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    report = reported(FolderTarget(str(tmp_path / name), own=Own()), FilesSource())
    assert report.verdict is Verdict.CLEAN


def test_the_content_of_a_given_file_is_searched_whatever_its_extension(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_bytes(b"ask pandorasong.com for it")
    report = reported(FolderTarget(str(tmp_path / "note.txt"), own=Own()), FilesSource())
    assert [finding.indicator.id for finding in report.findings] == ["c2-domain"]


def test_small_files_of_other_names_stay_closed(tmp_path: Path) -> None:
    opened: list[str] = []

    def never(path: str):  # type: ignore[no-untyped-def]
        opened.append(path)
        raise AssertionError

    for number in range(50):
        (tmp_path / f"{number}.dat").write_bytes(b"7")
        (tmp_path / f"{number}.txt").write_bytes(CLOSED["7z archive"].ljust(1000, b"\0"))
        (tmp_path / f"{number}.7z").write_bytes(b"7z")
    swept(tmp_path, FilesSource(open_file=never))
    assert opened == []


def test_a_live_host_keeps_memory_dumps_and_is_clean(tmp_path: Path) -> None:
    from tests.evidence.windows_folder import as_live

    with (tmp_path / "MEMORY.DMP").open("wb") as file:
        file.write(b"PAGEDU64")
        file.truncate(16 * MIB)
    target = as_live(tmp_path / "C", {"C:\\MEMORY.DMP": b"PAGEDU64" + bytes(16 * MIB)})
    sweep = swept(target)
    assert sweep.reasons == {}
    assert sweep.notes[closed("memory image")] >= 1


@pytest.mark.parametrize(
    ("name", "size", "start", "kind"),
    [
        ("backup.vib", MIB, b"\0", "image by its name, of unknown content"),
        ("disk.raw", MIB - 1, b"\0", ""),
        ("case.002", 16 * MIB, b"\0", "piece of an image by its name, of unknown content"),
        ("ole32.dll.000", 2 * MIB, b"\0", ""),
        ("ole32.dll.000", 17 * MIB, b"MZ", ""),
    ],
)
def test_an_image_by_its_name_alone_is_a_gap_at_rest(
    tmp_path: Path, name: str, size: int, start: bytes, kind: str
) -> None:
    with (tmp_path / name).open("wb") as file:
        file.write(start + b"\1")
        file.truncate(size)
    assert swept(tmp_path).reasons == ({closed(kind): 1} if kind else {})


@pytest.mark.parametrize("name", ["y.zip", "a.txt", "Security.log"])
def test_a_given_file_without_content_is_never_clean(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert swept(FolderTarget(str(tmp_path / name), own=Own())).reasons == {"given file: empty": 1}
    assert swept(tmp_path).reasons == {}


def test_a_given_archive_with_nothing_in_it_is_a_gap(tmp_path: Path) -> None:
    zipfile.ZipFile(tmp_path / "e.zip", "w").close()
    tarfile.TarFile(tmp_path / "e.tar", "w").close()
    for name in ("e.zip", "e.tar"):
        given = swept(FolderTarget(str(tmp_path / name), own=Own()))
        assert given.reasons == {"given file: an archive with nothing in it": 1}
    assert swept(FolderTarget(str(tmp_path), own=Own())).reasons == {}


LOG, HIVE = "Windows/System32/winevt/Logs/System.evtx", "Windows/System32/config/SOFTWARE"
HOST = {f"C/{LOG}": b"log", f"C/{HIVE}": b"hive"}


@pytest.mark.parametrize(
    ("members", "place"),
    [
        ({f"HOST{n}/{name}": data for n in (1, 2) for name, data in HOST.items()}, ""),
        ({"c/HOST.zip": archive(HOST)}, " → c/HOST.zip"),
        ({"System.evtx": b"log"}, ""),
        ({"x/NTUSER.DAT": b"hive"}, ""),
    ],
    ids=["two hosts", "nested", "a log alone", "a hive alone"],
)
def test_evidence_of_hosts_in_an_archive_of_no_shape_is_a_gap(
    tmp_path: Path, members: dict[str, bytes], place: str
) -> None:
    (tmp_path / "case.zip").write_bytes(archive(members))
    gaps = swept(tmp_path).coverage.reasons
    assert [(one.reason, one.samples) for one in gaps] == [
        (A_HOST_OF_ITS_OWN, [f"{tmp_path}/case.zip{place}"])
    ]


@pytest.mark.parametrize(
    ("name", "gaps"), [("b.evtx", {}), ("config/SYSTEM", {A_HOST_OF_ITS_OWN: 1})]
)
def test_logs_alone_in_an_archive_on_a_windows_own_disk_are_no_collection(
    tmp_path: Path, name: str, gaps: dict[str, int]
) -> None:
    held = archive({"a.evtx": b"log", name: b"x"})
    data = volume_bytes(windows({r"C:\Users\jo\support.zip": held}))
    assert swept(disk(tmp_path, data)).reasons == gaps
