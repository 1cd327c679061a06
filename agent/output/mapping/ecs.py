"""Elastic Common Schema: one finding is one document of a data stream.

Field names: Elastic Common Schema reference 9.4 (elastic/ecs, ``schemas/*.yml``). A finding is
a *match*, so the indicator goes into ``threat.enrichments[]`` ("Threat Fields":
``threat.indicator.*`` is for documents that describe indicators). What ECS has no name for is under
``iocsweep.*``.
"""

from __future__ import annotations

from typing import Any, Final

from ...model.objects import OBJECTS, Dll, File, Hash, Pe, Process, User
from ...model.report import Evidence, Finding, Host, Report, Strength
from ...spelling import base_name
from .document import (
    NOT_JUDGED,
    PRODUCT,
    Document,
    Limits,
    Signed,
    account,
    address,
    cuts_as_text,
    endpoint,
    hashes_of,
    plain,
    pruned,
    stamp,
    within,
)

DATASET: Final = "iocsweep.finding"
ECS_VERSION: Final = "9.4.0"
MAX_TEXT = 32_000
"""Bytes of one text; Lucene refuses a document with a term over 32,766 bytes."""
MAX_BYTES = 1_000_000
_INDICATOR_TYPES = {
    "file_name": "file", "file_path": "file", "hash": "file", "pe": "file", "lnk": "file",
    "layout": "file", "domain": "domain-name", "url": "url", "command_line": "process",
    "certificate": "x509-certificate",
}  # fmt: skip
"""``threat.indicator.type`` takes STIX 2.1 cyber-observable names; all others are ``artifact``."""
HAS_ECS = frozenset(
    ["file", "process", "dll", "dns", "destination", "registry", "event", "url", "user"]
)
"""Objects with fields of their own in ECS, or in Winlogbeat."""
_CONFIDENCE = {Strength.CONFIRMED: "High", Strength.STRONG: "Medium"}


def document(
    report: Report, finding: Finding, *, limited: Limits = (), signed: Signed = NOT_JUDGED
) -> Document:
    """The document's source; its ``_id`` is :func:`..document.document_id`."""
    raw = pruned(
        {
            "@timestamp": stamp(finding.time),
            "ecs": {"version": ECS_VERSION},
            "message": finding.title,
            "event": _event(finding),
            "rule": {
                "id": finding.indicator.id,
                "name": finding.indicator.id,
                "category": finding.indicator.type,
                "ruleset": finding.indicator.pack,
                "version": next(
                    (p.version for p in report.packs if p.id == finding.indicator.pack), None
                ),
                "reference": finding.indicator.reference,
            },
            "threat": {"enrichments": _enrichments(finding)},
            **who(report),
            "file": _file(finding.file),
            "process": _process(finding.process),
            "dll": _dll(finding.dll),
            "dns": _dns(finding),
            "destination": _destination(finding),
            "source": _source(finding),
            "registry": _registry(finding),
            "winlog": _winlog(finding),
            "url": {"full": finding.url.full} if finding.url else None,
            "user": _user(finding.user or (finding.process.user if finding.process else None)),
            "related": _related(report, finding),
            "labels": {"sweep_id": report.sweep_id, "verdict": report.verdict.value},
            "iocsweep": {**_own(report, finding), "limited": [*limited], **signed.fields()},
        }
    )
    result, cuts = within(raw, max_bytes=MAX_BYTES, max_text=MAX_TEXT)
    if cuts:
        result["iocsweep"]["truncated"] = cuts_as_text(cuts)
    assert isinstance(result, dict)
    return result


def who(report: Report) -> Document:
    """Which host was seen, by what."""
    return {
        "host": _host(report.host),
        "agent": {"type": PRODUCT, "version": report.agent.version, "id": report.host.id},
        "observer": {
            "product": PRODUCT,
            "type": "ioc-scanner",
            "version": report.agent.version,
        },
    }


def _event(finding: Finding) -> Document:
    categories = [
        name
        for name, part in {
            "malware": finding.indicator.type in ("hash", "pe", "layout"),
            "process": finding.process,
            "file": finding.file,
            "library": finding.dll,
            "network": finding.dns or finding.destination or finding.url,
            "registry": finding.registry,
        }.items()
        if part
    ]
    return {
        "kind": "event" if finding.alarm is Strength.EXCLUDED else "alert",
        "category": ["threat", *categories],
        "type": ["indicator", "info"],
        "module": PRODUCT,
        "dataset": DATASET,
        "id": finding.id,
        "severity": finding.score,
        "risk_score": finding.score,
        "start": stamp(finding.first_seen),
        "end": stamp(finding.last_seen),
        "reason": "; ".join(finding.reasons),
        "code": str(finding.event.id) if finding.event else None,
        "provider": finding.event.provider if finding.event else PRODUCT,
    }


