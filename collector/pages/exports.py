"""Lists and reports as files: streamed from the database, never whole in memory."""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from agent.output.mapping.table import cell, csv_lines

from ..casework import Case
from ..host_names import name_key
from ..records import FindingRow, HostRow
from ..store.store import Store
from ..unlisted import unlisted
from .asking import NOTHING, checked_query
from .clean_worth import worth_words
from .describe import iso, limit_words
from .session import Reader
from .signed import NAMES as SIGNED
from .signed import is_drill, told_of
from .site import HEADERS, Site, not_found, path_id

MAX_DECOMPRESSED = 64 << 20
"""Bytes of one report."""
AT_ONCE = 250
"""Rows that are written, and asked about, at once."""
PIECE = 64 << 10
"""Bytes that are sent at once, about."""
_TIMES = frozenset(
    {
        "first_received",
        "last_received",
        "finished",
        "time",
        "first_seen",
        "last_seen",
        "trouble",
        "cleared",
        "first_hit",
        "first_trace",
        "last_trace",
        "first_any",
        "last_any",
    }
)
_LIMITS = frozenset({"limits", "hit_limits"})
_HOST = tuple(
    name for name in HostRow.__struct_fields__ if name not in ("signature", "hit_signature")
)
"""``signature_status`` and what is beside it tell of these two."""
_CASE = ("case_state", "case_owner", "case_tags", "case_notes")
_LISTS = {
    "hosts": (
        *_HOST,
        "suppressed_findings",
        *_CASE,
        "expected",
        "list",
        *SIGNED,
        "drills",
    ),
    "findings": (*FindingRow.__struct_fields__, "suppressed_because", *_CASE, *SIGNED, "drill"),
    "missing": ("name", "sent", "list"),
}
"""``expected``: whether the host is on the list of expected ones. ``list``: what that says; in a
table a column for each of its own. New columns come last: readers go by the places of the others.
``signature_status``, ``signature_detail``: of the report that the host's state, or the finding, is
from. ``drills``: findings of a drill on the host; ``drill``: whether the finding is one."""
_KINDS = {"csv": "text/csv; charset=utf-8; header=present", "ndjson": "application/x-ndjson"}

Values = tuple[Any, ...]
_T = TypeVar("_T")


def ndjson_line(names: tuple[str, ...], values: Values) -> str:
    """One row as one line of ASCII JSON; strings as they came."""
    return json.dumps(dict(zip(names, values, strict=True)), separators=(",", ":")) + "\n"


def unpacked(body: bytes, limit: int = MAX_DECOMPRESSED) -> Iterator[bytes]:
    """A gzip body in pieces, up to the limit. Raises zlib.error."""
    engine, left = zlib.decompressobj(31), limit
    data = body
    while data and not engine.eof and left > 0:
        piece = engine.decompress(data, min(PIECE, left))
        data = engine.unconsumed_tail
        left -= len(piece)
        if piece:
            yield piece
    if not engine.eof:
        raise zlib.error(f"not a whole gzip body, or more than {limit:,} bytes in it")


