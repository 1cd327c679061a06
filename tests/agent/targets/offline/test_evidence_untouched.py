"""A sweep leaves evidence as it was, times of last access included, and nothing beside it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.model.report import Verdict
from tests.evidence.containers import acquired
from tests.evidence.infected import infected
from tests.evidence.sweeping import commanded
from tests.evidence.watching import aged, snapshot, watched
from tests.evidence.windows_folder import as_folder, as_image

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify and O_NOATIME are Linux's")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))


def image(folder: Path) -> Path:
    return Path(as_image(folder, infected()))


def container(folder: Path) -> Path:
    raw = Path(as_image(folder.parent / "raw", infected()))
    made = acquired(raw, "best.E01", folder)
    shutil.rmtree(raw.parent)
    return made


def pieces(folder: Path) -> Path:
    raw = image(folder)
    data = raw.read_bytes()
    raw.unlink()
    for number in range(3):
        third = len(data) // 3 + 1
        piece = data[number * third : (number + 1) * third]
        (folder / f"disk.00{number + 1}").write_bytes(piece)
    return folder / "disk.001"


def copied(folder: Path) -> Path:
    return Path(as_folder(folder / "C", infected()))


@pytest.mark.parametrize("make", [image, container, pieces, copied])
@pytest.mark.parametrize("options", [(), ("--check-hash", "--deep", "--thorough")], ids=["", "all"])
def test_evidence_is_as_it_was(
    tmp_path: Path, make: Callable[[Path], Path], options: tuple[str, ...]
) -> None:
    folder = tmp_path / "evidence"
    folder.mkdir()
    given = make(folder)
    aged(tmp_path / "evidence")
    before = snapshot(folder)
    with watched(folder) as written:
        _, report = commanded(tmp_path / "out", "offline", str(given), "--quiet", *options)
    assert report.verdict is Verdict.HIT
    assert written == []
    assert snapshot(folder) == before


def test_whoever_only_reads_is_noticed(tmp_path: Path) -> None:
    """The test above would say so."""
    folder = tmp_path / "evidence"
    folder.mkdir()
    path = folder / "disk.dd"
    path.write_bytes(b"x" * 10)
    aged(folder)
    before = snapshot(folder)
    with watched(folder) as written:
        path.read_bytes()
        path.touch()
        (folder / "disk.dd-wal").write_bytes(b"")
    assert snapshot(folder) != before
    assert len(written) >= 3
