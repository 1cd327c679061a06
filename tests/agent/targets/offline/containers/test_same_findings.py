"""The same volume in every container is the same host with the same findings."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import pytest

from agent.model.report import Report, Verdict
from tests.evidence.containers import EWF, QEMU, acquired, converted
from tests.evidence.infected import infected
from tests.evidence.sweeping import commanded
from tests.evidence.windows_folder import as_image


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("volume")
    made = Path(as_image(folder / "case", infected()))
    return made.rename(folder / "disk.raw")


@cache
def swept(path: Path) -> Report:
    return commanded(path.parent / "out", "offline", str(path), "--quiet")[1]


def told(report: Report, name: str) -> list[tuple[str, ...]]:
    """Findings without their order, which is by titles that begin with the image's name."""
    return sorted(
        (one.id, one.strength.value, one.title.replace(name, "disk"),
         *(place.place.text.replace(name, "disk") for place in one.evidence))
        for one in report.findings
    )  # fmt: skip


def covered(report: Report) -> list[tuple[object, ...]]:
    return [
        (one.source, one.state, one.examined, [(why.reason, why.count) for why in one.reasons])
        for one in report.coverage
    ]


@pytest.mark.parametrize("name", [*QEMU, *EWF, "disk.001"])
def test_a_container_changes_nothing(tmp_path: Path, volume: Path, name: str) -> None:
    if name == "disk.001":
        split = ["split", "-b", "500K", "-d", "-a3", "--numeric-suffixes=1", str(volume), "disk."]
        subprocess.run(split, check=True, cwd=tmp_path)
        path = tmp_path / name
    else:
        path = (converted if name in QEMU else acquired)(volume, name, tmp_path)
    known, found = swept(volume), swept(path)
    assert len(known.findings) == 13
    assert found.verdict is known.verdict is Verdict.HIT
    assert found.host == known.host
    assert told(found, name) == told(known, "disk.raw")
    assert covered(found) == covered(known)
