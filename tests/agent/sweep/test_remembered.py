"""What a clean verdict is worth, on hosts that remember differently: checked sentence by sentence."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from agent.matching.own_traces import Own
from agent.model.codec import decode, encode, unknown_fields
from agent.model.host_facts import HostFacts, LogMemory
from agent.model.recorders import LOGS, RECORDERS
from agent.model.remembered import Behaviour, MemoryGap, Recorded, Remembered
from agent.model.report import Coverage, CoveragePart, Reach, Report, State
from agent.output.console import render
from agent.output.recollection import line_of, recollection
from agent.sources.artefact import ArtefactSource
from agent.sources.catalog import NAMES
from agent.sources.execution.prefetch import PrefetchArtefact
from agent.sources.logs import kinds_of_events
from agent.sources.logs.event_logs import EventLogs
from agent.sources.past_files.change_journal import UsnJournalSource
from agent.sources.registry.hives import Hives
from agent.sources.registry.recording import AUDIT_CONNECTIONS, AUDIT_PROCESSES
from agent.sources.registry.recording import audit_policy as read_policy
from agent.sweep.remembered import remembered_of
from agent.targets.offline.folder import FolderTarget
from tests.evidence.hives import dirty, hive, log
from tests.evidence.hosts import disk
from tests.evidence.journals import change, with_journal
from tests.evidence.logged_events import audited_process, log_cleared, sysmon
from tests.evidence.logs import DNS_CLIENT_SYSTEM, LoggedEvent, event_log
from tests.evidence.memories import LOGS as FOLDER
from tests.evidence.memories import SECURITY, SYSMON
from tests.evidence.prefetch import mam, prefetch
from tests.evidence.reports import report
from tests.evidence.sweeping import reported
from tests.evidence.windows_folder import CONFIG, as_folder

NOW = datetime(2026, 11, 26, 9, tzinfo=timezone.utc)
SYSTEM_LOG = f"{FOLDER}\\System.evtx"
PREFETCH = "C:\\Windows\\Prefetch"


def day(day_of_month: int, month: int = 11) -> datetime:
    return datetime(2026, month, day_of_month, 9, tzinfo=timezone.utc)


INSTALLED = day(1, 1)


def system_hive(prefetcher: int | None = 3, product: str = "WinNT") -> bytes:
    memory: Any = {} if prefetcher is None else {"EnablePrefetcher": prefetcher}
    return hive(
        {
            "Select": {"Current": 1},
            "ControlSet001": {
                "Control": {
                    "Session Manager": {"Memory Management": {"PrefetchParameters": memory}},
                    "ProductOptions": {"ProductType": product},
                }
            },
        }
    )


def software_hive(*, lines: int = 1, installed: datetime = INSTALLED) -> bytes:
    audit: Any = {"Audit": {"ProcessCreationIncludeCmdLine_Enabled": lines}}
    current: Any = {"SystemRoot": "C:\\Windows", "InstallDate": int(installed.timestamp())}
    return hive(
        {
            "Microsoft": {
                "Windows NT": {"CurrentVersion": current},
                "Windows": {"CurrentVersion": {"Policies": {"System": audit}}},
            }
        }
    )


def ran(when: datetime, line: str = "notepad.exe a.txt") -> LoggedEvent:
    return audited_process(line, time=when)


def noise(when: datetime, record: int | None = None) -> LoggedEvent:
    """Something of the Security log that tells no deed."""
    return LoggedEvent(
        source=("Microsoft-Windows-Security-Auditing", "Security"), id=4624, time=when,
        record=record, data=[("TargetUserName", "jo")],
    )  # fmt: skip


def unanswered(when: datetime) -> LoggedEvent:
    return LoggedEvent(
        source=DNS_CLIENT_SYSTEM, id=1014, time=when, data=[("QueryName", "example.org")]
    )


def by_sysmon(number: int, when: datetime) -> LoggedEvent:
    more = {
        1: ("ParentCommandLine", "explorer.exe"),
        2: ("CreationUtcTime", "2026-11-01 09:00:00.000"),
        11: ("CreationUtcTime", "2026-11-01 09:00:00.000"),
        3: ("DestinationIp", "192.0.2.1"),
        22: ("QueryResults", "192.0.2.1;"),
    }[number]
    return structs_of(sysmon(number, more), when)


def structs_of(event: LoggedEvent, when: datetime) -> LoggedEvent:
    from dataclasses import replace

    return replace(event, time=when)


def ordinary() -> dict[str, bytes]:
    """A host that remembers a week and more."""
    return {
        f"{CONFIG}\\SYSTEM": system_hive(),
        f"{CONFIG}\\SOFTWARE": software_hive(),
        SECURITY: event_log([noise(day(2, 10)), ran(day(20)), ran(day(25)), noise(NOW)]),
        SYSTEM_LOG: event_log([unanswered(day(1, 9)), unanswered(NOW)]),
        f"{PREFETCH}\\NOTEPAD.EXE-11111111.pf": mam(prefetch(runs=[day(2, 9), day(1, 9)])),
        f"{PREFETCH}\\RUNDLL32.EXE-22222222.pf": mam(prefetch(runs=[day(25)])),
    }


def swept(tmp_path: Path, files: Mapping[str, bytes]) -> Report:
    target = FolderTarget(str(as_folder(tmp_path / "c", files)), own=Own())
    sources = [ArtefactSource(made()) for made in (EventLogs, PrefetchArtefact, Hives)]
    return reported(target, *sources)


def of(report: Report, part: str, behaviour: Behaviour | None = None) -> Remembered:
    found = [
        one for one in report.remembered if one.part == part and behaviour in (None, one.behaviour)
    ]
    return found[0]


def test_an_ordinary_host(tmp_path: Path) -> None:
    told = swept(tmp_path, ordinary())
    assert recollection(told.remembered) == (
        "A run would be in Prefetch since 2026-09-02 and in Security 4688 since 2026-11-20"
        " (before: not recorded); a loaded DLL would be only in Prefetch since 2026-09-02 (before:"
        " not recorded); a file that came and went may be in change journal, which is not known"
        " (usn_journal: was not asked); a download would be nowhere (Sysmon 15: Sysmon has no log"
        " here); a name look-up would be only in System 1014 since 2026-09-01 (before: not"
        " recorded); a connection may be in Security 5156, which is not known (none among 4"
        " records since 2026-10-02)."
    )
    assert "Remembered   A run would be in Prefetch since 2026-09-02" in render(told, width=200)


def test_prefetch_that_is_off(tmp_path: Path) -> None:
    files = ordinary() | {f"{CONFIG}\\SYSTEM": system_hive(0)}
    assert line_of(of(swept(tmp_path, files), "Prefetch")) == (
        "Prefetch: since 2026-09-02 09:00:00 UTC (at most 1,024 programs); gap from 2026-11-25"
        " 09:00:00 UTC to the sweep: Prefetch is switched off (EnablePrefetcher 0)"
    )


def test_prefetch_that_is_off_and_left_nothing(tmp_path: Path) -> None:
    files = {path: data for path, data in ordinary().items() if not path.endswith(".pf")}
    files[f"{CONFIG}\\SYSTEM"] = system_hive(2)
    assert line_of(of(swept(tmp_path, files), "Prefetch")) == (
        "Prefetch: not recorded (Prefetch is switched off (EnablePrefetcher 2))"
    )


def test_a_server_without_prefetch(tmp_path: Path) -> None:
    files = {path: data for path, data in ordinary().items() if not path.endswith(".pf")}
    files[f"{CONFIG}\\SYSTEM"] = system_hive(None, "ServerNT")
    assert line_of(of(swept(tmp_path, files), "Prefetch")) == (
        "Prefetch: not recorded (a server, where Prefetch is off by default; no prefetch file is"
        " there)"
    )


def test_a_log_that_was_cleared(tmp_path: Path) -> None:
    log = event_log([structs_of(log_cleared(), day(21)), ran(day(22)), noise(NOW)])
    assert line_of(of(swept(tmp_path, ordinary() | {SECURITY: log}), "Security 4688")) == (
        "Security 4688: since 2026-11-22 09:00:00 UTC; gap to 2026-11-21 09:00:00 UTC: the log was"
        " cleared"
    )


def test_sysmon_since_yesterday(tmp_path: Path) -> None:
    log = event_log([by_sysmon(1, day(25)), by_sysmon(22, day(25)), by_sysmon(22, NOW)])
    told = swept(tmp_path, ordinary() | {SYSMON: log})
    assert line_of(of(told, "Sysmon 22")) == "Sysmon 22: since 2026-11-25 09:00:00 UTC"
    assert line_of(of(told, "Sysmon 1")) == "Sysmon 1: since 2026-11-25 09:00:00 UTC"
    assert line_of(of(told, "Sysmon 3")) == (
        "Sysmon 3: not known (none among 3 records since 2026-11-25)"
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
        "Sysmon 22: since 2026-11-01 09:00:00 UTC; gap from 2026-11-10 09:00:00 UTC to the sweep:"
        " no record since"
    )


def test_events_4688_without_command_lines(tmp_path: Path) -> None:
    log = event_log([ran(day(20), ""), ran(day(25), "-"), noise(NOW)])
    assert line_of(of(swept(tmp_path, ordinary() | {SECURITY: log}), "Security 4688")) == (
        "Security 4688: not recorded (its events have no command lines)"
    )


def test_command_lines_that_are_off_now(tmp_path: Path) -> None:
    files = ordinary() | {f"{CONFIG}\\SOFTWARE": software_hive(lines=0)}
    assert line_of(of(swept(tmp_path, files), "Security 4688")) == (
        "Security 4688: since 2026-11-20 09:00:00 UTC (command lines are switched off now)"
    )


SINCE_WINDOWS_10 = (5, 12, 14, 3, 6, 6, 6, 4, 4)
"""Subcategories of each category."""


def audit_policy(processes: int, connections: int = 0) -> bytes:
    """The hive SECURITY (kazamiya.net, "PolAdtEv")."""
    values = [0] * sum(SINCE_WINDOWS_10)
    values[5 + 12 + 14 + 3], values[5 + 12 + 10] = processes, connections
    body = struct.pack(f"<{len(values)}H", *values)
    head = struct.pack("<HHII", 0x100, 0, len(SINCE_WINDOWS_10), 12 + len(body))
    data = head + body + struct.pack(f"<{len(SINCE_WINDOWS_10)}H", *SINCE_WINDOWS_10)
    return hive({"Policy": {"PolAdtEv": {"": data}}})


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


def test_a_clock_that_was_set_back(tmp_path: Path) -> None:
    log = event_log([ran(day(25)), ran(day(23))])
    assert line_of(of(swept(tmp_path, ordinary() | {SECURITY: log}), "Security 4688")) == (
        "Security 4688: since 2026-11-25 09:00:00 UTC; gap from 2026-11-23 09:00:00 UTC to"
        " 2026-11-25 09:00:00 UTC: the clock was set back"
    )


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


def test_a_fresh_install(tmp_path: Path) -> None:
    files = ordinary() | {f"{CONFIG}\\SOFTWARE": software_hive(installed=day(19))}
    assert line_of(of(swept(tmp_path, files), "Security 4688")) == (
        "Security 4688: since 2026-11-20 09:00:00 UTC (Windows was installed 2026-11-19)"
    )


def test_a_dirty_hive_says_what_its_log_says(tmp_path: Path) -> None:
    before, after = system_hive(3), system_hive(0)
    files = {path: data for path, data in ordinary().items() if not path.endswith(".pf")}
    files |= {
        f"{CONFIG}\\SYSTEM": dirty(before, 1),
        f"{CONFIG}\\SYSTEM.LOG1": log(before, after, 1),
    }
    assert line_of(of(swept(tmp_path, files), "Prefetch")) == (
        "Prefetch: not recorded (Prefetch is switched off (EnablePrefetcher 0))"
    )


def test_record_ids_that_are_missing(tmp_path: Path) -> None:
    log = event_log([ran(day(20)), noise(day(21), record=100), ran(day(25))])
    assert line_of(of(swept(tmp_path, ordinary() | {SECURITY: log}), "Security 4688")) == (
        "Security 4688: since 2026-11-20 09:00:00 UTC; gap from 2026-11-20 09:00:00 UTC to"
        " 2026-11-25 09:00:00 UTC: 98 records missing"
    )


def test_a_journal_of_two_hours(tmp_path: Path) -> None:
    records = change("a.txt", minutes=0) + change("b.txt", minutes=120)
    target, source = disk(tmp_path, with_journal(records.ljust(4096, b"\0"))), UsnJournalSource()
    told = [one for one in reported(target, source).remembered if one.source == "usn_journal"]
    assert [line_of(one).replace("disk.img", "C") for one in told] == [
        "change journal of C: since 2018-11-14 12:00:00 UTC"
    ]


def test_the_journal_of_each_volume_is_told() -> None:
    reaches = [Reach(oldest=NOW - timedelta(hours=hours), newest=NOW) for hours in (2, 30)]
    parts = [CoveragePart(name=f"{d}:", examined=9, reach=r) for d, r in zip("CD", reaches)]  # noqa: B905
    journal = Coverage(
        source="usn_journal", required=False, state=State.COMPLETE, examined=9, parts=parts
    )
    told = [one for one in remembered_of([journal], HostFacts()) if one.source == "usn_journal"]
    assert [*map(line_of, told)] == [
        "change journal of D: since 2026-11-25 03:00:00 UTC",
        "change journal of C: since 2026-11-26 07:00:00 UTC",
    ]


def test_a_journal_that_is_not_there_and_one_that_does_not_tell() -> None:
    none = Coverage(source="usn_journal", required=False, state=State.COMPLETE)
    some = structs.replace(none, examined=4)
    told = [
        next(one for one in remembered_of([journal], HostFacts()) if one.source == "usn_journal")
        for journal in (none, some)
    ]
    assert [*map(line_of, told)] == [
        "change journal: not recorded (no change journal was read)",
        "change journal: not known (how far back it goes is not known)",
    ]


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
        " UTC to 2026-11-11 09:00:00 UTC: 9 records missing; gap from 2026-11-11 09:00:00 UTC to"
        " 2026-11-12 09:00:00 UTC: 9 records missing; gap from 2026-11-12 09:00:00 UTC to"
        " 2026-11-13 09:00:00 UTC: 9 records missing"
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
