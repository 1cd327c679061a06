"""What a clean verdict is worth, on hosts that remember differently: checked sentence by sentence."""

from __future__ import annotations

import struct
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from agent.matching.own_traces import Own
from agent.model.codec import decode, encode, unknown_fields
from agent.model.host_facts import HostFacts, LogMemory
from agent.model.recorders import LOGS, RECORDERS
from agent.model.remembered import Behaviour, MemoryGap, Recorded, Remembered
from agent.model.report import Coverage, State
from agent.output.console import render
from agent.output.recollection import line_of
from agent.sources.artefact_source import ArtefactSource
from agent.sources.catalog import NAMES
from agent.sources.logs import kinds_of_events
from agent.sources.registry.hives import Hives
from agent.sources.registry.recording import AUDIT_CONNECTIONS, AUDIT_PROCESSES
from agent.sources.registry.recording import audit_policy as read_policy
from agent.sweep.remembered import remembered_of
from agent.targets.offline.folder import FolderTarget
from tests.evidence.logs import LoggedEvent, event_log
from tests.evidence.memories import LOGS as FOLDER
from tests.evidence.memories import SECURITY, SYSMON
from tests.evidence.prefetch import mam, prefetch
from tests.evidence.remembering import (
    NOW,
    PREFETCH,
    SYSTEM_LOG,
    audit_policy,
    by_sysmon,
    day,
    noise,
    of,
    ordinary,
    ran,
    software_hive,
    swept,
    system_hive,
    unanswered,
    without_prefetch,
)
from tests.evidence.reports import report
from tests.evidence.sweeping import reported
from tests.evidence.windows_folder import CONFIG, as_folder


def test_prefetch_that_is_off_and_left_nothing(tmp_path: Path) -> None:
    files = without_prefetch()
    files[f"{CONFIG}\\SYSTEM"] = system_hive(2)
    assert line_of(of(swept(tmp_path, files), "Prefetch")) == (
        "Prefetch: not recorded (Prefetch is switched off by EnablePrefetcher 2)"
    )


def test_an_event_is_not_hidden_by_another_kind_that_has_the_same_field(tmp_path: Path) -> None:
    log = event_log([by_sysmon(2, day(24)), by_sysmon(11, day(25))])
    told = swept(tmp_path, ordinary() | {SYSMON: log})
    assert of(told, "Sysmon 11").since == day(25)
    assert of(told, "Sysmon 15").state is Recorded.UNKNOWN


def test_a_kind_of_event_that_a_long_log_lacks_is_not_recorded(tmp_path: Path) -> None:
    log = event_log([by_sysmon(1, day(24)) for _ in range(150)])
    told = swept(tmp_path, ordinary() | {SYSMON: log})
    assert line_of(of(told, "Sysmon 22")) == (
        "Sysmon 22: not recorded (none among 150 records since 2026-11-24)"
    )


def test_a_log_that_could_not_be_read_whole_lacks_nothing_for_sure() -> None:
    logs = Coverage(source="event_logs", required=True, state=State.PARTIAL, unread=1)
    half = LogMemory(name="security.evtx", is_whole=False, records=5000, oldest=day(1))
    facts = HostFacts(logs=[half], settings={"Process Creation": 0})
    told = remembered_of([logs], facts)
    assert [line_of(one) for one in told if one.part == "Security 4688"] == [
        "Security 4688: not known (the log could not be read whole)"
    ]


def test_a_sysmon_that_ended(tmp_path: Path) -> None:
    log = event_log([by_sysmon(22, day(1)), by_sysmon(22, day(10))])
    assert line_of(of(swept(tmp_path, ordinary() | {SYSMON: log}), "Sysmon 22")) == (
        "Sysmon 22: since 2026-11-01 09:00:00 UTC (as far as its rules go); gap from 2026-11-10 09:00:00 UTC to the sweep:"
        " no record since"
    )


def test_command_lines_that_are_off_now(tmp_path: Path) -> None:
    files = ordinary() | {f"{CONFIG}\\SOFTWARE": software_hive(lines=0)}
    assert line_of(of(swept(tmp_path, files), "Security 4688")) == (
        "Security 4688: since 2026-11-20 09:00:00 UTC (command lines are switched off now)"
    )


