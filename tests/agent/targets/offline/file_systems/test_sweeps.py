"""Volumes other than NTFS in a whole sweep."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agent.matching.own_traces import Own
from agent.model.observation import Claim
from agent.model.report import Report, State, Strength, Verdict
from agent.sources.files.in_tree import FIRST_LETTER, LOCAL_TIMES
from agent.targets.offline.file_systems.fat import DELETED
from agent.targets.offline.folder import FolderTarget
from agent.targets.offline.image import ImageTarget
from tests.evidence.containers import acquired, converted
from tests.evidence.file_systems import Files, deleted, exfat, ext, fat
from tests.evidence.files import dll
from tests.evidence.partitioned import BASIC, gpt
from tests.evidence.sweeping import commanded, swept
from tests.evidence.windows_folder import GUID, volume_bytes, windows

IMPLANT = "C:\\Users\\jo\\AppData\\Local\\cyzfc.dat"
HOSTS = "C:\\Windows\\System32\\drivers\\etc\\hosts"
MADE: dict[str, Callable[[Path, Files], Path]] = {
    "FAT": lambda path, files: fat(path, files, "-F", 32, size=40 << 20),
    "exFAT": exfat,
    "ext": lambda path, files: ext(path, files, "-t", "ext4"),
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))


def sweep(folder: Path, *arguments: object) -> Report:
    return commanded(folder / "out", "offline", *map(str, arguments), "--quiet")[1]


@pytest.mark.parametrize("kind", MADE)
def test_a_file_of_the_campaign_is_found_by_name_by_size_and_by_what_is_in_it(
    tmp_path: Path, kind: str
) -> None:
    if kind == "ext":
        pytest.importorskip("pyfsext")
    files = {IMPLANT: dll(), "C:\\ProgramData\\any.bin": dll(), "C:\\notes.txt": b"x"}
    path = MADE[kind](tmp_path / "stick.img", files)
    report = sweep(tmp_path, path)
    assert report.verdict is Verdict.HIT
    by_name, by_content = sorted(report.findings, key=lambda one: one.title, reverse=True)
    assert by_name.title == "stick.img:\\Users\\jo\\AppData\\Local\\cyzfc.dat"
    assert by_name.strength is Strength.CONFIRMED
    assert by_content.title == "stick.img:\\ProgramData\\any.bin"
    assert report.host.id.startswith(f"{kind.lower()}:")
    (files_of,) = [one for one in report.coverage if one.source == "files"]
    assert files_of.state is State.COMPLETE


@pytest.mark.parametrize("kind", MADE)
def test_a_clean_volume_is_clean(tmp_path: Path, kind: str) -> None:
    if kind == "ext":
        pytest.importorskip("pyfsext")
    path = MADE[kind](tmp_path / "stick.img", {"C:\\notes.txt": b"x"})
    assert sweep(tmp_path, path).verdict is Verdict.CLEAN


def test_a_finding_says_that_its_times_are_local_ones(tmp_path: Path) -> None:
    seen = {}
    for kind in ("FAT", "exFAT"):
        path = MADE[kind](tmp_path / f"{kind}.img", {"C:\\cyzfc.dat": b"x"})
        seen[kind] = swept(ImageTarget(str(path), own=Own())).only().remarks
    assert seen == {"FAT": (LOCAL_TIMES,), "exFAT": ()}


@pytest.mark.parametrize(
    ("kind", "name", "remarks"),
    [
        ("FAT", "cyzfc.dat", (LOCAL_TIMES, FIRST_LETTER)),
        ("FAT", "cyzfc (2).dat", (LOCAL_TIMES,)),
        ("exFAT", "cyzfc.dat", ()),
    ],
)
def test_a_deleted_file_was_there(
    tmp_path: Path, kind: str, name: str, remarks: tuple[str, ...]
) -> None:
    files = {f"C:\\in it\\{name}": dll(), "C:\\in it\\other.dat": b"x"}
    if kind == "FAT":
        path = fat(tmp_path / "stick.img", files)
        deleted(path, f"/in it/{name}")
    else:
        path = exfat(tmp_path / "stick.img", files, deleted=frozenset({name}))
    sweep = swept(ImageTarget(str(path), own=Own()))
    seen = sweep.only()
    assert seen.place.text == f"stick.img:\\in it\\{name}"
    assert seen.place.view == "deleted"
    assert seen.claim is Claim.WAS_THERE
    assert seen.remarks == remarks
    assert sweep.coverage.state is State.COMPLETE
    assert sweep.notes[f"{kind} volume: {DELETED}"] == 1


def test_ids_do_not_hang_on_the_images_name_nor_on_its_container(tmp_path: Path) -> None:
    path = fat(tmp_path / "one.img", {IMPLANT: dll()})
    ids = set()
    others = tmp_path / "others"
    others.mkdir()
    for each in (path, converted(path, "dynamic.vhdx", others), acquired(path, "best.E01", others)):
        report = sweep(tmp_path / "outs" / each.name, each)
        assert report.host.id == "fat:1A2B3C4D"
        ids.add(tuple(finding.id for finding in report.findings))
    (of_all,) = ids
    assert len(of_all) == 1


def test_partitions_of_a_disk_are_swept_whatever_lies_in_them(tmp_path: Path) -> None:
    esp = fat(tmp_path / "esp", {"C:\\EFI\\Boot\\cyzfc.dat": dll()}, size=4 << 20).read_bytes()
    system = volume_bytes(windows()).ljust(1 << 20, b"\0")
    data = exfat(tmp_path / "data", {"C:\\cyzfc.dat": dll()}).read_bytes()
    (tmp_path / "disk.img").write_bytes(gpt((BASIC, esp), (BASIC, system), (BASIC, data)))
    report = sweep(tmp_path, tmp_path / "disk.img")
    assert report.host.id == GUID
    assert {one.title for one in report.findings} == {
        "disk.img (partition 1):\\EFI\\Boot\\cyzfc.dat",
        "disk.img (partition 3):\\cyzfc.dat",
    }
    (files,) = [one for one in report.coverage if one.source == "files"]
    assert files.state is State.COMPLETE


def test_a_windows_on_fat_gives_evidence(tmp_path: Path) -> None:
    files = windows({HOSTS: b"10.1.2.3 pandorasong.com\r\n", IMPLANT: dll()})
    path = fat(tmp_path / "xp.img", files, "-F", 32, size=40 << 20)
    report = sweep(tmp_path, path)
    assert report.host.id == GUID
    assert report.host.name == "WS-0421"
    domain = [one for one in report.findings if one.indicator.id == "c2-domain"]
    assert domain[0].evidence[0].place.path == HOSTS
    (implant,) = [one.file for one in report.findings if one.file is not None]
    assert implant.path == IMPLANT


def test_a_stick_beside_the_disk_is_of_the_same_host(tmp_path: Path) -> None:
    (tmp_path / "disk.img").write_bytes(volume_bytes(windows()))
    stick = exfat(tmp_path / "stick.img", {"C:\\cyzfc.dat": dll()})
    report = sweep(tmp_path, tmp_path / "disk.img", stick)
    assert report.host.id == GUID
    assert [one.title for one in report.findings] == ["stick.img:\\cyzfc.dat"]


def test_volumes_that_are_met_in_a_folder_are_swept(tmp_path: Path) -> None:
    case = tmp_path / "case"
    case.mkdir()
    files = windows({HOSTS: b"10.1.2.3 pandorasong.com\r\n", IMPLANT: dll()})
    made = fat(tmp_path / "raw", files, "-F", 32, size=40 << 20)
    converted(made, "dynamic.vhdx", case)
    made.rename(case / "stick.img")
    target = FolderTarget(str(case), own=Own())
    sweep = swept(target)
    places = {one.observation.place.text for one in sweep.matches()}
    assert places == {
        f"{case}/{name}:\\Users\\jo\\AppData\\Local\\cyzfc.dat"
        for name in ("dynamic.vhdx", "stick.img")
    }
    assert target.known_as(f"{case}/stick.img:\\Users\\jo\\x") == "C:\\Users\\jo\\x"
    assert sweep.notes["FAT volume in a file, swept too"] == 2
    assert sweep.reasons == {}


def test_a_damaged_volume_is_never_clean(tmp_path: Path) -> None:
    path = fat(tmp_path / "stick.img", {"C:\\in it\\notes.txt": b"x"}, "-F", 16)
    data = bytearray(path.read_bytes())
    at = data.index(b"INIT~1     ")
    data[at + 26 : at + 28] = b"\xf0\xff"
    path.write_bytes(data)
    report = sweep(tmp_path, path)
    assert report.verdict is Verdict.INCOMPLETE
    (files,) = [one for one in report.coverage if one.source == "files"]
    assert [(one.reason, one.samples) for one in files.reasons] == [
        ("folder: FAT volume: cluster outside of the volume", ["stick.img:\\in it"])
    ]


def test_free_clusters_of_such_a_volume_are_a_gap_of_deep(tmp_path: Path) -> None:
    path = fat(tmp_path / "stick.img", {"C:\\notes.txt": b"x"})
    report = commanded(tmp_path / "out", "offline", str(path), "--deep", "--quiet")[1]
    (deep,) = [one for one in report.coverage if one.source == "deep"]
    assert deep.state is State.PARTIAL
    assert [one.reason for one in deep.reasons] == ["free clusters: not read of a FAT volume"]
