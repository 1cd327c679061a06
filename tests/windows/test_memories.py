r"""The built exe, under Wine, on a host that remembers the campaign: as it runs, and as a copy.

The running host's ``C:``, with the folder of Windows, is an NTFS volume whose raw bytes ``\\.\C:``
can be read.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agent.model.observation import Claim
from agent.model.report import Coverage, Finding, Report, State, Strength
from agent.targets.raw_fallback import BY_RECORD
from tests.evidence.images import require_tools
from tests.evidence.logged_events import CALL
from tests.evidence.logs import WHEN
from tests.evidence.memories import SIGHTINGS, SYSMON, evidence, shortcoming, told
from tests.evidence.sweeping import commanded
from tests.evidence.windows_folder import as_folder, as_image
from tests.windows.host import Host
from tests.windows.ntfs_host import error_of_opening, held, on_ntfs

pytestmark = [
    pytest.mark.wine,
    pytest.mark.skipif(sys.platform != "linux", reason="Wine's lab is for Linux"),
]

SHARING_VIOLATION = 32


@pytest.fixture(scope="module")
def remembering(built_host: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    require_tools()
    with on_ntfs(built_host, tmp_path_factory.mktemp("ntfs"), evidence()) as host:
        yield host


def coverage(report: Report, source: str) -> Coverage:
    (found,) = [one for one in report.coverage if one.source == source]
    return found


def read_by_record(report: Report) -> list[str]:
    notes = coverage(report, "event_logs").notes
    return [
        sample.casefold() for note in notes if note.reason == BY_RECORD for sample in note.samples
    ]


def calls_in_sysmon(report: Report) -> list[Finding]:
    return [
        finding
        for finding in report.findings
        for one in finding.evidence
        if one.place.path.casefold() == SYSMON.casefold()
        and one.claim is Claim.RAN
        and one.strength is Strength.STRONG
    ]


def test_a_planted_sysmon_event_in_a_locked_log_is_found_through_the_raw_volume(
    remembering: Host,
) -> None:
    with held(remembering, SYSMON):
        assert error_of_opening(remembering, SYSMON) == SHARING_VIOLATION
        code, report, _ = remembering.sweep("live", "--only", "event_logs")
    assert code == 1
    assert read_by_record(report) == [SYSMON.casefold()]
    logs = coverage(report, "event_logs")
    assert logs.state is State.COMPLETE, logs.reasons
    records = {part.name.casefold(): part.examined for part in logs.parts}
    assert records[SYSMON.casefold()] == 3
    (finding,) = calls_in_sysmon(report)
    assert finding.process is not None
    assert finding.process.command_line == CALL
    assert finding.process.user is not None
    assert finding.process.user.name == "CORP\\jo"
    assert finding.first_seen is not None
    assert abs(finding.first_seen - WHEN) < timedelta(milliseconds=1)


def test_without_the_raw_volume_the_locked_log_is_a_gap(remembering: Host) -> None:
    with held(remembering, SYSMON):
        _, report, _ = remembering.sweep("live", "--only", "event_logs", "--walk")
    assert read_by_record(report) == []
    assert coverage(report, "event_logs").state is State.PARTIAL
    assert calls_in_sysmon(report) == []


def test_a_log_that_nobody_holds_is_read_by_its_path(remembering: Host) -> None:
    assert error_of_opening(remembering, SYSMON) == 0
    _, report, _ = remembering.sweep("live", "--only", "event_logs")
    assert read_by_record(report) == []
    assert len(calls_in_sysmon(report)) == 1


def test_the_running_host_tells_each_of_its_memories(remembering: Host) -> None:
    with held(remembering, SYSMON):
        code, report, _ = remembering.sweep("live", "C:\\", timeout=300)
    assert code == 1
    assert read_by_record(report) == [SYSMON.casefold()]
    short = {name: why for name in SIGHTINGS if (why := shortcoming(report, name))}
    assert short == {}


@pytest.mark.parametrize("form", ["folder", "image"])
def test_the_exe_finds_in_a_copy_what_the_source_finds(
    host: Host, tmp_path: Path, form: str
) -> None:
    place, files = tmp_path / "copy", evidence()
    place = as_folder(place, files) if form == "folder" else as_image(place, files)
    code, by_exe, _ = host.sweep("offline", host.lab.to_windows(place))
    own_code, by_source = commanded(tmp_path / "reports", "offline", str(place))
    assert code == own_code == 1
    short = {name: why for name in SIGHTINGS if (why := shortcoming(by_exe, name))}
    assert short == {}
    assert [*map(told, by_exe.findings)] == [*map(told, by_source.findings)]
    assert {finding.id for finding in by_exe.findings} == {one.id for one in by_source.findings}
