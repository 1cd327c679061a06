"""How a log is kept tells what it will not remember: full and kept, switched off, put aside."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from agent.model.host_facts import HostFacts, LogMemory
from agent.model.recorders import RECORDERS, channel_of
from agent.model.remembered import MAX_GAPS
from agent.model.report import Report
from agent.output.recollection import line_of
from agent.sources.logs.event_logs import EventLogs
from agent.sources.registry.hives import Hives
from agent.sweep.memory_gaps import gaps_of_log
from tests.evidence.hives import hive
from tests.evidence.logged_events import dns_query, script_blocks
from tests.evidence.logs import event_chunks, event_log, file_header
from tests.evidence.memories import DNS_CLIENT, LOGS, POWERSHELL, SECURITY
from tests.evidence.remembering import (
    NOW,
    at,
    day,
    noise,
    of,
    ordinary,
    ran,
    software_hive,
    swept,
    system_hive,
)
from tests.evidence.windows_folder import CONFIG

Spans = list[tuple[datetime | None, datetime | None]]
Missing = list[tuple[int, datetime | None, datetime | None]]
NEVER = 0xFFFF_FFFF
FULL = (
    "Security 4688: since 2026-11-20 09:00:00 UTC; gap from 2026-11-26 09:00:00 UTC to the sweep:"
)
FULL += " the log is full, and set to keep what is in it"
GOES_ON = "Security 4688: since 2026-11-20 09:00:00 UTC"


def logs_of(place: Path, files: Mapping[str, bytes]) -> Report:
    return swept(place, files, EventLogs, Hives)


def security(place: Path, classic: dict[str, Any], policy: dict[str, Any] | None = None) -> str:
    """What is told of 4688 on the ordinary host, whose log has one chunk."""
    files = ordinary() | {
        f"{CONFIG}\\SYSTEM": system_hive(logs={"Security": classic}),
        f"{CONFIG}\\SOFTWARE": software_hive(policies={"EventLog": {"Security": policy or {}}}),
    }
    return line_of(of(logs_of(place, files), "Security 4688"))


@pytest.mark.parametrize(
    ("classic", "policy", "told"),
    [
        ({"MaxSize": 69_632, "Retention": NEVER}, {}, FULL),
        ({"MaxSize": 69_632, "Retention": 604_800}, {}, FULL),
        ({"MaxSize": 69_632, "Retention": 0}, {}, GOES_ON),
        ({"MaxSize": 20 << 20, "Retention": NEVER}, {}, GOES_ON),
        ({"MaxSize": 69_632, "Retention": NEVER, "AutoBackupLogFiles": 1}, {}, GOES_ON),
        ({"MaxSize": 69_632, "Retention": 0}, {"Retention": "1"}, FULL),
        ({"MaxSize": 69_632, "Retention": NEVER}, {"Retention": "0"}, GOES_ON),
        ({"Retention": NEVER}, {"MaxSize": 68}, FULL),
        ({"MaxSize": 69_632, "Retention": NEVER}, {"AutoBackupLogFiles": "1"}, GOES_ON),
        ({"MaxSize": 69_632, "Retention": "many"}, {}, GOES_ON),
        ({"MaxSize": 0, "Retention": NEVER}, {}, GOES_ON),
    ],
)
def test_a_log_that_is_full_and_kept_remembers_nothing_new(
    classic: dict[str, Any], policy: dict[str, Any], told: str, tmp_path: Path
) -> None:
    assert security(tmp_path, classic, policy) == told


def test_a_log_whose_header_says_that_it_is_full_is(tmp_path: Path) -> None:
    chunks = event_chunks([ran(day(20)), noise(NOW)])
    head = bytearray(file_header(len(chunks), 3))
    struct.pack_into("<II", head, 120, 2, zlib.crc32(head[:120]))
    files = ordinary() | {
        SECURITY: bytes(head) + b"".join(chunks),
        f"{CONFIG}\\SYSTEM": system_hive(logs={"Security": {"Retention": NEVER}}),
    }
    assert line_of(of(logs_of(tmp_path, files), "Security 4688")) == FULL


def test_an_archived_log_is_full_and_ends_nothing(tmp_path: Path) -> None:
    old = f"{LOGS}\\Archive-Security-2026-10-01-09-00-00-123.evtx"
    files = {
        old: event_log([ran(day(1, 8)), ran(day(1, 9))]),
        f"{CONFIG}\\SYSTEM": system_hive(logs={"Security": {"Retention": 1, "MaxSize": 69_632}}),
        SECURITY: file_header(0),
    }
    told = of(logs_of(tmp_path, ordinary() | files), "Security 4688")
    assert (told.since, [gap.why for gap in told.gaps]) == (day(1, 8), ["no record since"])


def test_what_is_set_of_a_control_set_that_is_not_in_use_is_nothing(tmp_path: Path) -> None:
    kept: Any = {"EventLog": {"Security": {"MaxSize": 69_632, "Retention": NEVER}}}
    sets: Any = {"Select": {"Current": 2}, "ControlSet001": {"Services": kept}}
    files = ordinary() | {f"{CONFIG}\\SYSTEM": hive({**sets, "ControlSet002": {}})}
    assert line_of(of(logs_of(tmp_path, files), "Security 4688")) == GOES_ON


def test_another_windows_says_nothing_of_these_logs(tmp_path: Path) -> None:
    config = CONFIG.replace("C:\\Windows", "C:\\Windows.old\\Windows")
    logs = {"Security": {"MaxSize": 69_632, "Retention": NEVER}}
    files = ordinary() | {
        f"{config}\\SYSTEM": system_hive(logs=logs),
        f"{config}\\SOFTWARE": software_hive(),
    }
    assert line_of(of(logs_of(tmp_path, files), "Security 4688")) == GOES_ON


def dns_client(*, enabled: int) -> bytes:
    return software_hive(
        channels={"Microsoft-Windows-DNS-Client/Operational": {"Enabled": enabled}}
    )


def test_a_log_that_is_switched_off_records_nothing_more(tmp_path: Path) -> None:
    logged = {DNS_CLIENT: event_log([at(dns_query(), day(20)), at(dns_query(), day(24))])}
    off, on = ({f"{CONFIG}\\SOFTWARE": dns_client(enabled=enabled)} for enabled in (0, 1))

    def told(name: str, files: dict[str, bytes]) -> str:
        return line_of(of(logs_of(tmp_path / name, ordinary() | files), "DNS client 3008"))

    since = "DNS client 3008: since 2026-11-20 09:00:00 UTC"
    assert told("off", logged | off) == (
        f"{since}; gap from 2026-11-24 09:00:00 UTC to the sweep: its log is switched off"
    )
    assert told("on", logged | on) == since
    assert told("none", off) == "DNS client 3008: not recorded (its log is switched off)"


def test_a_disabled_event_log_service_records_nothing_more(tmp_path: Path) -> None:
    off = {f"{CONFIG}\\SYSTEM": system_hive(logs={"Start": 4})}
    on = {f"{CONFIG}\\SYSTEM": system_hive(logs={"Start": 2})}
    told = logs_of(tmp_path / "off", ordinary() | off)
    assert line_of(of(told, "Security 4688")) == (
        f"{GOES_ON}; gap from 2026-11-26 09:00:00 UTC to the sweep: the event log service is"
        " disabled"
    )
    assert of(told, "Sysmon 1").why == "the event log service is disabled"
    assert line_of(of(logs_of(tmp_path / "on", ordinary() | on), "Security 4688")) == GOES_ON


def test_an_empty_log_is_not_one_that_is_not_there(tmp_path: Path) -> None:
    report = logs_of(tmp_path, ordinary() | {SECURITY: file_header(0)})
    assert line_of(of(report, "Security 4688")) == "Security 4688: not recorded (its log is empty)"


def test_scripts_are_sure_to_be_logged_only_where_that_is_switched_on(tmp_path: Path) -> None:
    events = [at(event, day(20)) for event in script_blocks("Get-Date")]
    logged = ordinary() | {POWERSHELL: event_log(events)}
    policy = {"PowerShell": {"ScriptBlockLogging": {"EnableScriptBlockLogging": 1}}}
    on = logged | {f"{CONFIG}\\SOFTWARE": software_hive(policies=policy)}
    assert line_of(of(logs_of(tmp_path / "on", on), "PowerShell 4104")) == (
        "PowerShell 4104, scripts of PowerShell: since 2026-11-20 09:00:00 UTC"
    )
    assert line_of(of(logs_of(tmp_path / "off", logged), "PowerShell 4104")) == (
        "PowerShell 4104, scripts of PowerShell: not known (script block logging is off, and only"
        " scripts that look suspicious are logged)"
    )


def test_channels_have_the_names_that_windows_gives_them() -> None:
    assert {channel_of(one.log) for one in RECORDERS if one.log} == {
        "microsoft-windows-sysmon/operational",
        "microsoft-windows-dns-client/operational",
        "microsoft-windows-powershell/operational",
        "windows powershell",
        "security",
        "system",
    }


def test_more_gaps_than_are_told_are_one() -> None:
    audited = next(one for one in RECORDERS if one.name == "Security 4688")
    missing: Missing = [(1, day(1), day(2))] * MAX_GAPS
    missing.append((5, day(3), day(4)))
    log = LogMemory(name="security.evtx", records=9, missing=missing)
    gaps = gaps_of_log(audited, [log], HostFacts(logs=[log]), None)
    assert len(gaps) == MAX_GAPS
    assert (gaps[-1].start, gaps[-1].end, gaps[-1].why) == (day(1), day(4), "2 more gaps")


def test_a_gap_before_all_that_is_remembered_is_none() -> None:
    audited = next(one for one in RECORDERS if one.name == "Security 4688")
    spans: Spans = [(day(3), day(4)), (day(11), day(12))]
    log = LogMemory(name="security.evtx", setbacks=spans, missing=[(5, day(1), day(2))])
    gaps = gaps_of_log(audited, [log], HostFacts(logs=[log]), day(10))
    assert [(gap.start, gap.end) for gap in gaps] == [(day(11), day(12))]


def test_set_backs_of_the_log_and_of_system_are_told_once() -> None:
    audited = next(one for one in RECORDERS if one.name == "Security 4688")
    own = LogMemory(name="security.evtx", setbacks=[(day(11), day(13))])
    system = LogMemory(name="system.evtx", setbacks=[(day(12), day(14)), (day(20), day(21))])
    other = LogMemory(name="x.evtx", setbacks=[(day(1), day(9))])
    gaps = gaps_of_log(audited, [own], HostFacts(logs=[own, system, other]), None)
    assert [(gap.start, gap.end) for gap in gaps] == [(day(11), day(14)), (day(20), day(21))]