class Exports:
    """``/sweeps/{sweep_id}/export/…`` and the downloads of a report."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def list(self, request: Request, reader: Reader) -> Response:
        """Hosts, findings or missing names, as CSV or NDJSON."""
        sweep = await self._site.sweep(request, reader)
        checked_query(request, NOTHING)
        what, _, form = path_id(request, "name").partition(".")
        if what not in _LISTS or form not in _KINDS:
            raise not_found("export")
        names = _LISTS[what]
        counts = await self._site.counters.counts(sweep.sweep_id)
        rows = self._rows(what, sweep.sweep_id)
        if form == "csv" and "list" in names:
            columns = await self._site.store.columns(sweep.sweep_id)
            at = names.index("list")
            names = (*names[:at], *(f"list: {one}" for one in columns), *names[at + 1 :])
            rows = _spread(columns, rows, at)
        lines = _csv(names, rows) if form == "csv" else _ndjson(names, rows)
        return StreamingResponse(
            lines,
            headers={
                **_attached(f"{sweep.sweep_id}-{what}.{form}"),
                "x-iocsweep-suppressed-hosts": str(counts.suppressed),
                "x-iocsweep-suppressed-findings": str(counts.suppressed_findings),
            },
            media_type=_KINDS[form],
        )

    async def json(self, request: Request, reader: Reader) -> Response:
        """A report as the host wrote it."""
        report_id, body = await self._body(request, reader)
        pieces = unpacked(body)
        try:
            first = next(pieces, b"")
        except zlib.error as error:
            raise not_found("readable report") from error
        return StreamingResponse(
            _whole(first, pieces),
            headers=_attached(f"{report_id}.json"),
            media_type="application/json",
        )

    async def gzip(self, request: Request, reader: Reader) -> Response:
        """A report as it was received, byte for byte."""
        report_id, body = await self._body(request, reader)
        headers = _attached(f"{report_id}.json.gz")
        return Response(body, headers=headers, media_type="application/gzip")

    async def _body(self, request: Request, reader: Reader) -> tuple[str, bytes]:
        report_id = path_id(request, "report_id")
        row = await self._site.store.report(report_id)
        if row is None or not reader.may_read(row.sweep_id):
            raise not_found("report")
        body = await self._site.store.body(report_id)
        if body is None:
            raise not_found("report")
        return report_id, body

    async def _rows(self, what: str, sweep_id: str) -> AsyncGenerator[Values, None]:
        store = self._site.store
        if what == "missing":
            async for names in _some(store.all_missing(sweep_id)):
                keys = [name_key(name) for name, _ in names]
                told = await store.columns_of_names(sweep_id, keys)
                for (name, owing), key in zip(names, keys, strict=True):
                    sent = "limited reports" if owing else "nothing"
                    yield name, sent, dict(told.get(key, ()))
        elif what == "hosts":
            async for hosts in _some(store.all_hosts(sweep_id)):
                for values in await _of_hosts(store, sweep_id, hosts):
                    yield values
        else:
            because = await store.why_suppressed(sweep_id)
            async for rows in _some(store.all_findings(sweep_id)):
                cases = await store.cases_on_hosts(sweep_id, sorted({r.host_key for r in rows}))
                signed = await store.signatures_of([row.report_id for row in rows])
                for row in rows:
                    if row.suppression_id is not None and row.suppression_id not in because:
                        because = {row.suppression_id: "", **await store.why_suppressed(sweep_id)}
                    case = cases.get((row.host_key, row.finding_id))
                    why = because.get(row.suppression_id or "", "")
                    signature = signed.get(row.report_id, "")
                    yield *_values(row), why, *_case(case), *_end(row, signature)
            async for row in unlisted(store, sweep_id):
                why = because.get(row.suppression_id or "", "")
                signed = await store.signatures_of([row.report_id])
                signature = signed.get(row.report_id, "")
                yield *_values(row), why, *_case(None), *_end(row, signature)


async def _of_hosts(store: Store, sweep_id: str, hosts: Sequence[HostRow]) -> list[Values]:
    """What is beside a host's own row is asked for some at a time."""
    keys = [row.host_key for row in hosts]
    aside = await store.suppressed_on(sweep_id, keys)
    cases = await store.cases_of_hosts(sweep_id, keys)
    told = await store.columns_of_hosts(sweep_id, hosts)
    others = await store.unexpected_of(sweep_id, keys)
    drills = await store.drills_on(sweep_id, keys)
    return [
        (
            *_values(row, _HOST), aside.get(row.host_key, 0), *_case(cases.get(row.host_key)),
            row.host_key not in others, dict(told.get(row.host_key, ())),
            *told_of(row.said_signature).values(), drills.get(row.host_key, 0),
        )
        for row in hosts
    ]  # fmt: skip


async def _some(rows: AsyncIterator[_T]) -> AsyncIterator[list[_T]]:
    """Some at a time; none of nothing."""
    some: list[_T] = []
    async for row in rows:
        some.append(row)
        if len(some) >= AT_ONCE:
            yield some
            some = []
    if some:
        yield some


async def _spread(
    columns: Sequence[str], rows: AsyncGenerator[Values, None], at: int
) -> AsyncGenerator[Values, None]:
    """Rows with a column for each of the list's, which are the value at this place."""
    async with aclosing(rows) as source:
        async for row in source:
            yield *row[:at], *(row[at].get(name, "") for name in columns), *row[at + 1 :]


def _case(case: Case | None) -> Values:
    if case is None:
        return "new", "", "", 0
    return case.state, case.owner, " ".join(case.tags), case.notes


def _end(row: FindingRow, signature: str) -> Values:
    return *told_of(signature).values(), is_drill(row)


def _values(row: HostRow | FindingRow, names: Sequence[str] = ()) -> Values:
    """``names``: of the fields; empty: all."""
    return tuple(_value(name, getattr(row, name)) for name in names or row.__struct_fields__)


def _value(name: str, value: Any) -> Any:
    if name in _LIMITS:
        return limit_words(value)
    if name == "worth":
        return worth_words(value)
    return iso(value) if name in _TIMES and value is not None else value


async def _csv(names: tuple[str, ...], rows: AsyncGenerator[Values, None]) -> AsyncIterator[str]:
    pending: list[Values] = [names]
    async with aclosing(rows) as source:
        async for row in source:
            pending.append(row)
            if len(pending) >= AT_ONCE:
                yield csv_lines(pending)
                pending = []
    yield csv_lines(pending)


async def _ndjson(names: tuple[str, ...], rows: AsyncGenerator[Values, None]) -> AsyncIterator[str]:
    pending: list[str] = []
    async with aclosing(rows) as source:
        async for row in source:
            pending.append(ndjson_line(names, row))
            if len(pending) >= AT_ONCE:
                yield "".join(pending)
                pending = []
    yield "".join(pending)


def _whole(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest  # an error here breaks the download off, so that it is not taken for whole


def _attached(name: str) -> dict[str, str]:
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)
    return {**HEADERS, "content-disposition": f'attachment; filename="{plain[:200]}"'}


__all__ = ["Exports", "cell", "csv_lines", "unpacked"]
