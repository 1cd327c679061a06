"""The objects of a finding as those of OCSF 1.8.0: ``file``, ``process``, ``device`` …

A required attribute that the report has no fact for is the schema's own "Unknown" (0); an object
whose required attribute has none is left out and told in ``data``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from ...model.objects import OBJECTS, File, Hash, Objects, Parent, Process, Url, User
from ...model.report import Evidence, Finding, Host, Report
from ...spelling import base_name
from ..mapping.document import (
    Document,
    account,
    address,
    endpoint,
    epoch_ms,
    hashes_of,
    plain,
    remote_name,
)

_ALGORITHMS = (("md5", 1, "MD5"), ("sha1", 2, "SHA-1"), ("sha256", 3, "SHA-256"))
_SYSTEMS = {"windows": (100, "Windows"), "linux": (200, "Linux"), "macos": (300, "macOS")}
_UNKNOWN: Final = (0, "Unknown")


def evidences_of(finding: Finding) -> list[Document]:
    """The finding's own objects first, then each sighting with what it adds."""
    return [
        *_artefacts("finding", finding, {}),
        *(made for one in finding.evidence for made in _artefacts(one.seen, one, _sighting(one))),
    ]


def _artefacts(name: str, holder: Objects, data: Document) -> Iterator[Document]:
    """One; a module beside a file needs one more, since each has room for one file."""
    told: Document = {
        "file": _file(holder.file),
        "process": _process(holder.process, module=holder.dll.path if holder.dll else ""),
        "query": _query(holder),
        "dst_endpoint": _endpoint(holder),
        "src_endpoint": _own_endpoint(holder),
        "url": _url(holder.url),
        "user": _user(holder.user),
        "job": _job(holder),
    }
    told |= _registry(holder)
    rest = _rest(holder, told)
    made = {key: value for key, value in told.items() if value is not None}
    if not made and not rest and not data and holder.dll is None:
        return
    if made or rest or data:
        yield {"name": name, **made, "data": {**data, **rest} or None}
    if holder.dll is not None:
        dll = holder.dll
        file = File(path=dll.path, name=dll.name, size=dll.size, hash=dll.hash, pe=dll.pe)
        yield {
            "name": f"{name}: module",
            "file": _file(file),
            "data": {"on_disk": dll.on_disk, "pe": plain(dll.pe) if dll.pe else None},
        }


def _rest(holder: Objects, told: Document) -> Document:
    """What the schema's objects have no attribute for, or cannot be made without."""
    rest: Document = {
        part: plain(getattr(holder, part))
        for part in ("event", "pipe", "service")
        if getattr(holder, part) is not None
    }
    process, registry = holder.process, holder.registry
    if process is not None and told["process"] is None:
        rest["process"] = plain(process)
    elif process is not None and any(one.pid is None for one in process.parent):
        rest["ancestors"] = plain(process.parent)
    if registry is not None and registry.data and not registry.value:
        rest["registry"] = plain(registry)
    if holder.dns is not None:
        rest["dns_answers"] = holder.dns.answers
    if holder.destination is not None:
        rest["connection_state"] = holder.destination.state
    return rest


def _sighting(one: Evidence) -> Document:
    told: Document = plain(one)
    return {key: value for key, value in told.items() if key not in OBJECTS}


def device_of(host: Host) -> Document:
    """The host that was swept."""
    system = host.os
    kind, name = _SYSTEMS.get(system.platform, _UNKNOWN) if system else _UNKNOWN
    addresses = [found for one in host.ip if (found := address(one))]
    return {
        "type_id": 0,
        "type": "Unknown",
        "uid": host.id,
        "name": host.name,
        "hostname": host.fqdn or host.name,
        "domain": host.domain,
        "ip": next(iter(addresses), None),
        "os": {"name": system.name, "type_id": kind, "type": name, "version": system.version}
        if system and system.name
        else None,
    }


