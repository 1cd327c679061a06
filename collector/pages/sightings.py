"""A finding's evidence, one row per sighting: what it says, where it was, all times it gives."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from agent.model.observation import Moment, MomentOf, Place
from agent.model.report import Evidence

from ..intake import milliseconds
from .chain import Step, chain_of, cut
from .describe import when

MAX_MOMENTS = 16
"""Times shown per sighting."""


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


def sighting_of(evidence: Evidence) -> Sighting:
    """In words, bounded."""
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
