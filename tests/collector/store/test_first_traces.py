"""Which hosts have traces since when, of both engines."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from collector.store.first_traces import Traces
from collector.store.store import Store
from tests.collector.store.reporting import a_finding, a_hit

pytestmark = pytest.mark.anyio
ASKED = Traces(sweep_id="s1", strengths=("confirmed", "strong"), earliest=1000, latest=9000)
EVER = 1 << 62


async def seen(store: Store, name: str, *findings: dict[str, Any]) -> None:
    report = a_hit(name)
    await store.put(report)
    rows = [a_finding(report, f"i{number}", **fields) for number, fields in enumerate(findings)]
    await store.index(report.report_id, "s1", report.host_key, rows)


async def test_each_host_once_by_its_first_trace_and_what_that_is(store: Store) -> None:
    await seen(store, "LATE", {"first_seen": 3000, "last_seen": 4000})
    await seen(
        store, "EARLY", {"first_seen": 2000, "title": "b"},
        {"first_seen": 2000, "title": "z", "strength": "confirmed", "last_seen": 9500},
        {"first_seen": 1500, "strength": "weak"},
    )  # fmt: skip
    await seen(store, "ODD", {"first_seen": 999}, {"first_seen": None})
    rows = await store.first_traces(ASKED, since=-EVER, until=EVER)
    assert [(row.name, row.first, row.last, row.findings) for row in rows] == [
        ("EARLY", 2000, None, 2), ("LATE", 3000, 4000, 1),
    ]  # fmt: skip
    assert (rows[0].title, rows[0].strength) == ("z", "confirmed")
    span = await store.trace_span(ASKED)
    assert (span.hosts, span.timed, span.first, span.last_first, span.last) == (
        3, 2, 2000, 3000, 4000,
    )  # fmt: skip


async def test_a_part_of_the_time_and_the_rest_of_a_list(store: Store) -> None:
    for number in range(5):
        await seen(store, f"PC-{number}", {"first_seen": 2000 + 100 * (number // 2)})
    rows = await store.first_traces(ASKED, since=2000, until=2200)
    assert [row.name for row in rows] == ["PC-0", "PC-1", "PC-2", "PC-3"]
    last = rows[1]
    rest = await store.first_traces(
        ASKED, since=-EVER, until=EVER, after=(last.first, last.host_key)
    )
    assert [row.name for row in rest] == ["PC-2", "PC-3", "PC-4"]
    assert await store.trace_buckets(ASKED, 2000, 2200, 100) == [(0, 2), (1, 2)]


async def test_suppressed_findings_and_other_sweeps_are_no_traces(store: Store) -> None:
    await seen(store, "PC-1", {"first_seen": 2000})
    await store.suppress("s1", "i0", None, reason="known", who="t")
    assert await store.first_traces(ASKED, since=-EVER, until=EVER) == []
    other = structs.replace(ASKED, sweep_id="s2")
    for asked in (ASKED, other):
        span = await store.trace_span(asked)
        assert (span.hosts, span.timed, span.first) == (0, 0, None)
