"""Every finding of a report has an id of its own, and the same one in the next sweep."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agent.model.report import Finding, Report
from agent.sources.artefact_source import ArtefactSource
from agent.sources.logs.console_history import ConsoleHistory
from agent.sources.logs.event_logs import EventLogs
from agent.sources.registry.hives import Hives
from agent.targets import Target
from tests.evidence.hive_files import RUN, nested
from tests.evidence.hives import hive
from tests.evidence.logged_events import (
    CALL,
    CYZFC,
    WINDOWS_POWERSHELL,
    audited_process,
    engine_started,
    script_blocks,
    sysmon_process,
    sysmon_query,
)
from tests.evidence.logs import SECURITY, WHEN, LoggedEvent, event_log
from tests.evidence.sweeping import reported
from tests.evidence.windows_folder import FORMS, windows

LOGS = r"C:\Windows\System32\winevt\Logs"
SYSMON = rf"{LOGS}\Microsoft-Windows-Sysmon%4Operational.evtx"
CLASSIC = rf"{LOGS}\Windows PowerShell.evtx"
OPERATIONAL = rf"{LOGS}\Microsoft-Windows-PowerShell%4Operational.evtx"
HISTORY = (
    r"C:\Users\jo\AppData\Roaming\Microsoft\Windows\PowerShell\PSReadLine\ConsoleHost_history.txt"
)
PING = "ping pandorasong.com"
NO_GUID = "{00000000-0000-0000-0000-000000000000}"


def report_of(files: dict[str, bytes], place: Path, form: str = "folder") -> Report:
    place.mkdir(exist_ok=True)
    target: Target = FORMS[form](place / "c", windows(files))
    sources = [ArtefactSource(one) for one in (EventLogs(), Hives(), ConsoleHistory())]
    return reported(target, *sources)


def places(found: Iterable[Finding]) -> list[set[str]]:
    """What each finding was seen in: the file, and which record of it."""
    return [
        {f"{one.place.path.rpartition(chr(92))[2]} {one.place.record}" for one in finding.evidence}
        for finding in found
    ]


def run_keys() -> bytes:
    below = r"Microsoft\Windows\CurrentVersion\Run"
    tree = nested(below, {"Updater": CALL})["Microsoft"]
    return hive({"Software": {"Microsoft": tree, "WOW6432Node": {"Microsoft": tree}}})


def campaign_everywhere() -> dict[str, bytes]:
    return {
        CLASSIC: event_log(
            [
                engine_started(CALL, 600),
                engine_started(CALL, 400),
                engine_started(f"{CALL} again", 400),
                replace(engine_started(CALL, 400), process=77),
            ]
        ),
        OPERATIONAL: event_log(
            [*script_blocks(CALL), *script_blocks(PING), *script_blocks(f"{CALL} | Out-Null")]
        ),
        SYSMON: event_log([sysmon_process(), sysmon_query()]),
        rf"{LOGS}\Security.evtx": event_log(
            [audited_process(), LoggedEvent(source=SECURITY, id=4624, data=[("A", PING)])]
        ),
        rf"{LOGS}\Archive-Security.evtx": event_log(
            [LoggedEvent(source=SECURITY, id=4624, record=2, time=WHEN - timedelta(1), data=[("A", PING)])]
        ),
        r"C:\Users\jo\NTUSER.DAT": run_keys(),
        r"C:\Users\Ann\NTUSER.DAT": run_keys(),
        HISTORY: f"{CALL}\n{PING}\n{CALL}\n".encode(),
    }  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_no_two_findings_of_a_report_have_one_id(form: str, tmp_path: Path) -> None:
    ids = [one.id for one in report_of(campaign_everywhere(), tmp_path, form).findings]
    assert len(ids) == len(set(ids)) > 10


def test_a_second_sweep_and_every_form_give_the_same_ids(tmp_path: Path) -> None:
    swept = [report_of(campaign_everywhere(), tmp_path / form, form) for form in FORMS]
    again = report_of(campaign_everywhere(), tmp_path / "again")
    ids = {frozenset(one.id for one in report.findings) for report in (*swept, again)}
    assert len(ids) == 1


def test_more_evidence_of_other_things_changes_no_id(tmp_path: Path) -> None:
    one = report_of({OPERATIONAL: event_log(script_blocks(PING))}, tmp_path / "one")
    (before,) = one.findings
    more = report_of(campaign_everywhere(), tmp_path / "more")
    assert before.id in {found.id for found in more.findings}


def test_what_starts_by_two_keys_is_two_findings(tmp_path: Path) -> None:
    found = report_of({r"C:\Users\jo\NTUSER.DAT": run_keys()}, tmp_path).findings
    assert sorted(one.registry.path for one in found if one.registry) == [
        rf"HKU\jo\{RUN}",
        rf"HKU\jo\{RUN.replace('Microsoft', f'WOW6432Node{chr(92)}Microsoft', 1)}",
    ]


def test_a_command_typed_twice_is_one_finding_with_both_lines(tmp_path: Path) -> None:
    found = report_of({HISTORY: f"{PING}\nwhoami\n{PING}\n".encode()}, tmp_path).findings
    assert places(found) == [{"ConsoleHost_history.txt 1", "ConsoleHost_history.txt 3"}]


def test_a_process_that_two_logs_tell_of_is_one_finding(tmp_path: Path) -> None:
    logs = {
        SYSMON: event_log([sysmon_process(PING, WINDOWS_POWERSHELL)]),
        rf"{LOGS}\Security.evtx": event_log([audited_process(PING, WINDOWS_POWERSHELL)]),
    }
    found = report_of(logs, tmp_path).findings
    assert places(found) == [{"Microsoft-Windows-Sysmon%4Operational.evtx 1", "Security.evtx 1"}]


def test_processes_that_sysmon_does_not_know_are_not_one(tmp_path: Path) -> None:
    unknown = [
        replace(
            event,
            data=[
                (name, NO_GUID if name == "ProcessGuid" else value) for name, value in event.data
            ],
        )
        for event in (sysmon_query(results=""), sysmon_process(f"type {CYZFC}"))
    ]
    found = report_of({SYSMON: event_log(unknown)}, tmp_path).findings
    assert len(found) == 2


def test_records_of_a_log_that_was_numbered_anew_are_not_one(tmp_path: Path) -> None:
    old = LoggedEvent(source=SECURITY, id=4624, data=[("A", PING)])
    new = replace(old, time=WHEN + timedelta(days=1))
    logs = {rf"{LOGS}\Archive-Security.evtx": [old], rf"{LOGS}\Security.evtx": [new]}
    found = report_of({path: event_log(one) for path, one in logs.items()}, tmp_path).findings
    assert [one.first_seen for one in found] == [old.time, new.time]
