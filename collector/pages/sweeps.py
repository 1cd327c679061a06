"""The sweeps, and the one page that says how one of them stands."""

from __future__ import annotations

import asyncio
import hashlib

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from ..judging import unpinned
from ..records import Counts, Demand, IndicatorRow, Sender, Sweep
from .charts import Bar, Curve, arrival_curve, share_bar
from .counters import WINDOW_MS, Overview
from .describe import answer, deadline_words, demand_words, limit_words, reach_estimate
from .session import Reader
from .site import HEADERS, Site, asked

TOP = 10
"""Indicators on the overview."""
MAX_SWEEPS = 200


class Standing(Struct, frozen=True, kw_only=True):
    """A sweep as its page shows it."""

    sweep: Sweep
    counts: Counts
    said: str
    rest: str
    deadline: str
    estimate: str
    indicators: list[IndicatorRow]
    more_indicators: int
    reasons: list[tuple[str, int]]
    limits: list[tuple[str, int]]
    """Why hosts are limited, and how many."""
    senders: list[Sender]
    demand: list[tuple[str, str]]
    """What counts as an answer."""
    proposal: Demand | None
    """The pack of the first report, where none is pinned."""
    judging: bool
    """Whether the demand was changed, and reports are still held against it."""
    curve: Curve | None
    bar: Bar | None

    @property
    def version(self) -> str:
        """Changes when anything that is shown does."""
        return hashlib.sha256(msgspec.msgpack.encode(self)).hexdigest()[:16]


def standing(sweep: Sweep, overview: Overview, now: int) -> Standing:
    """The numbers in words."""
    counts = overview.counts
    said, rest = answer(counts)
    estimate, end = reach_estimate(counts, overview.recent, WINDOW_MS, now)
    return Standing(
        sweep=sweep,
        counts=counts,
        said=said,
        rest=rest,
        deadline=deadline_words(sweep.deadline, end, now),
        estimate=estimate,
        indicators=overview.indicators[:TOP],
        more_indicators=max(len(overview.indicators) - TOP, 0),
        reasons=overview.reasons,
        limits=[(limit_words(limits), count) for limits, count in overview.limits],
        senders=overview.senders,
        demand=demand_words(sweep),
        proposal=overview.proposal if unpinned(sweep.demand) else None,
        judging=sweep.judged < sweep.demanded,
        curve=arrival_curve(overview.arrivals, overview.bucket_ms, counts, sweep.deadline),
        bar=share_bar(counts),
    )


class SweepPages:
    """``/`` and ``/sweeps/{sweep_id}``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def all(self, _: Request, reader: Reader) -> Response:
        """Every sweep with its answer, the latest first."""
        sweeps = [s for s in await self._site.store.sweeps() if reader.may_read(s.sweep_id)]
        shown = sweeps[:MAX_SWEEPS]
        counts = await asyncio.gather(*(self._site.counters.counts(s.sweep_id) for s in shown))
        rows = [(sweep, count, *answer(count)) for sweep, count in zip(shown, counts, strict=True)]
        return self._site.html(
            "sweeps.html", reader=reader, rows=rows, more=len(sweeps) - len(shown)
        )

    async def one(self, request: Request, reader: Reader) -> Response:
        """How a sweep stands, refreshed while it is looked at."""
        sweep = await self._site.sweep(request, reader)
        return self._site.html(
            "sweep.html",
            reader=reader,
            sweep=sweep,
            now=await self._standing(sweep),
            still=asked(request, "still") == "1",
        )

    async def summary(self, request: Request, reader: Reader) -> Response:
        """The part that changes; nothing if the page has it already."""
        sweep = await self._site.sweep(request, reader)
        now = await self._standing(sweep)
        if asked(request, "has") == now.version:
            return Response(status_code=204, headers=HEADERS)
        return self._site.html("summary.html", sweep=sweep, now=now, still=False)

    async def _standing(self, sweep: Sweep) -> Standing:
        overview = await self._site.counters.overview(sweep.sweep_id)
        return standing(sweep, overview, self._site.clock())
