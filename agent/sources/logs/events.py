"""What each kind of event says: which objects, what of them, when, and of whom.

Only values that are in the record; a value of ``-`` is none. What an event proves is not decided
here. Fields: Microsoft, "Sysmon v15" and its manifest; "4688(S): A new process has been created";
about_Logging (Windows PowerShell) and the manifest of Microsoft-Windows-PowerShell; the manifest of
Microsoft-Windows-DNS-Client; "1102(S): The audit log was cleared".
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import datetime

from ...formats.evtx import EventRecord
from ...formats.zone_identifier import STREAM, read_zone
from ...model.objects import (
    Destination,
    Dll,
    Dns,
    Event,
    File,
    Hash,
    Objects,
    Parent,
    Pipe,
    Process,
    Url,
    User,
)
from ...model.observation import Claim, Moment, moments
from ...spelling import base_name

MAX_COMMAND = 32_767
"""Characters of a command line, as Windows bounds it; of a script, what is given of it."""

_SYSMON = "Microsoft-Windows-Sysmon"
_SECURITY = "Microsoft-Windows-Security-Auditing"
_POWERSHELL = ("Microsoft-Windows-PowerShell", "PowerShellCore")
_DNS_CLIENT = "Microsoft-Windows-DNS-Client"
_EVENTLOG = "Microsoft-Windows-Eventlog"
_HOST_APPLICATION, _HOST_APPLICATION_4103 = "HostApplication=", "Host Application = "
_BEHIND_IT = re.compile(r"^[ \t]*EngineVersion=", re.MULTILINE)
_CNAME = re.compile(r"type:\s*\d+\s+(\S+)")
_TYPES = {1: "A", 5: "CNAME", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV", 65: "HTTPS"}
_DIGITS = {"MD5": 32, "SHA1": 40, "SHA256": 64}


class Told(Objects, kw_only=True):
    """What one event says."""

    claim: Claim = Claim.LOGGED
    seen: str = ""
    moments: tuple[Moment, ...] = ()
    remarks: tuple[str, ...] = ()


def told_by(record: EventRecord) -> Told | None:
    """What a record says, if it is of a kind that is known here."""
    reader = _READERS.get((record.provider, record.event))
    if reader is None:
        return None
    told = reader(record)
    told.event = event_of(record)
    if told.user is None and _is_who_did_it(told, record):
        told.user = User(id=record.sid)
    return told


def _is_who_did_it(told: Told, record: EventRecord) -> bool:
    """Whether the account that logged it may be that of what is told: Sysmon's is its service's,
    and a process tells whose it was."""
    is_told = told.process is not None and told.process.user is not None
    return bool(record.sid) and record.provider != _SYSMON and not is_told


def event_of(record: EventRecord) -> Event:
    """The record itself."""
    return Event(
        channel=record.channel,
        id=record.event or None,
        record=record.id,
        provider=record.provider,
    )


def script_told(text: str, record: EventRecord) -> Told:
    """A script block, or a part of one, of event 4104."""
    return Told(
        claim=Claim.RAN,
        seen="PowerShell event 4104",
        moments=moments(ran=record.time),
        process=Process(pid=record.process, command_line=text[:MAX_COMMAND], user=_of(record)),
        event=event_of(record),
        user=_of(record),
    )


# ---- Sysmon -------------------------------------------------------------------------------------


def _process_created(record: EventRecord) -> Told:
    started = _utc(record, "UtcTime") or record.time
    process = _doer(record)
    process.command_line = _value(record, "CommandLine")[:MAX_COMMAND]
    process.start = started
    process.hash = _hashes(record)
    process.original_file_name = _value(record, "OriginalFileName")
    if parent := _value(record, "ParentImage"):
        process.parent = [
            Parent(
                pid=_number(_value(record, "ParentProcessId")),
                name=base_name(parent),
                executable=parent,
                command_line=_value(record, "ParentCommandLine")[:MAX_COMMAND],
            )
        ]
    return Told(
        claim=Claim.RAN, seen="Sysmon event 1", moments=moments(ran=started), process=process
    )


def _connected(record: EventRecord) -> Told:
    """Source and destination are those of the connection: of one that was accepted, the far end is
    its source."""
    far, near = "Destination", "Source"
    if record.value("Initiated").casefold() == "false":
        far, near = near, far
    local = _value(record, f"{near}Ip")
    port = _value(record, f"{near}Port")
    return Told(
        claim=Claim.CONNECTED,
        seen="Sysmon event 3",
        moments=moments(connected=_utc(record, "UtcTime") or record.time),
        process=_doer(record),
        destination=Destination(
            ip=_plain_address(_value(record, f"{far}Ip")),
            port=_number(_value(record, f"{far}Port")),
            domain=_value(record, f"{far}Hostname"),
            local=f"{local}:{port}" if local and port else local,
        ),
    )


def _module_loaded(record: EventRecord) -> Told:
    path = _value(record, "ImageLoaded")
    signed, signer = _value(record, "Signed").casefold(), _value(record, "Signature")
    status = _value(record, "SignatureStatus")
    remarks = {"true": (f"signed by {signer or 'an unknown signer'}: {status}",)}
    return Told(
        claim=Claim.LOADED,
        seen="Sysmon event 7",
        moments=moments(ran=_utc(record, "UtcTime") or record.time),
        process=_doer(record),
        dll=Dll(path=path, name=base_name(path), hash=_hashes(record)) if path else None,
        remarks=("not signed",) if signed == "false" else remarks.get(signed, ()),
    )


def _file_written(record: EventRecord) -> Told:
    when = _utc(record, "UtcTime") or record.time
    return Told(
        claim=Claim.WAS_THERE,
        seen=f"Sysmon event {record.event}",
        moments=moments(created=when),
        process=_doer(record),
        file=_file(record, created=_utc(record, "CreationUtcTime")),
    )


def _stream_written(record: EventRecord) -> Told:
    """A file's main stream or another one; of a Zone.Identifier, what it says of its file."""
    told = _file_written(record)
    if told.file is None:
        return told
    path, colon, stream = told.file.path.rpartition(":")
    if colon and len(path) > 1 and "\\" not in stream:
        told.file.path, told.file.name, told.file.stream = path, base_name(path), stream
    zone = read_zone(_value(record, "Contents").encode("utf-8", "surrogatepass"))
    if told.file.stream.casefold() == STREAM.casefold() and zone.urls:
        # The hash is that of the stream, which nobody looks for; the rest is about the file.
        told.file.stream, told.file.hash = "", None
        told.file.zone_url = list(zone.urls)
        told.url = Url(full=zone.urls[0])
        told.claim = Claim.DOWNLOADED
        told.moments = moments(downloaded=_utc(record, "UtcTime") or record.time)
    return told


