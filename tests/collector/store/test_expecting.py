"""What the list of expected hosts says beside their names is kept, grouped and asked for."""

from __future__ import annotations

from typing import Any

import pytest

from collector.pages.describe import answer
from collector.store import beside
from collector.store.database import Row, Value
from collector.store.expecting import ColumnFilter, Expected
from collector.store.migrations import Engine, migrations
from collector.store.store import HostFilter, Store
from collector.verifying import verify
from tests.collector.store.reporting import a_hit, a_report

pytestmark = pytest.mark.anyio


def at(name: str, site: str, owner: str = "") -> Expected:
    more = (("Owner", owner),) if owner else ()
    return Expected(name, (("Site", site), *more))


async def told(store: Store) -> dict[str, dict[str, str]]:
    hosts = await store.hosts("s1")
    found = await store.columns_of_hosts("s1", hosts)
    return {host.name: dict(found.get(host.host_key, ())) for host in hosts}


async def listed(store: Store, name: str, value: str, **more: Any) -> list[str]:
    chosen = HostFilter(column=ColumnFilter(name=name, value=value), **more)
    return [row.name for row in await store.hosts("s1", chosen)]


@pytest.fixture
async def fleet(store: Store) -> Store:
    await store.expect(
        "s1",
        [
            at("PC-1", "Berlin", "Jo"), at("pc-2.corp.example", "Berlin"),
            at("PC-3.corp.example", "Rome"), at("PC-4", "Rome", "Ann"), "PC-5",
            at("PC-6.", "Berlin"),
        ],
        who="test",
    )  # fmt: skip
    for report in (
        a_hit("pc-1"), a_report("PC-2", fqdn="PC-2.corp.example"), a_hit("PC-3"),
        a_report("PC-5", base="failed"), a_report("STRANGER", base="incomplete"),
    ):  # fmt: skip
        await store.put(report)
    return store


async def test_hosts_are_told_by_every_name_that_the_list_may_have(fleet: Store) -> None:
    assert await fleet.columns("s1") == ["Owner", "Site"]
    assert await told(fleet) == {
        "pc-1": {"Site": "Berlin", "Owner": "Jo"}, "PC-2": {"Site": "Berlin"},
        "PC-3": {"Site": "Rome"}, "PC-5": {}, "STRANGER": {},
    }  # fmt: skip
    assert await fleet.columns_of_names("s1", ["pc-4", "pc-5"]) == {
        "pc-4": (("Site", "Rome"), ("Owner", "Ann"))
    }


@pytest.mark.parametrize("few", [0, 500])
async def test_groups_have_the_six_counters_that_the_sweep_has(
    fleet: Store, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "FEW", few)  # so many names are looked up one by one
    groups = await fleet.groups("s1", "Site")
    assert [(g.value, g.hit, g.failed, g.incomplete, g.clean, g.not_reported) for g in groups] == [
        ("Berlin", 1, 0, 0, 1, 1), ("Rome", 1, 0, 0, 0, 1), ("", 0, 1, 1, 0, 0),
    ]  # fmt: skip
    counts = await fleet.counts("s1")
    for state in ("hit", "failed", "incomplete", "limited", "clean", "not_reported"):
        assert sum(getattr(one, state) for one in groups) == getattr(counts, state)


@pytest.mark.parametrize("few", [0, 500])
async def test_each_group_is_the_list_of_its_hosts(
    fleet: Store, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "FEW", few)
    for group in await fleet.groups("s1", "Site"):
        for state in ("hit", "failed", "incomplete", "clean"):
            found = await listed(fleet, "Site", group.value, state=state)
            assert len(found) == getattr(group, state), (group.value, state)
        column = ColumnFilter(name="Site", value=group.value)
        assert len(await fleet.missing("s1", column=column)) == group.not_reported
    assert await listed(fleet, "Site", "Berlin") == ["pc-1", "PC-2"]
    assert await listed(fleet, "Site", "Rome") == ["PC-3"]
    assert await listed(fleet, "Site", "") == ["PC-5", "STRANGER"]
    assert await listed(fleet, "Town", "Rome") == []


async def test_a_newer_list_replaces_what_it_says_and_leaves_the_rest(fleet: Store) -> None:
    newer: list[str | Expected] = [at("pc-1", "Paris"), "PC-4", at("PC-5", "Oslo")]
    assert (await fleet.expect("s1", newer, who="t")).new == 0
    assert (await told(fleet))["pc-1"] == {"Site": "Paris"}
    assert (await told(fleet))["PC-5"] == {"Site": "Oslo"}
    assert (await fleet.columns_of_names("s1", ["pc-4"]))["pc-4"][0] == ("Site", "Rome")
    log = await fleet.audit_log(sweep_id="s1")
    assert "0 new, columns of 2" in [row.detail for row in log]


async def test_who_is_no_longer_expected_has_no_columns(fleet: Store) -> None:
    assert await fleet.expect_no_more("s1", ["PC-1", "pc-4", "none"], who="t") == 2
    assert (await told(fleet))["pc-1"] == {}
    assert await fleet.columns("s1") == ["Site"]
    assert [line async for line, wrong in verify(fleet) if wrong and "columns" in line] == []
    await fleet.database.transact([("DELETE FROM expected WHERE name_key = 'pc-6'", [])])
    lines = [line async for line, wrong in verify(fleet) if wrong]
    assert "1 columns of names that are not expected" in lines