def _host(host: Host) -> Document:
    system = host.os
    return {
        "id": host.id,
        "name": host.fqdn or host.name,
        "hostname": host.name,
        "domain": host.domain,
        "ip": [found for ip in host.ip if (found := address(ip))],
        "architecture": host.architecture,
        "os": {
            "name": system.name,
            "full": f"{system.name} {system.version}".strip(),
            "version": system.version,
            "platform": system.platform,
            "type": system.platform if system.platform in ("windows", "linux", "macos") else None,
        }
        if system
        else None,
    }


def _hash(hashes: Hash | None) -> Any:
    return plain(hashes) if hashes else None


def _signature(signer: str) -> Document | None:
    return {"exists": True, "subject_name": signer} if signer else None


def _pe(pe: Pe | None) -> Document | None:
    if pe is None:
        return None
    return {"architecture": pe.machine, "original_file_name": pe.original_file_name}


def _file(file: File | None) -> Document | None:
    if file is None:
        return None
    return {
        "path": file.path,
        "inode": file.inode,
        "name": file.name or base_name(file.path),
        "size": file.size,
        "hash": _hash(file.hash),
        "created": stamp(file.created),
        "mtime": stamp(file.mtime),
        "accessed": stamp(file.accessed),
        "fork_name": file.stream,
        "pe": _pe(file.pe),
        "code_signature": _signature(file.signer),
    }


def _dll(dll: Dll | None) -> Document | None:
    if dll is None:
        return None
    return {
        "path": dll.path,
        "name": dll.name or base_name(dll.path),
        "hash": _hash(dll.hash),
        "pe": _pe(dll.pe),
    }


def _process(process: Process | None) -> Document | None:
    if process is None:
        return None
    parent = process.parent[0] if process.parent else None
    return {
        "pid": process.pid,
        "entity_id": process.entity_id,
        "name": process.name,
        "executable": process.executable,
        "command_line": process.command_line,
        "start": stamp(process.start),
        "user": _user(process.user),
        "hash": _hash(process.hash),
        "pe": {"original_file_name": process.original_file_name},
        "code_signature": _signature(process.signer),
        "parent": {
            "pid": parent.pid,
            "name": parent.name,
            "executable": parent.executable,
            "command_line": parent.command_line,
            "start": stamp(parent.start),
        }
        if parent
        else None,
    }


def _user(user: User | None) -> Document | None:
    if user is None:
        return None
    return {"name": user.name, "id": user.id, "domain": account(user.name)[0]}


def _dns(finding: Finding) -> Document | None:
    dns = finding.dns
    if dns is None:
        return None
    return {
        "question": {"name": dns.question, "type": dns.type},
        "answers": [{"data": answer} for answer in dns.answers],
        "resolved_ip": [found for answer in dns.answers if (found := address(answer))],
    }


def _destination(finding: Finding) -> Document | None:
    there = finding.destination
    if there is None:
        return None
    return {
        "address": there.domain or there.ip,
        "ip": address(there.ip),
        "port": there.port,
        "domain": there.domain,
    }


def _source(finding: Finding) -> Document | None:
    if finding.destination is None or not finding.destination.local:
        return None
    host, port = endpoint(finding.destination.local)
    return {"address": host, "ip": address(host), "port": port}


def _registry(finding: Finding) -> Document | None:
    registry = finding.registry
    if registry is None:
        return None
    hive, _, key = registry.path.partition("\\")
    return {
        "path": registry.path,
        "hive": hive if key else None,
        "key": key,
        "value": registry.value,
        "data": {"strings": [registry.data] if registry.data else []},
    }


def _winlog(finding: Finding) -> Document | None:
    """The names that Winlogbeat gives them; ECS has none."""
    event = finding.event
    if event is None:
        return None
    return {"channel": event.channel, "event_id": str(event.id), "record_id": event.record}


def _related(report: Report, finding: Finding) -> Document:
    addresses = [*report.host.ip, *(finding.dns.answers if finding.dns else [])]
    hosts = [report.host.name, report.host.fqdn]
    users = [part.name for part in (finding.user,) if part]
    if finding.destination:
        addresses.append(finding.destination.ip)
        hosts.append(finding.destination.domain)
    if finding.dns:
        hosts.append(finding.dns.question)
    if finding.process and finding.process.user:
        users.append(finding.process.user.name)
    return {
        "hash": hashes_of(finding),
        "ip": list(dict.fromkeys(found for ip in addresses if (found := address(ip)))),
        "hosts": list(dict.fromkeys(name for name in hosts if name)),
        "user": list(dict.fromkeys(name for name in users if name)),
    }


