"""A host that remembers the campaign in each of its memories once, and what a sweep says of each."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from agent.formats.user_assist import turned
from agent.model.observation import Claim
from agent.model.report import Evidence, Finding, Report, Strength

from .execution import TASKS, WER, error_report, task
from .files import dll
from .hive_files import nested
from .hives import hive
from .logged_events import (
    CALL,
    CYZFC,
    DLL_SHA1,
    audited_process,
    dns_query,
    script_blocks,
    sysmon_module,
    sysmon_process,
    sysmon_query,
)
from .logs import WHEN, event_log
from .prefetch import PlantedVolume, mam, prefetch
from .remembered_values import user_assist
from .windows_folder import every_windows, windows

LOGS = "C:\\Windows\\System32\\winevt\\Logs"
SYSMON = f"{LOGS}\\Microsoft-Windows-Sysmon%4Operational.evtx"
SECURITY = f"{LOGS}\\Security.evtx"
POWERSHELL = f"{LOGS}\\Microsoft-Windows-PowerShell%4Operational.evtx"
DNS_CLIENT = f"{LOGS}\\Microsoft-Windows-DNS-Client%4Operational.evtx"
PREFETCH = "C:\\Windows\\Prefetch\\RUNDLL32.EXE-2CC598BD.pf"
HOSTS = "C:\\Windows\\System32\\drivers\\etc\\hosts"
NTUSER = "C:\\Users\\jo\\NTUSER.DAT"
HISTORY = (
    "C:\\Users\\jo\\AppData\\Roaming\\Microsoft\\Windows\\PowerShell\\PSReadLine\\"
    "ConsoleHost_history.txt"
)
AMCACHE = "C:\\Windows\\AppCompat\\Programs\\Amcache.hve"
TASK = f"{TASKS}\\Updater"
CRASH = f"C:\\ProgramData\\{WER}"
USER_ASSIST = r"Explorer\UserAssist\{CEBFF5CD-ACE2-4F4F-9178-9926F41749EA}\Count"
INVENTORY = r"Root\InventoryApplicationFile\cyzfc.dat|1a2b"
VERSION = r"Software\Microsoft\Windows\CurrentVersion"
CRASHED = datetime(2018, 11, 14, 12, 0, 2, tzinfo=timezone.utc)
RAN = datetime(2018, 11, 14, 18, 4, 2, tzinfo=timezone.utc)
ON_VOLUME = r"\VOLUME{01d2bf5a6c6f6d20-c4b2bd1c}"


def evidence() -> dict[str, bytes]:
    """Everything that such a host remembers, in each of its memories once."""
    loaded = f"{ON_VOLUME}{CYZFC[2:].upper()}"
    ntdll, rundll32 = (
        f"{ON_VOLUME}\\WINDOWS\\SYSTEM32\\{n}" for n in ("NTDLL.DLL", "RUNDLL32.EXE")
    )
    return without_broken(
        {
            **every_windows(),
            CYZFC: dll(),
            SECURITY: event_log([audited_process()]),
            SYSMON: event_log([sysmon_process(), sysmon_module(), sysmon_query()]),
            POWERSHELL: event_log(script_blocks("rundll32 cyzfc.dat, PointFunctionCall")),
            DNS_CLIENT: event_log([dns_query()]),
            PREFETCH: mam(
                prefetch(
                    files=[ntdll, rundll32, loaded], runs=[RAN], volumes=[PlantedVolume(ON_VOLUME)]
                )
            ),
            NTUSER: hive(
                nested(
                    VERSION,
                    {
                        "Run": {"Updater": CALL},
                        **nested(USER_ASSIST, {turned(CYZFC): user_assist(2, RAN)}),
                    },
                )
            ),
            AMCACHE: hive(
                nested(INVENTORY, {"FileId": f"0000{DLL_SHA1}", "LowerCaseLongPath": CYZFC})
            ),
            TASK: task("rundll32.exe", f"{CYZFC}, PointFunctionCall"),
            CRASH: error_report(module=CYZFC),
            HOSTS: b"203.0.113.9 pandorasong.com\n",
            HISTORY: f"Get-Process\n{CALL}\n".encode(),
        }
    )


def without_broken(more: dict[str, bytes]) -> dict[str, bytes]:
    """The kit's host, whose own prefetch file is none."""
    return {path: data for path, data in windows(more).items() if not data.startswith(b"MAM of")}


