"""Which hosts are hit: the worst of them, with whose and what, and which are new to who looks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from ..records import RANKS
from ..store.standing import HitHost
from .describe import moment_or_none

UNSEEN_MS = 10_000
"""What came so shortly before a page was made may not have stood on it: its counters are some
seconds old, and a report waits for its commit. It is new to the next look as well."""


class HitLine(Struct, frozen=True, kw_only=True):
    """A host with a hit."""

    host_key: str
    name: str
    fqdn: str
    users: str
    """Whoever has to do with it, comma-separated; empty: nobody is named."""
    strength: str
    """Of the strongest finding that is not suppressed."""
    title: str
    """Of that; empty: it is not listed, or not yet, and stands in the report."""
    finding_id: str
    report_id: str
    """Of the report that tells it."""
    first_seen: datetime | None
    """The earliest time that a strong finding tells of itself on the host, UTC."""
    hit_since: datetime | None
    """When its first report with a hit came in, or the first after all before were suppressed."""
    is_new: bool
    """Whether that was after the reader last looked."""


class Hits(Struct, frozen=True, kw_only=True):
    """The hit hosts of a sweep, for one reader."""

    hosts: list[HitLine]
    """The worst first."""
    more: int
    looked: datetime | None
    """When this reader last looked, UTC; None: never, or it is not known."""
    new: int
    """Of all hit hosts, those that came after that."""


def hits_of(found: Sequence[HitHost], hits: int, looked: int | None, new: int) -> Hits:
    """``hits``: how many there are; ``looked``: milliseconds UTC."""
    return Hits(
        hosts=[_line(one, looked) for one in found],
        more=max(hits - len(found), 0),
        looked=moment_or_none(looked),
        new=new,
    )


def _line(one: HitHost, looked: int | None) -> HitLine:
    host, finding = one.host, one.finding
    came = host.first_hit
    strengths = {rank: name for name, rank in RANKS.items()}
    return HitLine(
        host_key=host.host_key,
        name=host.name,
        fqdn=host.fqdn,
        users=host.users or (finding.owner if finding is not None else ""),
        strength=finding.strength if finding is not None else strengths[max(host.strongest, 2)],
        title=finding.title if finding is not None else "",
        finding_id=finding.finding_id if finding is not None else "",
        report_id=finding.report_id if finding is not None else host.report_id,
        first_seen=moment_or_none(host.first_trace),
        hit_since=moment_or_none(came),
        is_new=looked is not None and came is not None and came > looked - UNSEEN_MS,
    )


__all__ = ["UNSEEN_MS", "HitLine", "Hits", "hits_of"]