def test_processes_that_are_not_audited(tmp_path: Path) -> None:
    files = ordinary() | {
        SECURITY: event_log([noise(day(20)), noise(NOW)]),
        f"{CONFIG}\\SECURITY": audit_policy(2, 1),
    }
    told = swept(tmp_path, files)
    assert line_of(of(told, "Security 4688")) == (
        "Security 4688: not recorded (Process Creation is not audited)"
    )
    assert line_of(of(told, "Security 5156")) == (
        "Security 5156: not known (none among 2 records since 2026-11-20)"
    )


def test_processes_that_are_not_audited_any_more(tmp_path: Path) -> None:
    files = ordinary() | {f"{CONFIG}\\SECURITY": audit_policy(0)}
    assert line_of(of(swept(tmp_path, files), "Security 4688")) == (
        "Security 4688: since 2026-11-20 09:00:00 UTC (Process Creation is not audited now)"
    )
    files |= {f"{CONFIG}\\SECURITY": audit_policy(1)}
    assert of(swept(tmp_path / "on", files), "Security 4688").why == ""


@given(st.binary(max_size=400))
def test_any_audit_policy_is_read_or_is_none(data: bytes) -> None:
    assert set(read_policy(data)) <= {AUDIT_PROCESSES, AUDIT_CONNECTIONS}


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_an_audit_policy_that_claims_too_much_is_none(categories: int, end: int) -> None:
    data = struct.pack("<HHII", 0x100, 0, categories, end).ljust(200, b"\1")
    assert set(read_policy(data)) <= {AUDIT_PROCESSES, AUDIT_CONNECTIONS}


UNSET = [datetime(1601, 1, 1, 0, 5, tzinfo=timezone.utc), datetime(1980, 1, 4, tzinfo=timezone.utc)]


@pytest.mark.parametrize("unset", UNSET, ids=["1601", "1980"])
def test_no_memory_goes_back_to_a_clock_that_was_not_set(unset: datetime, tmp_path: Path) -> None:
    files = ordinary() | {
        SECURITY: event_log([ran(unset), ran(day(20))]),
        SYSTEM_LOG: event_log([unanswered(unset), unanswered(day(21))]),
        f"{PREFETCH}\\NOTEPAD.EXE-11111111.pf": mam(prefetch(runs=[unset])),
    }
    told = swept(tmp_path, files)
    assert [str(of(told, name).since)[:10] for name in ("Security 4688", "System 1014")] == [
        "2026-11-20",
        "2026-11-21",
    ]
    assert str(of(told, "Prefetch").since)[:10] == "2026-11-25"


def test_a_torn_hive_says_nothing_of_what_is_switched_off(tmp_path: Path) -> None:
    """That command lines are off is told by a value that is not there; here its key is not."""
    torn = bytearray(software_hive())
    torn[torn.index(b"Audit") - 76] = 0
    lines = ran(day(20))
    without = event_log([lines, noise(day(21))])
    for software, off in ((software_hive(lines=0), True), (bytes(torn), False)):
        files = ordinary() | {f"{CONFIG}\\SOFTWARE": software, SECURITY: without}
        why = of(swept(tmp_path / str(off), files), "Security 4688").why
        assert ("switched off" in why) is off


def test_what_was_not_asked_is_not_known(tmp_path: Path) -> None:
    target = FolderTarget(str(as_folder(tmp_path / "c", ordinary())), own=Own())
    told = reported(target, ArtefactSource(Hives()))
    assert {one.state for one in told.remembered} == {Recorded.UNKNOWN}


def test_a_log_that_cannot_be_read_is_not_one_that_is_not_there() -> None:
    logs = Coverage(source="event_logs", required=True, state=State.PARTIAL, unread=1)
    told = [one for one in remembered_of([logs], HostFacts()) if one.source == "event_logs"]
    assert {one.state for one in told} == {Recorded.UNKNOWN}


def test_the_oldest_of_many_chunks_is_found_wherever_it_lies_in_the_file(tmp_path: Path) -> None:
    from tests.evidence.logs import event_chunks, file_header

    old = event_chunks([*(noise(day(3), record=n) for n in range(1, 60)), ran(day(4))])
    new = event_chunks([structs_record(ran(day(20)), 500), noise(NOW)])
    log = file_header(len(old) + len(new), 502) + b"".join([*new, *old])
    told = of(swept(tmp_path, ordinary() | {SECURITY: log}), "Security 4688")
    assert told.since == day(4)


def structs_record(event: LoggedEvent, record: int) -> LoggedEvent:
    from dataclasses import replace

    return replace(event, record=record)