def _file_deleted(record: EventRecord) -> Told:
    when = _utc(record, "UtcTime") or record.time
    return Told(
        claim=Claim.WAS_THERE,
        seen=f"Sysmon event {record.event}",
        moments=moments(deleted=when),
        process=_doer(record),
        file=_file(record),
        remarks=("deleted",),
    )


def _pipe(record: EventRecord) -> Told:
    name = _value(record, "PipeName").removeprefix("\\")
    return Told(
        claim=Claim.WAS_THERE,
        seen=f"Sysmon event {record.event}",
        moments=moments(happened=_utc(record, "UtcTime") or record.time),
        process=_doer(record),
        pipe=Pipe(name=name) if name else None,
    )


def _asked_by_process(record: EventRecord) -> Told:
    return Told(
        claim=Claim.RESOLVED,
        seen="Sysmon event 22",
        moments=moments(happened=_utc(record, "UtcTime") or record.time),
        process=_doer(record),
        dns=_dns(record),
    )


def _doer(record: EventRecord) -> Process:
    """The process that did it, as Sysmon names it in each of its events."""
    path = _value(record, "Image")
    return Process(
        pid=_number(_value(record, "ProcessId")),
        entity_id=_process_guid(record),
        name=base_name(path),
        executable=path,
        user=User(name=name) if (name := _value(record, "User")) else None,
    )


def _process_guid(record: EventRecord) -> str:
    """Zeros stand for every process that Sysmon does not know."""
    guid = _value(record, "ProcessGuid") or _value(record, "ProcessGUID")
    return guid if guid.strip("{}-0") else ""


def _file(record: EventRecord, created: datetime | None = None) -> File | None:
    path = _value(record, "TargetFilename")
    if not path:
        return None
    return File(path=path, name=base_name(path), created=created, hash=_hashes(record))


def _hashes(record: EventRecord) -> Hash | None:
    """``SHA1=…,MD5=…,SHA256=…,IMPHASH=…`` as the configuration asked for."""
    found: dict[str, str] = {}
    for part in (record.value("Hashes") or record.value("Hash")).split(","):
        kind, _, digits = part.strip().partition("=")
        if _DIGITS.get(kind.upper()) == len(digits) and digits.isalnum():
            found[kind.lower()] = digits.lower()
    return Hash(**found) if found else None


# ---- Windows ------------------------------------------------------------------------------------


def _process_audited(record: EventRecord) -> Told:
    path = _value(record, "NewProcessName")
    of = "Target" if _value(record, "TargetUserName") else "Subject"
    parent = _value(record, "ParentProcessName")
    creator = _number(_value(record, "ProcessId"))
    process = Process(
        pid=_number(_value(record, "NewProcessId")),
        name=base_name(path),
        executable=path,
        command_line=_value(record, "CommandLine")[:MAX_COMMAND],
        start=record.time,
        user=_account(record, of),
    )
    if parent or creator is not None:
        process.parent = [Parent(pid=creator, name=base_name(parent), executable=parent)]
    return Told(
        claim=Claim.RAN, seen="event 4688", moments=moments(ran=record.time), process=process
    )