SIGHTINGS: dict[str, tuple[str, Claim, str, str, datetime | None]] = {
    "Security 4688": ("event_logs", Claim.RAN, SECURITY, "CORP\\jo", WHEN),
    "Sysmon 1": ("event_logs", Claim.RAN, SYSMON, "CORP\\jo", WHEN),
    "Sysmon 7": ("event_logs", Claim.LOADED, SYSMON, "CORP\\jo", WHEN),
    "Sysmon 22": ("event_logs", Claim.RESOLVED, SYSMON, "CORP\\jo", WHEN),
    "DNS client 3008": ("event_logs", Claim.RESOLVED, DNS_CLIENT, "", WHEN),
    "PowerShell 4104": ("event_logs", Claim.RAN, POWERSHELL, "", WHEN),
    "prefetch": ("prefetch", Claim.RAN, PREFETCH, "", RAN),
    "Run key": ("registry", Claim.RAN, NTUSER, "jo", None),
    "UserAssist": ("registry", Claim.RAN, NTUSER, "jo", RAN),
    "Amcache": ("registry", Claim.WAS_THERE, AMCACHE, "", None),
    "task": ("scheduled_tasks", Claim.RAN, TASK, "", None),
    "error report": ("error_reports", Claim.LOADED, CRASH, "", CRASHED),
    "history": ("console_history", Claim.RAN, HISTORY, "jo", None),
    "hosts file": ("hosts_file", Claim.RESOLVED, HOSTS, "", None),
    "the file": ("files", Claim.EXISTS, "", "", None),
}


def shortcoming(report: Report, name: str) -> str:
    """What a report lacks of one of SIGHTINGS; "" if it says what, where, who and when.

    Paths are compared as Windows does, which spells its own folder in more than one way.
    """
    source, claim, path, user, when = SIGHTINGS[name]
    found = [
        (finding, one)
        for finding in report.findings
        for one in finding.evidence
        if (one.source, one.claim) == (source, claim) and one.strength is not Strength.WEAK
        and (not path or one.place.path.casefold() == path.casefold())
    ]  # fmt: skip
    if not found:
        return "not found, or weak"
    times = [moment.time for _, one in found for moment in one.moments]
    if when is not None and all(abs(time - when) >= timedelta(milliseconds=1) for time in times):
        return f"at {times}"
    users = {who for finding, one in found for who in _users(finding, one)}
    return f"of the users {sorted(users)}" if user and user not in users else ""


def _users(finding: Finding, one: Evidence) -> set[str]:
    process = one.process or finding.process
    told = (one.user, finding.user, process.user if process is not None else None)
    return {who.name for who in told if who is not None}


def what(one: Evidence) -> tuple[object, ...]:
    """A sighting without where it lies for whoever reads it."""
    place = "" if one.source == "files" else one.place.text
    return (
        one.source, one.seen, one.claim, one.indicator, one.strength, place,
        one.place.path if one.source != "files" else "", one.place.record, one.place.view,
        one.place.owner, tuple(one.moments) if one.source != "files" else (),
    )  # fmt: skip


def told(finding: Finding) -> tuple[object, ...]:
    """A finding as it is told of every form."""
    return (
        finding.strength, finding.score, finding.indicator.id, sorted(finding.reasons),
        finding.process, finding.dll, finding.dns, finding.registry, finding.event, finding.user,
        finding.file and (finding.file.path, finding.file.hash, finding.file.pe),
        sorted(map(repr, map(what, finding.evidence))),
    )  # fmt: skip
