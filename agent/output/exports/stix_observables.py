"""The objects of a finding as STIX cyber-observable objects, with the ids of STIX 2.1, section 2.9:
the same file, name or account has the same id whoever writes it.

What can differ between two sightings of one object (times of a file) is left out.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from ...model.objects import File, Hash, Objects, Process, Registry, User
from ...model.report import Finding, Report
from ...model.shared_objects import seen_objects
from ...spelling import base_name
from ..mapping.document import Document, address, document_id, pruned, utc, valid, valid_within

_NAMESPACE = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
"""STIX 2.1, section 2.9: for cyber-observable objects."""
_CONTRIBUTING = {
    "directory": ("path",),
    "domain-name": ("value",),
    "file": ("hashes", "name", "parent_directory_ref"),
    "ipv4-addr": ("value",),
    "ipv6-addr": ("value",),
    "url": ("value",),
    "user-account": ("user_id", "account_login"),
    "windows-registry-key": ("key", "values"),
}
"""Of section 6, those that are used here."""
_HIVES = {
    "HKLM": "HKEY_LOCAL_MACHINE", "HKCU": "HKEY_CURRENT_USER", "HKU": "HKEY_USERS",
    "HKCR": "HKEY_CLASSES_ROOT", "HKCC": "HKEY_CURRENT_CONFIG",
}  # fmt: skip
"""6.17: the hive is written out."""


def observables_of(report: Report, finding: Finding) -> list[Document]:
    """Each once: of the finding, and of all its sightings."""
    made: dict[str, Document] = {}
    holders = [finding, *(seen_objects(finding, one) for one in finding.evidence)]
    for holder in holders:
        for one in _objects(holder, document_id(report, finding)):
            made.setdefault(one["id"], one)
    return list(made.values())


def _objects(holder: Objects, scope: str) -> Iterator[Document]:
    if holder.file is not None:
        yield from _file(holder.file)
    if holder.dll is not None:
        dll = holder.dll
        yield from _file(File(path=dll.path, name=dll.name, size=dll.size, hash=dll.hash))
    if holder.process is not None:
        yield from _process(holder.process, scope)
    names = [holder.dns.question] if holder.dns else []
    addresses = list(holder.dns.answers) if holder.dns else []
    if holder.destination is not None:
        names.append(holder.destination.domain)
        addresses.append(holder.destination.ip)
    for name in filter(None, names):
        yield _made("domain-name", value=name)
    for found in filter(None, map(address, addresses)):
        yield _made("ipv6-addr" if ":" in found else "ipv4-addr", value=found)
    if holder.url is not None:
        yield _made("url", value=holder.url.full)
    if holder.registry is not None:
        yield _registry(holder.registry)
    yield from _account(holder.user)


def _file(file: File) -> Iterator[Document]:
    """Its folder first, then itself; nothing of one without a name and a hash."""
    name = file.name or base_name(file.path)
    hashes = _hashes(file.hash)
    if not name and not hashes:
        return
    folder = file.path[: -len(name)].rstrip("\\/") if name and file.path.endswith(name) else ""
    parent = None
    if folder and not file.member_of:
        parent = _made("directory", path=folder)
        yield parent
    yield _made(
        "file",
        name=name,
        hashes=hashes,
        size=file.size if hashes else None,
        parent_directory_ref=parent["id"] if parent else None,
    )


def _hashes(hashes: Hash | None) -> Document:
    if hashes is None:
        return {}
    return {"MD5": hashes.md5, "SHA-1": hashes.sha1, "SHA-256": hashes.sha256}


def _process(process: Process, scope: str) -> Iterator[Document]:
    """Of its finding: no properties make its id."""
    image = [*_file(File(path=process.executable, hash=process.hash))]
    users = [*_account(process.user)]
    yield from image
    yield from users
    parents = list(_ancestors(process, scope))
    yield from parents
    name = f"{scope}\n{process.pid}\n{process.entity_id}\n{process.command_line}"
    made = pruned(
        {
            "type": "process",
            "spec_version": "2.1",
            "id": _process_id(name),
            "pid": process.pid,
            "created_time": _stamp(process.start),
            "command_line": valid(process.command_line),
            "creator_user_ref": users[0]["id"] if users else None,
            "image_ref": image[-1]["id"] if image else None,
            "parent_ref": parents[-1]["id"] if parents else None,
        }
    )
    if len(made) > 3:
        yield made


def _process_id(name: str) -> str:
    """In the form of version 4, as section 6.13 demands, and the same for the same name."""
    digest = hashlib.sha256(b"iocsweep process\n" + valid(name).encode()).digest()
    return f"process--{uuid.UUID(bytes=digest[:16], version=4)}"


def _ancestors(process: Process, scope: str) -> Iterator[Document]:
    """The farthest first, so that each can name the one before."""
    above: str | None = None
    for one in reversed(process.parent):
        if one.pid is None and not one.command_line:
            continue
        name = f"{scope}\n{one.pid}\n\n{one.command_line}"
        above_ref, above = above, _process_id(name)
        yield pruned(
            {
                "type": "process",
                "spec_version": "2.1",
                "id": above,
                "pid": one.pid,
                "created_time": _stamp(one.start),
                "command_line": valid(one.command_line),
                "parent_ref": above_ref,
            }
        )


def _stamp(time: Any) -> str | None:
    if time is None:
        return None
    return str(utc(time).isoformat(timespec="milliseconds").replace("+00:00", "Z"))


def _account(user: User | None) -> Iterator[Document]:
    if user is not None and (user.name or user.id):
        yield _made("user-account", user_id=user.id, account_login=user.name)


def _registry(registry: Registry) -> Document:
    hive, backslash, rest = registry.path.partition("\\")
    key = f"{_HIVES.get(hive.upper(), hive)}{backslash}{rest}"
    values = [{"name": registry.value, "data": registry.data}]
    return _made("windows-registry-key", key=key, values=values if any(values[0].values()) else [])


def _made(kind: str, **properties: Any) -> Document:
    """With its id: a UUIDv5 of the contributing properties as canonical JSON (RFC 8785)."""
    told = pruned(valid_within(properties))
    contributing = {key: told[key] for key in _CONTRIBUTING[kind] if key in told}
    if "hashes" in contributing:
        contributing["hashes"] = dict([_one_hash(contributing["hashes"].items())])
    canonical = msgspec.json.encode(contributing, order="sorted").decode()
    return {
        "type": kind,
        "spec_version": "2.1",
        "id": f"{kind}--{uuid.uuid5(_NAMESPACE, canonical)}",
        **told,
    }


def _one_hash(hashes: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """Section 2.9: of several the first in this order."""
    order = ("MD5", "SHA-1", "SHA-256")
    return min(hashes, key=lambda one: order.index(one[0]))