def _enrichments(finding: Finding) -> list[Document]:
    by_indicator: dict[str, list[Evidence]] = {finding.indicator.id: []}
    for sighting in finding.evidence:
        by_indicator.setdefault(sighting.indicator, []).append(sighting)
    return [
        {
            "indicator": _indicator(finding)
            if indicator == finding.indicator.id
            else {"name": indicator, "provider": finding.indicator.pack},
            "matched": {
                "atomic": finding.indicator.value
                if indicator == finding.indicator.id
                else next((s.detail or s.place.text for s in sightings), None),
                "field": matched_field(finding) if indicator == finding.indicator.id else None,
                "id": indicator,
                "index": finding.indicator.pack,
                "occurred": stamp(
                    min((s.time for s in sightings if s.time), key=_sortable, default=None)
                ),
                "type": "indicator_match_rule",
            },
        }
        for indicator, sightings in by_indicator.items()
    ]


def _sortable(time: Any) -> str:
    return stamp(time) or ""


def _indicator(finding: Finding) -> Document:
    indicator = finding.indicator
    kind, value = indicator.type, indicator.value
    is_address = address(value) if kind == "address" else None
    address_type = "ipv6-addr" if ":" in value else "ipv4-addr"
    return {
        "name": value,
        "type": address_type if is_address else _INDICATOR_TYPES.get(kind, "artifact"),
        "description": indicator.id,
        "provider": indicator.pack,
        "reference": indicator.reference,
        "confidence": _CONFIDENCE.get(finding.strength, "Low"),
        "ip": is_address,
        "url": {
            "full": value if kind == "url" else None,
            "domain": value if kind == "domain" else None,
        },
        "file": {
            "name": value if kind == "file_name" else None,
            "path": value if kind == "file_path" else None,
            "hash": {_algorithm(value): value} if kind == "hash" else None,
        },
    }


def _algorithm(value: str) -> str:
    return {32: "md5", 40: "sha1"}.get(len(value), "sha256")


def matched_field(finding: Finding) -> str | None:
    """The field of this document that the indicator matched, where there is one."""
    part = "file" if finding.file or not finding.dll else "dll"
    kind = finding.indicator.type
    if kind == "hash":
        return f"{part}.hash.{_algorithm(finding.indicator.value)}"
    if kind == "domain":
        return "dns.question.name" if finding.dns else "destination.domain"
    return {
        "file_name": f"{part}.name",
        "file_path": f"{part}.path",
        "address": "destination.ip",
        "url": "url.full",
        "command_line": "process.command_line",
        "pe": f"iocsweep.{part}.pe.exports",
        "lnk": "iocsweep.file.lnk",
    }.get(kind)


def _own(report: Report, finding: Finding) -> Document:
    """What ECS has no field for, under our own name (as "Custom fields" of the reference asks)."""
    file, dll, process = finding.file, finding.dll, finding.process
    return {
        "report_id": report.report_id,
        "target": report.target.kind.value,
        "scope": plain(report.scope),
        "made_as": report.made_as,
        "agent": {"build": report.agent.build, "form": report.agent.form},
        "host": {
            "fqdn": report.host.fqdn,
            "elevated": report.host.elevated,
            "utc_offset_minutes": report.host.utc_offset_minutes,
        },
        "strength": finding.strength.value,
        "reasons": finding.reasons,
        "excluded_by": finding.excluded_by,
        "in_window": None if finding.in_window else False,
        "drill": finding.is_drill or None,
        "evidence": plain(finding.evidence),
        "file": {
            "member_of": file.member_of,
            "zone_url": file.zone_url,
            "recycled": file.recycled,
            "lnk": plain(file.lnk) if file.lnk else None,
            "pe": _rest_of_pe(file.pe),
        }
        if file
        else None,
        "dll": {"size": dll.size, "on_disk": dll.on_disk, "pe": _rest_of_pe(dll.pe)}
        if dll
        else None,
        "process": {"ancestors": plain(process.parent[1:])} if process else None,
        "destination": {"state": finding.destination.state, "address": finding.destination.ip}
        if finding.destination
        else None,
        **{
            name: plain(part)
            for name in OBJECTS
            if name not in HAS_ECS and (part := getattr(finding, name)) is not None
        },
    }


def _rest_of_pe(pe: Pe | None) -> Document | None:
    if pe is None:
        return None
    return {"dll": pe.dll, "exports": pe.exports, "compiled": stamp(pe.compiled)}
