"""What tells one thing from another: keys that sightings of it share, and the id of its finding.

All are made here, from the objects of a sighting and from nothing else.
"""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Iterator
from datetime import datetime

from ..matching.matcher import fold, fold_domain
from ..model.codec import to_json
from ..model.objects import ARROW, Destination, Dns, File, Objects, Process
from ..model.observation import Claim, Observation, telling
from ..model.report import BY_MEMORY, BY_VOLUME, Host, Target
from ..spelling import base_name, plain_address

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:iocsweep:finding")
_NOW = frozenset({Claim.EXISTS, Claim.RUNNING, Claim.LOADED, Claim.CONNECTED, Claim.MENTIONED})
"""Claims that, without an event, are of the moment of the sweep: a pid is one process then."""


def finding_id(host: str, key: str, image: str = "") -> str:
    """UUIDv5 of the host and of the key of what the finding is about; see :func:`main_key`.

    ``image``: the name of what holds the volumes, which paths on those begin with where no Windows
    gave them letters. It is no part of the id: the same volume in another container has the same.
    """
    for begins in (f"file:{fold(image)}", f"place:{image}") if image else ():
        if key.startswith(begins):
            key = f"{begins.partition(':')[0]}:{key[len(begins) :]}"
    return str(uuid.uuid5(_NAMESPACE, to_json([host, key]).decode()))


def image_of(host: Host, target: Target) -> str:
    """The name of the image that stands before the host's paths; empty for one that is known."""
    if not host.id.startswith((*BY_VOLUME, BY_MEMORY)) or not target.paths:
        return ""
    return base_name(target.paths[0]) or target.paths[0]


def main_key(found: Objects, place: str, when: datetime | None = None) -> str:
    """The key of what a finding is about: the file, else the process, the module, the name …;
    ``place``, where it has no object. ``when``: the first time that the evidence tells.

    Neither the indicator is part of it (a new pack must not orphan an analyst's note), nor the
    view, nor who read it.
    """
    if found.process is not None and (found.dll is not None or found.file is None):
        return _lasting_process_key(found, found.process)
    if found.file is not None:
        return _own_key(found.file)
    if found.dll is not None:
        return file_key(found.dll.path)
    return next(_other_keys(found, when), f"place:{place}")


def keys_of(seen: Observation) -> tuple[str, ...]:
    """What this has in common with other sightings of one chain; at least one, its own first."""
    keys: list[str] = []
    if seen.process is not None:
        keys += process_keys(seen, seen.process)
    if seen.file is not None:
        keys += _file_keys(seen.file)
    if seen.dll is not None:
        keys.append(file_key(seen.dll.path))
    if seen.dns is not None:
        keys += _dns_keys(seen.dns)
    if seen.destination is not None and seen.claim is not Claim.BLOCKED:
        keys += _destination_keys(seen.destination)
    if not keys:
        keys = list(_other_keys(seen, next(iter(telling(seen.moments)), None)))
    return tuple(dict.fromkeys(keys)) or (f"place:{seen.place.text}",)


def process_keys(seen: Observation, process: Process) -> Iterator[str]:
    """Of a process as it was seen; none if it cannot be told from another one that had its pid."""
    if process.entity_id:
        yield f"process:{process.entity_id.casefold()}"
    is_told_by_pid = process.start is not None or (seen.event is None and seen.claim in _NOW)
    if process.pid is not None and is_told_by_pid:
        yield process_key(process.pid, process.start)


def _lasting_process_key(found: Objects, process: Process) -> str:
    """Of the program too: the pid and the start come from clocks and counters that begin anew.

    Where the evidence does not tell both (prefetch, a Run key, a typed command), of all else that
    it tells.
    """
    start = 0 if process.start is None else int(process.start.timestamp())
    image = fold(process.executable or process.name)
    key = f"process:{image}:{'' if process.pid is None else process.pid}:{start}"
    if process.pid is not None and process.start is not None:
        return key
    if process.entity_id:
        return f"{key}:{process.entity_id.casefold()}"
    told = [
        process.command_line,
        "" if process.user is None else fold(process.user.name) or process.user.id,
        "" if found.dll is None else file_key(found.dll.path),
        *_named_keys(found),
    ]
    return ":".join([key, *told]) if any(told) else key


