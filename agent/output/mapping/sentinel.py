"""Microsoft Sentinel: a row of our own table, and a row of the ASIM alert table.

Sources: Azure Monitor "Logs Ingestion API" and "Azure Monitor service limits" (a field's value over
64 KB is cut without a word: so it is cut here, and said in ``TruncatedFields``); "Create a custom
table" (column names: a letter first, letters, digits and ``_``, at most 45 characters, and not
``_ResourceId``, ``id``, ``_SubscriptionId``, ``TenantId``, ``Type``, ``UniqueId``, ``Title``);
"ASIM Alert Event schema reference" 0.1 for ``Microsoft-ASimAlertEventLogs``.

Neither table recognises what it has already: use ``summarize arg_max(TimeGenerated, *) by
DocumentId`` (``EventUid`` in the ASIM table).
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from ...model.objects import OBJECTS
from ...model.report import Finding, Report, Strength
from ...spelling import base_name
from .document import (
    NOT_JUDGED,
    PRODUCT,
    VENDOR,
    Cut,
    Document,
    Limits,
    Signed,
    account,
    address,
    cuts_as_text,
    document_id,
    plain,
    pruned,
    remote_name,
    stamp,
    within,
)

CUSTOM_STREAM: Final = "Custom-IocSweepFinding_CL"
MAX_FIELD = 64_000
"""Bytes of one field; the service's bound is 64 KB."""
MAX_ROW = 800_000
"""Bytes of a row as JSON, so that it fits a call of 900 KB."""
RESERVED_COLUMNS = frozenset(
    {"_ResourceId", "id", "_SubscriptionId", "TenantId", "Type", "UniqueId", "Title"}
)
_SEVERITY = {
    Strength.CONFIRMED: "High",
    Strength.STRONG: "High",
    Strength.WEAK: "Low",
    Strength.EXCLUDED: "Informational",
}
_INDICATOR_TYPES = {
    "address": "Ip", "domain": "Url", "url": "Url", "command_line": "Process", "hash": "File",
    "file_name": "File", "file_path": "File", "pe": "File", "lnk": "File", "layout": "File",
}  # fmt: skip


def finding_row(
    report: Report, finding: Finding, *, limited: Limits = (), signed: Signed = NOT_JUDGED
) -> Document:
    """A row of ``IocSweepFinding_CL``; objects are columns of type dynamic."""
    host, indicator = report.host, finding.indicator
    file, process, there = finding.file, finding.process, finding.destination
    columns: Document = {
        "TimeGenerated": stamp(finding.time),
        "DocumentId": document_id(report, finding),
        "FindingId": finding.id,
        "ReportId": report.report_id,
        "SweepId": report.sweep_id,
        "WholeHost": report.scope.whole_host,
        "LimitedTo": report.scope.limited_to,
        "Limited": [*limited],
        "Verdict": report.verdict.value,
        "TargetKind": report.target.kind.value,
        "AgentVersion": report.agent.version,
        "HostId": host.id,
        "HostName": host.name,
        "HostFqdn": host.fqdn,
        "HostDomain": host.domain,
        "HostOs": f"{host.os.name} {host.os.version}".strip() if host.os else None,
        "HostIp": host.ip,
        "Strength": finding.strength.value,
        "Severity": _SEVERITY[finding.alarm],
        "Score": finding.score,
        "FindingTitle": finding.title,
        "Reasons": finding.reasons,
        "FirstSeen": stamp(finding.first_seen),
        "LastSeen": stamp(finding.last_seen),
        "ExcludedBy": finding.excluded_by,
        "IndicatorId": indicator.id,
        "IndicatorType": indicator.type,
        "IndicatorValue": indicator.value,
        "IndicatorPack": indicator.pack,
        "IndicatorReference": indicator.reference,
        "FilePath": file.path if file else None,
        "FileSha1": file.hash.sha1 if file and file.hash else None,
        "FileSha256": file.hash.sha256 if file and file.hash else None,
        "ProcessId": process.pid if process else None,
        "ProcessCommandLine": process.command_line if process else None,
        "RemoteIp": there.ip if there else None,
        "RemotePort": there.port if there else None,
        "RemoteName": remote_name(finding),
        "EvidenceCount": len(finding.evidence),
        "Evidence": plain(finding.evidence),
        **signed.fields("Signature"),
        "Drill": finding.is_drill or None,
    }  # fmt: skip
    for name in OBJECTS:
        part = getattr(finding, name)
        columns[f"{name.capitalize()}Details"] = plain(part) if part is not None else None
    return _bounded(columns, "TruncatedFields")


