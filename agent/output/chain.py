"""A finding's chain of evidence, one step per thing, in the order in which it came about."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from ..model.objects import Dll, File, Hash, Lnk, Objects, Parent, Pe, Process
from .layout import size, when

MAX_SHOWN = 4000
"""Characters of one string from a host."""
MAX_LIST = 20

Facts = list[tuple[str, str]]


class Step(Struct, frozen=True, kw_only=True):
    """``Process``, ``rundll32.exe 4312``, and what is known of it."""

    kind: str
    name: str
    facts: Facts


def cut(text: str) -> str:
    """The text up to a bound, which it names."""
    if len(text) <= MAX_SHOWN:
        return text
    return f"{text[:MAX_SHOWN]} … and {len(text) - MAX_SHOWN:,} more characters in the download"


def chain_of(finding: Objects) -> list[Step]:
    """From the oldest ancestor to the far end of the connection."""
    return [
        Step(kind=kind, name=cut(name), facts=[(label, cut(text)) for label, text in facts if text])
        for kind, name, facts in _steps(finding)
    ]


def _steps(finding: Objects) -> Iterator[tuple[str, str, Facts]]:
    yield from _on_the_host(finding)
    yield from _remembered(finding)
    yield from _beyond(finding)


def _on_the_host(finding: Objects) -> Iterator[tuple[str, str, Facts]]:
    if finding.process is not None:
        for parent in reversed(finding.process.parent[:MAX_LIST]):
            yield "Parent", _named(parent), _started(parent)
        yield "Process", _named(finding.process), _process(finding.process)
    if finding.dll is not None:
        yield "Module", finding.dll.path, _module(finding.dll)
    if finding.file is not None:
        stream = f":{finding.file.stream}" if finding.file.stream else ""
        yield "File", finding.file.path + stream, _file(finding.file)
    if finding.pipe is not None:
        yield "Named pipe", finding.pipe.name, []
    if finding.task is not None:
        yield "Scheduled task", finding.task.name, [("command", finding.task.command)]
    if finding.service is not None:
        service = finding.service
        facts = [("shown as", service.display_name), ("program", service.executable)]
        yield "Service", service.name, facts


def _remembered(finding: Objects) -> Iterator[tuple[str, str, Facts]]:
    if finding.registry is not None:
        key = finding.registry
        yield "Registry", key.path, [("value", key.value), ("data", key.data)]
    if finding.event is not None:
        event = finding.event
        record = "" if event.record is None else str(event.record)
        facts = [("provider", event.provider), ("record", record)]
        number = "" if event.id is None else f", id {event.id}"
        yield "Event", event.channel + number, facts


def _beyond(finding: Objects) -> Iterator[tuple[str, str, Facts]]:
    if finding.dns is not None:
        answers = ", ".join(finding.dns.answers[:MAX_LIST])
        yield "DNS name", finding.dns.question, [("type", finding.dns.type), ("answers", answers)]
    if finding.destination is not None:
        end = finding.destination
        port = "" if end.port is None else f":{end.port}"
        facts = [("name", end.domain), ("state", end.state), ("from", end.local)]
        yield "Connection", f"{end.ip or end.domain}{port}", facts
    if finding.url is not None:
        yield "URL", finding.url.full, []
    if finding.user is not None and (finding.user.name or finding.user.id):
        yield "User", finding.user.name or finding.user.id, [("id", finding.user.id)]


def _named(process: Process | Parent) -> str:
    name = process.name or process.executable or "process"
    return name if process.pid is None else f"{name} {process.pid}"


def _started(process: Process | Parent) -> Facts:
    return [
        ("command line", process.command_line),
        ("program", process.executable),
        ("since", _time(process.start)),
    ]


def _process(process: Process) -> Facts:
    user = process.user
    return [
        *_started(process),
        ("as", (user.name or user.id) if user else ""),
        ("original name", process.original_file_name),
        ("signed by", process.signer),
        ("logged as", process.entity_id),
        *_hash(process.hash),
    ]


def _module(dll: Dll) -> Facts:
    gone = {True: "yes", False: "no longer", None: ""}[dll.on_disk]
    return [
        ("size", _size(dll.size)),
        ("on disk", gone),
        *_pe(dll.pe),
        *_hash(dll.hash),
    ]


def _file(file: File) -> Facts:
    return [
        ("in archive", file.member_of),
        ("size", _size(file.size)),
        ("created", _time(file.created)),
        ("modified", _time(file.mtime)),
        ("accessed", _time(file.accessed)),
        *[("came from", url) for url in file.zone_url[:MAX_LIST]],
        ("signed by", file.signer),
        *_pe(file.pe),
        *_lnk(file.lnk),
        *_hash(file.hash),
    ]


def _pe(pe: Pe | None) -> Facts:
    if pe is None:
        return []
    return [
        ("PE", f"{pe.machine}{' DLL' if pe.dll else ''}"),
        ("exports", ", ".join(pe.exports[:MAX_LIST])),
        ("original name", pe.original_file_name),
        ("compiled", _time(pe.compiled)),
    ]


def _lnk(lnk: Lnk | None) -> Facts:
    if lnk is None:
        return []
    return [
        ("link to", lnk.target),
        ("arguments", lnk.arguments),
        ("made on", lnk.machine_id),
        ("by MAC", lnk.mac),
        ("volume", lnk.volume_serial),
        ("droid time", _time(lnk.droid_time)),
        ("droid sequence", "" if lnk.droid_sequence is None else str(lnk.droid_sequence)),
    ]


def _hash(digest: Hash | None) -> Facts:
    if digest is None:
        return []
    return [
        ("SHA-256", digest.sha256 or ""),
        ("SHA-1", digest.sha1 or ""),
        ("MD5", digest.md5 or ""),
    ]


def _time(time: datetime | None) -> str:
    return when(time) if time is not None else ""


def _size(count: int | None) -> str:
    return size(count) if count is not None else ""


__all__ = ["Step", "chain_of", "cut"]
