"""Windows' services and guards: tasks, downloads in the background, the firewall, Defender, errors.

Fields: "5156(S): The Windows Filtering Platform has permitted a connection", "4663(S): An attempt
was made to access an object" and "4698(S): A scheduled task was created"; the manifests of
Microsoft-Windows-TaskScheduler, Bits-Client, CodeIntegrity and AppLocker; the reports of Windows
Error Reporting; "Review event logs and error codes to troubleshoot issues with Microsoft Defender
Antivirus". Those of tasks, BITS, Defender, CodeIntegrity and error reports were seen in real logs.

What a guard says of a thing it met is logged and no more: it may have been a download that it
stopped, or somebody's collection of samples.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from ...formats.evtx import EventRecord
from ...model.objects import Destination, Dll, File, Process, Registry, Service, Task, Url, User
from ...model.observation import Claim, moments
from ...spelling import base_name, plain_address
from .told import MAX_COMMAND, Told, account, number_of, value_of

_SECURITY = "Microsoft-Windows-Security-Auditing"
_TASKS = "Microsoft-Windows-TaskScheduler"
_BITS = "Microsoft-Windows-Bits-Client"
_DEFENDER = ("Microsoft-Windows-Windows Defender", "Microsoft Antimalware")
_COMMAND = re.compile(r"<Command>([^<]{1,32767})</Command>")
_ARGUMENTS = re.compile(r"<Arguments>([^<]{0,32767})</Arguments>")
_THREAT_PLACE = re.compile(r"([a-z]+):_([^;]+)")
"""One of those that Defender names, ``containerfile:_C:\\a.zip; file:_C:\\a.zip->(b.lnk)``."""
_INTO = "->"
_INBOUND = "%%14592"
_KIND, _FIRST = 2, 5
"""Of the values of an error report: what happened, and the first of its parameters."""
_ABOUT_A_MODULE = frozenset({"APPCRASH", "BEX", "BEX64"})
_DIGEST = re.compile(r"(?:0x)?([0-9A-Fa-f]{64})")


# ---- Security -----------------------------------------------------------------------------------


def _connection_permitted(record: EventRecord) -> Told:
    """The destination is the far end, whoever began: the source is the address of this host."""
    path = value_of(record, "Application")
    local, port = value_of(record, "SourceAddress"), value_of(record, "SourcePort")
    inbound = value_of(record, "Direction") == _INBOUND
    return Told(
        claim=Claim.CONNECTED,
        seen=f"event {record.event}",
        moments=moments(connected=record.time),
        process=Process(
            pid=number_of(value_of(record, "ProcessID")), name=base_name(path), executable=path
        ),
        destination=Destination(
            ip=plain_address(value_of(record, "DestAddress")),
            port=number_of(value_of(record, "DestPort")),
            local=f"{local}:{port}" if local and port else local,
        ),
        remarks=("inbound",) if inbound else (),
    )


def _object_accessed(record: EventRecord) -> Told:
    path, kind = value_of(record, "ObjectName"), value_of(record, "ObjectType")
    program = value_of(record, "ProcessName")
    told = Told(
        claim=Claim.WAS_THERE,
        seen=f"event {record.event}",
        moments=moments(accessed=record.time),
        process=Process(
            pid=number_of(value_of(record, "ProcessId")),
            name=base_name(program),
            executable=program,
            user=account(record, "Subject"),
        ),
    )
    if path and kind == "File":
        told.file = File(path=path, name=base_name(path))
    elif path and kind == "Key":
        told.registry = Registry(path=path)
    else:
        told.claim = Claim.LOGGED
    return told


def _task_audited(record: EventRecord) -> Told:
    """Created, enabled or updated; its command is in its XML."""
    xml = record.value("TaskContent") or record.value("TaskContentNew")
    parts = (found for one in (_COMMAND, _ARGUMENTS) for found in one.findall(xml)[:1])
    return _task_told(record, f"event {record.event}", _plain(" ".join(parts))[:MAX_COMMAND])


def _plain(xml: str) -> str:
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'")):
        xml = xml.replace(entity, character)
    return xml.replace("&amp;", "&")


def _service_installed(record: EventRecord) -> Told:
    """7045 of the Service Control Manager, 4697 of the audit."""
    started_by = value_of(record, "ImagePath") or value_of(record, "ServiceFileName")
    return Told(
        claim=Claim.WAS_THERE,
        seen=f"event {record.event}",
        moments=moments(created=record.time),
        service=Service(name=value_of(record, "ServiceName"), executable=started_by[:MAX_COMMAND]),
        user=account(record, "Subject"),
        remarks=("a service was installed",),
    )


# ---- Tasks --------------------------------------------------------------------------------------


def _task_registered(record: EventRecord) -> Told:
    told = _task_told(record, f"TaskScheduler event {record.event}", "")
    if name := value_of(record, "UserContext") or value_of(record, "UserName"):
        told.user = User(name=name)
    return told


def _task_told(record: EventRecord, seen: str, command: str) -> Told:
    return Told(
        claim=Claim.WAS_THERE,
        seen=seen,
        moments=moments(happened=record.time),
        task=Task(name=value_of(record, "TaskName"), command=command),
        user=account(record, "Subject"),
    )


def _task_started(record: EventRecord) -> Told:
    """129: the process of a task; 200: its action, which may be a class's name and no program."""
    path = value_of(record, "Path") or value_of(record, "ActionName")
    told = Told(
        claim=Claim.LOGGED,
        seen=f"TaskScheduler event {record.event}",
        moments=moments(ran=record.time),
        task=Task(name=value_of(record, "TaskName"), command=path[:MAX_COMMAND]),
    )
    if record.event == 129 or "\\" in path:
        told.claim = Claim.RAN
        told.process = Process(
            pid=number_of(value_of(record, "ProcessID")),
            name=base_name(path),
            executable=path,
            start=record.time if record.event == 129 else None,
        )
    return told


