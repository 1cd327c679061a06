"""The sweeps, and the one page that says how one of them stands."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import datetime

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ..judging import unpinned
from ..records import ROLES, Demand, IndicatorRow, Limit, Sweep
from ..store.first_traces import TraceRow
from .charts import Bar, Curve, arrival_curve, share_bar
from .clean_worth import unsigned_words
from .counters import WINDOW_MS, Overview, Shown, held
from .describe import (
    answer,
    deadline_words,
    demand_words,
    limit_words,
    moment,
    moment_or_none,
    reach_estimate,
)
from .fleet_timeline import Picture
from .hits import UNSEEN_MS, Hits, hits_of
from .session import Reader
from .site import HEADERS, Fields, Refused, Site, asked, link
from .visits import Visits

TOP = 10
"""Indicators on the overview."""
MAX_SWEEPS = 200
ACCEPTS = ROLES[-1]
"""Who may accept a proposed pack."""
DONE = {"accepted": "The pack is asked for from now on; all reports are held against it again."}


class Said(Shown, frozen=True, kw_only=True):
    """The same, and what is said of it: on the page and to programs alike."""

    said: str
    rest: str
    """What it must not be read without; empty: nothing."""
    hits: Hits
    judging: bool
    """Whether what is asked for was changed, and reports are still held against it."""


class Standing(Said, frozen=True, kw_only=True):
    """A sweep as its page shows it."""

    sweep: Sweep
    closed: int | None
    """Since when no more reports are taken."""
    first: TraceRow | None
    """The host with the earliest strong trace."""
    picture: Picture | None
    deadline: str
    estimate: str
    indicators: list[IndicatorRow]
    more_indicators: int
    limits: list[tuple[str, int]]
    """Why hosts are limited, and how many."""
    demand: list[tuple[str, str]]
    """What counts as an answer."""
    proposal: Demand | None
    """The pack of the first report, where none is pinned."""
    curve: Curve | None
    bar: Bar | None

    @property
    def version(self) -> str:
        """Changes when anything that is shown does."""
        return hashlib.sha256(msgspec.msgpack.encode(self)).hexdigest()[:16]


class Proposal(Struct, frozen=True, kw_only=True):
    """The pack of the first report."""

    pack: str
    version: str


class FirstTrace(Struct, frozen=True, kw_only=True):
    """The host with the earliest strong trace."""

    host_key: str
    name: str
    first_seen: datetime
    strength: str
    title: str
    finding_id: str
    report_id: str


class LimitCount(Struct, frozen=True, kw_only=True):
    """Why hosts are limited."""

    limits: list[Limit]
    hosts: int


class SweepStanding(Said, frozen=True, kw_only=True):
    """``/sweeps/{sweep_id}/standing.json``."""

    sweep_id: str
    title: str
    pack: str
    made: datetime
    closed: datetime | None
    """Since when no more reports are taken; null: they are."""
    deadline: datetime | None
    first: FirstTrace | None
    limits: list[LimitCount]
    proposal: Proposal | None
    """Null: a pack is pinned, or no report has named one."""


def standing(
    sweep: Sweep, overview: Overview, now: int, *, closed: int | None, hits: Hits
) -> Standing:
    """The numbers in words."""
    counts = overview.counts
    said, rest = answer(counts)
    if overview.signing and (doubt := unsigned_words(overview.clean)):
        rest = f"{rest} {doubt}".lstrip()
    estimate, end = reach_estimate(counts, overview.recent, WINDOW_MS, now)
    return Standing(
        **held(Shown, overview),
        sweep=sweep,
        said=said,
        rest=rest,
        closed=closed,
        hits=hits,
        first=overview.first,
        picture=overview.picture,
        deadline=deadline_words(sweep.deadline, end, now),
        estimate=estimate,
        indicators=overview.indicators[:TOP],
        more_indicators=max(len(overview.indicators) - TOP, 0),
        limits=[(limit_words(limits), count) for limits, count in overview.limits],
        demand=demand_words(sweep),
        proposal=overview.proposal if unpinned(sweep.demand) else None,
        judging=sweep.judged < sweep.demanded,
        curve=arrival_curve(overview.arrivals, overview.bucket_ms, counts, sweep.deadline),
        bar=share_bar(counts),
    )


class SweepPages:
    """``/`` and ``/sweeps/{sweep_id}``."""

    def __init__(self, site: Site, visits: Visits) -> None:
        self._site = site
        self._visits = visits

    async def all(self, _: Request, reader: Reader) -> Response:
        """Every sweep with its answer, the latest first."""
        sweeps = [s for s in await self._site.store.sweeps() if reader.may_read(s.sweep_id)]
        shown = sweeps[:MAX_SWEEPS]
        closed = await self._site.store.closed_sweeps(self._site.clock())
        counts = await asyncio.gather(*(self._site.counters.counts(s.sweep_id) for s in shown))
        rows = [(sweep, count, *answer(count)) for sweep, count in zip(shown, counts, strict=True)]
        return self._site.html(
            "sweeps.html", reader=reader, rows=rows, closed=closed, more=len(sweeps) - len(shown)
        )

    async def one(self, request: Request, reader: Reader) -> Response:
        """How a sweep stands, refreshed while it is looked at."""
        sweep = await self._site.sweep(request, reader)
        page = self._site.html(
            "sweep.html",
            reader=reader,
            sweep=sweep,
            now=await self._standing(request, reader, sweep),
            still=asked(request, "still") == "1",
            accepts=ACCEPTS,
            done=DONE.get(asked(request, "done"), ""),
        )
        self._visits.opened(request, page, reader, sweep.sweep_id, self._site.clock())
        return page

    async def summary(self, request: Request, reader: Reader) -> Response:
        """The part that changes; nothing if the page has it already."""
        sweep = await self._site.sweep(request, reader)
        now = await self._standing(request, reader, sweep)
        if asked(request, "has") == now.version:
            return Response(status_code=204, headers=HEADERS)
        return self._site.html(
            "summary.html", reader=reader, sweep=sweep, now=now, still=False, accepts=ACCEPTS
        )

    async def data(self, request: Request, reader: Reader) -> SweepStanding:
        """The same for programs."""
        sweep = await self._site.sweep(request, reader)
        now = await self._standing(request, reader, sweep)
        overview = await self._site.counters.overview(sweep.sweep_id)
        first, proposal = now.first, now.proposal
        return SweepStanding(
            **held(Said, now),
            sweep_id=sweep.sweep_id,
            title=sweep.title,
            pack=sweep.pack,
            made=moment(sweep.created),
            closed=moment_or_none(now.closed),
            deadline=moment_or_none(sweep.deadline),
            first=None
            if first is None
            else FirstTrace(
                host_key=first.host_key, name=first.name, first_seen=moment(first.first),
                strength=first.strength, title=first.title, finding_id=first.finding_id,
                report_id=first.report_id,
            ),
            limits=[
                LimitCount(limits=[*limits], hosts=count) for limits, count in overview.limits
            ],
            proposal=None
            if proposal is None
            else Proposal(pack=proposal.pack, version=proposal.pack_version),
        )  # fmt: skip

    async def accept(self, request: Request, reader: Reader, fields: Fields) -> Response:
        """Ask for the pack that the form named, if it is proposed still."""
        sweep = await self._site.sweep(request, reader)
        store, sweep_id = self._site.store, sweep.sweep_id
        proposed = await store.proposal(sweep_id) if unpinned(sweep.demand) else None
        named = fields.get("pack", ""), fields.get("version", "")
        if proposed is None or named != (proposed.pack, proposed.pack_version):
            raise Refused(409, "That pack is not proposed, or not any more. Nothing was changed.")
        await store.accept_proposal(sweep_id, who=reader.who)
        self._site.counters.forget(sweep_id)
        return RedirectResponse(link("sweeps", sweep_id, done="accepted"), 303, HEADERS)

    async def _standing(self, request: Request, reader: Reader, sweep: Sweep) -> Standing:
        now, store = self._site.clock(), self._site.store
        looked = self._visits.looked(request, reader, sweep.sweep_id, now)
        overview, closed = await asyncio.gather(
            self._site.counters.overview(sweep.sweep_id), store.closed_sweeps(now)
        )
        new = 0
        if looked is not None:
            new = await store.hits_since(sweep.sweep_id, looked - UNSEEN_MS)
        hits = hits_of(overview.hits, overview.counts.hit, looked, new)
        return standing(sweep, overview, now, closed=closed.get(sweep.sweep_id), hits=hits)
