"""``/search``: where else a value is, over all sweeps that the reader may see; a page and JSON."""

from __future__ import annotations

import asyncio

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from ..records import RANKS, HostState, Sweep
from ..store.searching import (
    MAX_WAITING,
    Asked,
    FoundTerms,
    Spread,
    TermHost,
    TermRow,
    match_of,
)
from ..store.text_index import Parts, has_part
from ..terms import KINDS, MAX_VALUE, MIN_PART, OF_HOSTS, readings
from .session import Reader
from .signed import told_of
from .site import Refused, Site, asked, link, not_found

SHOWN = 12
"""Values of each kind."""
SHOWN_ALONE = 100
"""Of one kind, if that alone is asked for."""
MAX_SWEEPS = 200
"""Offered for choice, the latest."""
WORDS = {
    "host": "Names of hosts", "id": "Ids of hosts", "address": "Addresses of hosts",
    "path": "Paths", "hash": "Hashes", "user": "Users", "domain": "Domains",
    "remote": "Addresses that hosts talked to", "url": "URLs", "indicator": "Indicators",
    "name": "Tasks, services and pipes",
}  # fmt: skip
_MATCHES = ("whole", "beginning", "part")
_STRENGTHS = {rank: name for name, rank in RANKS.items()}


class SearchHost(Struct, frozen=True, kw_only=True):
    """A host that has the value."""

    sweep_id: str
    sweep: str
    """Its title."""
    host_key: str
    name: str
    state: HostState
    strength: str
    """Of its strongest finding that has the value; empty: it is said of the host itself."""
    findings: int
    suppressed: str
    """``all``, ``some`` or ``none`` of the strongest of these findings."""
    report_id: str
    """Of the strongest that is not suppressed, if there is one; empty: said of the host itself."""
    finding_id: str
    signature_status: str
    """Of the report that the host's state is from: ``docs/signatures.md``."""
    signature_detail: str


class SearchValue(Struct, frozen=True, kw_only=True):
    """A value."""

    value: str
    match: str
    """``whole``: it is what was asked for; ``beginning``: it begins so; ``part``: it has it in
    it."""
    hosts: int
    """One of two sweeps counts twice."""
    strength: str
    """The strongest finding that has it; empty: it is said of hosts."""
    where: list[SearchHost]
    """A few of the hosts; with ``whole`` a page of them."""


class SearchGroup(Struct, frozen=True, kw_only=True):
    """Values of one kind, the best matches first."""

    kind: str
    words: str
    values: list[SearchValue]
    found: int
    more: bool
    """Whether at least so many were found, and not all were looked at."""

    @property
    def of_hosts(self) -> bool:
        """Whether it is said of hosts, and not found on them."""
        return self.kind in OF_HOSTS


class NotReported(Struct, frozen=True, kw_only=True):
    """An expected host without a report."""

    sweep_id: str
    sweep: str
    name: str


class SearchAnswer(Struct, frozen=True, kw_only=True):
    """``/search.json``."""

    q: str
    read_as: list[str]
    """In one case of letters, and refanged."""
    kind: str
    sweep_id: str
    """Empty: all that the token may see."""
    groups: list[SearchGroup]
    not_reported: list[NotReported]
    """Expected hosts whose names begin so."""
    more_not_reported: bool
    beginnings_only: str
    """Why values are found by their beginnings alone; empty: by any part."""
    waiting: int
    """Reports that are kept, and cannot be searched yet."""
    more_waiting: bool
    not_whole: int
    """Reports of which not every value can be searched."""
    follow: str
    """Address of the next page of the hosts of one value; empty: there is none."""


class _Query(Struct, frozen=True):
    asked: Asked
    sweeps: dict[str, Sweep]
    after: tuple[str, str]


