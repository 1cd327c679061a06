"""Evidence of one host that is spread over images, folders and archives: one report."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from uuid import UUID

import pytest

from agent.cli import main
from agent.matching.own_traces import Own
from agent.model.codec import decode
from agent.model.report import Report, State, Verdict
from agent.options import parse
from agent.targets.offline.at_rest import OtherHost
from agent.targets.offline.joined import JoinedTarget
from agent.targets.offline.recognise import offline_target
from tests.evidence.collected import as_zip, laid_out
from tests.evidence.hives import Tree
from tests.evidence.numbered_disks import by_guid, by_signature
from tests.evidence.windows_folder import (
    CONFIG,
    GUID,
    as_folder,
    as_image,
    system,
    volume_bytes,
    windows,
)

SIGNATURE = b"\x12\x34\x56\x78"
OF_D = UUID("9a8b7c6d-0000-4000-8000-0123456789ab")
IMPLANT = "C:\\Users\\jo\\AppData\\Local\\cyzfc.dat"
ON_D = "D:\\Backup\\ds7002.zip"
HOSTS = "C:\\Windows\\System32\\drivers\\etc\\hosts"
DATA = {"D:\\Backup\\ds7002.zip": b"not one", "D:\\notes.txt": b"x"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))


def system_disk(place: Path, mounted: Tree | None = None, name: str = "WS-0421") -> Path:
    hive = system(name, mounted=mounted)
    return as_image(place, windows({IMPLANT: b"x", f"{CONFIG}\\SYSTEM": hive}))


def collection(path: Path, name: str = "WS-0421") -> Path:
    """KAPE's, of a host with a line in its hosts file."""
    files = windows({HOSTS: b"10.1.2.3 pandorasong.com\n", f"{CONFIG}\\SYSTEM": system(name)})
    as_zip(path, laid_out("kape", files), 1_542_200_000.0)
    return path


def swept(out: Path, *arguments: str | Path) -> tuple[int, list[Report]]:
    code = main(["offline", *map(str, arguments), "--out", str(out), "--quiet"])
    return code, [decode(path.read_bytes()) for path in sorted(out.glob("*.json"))]


def ids(report: Report) -> set[str]:
    return {finding.id for finding in report.findings}


def test_a_disk_another_disk_and_a_collection_are_one_host_with_one_report(tmp_path: Path) -> None:
    data, device = by_signature(volume_bytes(DATA), SIGNATURE)
    other = tmp_path / "d.dd"
    other.write_bytes(data)
    ours = system_disk(tmp_path / "c", {"\\DosDevices\\D:": device})
    zipped = collection(tmp_path / "WS.zip")
    code, (report,) = swept(tmp_path / "out", "--host", "ws-0421", ours, zipped, other)
    assert (code, report.verdict) == (1, Verdict.HIT)
    assert (report.host.name, report.host.id) == ("WS-0421", GUID)
    assert report.target.paths == [str(ours), str(other), str(zipped)]
    assert report.options["host"] == ["ws-0421"]
    assert report.custody is not None
    assert [one.path for one in report.custody.exhibits] == report.target.paths
    assert {IMPLANT, ON_D} <= {one.file.path for one in report.findings if one.file}

    # The same findings as of each alone.
    alone = [swept(tmp_path / f"out{n}", path)[1][0] for n, path in enumerate((ours, zipped))]
    assert all(ids(one) for one in alone)
    assert ids(alone[0]) | ids(alone[1]) <= ids(report)
    on_d = next(one for one in report.findings if one.file and one.file.path == ON_D)
    assert ids(report) - ids(alone[0]) - ids(alone[1]) == {on_d.id}


@pytest.mark.parametrize("is_gpt", [False, True])
def test_the_host_says_which_letter_a_partition_had(tmp_path: Path, *, is_gpt: bool) -> None:
    volume = volume_bytes(DATA)
    made = by_guid(volume, OF_D) if is_gpt else by_signature(volume, SIGNATURE)
    other = tmp_path / "d.dd"
    other.write_bytes(made[0])
    mounted: Tree
    for mounted, known in (
        ({"\\DosDevices\\d:": made[1], "\\??\\Volume{1}": made[1]}, "D:\\notes.txt"),
        ({"\\DosDevices\\C:": made[1]}, "d.dd (partition 1):\\notes.txt"),
        ({"\\DosDevices\\D:": made[1][:-1]}, "d.dd (partition 1):\\notes.txt"),
        ({"\\DosDevices\\D:": "_??_USBSTOR#Disk&Ven"}, "d.dd (partition 1):\\notes.txt"),
        ({}, "d.dd (partition 1):\\notes.txt"),
    ):
        place = tmp_path / str(len(list(tmp_path.iterdir())))
        target = offline_target(str(system_disk(place, mounted)), str(other), own=Own())
        assert target.known_as("d.dd (partition 1):\\notes.txt") == known


