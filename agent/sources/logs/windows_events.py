"""Processes, commands and names as Windows and PowerShell log them.

Fields: "4688(S): A new process has been created"; about_Logging (Windows PowerShell) and the
manifest of Microsoft-Windows-PowerShell; the manifest of Microsoft-Windows-DNS-Client; "1102(S):
The audit log was cleared".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from ...formats.evtx import EventRecord
from ...model.objects import File, Parent, Process
from ...model.observation import Claim, moments
from ...spelling import base_name
from .told import MAX_COMMAND, Told, account, dns_of, logged_by, number_of, script_told, value_of

_SECURITY = "Microsoft-Windows-Security-Auditing"
_POWERSHELL = ("Microsoft-Windows-PowerShell", "PowerShellCore")
_DNS_CLIENT = "Microsoft-Windows-DNS-Client"
_EVENTLOG = "Microsoft-Windows-Eventlog"
_HOST_APPLICATION, _HOST_APPLICATION_4103 = "HostApplication=", "Host Application = "
_BEHIND_IT = re.compile(r"^[ \t]*EngineVersion=", re.MULTILINE)


def _process_audited(record: EventRecord) -> Told:
    path = value_of(record, "NewProcessName")
    of = "Target" if value_of(record, "TargetUserName") else "Subject"
    parent = value_of(record, "ParentProcessName")
    creator = number_of(value_of(record, "ProcessId"))
    process = Process(
        pid=number_of(value_of(record, "NewProcessId")),
        name=base_name(path),
        executable=path,
        command_line=value_of(record, "CommandLine")[:MAX_COMMAND],
        start=record.time,
        user=account(record, of),
    )
    if parent or creator is not None:
        process.parent = [Parent(pid=creator, name=base_name(parent), executable=parent)]
    return Told(
        claim=Claim.RAN, seen="event 4688", moments=moments(ran=record.time), process=process
    )


def _powershell_started(record: EventRecord) -> Told:
    """The classic log: one unnamed value holds ``HostApplication=`` and the whole command line,
    which may have several lines."""
    lines = (text.partition(_HOST_APPLICATION)[2] for _, text in record.data)
    rest = next(filter(None, lines), "")
    behind = _BEHIND_IT.search(rest)
    line = (rest if behind is None else rest[: behind.start()]).strip()
    return _ran_by_powershell(record, line, f"Windows PowerShell event {record.event}")


def _command_run(record: EventRecord) -> Told:
    """Its context is in the language of the system; where that is English, it has the command
    line."""
    lines = map(str.strip, record.value("ContextInfo").split("\n"))
    named = (line for line in lines if line.startswith(_HOST_APPLICATION_4103))
    line = next(named, "").removeprefix(_HOST_APPLICATION_4103).strip()
    return _ran_by_powershell(record, line, f"PowerShell event {record.event}")


def _ran_by_powershell(record: EventRecord, line: str, seen: str) -> Told:
    told = Told(claim=Claim.LOGGED, seen=seen, moments=moments(logged=record.time))
    if line:
        told.claim = Claim.RAN
        told.moments = moments(ran=record.time)
        told.process = Process(
            pid=record.process or None, command_line=line[:MAX_COMMAND], user=logged_by(record)
        )
    return told


def _script_block(record: EventRecord) -> Told:
    script = record.value("ScriptBlockText")
    told = script_told(script, record)
    if path := value_of(record, "Path"):
        told.file = File(path=path, name=base_name(path))
    number, total = record.value("MessageNumber"), record.value("MessageTotal")
    if total not in {"", "1"}:
        told.remarks = (f"part {number} of {total} of a script",)
    elif not record.problem:
        told.text = script
    return told


def _asked(record: EventRecord) -> Told:
    unanswered = record.event == 1014
    return Told(
        claim=Claim.RESOLVED,
        seen=f"DNS client event {record.event}",
        moments=moments(happened=record.time),
        dns=dns_of(record),
        remarks=("no server answered",) if unanswered else (),
    )


def _cleared(record: EventRecord) -> Told:
    return Told(
        seen=f"event {record.event}",
        moments=moments(happened=record.time),
        user=account(record, "Subject"),
        remarks=(f"the log {cleared_log(record)} was cleared",),
    )


def cleared_log(record: EventRecord) -> str:
    """The channel that was cleared, by event 1102 or 104; "" for another event."""
    if record.provider != _EVENTLOG or record.event not in {104, 1102}:
        return ""
    return value_of(record, "Channel") or record.channel


READERS: Mapping[tuple[str, int], Callable[[EventRecord], Told]] = {
    (_SECURITY, 4688): _process_audited,
    **{("PowerShell", number): _powershell_started for number in (400, 403, 600, 800)},
    **{(provider, number): _command_run for provider in _POWERSHELL for number in (4100, 4103)},
    **{(provider, 4104): _script_block for provider in _POWERSHELL},
    **{(_DNS_CLIENT, number): _asked for number in (1014, 3006, 3008, 3018, 3020)},
    (_EVENTLOG, 104): _cleared,
    (_EVENTLOG, 1102): _cleared,
}
