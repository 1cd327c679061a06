"""Event logs are looked for wherever the registry says that they are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.matching.own_traces import Own
from agent.model.remembered import Recorded
from agent.model.report import State, Verdict
from agent.sources.artefact_source import ArtefactSource
from agent.sources.logs.event_logs import EventLogs
from agent.sources.registry.hives import Hives
from agent.targets import Root, SkippedVolume
from agent.targets.installation import Listed, installation
from agent.targets.live.mounts import Layout
from tests.evidence.hives import hive
from tests.evidence.hosts import FakeSystem
from tests.evidence.logged_events import CALL, audited_process, sysmon_process
from tests.evidence.logs import event_log
from tests.evidence.memories import SECURITY
from tests.evidence.remembering import of, software_hive
from tests.evidence.sweeping import reported, swept
from tests.evidence.windows_folder import CONFIG, FORMS, RunningWindows, as_folder, windows

USUAL = "C:\\Windows\\System32\\winevt\\Logs"
RAN = event_log([audited_process(CALL)])
GONE = "event logs are written to a place that is not here"


def system(**files: str) -> dict[str, bytes]:
    """The hive SYSTEM, in which classic logs have these files."""
    logs: Any = {name.replace("_", " "): {"File": file} for name, file in files.items()}
    services: Any = {"Services": {"EventLog": logs}}
    return {f"{CONFIG}\\SYSTEM": hive({"Select": {"Current": 1}, "ControlSet001": services})}


def software(channels: Any = None, policies: Any = None) -> dict[str, bytes]:
    """The hive SOFTWARE."""
    return {f"{CONFIG}\\SOFTWARE": software_hive(channels=channels, policies=policies)}


@pytest.mark.parametrize("form", ["folder", "drives", "image", "collection"])
@pytest.mark.parametrize(
    ("says", "path"),
    [
        (system(Security="C:\\Logs\\Security.evtx"), "C:\\Logs\\Security.evtx"),
        (system(Security="%SystemRoot%\\elsewhere\\Sec.evtx"), "C:\\Windows\\elsewhere\\Sec.evtx"),
        (system(Security="\\SystemRoot\\Kept\\Security.evtx"), "C:\\Windows\\Kept\\Security.evtx"),
        (system(Security="%SystemDrive%\\Security.evtx"), "C:\\Security.evtx"),
        (
            software(policies={"EventLog": {"Security": {"File": "C:\\Kept\\Security.evtx"}}}),
            "C:\\Kept\\Security.evtx",
        ),
    ],
)
def test_a_log_is_found_where_it_is_written(
    form: str, says: dict[str, bytes], path: str, tmp_path: Path
) -> None:
    files = windows(says | {path: RAN})
    found = swept(FORMS[form](tmp_path / "c", files), ArtefactSource(EventLogs()))
    assert {match.observation.place.path for match in found.matches()} == {path}
    assert found.coverage.state is State.COMPLETE


def test_so_is_sysmons_and_what_lies_in_the_usual_place_too(tmp_path: Path) -> None:
    moved = "C:\\Logs\\Microsoft-Windows-Sysmon%4Operational.evtx"
    says = software(channels={"Microsoft-Windows-Sysmon/Operational": {"File": moved}})
    logs = {moved: event_log([sysmon_process()]), SECURITY: RAN}
    found = swept(as_folder(tmp_path / "c", windows(says | logs)), ArtefactSource(EventLogs()))
    assert {match.observation.place.path for match in found.matches()} == {moved, SECURITY}


@pytest.mark.parametrize(
    "file",
    ["D:\\Logs\\Security.evtx", "\\\\server\\share\\Security.evtx", "%Elsewhere%\\Security.evtx"],
)
def test_a_log_that_is_written_to_a_place_that_is_not_here_is_a_gap(
    file: str, tmp_path: Path
) -> None:
    target = as_folder(tmp_path / "c", windows(system(Security=file)))
    report = reported(target, ArtefactSource(EventLogs()), ArtefactSource(Hives()))
    logs = next(one for one in report.coverage if one.source == "event_logs")
    assert [(one.reason, one.samples) for one in logs.reasons] == [
        (GONE, [file.rpartition("\\")[0]])
    ]
    assert report.verdict is Verdict.INCOMPLETE
    told = of(report, "Security 4688")
    assert (told.state, told.why) == (Recorded.UNKNOWN, f"event_logs: {GONE}")


def test_a_log_whose_drive_is_missed_as_a_whole_is_no_second_gap(tmp_path: Path) -> None:
    listed = Listed(event_logs=("D:\\Logs\\Security.evtx",))
    target = RunningWindows(Own(), system=FakeSystem(), installed=lambda: ("C:\\Windows", listed))
    drive = Root(str(as_folder(tmp_path / "c", windows())), "C: NTFS")
    target.made = Layout([drive], (SkippedVolume("D:\\", "it is locked", gap=True),))
    found = swept(target, ArtefactSource(EventLogs()))
    assert [reason.reason for reason in found.coverage.reasons] == ["it is locked"]


def test_each_folder_of_logs_is_listed_once_and_the_usual_one_always() -> None:
    files = (
        "%SystemRoot%\\System32\\winevt\\logs\\System.evtx", "D:\\a.evtx", "d:\\b.evtx",
        "E:\\x\\c.evtx", "f.evtx",
    )  # fmt: skip
    made = installation("C:\\Windows", Listed(event_logs=files), (), ["C:\\Windows.old\\Windows"])
    assert made.event_logs == (USUAL, "D:\\", "E:\\x")
    assert made.all_of("%EVENTLOGS%") == [
        USUAL,
        "D:\\",
        "E:\\x",
        "C:\\Windows.old\\Windows\\System32\\winevt\\Logs",
    ]
