"""MISP: an event of confirmed findings, and sightings of the indicators that fired.

The event stays "your organisation only" (distribution 0) and unpublished; ``to_ids`` is set on
indicators alone, and of these on such as fired strongly by themselves. It is named by the oldest of
its reports: an export with more of them updates it. Source: MISP core format
(draft-dulaunoy-misp-core-format-20), sections 2.2 to 2.6; API "Add sighting".
"""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from ...model.objects import File
from ...model.report import Finding, IndicatorRef, Report, Strength
from ...spelling import base_name
from ..escape import shown
from ..mapping.document import Document, address, epoch, pruned, sane, utc, valid
from .account import oldest_first, sentence, times_of

_NAMESPACE = uuid.UUID("b0b1a9d4-6a0b-5c4f-8f0c-6c3c5e2b9f10")
_INFO: Final = "iocsweep: "
"""Begins the title of every event of ours."""
_SOURCE: Final = "iocsweep "
_OWN_ORGANISATION: Final = "0"
_UNDEFINED: Final = "4"
"""Threat level: nobody has judged it."""
_INITIAL: Final = "0"
_DELIVERY = "Payload delivery"
_NETWORK = "Network activity"
_DROPPED = "Artifacts dropped"
_HASHES = {32: "md5", 40: "sha1", 64: "sha256"}
_PLAIN_TYPES = {
    "domain": (_NETWORK, "domain"),
    "url": (_NETWORK, "url"),
    "certificate": (_NETWORK, "x509-fingerprint-sha256"),
}


def event(reports: Sequence[Report]) -> bytes:
    """One event of all reports, in UTF-8."""
    ordered = oldest_first(reports)
    known = str(uuid.uuid5(_NAMESPACE, valid(ordered[0].report_id)))
    attributes = _Attributes(known)
    for report in ordered:
        attributes.add_comment(report)
        for finding in _of(report, Strength.CONFIRMED):
            attributes.add_finding(report, finding)
    newest = max(utc(report.finished) for report in ordered)
    hosts = len({report.host.id for report in ordered})
    sweeps = dict.fromkeys(shown(report.sweep_id) for report in ordered if report.sweep_id)
    named = f"; sweep: {', '.join(sweeps)}" if sweeps else ""
    confirmed = sum(len(_of(report, Strength.CONFIRMED)) for report in ordered)
    whole = {
        "Event": {
            "info": f"{_INFO}confirmed findings: {confirmed:,}; hosts swept: {hosts:,}{named}",
            "uuid": known,
            "date": utc(ordered[0].started).date().isoformat(),
            "timestamp": _seconds(newest),
            "threat_level_id": _UNDEFINED,
            "analysis": _INITIAL,
            "distribution": _OWN_ORGANISATION,
            "published": False,
            "Tag": [{"name": "tlp:amber+strict"}],
            "Attribute": attributes.all(),
        }
    }
    return msgspec.json.encode(whole) + b"\n"


def sightings(reports: Sequence[Report]) -> bytes:
    """A body for ``POST /sightings/add`` a line: strong and confirmed findings of an indicator that
    MISP has a type for."""
    made = [
        {
            "value": shown(finding.indicator.value),
            "type": "0",
            "source": f"{_SOURCE}{shown(report.host.name)}",
            "timestamp": int(_seconds(times_of(finding, finding.indicator.id)[-1])),
        }
        for report in oldest_first(reports)
        for finding in _of(report, Strength.STRONG)
        if _type_of(finding.indicator) is not None
    ]
    return b"".join(msgspec.json.encode(one) + b"\n" for one in made)


def is_event(data: bytes) -> bool:
    """Whether these bytes are such an event and nothing else."""
    try:
        whole = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    made = whole.get("Event") if isinstance(whole, dict) and len(whole) == 1 else None
    info = made.get("info") if isinstance(made, dict) else None
    return isinstance(info, str) and info.startswith(_INFO)


def are_sightings(data: bytes) -> bool:
    """Whether these bytes are such lines and nothing else."""
    try:
        rows = [_BODY.decode(line) for line in data.splitlines()]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return bool(rows) and all(row.source.startswith(_SOURCE) for row in rows)


class _Body(Struct, forbid_unknown_fields=True):
    value: str
    type: str
    source: str
    timestamp: int


_BODY = msgspec.json.Decoder(_Body)


class _Attribute(Struct):
    category: str
    type: str
    value: str
    to_ids: bool = False
    comments: dict[str, None] = {}
    sightings: dict[str, Document] = {}
    newest: str = "0"


