"""The events of Sysmon; source: "Sysmon v15" and its manifest."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from ...formats.evtx import EventRecord
from ...formats.zone_identifier import STREAM, read_zone
from ...model.objects import Destination, Dll, File, Hash, Parent, Pipe, Process, Url, User
from ...model.observation import Claim, moments
from ...spelling import base_name, plain_address
from .told import MAX_COMMAND, Told, dns_of, number_of, utc_in, value_of

PROVIDER = "Microsoft-Windows-Sysmon"
_OF_WINDOWS = re.compile(
    r"(?i)[a-z]:\\windows\\(?:system32|syswow64|winsxs|microsoft\.net|assembly)\\"
)
_FLATTENED = re.compile(r"  (?=(?:ZoneId|ReferrerUrl|HostUrl)=)", re.IGNORECASE)
"""Where ``Contents`` had a new line: Sysmon writes blanks for what cannot be printed, as the
public rules on its event 15 expect (SigmaHQ, create_stream_hash_creation_internet_file.yml)."""
_DIGITS = {"MD5": 32, "SHA1": 40, "SHA256": 64}


def _process_created(record: EventRecord) -> Told:
    started = utc_in(record, "UtcTime") or record.time
    process = _doer(record)
    process.command_line = value_of(record, "CommandLine")[:MAX_COMMAND]
    process.start = started
    process.hash = _hashes(record)
    process.original_file_name = value_of(record, "OriginalFileName")
    if parent := value_of(record, "ParentImage"):
        process.parent = [
            Parent(
                pid=number_of(value_of(record, "ParentProcessId")),
                name=base_name(parent),
                executable=parent,
                command_line=value_of(record, "ParentCommandLine")[:MAX_COMMAND],
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
    local = value_of(record, f"{near}Ip")
    port = value_of(record, f"{near}Port")
    return Told(
        claim=Claim.CONNECTED,
        seen="Sysmon event 3",
        moments=moments(connected=utc_in(record, "UtcTime") or record.time),
        process=_doer(record),
        destination=Destination(
            ip=plain_address(value_of(record, f"{far}Ip")),
            port=number_of(value_of(record, f"{far}Port")),
            domain=value_of(record, f"{far}Hostname"),
            local=f"{local}:{port}" if local and port else local,
        ),
    )


def _module_loaded(record: EventRecord) -> Told:
    path = value_of(record, "ImageLoaded")
    signed, signer = value_of(record, "Signed").casefold(), value_of(record, "Signature")
    status = value_of(record, "SignatureStatus")
    remarks = {"true": (f"signed by {signer or 'an unknown signer'}: {status}",)}
    return Told(
        claim=Claim.LOADED,
        seen="Sysmon event 7",
        moments=moments(ran=utc_in(record, "UtcTime") or record.time),
        process=_doer(record),
        dll=Dll(path=path, name=base_name(path), hash=_hashes(record)) if path else None,
        remarks=("not signed",) if signed == "false" else remarks.get(signed, ()),
    )


def _file_written(record: EventRecord) -> Told:
    when = utc_in(record, "UtcTime") or record.time
    return Told(
        claim=Claim.WAS_THERE,
        seen=f"Sysmon event {record.event}",
        moments=moments(created=when),
        process=_doer(record),
        file=_file(record, created=utc_in(record, "CreationUtcTime")),
    )


def _stream_written(record: EventRecord) -> Told:
    """A file's main stream or another one; of a Zone.Identifier, what it says of its file."""
    told = _file_written(record)
    if told.file is None:
        return told
    path, colon, stream = told.file.path.rpartition(":")
    if colon and len(path) > 1 and "\\" not in stream:
        told.file.path, told.file.name, told.file.stream = path, base_name(path), stream
    contents = _FLATTENED.sub("\n", value_of(record, "Contents"))
    zone = read_zone(contents.encode("utf-8", "surrogatepass"))
    if told.file.stream.casefold() == STREAM.casefold() and zone.urls:
        # The hash is that of the stream, which nobody looks for; the rest is about the file.
        told.file.stream, told.file.hash = "", None
        told.file.zone_url = list(zone.urls)
        told.url = Url(full=zone.urls[0])
        told.claim = Claim.DOWNLOADED
        told.moments = moments(downloaded=utc_in(record, "UtcTime") or record.time)
    return told


