"""Collections of DFIR-ORC: archives in an archive, with tables of what each sample was."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.matching.own_traces import Own
from agent.model.report import Report
from agent.targets.offline.archives.orc import NOT_THERE, UNREADABLE
from agent.targets.offline.folder import FolderTarget
from tests.evidence.collected import as_7z, as_folder, as_orc, as_zip, laid_out
from tests.evidence.infected import LONG_BEFORE, infected, journal, mft
from tests.evidence.sweeping import commanded, swept

WHEN = LONG_BEFORE.timestamp()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))


def told(report: Report) -> list[tuple[object, ...]]:
    return sorted((one.id, one.strength, one.first_seen, one.last_seen) for one in report.findings)


def test_it_has_the_findings_of_the_same_files_in_a_folder(tmp_path: Path) -> None:
    files = {path: data for path, data in infected().items() if ":" not in path[2:]}
    files |= {**journal(), **mft()}
    folder = as_folder(tmp_path / "HOST", laid_out("kape", files), WHEN)
    known = commanded(tmp_path / "1", "offline", str(folder), "--quiet")[1]
    path = as_orc(tmp_path / "ORC_WorkStation_WS-0421_General.7z", files, WHEN)
    found = commanded(tmp_path / "2", "offline", str(path), "--quiet")[1]
    assert len(found.findings) == 14
    assert found.host == known.host
    assert told(found) == told(known)


def test_lists_of_its_tools_are_searched(tmp_path: Path) -> None:
    table = b"FullName,SampleName\r\n\\Windows\\System32\\config\\SYSTEM,SYSTEM_data\r\n"
    lists = as_7z(tmp_path / "Detail.7z", {"NTFSInfo_1.csv": b"File\r\ncyzfc.dat\r\n"}, WHEN)
    hives = as_7z(tmp_path / "Hives.7z", {"GetThis.csv": table, "SYSTEM_data": b"regf"}, WHEN)
    members = {one.name: one.read_bytes() for one in (hives, lists)}
    path = as_zip(tmp_path / "ORC.zip", members, WHEN)
    report = commanded(tmp_path / "out", "offline", str(path), "--quiet")[1]
    (finding,) = report.findings
    assert finding.evidence[0].place.path == rf"{path}\Detail.7z\NTFSInfo_1.csv"
    assert finding.evidence[0].place.record == "line 2"


def test_what_cannot_be_read_in_it_is_a_gap(tmp_path: Path) -> None:
    table = (
        b"FullName,SampleName\r\n\\Windows\\System32\\a,gone\r\n\\Windows\\System32\\b,b_data\r\n"
    )
    members = {"GetThis.csv": table, "b_data": b"b"}
    inner = as_7z(tmp_path / "Hives.7z", members, WHEN).read_bytes()
    broken = {"Hives.7z": inner, "Event.7z": inner[:-5]}
    path = as_7z(tmp_path / "ORC.7z", broken, WHEN)
    reasons = swept(FolderTarget(str(path), own=Own())).reasons
    assert reasons == {
        NOT_THERE: 1, UNREADABLE.format("7z archive: its list is damaged"): 1
    }  # fmt: skip
