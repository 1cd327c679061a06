"""``/sweeps/{sweep_id}/hosts``: the hosts that reported, in any order, as a page and as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from ..records import STATES, HostRow, Limit, Sweep
from ..signatures import STATUSES, Status
from ..store.host_order import ORDERS, WORST, Place, is_order, place_of
from ..store.store import PAGE, HostFilter
from .casework import case_filter, case_query, case_words
from .describe import moment, moment_or_none
from .groups import column_filter, column_query, column_words
from .session import Reader
from .signed import MARKS, told_of
from .site import Refused, Site, asked, link

MAX_TEXT = 255
"""Characters of a name that is searched for."""
FLAGS = ("flagged", "suppressed", "unexpected", "limited", "turned", "weak")
"""Parameters of the address that narrow the list."""


class HostLine(Struct, frozen=True, kw_only=True):
    """A host. All times UTC."""

    host_key: str
    name: str
    fqdn: str
    domain: str
    state: str
    suppressed: bool
    flagged: bool
    limited: bool
    turned: bool
    strong: int
    weak: int
    reasons: str
    limits: list[Limit]
    users: str
    first_trace: datetime | None
    """The earliest time that a strong finding tells of itself."""
    hit_since: datetime | None
    """When the first report with a hit came in, or the first after all before were suppressed."""
    first_received: datetime
    last_received: datetime
    finished: datetime
    os: str
    ip: str
    agent: str
    elevated: bool | None
    kind: str
    sources: str
    reports: int
    report_id: str
    """The report that the state is from."""
    signature_status: str
    """Of that report: ``verified``, ``unsigned``, ``altered`` …: ``docs/signatures.md``."""
    signature_detail: str
    """The key's id, or what is wrong and in which line."""
    drills: int
    """Findings of a drill, canaries that somebody left: among the weak and excluded ones."""


class HostPage(Struct, frozen=True, kw_only=True):
    """``/sweeps/{sweep_id}/hosts.json``."""

    sweep_id: str
    sort: str
    hosts: list[HostLine]
    follow: str
    """The address of the next page; empty: there is none."""


class _Answer(NamedTuple):
    sweep: Sweep
    chosen: HostFilter
    sort: str
    rows: list[HostRow]
    later: bool
    drills: dict[str, int]


def hosts_filter(request: Request) -> HostFilter:
    """What the query asks for; what is no state is no filter."""
    state = next((one for one in STATES if one == asked(request, "state")), None)
    return HostFilter(
        state=state,
        text=asked(request, "q", MAX_TEXT).strip(),
        sender=asked(request, "sender", MAX_TEXT),
        signature=next((one for one in STATUSES if one == asked(request, "signature")), None),
        case=case_filter(request),
        column=column_filter(request),
        **{name: asked(request, name) == "1" for name in FLAGS},
    )


def query_of(chosen: HostFilter, sort: str = WORST) -> dict[str, str]:
    """The same as parameters of an address."""
    flags = {name: "1" for name in FLAGS if getattr(chosen, name)}
    return {
        "state": chosen.state or "", "q": chosen.text, "sender": chosen.sender, **flags,
        "signature": chosen.signature or "",
        **case_query(chosen.case), **column_query(chosen.column),
        "sort": "" if sort == WORST else sort,
    }  # fmt: skip


_SIGNED: dict[Status, str] = {
    "verified": "verified as signed", "unchecked": "whose signatures nobody looked at",
    **{status: f"by a report that is {words}" for status, words in MARKS.items()},
    "unverified": "by a report whose signature nobody can verify",
}  # fmt: skip


def heading_of(chosen: HostFilter) -> str:
    """``Hosts with a hit, flagged, whose name begins with …``."""
    words = {
        None: "Hosts that reported",
        "hit": "Hosts with a hit",
        "clean": "Clean hosts",
        "incomplete": "Incomplete hosts",
        "failed": "Hosts whose sweep failed",
        "limited": "Hosts that answered something else",
    }[chosen.state]
    more = [
        text
        for on, text in (
            (chosen.flagged, "flagged"),
            (chosen.suppressed, "with every hit suppressed"),
            (chosen.unexpected, "that nobody expected"),
            (chosen.limited, "without a report that is what was asked for"),
            (chosen.turned, "clean after a hit or a gap"),
            (chosen.weak, "with weak traces and no stronger ones"),
            (bool(chosen.sender), f"sent by {chosen.sender} alone"),
            (chosen.signature is not None, _SIGNED[chosen.signature or "unchecked"]),
        )
        if on
    ]
    return ", ".join([words, *more, *case_words(chosen.case), *column_words(chosen.column)])


