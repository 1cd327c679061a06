"""A batch of reports, as PostgreSQL keeps it: in one transaction, and ticked off behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from asyncpg import exceptions as pg

from ..records import NewReport, PutResult
from .database import Insert, Packed, Statement
from .packing import read_copy
from .putting import (
    HOST_COLUMNS,
    HOST_CONFLICT,
    REPORT_COLUMNS,
    SEEN,
    Judged,
    host_values,
    judged,
    report_values,
    ticks,
)
from .repeating import numbered
from .taken_back import doubtful, otherwise_by_hosts, seen_by_hosts

if TYPE_CHECKING:
    from .repeating import Connection

_INSERT_REPORT = (
    f"INSERT INTO report ({', '.join(REPORT_COLUMNS)})"
    f" VALUES ({', '.join(f'${n + 1}' for n in range(len(REPORT_COLUMNS)))})"
    " ON CONFLICT (report_id) DO NOTHING RETURNING report_id"
)
_UPSERT_HOST = (
    f"INSERT INTO host ({', '.join(HOST_COLUMNS)})"
    f" VALUES ({', '.join(f'${n + 1}' for n in range(len(HOST_COLUMNS)))}) {HOST_CONFLICT}"
)
_TICKS = {
    (column, seen): f"UPDATE expected SET seen = {int(seen)} WHERE sweep_id = $1 AND {seen.before}"
    f" AND {column} = ANY($2)"
    for column in ("name_key", "short_key")
    for seen in SEEN
}
_OTHERWISE = numbered(otherwise_by_hosts("?")).replace("IN ($2)", "= ANY($2)")
_DEMANDS = "SELECT sweep_id, demand FROM sweep WHERE sweep_id = ANY($1) ORDER BY sweep_id FOR SHARE"
"""Locked until the commit: who changes a demand waits, and then judges these reports again."""


async def commit_batch(connection: Connection, reports: Sequence[NewReport]) -> list[PutResult]:
    """Keep those that are new; says of each report, in their order, which it was. Raises what
    asyncpg raises; what has met another transaction may be done again.
    """
    first: dict[str, NewReport] = {}
    for report in reports:
        first.setdefault(report.report_id, report)
    async with connection.transaction(isolation="read_committed"):
        sweeps = sorted({report.sweep_id for report in first.values()})
        rows = await connection.fetch(_DEMANDS, sweeps)
        every = judged(list(first.values()), {str(row[0]): str(row[1]) for row in rows})
        new, digests = await _insert(connection, every)
        # By key, reports before hosts before names: fronts wait for each other in one
        # order, never in a circle.
        fresh = [one for one in every if one.report.report_id in new]
        fresh.sort(key=lambda one: (one.report.sweep_id, one.report.host_key))
        await connection.executemany(_UPSERT_HOST, [host_values(one) for one in fresh])
        await _tick(connection, fresh)
    # Again, behind the commit: a list that is being imported meanwhile is either seen from
    # here or sees these hosts. Known ones too: their first acknowledgement was lost.
    async with connection.transaction(isolation="read_committed"):
        await _tick(connection, every)
    results: list[PutResult] = []
    for report in reports:
        if report.report_id in new:
            new.remove(report.report_id)  # its others in this batch are not
            results.append("new")
        else:
            same = report.digest == digests[report.report_id]
            results.append("known" if same else "conflict")
    return results


async def _insert(
    connection: Connection, reports: Sequence[Judged]
) -> tuple[set[str], dict[str, bytes]]:
    """Ids of those that are new, and the digests of all, of the older ones as they are stored."""
    by_id = {one.report.report_id: one for one in reports}
    rows = await connection.fetchmany(
        _INSERT_REPORT, [report_values(by_id[one]) for one in sorted(by_id)]
    )
    new = {str(row[0]) for row in rows}
    digests = {one: by_id[one].report.digest for one in new}
    if older := sorted(by_id.keys() - new):
        stored = await connection.fetch(
            "SELECT report_id, digest FROM report WHERE report_id = ANY($1)", older
        )
        digests.update((str(row[0]), bytes(row[1])) for row in stored)
        if len(digests) < len(by_id):
            raise pg.SerializationError("a report was removed while it came again")
    return new, digests


async def _tick(connection: Connection, reports: Sequence[Judged]) -> None:
    """Tick off the expected hosts that these reports are from."""
    for sweep, column, seen, keys in ticks(reports):
        await connection.execute(_TICKS[column, seen], sweep, keys)
    for sweep, doubted in doubtful(reports):
        if found := await connection.fetch(_OTHERWISE, sweep, doubted):
            for sql, values in seen_by_hosts(sweep, [str(row[0]) for row in found]):
                await connection.execute(numbered(sql), *values)


class Together:
    """An insert and statements that are one transaction, which may be tried several times."""

    def __init__(
        self, statements: Sequence[Statement], insert: Insert | None, timeout: float
    ) -> None:
        """``timeout``: seconds, for each."""
        self._statements = statements
        self._insert = insert if insert is not None and insert.pieces else None
        self._timeout = timeout
        self._new = True

    async def run(self, connection: Connection) -> list[int]:
        """One try; the rows that each statement touched. Raises what asyncpg raises, and
        SerializationError for another try."""
        if self._insert is not None:
            if self._new:
                await self._copy(connection, self._insert)
            else:
                await self._put(connection, self._insert)
        return [
            _touched(await connection.execute(numbered(sql), *values, timeout=self._timeout))
            for sql, values in self._statements
        ]

    async def _copy(self, connection: Connection, insert: Insert) -> None:
        """In one stream, which costs half of a statement's rows, and takes none that is there."""
        try:
            await connection.copy_to_table(
                insert.table, source=_each(insert.pieces), columns=insert.columns, format="text",
                timeout=self._timeout,
            )  # fmt: skip
        except pg.UniqueViolationError as error:
            self._new = False
            raise pg.SerializationError("some of the rows are there already") from error

    async def _put(self, connection: Connection, insert: Insert) -> None:
        """By a statement that leaves what is there."""
        numbers = [name in insert.numbers for name in insert.columns]
        kinds = ["bigint" if number else "text" for number in numbers]
        lists = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(kinds, 1))
        rows = [row for piece in insert.pieces for row in read_copy(piece.data, numbers)]
        await connection.execute(
            f"{insert.into} SELECT * FROM unnest({lists}) {insert.end}",
            *map(list, zip(*rows, strict=True)),
            timeout=self._timeout,
        )


async def _each(pieces: Sequence[Packed]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece.data


def _touched(status: str) -> int:
    """Of what PostgreSQL says to a statement: ``UPDATE 3``, ``INSERT 0 1``."""
    last = status.rpartition(" ")[2]
    return int(last) if last.isdigit() else 0
