"""A finding's evidence: what each sighting says, where it was, all times it gives.

What one source says in the same words again and again (a log's records, a file's copies) is one
row, with the other places behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from agent.model.objects import Objects
from agent.model.observation import Moment, MomentOf, Place
from agent.model.report import Evidence
from agent.output.chain import Step, chain_of, cut

from ..intake import milliseconds
from .describe import when

MAX_MOMENTS = 16
"""Times shown per sighting."""
MAX_SAME = 20
"""Other places of one row that are shown."""
_APART = (*(name for name in Objects.__struct_fields__ if name != "event"), "detail", "indicator")
"""By which two sightings differ; of an event, its record does not count."""


class Spot(Struct, frozen=True, kw_only=True):
    """One more place of the same, and its times."""

    place: str
    parts: list[tuple[str, str]]
    moments: list[tuple[str, str]]
    more_moments: int


class Sighting(Struct, frozen=True, kw_only=True):
    """One row of evidence."""

    source: str
    claim: str
    """``ran``; empty where the report does not say it (version 1)."""
    seen: str
    strength: str
    place: str
    parts: list[tuple[str, str]]
    """What is known of the place besides: in which file, which record, whose."""
    detail: str
    about: list[Step]
    """What it was about besides the finding's own."""
    moments: list[tuple[str, str]]
    """What it is the time of (empty: not told), and the time; in their order."""
    more_moments: int
    indicator: str
    same: list[Spot]
    """Other places where the source says the same."""
    more_same: int


def sightings_of(evidence: Sequence[Evidence], most: int) -> tuple[list[Sighting], int]:
    """Rows, at most so many, and how many sightings they leave out."""
    rows = _alike(evidence)
    left_out = sum(len(row) for row in rows[most:])
    return [_row(row) for row in rows[:most]], left_out


def _alike(evidence: Sequence[Evidence]) -> list[list[Evidence]]:
    """Those together that one source tells in the same words; in the order of the first."""
    rows: list[list[Evidence]] = []
    last: dict[tuple[str, ...], list[Evidence]] = {}
    for one in evidence:
        said = one.claim.value if one.claim is not None else ""
        key = (one.source, said, one.seen, one.strength.value)
        row = last.get(key)
        if row is None or not _is_alike(row[0], one):
            row = last[key] = []
            rows.append(row)
        row.append(one)
    return rows


def _is_alike(one: Evidence, other: Evidence) -> bool:
    if any(getattr(one, name) != getattr(other, name) for name in _APART):
        return False
    mine, its = one.event, other.event
    if mine is None or its is None:
        return mine is its
    return (mine.channel, mine.provider, mine.id) == (its.channel, its.provider, its.id)


def _row(alike: Sequence[Evidence]) -> Sighting:
    """In words, bounded."""
    evidence = alike[0]
    place, moments = evidence.place, sorted(evidence.moments, key=_order)
    return Sighting(
        source=evidence.source,
        claim=evidence.claim.value if evidence.claim is not None else "",
        seen=cut(evidence.seen),
        strength=evidence.strength.value,
        place=cut(place.text),
        parts=_parts(place),
        detail="" if evidence.detail in place.text else cut(evidence.detail),
        about=chain_of(evidence),
        moments=_told(moments[:MAX_MOMENTS]),
        more_moments=max(len(moments) - MAX_MOMENTS, 0),
        indicator=evidence.indicator,
        same=[_spot(one, evidence) for one in alike[1 : MAX_SAME + 1]],
        more_same=max(len(alike) - 1 - MAX_SAME, 0),
    )


def _spot(evidence: Evidence, first: Evidence) -> Spot:
    """With what its place does not share with the first's."""
    known = _parts(first.place)
    moments = sorted(evidence.moments, key=_order)
    return Spot(
        place=cut(evidence.place.text),
        parts=[part for part in _parts(evidence.place) if part not in known],
        moments=_told(moments[:MAX_MOMENTS]),
        more_moments=max(len(moments) - MAX_MOMENTS, 0),
    )


def _order(moment: Moment) -> int:
    return milliseconds(moment.time)


def _told(moments: Sequence[Moment]) -> list[tuple[str, str]]:
    return [
        ("" if one.of is MomentOf.HAPPENED else one.of.value, when(one.time)) for one in moments
    ]


def _parts(place: Place) -> list[tuple[str, str]]:
    pairs = (
        ("in", "" if place.path == place.text else place.path),
        ("record", place.record),
        ("view", place.view),
        ("owner", place.owner),
    )
    return [(label, cut(text)) for label, text in pairs if text]


def times_of(
    first: datetime | None, last: datetime | None, found: datetime
) -> list[tuple[str, str]]:
    """Of a finding."""
    pairs = (("first seen", first), ("last seen", last), ("found", found))
    return [(label, when(time)) for label, time in pairs if time is not None]
