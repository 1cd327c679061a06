"""Hosts that remember differently: the evidence from which it is told since when."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from agent.matching.own_traces import Own
from agent.model.remembered import Behaviour, Remembered
from agent.model.report import Report
from agent.sources.artefact import Artefact
from agent.sources.artefact_source import ArtefactSource
from agent.sources.execution.prefetch import PrefetchArtefact
from agent.sources.execution.srum import Srum
from agent.sources.logs.event_logs import EventLogs
from agent.sources.network.browsers import Browsers
from agent.sources.network.firewall_log import FirewallLog
from agent.sources.past_files.change_journal import UsnJournalSource
from agent.sources.registry.hives import Hives
from agent.targets import Target
from agent.targets.offline.folder import FolderTarget

from .databases import HISTORY, chromium_page, database
from .hives import hive
from .logged_events import audited_process, sysmon
from .logs import DNS_CLIENT_SYSTEM, LoggedEvent, event_log
from .memories import LOGS, SECURITY
from .prefetch import mam, prefetch
from .sweeping import reported
from .windows_folder import CONFIG, as_folder

NOW = datetime(2026, 11, 26, 9, tzinfo=timezone.utc)
SYSTEM_LOG = f"{LOGS}\\System.evtx"
PREFETCH = "C:\\Windows\\Prefetch"
CHROME = "C:\\Users\\jo\\AppData\\Local\\Google\\Chrome\\User Data\\Default\\History"
ARTEFACTS: Sequence[type[Artefact]] = (
    EventLogs, PrefetchArtefact, Hives, Browsers, Srum, FirewallLog
)  # fmt: skip
SINCE_WINDOWS_10 = (5, 12, 14, 3, 6, 6, 6, 4, 4)
"""Subcategories of each category of the audit policy."""


def day(day_of_month: int, month: int = 11) -> datetime:
    """At nine in the morning."""
    return datetime(2026, month, day_of_month, 9, tzinfo=timezone.utc)


INSTALLED = day(1, 1)


def system_hive(
    prefetcher: int | None = 3, product: str = "WinNT", logs: Mapping[str, Any] | None = None
) -> bytes:
    """``logs``: what is set of classic logs, by their names."""
    memory: Any = {} if prefetcher is None else {"EnablePrefetcher": prefetcher}
    return hive(
        {
            "Select": {"Current": 1},
            "ControlSet001": {
                "Control": {
                    "Session Manager": {"Memory Management": {"PrefetchParameters": memory}},
                    "ProductOptions": {"ProductType": product},
                },
                "Services": {"EventLog": dict(logs or {})},
            },
        }
    )


def software_hive(
    *,
    lines: int = 1,
    installed: datetime = INSTALLED,
    channels: Mapping[str, Any] | None = None,
    policies: Mapping[str, Any] | None = None,
) -> bytes:
    """``channels``: what is set of logs, by their channels; ``policies``: below
    ``Policies\\Microsoft\\Windows``."""
    audit: Any = {"Audit": {"ProcessCreationIncludeCmdLine_Enabled": lines}}
    current: Any = {"SystemRoot": "C:\\Windows", "InstallDate": int(installed.timestamp())}
    return hive(
        {
            "Microsoft": {
                "Windows NT": {"CurrentVersion": current},
                "Windows": {
                    "CurrentVersion": {
                        "Policies": {"System": audit},
                        "WINEVT": {"Channels": dict(channels or {})},
                    }
                },
            },
            "Policies": {"Microsoft": {"Windows": dict(policies or {})}},
        }
    )


def audit_policy(processes: int, connections: int = 0) -> bytes:
    """The hive SECURITY (kazamiya.net, "PolAdtEv")."""
    values = [0] * sum(SINCE_WINDOWS_10)
    values[5 + 12 + 14 + 3], values[5 + 12 + 10] = processes, connections
    body = struct.pack(f"<{len(values)}H", *values)
    head = struct.pack("<HHII", 0x100, 0, len(SINCE_WINDOWS_10), 12 + len(body))
    data = head + body + struct.pack(f"<{len(SINCE_WINDOWS_10)}H", *SINCE_WINDOWS_10)
    return hive({"Policy": {"PolAdtEv": {"": data}}})


def ran(when: datetime, line: str = "notepad.exe a.txt") -> LoggedEvent:
    """Security 4688."""
    return audited_process(line, time=when)


def noise(when: datetime, record: int | None = None) -> LoggedEvent:
    """Something of the Security log that tells no deed."""
    return LoggedEvent(
        source=("Microsoft-Windows-Security-Auditing", "Security"), id=4624, time=when,
        record=record, data=[("TargetUserName", "jo")],
    )  # fmt: skip


def unanswered(when: datetime, record: int | None = None) -> LoggedEvent:
    """System 1014."""
    return LoggedEvent(
        source=DNS_CLIENT_SYSTEM, id=1014, time=when, data=[("QueryName", "example.org")],
        record=record,
    )  # fmt: skip


def clock_set(old: datetime, new: datetime) -> LoggedEvent:
    """System 1 of Kernel-General."""
    times = [("NewTime", f"{new:%Y-%m-%dT%H:%M:%SZ}"), ("OldTime", f"{old:%Y-%m-%dT%H:%M:%SZ}")]
    return LoggedEvent(
        source=("Microsoft-Windows-Kernel-General", "System"), id=1, time=new, data=times
    )


def by_sysmon(number: int, when: datetime) -> LoggedEvent:
    """An event of Sysmon by which it is known."""
    more = {
        1: ("ParentCommandLine", "explorer.exe"),
        2: ("CreationUtcTime", "2026-11-01 09:00:00.000"),
        11: ("CreationUtcTime", "2026-11-01 09:00:00.000"),
        3: ("DestinationIp", "192.0.2.1"),
        22: ("QueryResults", "192.0.2.1;"),
    }[number]
    return at(sysmon(number, more), when)


def at(event: LoggedEvent, when: datetime) -> LoggedEvent:
    """The same at another time."""
    return replace(event, time=when)


def visits(*times: datetime) -> bytes:
    """A history of Chrome."""
    began = datetime(1601, 1, 1, tzinfo=timezone.utc)
    stored = [(time - began) // timedelta(microseconds=1) for time in times]
    return database(*HISTORY, *chromium_page(1, "https://example.org/", *stored))


def ordinary() -> dict[str, bytes]:
    """A host that remembers a week and more."""
    return {
        f"{CONFIG}\\SYSTEM": system_hive(),
        f"{CONFIG}\\SOFTWARE": software_hive(),
        SECURITY: event_log([noise(day(2, 10)), ran(day(20)), ran(day(25)), noise(NOW)]),
        SYSTEM_LOG: event_log([unanswered(day(1, 9)), unanswered(NOW)]),
        f"{PREFETCH}\\NOTEPAD.EXE-11111111.pf": mam(prefetch(runs=[day(2, 9), day(1, 9)])),
        f"{PREFETCH}\\RUNDLL32.EXE-22222222.pf": mam(prefetch(runs=[day(25)])),
        CHROME: visits(day(28, 8), day(25)),
    }


def another_windows() -> dict[str, bytes]:
    """What a host has beside its own after an upgrade."""
    config = CONFIG.replace("C:\\Windows", "C:\\Windows.old\\Windows")
    return {f"{config}\\SYSTEM": system_hive(), f"{config}\\SOFTWARE": software_hive()}


def without_prefetch() -> dict[str, bytes]:
    """Such a host of which no prefetch file is there."""
    return {path: data for path, data in ordinary().items() if not path.endswith(".pf")}


def asked(target: Target) -> Report:
    """By all sources that tell since when."""
    return reported(target, *(ArtefactSource(made()) for made in ARTEFACTS), UsnJournalSource())


def swept(place: Path, files: Mapping[str, bytes], *artefacts: type[Artefact]) -> Report:
    """A host with these files, in a folder; by these artefacts alone, if some are given."""
    target = FolderTarget(str(as_folder(place / "c", files)), own=Own())
    if artefacts:
        return reported(target, *(ArtefactSource(made()) for made in artefacts))
    return asked(target)


def of(report: Report, part: str, behaviour: Behaviour | None = None) -> Remembered:
    """What is told of one memory, of one deed or of the first."""
    return next(
        one for one in report.remembered if one.part == part and behaviour in (None, one.behaviour)
    )
