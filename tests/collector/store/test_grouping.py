"""Groups by what is kept of their hosts are those that are found by looking all of them up."""

from __future__ import annotations

import random

import pytest

from collector.store import beside, grouping, since
from collector.store.database import Row, Value
from collector.store.expecting import Expected
from collector.store.grouping import Group
from collector.store.since import SoFar
from collector.store.store import Store
from tests.collector.store.reporting import a_finding, a_hit, a_report

pytestmark = pytest.mark.anyio

SITES = ("Berlin", "Rome", "Ōsaka", "\U0001f3d4", "Oslo")


def line(n: int, name: str = "pc-{}") -> Expected:
    return Expected(name.format(n), (("Site", SITES[n % len(SITES)]), ("Owner", f"owner {n}")))


async def same_as_asked_afresh(store: Store) -> list[Group]:
    """Of several hundred owners the first 501."""
    for column in ("Owner", "Site"):
        told = await store.groups("s1", column)
        assert told == await store._all_groups("s1", column, None)
        assert told == await Store(store.database).groups("s1", column)
    return told


@pytest.mark.parametrize(("new", "values"), [(0, 6000), (3, 6000), (5000, 6000), (5000, 4)])
@pytest.mark.parametrize("few", [0, 500])
async def test_what_is_kept_of_groups_is_as_if_asked_afresh(
    store: Store, few: int, new: int, values: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "FEW", few)
    monkeypatch.setattr(since, "NEW", new)
    monkeypatch.setattr(grouping, "MAX_VALUES", values)
    chance = random.Random(7)
    await store.expect("s1", [line(n) for n in range(30)], who="t")
    await same_as_asked_afresh(store)
    for step in range(24):
        n = chance.randrange(34)
        base = chance.choice(("clean", "incomplete", "failed", "clean"))
        if step % 6 == 5:
            report = a_hit(f"PC-{n}")
            await store.put(report)
            await store.index(report.report_id, "s1", report.host_key, [a_finding(report)])
        else:
            host_id = "another" if step % 7 == 6 else ""  # two hosts of one name
            gap = "" if base == "clean" else "r"
            await store.put(a_report(f"pc-{n}", base=base, reasons=gap, host_id=host_id or f"{n}"))
        if step % 4 == 3:
            await store.database.number(100)
        if step % 3 == 2:
            await same_as_asked_afresh(store)
    await store.put(a_report("elsewhere", sweep_id="s2"))
    made = await store.suppress("s1", "i1", None, reason="known", who="t")
    assert sum(one.hit for one in await same_as_asked_afresh(store)) == 0
    await store.lift(made, who="t")
    assert sum(one.hit for one in await same_as_asked_afresh(store)) > 0
    await store.expect("s1", [line(n, "pc-{}.corp.example") for n in range(28, 40)], who="t")
    await same_as_asked_afresh(store)
    await store.expect("s1", [Expected("pc-1", (("Site", "Nowhere"),))], who="t")
    await same_as_asked_afresh(store)
    await store.expect_no_more("s1", ["pc-2", "pc-3"], who="t")
    await same_as_asked_afresh(store)
    await store.put(a_report("pc-39", fqdn="pc-39.corp.example"))
    await same_as_asked_afresh(store)


async def test_hosts_of_the_most_frequent_state_are_looked_up_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.expect("s1", [line(n) for n in range(20)], who="t")
    for n in range(18):
        await store.put(a_report(f"pc-{n}"))
    await store.database.number(100)
    await store.groups("s1", "Site")
    left_out: list[Value] = []
    fetch = store.database.fetch

    async def noting(sql: str, *values: Value) -> list[Row]:
        if "host.state <> ?" in sql:
            left_out.append(values[2])
        return await fetch(sql, *values)

    monkeypatch.setattr(store.database, "fetch", noting)
    await store.put(a_report("pc-18"))
    assert sum(one.clean for one in await store.groups("s1", "Site")) == 19
    assert left_out == ["clean"]


async def test_a_list_that_is_changed_meanwhile_is_asked_as_it_is_then(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.expect("s1", [line(n) for n in range(10)], who="t")
    for n in range(10):
        await store.put(a_report(f"pc-{n}"))
    await store.database.number(100)
    await store.groups("s1", "Site")
    fetch, other = store.database.fetch, Store(store.database)

    async def late(sql: str, *values: Value) -> list[Row]:
        if "host.state <> ?" in sql:
            monkeypatch.setattr(store.database, "fetch", fetch)
            await other.expect("s1", [Expected("pc-0", (("Site", "Rome"),))], who="t")
        return await fetch(sql, *values)

    monkeypatch.setattr(store.database, "fetch", late)
    told = {one.value: one.clean for one in await store.groups("s1", "Site")}
    assert told == {"Berlin": 1, "Rome": 3, "Ōsaka": 2, "\U0001f3d4": 2, "Oslo": 2}


async def test_who_asked_before_and_counts_after_another_counts_no_host_twice(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.expect("s1", [line(n) for n in range(10)], who="t")
    for n in range(5):
        await store.put(a_report(f"pc-{n}"))
    await store.database.number(100)
    await store.groups("s1", "Site")
    early = await store.so_far("s1")
    for n in range(5, 10):
        await store.put(a_report(f"pc-{n}"))
    await store.database.number(100)
    assert sum(one.clean for one in await store.groups("s1", "Site")) == 10

    async def asked_before(_: str) -> SoFar | None:
        return early

    monkeypatch.setattr(store, "so_far", asked_before)
    assert sum(one.clean for one in await store.groups("s1", "Site")) == 10
