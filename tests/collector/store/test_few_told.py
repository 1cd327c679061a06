"""Hosts that an index finds are those that one reading of all would find, in the same order."""

from __future__ import annotations

from typing import Any

import pytest

from collector.records import STATES, HostRow
from collector.store import few_told
from collector.store.few_told import FewTold
from collector.store.host_order import ORDERS, START, place_of
from collector.store.store import HostFilter, Store
from tests.collector.store.reporting import a_finding, a_hit, a_report

pytestmark = pytest.mark.anyio

SINCE = 1_795_000_000_000


async def keys(store: Store, order: str, state: Any, most: int = 4) -> list[str]:
    """Through all pages."""
    found: list[HostRow] = []
    place = START
    chosen = HostFilter(state=state)
    while rows := await store.ordered_hosts("s1", chosen, order=order, after=place, most=most):
        found += rows
        place = place_of(rows[-1], order)
    return [row.host_key for row in found]


async def fleet(store: Store) -> None:
    """Some at the same time, some more than once, some suppressed."""
    for n in range(24):
        name, at = f"PC-{n * 7 % 24:02}", SINCE + n // 3
        base = ("clean", "incomplete", "clean", "failed")[n % 4]
        fields = {"reasons": "" if base == "clean" else "r", "weak": n % 5, "received": at}
        if n % 6:
            report = a_report(name, base=base, **fields)
        else:
            report = a_hit(name, received=at, strong=1 + n % 2)
        await store.put(report)
        if n % 6 in (0, 1):
            indicator = "i1" if n % 4 else "i2"
            found = a_finding(report, indicator, strength="strong", first_seen=SINCE - n // 2)
            await store.index(report.report_id, "s1", report.host_key, [found])
    for n in range(0, 24, 5):
        for later in (0, n):
            await store.put(a_report(f"PC-{n:02}", received=SINCE + later))
    await store.suppress("s1", "i2", None, reason="known", who="t")


@pytest.mark.parametrize("last_reports", [0, 3, 2000])
@pytest.mark.parametrize("few", [0, 5, 5000])
async def test_pages_by_an_index_are_those_of_all_hosts(
    store: Store, few: int, last_reports: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fleet(store)

    async def no_way(*_: Any, **__: Any) -> None:
        return None

    orders = [(one, state) for one in ORDERS for state in (None, *STATES)]
    with monkeypatch.context() as by_reading_all:
        by_reading_all.setattr(FewTold, "keys_in_order", no_way)
        by_reading_all.setattr(few_told, "FEW_KEYS", -1)
        wanted = {
            (back + order, state): await keys(store, back + order, state, most=100)
            for order, state in orders
            for back in ("", "-")
        }
    monkeypatch.setattr(few_told, "FEW_KEYS", few)
    monkeypatch.setattr(few_told, "_LAST_REPORTS", last_reports)
    found = {at: await keys(store, *at) for at in wanted}
    assert found == wanted
    assert len(found["trace", None]) == 24


async def test_the_last_reports_lead_to_their_hosts(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing else is read."""
    await fleet(store)
    read: list[str] = []
    fetch = store.database.fetch

    async def noting(sql: str, *values: Any) -> Any:
        read.append(sql)
        return await fetch(sql, *values)

    monkeypatch.setattr(store.database, "fetch", noting)
    rows = await store.ordered_hosts("s1", order="last", most=3)
    assert [row.name for row in rows] == ["PC-20", "PC-15", "PC-10"]
    assert not [one for one in read if "chosen_key" in one]
