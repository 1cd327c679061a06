"""A collection in a disk of its own, as KAPE writes it into a VHDX, is the host that it is of."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.coverage import Ledger
from agent.matching.own_traces import Own
from agent.model.report import Report
from agent.targets.offline.image import ImageTarget
from tests.evidence.collected import as_folder, laid_out
from tests.evidence.containers import converted
from tests.evidence.infected import infected, journal
from tests.evidence.sweeping import commanded
from tests.evidence.windows_folder import GUID, as_image, volume_bytes, windows

SOURCES = ("event_logs", "registry", "prefetch", "browsers", "scheduled_tasks", "defender")
WHEN = 1.5e9


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))


def on_a_volume(members: dict[str, bytes]) -> bytes:
    return volume_bytes({"C:\\" + name.replace("/", "\\"): data for name, data in members.items()})


def told(report: Report) -> tuple[list[str], dict[str, int]]:
    examined = {one.source: one.examined for one in report.coverage if one.source in SOURCES}
    return sorted(one.id for one in report.findings), examined


@pytest.mark.parametrize("shape", ["kape", "velociraptor"])
def test_its_findings_are_those_of_the_collection_in_a_folder(tmp_path: Path, shape: str) -> None:
    members = laid_out(shape, {**infected(), **journal()})
    _, known = commanded(
        tmp_path / "out", "offline", str(as_folder(tmp_path / "HOST", members, WHEN)), "--quiet"
    )
    raw = tmp_path / "kape.raw"
    raw.write_bytes(on_a_volume(members))
    disk = converted(raw, "dynamic.vhdx", tmp_path)
    _, found = commanded(tmp_path / "out2", "offline", str(disk), "--quiet")
    assert found.host == known.host
    assert len(known.findings) >= 12
    assert told(found) == told(known)


def test_the_folder_that_such_a_disk_lies_in_gives_its_logs_too(tmp_path: Path) -> None:
    (tmp_path / "case").mkdir()
    (tmp_path / "case/kape.dd").write_bytes(on_a_volume(laid_out("kape", infected())))
    _, found = commanded(tmp_path / "out", "offline", str(tmp_path / "case"), "--quiet")
    _, examined = told(found)
    assert examined["event_logs"] > 0


def test_a_copy_on_a_disk_of_data_beside_a_windows_is_not_the_hosts(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    copy = {path.replace("C:\\", "C:\\C\\"): data for path, data in windows().items()}
    disk = as_image(tmp_path / "a", windows())
    data = as_image(tmp_path / "b", copy).rename(tmp_path / "data.img")
    pattern = r"%SystemRoot%\Prefetch\*"
    for given, paths in (
        ([data], [r"C:\Windows\Prefetch\X.pf"]),
        ([disk], [r"C:\Windows\Prefetch\X.pf"]),
        ([disk, data], [r"C:\Windows\Prefetch\X.pf", r"data.img:\C\Windows\Prefetch\X.pf"]),
    ):
        target = ImageTarget(*map(str, given), own=Own())
        found = [one.path for one in target.evidence([pattern], Ledger("t", required=True))]
        assert [path.rpartition("\\")[0] for path in found] == [
            path.rpartition("\\")[0] for path in paths
        ]
        assert target.host().id == GUID
