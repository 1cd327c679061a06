"""What the lists tell of a finding, of an indicator, and up to when: of both engines."""

from __future__ import annotations

import pytest

from collector.store.store import Store
from tests.collector.store.reporting import a_finding, a_hit, a_report

pytestmark = pytest.mark.anyio
KEY = "guid-of-pc-1|pc-1"


async def tells(store: Store, strength: str, *, time: int, suppressed: str | None = None) -> None:
    """A report of the host, and one and the same finding in it."""
    report = a_hit()
    await store.put(report)
    row = a_finding(report, strength=strength, time=time, finding_id="f")
    await store.index(report.report_id, "s1", report.host_key, [row])
    await store.database.transact(
        [
            (
                "UPDATE finding SET suppression_id = ? WHERE report_id = ?",
                [suppressed, report.report_id],
            )
        ]
    )


async def test_the_worst_that_counts_then_the_latest(store: Store) -> None:
    assert await store.worst_told("s1", KEY, "f") is None
    for time, (strength, suppressed) in enumerate(
        [("excluded", None), ("confirmed", "s"), ("weak", None), ("strong", None), ("strong", None)]
    ):
        await tells(store, strength, time=time, suppressed=suppressed)
    await tells(store, "weak", time=9)
    told = await store.worst_told("s1", KEY, "f")
    assert told is not None
    assert (told.strength, told.time) == ("strong", 4)
    assert await store.findings("s1", host_key=KEY) == [told]
    assert await store.findings("s1", indicator_id="i1") == [told]


async def test_an_indicator_is_told_as_the_list_tells_it(store: Store) -> None:
    await tells(store, "weak", time=3)
    await tells(store, "confirmed", time=1, suppressed="s")
    assert [await store.indicator("s1", "i1")] == await store.indicators("s1")
    assert await store.indicator("s1", "none") is None


async def test_all_is_listed_up_to_the_first_report_that_is_not(store: Store) -> None:
    assert await store.listed_until("s1", 100) == 100
    await store.put(a_report("A", received=1000))
    assert await store.listed_until("s1", 100) == 100
    assert await store.listed_until("s1", 5000) == 1000, "no later than the last of them"
    late, later = a_hit("B", received=3000), a_hit("C", received=2000)
    for report in (late, later, a_report("D", received=4000)):
        await store.put(report)
    assert await store.listed_until("s1", 5000) == 1999
    await store.index(later.report_id, "s1", later.host_key, [a_finding(later)])
    assert await store.listed_until("s1", 5000) == 2999
    await store.index(late.report_id, "s1", late.host_key, [a_finding(late)])
    assert await store.listed_until("s1", 5000) == 4000
