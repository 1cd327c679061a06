"""``/sweeps/{sweep_id}/timeline``: who was first, as a page and as JSON."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from ..records import Sweep
from ..store.first_traces import TraceRow, Traces, TraceSpan
from ..store.store import PAGE
from .describe import DAY
from .fleet_timeline import (
    FleetTimeline,
    Window,
    picture_of,
    timeline_of,
    window_of,
)
from .session import Reader
from .site import Refused, Site, asked, link

_END = 1 << 62


class _Answer(NamedTuple):
    sweep: Sweep
    span: TraceSpan
    rows: list[TraceRow]
    buckets: list[tuple[int, int]]
    window: Window
    query: dict[str, str]
    later: bool


class TimelinePages:
    """Asks the findings' own times; suppressed ones are left out."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def page(self, request: Request, reader: Reader) -> Response:
        """The picture, and a page of hosts."""
        told = await self._ask(request, reader)
        view = _view(told, "timeline")
        return self._site.html(
            "timeline.html",
            reader=reader,
            sweep=told.sweep,
            view=view,
            picture=picture_of(told.span, told.rows, told.buckets, told.window),
            whole=told.window.start == told.span.first,
            query=told.query,
            later=told.later,
        )

    async def data(self, request: Request, reader: Reader) -> FleetTimeline:
        """The same for programs."""
        told = await self._ask(request, reader)
        return _view(told, "timeline.json")

    async def _ask(self, request: Request, reader: Reader) -> _Answer:
        sweep = await self._site.sweep(request, reader)
        weak = asked(request, "weak") == "1"
        wanted = Traces(sweep_id=sweep.sweep_id, weak=weak)
        query = {"weak": "1" if weak else "", "from": asked(request, "from", 10),
                 "to": asked(request, "to", 10)}  # fmt: skip
        after = asked(request, "after", 20)
        place = (_number(after), asked(request, "key"))
        store = self._site.store
        span = await store.trace_span(wanted)
        since, until = _day(query["from"], -_END), _day(query["to"], _END - DAY) + DAY
        window = window_of(span, since, until)
        buckets, rows = await asyncio.gather(
            store.trace_buckets(wanted, window.start, window.end, window.step),
            store.first_traces(wanted, since=since, until=until, after=place),
        )
        return _Answer(sweep, span, rows, buckets, window, query, bool(after))


def _view(told: _Answer, name: str) -> FleetTimeline:
    return timeline_of(
        told.sweep.sweep_id, told.span, told.rows, told.buckets, told.window, _follow(told, name)
    )


def _follow(told: _Answer, name: str) -> str:
    if len(told.rows) < PAGE:
        return ""
    last = told.rows[-1]
    place = {**told.query, "after": str(last.first), "key": last.host_key}
    return link("sweeps", told.sweep.sweep_id, name, **place)


def _number(text: str) -> int:
    """Of milliseconds; what is none is before all."""
    number = int(text) if text.isascii() and text.removeprefix("-").isdecimal() else -_END
    return min(max(number, -_END), _END)


def _day(text: str, otherwise: int) -> int:
    """Its first millisecond, UTC. Raises Refused."""
    if not text:
        return otherwise
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=timezone.utc)
    except ValueError as error:
        raise Refused(400, "A day is written 2026-11-24.") from error
    return int(day.timestamp() * 1000)


__all__ = ["TimelinePages"]