async def test_a_sweep_keeps_so_many_columns_and_no_more(store: Store) -> None:
    for n in range(4):
        columns = tuple((f"c{n}-{m}", "x") for m in range(16))
        await store.expect("s1", [Expected(f"pc-{n}", columns)], who="t")
    with pytest.raises(ValueError, match="at most 64 columns"):
        await store.expect("s1", [Expected("pc-9", (("more", "x"),))], who="t")
    assert "pc-9" not in await store.missing("s1")
    assert len(await store.columns("s1")) == 64


async def test_columns_go_with_their_sweep(fleet: Store) -> None:
    await fleet.remove_sweep("s1", who="t", why="test")
    assert await fleet.database.fetch("SELECT * FROM expected_column") == []


async def test_a_list_of_many_is_kept_whole(store: Store) -> None:
    hosts = [at(f"pc-{n}", f"site {n % 7}", f"owner {n}") for n in range(1234)]
    for _ in range(2):
        await store.expect("s1", hosts, who="t")
    ((count,),) = await store.database.fetch("SELECT COUNT(*) FROM expected_column")
    assert count == 2 * 1234
    assert len(await store.groups("s1", "Owner")) == 501


class TestTwoThatAreCalledAlike:
    NAMES = (at("PC-7.a.example", "Berlin"), at("PC-7.b.example", "Rome"))

    @staticmethod
    async def told(store: Store) -> tuple[int, list[str], list[str]]:
        """Expected, silent, and unexpected ones; the page never says more than that."""
        counts = await store.counts("s1")
        silent = await store.missing("s1")
        beside = [row.name for row in await store.hosts("s1", HostFilter(unexpected=True))]
        assert counts.whole == counts.expected
        assert (len(silent), len(beside)) == (counts.not_reported, counts.unexpected)
        groups = await store.groups("s1", "Site")
        assert sum(one.clean for one in groups) == counts.clean
        assert sum(one.not_reported for one in groups) == counts.not_reported
        wrong = [line async for line, problem in verify(store) if problem and "expected" in line]
        assert wrong == []
        return counts.expected, silent, beside

    @pytest.mark.parametrize("imported", ["before", "after", "one by one"])
    async def test_are_not_both_ticked_off_by_one_that_knows_no_domain(
        self, store: Store, imported: str
    ) -> None:
        first, second = self.NAMES
        if imported == "before":
            await store.expect("s1", self.NAMES, who="test")
        if imported == "one by one":
            await store.expect("s1", [first], who="test")
        await store.put(a_report("pc-7"))
        if imported == "after":
            await store.expect("s1", self.NAMES, who="test")
        if imported == "one by one":
            assert await self.told(store) == (1, [], [])
            await store.expect("s1", [second], who="test")
        assert await self.told(store) == (2, [first.name, second.name], ["pc-7"])
        (row,) = await store.hosts("s1")
        assert await store.columns_of_hosts("s1", [row]) == {}, "nobody knows whom to call"
        assert answer(await store.counts("s1"))[0] == "No hit so far"

    async def test_are_told_by_their_whole_names(self, store: Store) -> None:
        await store.expect("s1", self.NAMES, who="test")
        await store.put(a_report("PC-7", fqdn="pc-7.A.example", host_id="a"))
        assert await self.told(store) == (2, ["PC-7.b.example"], [])

    async def test_one_of_them_alone_stands_for_its_short_name(self, store: Store) -> None:
        await store.expect("s1", self.NAMES, who="test")
        await store.put(a_report("PC-7"))
        assert await store.expect_no_more("s1", ["pc-7.A.example."], who="test") == 1
        assert await self.told(store) == (1, [], [])
        await store.expect("s1", self.NAMES, who="test")
        assert len((await self.told(store))[1]) == 2

    async def test_of_an_earlier_collector_are_told_apart_when_it_is_updated(
        self, store: Store, engine: Engine
    ) -> None:
        rows = (
            ("pc-7.a.example", 1), ("pc-7.b.example", 1), ("pc-7.c.example", 1), ("pc-8.a.example", 1),
            ("pc-7", 1),
        )  # fmt: skip
        for name, seen in rows:
            values: list[Value] = ["s1", name, name.partition(".")[0], name, seen]
            sql = "INSERT INTO expected (sweep_id, name_key, short_key, name, seen)"
            await store.database.transact([(f"{sql} VALUES (?, ?, ?, ?, ?)", values)])
        await store.put(a_report("PC-7"))
        await store.put(a_report("PC-7", fqdn="pc-7.b.example", host_id="b"))
        await store.put(a_report("PC-8"))
        (statements,) = [sql for _, name, sql in migrations(engine) if name == "0010_names.sql"]
        for _ in range(2):
            await store.database.transact([(sql, []) for sql in statements])
            assert await store.missing("s1") == ["pc-7.a.example", "pc-7.c.example"]
        await store.expect("s1", ["pc-7.d.example"], who="test")
        assert len(await store.missing("s1")) == 3


async def test_whole_names_are_found_by_their_first_parts(
    fleet: Store, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not by going through the whole list."""
    if engine != "sqlite":
        pytest.skip("PostgreSQL's plans go by the size of its tables")
    asked: list[tuple[str, tuple[Value, ...]]] = []
    fetch = fleet.database.fetch

    async def noting(sql: str, *values: Value) -> list[Row]:
        asked.append((sql, values))
        return await fetch(sql, *values)

    with monkeypatch.context() as listening:
        listening.setattr(fleet.database, "fetch", noting)
        await told(fleet)
    ((sql, values),) = [one for one in asked if "short_key IN" in one[0]]
    plan = await fleet.database.fetch(f"EXPLAIN QUERY PLAN {sql}", *values)
    assert "expected_short (sweep_id=? AND short_key=?)" in str([row[3] for row in plan])