# ---- Downloads in the background ----------------------------------------------------------------


def _job_created(record: EventRecord) -> Told:
    """Its title is often the path that it downloads to."""
    path, title = value_of(record, "processPath"), value_of(record, "jobTitle")
    owner = value_of(record, "jobOwner")
    told = Told(
        claim=Claim.LOGGED,
        seen="BITS event 3",
        moments=moments(happened=record.time),
        user=User(name=owner) if owner else None,
        remarks=(f"the download {title!r} was ordered",) if title else (),
    )
    if path:
        told.process = Process(
            pid=number_of(value_of(record, "processId")), name=base_name(path), executable=path
        )
    return told


def _transfer(record: EventRecord) -> Told:
    """59: begun; 60: ended, well or not; 61: ended by an error."""
    url, ended_by = value_of(record, "url"), value_of(record, "hr")
    is_there = record.event == 60 and _is_success(ended_by)
    path = value_of(record, "name")
    when = {"downloaded" if is_there else "happened": record.time}
    told = Told(
        claim=Claim.DOWNLOADED if is_there else Claim.VISITED,
        seen=f"BITS event {record.event}",
        moments=moments(**when),
        url=Url(full=url) if url else None,
        remarks=() if is_there or record.event == 59 else (f"it failed: {ended_by}",),
    )
    if is_there and "\\" in path:
        told.file = File(path=path, name=base_name(path), zone_url=[url] if url else [])
    return told


def _is_success(result: str) -> bool:
    """An HRESULT, decimal or hexadecimal: its highest bit stands for a failure."""
    number = number_of(result)
    return number is not None and number < 0x8000_0000


# ---- Guards -------------------------------------------------------------------------------------


def _threat_met(record: EventRecord) -> Told:
    name, action = value_of(record, "Threat Name"), value_of(record, "Action Name")
    program = value_of(record, "Process Name")
    who = value_of(record, "Detection User") or value_of(record, "User")
    says = f"Defender calls it {name}" + (f", action: {action}" if action else "")
    return Told(
        seen=f"Defender event {record.event}",
        moments=moments(logged=record.time),
        file=_threats_file(value_of(record, "Path")),
        process=Process(name=base_name(program), executable=program) if "\\" in program else None,
        user=User(name=who) if who else None,
        remarks=(says,) if name else (),
    )


def _threats_file(text: str) -> File | None:
    """Of the places that it names the last file: a container stands before what is in it."""
    places = _THREAT_PLACE.findall(text)
    files = [place for kind, place in places if kind == "file"]
    for place in reversed(files or [place for kind, place in places if "file" in kind]):
        path, into, member = place.partition("|")[0].strip().partition(_INTO)
        if into:
            inner = member.strip("()")
            return File(path=inner, name=base_name(inner), member_of=path)
        return File(path=path, name=base_name(path))
    return None