def _account(record: EventRecord, prefix: str) -> User | None:
    name, domain = _value(record, f"{prefix}UserName"), _value(record, f"{prefix}DomainName")
    sid = _value(record, f"{prefix}UserSid")
    if not name and not sid:
        return None
    return User(name=f"{domain}\\{name}" if domain and name else name, id=sid)


def _of(record: EventRecord) -> User | None:
    return User(id=record.sid) if record.sid else None


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
    return _ran_by_powershell(record, line, "PowerShell event 4103")


def _ran_by_powershell(record: EventRecord, line: str, seen: str) -> Told:
    told = Told(claim=Claim.LOGGED, seen=seen, moments=moments(logged=record.time))
    if line:
        told.claim = Claim.RAN
        told.moments = moments(ran=record.time)
        told.process = Process(
            pid=record.process or None, command_line=line[:MAX_COMMAND], user=_of(record)
        )
    return told


def _script_block(record: EventRecord) -> Told:
    told = script_told(record.value("ScriptBlockText"), record)
    if path := _value(record, "Path"):
        told.file = File(path=path, name=base_name(path))
    number, total = record.value("MessageNumber"), record.value("MessageTotal")
    if total not in {"", "1"}:
        told.remarks = (f"part {number} of {total} of a script",)
    return told


def _asked(record: EventRecord) -> Told:
    unanswered = record.event == 1014
    return Told(
        claim=Claim.RESOLVED,
        seen=f"DNS client event {record.event}",
        moments=moments(happened=record.time),
        dns=_dns(record),
        remarks=("no server answered",) if unanswered else (),
    )


def _dns(record: EventRecord) -> Dns | None:
    name = _value(record, "QueryName")
    if not name:
        return None
    number = _number(_value(record, "QueryType"))
    answers: list[str] = []
    for part in _value(record, "QueryResults").split(";"):
        text = part.strip()
        alias = _CNAME.fullmatch(text)
        if text and text != "-":
            answers.append(alias[1] if alias else _plain_address(text))
    kind = "" if number is None else _TYPES.get(number, str(number))
    return Dns(question=name, type=kind, answers=answers)


def _cleared(record: EventRecord) -> Told:
    return Told(
        seen=f"event {record.event}",
        moments=moments(happened=record.time),
        user=_account(record, "Subject"),
        remarks=(f"the log {cleared_log(record)} was cleared",),
    )


def cleared_log(record: EventRecord) -> str:
    """The channel that was cleared, by event 1102 or 104; "" for another event."""
    if record.provider != _EVENTLOG or record.event not in {104, 1102}:
        return ""
    return _value(record, "Channel") or record.channel


# ---- Values -------------------------------------------------------------------------------------


def _value(record: EventRecord, name: str) -> str:
    found = record.value(name)
    return "" if found == "-" else found


def _number(text: str) -> int | None:
    """Decimal, or hexadecimal with ``0x``; at most 32 bits."""
    if len(text) > 18:
        return None
    try:
        number = int(text, 16) if text[:2].lower() == "0x" else int(text)
    except ValueError:
        return None
    return number if 0 <= number <= 0xFFFF_FFFF else None


def _utc(record: EventRecord, name: str) -> datetime | None:
    """``2017-12-26 13:10:29.134``, UTC."""
    try:
        return datetime.fromisoformat(f"{record.value(name)[:26]}+00:00")
    except ValueError:
        return None


def _plain_address(text: str) -> str:
    """``::ffff:95.216.59.92`` is that IPv4 address."""
    if not text.lower().startswith("::ffff:"):
        return text
    try:
        mapped = ipaddress.IPv6Address(text).ipv4_mapped
    except ValueError:
        return text
    return str(mapped) if mapped else text


_READERS: dict[tuple[str, int], Callable[[EventRecord], Told]] = {
    (_SYSMON, 1): _process_created,
    (_SYSMON, 3): _connected,
    (_SYSMON, 7): _module_loaded,
    (_SYSMON, 11): _file_written,
    (_SYSMON, 15): _stream_written,
    (_SYSMON, 17): _pipe,
    (_SYSMON, 18): _pipe,
    (_SYSMON, 22): _asked_by_process,
    (_SYSMON, 23): _file_deleted,
    (_SYSMON, 26): _file_deleted,
    (_SYSMON, 29): _file_written,
    (_SECURITY, 4688): _process_audited,
    **{("PowerShell", number): _powershell_started for number in (400, 403, 600)},
    **{(provider, 4103): _command_run for provider in _POWERSHELL},
    **{(provider, 4104): _script_block for provider in _POWERSHELL},
    **{(_DNS_CLIENT, number): _asked for number in (1014, 3006, 3008, 3018, 3020)},
    (_EVENTLOG, 104): _cleared,
    (_EVENTLOG, 1102): _cleared,
}
