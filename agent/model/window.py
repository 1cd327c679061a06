"""Whether what was found happened before the time that a verdict is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from .observation import EARLIEST, Claim, Moment, MomentOf, Place, utc

_NOW = (Claim.RUNNING, Claim.LOADED, Claim.CONNECTED)


class _Sighting(Protocol):
    """One of a report, or what it is made of."""

    @property
    def claim(self) -> Claim | None: ...

    @property
    def place(self) -> Place: ...

    @property
    def moments(self) -> Iterable[Moment]: ...


class _Found(Protocol):
    """A finding."""

    @property
    def last_seen(self) -> datetime | None: ...

    @property
    def evidence(self) -> Sequence[_Sighting]: ...


def is_before(
    finding: _Found, since: datetime | None, sightings: Iterable[_Sighting] | None = None
) -> bool:
    """Whether all of a finding happened before then: no time of it but that of a last access lies
    within, and there is one (1601, 1970 and 1980 are none). What runs, is loaded, is connected or
    lies in the cache as the sweep looks goes on, whenever it began. ``sightings``: all of them,
    where more are known than the finding has."""
    if since is None:
        return False
    seen = finding.evidence if sightings is None else [*sightings]
    times = [m.time for one in seen for m in one.moments if m.of is not MomentOf.ACCESSED]
    if finding.last_seen is not None:
        times.append(finding.last_seen)
    last = max(map(utc, times), default=EARLIEST)
    is_old = EARLIEST < last < utc(since)
    return is_old and not any(map(_goes_on, seen))


def _goes_on(seen: _Sighting) -> bool:
    """Told by the running system, and by no record of it."""
    recorded = seen.place.record or seen.place.view
    cached = seen.claim is Claim.RESOLVED and not seen.place.path
    return (seen.claim in _NOW or cached) and not recorded