def _settings_changed(record: EventRecord) -> Told:
    """Defender 5007: what an intruder excludes shows here."""
    old, new = value_of(record, "Old Value"), value_of(record, "New Value")
    path, _, data = (new or old).partition(" = ")
    return Told(
        seen=f"Defender event {record.event}",
        moments=moments(happened=record.time),
        registry=Registry(path=path, data=data) if path else None,
        remarks=("a setting of Defender was changed",),
    )


def _code_judged(record: EventRecord) -> Told:
    """CodeIntegrity: a file whose signature Windows did not find or did not accept."""
    path = value_of(record, "FileNameBuffer") or value_of(record, "File Name")
    program = value_of(record, "ProcessNameBuffer") or value_of(record, "Process Name")
    return Told(
        claim=Claim.WAS_THERE if path else Claim.LOGGED,
        seen=f"CodeIntegrity event {record.event}",
        moments=moments(happened=record.time),
        file=File(path=path, name=base_name(path)) if path else None,
        process=Process(name=base_name(program), executable=program) if program else None,
    )


def _rule_applied(record: EventRecord) -> Told:
    """AppLocker: allowed, audited or stopped, by its rules."""
    path = value_of(record, "FullFilePath") or value_of(record, "FilePath")
    digest = _DIGEST.fullmatch(value_of(record, "FileHash"))
    stopped = record.event in {8004, 8007}
    return Told(
        claim=Claim.WAS_THERE if path else Claim.LOGGED,
        seen=f"AppLocker event {record.event}",
        moments=moments(happened=record.time),
        file=File(path=path, name=base_name(path)) if path else None,
        user=User(id=sid) if (sid := value_of(record, "TargetUser")) else None,
        remarks=(
            *(("stopped by AppLocker",) if stopped else ()),
            *((f"Authenticode SHA-256 {digest[1].lower()}",) if digest else ()),
        ),
    )


# ---- Errors -------------------------------------------------------------------------------------


def _program_failed(record: EventRecord) -> Told:
    """Application Error 1000: the program and the module in which it failed, by name or path."""
    values = [value for _, value in record.data]
    program, module = (_at(values, place) for place in (10, 11))
    return _failed(record, "Application Error", program or _at(values, 0), module or _at(values, 3))


def _error_reported(record: EventRecord) -> Told:
    """Windows Error Reporting 1001: names without paths, of the kinds that are about a module."""
    values = [value for _, value in record.data]
    if _at(values, _KIND) not in _ABOUT_A_MODULE:
        return Told(seen="Windows Error Reporting event 1001", moments=moments(logged=record.time))
    program, module = _at(values, _FIRST), _at(values, _FIRST + 3)
    return _failed(record, "Windows Error Reporting", program, module)


def _failed(record: EventRecord, provider: str, program: str, module: str) -> Told:
    told = Told(
        claim=Claim.RAN,
        seen=f"{provider} event {record.event}",
        moments=moments(happened=record.time),
        process=Process(name=base_name(program), executable=program) if program else None,
        remarks=("it failed",),
    )
    if module and base_name(module) != base_name(program):
        told.claim = Claim.LOADED
        told.dll = Dll(path=module, name=base_name(module))
        told.remarks = ("the program failed in this module",)
    return told


def _at(values: Sequence[str], place: int) -> str:
    return values[place] if place < len(values) else ""


READERS: Mapping[tuple[str, int], Callable[[EventRecord], Told]] = {
    (_SECURITY, 5156): _connection_permitted,
    **{(_SECURITY, number): _object_accessed for number in (4656, 4663)},
    (_SECURITY, 4697): _service_installed,
    **{(_SECURITY, number): _task_audited for number in (4698, 4700, 4702)},
    ("Service Control Manager", 7045): _service_installed,
    **{(_TASKS, number): _task_registered for number in (106, 140, 141)},
    **{(_TASKS, number): _task_started for number in (129, 200)},
    (_BITS, 3): _job_created,
    **{(_BITS, number): _transfer for number in (59, 60, 61)},
    **{
        (provider, number): _threat_met
        for provider in _DEFENDER
        for number in (1006, 1007, 1008, 1009, 1015, 1116, 1117, 1118, 1119)
    },
    **{(provider, 5007): _settings_changed for provider in _DEFENDER},
    **{
        ("Microsoft-Windows-CodeIntegrity", number): _code_judged
        for number in (3001, 3002, 3003, 3004, 3023, 3033, 3063, 3065, 3066, 3076, 3077)
    },
    ("Application Error", 1000): _program_failed,
    ("Windows Error Reporting", 1001): _error_reported,
    **{("Microsoft-Windows-AppLocker", number): _rule_applied for number in range(8002, 8008)},
}