class SearchPages:
    """Asks the kept values."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def page(self, request: Request, reader: Reader) -> Response:
        """The fields, and what was found."""
        query = await self._query(request, reader)
        answer = await self._answer(query, "search")
        return self._site.html(
            "search.html",
            reader=reader,
            found=answer,
            whole=query.asked.whole,
            later=bool(query.after[0]),
            kinds=WORDS,
            chosen=query.asked.sweep_id or "",
            sweeps=list(query.sweeps.values())[:MAX_SWEEPS],
        )

    async def data(self, request: Request, reader: Reader) -> SearchAnswer:
        """The same for programs."""
        return await self._answer(await self._query(request, reader), "search.json")

    async def _query(self, request: Request, reader: Reader) -> _Query:
        """Raises Refused."""
        wanted, kind = asked(request, "sweep"), asked(request, "kind", 20)
        if kind and kind not in KINDS:
            raise Refused(400, f"A kind is one of {', '.join(KINDS)}.")
        sweeps = {
            one.sweep_id: one
            for one in await self._site.store.sweeps()
            if reader.may_read(one.sweep_id)
        }
        if wanted and wanted not in sweeps:
            raise not_found("sweep")
        text = asked(request, "q", MAX_VALUE)
        return _Query(
            Asked(
                text=text if text.strip() else "",  # of nothing nothing is said
                kind=next((one for one in KINDS if one == kind), None),
                # a token of one sweep asks that alone
                sweep_id=wanted or reader.token.sweep_id,
                whole=asked(request, "whole") == "1",
            ),
            sweeps,
            (asked(request, "after"), asked(request, "key")),
        )

    async def _answer(self, query: _Query, page: str) -> SearchAnswer:
        store, wanted = self._site.store, query.asked
        texts, parts = readings(wanted.text, whole=wanted.whole), await store.parts()
        every: list[FoundTerms] = []
        names: tuple[list[tuple[str, str]], bool] = ([], False)
        waiting, not_whole = await asyncio.gather(
            store.waiting_to_be_searchable(wanted.sweep_id),
            store.reports_not_searchable(wanted.sweep_id),
        )
        if texts:
            every = await store.search(wanted)
            if wanted.kind in (None, "host") and not wanted.whole:
                names = await store.names_to_report(wanted.text, wanted.sweep_id)
        groups, follow = await self._groups(query, every, texts, page)
        return SearchAnswer(
            q=wanted.text,
            read_as=texts,
            kind=wanted.kind or "",
            sweep_id=wanted.sweep_id or "",
            groups=groups,
            not_reported=[
                NotReported(sweep_id=sweep_id, sweep=_title(query, sweep_id), name=name)
                for sweep_id, name in names[0]
            ],
            more_not_reported=names[1],
            beginnings_only="" if wanted.whole else _beginnings_only(parts, texts),
            waiting=waiting,
            more_waiting=waiting >= MAX_WAITING,
            not_whole=not_whole,
            follow=follow,
        )

    async def _groups(
        self, query: _Query, every: list[FoundTerms], texts: list[str], page: str
    ) -> tuple[list[SearchGroup], str]:
        store, sweep_id = self._site.store, query.asked.sweep_id
        most = SHOWN_ALONE if query.asked.kind else SHOWN
        ids = [row.term_id for one in every for row in one.rows[:most]]
        spread = await store.spread(ids, sweep_id)
        there = [one for one in ids if one in spread]
        follow = ""
        if query.asked.whole and len(there) == 1:
            hosts = await store.hosts_of_term(there[0], sweep_id, after=query.after)
            where = {there[0]: hosts}
            if hosts and await store.hosts_of_term(there[0], sweep_id, after=_place(hosts[-1])):
                follow = _follow(query, hosts[-1], page)
        else:
            where = await store.hosts_of_terms(there, sweep_id)
        groups = []
        for one in every:
            shown = [row for row in one.rows[:most] if row.term_id in spread]
            if not shown and not one.full:
                continue
            groups.append(
                SearchGroup(
                    kind=one.kind,
                    words=WORDS[one.kind],
                    values=[
                        _value(row, spread[row.term_id], where.get(row.term_id, []), texts, query)
                        for row in shown
                    ],
                    found=len(one.rows) - (min(len(one.rows), most) - len(shown)),
                    more=one.full,
                )
            )
        return groups, follow


def _value(
    row: TermRow, spread: Spread, where: list[TermHost], texts: list[str], query: _Query
) -> SearchValue:
    of_host = row.kind in OF_HOSTS
    return SearchValue(
        value=row.value,
        match=_MATCHES[min(match_of(row.folded, text) for text in texts)],
        hosts=spread.hosts,
        strength="" if of_host else _STRENGTHS[spread.strength],
        where=[
            SearchHost(
                sweep_id=one.sweep_id,
                sweep=_title(query, one.sweep_id),
                host_key=one.host_key,
                name=one.name,
                state=one.state,
                strength=_STRENGTHS[one.strength] if one.findings else "",
                findings=one.findings,
                suppressed=_suppressed(one),
                report_id=one.report_id,
                finding_id=one.finding_id,
                **told_of(one.signature),
            )
            for one in where
        ],
    )


def _suppressed(host: TermHost) -> str:
    """Of what is known of it: with more findings than are named, never all."""
    if not host.suppressed:
        return "none"
    return "all" if host.suppressed == host.findings else "some"


def _title(query: _Query, sweep_id: str) -> str:
    sweep = query.sweeps.get(sweep_id)
    return (sweep.title if sweep else "") or sweep_id


def _beginnings_only(parts: Parts, texts: list[str]) -> str:
    if not texts or any(has_part(parts, one) for one in texts):
        return ""
    if not parts:
        return "this database has no index of parts"
    if max(map(len, texts)) < MIN_PART:
        return "it has fewer than three characters"
    return "it has no letters or figures that this database's index of parts has"


def _place(host: TermHost) -> tuple[str, str]:
    return host.sweep_id, host.host_key


def _follow(query: _Query, last: TermHost, page: str) -> str:
    return link(
        page, q=query.asked.text, kind=query.asked.kind or "", whole="1",
        sweep=query.asked.sweep_id or "", after=last.sweep_id, key=last.host_key,
    )  # fmt: skip


__all__ = ["SearchAnswer", "SearchPages"]