def _file_deleted(record: EventRecord) -> Told:
    when = utc_in(record, "UtcTime") or record.time
    return Told(
        claim=Claim.WAS_THERE,
        seen=f"Sysmon event {record.event}",
        moments=moments(deleted=when),
        process=_doer(record),
        file=_file(record),
        remarks=("deleted",),
    )


def _pipe(record: EventRecord) -> Told:
    name = value_of(record, "PipeName").removeprefix("\\")
    return Told(
        claim=Claim.WAS_THERE,
        seen=f"Sysmon event {record.event}",
        moments=moments(happened=utc_in(record, "UtcTime") or record.time),
        process=_doer(record),
        pipe=Pipe(name=name) if name else None,
    )


def _asked_by_process(record: EventRecord) -> Told:
    return Told(
        claim=Claim.RESOLVED,
        seen="Sysmon event 22",
        moments=moments(happened=utc_in(record, "UtcTime") or record.time),
        process=_doer(record),
        dns=dns_of(record),
    )


def _process_ended(record: EventRecord) -> Told:
    return Told(
        claim=Claim.RAN,
        seen="Sysmon event 5",
        moments=moments(happened=utc_in(record, "UtcTime") or record.time),
        process=_doer(record),
        remarks=("it ended",),
    )


def _thread_created(record: EventRecord) -> Told:
    """In another process; where it begins in a module, the other process has that loaded."""
    when = utc_in(record, "UtcTime") or record.time
    source, target = _doer(record, "Source"), _doer(record, "Target")
    module = value_of(record, "StartModule")
    told = Told(seen="Sysmon event 8", moments=moments(happened=when), process=source)
    told.remarks = (f"a thread was started in {target.executable} (pid {target.pid})",)
    if module:
        told.claim, told.process = Claim.LOADED, target
        told.dll = Dll(path=module, name=base_name(module))
        told.remarks = (f"a thread was started in it by {source.executable} (pid {source.pid})",)
    return told


def _process_opened(record: EventRecord) -> Told:
    """By whom, and by code of which module: the first of the calls that is not of Windows itself is
    loaded there."""
    target = _doer(record, "Target")
    told = Told(
        seen="Sysmon event 10",
        moments=moments(happened=utc_in(record, "UtcTime") or record.time),
        process=_doer(record, "Source"),
    )
    access = value_of(record, "GrantedAccess")
    told.remarks = (f"opened {target.executable} (pid {target.pid}) with {access}",)
    calls = (call.rpartition("+")[0] for call in value_of(record, "CallTrace").split("|"))
    foreign = (path for path in calls if "\\" in path and not _OF_WINDOWS.match(path))
    if module := next(foreign, ""):
        told.claim = Claim.LOADED
        told.dll = Dll(path=module, name=base_name(module))
    return told


def _doer(record: EventRecord, prefix: str = "") -> Process:
    """The process that did it, as Sysmon names it in each of its events; of two the ``Source`` or
    the ``Target``."""
    path = value_of(record, f"{prefix}Image")
    name = value_of(record, f"{prefix}User")
    return Process(
        pid=number_of(value_of(record, f"{prefix}ProcessId")),
        entity_id=_process_guid(record, prefix),
        name=base_name(path),
        executable=path,
        user=User(name=name) if name else None,
    )


def _process_guid(record: EventRecord, prefix: str) -> str:
    """Zeros stand for every process that Sysmon does not know."""
    names = (f"{prefix}ProcessGuid", f"{prefix}ProcessGUID")
    guid = next(filter(None, (value_of(record, name) for name in names)), "")
    return guid if guid.strip("{}-0") else ""


def _file(record: EventRecord, created: datetime | None = None) -> File | None:
    path = value_of(record, "TargetFilename")
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


READERS: Mapping[int, Callable[[EventRecord], Told]] = {
    1: _process_created,
    3: _connected,
    5: _process_ended,
    7: _module_loaded,
    8: _thread_created,
    10: _process_opened,
    11: _file_written,
    15: _stream_written,
    17: _pipe,
    18: _pipe,
    22: _asked_by_process,
    23: _file_deleted,
    26: _file_deleted,
    29: _file_written,
}
