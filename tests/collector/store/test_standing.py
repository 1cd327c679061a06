"""What the page of a sweep asks of its hosts, of both engines."""

from __future__ import annotations

from typing import Any

import pytest

from collector.records import HostRow
from collector.store.database import Statement
from collector.store.host_order import ORDERS, START, WORST, Place, place_of
from collector.store.migrations import Engine, migrations
from collector.store.rows import now_ms
from collector.store.standing import GapGroup
from collector.store.store import EVERY_HOST, HostFilter, Store
from tests.collector.store.reporting import a_finding, a_hit, a_report

pytestmark = pytest.mark.anyio


async def hit(
    store: Store, name: str, strength: str = "strong", *, indicator: str = "i1", **fields: Any
) -> None:
    report = a_hit(name, **fields)
    await store.put(report)
    found = a_finding(report, indicator, strength=strength)
    await store.index(report.report_id, "s1", report.host_key, [found])


async def weak(store: Store, name: str, **fields: Any) -> None:
    report = a_report(name, weak=1, **fields)
    await store.put(report)
    await store.index(report.report_id, "s1", report.host_key, [a_finding(report, strength="weak")])


async def six(store: Store) -> None:
    """One of each, and two that stand apart among their like; their names tell nothing."""
    await store.put(a_report("A-clean"))
    await weak(store, "B-weak", os="Windows 10", source="10.0.0.9")
    await store.put(a_report("C-incomplete", base="incomplete", reasons="r", received=9000))
    await store.put(a_report("D-failed", base="failed", reasons="r"))
    await hit(store, "E-strong", received=5000)
    await hit(store, "F-confirmed", "confirmed", received=4000)
    await store.put(a_hit("G-unlisted", received=6000, strong=7))


async def names(store: Store, order: str, chosen: HostFilter = EVERY_HOST) -> list[str]:
    """Through all pages, of two each."""
    found: list[HostRow] = []
    place: Place = START
    while rows := await store.ordered_hosts("s1", chosen, order=order, after=place, most=2):
        found += rows
        place = place_of(rows[-1], order)
    return [row.name.partition("-")[0] for row in found]


class TestOrder:
    async def test_worst_first_is_by_state_then_by_what_is_proved(self, store: Store) -> None:
        await six(store)
        assert await names(store, WORST) == ["F", "E", "G", "D", "C", "B", "A"]
        assert await names(store, "-worst") == ["A", "B", "C", "D", "G", "E", "F"]

    @pytest.mark.parametrize(
        ("order", "told"),
        [
            ("name", "ABCDEFG"), ("-name", "GFEDCBA"), ("hit", "GEF"), ("last", "CGEF"),
            ("found", "GEF"), ("trace", ""), ("system", "B"), ("-system", "A"), ("-sender", "B"),
            ("-last", ""), ("reports", ""),
        ],
    )  # fmt: skip
    async def test_every_order_begins_with_what_it_is_about_and_tells_each_host_once(
        self, store: Store, order: str, told: str
    ) -> None:
        await six(store)
        found = "".join(await names(store, order))
        assert found.startswith(told)
        assert sorted(found) == [*"ABCDEFG"]

    async def test_first_traces_come_in_their_order_and_those_without_last(
        self, store: Store
    ) -> None:
        await six(store)
        for name, first in (("X", 1_795_000_002_000), ("Y", 1_795_000_001_000)):
            report = a_hit(name, received=1_795_000_009_000)
            await store.put(report)
            row = a_finding(report, first_seen=first)
            await store.index(report.report_id, "s1", report.host_key, [row])
        found = await names(store, "trace")
        assert (found[:2], len(found)) == (["Y", "X"], 9)

    @pytest.mark.parametrize("order", [one for name in ORDERS for one in (name, f"-{name}")])
    async def test_of_hosts_that_are_alike_each_is_told_once(
        self, store: Store, order: str
    ) -> None:
        for number in range(5):
            await store.put(a_report("PC", host_id=f"{number}"))
        assert await names(store, order) == ["PC"] * 5

    async def test_filters_narrow_every_order(self, store: Store) -> None:
        await six(store)
        for order in ORDERS:
            assert set(await names(store, order, HostFilter(state="hit"))) == {"E", "F", "G"}
            assert await names(store, order, HostFilter(state="clean", weak=True)) == ["B"]
            assert await names(store, order, HostFilter(text="d-")) == ["D"]

    @pytest.mark.parametrize("order", ORDERS)
    @pytest.mark.parametrize("value", ["", "x", "9" * 40, "-", "99:x", "٣", ":"])
    async def test_a_place_that_is_none_is_no_error(
        self, store: Store, order: str, value: str
    ) -> None:
        await six(store)
        rows = await store.ordered_hosts("s1", order=order, after=Place(value, "k"))
        assert len(rows) <= 7


