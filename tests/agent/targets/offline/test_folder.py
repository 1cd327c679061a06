from __future__ import annotations

from pathlib import Path

import pytest

from agent.matching.own_traces import Own
from agent.model.report import TargetKind
from agent.targets.offline.at_rest import TargetError
from agent.targets.offline.folder import FolderTarget


def test_a_folder_is_known_by_its_place(tmp_path: Path) -> None:
    target = FolderTarget(str(tmp_path), own=Own())

    assert target.host().id == f"path:{tmp_path}"
    assert target.host().name == tmp_path.name
    assert target.describe().kind is TargetKind.FOLDER
    assert target.describe().paths == [str(tmp_path)]
    assert target.live is None
    assert [root.path for root in target.roots()[0]] == [str(tmp_path)]


def test_relative_paths_become_whole_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert FolderTarget(".", own=Own()).describe().paths == [str(tmp_path)]


def test_a_path_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="nowhere"):
        FolderTarget(str(tmp_path), str(tmp_path / "nowhere"), own=Own())
    with pytest.raises(TargetError):
        FolderTarget(own=Own())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("disk.dd", b"x"),
        ("DISK.E01", b"x"),
        ("export.aff4", b"PK\3\4"),
        ("evidence", b"EVF\x09\x0d\x0a\xff\0"),
        ("machine.bin", b"conectix" + bytes(504)),
        ("fixed", bytes(1024) + b"conectix" + bytes(504)),
        ("disk", b"vhdxfile"),
        ("disk", b"KDMV" + bytes(508)),
        ("disk", b"QFI\xfb"),
        ("volume", b"\0\0\0ReFS\0\0\0\0"),
        ("mbr", bytes(510) + b"\x55\xaa"),
        ("disk", bytes(64) + b"\x7f\x10\xda\xbe"),
        ("logs", b"Rar!\x1a\x07\1\0"),
        ("logs", b"7z\xbc\xaf\x27\x1c"),
        ("machine", b"PAGEDU64" + bytes(4096)),
        ("image.002", b"any piece"),
        ("disk", bytes(0x8001) + b"CD001"),
        ("disk", bytes(0x1_0040) + b"_BHRfS_M"),
        ("disk", b"XFSB\0\0\x10\0"),
    ],
)
def test_a_disk_image_is_refused_and_never_called_clean(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TargetError, match="mount or unpack it first"):
        FolderTarget(str(tmp_path / name), own=Own())


@pytest.mark.parametrize("name", ["ds7002.zip", "cyzfc.dat", "report.lnk"])
def test_any_other_single_file_is_swept(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"MZ" + bytes(2000))
    assert FolderTarget(str(tmp_path / name), own=Own()).roots()


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="POSIX only")
def test_a_device_is_refused() -> None:
    with pytest.raises(TargetError, match="neither a folder nor a file"):
        FolderTarget("/dev/null", own=Own())
