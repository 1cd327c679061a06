"""A collection in an archive is the same host with the same findings as the collection in a
folder, and nothing is left beside it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from agent.model.report import Report, Verdict
from tests.evidence.collected import ARCHIVES, FORMS, as_folder, laid_out
from tests.evidence.infected import LONG_BEFORE, infected, journal, mft
from tests.evidence.sweeping import commanded

WHEN = LONG_BEFORE.timestamp()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("folders")


@cache
def members(shape: str) -> dict[str, bytes]:
    return laid_out(shape, {**infected(), **journal(), **mft()})


@cache
def swept(path: Path, out: Path) -> Report:
    return commanded(out, "offline", str(path), "--quiet")[1]


def in_folder(place: Path, shape: str) -> Report:
    folder = place / shape / "HOST"
    if not folder.exists():
        as_folder(folder, members(shape), WHEN)
    return swept(folder, place / shape / "out")


def told(report: Report, path: str) -> list[tuple[str, ...]]:
    return sorted(
        (one.id, one.strength.value, one.title.replace(path, "HOST"),
         *(place.place.text.replace(path, "HOST") for place in one.evidence))
        for one in report.findings
    )  # fmt: skip


def covered(report: Report) -> list[tuple[object, ...]]:
    return [
        (one.source, one.state, one.examined, [(why.reason, why.count) for why in one.reasons],
         [(why.reason, why.count) for why in one.notes])
        for one in report.coverage
    ]  # fmt: skip


@pytest.mark.parametrize(("shape", "name"), FORMS)
def test_an_archive_changes_nothing(shape: str, name: str, place: Path, tmp_path: Path) -> None:
    known = in_folder(place, shape)
    path = ARCHIVES[name](tmp_path / f"HOST{Path(name).suffix}", members(shape), WHEN)
    before, status = path.read_bytes(), path.stat()
    found = swept(path, tmp_path / "out")
    assert len(known.findings) == 14
    assert found.verdict is known.verdict is Verdict.HIT
    assert found.host == known.host
    assert found.host.name == "WS-0421"
    assert told(found, str(path)) == told(known, str(place / shape / "HOST"))
    assert covered(found) == covered(known)
    after = path.stat()
    assert (path.read_bytes(), after.st_mtime_ns) == (before, status.st_mtime_ns)
    assert {one.name for one in tmp_path.iterdir()} == {path.name, "out", "home"}