def test_evidence_of_another_host_is_refused_by_its_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, theirs = system_disk(tmp_path / "c"), collection(tmp_path / "b.zip", "DC-01")
    with pytest.raises(OtherHost, match=r"b\.zip.* is of DC-01, not of WS-0421"):
        offline_target(str(ours), str(theirs), own=Own(), called=["WS-0421"]).host()
    code, reports = swept(tmp_path / "out", "--host", "WS-0421", ours, theirs)
    assert (code, reports) == (2, [])
    assert "if that is the same host, give --host DC-01 too" in capsys.readouterr().err
    code, _ = swept(tmp_path / "out", "--host", "WS-9", ours)
    assert code == 2
    assert "disk.img is of WS-0421, not of WS-9" in capsys.readouterr().err

    # It was renamed: that is for the operator to say.
    given = ("--host", "WS-0421", "--host", "DC-01", theirs, ours)
    _, (report,) = swept(tmp_path / "out", *given)
    assert (report.host.name, report.host.id) == ("WS-0421", GUID)
    whole = offline_target(str(ours), own=Own(), called=["WS-0421.corp.example"])
    assert whole.host().name == "WS-0421.corp.example"

    # Nobody said that they are one: a report of each.
    _, reports = swept(tmp_path / "each", ours, theirs)
    assert {one.host.name for one in reports} == {"WS-0421", "DC-01"}


def test_evidence_without_a_windows_is_of_the_host_that_is_named(tmp_path: Path) -> None:
    image, folder = tmp_path / "d.dd", tmp_path / "logs"
    image.write_bytes(volume_bytes(DATA))
    (folder / "more").mkdir(parents=True)
    _, (named,) = swept(tmp_path / "out", "--host", "WS07", image, folder)
    _, (unnamed,) = swept(tmp_path / "other", image, folder)
    assert (named.host.name, unnamed.host.name) == ("WS07", "d.dd")
    assert named.host.id == unnamed.host.id
    assert ids(named) == ids(unnamed) != set()
    assert offline_target(str(folder), own=Own(), called=["WS07"]).host().name == "WS07"


def test_a_gap_names_the_part_that_it_is_in(tmp_path: Path) -> None:
    ours, other, empty = system_disk(tmp_path / "c"), tmp_path / "d.dd", tmp_path / "e"
    other.write_bytes(by_signature(volume_bytes(DATA), SIGNATURE)[0][: (1 << 20) + (100 << 10)])
    empty.mkdir()
    _, (report,) = swept(tmp_path / "out", "--host", "WS-0421", ours, other, empty)
    files = next(one for one in report.coverage if one.source == "files")
    places = {place for reason in files.reasons for place in reason.samples}
    assert files.state is State.PARTIAL
    assert str(empty) in places, files.reasons
    assert any(place.startswith((str(other), "d.dd")) for place in places)


def test_one_host_is_not_several(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ours, folder = system_disk(tmp_path / "c"), as_folder(tmp_path / "f", windows())
    for option in (("--jobs", "2"), ("--scheduler", "tcp://127.0.0.1:1")):
        code, reports = swept(tmp_path / "out", "--host", "WS-0421", ours, folder, *option)
        assert (code, reports) == (2, [])
        assert "--host: all TARGETs are of one host" in capsys.readouterr().err
    for name in ("", " ", "a\nb", "x" * 256):
        assert main(["offline", str(ours), "--host", name]) == 2
    assert parse(["offline", "a", "--host", "x", "--host", "y"]).host == ["x", "y"]


def test_a_joined_host_can_be_resumed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ours, zipped = system_disk(tmp_path / "c"), collection(tmp_path / "WS.zip")
    given = ("--host", "WS-0421", ours, zipped, "--resume")
    _, (report,) = swept(tmp_path / "out", *given)
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["targets"] == 1
    assert swept(tmp_path / "out", *given)[1] == [report]
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["resumed"] == 1


def test_images_and_folders_are_one_target_whatever_their_order(tmp_path: Path) -> None:
    ours, folder = system_disk(tmp_path / "c"), as_folder(tmp_path / "f", windows())
    targets = [
        offline_target(*map(str, paths), own=Own()) for paths in ((ours, folder), (folder, ours))
    ]
    for target in targets:
        assert isinstance(target, JoinedTarget)
        assert target.host().id == GUID
        assert [root.path for root in target.roots()[0]] == [str(ours), str(folder)]
    shutil.rmtree(folder / "Windows")
    assert offline_target(str(folder), str(ours), own=Own()).host().id == GUID
