"""Files that were copied without their Windows are known by their names, wherever they lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.coverage import Ledger
from agent.matching.own_traces import Own
from agent.model.report import Verdict
from agent.sources.artefact_source import ArtefactSource
from agent.sources.execution.prefetch import PrefetchArtefact
from agent.sources.logs.console_history import ConsoleHistory
from agent.sources.logs.event_logs import EventLogs
from agent.sources.registry.hives import Hives
from agent.targets.offline.folder import FolderTarget
from tests.evidence.hive_files import RUN, nested
from tests.evidence.hives import hive
from tests.evidence.logged_events import CALL, audited_process
from tests.evidence.logs import event_log
from tests.evidence.prefetch import CYZFC, RUNDLL32, SYSTEM32, mam, prefetch
from tests.evidence.sweeping import reported
from tests.evidence.windows_folder import as_folder, windows

LOG = event_log([audited_process()])
LOOSE = {
    "Security.evtx": LOG,
    "WS-0421/hives/NTUSER.DAT": hive(nested(RUN, {"Updater": CALL})),
    "RUNDLL32.EXE-2CC598BD.pf": mam(prefetch(files=[rf"{SYSTEM32}\NTDLL.DLL", RUNDLL32, CYZFC])),
    "jo/ConsoleHost_history.txt": CALL.encode(),
}


def sources() -> list[ArtefactSource]:
    artefacts = (EventLogs(), Hives(), PrefetchArtefact(), ConsoleHistory())
    return [ArtefactSource(artefact) for artefact in artefacts]


def laid(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return folder


def found_in(*paths: Path) -> set[str]:
    """The names of the files in which the campaign was found."""
    target = FolderTarget(*map(str, paths), own=Own())
    report = reported(target, *sources())
    assert report.verdict is Verdict.HIT
    places = [one.place.path for finding in report.findings for one in finding.evidence]
    return {path.replace("\\", "/").rpartition("/")[2] for path in places}


@pytest.mark.parametrize("name", LOOSE)
def test_what_lies_anywhere_in_a_folder_is_read(name: str, tmp_path: Path) -> None:
    assert found_in(laid(tmp_path, {name: LOOSE[name]})) == {name.rpartition("/")[2]}


def test_a_file_that_is_given_alone_is_read_alone(tmp_path: Path) -> None:
    files = {"a.evtx": LOG, "b.evtx": LOG, "c/d.evtx": LOG}
    assert found_in(laid(tmp_path, files) / "a.evtx") == {"a.evtx"}


def test_loose_files_beside_a_windows_are_read(tmp_path: Path) -> None:
    beside = laid(tmp_path / "logs", {"a.evtx": LOG})
    assert found_in(as_folder(tmp_path / "c", windows()), beside) == {"a.evtx"}


def test_of_a_windows_the_same_names_elsewhere_are_not_evidence(tmp_path: Path) -> None:
    files = windows({r"C:\Tools\a.evtx": LOG})
    target = FolderTarget(str(as_folder(tmp_path / "c", files)), own=Own())
    ledger = Ledger("test", required=True)
    assert list(target.evidence([r"%Loose%\**\*.evtx"], ledger)) == []


def test_of_a_file_that_is_in_nobodys_profile_no_user_is_told(tmp_path: Path) -> None:
    target = FolderTarget(
        str(laid(tmp_path, {"ConsoleHost_history.txt": CALL.encode()})), own=Own()
    )
    (finding,) = reported(target, *sources()).findings
    for one in (finding, *finding.evidence):
        assert one.user is None
        assert one.process is None or one.process.user is None
