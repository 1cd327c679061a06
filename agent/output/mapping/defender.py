r"""Rows with the columns of Microsoft Defender XDR's advanced hunting, one JSON object per line.

A hunter's KQL for the Device* tables runs over them unchanged. Columns: "Advanced hunting schema"
reference, tables DeviceProcessEvents, DeviceFileEvents, DeviceImageLoadEvents, DeviceNetworkEvents,
DeviceRegistryEvents, DeviceEvents. ``Type`` names the table, as it does in a Log Analytics
workspace. ``FolderPath`` is the whole path with the file's name, as Defender fills it (the query
``FolderPath has "ds7002.lnk"`` of Azure-Sentinel's hunting queries relies on that).

A sweep sees state, not activity: ``ActionType`` says so (``IocSweepFileFound`` …), ``Timestamp`` is
when it was seen, and the times and evidence of the finding are in ``AdditionalFields``.
"""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ...model.objects import Dll, File, Hash, Process
from ...model.report import Finding, Report
from ...spelling import base_name
from .document import (
    NOT_JUDGED,
    Document,
    Limits,
    Signed,
    account,
    cuts_as_text,
    document_id,
    endpoint,
    plain,
    pruned,
    stamp,
    within,
)

MAX_ROW = 900_000
MAX_TEXT = 64_000


def rows(
    report: Report, finding: Finding, *, limited: Limits = (), signed: Signed = NOT_JUDGED
) -> list[Document]:
    """One row per table that the finding speaks of (and per name, for the network); never none."""
    file, dll, process, registry = finding.file, finding.dll, finding.process, finding.registry
    made: list[Document] = []
    if process is not None:
        made.append(
            {"Type": "DeviceProcessEvents", "ActionType": "IocSweepProcessSeen",
             **_process(process), **_parent_as_initiator(process)}
        )  # fmt: skip
    if file is not None:
        made.append(
            {"Type": "DeviceFileEvents", "ActionType": "IocSweepFileFound", **_file(file),
             **_initiator(process)}
        )  # fmt: skip
    if dll is not None:
        made.append(
            {"Type": "DeviceImageLoadEvents", "ActionType": "IocSweepModuleLoaded", **_dll(dll),
             **_initiator(process)}
        )  # fmt: skip
    made.extend(_network(finding))
    if registry is not None:
        made.append(
            {"Type": "DeviceRegistryEvents", "ActionType": "IocSweepRegistryValueFound",
             "RegistryKey": registry.path, "RegistryValueName": registry.value,
             "RegistryValueData": registry.data, **_initiator(process)}
        )  # fmt: skip
    if not made:
        made.append({"Type": "DeviceEvents", "ActionType": "IocSweepMatch"})
    told = _additional(report, finding, limited, signed)
    return [_row(report, finding, number, row, told) for number, row in enumerate(made)]


def lines(
    report: Report, finding: Finding, *, limited: Limits = (), signed: Signed = NOT_JUDGED
) -> bytes:
    """The rows as NDJSON, in UTF-8."""
    made = rows(report, finding, limited=limited, signed=signed)
    return b"".join(msgspec.json.encode(row) + b"\n" for row in made)


def _row(report: Report, finding: Finding, number: int, own: Document, told: Document) -> Document:
    """``told``: beside the columns, of the first row."""
    identity = document_id(report, finding)
    name = report.host.fqdn or report.host.name
    whole = {
        "Timestamp": stamp(finding.time),
        "DeviceId": report.host.id,
        "DeviceName": name.lower(),
        **own,
        "ReportId": number_of(f"{identity}/{number}"),
        "AdditionalFields": told if number == 0 else {
            "DocumentId": identity, "FindingId": finding.id, "SweepReportId": report.report_id,
        },
    }  # fmt: skip
    row, cuts = within(pruned(whole), max_bytes=MAX_ROW, max_text=MAX_TEXT)
    if cuts:
        row["AdditionalFields"]["TruncatedFields"] = cuts_as_text(cuts)
    assert isinstance(row, dict)
    return row