def test_no_more_chunks_are_parsed_than_the_bound_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.evidence.logs import event_chunks, file_header

    monkeypatch.setattr(kinds_of_events, "MAX_CHUNKS", 2)
    chunks = [
        event_chunks([structs_record(ran(day(10 + n), "" if n < 3 else "a.exe"), 10 * n + 1)])[0]
        for n in range(4)
    ]
    log = file_header(4, 32) + b"".join(chunks)
    assert line_of(of(swept(tmp_path, ordinary() | {SECURITY: log}), "Security 4688")) == (
        "Security 4688: not known (not before 2026-11-12, not seen); gap from 2026-11-10 09:00:00"
        " UTC to 2026-11-11 09:00:00 UTC: 9 records are missing; gap from 2026-11-11 09:00:00 UTC to"
        " 2026-11-12 09:00:00 UTC: 9 records are missing; gap from 2026-11-12 09:00:00 UTC to"
        " 2026-11-13 09:00:00 UTC: 9 records are missing; gap from 2026-11-13 09:00:00 UTC to the"
        " sweep: no record since"
    )


def test_a_text_that_only_mentions_the_mark_is_no_event(tmp_path: Path) -> None:
    talk = LoggedEvent(
        source=("Microsoft-Windows-Security-Auditing", "Security"), id=4624, time=day(1),
        data=[("TargetUserName", "NewProcessName")],
    )  # fmt: skip
    log = event_log([talk, ran(day(25)), noise(NOW)])
    told = of(swept(tmp_path, ordinary() | {SECURITY: log}), "Security 4688")
    assert told.since == day(25)


def test_an_archived_log_reaches_further_back(tmp_path: Path) -> None:
    name = f"{FOLDER}\\Archive-Security-2026-10-01-09-00-00-123.evtx"
    files = ordinary() | {name: event_log([ran(day(1, 8)), ran(day(1, 9))])}
    assert of(swept(tmp_path, files), "Security 4688").since == day(1, 8)


def test_another_windows_remembers_nothing_of_this_host(tmp_path: Path) -> None:
    other = SECURITY.replace("C:\\Windows", "C:\\Windows.old\\Windows")
    config = CONFIG.replace("C:\\Windows", "C:\\Windows.old\\Windows")
    files = ordinary() | {
        other: event_log([ran(day(1, 8))]),
        f"{config}\\SYSTEM": system_hive(0),
        f"{config}\\SOFTWARE": software_hive(lines=0),
    }
    told = swept(tmp_path, files)
    assert of(told, "Security 4688").since == day(20)
    assert of(told, "Security 4688").why == ""
    assert of(told, "Prefetch").gaps == []


def test_the_best_of_each_deed_comes_first(tmp_path: Path) -> None:
    told = swept(tmp_path, ordinary()).remembered
    assert [(one.part, one.state.value) for one in told if one.behaviour is Behaviour.RAN] == [
        ("Prefetch", "recorded"),
        ("Security 4688", "recorded"),
        ("Sysmon 1", "not_recorded"),
        ("PowerShell 4104", "not_recorded"),
        ("PowerShell 400", "not_recorded"),
        ("SRUM", "not_recorded"),
    ]


def test_the_table_names_sources_there_are_and_where_each_line_comes_from() -> None:
    assert {one.source for one in RECORDERS} <= set(NAMES)
    assert all(one.reference and one.absent for one in RECORDERS)
    assert len({(one.behaviour, one.name) for one in RECORDERS}) == len(RECORDERS)
    assert {one.behaviour for one in RECORDERS} == set(Behaviour)
    assert {log for log in LOGS if log != log.lower()} == set()


def test_a_report_says_from_and_to_and_is_known_again() -> None:
    gap = MemoryGap(start=day(1), end=day(2), why="cleared")
    one = Remembered(
        behaviour=Behaviour.RAN, state=Recorded.RECORDED, since=day(3), source="event_logs",
        part="Security 4688", gaps=[gap],
    )  # fmt: skip
    data = encode(structs.replace(report(), remembered=[one]))
    assert b'"from":"2026-11-01T09:00:00Z","to":"2026-11-02T09:00:00Z"' in data
    made = decode(data)
    assert made.remembered == [one]
    assert unknown_fields(data, made) == []


def test_a_report_of_an_earlier_version_remembers_nothing() -> None:
    assert report().remembered == []
    assert "Remembered" not in render(report())


def test_a_host_that_is_no_windows_is_not_asked(tmp_path: Path) -> None:
    class Linux(FolderTarget):
        platform = "linux"

    (tmp_path / "a.txt").write_text("a")
    assert reported(Linux(str(tmp_path), own=Own())).remembered == []
