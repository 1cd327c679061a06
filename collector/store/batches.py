"""A batch of reports, as PostgreSQL keeps it: in one transaction, and ticked off behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from asyncpg import exceptions as pg

from ..records import NewReport, PutResult
from .putting import (
    HOST_COLUMNS,
    HOST_CONFLICT,
    REPORT_COLUMNS,
    host_values,
    name_keys,
    report_values,
)

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
_TICK = "UPDATE expected SET seen = 1 WHERE sweep_id = $1 AND seen = 0 AND {} = ANY($2)"
_TICK_WHOLE, _TICK_SHORT = _TICK.format("name_key"), _TICK.format("short_key")


async def commit_batch(connection: Connection, reports: Sequence[NewReport]) -> list[PutResult]:
    """Keep those that are new; says of each report, in their order, which it was. Raises what
    asyncpg raises; what has met another transaction may be done again.
    """
    first: dict[str, NewReport] = {}
    for report in reports:
        first.setdefault(report.report_id, report)
    async with connection.transaction(isolation="read_committed"):
        new, digests = await _insert(connection, first)
        # By key, reports before hosts before names: fronts wait for each other in one
        # order, never in a circle.
        fresh = [report for report in first.values() if report.report_id in new]
        fresh.sort(key=lambda report: (report.sweep_id, report.host_key))
        await connection.executemany(_UPSERT_HOST, [host_values(one) for one in fresh])
        await _tick(connection, fresh)
    # Again, behind the commit: a list that is being imported meanwhile is either seen from
    # here or sees these hosts. Known ones too: their first acknowledgement was lost.
    await _tick(connection, list(first.values()))
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
    connection: Connection, reports: dict[str, NewReport]
) -> tuple[set[str], dict[str, bytes]]:
    """Ids of those that are new, and the digests of all, of the older ones as they are stored."""
    rows = await connection.fetchmany(
        _INSERT_REPORT, [report_values(reports[one]) for one in sorted(reports)]
    )
    new = {str(row[0]) for row in rows}
    digests = {one: reports[one].digest for one in new}
    if older := sorted(reports.keys() - new):
        stored = await connection.fetch(
            "SELECT report_id, digest FROM report WHERE report_id = ANY($1)", older
        )
        digests.update((str(row[0]), bytes(row[1])) for row in stored)
        if len(digests) < len(reports):
            raise pg.SerializationError("a report was removed while it came again")
    return new, digests


async def _tick(connection: Connection, reports: Sequence[NewReport]) -> None:
    """Tick off the expected hosts that these reports are from."""
    whole: dict[str, set[str]] = {}
    short: dict[str, set[str]] = {}
    for report in reports:
        name, fqdn = name_keys(report)
        whole.setdefault(report.sweep_id, set()).update(key for key in (name, fqdn) if key)
        if not fqdn:
            short.setdefault(report.sweep_id, set()).add(name)
    for statement, names in ((_TICK_WHOLE, whole), (_TICK_SHORT, short)):
        for sweep, keys in sorted(names.items()):
            await connection.execute(statement, sweep, sorted(keys))