def _own_key(file: File) -> str:
    path = f"{file.member_of}{ARROW}{file.path}" if file.member_of else file.path
    return file_key(f"{path}:{file.stream}" if file.stream else path)


def _file_keys(file: File) -> Iterator[str]:
    """Its own, of a stream that of its file, and that of what is left of it in the recycle bin. An
    archive's members are things of their own: what one is says nothing about the others."""
    yield _own_key(file)
    if not file.member_of:
        yield file_key(file.path)
    if file.recycled:
        folder, _, name = file.recycled.rpartition("\\")
        yield file_key(file.recycled)
        yield file_key(f"{folder}\\$I{name[2:]}")  # the record that says so


def _dns_keys(dns: Dns) -> Iterator[str]:
    yield domain_key(dns.question)
    yield from (address_key(answer) for answer in dns.answers if _is_somewhere(answer))


def _destination_keys(far: Destination) -> Iterator[str]:
    if _is_somewhere(far.ip):
        yield address_key(far.ip)
    if far.domain:
        yield domain_key(far.domain)


def _is_somewhere(address: str) -> bool:
    """Whether it is an address, and of a host: a sinkhole's answer ties nothing together."""
    try:
        told = ipaddress.ip_address(plain_address(address))
    except ValueError:
        return False
    return not (told.is_unspecified or told.is_loopback)


def _other_keys(found: Objects, when: datetime | None) -> Iterator[str]:
    """Of what is neither file, module nor process. Records of a log are numbered anew when it is
    cleared, so their time belongs to their number."""
    yield from _named_keys(found)
    if found.event is not None and found.event.record is not None:
        time = "" if when is None else f":{when.isoformat()}"
        yield f"event:{found.event.channel.casefold()}:{found.event.record}{time}"


def _named_keys(found: Objects) -> Iterator[str]:
    """Of what has a name or an address of its own."""
    if found.dns is not None:
        yield domain_key(found.dns.question)
    if found.destination is not None and found.destination.ip:
        yield address_key(found.destination.ip)
    if found.registry is not None:
        yield f"registry:{found.registry.path.casefold()}:{found.registry.value.casefold()}"
    if found.service is not None:
        yield f"service:{found.service.name.casefold()}"
    if found.task is not None:
        yield f"task:{found.task.name.casefold()}"
    if found.pipe is not None:
        yield f"pipe:{found.pipe.name.casefold()}"
    if found.url is not None:
        whose = "" if found.user is None else fold(found.user.name) or found.user.id
        yield f"url:{found.url.full}" + (f":{whose}" if whose else "")


def file_key(path: str) -> str:
    """Of a file, however the path is written: case, slashes, ``\\\\?\\`` and a UNC prefix do not
    count.
    """
    folded = fold(path.replace("/", "\\"))
    for prefix in ("\\\\?\\UNC\\", "\\\\?\\"):
        if folded.startswith(prefix):
            folded = ("\\\\" if prefix.endswith("UNC\\") else "") + folded[len(prefix) :]
            break
    return f"file:{folded}"


def process_key(pid: int, start: datetime | None = None) -> str:
    """Of a process; its start tells two users of one pid apart."""
    return f"process:{pid}:{0 if start is None else int(start.timestamp())}"


def domain_key(name: str) -> str:
    """Of a DNS name, folded."""
    return f"domain:{fold_domain(name)}"


def address_key(address: str) -> str:
    """Of an IP address, in whichever of its forms."""
    return f"address:{plain_address(address).casefold()}"