def number_of(text: str) -> int:
    """``ReportId`` is a long; with DeviceName and Timestamp it tells rows apart."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def _additional(report: Report, finding: Finding, limited: Limits, signed: Signed) -> Document:
    found: Document = plain(finding)
    for part in ("id", "time", "evidence"):
        found.pop(part, None)
    return {
        "DocumentId": document_id(report, finding),
        "FindingId": finding.id,
        "SweepReportId": report.report_id,
        "SweepId": report.sweep_id,
        "Scope": plain(report.scope),
        "Limited": [*limited],
        **signed.fields("Signature"),
        "Drill": finding.is_drill or None,
        "MadeAs": report.made_as,
        "Verdict": report.verdict.value,
        "Finding": found,
        "Evidence": plain(finding.evidence),
    }


def _hashes(hashes: Hash | None, prefix: str = "") -> Document:
    if hashes is None:
        return {}
    return {
        f"{prefix}SHA1": hashes.sha1,
        f"{prefix}SHA256": hashes.sha256,
        f"{prefix}MD5": hashes.md5,
    }


def _process(process: Process) -> Document:
    domain, name = account(process.user.name) if process.user else ("", "")
    return {
        "FileName": process.name or base_name(process.executable),
        "FolderPath": process.executable,
        **_hashes(process.hash),
        "ProcessVersionInfoOriginalFileName": process.original_file_name,
        "ProcessVersionInfoCompanyName": process.signer,
        "ProcessId": process.pid,
        "ProcessCommandLine": process.command_line,
        "ProcessCreationTime": stamp(process.start),
        "AccountDomain": domain,
        "AccountName": name,
        "AccountSid": process.user.id if process.user else None,
    }


def _parent_as_initiator(process: Process) -> Document:
    if not process.parent:
        return {}
    parent, *others = process.parent
    return {
        "InitiatingProcessFileName": parent.name or base_name(parent.executable),
        "InitiatingProcessFolderPath": parent.executable,
        "InitiatingProcessId": parent.pid,
        "InitiatingProcessCommandLine": parent.command_line,
        "InitiatingProcessCreationTime": stamp(parent.start),
        **_grandparent(others),
    }


def _grandparent(ancestors: list[Any]) -> Document:
    if not ancestors:
        return {}
    nearest = ancestors[0]
    return {
        "InitiatingProcessParentId": nearest.pid,
        "InitiatingProcessParentFileName": nearest.name or base_name(nearest.executable),
        "InitiatingProcessParentCreationTime": stamp(nearest.start),
    }


def _initiator(process: Process | None) -> Document:
    """The process that has the file, module or connection."""
    if process is None:
        return {}
    domain, name = account(process.user.name) if process.user else ("", "")
    return {
        "InitiatingProcessFileName": process.name or base_name(process.executable),
        "InitiatingProcessFolderPath": process.executable,
        **_hashes(process.hash, "InitiatingProcess"),
        "InitiatingProcessVersionInfoOriginalFileName": process.original_file_name,
        "InitiatingProcessId": process.pid,
        "InitiatingProcessCommandLine": process.command_line,
        "InitiatingProcessCreationTime": stamp(process.start),
        "InitiatingProcessAccountDomain": domain,
        "InitiatingProcessAccountName": name,
        "InitiatingProcessAccountSid": process.user.id if process.user else None,
        **_grandparent(list(process.parent)),
    }


def _file(file: File) -> Document:
    path = f"{file.member_of}\\{file.path}" if file.member_of else file.path
    urls = file.zone_url
    return {
        "FileName": file.name or base_name(file.path),
        "FolderPath": path,
        **_hashes(file.hash),
        "FileSize": file.size,
        "FileOriginUrl": urls[0] if urls else None,
        "FileOriginReferrerUrl": urls[1] if len(urls) > 1 else None,
    }


def _dll(dll: Dll) -> Document:
    return {
        "FileName": dll.name or base_name(dll.path),
        "FolderPath": dll.path,
        **_hashes(dll.hash),
        "FileSize": dll.size,
    }


def _network(finding: Finding) -> list[Document]:
    """A row per name, since ``RemoteUrl`` holds one; names in lower case without the root's dot."""
    there, dns, url = finding.destination, finding.dns, finding.url
    if there is None and dns is None and url is None:
        return []
    named = [
        there.domain if there else "",
        dns.question if dns else "",
        _host_of(url.full) if url else "",
    ]
    names = list(dict.fromkeys(name.lower().rstrip(".") for name in named if name)) or [""]
    local, port = endpoint(there.local) if there and there.local else ("", None)
    return [
        {
            "Type": "DeviceNetworkEvents",
            "ActionType": "IocSweepConnectionSeen" if there and there.ip else "IocSweepNameSeen",
            "RemoteIP": (there.ip if there else "") or next(iter(dns.answers if dns else []), None),
            "RemotePort": there.port if there else None,
            "RemoteUrl": name,
            "LocalIP": local,
            "LocalPort": port,
            "Protocol": "Tcp" if there and there.state else None,
            **_initiator(finding.process),
        }
        for name in names
    ]  # fmt: skip


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or url
    except ValueError:
        return url
