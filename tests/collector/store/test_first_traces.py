"""Which hosts have traces since when, of both engines."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from collector.store import checking
from collector.store.first_traces import Traces
from collector.store.store import Store
from collector.store.suppressing import Part
from tests.collector.store.reporting import a_finding, a_hit

pytestmark = pytest.mark.anyio
ASKED = Traces(sweep_id="s1")
EVER = 1 << 62
DAY = 24 * 3600 * 1000
START = 1_795_000_000_000
"""A time like those of reports; what is told is so many milliseconds later."""


async def seen(store: Store, name: str, *findings: dict[str, Any]) -> None:
    report = a_hit(name, received=START + 9000)
    await store.put(report)
    rows = [
        a_finding(report, f"i{number}", **{"last_seen": None} | at(fields))
        for number, fields in enumerate(findings)
    ]
    await store.index(report.report_id, "s1", report.host_key, rows)


def at(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: START + value if isinstance(value, int) else value for name, value in fields.items()
    }


async def test_each_host_once_by_its_first_trace_and_what_that_is(store: Store) -> None:
    await seen(store, "LATE", {"first_seen": 3000, "last_seen": 4000})
    await seen(
        store, "EARLY", {"first_seen": 2000, "title": "b"},
        {"first_seen": 2000, "title": "z", "strength": "confirmed", "last_seen": 9001 + DAY},
        {"first_seen": 1500, "strength": "weak"},
    )  # fmt: skip
    await seen(store, "ODD", {"first_seen": 738_000_000_000 - START}, {"first_seen": None})
    rows = await store.first_traces(ASKED, since=-EVER, until=EVER)
    assert [(row.name, row.first, row.last, row.findings) for row in rows] == [
        ("EARLY", START + 2000, None, 2), ("LATE", START + 3000, START + 4000, 1),
    ]  # fmt: skip
    assert (rows[0].title, rows[0].strength) == ("z", "confirmed")
    span = await store.trace_span(ASKED)
    assert (span.hosts, span.timed, span.first, span.last_first, span.last) == (
        3, 2, START + 2000, START + 3000, START + 4000,
    )  # fmt: skip


async def test_a_part_of_the_time_and_the_rest_of_a_list(store: Store) -> None:
    for number in range(5):
        await seen(store, f"PC-{number}", {"first_seen": 2000 + 100 * (number // 2)})
    rows = await store.first_traces(ASKED, since=START + 2000, until=START + 2200)
    assert [row.name for row in rows] == ["PC-0", "PC-1", "PC-2", "PC-3"]
    last = rows[1]
    rest = await store.first_traces(
        ASKED, since=-EVER, until=EVER, after=(last.first, last.host_key)
    )
    assert [row.name for row in rest] == ["PC-2", "PC-3", "PC-4"]
    assert await store.trace_buckets(ASKED, START + 2000, START + 2200, 100) == [(0, 2), (1, 2)]


async def test_suppressed_findings_and_other_sweeps_are_no_traces(store: Store) -> None:
    await seen(store, "PC-1", {"first_seen": 2000})
    await store.suppress("s1", "i0", None, reason="known", who="t")
    assert await store.first_traces(ASKED, since=-EVER, until=EVER) == []
    other = structs.replace(ASKED, sweep_id="s2")
    for asked in (ASKED, other, Traces(sweep_id="s1", weak=True)):
        span = await store.trace_span(asked)
        assert (span.hosts, span.timed, span.first) == (0, 0, None)


async def test_the_row_says_what_the_findings_do_whatever_is_listed_suppressed_and_lifted(
    store: Store,
) -> None:
    await seen(store, "PC-1", {"first_seen": 3000, "last_seen": 8000, "score": 60})
    await seen(
        store, "PC-1", {"first_seen": 2500, "strength": "weak"},
        {"first_seen": 2000, "strength": "excluded", "score": 99},
        {"first_seen": 2700, "strength": "confirmed", "score": 9},
    )  # fmt: skip

    async def row() -> tuple[int, str, int | None, int | None, int | None]:
        host = (await store.hosts("s1"))[0]
        best = host.strongest_finding
        times = (host.first_trace, host.first_any, host.last_trace)
        early, weak, last = (None if one is None else one - START for one in times)
        return host.strongest, best[0][:4] if best else "", early, weak, last

    assert await row() == (3, "f-i2", 2700, 2500, 8000)
    key = (await store.hosts("s1"))[0].host_key
    one = await store.suppress(
        "s1", "i2", key, reason="known", who="t", part=Part(finding_id="f-i2-guid-of-pc-1|pc-1")
    )
    assert await row() == (2, "f-i0", 3000, 2500, 8000)
    await store.suppress("s1", "i0", None, reason="known", who="t")
    assert await row() == (0, "", None, None, None)
    await store.lift(one, who="t")
    assert await row() == (3, "f-i2", 2700, 2700, None)
    wrong = checking.MUST_BE_NONE["hosts whose traces are not those of their findings"]
    assert [tuple(found) for found in await store.database.fetch(wrong)] == [(0,)]
    await store.database.transact([("UPDATE host SET first_trace = ?", (START,))])
    assert [tuple(found) for found in await store.database.fetch(wrong)] == [(1,)]