class TestHits:
    async def test_the_worst_with_what_they_are_hit_by(self, store: Store) -> None:
        await six(store)
        found = await store.hit_hosts("s1", 2)
        assert [(one.host.name, one.finding and one.finding.strength) for one in found] == [
            ("F-confirmed", "confirmed"), ("E-strong", "strong"),
        ]  # fmt: skip
        (last,) = (await store.hit_hosts("s1", 9))[2:]
        assert (last.host.name, last.finding) == ("G-unlisted", None)

    async def test_since_when_is_by_the_first_report_with_a_hit(self, store: Store) -> None:
        await store.put(a_report("H", received=1000))
        await hit(store, "H", received=2000)
        await hit(store, "H", received=9000)
        assert [one.host.first_hit for one in await store.hit_hosts("s1", 9)] == [2000]
        assert await store.hits_since("s1", 1999) == 1
        assert await store.hits_since("s1", 2000) == 0

    async def test_a_suppressed_hit_is_none(self, store: Store) -> None:
        await hit(store, "H", received=2000)
        await store.suppress("s1", "i1", None, reason="known", who="t")
        assert await store.hit_hosts("s1", 9) == []
        assert await store.hits_since("s1", 0) == 0

    async def test_one_that_comes_after_all_were_suppressed_is_new(self, store: Store) -> None:
        await hit(store, "H", received=2000)
        await store.suppress("s1", "i1", None, reason="known", who="t")
        await hit(store, "H", received=3000)
        assert [one.first_hit for one in await store.hosts("s1")] == [None], "covered as well"
        await hit(store, "H", received=5000, indicator="i2")
        assert [one.host.first_hit for one in await store.hit_hosts("s1", 9)] == [5000]
        assert await store.hits_since("s1", 4000) == 1
        await hit(store, "H", received=6000, indicator="i3")
        assert await store.hits_since("s1", 5000) == 0, "it was a hit already"

    async def test_an_older_database_tells_the_same(self, store: Store, engine: Engine) -> None:
        for name, indicators in (("A", ("i1", "i2")), ("B", ("i1", "i1")), ("C", ("i2", "i2"))):
            for number, indicator in enumerate(indicators):
                await hit(store, name, received=2000 + 3000 * number, indicator=indicator)
        await store.suppress("s1", "i1", None, reason="known", who="t")
        await store.database.transact([("UPDATE host SET first_hit = 2000", [])])
        (statements,) = [sql for number, _, sql in migrations(engine) if number == 11]
        sql: list[Statement] = [(one, []) for one in statements if "first_hit" in one]
        await store.database.transact(sql)
        found = {one.name: one.first_hit for one in await store.hosts("s1")}
        assert found == {"A": 5000, "B": None, "C": 2000}

    async def test_one_that_was_suppressed_is_new_when_that_is_lifted(self, store: Store) -> None:
        await hit(store, "H", received=2000)
        aside = await store.suppress("s1", "i1", None, reason="known", who="t")
        before = now_ms()
        await store.lift(aside, who="t")
        assert await store.hits_since("s1", before - 1) == 1


class TestGroups:
    async def test_clean_hosts_by_what_their_answers_rest_on(self, store: Store) -> None:
        for number, name in enumerate(("A", "B", "C")):
            await store.put(a_report(name, worth="w", elevated=1, finished=1000 + number))
        await weak(store, "W", worth="w", elevated=None)
        await store.put(a_report("X", worth="w", base="incomplete"))
        first, second = await store.clean_groups("s1", 9)
        assert (first.worth, first.elevated, first.hosts, first.weak) == ("w", True, 3, 0)
        assert (first.oldest, first.youngest) == (1000, 1002)
        assert (second.elevated, second.hosts, second.weak) == (None, 1, 1)
        assert await store.clean_groups("s1", 1) == [first]

    async def test_it_is_the_report_that_counts_that_says(self, store: Store) -> None:
        await store.put(a_report("A", worth="old", elevated=0, kind="live", finished=1000))
        await store.put(a_report("A", worth="new", elevated=1, kind="live", finished=3000))
        await store.put(a_report("A", worth="late", elevated=0, kind="image", finished=2000))
        await store.put(a_hit("A", worth="hit", users="jo", finished=500))
        (host,) = await store.hosts("s1")
        assert (host.worth, host.elevated, host.kind, host.users) == ("new", True, "live", "jo")

    async def test_gaps_by_reason_state_rights_and_kind(self, store: Store) -> None:
        for number in range(3):
            await store.put(
                a_report(f"A{number}", base="incomplete", reasons="rights", elevated=0, kind="live")
            )
        await store.put(a_report("B", base="failed", reasons="killed"))
        assert await store.gap_groups("s1", 9) == [
            GapGroup(reasons="rights", state="incomplete", elevated=False, kind="live", hosts=3),
            GapGroup(reasons="killed", state="failed", elevated=None, kind="", hosts=1),
        ]


class TestClosed:
    async def test_a_sweep_is_closed_when_no_token_brings_reports(self, store: Store) -> None:
        assert await store.closed_sweeps(1000) == {}  # it never had one
        await store.create_token("sweep", sweep_id="s1", expires=5000, who="t")
        await store.create_token("reader", sweep_id="s1", who="t")
        assert await store.closed_sweeps(4999) == {}
        assert await store.closed_sweeps(5000) == {"s1": 5000}
        await store.create_token("sweep", sweep_id="s1", who="t")
        assert await store.closed_sweeps(5000) == {}
        await store.close_sweep("s1", who="t")
        assert (await store.closed_sweeps(5000))["s1"] > 5000