class HostPages:
    """The table of a sweep's hosts."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def page(self, request: Request, reader: Reader) -> Response:
        """A page of the hosts that reported."""
        told = await self._ask(request, reader)
        sweep, chosen = told.sweep, told.chosen
        return self._site.html(
            "hosts.html",
            reader=reader,
            sweep=sweep,
            counts=await self._site.counters.states(sweep.sweep_id),
            chosen=chosen,
            heading=heading_of(chosen),
            plain=chosen == HostFilter(state=chosen.state),
            query=query_of(chosen, told.sort),
            sort=told.sort,
            rows=told.rows,
            senders=await self._site.store.shared(
                sweep.sweep_id, sorted({row.sources for row in told.rows})
            ),
            cases=await self._site.store.cases_of_hosts(
                sweep.sweep_id, [row.host_key for row in told.rows]
            ),
            told=await self._site.store.columns_of_hosts(sweep.sweep_id, told.rows),
            drills=told.drills,
            columns=await self._site.store.columns(sweep.sweep_id),
            follow=_follow(told, "hosts"),
            later=told.later,
        )

    async def data(self, request: Request, reader: Reader) -> HostPage:
        """The same for programs."""
        if asked(request, "value") and not asked(request, "column"):
            raise Refused(400, "A value is of a column, and none is named.")
        told = await self._ask(request, reader)
        return HostPage(
            sweep_id=told.sweep.sweep_id,
            sort=told.sort,
            hosts=[_line(row, told.drills.get(row.host_key, 0)) for row in told.rows],
            follow=_follow(told, "hosts.json"),
        )

    async def _ask(self, request: Request, reader: Reader) -> _Answer:
        sweep = await self._site.sweep(request, reader)
        chosen, sort = hosts_filter(request), asked(request, "sort") or WORST
        if not is_order(sort):
            raise Refused(400, f"Hosts are sorted by {', '.join(ORDERS)}.")
        after = Place(asked(request, "after"), asked(request, "key"))
        rows = await self._site.store.ordered_hosts(sweep.sweep_id, chosen, order=sort, after=after)
        keys = [row.host_key for row in rows]
        drills = await self._site.store.drills_on(sweep.sweep_id, keys)
        return _Answer(sweep, chosen, sort, rows, bool(after.key), drills)


def _follow(told: _Answer, name: str) -> str:
    if len(told.rows) < PAGE:
        return ""
    place = place_of(told.rows[-1], told.sort)
    return link(
        "sweeps", told.sweep.sweep_id, name, **query_of(told.chosen, told.sort),
        after=place.value, key=place.key,
    )  # fmt: skip


def _line(row: HostRow, drills: int) -> HostLine:
    return HostLine(
        host_key=row.host_key,
        name=row.name,
        fqdn=row.fqdn,
        domain=row.domain,
        state=row.state,
        suppressed=row.suppressed,
        flagged=row.flagged,
        limited=row.limited,
        turned=row.turned,
        strong=row.strong,
        weak=row.weak,
        reasons=row.reasons,
        limits=[*row.limits],
        users=row.users,
        first_trace=moment_or_none(row.first_trace),
        hit_since=moment_or_none(row.first_hit),
        first_received=moment(row.first_received),
        last_received=moment(row.last_received),
        finished=moment(row.finished),
        os=row.os,
        ip=row.ip,
        agent=row.agent,
        elevated=row.elevated,
        kind=row.kind,
        sources=row.sources,
        reports=row.reports,
        report_id=row.report_id,
        **told_of(row.said_signature),
        drills=drills,
    )


__all__ = ["FLAGS", "MAX_TEXT", "HostPages", "heading_of", "hosts_filter", "query_of"]
