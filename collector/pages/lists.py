"""The lists of a sweep: one host, who has not reported, its findings, and what was done to it."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from ..casework import CaseKey
from ..host_names import name_key
from ..records import FindingRow, HostRow
from ..signatures import verdict_kept
from ..store.store import PAGE
from .casework import LATEST, case_of
from .describe import gaps_of, host_answer
from .groups import column_filter, column_query
from .hosts import MAX_TEXT
from .session import Reader
from .site import Site, asked, link, not_found, path_id

DONE = {
    "suppressed": "Suppressed. The counters no longer count these findings as hits.",
    "lifted": "Lifted. The findings count again.",
    "case": "Saved.",
    "gone": "That suppression was lifted before.",
}


def _strongest_first(rows: Sequence[FindingRow]) -> list[FindingRow]:
    """As the report's page has them."""
    order = ("confirmed", "strong", "weak", "excluded")

    def place(row: FindingRow) -> tuple[int, int]:
        rank = order.index(row.strength) if row.strength in order else len(order)
        return rank, -row.score

    return sorted(sorted(rows, key=lambda row: row.finding_id, reverse=True), key=place)


class ListPages:
    """Everything under ``/sweeps/{sweep_id}/`` that is a table."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def missing(self, request: Request, reader: Reader) -> Response:
        """A page of the expected names that have not reported."""
        sweep = await self._site.sweep(request, reader)
        text, after = asked(request, "q", MAX_TEXT).strip(), asked(request, "after")
        owing = asked(request, "owing") == "1"
        column = column_filter(request)
        names = await self._site.store.missing(
            sweep.sweep_id, after=after, text=text, owing=owing, column=column
        )
        query = {"q": text, "owing": "1" if owing else "", **column_query(column)}
        keys = {name: name_key(name) for name in names}
        told = await self._site.store.columns_of_names(sweep.sweep_id, [*keys.values()])
        follow = None
        if len(names) == PAGE:
            last = names[-1].rstrip(".")
            follow = link("sweeps", sweep.sweep_id, "missing", **query, after=last)
        return self._site.html(
            "missing.html",
            reader=reader,
            sweep=sweep,
            counts=await self._site.counters.states(sweep.sweep_id),
            names=names,
            told={name: told[key] for name, key in keys.items() if key in told},
            columns=await self._site.store.columns(sweep.sweep_id),
            column=column,
            query=query,
            text=text,
            owing=owing,
            follow=follow,
            later=bool(after),
        )

    async def host(self, request: Request, reader: Reader) -> Response:
        """One host: its state and why, its reports, its findings."""
        sweep = await self._site.sweep(request, reader)
        store, key = self._site.store, path_id(request, "host_key")
        host = await store.host(sweep.sweep_id, key)
        if host is None:
            raise not_found("host")
        after = (asked(request, "report"), asked(request, "finding"))
        findings = await store.findings(sweep.sweep_id, host_key=key, after=after)
        follow = None
        if len(findings) == PAGE:
            last = findings[-1]
            place = {"report": last.report_id, "finding": last.finding_id}
            follow = link("sweeps", sweep.sweep_id, "hosts", key, **place)
        return self._site.html(
            "host.html",
            reader=reader,
            sweep=sweep,
            host=host,
            said=host_answer(host),
            gaps=gaps_of(host),
            signature=verdict_kept(host.said_signature),
            drills=(await store.drills_on(sweep.sweep_id, [key])).get(key, 0),
            sender=(first := host.sources.partition(" ")[0]),
            others=(await store.hosts_by(sweep.sweep_id, [first])).get(first, 0)
            - (host.sources == first),
            reports=await store.reports_of_host(sweep.sweep_id, key),
            case=(case := await store.case(CaseKey(sweep.sweep_id, key))),
            notes=await store.notes(case.key, latest=LATEST),
            case_of=case_of(sweep.sweep_id, key, await store.cases_on_hosts(sweep.sweep_id, [key])),
            told=(await store.columns_of_hosts(sweep.sweep_id, [host])).get(key, ()),
            aside=(await store.suppressed_on(sweep.sweep_id, [key])).get(key, 0),
            done=DONE.get(asked(request, "done"), ""),
            findings=_strongest_first(findings),
            strongest=await self._strongest(host) if follow or after[0] else None,
            follow=follow,
            later=bool(after[0]),
        )

    async def findings(self, request: Request, reader: Reader) -> Response:
        """The findings by indicator: seen on how many hosts."""
        sweep = await self._site.sweep(request, reader)
        rows = await self._site.counters.indicators(sweep.sweep_id)
        return self._site.html("findings.html", reader=reader, sweep=sweep, rows=rows)

    async def indicator(self, request: Request, reader: Reader) -> Response:
        """One indicator: where it was seen, and the form to suppress it."""
        sweep = await self._site.sweep(request, reader)
        store, indicator_id = self._site.store, path_id(request, "indicator_id")
        rows = await self._site.counters.indicators(sweep.sweep_id)
        row = next((one for one in rows if one.indicator_id == indicator_id), None)
        row = row or await store.indicator(sweep.sweep_id, indicator_id)
        if row is None:
            raise not_found("finding")
        only = asked(request, "host")
        host = await store.host(sweep.sweep_id, only) if only else None
        one = asked(request, "one")
        alone = await store.worst_told(sweep.sweep_id, host.host_key, one) if host and one else None
        after = (asked(request, "after"), asked(request, "finding"))
        found = await store.findings(sweep.sweep_id, indicator_id=indicator_id, after=after)
        follow = None
        if len(found) == PAGE:
            follow = link(
                "sweeps", sweep.sweep_id, "findings", indicator_id,
                after=found[-1].report_id, finding=found[-1].finding_id,
            )  # fmt: skip
        active = [
            one
            for one in await store.suppressions(sweep.sweep_id, indicator_id=indicator_id)
            if one.lifted is None
        ]
        paths, hashes = await store.objects_of(sweep.sweep_id, indicator_id)
        return self._site.html(
            "indicator.html",
            reader=reader,
            sweep=sweep,
            row=row,
            host=host,
            findings=found,
            follow=follow,
            later=bool(after[0]),
            active=active,
            covered=await store.covered(sweep.sweep_id, indicator_id) if active else {},
            alone=alone if alone and alone.indicator_id == indicator_id else None,
            found=await store.coverable(sweep.sweep_id, indicator_id),
            seen=await store.listed_until(sweep.sweep_id, self._site.clock()),
            paths=paths,
            hashes=hashes,
            done=DONE.get(asked(request, "done"), ""),
        )

    async def _strongest(self, host: HostRow) -> FindingRow | None:
        """Of all pages."""
        key = host.strongest_finding
        if key is None:
            return None
        return await self._site.store.worst_told(host.sweep_id, host.host_key, key[0])

    async def audit(self, request: Request, reader: Reader) -> Response:
        """Suppressions, lifted ones included, and who did what."""
        sweep = await self._site.sweep(request, reader)
        return self._site.html(
            "audit.html",
            reader=reader,
            sweep=sweep,
            suppressions=await self._site.store.suppressions(sweep.sweep_id),
            log=await self._site.store.audit_log(sweep_id=sweep.sweep_id),
            done=DONE.get(asked(request, "done"), ""),
        )
