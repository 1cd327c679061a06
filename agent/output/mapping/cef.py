"""CEF in an RFC 5424 syslog message of at most 8 KB.

CEF: "ArcSight Common Event Format Implementation Standard" revision 25: seven header fields parted
by ``|``, in which ``\\`` and ``|`` are escaped; extension ``key=value`` pairs, in which ``\\``,
``=`` and line ends are. Syslog: RFC 5424 sections 6 (header), 6.3 (structured data; ``\\``, ``"``
and ``]`` are escaped in values). Section 6.1 guarantees no more than 2,048 octets; receivers take
8 KB by default (rsyslog ``maxMessageSize``), and what is longer would be cut in the middle.

A host's clock may say anything: the header's time, ``rt``, ``start`` and ``end`` are kept within
:data:`~.document.SANE`, and what was claimed stands beside (``claimedTime``, ``iocsweepClaimed…``).

So evidence goes first when there is no room, and is counted (``iocsweepEvidenceDropped``); then the
longest values are shortened, and named (``iocsweepCut``). JSON values are whole or absent.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

import msgspec

from ...model.report import Finding, Report, Strength
from ...spelling import base_name
from ..escape import shown
from .document import (
    NOT_JUDGED,
    PRODUCT,
    VENDOR,
    Limits,
    Signed,
    account,
    best_hash,
    capped,
    cuts_as_text,
    document_id,
    epoch_ms,
    limit_text,
    plain,
    remote_name,
    sane,
    stamp,
    utc,
    valid,
    within,
)

MAX_MESSAGE: Final = 8192
"""Octets of one syslog message, header included."""
FACILITY: Final = 16
"""local0"""
SD_ID: Final = "iocsweep@32473"
"""32473 is the enterprise number for examples (RFC 5612): the project has none of its own."""
_SEVERITY = {
    Strength.CONFIRMED: (10, 2),
    Strength.STRONG: (8, 3),
    Strength.WEAK: (3, 5),
    Strength.EXCLUDED: (0, 6),
}
"""CEF 0 to 10, and syslog: critical, error, notice, informational."""
_MAX_VALUE = 4000
_SHORTEST = 48
_WHOLE = frozenset({"externalId", "iocsweepReportId", "iocsweepDocumentId", "rt"})
"""What identifies the finding is never shortened."""
_SECOND_START = re.compile("CEF:", re.IGNORECASE)
"""In front of the CEF part, as a host may call itself: receivers look for where it begins."""


def syslog_message(
    report: Report, finding: Finding, *, limited: Limits = (), signed: Signed = NOT_JUDGED
) -> str:
    """``<PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID [SD] CEF:0|…``, without a frame."""
    header = _syslog_header(report, finding, limited, signed)
    room = MAX_MESSAGE - len(header.encode())
    return header + cef(report, finding, max_bytes=room, limited=limited, signed=signed)


def cef(
    report: Report,
    finding: Finding,
    *,
    max_bytes: int = MAX_MESSAGE,
    limited: Limits = (),
    signed: Signed = NOT_JUDGED,
) -> str:
    """One line of CEF of at most ``max_bytes`` of UTF-8."""
    header = _cef_header(report, finding)
    fields = _fields(report, finding, limited, signed)
    evidence = [_json(sighting) for sighting in finding.evidence]
    room = max_bytes - len(header.encode())
    fitted = _shortened(fields, room - 64)
    line = _extension(fitted)
    kept = 0
    for number, sighting in enumerate(evidence, 1):
        more = f" {_pair(f'iocsweepEvidence{number}', sighting)}"
        if len((line + more).encode()) + 40 > room:
            break
        line, kept = line + more, number
    if kept < len(evidence):
        line += f" iocsweepEvidenceDropped={len(evidence) - kept}"
    return header + line


def _syslog_header(report: Report, finding: Finding, limited: Limits, signed: Signed) -> str:
    priority = FACILITY * 8 + _SEVERITY[finding.alarm][1]
    time = stamp(sane(finding.time))
    values = {
        "reportId": report.report_id,
        "findingId": finding.id,
        "sweepId": report.sweep_id or "",
        "limitedTo": "; ".join(report.scope.limited_to),
        "limited": ", ".join(str(one["what"]) for one in limited),
        "strength": finding.strength.value,
        "claimedTime": _claimed(finding.time) or "",
        "signatureStatus": signed.status,
        "drill": "true" if finding.is_drill else "",
    }
    own = " ".join(f'{name}="{_sd_value(value)}"' for name, value in values.items() if value)
    origin = f'origin software="{PRODUCT}" swVersion="{_sd_value(report.agent.version, 32)}"'
    host = _sd_name(report.host.fqdn or report.host.name, 255)
    return f"<{priority}>1 {time} {host} {PRODUCT} - finding [{origin}][{SD_ID} {own}] "


def _sd_value(text: str, max_bytes: int = 128) -> str:
    value = _SECOND_START.sub("CEF_", capped(shown(valid(text)), max_bytes))
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


def _sd_name(text: str, most: int) -> str:
    """RFC 5424 section 6: a header field is printable US-ASCII without a space, or ``-``."""
    name = "".join(char if "!" <= char <= "~" else "_" for char in text)[:most]
    return _SECOND_START.sub("CEF_", name) or "-"


def _cef_header(report: Report, finding: Finding) -> str:
    parts = [
        VENDOR,
        PRODUCT,
        capped(shown(valid(report.agent.version)), 64),
        capped(shown(valid(finding.indicator.id)), 256),
        capped(shown(valid(finding.title)), 512),
        str(_SEVERITY[finding.alarm][0]),
    ]
    return (
        "CEF:0|" + "|".join(part.replace("\\", "\\\\").replace("|", "\\|") for part in parts) + "|"
    )


def _fields(report: Report, finding: Finding, limited: Limits, signed: Signed) -> dict[str, str]:
    host, file, process = report.host, finding.file, finding.process
    thing = file or finding.dll
    there = finding.destination
    user = finding.user or (process.user if process else None)
    domain, name = account(user.name) if user else ("", "")
    parent = process.parent[0] if process and process.parent else None
    values: dict[str, object] = {
        "externalId": capped(valid(finding.id), 256),
        "iocsweepReportId": capped(valid(report.report_id), 256),
        "iocsweepDocumentId": document_id(report, finding),
        "rt": _epoch(finding.time),
        "iocsweepClaimedTime": _claimed(finding.time),
        "start": _epoch(finding.first_seen),
        "iocsweepClaimedStart": _claimed(finding.first_seen),
        "end": _epoch(finding.last_seen),
        "iocsweepClaimedEnd": _claimed(finding.last_seen),
        "cat": finding.strength.value,
        "iocsweepVerdict": report.verdict.value,
        "iocsweepLimited": limit_text(limited),
        **signed.fields("iocsweepSignature"),
        "iocsweepDrill": "true" if finding.is_drill else "",
        "cn1Label": "score",
        "cn1": finding.score,
        "cs1Label": "indicator",
        "cs1": finding.indicator.value,
        "cs2Label": "sweep",
        "cs2": report.sweep_id or "-",
        "cs3Label": "pack",
        "cs3": finding.indicator.pack,
        "cs4Label": "indicatorType",
        "cs4": finding.indicator.type,
        "cs5Label": "reference",
        "cs5": " ".join(finding.indicator.reference) or "-",
        "cs6Label": "excludedBy",
        "cs6": finding.excluded_by or "-",
        "dvchost": host.fqdn or host.name,
        "dvc": next(iter(host.ip), None),
        "deviceExternalId": host.id,
        "fname": (thing.name or base_name(thing.path)) if thing else None,
        "filePath": thing.path if thing else None,
        "fsize": thing.size if thing else None,
        "fileHash": best_hash(thing.hash) if thing else None,
        "dproc": process.name or base_name(process.executable) if process else None,
        "dpid": process.pid if process else None,
        "sproc": parent.name if parent else None,
        "spid": parent.pid if parent else None,
        "duser": name,
        "duid": user.id if user else None,
        "dntdom": domain,
        "dst": there.ip if there else None,
        "dpt": there.port if there else None,
        "dhost": remote_name(finding),
        "request": finding.url.full if finding.url else None,
        "iocsweepCommandLine": process.command_line if process else None,
        "iocsweepRegistry": _json(finding.registry) if finding.registry else None,
        "iocsweepEvent": _json(finding.event) if finding.event else None,
        "msg": "; ".join(finding.reasons),
    }
    return {key: valid(str(value)) for key, value in values.items() if value not in (None, "")}


def _epoch(time: datetime | None) -> int | None:
    return None if time is None else epoch_ms(sane(time))


def _claimed(time: datetime | None) -> str | None:
    """As the host told it, where that is not what is sent for it."""
    return None if time is None or sane(time) == utc(time) else stamp(time)


def _json(part: object) -> str:
    bounded, cuts = within(plain(part), max_bytes=1500, max_text=1024)
    if cuts:
        bounded["truncated"] = cuts_as_text(cuts)
    return msgspec.json.encode(bounded).decode()


def _shortened(fields: dict[str, str], room: int) -> dict[str, str]:
    """With the longest values shortened until the extension has room."""
    result, cut = dict(fields), dict[str, None]()
    most = _MAX_VALUE
    while True:
        for key, value in fields.items():
            if key in _WHOLE or len(value.encode()) <= most:
                continue
            cut[key] = None
            # JSON is whole or absent.
            result[key] = "-" if value.startswith("{") else capped(value, most)
        if cut:
            result["iocsweepCut"] = ",".join(cut)
        if len(_extension(result).encode()) <= room or most <= _SHORTEST:
            return result
        most //= 2


def _extension(fields: dict[str, str]) -> str:
    return " ".join(_pair(key, value) for key, value in fields.items())


def _pair(key: str, value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("=", "\\=")
    escaped = escaped.replace("\r", "\\r").replace("\n", "\\n")
    return f"{key}={shown(escaped)}"
