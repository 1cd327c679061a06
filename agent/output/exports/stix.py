"""STIX 2.1: a bundle of sightings, with what was observed and what was not covered.

Findings of strength strong and confirmed become observed data, and for each indicator of a host one
sighting; a note of each sweep tells its verdict, its gaps, and how many weaker findings are left
out. All is marked TLP:AMBER+STRICT: hosts and users are named. Source: OASIS STIX Version 2.1
(2021-06-10), sections 2.9 (identifiers), 3, 4.4, 4.5, 4.8, 4.11, 5.2; the marking: OASIS
cti-stix-common-objects, ``extension-definition-specifications/tlp-2.0``.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from ...model.report import Finding, Host, IndicatorRef, Report, Strength
from ..mapping.document import Document, document_id, pruned, utc, valid, valid_within
from .account import answer, oldest_first, sentence, times_of
from .stix_observables import observables_of
from .stix_pattern import pattern_of

_NAMESPACE = uuid.UUID("3a7f0f5e-5f6d-5d0a-b7a5-7f9d2a6c1e44")
"""Never that of section 2.9, which is for cyber-observable objects."""
UNDATED: Final = "2018-01-01T00:00:00.000Z"
"""``created`` and ``valid_from`` of what a report has no date for (the program, a host, an
indicator): always the same, since an id has one ``created``, and before that of any pack."""
_STRICT: Final = "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"
_MARKING: Document = {
    "type": "marking-definition",
    "spec_version": "2.1",
    "id": _STRICT,
    "created": "2022-10-01T00:00:00.000Z",
    "name": "TLP:AMBER+STRICT",
    "extensions": {
        "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d": {
            "extension_type": "property-extension",
            "tlp_2_0": "amber+strict",
        }
    },
}
_MAX_COUNT = 999_999_999
_CONFIDENCE = {Strength.CONFIRMED: 85, Strength.STRONG: 50}
"""STIX 2.1, appendix A, "None / Low / Med / High": high and medium."""
_TYPES = frozenset(
    {"marking-definition", "identity", "indicator", "observed-data", "sighting", "note"}
)


def id_of(kind: str, *parts: str) -> str:
    """``kind--`` and a UUIDv5 of what it names."""
    name = "\n".join(valid(part) for part in (kind, *parts))
    return f"{kind}--{uuid.uuid5(_NAMESPACE, name)}"


_OURSELVES: Final = id_of("identity", "iocsweep")


def bundle(reports: Sequence[Report]) -> bytes:
    """All reports, in UTF-8."""
    ordered = oldest_first(reports)
    named = _named(ordered)
    objects: dict[str, Document] = {}
    for one in _objects(ordered, named):
        objects.setdefault(one["id"], one)
    whole = {
        "type": "bundle",
        "id": id_of("bundle", *sorted(objects)),
        "objects": [*objects.values()],
    }
    return msgspec.json.encode(whole) + b"\n"


def is_bundle(data: bytes) -> bool:
    """Whether these bytes are such a bundle and nothing else."""
    try:
        whole = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    objects = whole.get("objects") if isinstance(whole, dict) else None
    if not isinstance(objects, list) or not objects or objects[0] != _MARKING:
        return False
    return all(map(_is_ours, objects[1:]))


def _is_ours(one: Any) -> bool:
    """What has a maker has us for it; cyber-observables have none."""
    if not isinstance(one, dict) or one.get("object_marking_refs") != [_STRICT]:
        return False
    return one.get("type") not in _TYPES or one.get("created_by_ref") == _OURSELVES


def _objects(reports: Sequence[Report], named: dict[str, IndicatorRef]) -> Iterator[Document]:
    yield _MARKING
    yield _made("identity", _OURSELVES, UNDATED, name="iocsweep", identity_class="system")
    for report in reports:
        host = _host(report.host)
        yield host
        sightings = {one.indicator.id: _Sighting(one.indicator) for one in _strong(report)}
        for finding in _strong(report):
            observed = [*observables_of(report, finding)]
            for one in observed:
                yield {**one, "object_marking_refs": [_STRICT]}
            data = _observed_data(report, finding, observed)
            if data is not None:
                yield data
            for indicator in _indicators_of(finding, named):
                known = sightings.setdefault(indicator.id, _Sighting(indicator))
                known.add(finding, data)
        for sighting in sightings.values():
            yield _indicator(sighting.indicator)
        told = [_sighting(report, one, host) for one in sightings.values()]
        yield from told
        yield _note(report, [host, *told])


def _strong(report: Report) -> list[Finding]:
    return [one for one in report.findings if one.strength.rank >= Strength.STRONG.rank]


def _named(reports: Iterable[Report]) -> dict[str, IndicatorRef]:
    """Every indicator whose value the reports tell, by pack and id."""
    found: dict[str, IndicatorRef] = {}
    for report in reports:
        for finding in report.findings:
            one = finding.indicator
            found.setdefault(f"{one.pack}\n{one.id}", one)
    return found


def _indicators_of(finding: Finding, named: dict[str, IndicatorRef]) -> list[IndicatorRef]:
    """Its own, and those of its strong sightings whose value is known."""
    found = {finding.indicator.id: finding.indicator}
    for one in finding.evidence:
        other = named.get(f"{finding.indicator.pack}\n{one.indicator}")
        if other is not None and one.strength.rank >= Strength.STRONG.rank:
            found.setdefault(other.id, other)
    return list(found.values())


class _Sighting(Struct):
    """What one host says of one indicator."""

    indicator: IndicatorRef
    findings: list[Finding] = []
    observed: list[str] = []
    count: int = 0

    def add(self, finding: Finding, data: Document | None) -> None:
        self.findings.append(finding)
        self.count += sum(1 for e in finding.evidence if e.indicator == self.indicator.id) or 1
        if data is not None:
            self.observed.append(data["id"])


def _host(host: Host) -> Document:
    """By what a report knows it again, and by its name."""
    made = id_of("identity", "host", host.id, host.name)
    return _made("identity", made, UNDATED, name=host.name, identity_class="system")


def _indicator(one: IndicatorRef) -> Document:
    pattern, language = pattern_of(one)
    return _made(
        "indicator",
        id_of("indicator", one.pack, one.id, one.type, one.value),
        UNDATED,
        name=f"{one.pack}: {one.id}",
        description=f"{one.type} {one.value}",
        pattern=pattern,
        pattern_type=language,
        valid_from=UNDATED,
        external_references=[{"source_name": one.pack, "external_id": one.id}],
    )


def _observed_data(
    report: Report, finding: Finding, observed: Sequence[Document]
) -> Document | None:
    """None where the finding is about nothing that STIX has an object for."""
    if not observed:
        return None
    first, last = _span(finding)
    return _made(
        "observed-data",
        f"observed-data--{document_id(report, finding)}",
        _time(report.finished),
        first_observed=first,
        last_observed=last,
        number_observed=min(max(len(finding.evidence), 1), _MAX_COUNT),
        object_refs=[one["id"] for one in observed],
    )


def _sighting(report: Report, one: _Sighting, host: Document) -> Document:
    seen = [time for f in one.findings for time in times_of(f, one.indicator.id)]
    strongest = max((f.strength for f in one.findings), key=lambda strength: strength.rank)
    told = [f"{f.strength.value}: {f.title} ({'; '.join(f.reasons)})" for f in one.findings]
    ref = one.indicator
    return _made(
        "sighting",
        id_of("sighting", report.report_id, ref.pack, ref.id),
        _time(report.finished),
        description="\n".join(told),
        confidence=_CONFIDENCE[strongest],
        first_seen=_time(min(seen)),
        last_seen=_time(max(seen)),
        count=min(one.count, _MAX_COUNT),
        sighting_of_ref=id_of("indicator", ref.pack, ref.id, ref.type, ref.value),
        observed_data_refs=list(dict.fromkeys(one.observed)),
        where_sighted_refs=[host["id"]],
    )


def _note(report: Report, about: Sequence[Document]) -> Document:
    return _made(
        "note",
        id_of("note", report.report_id),
        _time(report.finished),
        abstract=answer(report),
        content=sentence(report),
        object_refs=[one["id"] for one in about],
    )


def _made(kind: str, made_id: str, created: str, **properties: Any) -> Document:
    """An object with what all of ours share; strings are valid Unicode."""
    made: Document = pruned(
        {
            "type": kind,
            "spec_version": "2.1",
            "id": made_id,
            "created_by_ref": _OURSELVES,
            "created": created,
            "modified": created,
            **properties,
            "object_marking_refs": [_STRICT],
        }
    )
    return {key: valid_within(one) for key, one in made.items()}


def _span(finding: Finding) -> tuple[str, str]:
    """From the first trace to the last; of one without any time, when the sweep saw it."""
    times = [utc(t) for t in (finding.first_seen, finding.last_seen) if t is not None]
    times = times or [utc(finding.time)]
    return _time(min(times)), _time(max(times))


def _time(time: datetime) -> str:
    """To the millisecond, as ``created`` and ``modified`` have to be."""
    return utc(time).isoformat(timespec="milliseconds").replace("+00:00", "Z")
