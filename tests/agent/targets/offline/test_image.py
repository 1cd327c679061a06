from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.cli import main
from agent.matching.own_traces import Own
from agent.model.report import Report, State, Strength, TargetKind, Verdict
from agent.targets.offline.at_rest import TargetError
from agent.targets.offline.containers.opening import is_medium
from agent.targets.offline.folder import FolderTarget
from agent.targets.offline.image import ImageTarget
from agent.targets.offline.joined import JoinedTarget
from agent.targets.offline.recognise import offline_target
from tests.evidence.images import file_name, image, record, resident, standard
from tests.evidence.journals import FOLDERS
from tests.evidence.sweeping import commanded

EXTEND = record(standard(), file_name("$Extend"), flags=3)


def ntfs(path: Path, name: str = "notes.txt", content: bytes = b"x") -> Path:
    made = record(standard(), file_name(name), resident(0x80, content))
    data = bytearray(image({11: EXTEND, 30: made}))
    data[0x48:0x50] = bytes(range(1, 9))
    path.write_bytes(data)
    return path


def sweep(folder: Path, *arguments: str) -> tuple[int, Report]:
    return commanded(folder / "out", "offline", *arguments, "--quiet")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))


def test_an_image_without_a_windows_is_known_by_its_serial_number(tmp_path: Path) -> None:
    path = ntfs(tmp_path / "disk.dd")
    target = ImageTarget(str(path), own=Own())
    assert target.host().id == "ntfs:0807060504030201"
    assert target.host().name == "disk.dd"
    assert target.describe().kind is TargetKind.IMAGE
    assert target.describe().paths == [str(path)]
    assert target.live is None
    (root,) = target.roots()[0]
    assert root.raw is not None
    assert root.raw.prefix == "disk.dd:"
    assert not root.mounted


def test_two_images_of_one_name_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    paths = [ntfs(tmp_path / "a/disk.dd"), ntfs(tmp_path / "b/disk.dd"), ntfs(tmp_path / "c.dd")]
    target = ImageTarget(*map(str, paths), own=Own())
    prefixes = [root.raw.prefix for root in target.roots()[0] if root.raw]
    assert prefixes == [f"{paths[0]}:", f"{paths[1]}:", "c.dd:"]


def test_what_is_given_decides_what_is_swept(tmp_path: Path) -> None:
    path = ntfs(tmp_path / "disk.dd")
    assert isinstance(offline_target(str(path), own=Own()), ImageTarget)
    assert isinstance(offline_target(str(tmp_path), own=Own()), FolderTarget)
    (tmp_path / "beside").mkdir()
    both = offline_target(str(path), str(tmp_path / "beside"), own=Own())
    assert isinstance(both, JoinedTarget)
    with pytest.raises(TargetError, match=r"disk\.dd: lies in .*, which is given too"):
        offline_target(str(path), str(tmp_path), own=Own())
    with pytest.raises(TargetError, match="nowhere"):
        offline_target(str(tmp_path / "nowhere"), own=Own())


@pytest.mark.parametrize(
    "data",
    [
        bytes(510) + b"\x55\xaa",
        b"hsqs" + bytes(600),
    ],
    ids=["unknown volume", "SquashFS"],
)
def test_any_other_image_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "disk"
    path.write_bytes(data)
    assert not is_medium(str(path))
    with pytest.raises(TargetError, match="mount or unpack it first"):
        offline_target(str(path), own=Own())
    with pytest.raises(TargetError, match="no image of a disk or of a volume"):
        ImageTarget(str(path), own=Own())


def test_a_locked_image_is_told_to_be_locked(tmp_path: Path) -> None:
    path = tmp_path / "disk.dd"
    path.write_bytes(b"\xeb\x58\x90-FVE-FS-" + bytes(499) + b"\x55\xaa" + bytes(1 << 20))
    code, report = sweep(tmp_path, str(path))
    assert code == 3
    assert report.verdict is Verdict.INCOMPLETE
    asked = [one for one in report.coverage if one.state is not State.SKIPPED]
    assert "event_logs" in {one.source for one in asked}
    for coverage in asked:
        assert coverage.state is State.UNAVAILABLE
        assert [reason.reason for reason in coverage.reasons] == ["locked by BitLocker"]


def test_a_clean_image_is_clean(tmp_path: Path) -> None:
    code, report = sweep(tmp_path, str(ntfs(tmp_path / "disk.dd")))
    assert code == 0
    assert report.verdict is Verdict.CLEAN
    assert report.target.kind is TargetKind.IMAGE
    files = next(c for c in report.coverage if c.source == "files")
    assert files.examined == 64
    assert files.bytes == 64 * 1024


def test_an_image_with_a_trace_is_a_hit(tmp_path: Path) -> None:
    file = record(standard(), file_name("cyzfc.dat", 43), resident(0x80, b"x"))
    path = tmp_path / "disk.dd"
    path.write_bytes(image({**FOLDERS, 11: EXTEND, 50: file}))
    code, report = sweep(tmp_path, str(path))
    assert code == 1
    (finding,) = report.findings
    assert finding.strength is Strength.STRONG
    assert finding.title == "disk.dd:\\Users\\jo\\AppData\\Local\\cyzfc.dat"


def lying(data: bytes) -> bytes:
    """The $MFT is said to lie where there is none."""
    changed = bytearray(data)
    changed[0x30:0x40] = struct.pack("<QQ", 200, 201)
    return bytes(changed)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: data[: 20 << 10], "$MFT: beyond the end of the image"),
        (lambda data: data[: 200 << 10], "image ends before the volume does"),
        (lying, "$MFT not found"),
    ],
    ids=["cut in the $MFT", "cut behind it", "lying boot sector"],
)
def test_who_reads_only_what_is_printed_knows_what_was_not_seen(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[bytes], bytes],
    reason: str,
) -> None:
    path = ntfs(tmp_path / "disk.dd")
    path.write_bytes(damage(path.read_bytes()))
    assert main(["offline", str(path), "--out", str(tmp_path / "out")]) == 3
    printed = capsys.readouterr().out
    assert "INCOMPLETE" in printed
    assert "CLEAN" not in printed
    assert reason in printed


@pytest.mark.parametrize("size", [512, 20 << 10, 200 << 10])
def test_a_truncated_image_is_never_clean(tmp_path: Path, size: int) -> None:
    path = ntfs(tmp_path / "disk.dd")
    path.write_bytes(path.read_bytes()[:size])
    code, report = sweep(tmp_path, str(path))
    assert code == 3
    assert report.verdict is Verdict.INCOMPLETE
