"""The numbers of a sweep, asked once for all who watch it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from msgspec import Struct

from ..judging import unpinned
from ..records import Counts, Demand, IndicatorRow, Limit
from ..store.first_traces import TraceRow, Traces
from ..store.senders import Sender
from ..store.standing import HitHost
from ..store.state_counts import StateCounts, states_of
from ..store.store import Store
from .advice import FleetWay, ways_of_fleet
from .clean_worth import CleanWorth, clean_worth
from .fleet_timeline import Picture, picture_of, window_of

_T = TypeVar("_T")

FRESH_MS = 2000
WINDOW_MS = 10 * 60_000
"""The pace of arrival is that of the last ten minutes."""
POINTS = 120
"""Of the arrival curve."""
MAX_REASONS = 8
MAX_HITS = 20
"""Hosts that are named on the overview."""
MAX_SENDERS = 5
"""Addresses of several hosts on the overview."""
MAX_TEXTS = 2000
"""Different texts that reasons, and what a clean rests on, are taken from."""
_MAX_SWEEPS = 500
_EVER = 1 << 62
_STEPS_MS = tuple(
    1000 * step
    for step in (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400)
)


class Shown(Struct, frozen=True, kw_only=True):
    """What is shown as it is asked of the store, on the page and to programs."""

    counts: Counts
    clean: CleanWorth | None
    """None: no host is clean."""
    ways: list[FleetWay]
    """What to do about incomplete and failed hosts."""
    senders: list[Sender]
    """Addresses that several hosts have as their only one."""
    reopened: int
    """Hosts that were hit again after their case was closed, which is open again."""


class Overview(Shown, frozen=True, kw_only=True):
    """All that the page of one sweep is made of."""

    indicators: list[IndicatorRow]
    hits: list[HitHost]
    """The worst, at most MAX_HITS."""
    first: TraceRow | None
    """The host with the earliest strong trace."""
    picture: Picture | None
    """Of all hosts with one; None: none tells a time."""
    limits: list[tuple[tuple[Limit, ...], int]]
    proposal: Demand | None
    signing: bool
    """Whether the sweep issued a key for reports to be signed by."""
    recent: int
    """Reports of the last ten minutes."""
    arrivals: list[tuple[int, int]]
    bucket_ms: int


def held(kind: type[Struct], by: Struct) -> dict[str, Any]:
    """The fields of a kind, as something that is of it, or of another that has them, holds them."""
    return {name: getattr(by, name) for name in kind.__struct_fields__}


class Counters:
    """Each sweep's numbers, at most two seconds old, with one query under way at a time."""

    def __init__(self, store: Store, clock: Callable[[], int]) -> None:
        self._store = store
        self._clock = clock
        self._counts: dict[str, tuple[int, asyncio.Task[Counts]]] = {}
        self._states: dict[str, tuple[int, asyncio.Task[StateCounts]]] = {}
        self._indicators: dict[str, tuple[int, asyncio.Task[list[IndicatorRow]]]] = {}
        self._proposals: dict[str, Demand] = {}
        self._overviews: dict[str, tuple[int, asyncio.Task[Overview]]] = {}

    async def counts(self, sweep_id: str) -> Counts:
        """The six counters and their kin. Raises StoreError."""
        task = self._fresh(self._counts, sweep_id)
        if task is None:
            task = asyncio.create_task(self._store.counts(sweep_id))
            self._keep(self._counts, sweep_id, task)
        return await asyncio.shield(task)

    async def states(self, sweep_id: str) -> StateCounts:
        """The six counters alone. Raises StoreError."""
        if self._fresh(self._counts, sweep_id) is not None:
            return states_of(await self.counts(sweep_id))
        task = self._fresh(self._states, sweep_id)
        if task is None:
            task = asyncio.create_task(self._store.state_counts(sweep_id))
            self._keep(self._states, sweep_id, task)
        return await asyncio.shield(task)

    async def indicators(self, sweep_id: str) -> list[IndicatorRow]:
        """Findings by indicator. Raises StoreError."""
        task = self._fresh(self._indicators, sweep_id)
        if task is None:
            task = asyncio.create_task(self._store.indicators(sweep_id))
            self._keep(self._indicators, sweep_id, task)
        return await asyncio.shield(task)

    async def overview(self, sweep_id: str) -> Overview:
        """The counters, the curve and the top lists. Raises StoreError."""
        task = self._fresh(self._overviews, sweep_id)
        if task is None:
            task = asyncio.create_task(self._ask(sweep_id))
            self._keep(self._overviews, sweep_id, task)
        return await asyncio.shield(task)

    def forget(self, sweep_id: str) -> None:
        """Someone changed what they say."""
        self._counts.pop(sweep_id, None)
        self._states.pop(sweep_id, None)
        self._indicators.pop(sweep_id, None)
        self._overviews.pop(sweep_id, None)

    async def _ask(self, sweep_id: str) -> Overview:
        store = self._store
        # All at once: as many are answered together as the store has readers.
        (
            (clean, counts, indicators),
            (hits, first, gaps),
            (senders, limits, recent),
        ) = await asyncio.gather(
            asyncio.gather(
                store.clean_groups(sweep_id, MAX_TEXTS),
                self.counts(sweep_id),
                self.indicators(sweep_id),
            ),
            asyncio.gather(
                store.hit_hosts(sweep_id, MAX_HITS),
                store.first_traces(Traces(sweep_id=sweep_id), since=-_EVER, until=_EVER, most=1),
                store.gap_groups(sweep_id, MAX_TEXTS),
            ),
            asyncio.gather(
                store.senders(sweep_id, MAX_SENDERS),
                store.limits(sweep_id, MAX_REASONS),
                store.arrived_since(sweep_id, self._clock() - WINDOW_MS),
            ),
        )
        (bucket, arrivals), proposal, reopened, picture, keys = await asyncio.gather(
            self._arrivals(sweep_id), self._proposal(sweep_id), store.reopened(sweep_id),
            self._picture(sweep_id), store.sweep_keys(sweep_id),
        )  # fmt: skip
        return Overview(
            counts=counts,
            indicators=indicators,
            hits=hits,
            clean=clean_worth(clean, counts.clean),
            first=first[0] if first else None,
            picture=picture,
            # of hosts that make texts up, much to look through
            ways=await asyncio.to_thread(ways_of_fleet, gaps),
            limits=limits,
            senders=senders,
            proposal=proposal,
            signing=bool(keys),
            reopened=reopened,
            recent=recent,
            arrivals=arrivals,
            bucket_ms=bucket,
        )

    async def _picture(self, sweep_id: str) -> Picture | None:
        wanted = Traces(sweep_id=sweep_id)
        span = await self._store.trace_span(wanted)
        window = window_of(span, -_EVER, _EVER)
        buckets = await self._store.trace_buckets(wanted, window.start, window.end, window.step)
        return picture_of(span, [], buckets, window)

    async def _proposal(self, sweep_id: str) -> Demand | None:
        """Asked until there is one: the first report stays the first."""
        known = self._proposals.get(sweep_id)
        if known is None:
            sweep = await self._store.sweep(sweep_id)
            if sweep is None or not unpinned(sweep.demand):
                return None
            known = await self._store.proposal(sweep_id)
            if known is not None:
                if len(self._proposals) >= _MAX_SWEEPS:
                    self._proposals.clear()
                self._proposals[sweep_id] = known
        return known

    async def _arrivals(self, sweep_id: str) -> tuple[int, list[tuple[int, int]]]:
        """In steps that a person would choose, about as many as the curve has points."""
        span = await self._store.arrival_span(sweep_id)
        if span is None:
            return 0, []
        length = span[1] - span[0]
        bucket = next((one for one in _STEPS_MS if length <= one * POINTS), 0) or length // POINTS
        return bucket, await self._store.arrivals(sweep_id, bucket)

    def _fresh(
        self, kept: dict[str, tuple[int, asyncio.Task[_T]]], sweep_id: str
    ) -> asyncio.Task[_T] | None:
        asked, task = kept.get(sweep_id, (0, None))
        if task is None or (task.done() and not 0 <= self._clock() - asked < FRESH_MS):
            return None
        failed = task.done() and (task.cancelled() or task.exception() is not None)
        return None if failed else task

    def _keep(
        self, kept: dict[str, tuple[int, asyncio.Task[_T]]], sweep_id: str, task: asyncio.Task[_T]
    ) -> None:
        if len(kept) >= _MAX_SWEEPS:
            kept.clear()
        kept[sweep_id] = (self._clock(), task)


__all__ = ["Counters", "Overview"]
