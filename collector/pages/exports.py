"""Lists and reports as files: streamed from the database, never whole in memory."""

from __future__ import annotations

import json
import zlib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from agent.output.mapping.table import cell, csv_lines

from ..records import FindingRow, HostRow
from ..unlisted import unlisted
from .describe import iso, limit_words
from .session import Reader
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
    }
)
_LIMITS = frozenset({"limits", "hit_limits"})
_LISTS = {
    "hosts": (*HostRow.__struct_fields__, "suppressed_findings"),
    "findings": (*FindingRow.__struct_fields__, "suppressed_because"),
    "missing": ("name", "sent"),
}
_KINDS = {"csv": "text/csv; charset=utf-8; header=present", "ndjson": "application/x-ndjson"}

Values = tuple[Any, ...]


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
        what, _, form = path_id(request, "name").partition(".")
        if what not in _LISTS or form not in _KINDS:
            raise not_found("export")
        names = _LISTS[what]
        counts = await self._site.counters.counts(sweep.sweep_id)
        rows = self._rows(what, sweep.sweep_id)
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
            async for name, owing in store.all_missing(sweep_id):
                yield name, "limited reports" if owing else "nothing"
        elif what == "hosts":
            async for host, aside in self._hosts(sweep_id):
                yield *_values(host), aside
        else:
            because = await store.why_suppressed(sweep_id)
            async for row in store.all_findings(sweep_id):
                if row.suppression_id is not None and row.suppression_id not in because:
                    because = {row.suppression_id: "", **await store.why_suppressed(sweep_id)}
                yield *_values(row), because.get(row.suppression_id or "", "")
            async for row in unlisted(store, sweep_id):
                yield *_values(row), because.get(row.suppression_id or "", "")

    async def _hosts(self, sweep_id: str) -> AsyncIterator[tuple[HostRow, int]]:
        """Each with how many of its findings are suppressed, asked for some hosts at a time."""
        some = deque[HostRow]()
        async for row in self._site.store.all_hosts(sweep_id):
            some.append(row)
            if len(some) >= AT_ONCE:
                for pair in await self._counted(sweep_id, some):
                    yield pair
                some.clear()
        for pair in await self._counted(sweep_id, some):
            yield pair

    async def _counted(
        self, sweep_id: str, rows: Sequence[HostRow]
    ) -> Sequence[tuple[HostRow, int]]:
        keys = [row.host_key for row in rows]
        aside = await self._site.store.suppressed_on(sweep_id, keys)
        return [(row, aside.get(row.host_key, 0)) for row in rows]


def _values(row: HostRow | FindingRow) -> Values:
    return tuple(_value(name, getattr(row, name)) for name in row.__struct_fields__)


def _value(name: str, value: Any) -> Any:
    if name in _LIMITS:
        return limit_words(value)
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