def observables_of(report: Report, finding: Finding) -> list[Document]:
    """What a search over all classes goes by: each value once, with the place where it stands."""
    found: dict[tuple[int, str], Document] = {}

    def add(kind: int, name: str, where: str, value: str | None) -> None:
        if value:
            one = {"name": where, "type_id": kind, "type": name, "value": value}
            found.setdefault((kind, value), one)

    add(1, "Hostname", "device.hostname", report.host.fqdn or report.host.name)
    add(1, "Hostname", "evidences[].query.hostname", remote_name(finding))
    for one in hashes_of(finding):
        add(8, "Hash", "evidences[].file.hashes[].value", one)
    if finding.file is not None:
        add(45, "File Path", "evidences[].file.path", finding.file.path)
        add(7, "File Name", "evidences[].file.name", _name(finding.file))
    if finding.dll is not None:
        add(45, "File Path", "evidences[].file.path", finding.dll.path)
    if finding.process is not None:
        add(9, "Process Name", "evidences[].process.name", finding.process.name)
        add(13, "Command Line", "evidences[].process.cmd_line", finding.process.command_line)
    if finding.destination is not None:
        add(2, "IP Address", "evidences[].dst_endpoint.ip", address(finding.destination.ip))
    if finding.url is not None:
        add(6, "URL String", "evidences[].url.url_string", finding.url.full)
    if finding.user is not None:
        add(4, "User Name", "evidences[].user.name", finding.user.name)
    return list(found.values())


def _name(file: File) -> str:
    return file.name or base_name(file.path)


def _file(file: File | None) -> Document | None:
    if file is None or not _name(file):
        return None
    rest = {
        "stream": file.stream,
        "member_of": file.member_of,
        "recycled": file.recycled,
        "zone_url": file.zone_url,
        "signer": file.signer,
        "pe": plain(file.pe) if file.pe else None,
        "lnk": plain(file.lnk) if file.lnk else None,
    }
    return {
        "name": _name(file),
        "path": file.path,
        "type_id": 0,
        "type": "Unknown",
        "size": file.size,
        "uid": file.inode,
        "hashes": _hashes(file.hash),
        "created_time": _ms(file.created),
        "modified_time": _ms(file.mtime),
        "accessed_time": _ms(file.accessed),
        "xattributes": rest,
    }


def _hashes(hashes: Hash | None) -> list[Document]:
    if hashes is None:
        return []
    return [
        {"algorithm_id": number, "algorithm": name, "value": value}
        for field, number, name in _ALGORITHMS
        if (value := getattr(hashes, field))
    ]


def _process(process: Process | None, *, module: str = "") -> Document | None:
    """None where neither a number nor an id tells which it was, as the schema demands one."""
    if process is None or (process.pid is None and not process.entity_id):
        return None
    file = File(path=process.executable, hash=process.hash, signer=process.signer)
    return {
        "pid": process.pid,
        "uid": process.entity_id,
        "name": process.name,
        "path": process.executable,
        "cmd_line": process.command_line,
        "created_time": _ms(process.start),
        "file": _file(file),
        "user": _user(process.user),
        "loaded_modules": [module] if module else [],
        "parent_process": _parents(process.parent),
        "xattributes": {"original_file_name": process.original_file_name},
    }


def _parents(parents: list[Parent]) -> Document | None:
    """Nearest first, each within the one before."""
    made: Document | None = None
    for one in reversed(parents):
        if one.pid is None:
            continue
        made = {
            "pid": one.pid,
            "name": one.name,
            "path": one.executable,
            "cmd_line": one.command_line,
            "created_time": _ms(one.start),
            "parent_process": made,
        }
    return made


def _user(user: User | None) -> Document | None:
    if user is None or not (user.name or user.id):
        return None
    domain, name = account(user.name)
    return {"name": name, "domain": domain, "uid": user.id}


def _query(holder: Objects) -> Document | None:
    dns = holder.dns
    return None if dns is None else {"hostname": dns.question, "type": dns.type}


def _endpoint(holder: Objects) -> Document | None:
    there = holder.destination
    if there is None or not (address(there.ip) or there.domain):
        return None
    return {"ip": address(there.ip), "hostname": there.domain, "port": there.port}


def _own_endpoint(holder: Objects) -> Document | None:
    if holder.destination is None:
        return None
    host, port = endpoint(holder.destination.local)
    ip = address(host)
    return {"ip": ip, "port": port} if ip else None


def _url(url: Url | None) -> Document | None:
    return None if url is None else {"url_string": url.full}


def _job(holder: Objects) -> Document | None:
    task = holder.task
    return None if task is None else {"name": task.name, "cmd_line": task.command}


def _registry(holder: Objects) -> dict[str, Any]:
    registry = holder.registry
    if registry is None:
        return {}
    if not registry.value:
        return {"reg_key": {"path": registry.path}}
    return {
        "reg_value": {
            "path": registry.path,
            "name": registry.value,
            "reg_string_data": registry.data,
        }
    }


def _ms(time: datetime | None) -> int | None:
    return None if time is None else epoch_ms(time)