def asim_alert_row(
    report: Report, finding: Finding, *, limited: Limits = (), signed: Signed = NOT_JUDGED
) -> Document:
    """A row of ``ASimAlertEventLogs``: the alert schema, since a sweep observes state."""
    host = report.host
    columns: Document = {
        "TimeGenerated": stamp(finding.time),
        "EventSchema": "AlertEvent",
        "EventSchemaVersion": "0.1",
        "EventVendor": VENDOR,
        "EventProduct": PRODUCT,
        "EventProductVersion": report.agent.version,
        "EventType": "Alert",
        "EventSubType": "Threat",
        "EventCount": 1,
        "EventResult": "Success",
        "EventStartTime": stamp(finding.first_seen or finding.time),
        "EventEndTime": stamp(finding.last_seen or finding.time),
        "EventUid": document_id(report, finding),
        "EventOriginalUid": finding.id,
        "EventOriginalSeverity": finding.strength.value,
        "EventSeverity": _SEVERITY[finding.alarm],
        "EventMessage": finding.title,
        "AlertId": finding.id,
        "AlertName": f"{finding.indicator.pack}: {finding.indicator.id}",
        "AlertDescription": "; ".join(finding.reasons),
        "AlertStatus": "Closed" if finding.alarm is Strength.EXCLUDED else "Active",
        "AlertVerdict": {
            Strength.CONFIRMED: "True Positive",
            Strength.EXCLUDED: "Benign Positive",
        }.get(finding.alarm, "Unknown"),
        "DetectionMethod": "Threat Intelligence",
        "RuleName": finding.indicator.id,
        "Rule": finding.indicator.id,
        "ThreatId": finding.indicator.id,
        "ThreatName": finding.indicator.pack,
        "ThreatCategory": "Malware",
        "ThreatConfidence": finding.score,
        "ThreatRiskLevel": finding.score,
        "IndicatorType": _indicator_type(finding),
        "IndicatorAssociation": "Associated",
        "DvcHostname": host.name,
        "DvcFQDN": host.fqdn,
        "DvcDomain": host.domain,
        "DvcDomainType": ("FQDN" if "." in host.domain else "Windows") if host.domain else None,
        "DvcId": host.id,
        "DvcIdType": "Other",
        "DvcIpAddr": next((found for ip in host.ip if (found := address(ip))), None),
        "DvcOs": host.os.name if host.os else None,
        "DvcOsVersion": host.os.version if host.os else None,
        **_asim_objects(finding),
        "AdditionalFields": {
            "ReportId": report.report_id,
            "SweepId": report.sweep_id,
            "Limited": [*limited],
            **signed.fields("Signature"),
            "Drill": finding.is_drill or None,
            "Scope": plain(report.scope),
            "Verdict": report.verdict.value,
            "Reasons": finding.reasons,
            "IndicatorKind": finding.indicator.type,
            "IndicatorValue": finding.indicator.value,
            "IndicatorReference": finding.indicator.reference,
            "ExcludedBy": finding.excluded_by,
            "Evidence": plain(finding.evidence),
            **{name.capitalize(): plain(part) for name in OBJECTS
               if (part := getattr(finding, name)) is not None},
        },
    }  # fmt: skip
    return _bounded(columns, "AdditionalFields")


def _asim_objects(finding: Finding) -> Document:
    file, dll, process, registry = finding.file, finding.dll, finding.process, finding.registry
    thing = file or dll
    user = finding.user or (process.user if process else None)
    return {
        "Username": user.name if user else None,
        "UsernameType": _username_type(user.name) if user else None,
        "UserId": user.id if user else None,
        "UserIdType": "SID" if user and user.id.startswith("S-1-") else None,
        "ProcessId": str(process.pid) if process and process.pid is not None else None,
        "ProcessName": (process.executable or process.name) if process else None,
        "ProcessCommandLine": process.command_line if process else None,
        "FileName": (thing.name or base_name(thing.path)) if thing else None,
        "FilePath": thing.path if thing else None,
        "FileSize": thing.size if thing else None,
        "FileMD5": thing.hash.md5 if thing and thing.hash else None,
        "FileSHA1": thing.hash.sha1 if thing and thing.hash else None,
        "FileSHA256": thing.hash.sha256 if thing and thing.hash else None,
        "Url": finding.url.full if finding.url else None,
        "RegistryKey": registry.path if registry else None,
        "RegistryValue": registry.value if registry else None,
        "RegistryValueData": registry.data if registry else None,
    }


def _username_type(name: str) -> str:
    if account(name)[0]:
        return "Windows"
    return "UPN" if "@" in name else "Simple"


def _indicator_type(finding: Finding) -> str:
    by_type = _INDICATOR_TYPES.get(finding.indicator.type)
    if by_type:
        return by_type
    parts = {
        "Url": finding.url, "Process": finding.process, "File": finding.file or finding.dll,
        "Registry": finding.registry,
    }  # fmt: skip
    return next((name for name, part in parts.items() if part is not None), "Host")


def _bounded(columns: Document, told_in: str) -> Document:
    """Each field and the row within the service's bounds; what was cut is told in a column."""
    wanted = pruned(columns)
    for shrink in (1, 4, 16, 64):
        row: Document = {}
        cuts: list[Cut] = []
        for column, value in wanted.items():
            row[column], cut = _field(value, MAX_FIELD // shrink, column)
            cuts += cut
        if len(msgspec.json.encode(row)) <= MAX_ROW:
            break
    if cuts and told_in == "AdditionalFields":
        row[told_in]["TruncatedFields"] = cuts_as_text(cuts)[:16]
    elif cuts:
        row[told_in] = cuts_as_text(cuts)[:200]
    return row


def _field(value: Any, limit: int, column: str) -> tuple[Any, list[Cut]]:
    room = limit - 4_000 if column == "AdditionalFields" and limit > 8_000 else limit
    return within(value, max_bytes=room, max_text=room - 2, name=column)