class _Attributes:
    """Each value once, with all that was said of it."""

    def __init__(self, event_id: str) -> None:
        self._event = event_id
        self._by_value: dict[tuple[str, str], _Attribute] = {}

    def add_comment(self, report: Report) -> None:
        """What a host's answer is, and what it is worth."""
        one = self._of("Internal reference", "comment", sentence(report))
        one.comments[f"report {shown(report.report_id)}"] = None
        one.newest = max(one.newest, _seconds(report.finished), key=int)

    def add_finding(self, report: Report, finding: Finding) -> None:
        """Its indicator, and the hashes, names and addresses that were seen with it."""
        own = _type_of(finding.indicator)
        where = f"{report.host.name}: {finding.title}"
        if own is not None:
            one = self._of(*own, finding.indicator.value)
            fired = f"indicator {finding.indicator.id} of {finding.indicator.pack}"
            one.comments[shown(fired)] = None
            one.to_ids |= _fired_strongly(finding) and _is_searchable(finding.indicator)
            self._see(one, report, finding, where, times_of(finding, finding.indicator.id)[-1])
        for category, kind, value in _observed(finding):
            self._see(self._of(category, kind, value), report, finding, where, _when(finding))

    def all(self) -> list[Document]:
        """As MISP has them."""
        return [
            pruned(
                {
                    "uuid": self._id(one),
                    "category": one.category,
                    "type": one.type,
                    "value": one.value,
                    "to_ids": one.to_ids,
                    "distribution": _OWN_ORGANISATION,
                    "timestamp": one.newest,
                    "comment": "\n".join(one.comments),
                    "Sighting": list(one.sightings.values()),
                }
            )
            for one in self._by_value.values()
        ]

    def _of(self, category: str, kind: str, value: str) -> _Attribute:
        value = shown(value)
        return self._by_value.setdefault((kind, value), _Attribute(category, kind, value))

    def _id(self, one: _Attribute) -> str:
        return str(uuid.uuid5(_NAMESPACE, f"{self._event}\n{one.type}\n{one.value}"))

    def _see(
        self, one: _Attribute, report: Report, finding: Finding, where: str, when: datetime
    ) -> None:
        name = valid(f"{self._id(one)}\n{report.report_id}\n{finding.id}")
        known = str(uuid.uuid5(_NAMESPACE, name))
        one.comments[shown(where)] = None
        one.newest = max(one.newest, _seconds(report.finished), key=int)
        told = {
            "uuid": known,
            "type": "0",
            "date_sighting": _seconds(when),
            "source": f"{_SOURCE}{shown(report.host.name)}",
        }
        one.sightings.setdefault(known, told)


def _of(report: Report, least: Strength) -> list[Finding]:
    return [one for one in report.findings if one.strength.rank >= least.rank]


def _type_of(one: IndicatorRef) -> tuple[str, str] | None:
    """Category and type; None where MISP has none that means the same."""
    if one.type == "hash":
        kind = _HASHES.get(len(one.value))
        return None if kind is None else (_DELIVERY, kind)
    if one.type in ("file_name", "file_path"):
        return _DELIVERY, "filename"
    if one.type == "address":
        return (_NETWORK, "ip-dst") if _is_network(one.value) else None
    return _PLAIN_TYPES.get(one.type)


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _is_searchable(one: IndicatorRef) -> bool:
    """A detection takes it as it is: no wildcards, no variables of ours."""
    return one.type not in ("file_name", "file_path") or not set("*?%") & set(one.value)


def _fired_strongly(finding: Finding) -> bool:
    """By itself: not only that something else on the same thing did."""
    return any(
        one.indicator == finding.indicator.id and one.strength.rank >= Strength.STRONG.rank
        for one in finding.evidence
    )


def _observed(finding: Finding) -> Iterator[tuple[str, str, str]]:
    file = finding.file
    dll = finding.dll
    files = [file] if file is not None else []
    if dll is not None:
        files.append(File(path=dll.path, name=dll.name, hash=dll.hash))
    for one in files:
        yield from _of_file(one)
    names = [finding.dns.question] if finding.dns else []
    addresses: Iterable[str] = []
    if finding.destination is not None:
        names.append(finding.destination.domain)
        addresses = [finding.destination.ip]
    yield from ((_NETWORK, "domain", name) for name in names if name)
    yield from ((_NETWORK, "ip-dst", found) for found in map(address, addresses) if found)
    if finding.url is not None:
        yield _NETWORK, "url", finding.url.full
    if finding.registry is not None and finding.registry.path:
        yield _DROPPED, "regkey", finding.registry.path


def _of_file(file: File) -> Iterator[tuple[str, str, str]]:
    if name := file.name or base_name(file.path):
        yield _DELIVERY, "filename", name
    for kind in ("sha256", "sha1", "md5"):
        value: Any = getattr(file.hash, kind) if file.hash else None
        if value:
            yield _DELIVERY, kind, value


def _when(finding: Finding) -> datetime:
    return sane(finding.last_seen or finding.time)


def _seconds(time: datetime) -> str:
    return str(int(epoch(sane(time))))
