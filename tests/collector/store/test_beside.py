"""Who is not on a list, and short lists of hosts: each way of asking tells the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from collector.casework import CaseChange, CaseKey
from collector.store import beside, host_order, since
from collector.store.casework import CaseFilter
from collector.store.database import Insert, Row, Statement, Value
from collector.store.expecting import ColumnFilter, Expected
from collector.store.host_order import ORDERS, START, place_of
from collector.store.store import HostFilter, Store
from tests.collector.store.reporting import a_finding, a_hit, a_report

pytestmark = pytest.mark.anyio

HOSTS = {
    # name: whole name, state, whether the list has it
    "pc-1": ("", "hit", True),
    "PC-2": ("PC-2.corp.example", "clean", True),
    "PC-3": ("", "failed", True),
    "PC-4": ("pc-4.other.example", "incomplete", False),
    "PC-5": ("", "clean", False),
    "PC-6": ("renamed.corp.example", "hit", True),
    "É-7": ("", "incomplete", False),
}
LISTS = {
    "short": ["PC-1", "pc-2", "pc-3", "pc-6", "pc-9"],
    "whole": ["pc-1.corp.example", "PC-2.corp.example", "pc-3.x.example", "renamed.corp.example"],
    "both": ["pc-1", "pc-2.corp.example", "PC-3.a.example", "pc-8.b.example", "pc-6", "pc-0"],
}


@pytest.fixture(params=[0, 2, 500])
def few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """So many names are asked for one by one, and so many hosts are sorted."""
    many = int(request.param)
    monkeypatch.setattr(beside, "FEW", many)
    monkeypatch.setattr(host_order, "FEW_KEYS", many)
    return many


async def report(store: Store) -> None:
    for name, (fqdn, state, _) in HOSTS.items():
        made = a_hit if state == "hit" else a_report
        base = "clean" if state == "hit" else state
        one = made(name, fqdn=fqdn, base=base, reasons="r" if base != "clean" else "")
        await store.put(one)
        if state == "hit":
            await store.index(one.report_id, "s1", one.host_key, [a_finding(one)])


async def in_order(store: Store, chosen: HostFilter, order: str) -> list[str]:
    """Through all pages, of two each."""
    found: list[str] = []
    place = START
    while rows := await store.ordered_hosts("s1", chosen, order=order, after=place, most=2):
        found += [row.name for row in rows]
        place = place_of(rows[-1], order)
    return found


@pytest.mark.parametrize("kind", LISTS)
async def test_unexpected_hosts_are_those_that_no_name_of_the_list_means(
    store: Store, few: int, kind: str
) -> None:
    await report(store)
    assert (await store.counts("s1")).beside == {}, "nobody said who is expected"
    await store.expect("s1", LISTS[kind], who="t")
    unexpected = {name for name, (_, _, on_it) in HOSTS.items() if not on_it}
    counts = await store.counts("s1")
    assert counts.beside == Counter(HOSTS[name][1] for name in unexpected), few
    assert counts.unexpected == len(unexpected)
    chosen = HostFilter(unexpected=True)
    for order in ORDERS:
        for back in ("", "-"):
            assert sorted(await in_order(store, chosen, back + order)) == sorted(unexpected)
    for state in ("hit", "failed", "incomplete", "clean"):
        some = await store.hosts("s1", HostFilter(unexpected=True, state=state))
        assert len(some) == counts.beside.get(state, 0)
    by_text = await in_order(store, HostFilter(unexpected=True, text="PC"), "worst")
    assert sorted(by_text) == ["PC-4", "PC-5"]
    assert await in_order(store, HostFilter(unexpected=True, text="pc-5"), "name") == ["PC-5"]


async def test_a_host_is_unexpected_from_the_moment_that_the_list_lacks_it(store: Store) -> None:
    await report(store)
    await store.expect("s1", LISTS["short"], who="t")
    assert (await store.counts("s1")).unexpected == 3
    await store.put(a_report("NEW-1"))
    assert (await store.counts("s1")).unexpected == 4
    await store.expect("s1", ["new-1.corp.example"], who="t")
    assert (await store.counts("s1")).unexpected == 3
    await store.expect_no_more("s1", ["pc-1"], who="t")
    assert (await store.counts("s1")).beside == {"hit": 1, "incomplete": 2, "clean": 1}


async def same_as_asked_afresh(store: Store) -> dict[str, int]:
    """What is told by one that has been asked before, and by one that has not."""
    told, afresh = await store.counts("s1"), await Store(store.database).counts("s1")
    assert told == afresh
    chosen = HostFilter(column=ColumnFilter(name="Site"), unexpected=True)
    again = await Store(store.database).ordered_hosts("s1", chosen)
    assert await store.ordered_hosts("s1", chosen) == again
    return told.beside


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("new", [0, 1, 500])
async def test_what_is_kept_of_who_is_unexpected_is_as_if_asked_afresh(
    store: Store, kind: str, new: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(since, "NEW", new)
    await report(store)
    await same_as_asked_afresh(store)
    await store.expect("s1", LISTS[kind], who="t")
    assert sum((await same_as_asked_afresh(store)).values()) == 3
    await store.put(a_report("NEW-1"))
    await store.put(a_report("PC-2", fqdn="PC-2.corp.example"))
    await store.put(a_report("ELSEWHERE", sweep_id="s2"))
    assert sum((await same_as_asked_afresh(store)).values()) == 4
    await store.database.number(100)
    await store.put(a_report("renamed", host_id="guid-of-PC-5"))
    await store.put(a_report("PC-2", fqdn="PC-2.corp.example", finished=9000))
    await same_as_asked_afresh(store)
    await store.expect("s1", [Expected("new-1.corp.example", (("Site", "Rome"),))], who="t")
    await same_as_asked_afresh(store)
    await store.expect("s1", [Expected("new-1.corp.example", (("Site", ""),))], who="t")
    await same_as_asked_afresh(store)
    await store.expect_no_more("s1", [LISTS[kind][0]], who="t")
    before = await same_as_asked_afresh(store)
    await store.put(a_hit("LATE-1"))
    assert await same_as_asked_afresh(store) != before
    await store.database.number(100)
    await same_as_asked_afresh(store)


async def test_who_is_known_by_another_name_of_a_host_is_asked_again_with_it(store: Store) -> None:
    whole = [Expected("pc-5.corp.example", (("Site", "Rome"),))]
    await store.put(a_report("PC-5", fqdn="PC-5.other.example"))
    await store.put(a_report("PC-6", fqdn="PC-6.corp.example"))
    await store.expect("s1", ["pc-5", "pc-6"], who="t")
    assert sum((await same_as_asked_afresh(store)).values()) == 0
    await store.expect("s1", whole, who="t")  # the short one stands for this host from now on
    assert sum((await same_as_asked_afresh(store)).values()) == 1
    await store.put(a_report("PC-7"))
    assert sum((await same_as_asked_afresh(store)).values()) == 2
    await store.expect("s1", [Expected("PC-5", (("Site", "Oslo"),))], who="t")
    await same_as_asked_afresh(store)
    await store.expect_no_more("s1", ["pc-5.corp.example"], who="t")
    assert sum((await same_as_asked_afresh(store)).values()) == 1


async def test_who_asks_between_the_steps_of_a_change_is_told_what_is_there_then(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    transact, asked = store.database.transact, list[int]()

    async def watched(statements: Sequence[Statement], insert: Insert | None = None) -> list[int]:
        done = await transact(statements, insert)
        asked.append(sum((await same_as_asked_afresh(store)).values()))
        return done

    await store.put(a_report("PC-5", fqdn="PC-5.other.example"))
    await store.put(a_report("PC-6", fqdn="PC-6.corp.example"))
    monkeypatch.setattr(store.database, "transact", watched)
    await store.expect("s1", [Expected("pc-5", (("Site", "Rome"),)), "pc-6"], who="t")
    await store.expect("s1", ["pc-5.corp.example", "pc-6.corp.example"], who="t")
    assert (await store.counts("s1")).unexpected == 1
    await store.expect("s1", [Expected("pc-6", (("Site", "Oslo"),))], who="t")
    await store.expect_no_more("s1", ["pc-5.corp.example"], who="t")
    assert (await store.counts("s1")).unexpected == 0
    assert {0, 1, 2} >= {*asked} >= {0, 1}


async def test_the_lists_are_walked_once_and_then_what_came_is_looked_up(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    walked, fetch = list[str](), store.database.fetch

    async def watched(sql: str, *values: Value) -> list[Row]:
        walked.extend(["walked"] * (" EXCEPT " in sql))
        return await fetch(sql, *values)

    monkeypatch.setattr(store.database, "fetch", watched)
    await report(store)
    await store.expect("s1", LISTS["short"], who="t")
    for n in range(4):
        await store.put(a_report(f"NEW-{n}"))
        assert (await store.counts("s1")).unexpected == 4 + n
    assert len(await store.ordered_hosts("s1", HostFilter(unexpected=True))) == 7
    assert len(walked) == 1
    await store.expect("s1", ["new-0"], who="t")
    assert (await store.counts("s1")).unexpected == 6
    assert len(walked) == 2, "another list"
    monkeypatch.setattr(since, "NEW", 0)
    await store.put(a_report("NEW-9"))
    assert (await store.counts("s1")).unexpected == 7
    assert len(walked) == 3, "more came than are looked up"


async def test_a_sweep_that_is_called_as_one_that_was_removed_has_its_own_list(
    store: Store,
) -> None:
    (sweep,) = [one for one in await store.sweeps() if one.sweep_id == "s1"]
    await report(store)
    await store.expect("s1", LISTS["short"], who="t")
    assert (await store.counts("s1")).unexpected == 3
    await store.remove_sweep("s1", who="t", why="old")
    await store.create_sweep(sweep, who="t")
    await store.expect("s1", ["pc-5", "é-7", "pc-4", "x"], who="t")
    await report(store)
    assert (await store.counts("s1")).unexpected == 4
    await same_as_asked_afresh(store)


async def test_a_short_list_of_hosts_is_in_the_order_of_all(store: Store, few: int) -> None:
    await report(store)
    sites = {"pc-1": "Rome", "pc-3": "Rome", "pc-2.corp.example": "Rome", "pc-5": "Oslo"}
    await store.expect(
        "s1", [Expected(name, (("Site", at),)) for name, at in sites.items()], who="t"
    )
    for row in await store.hosts("s1"):
        if row.name in ("PC-2", "PC-4", "PC-6"):
            change = CaseChange(state="triaged", owner="Jo", tags=("vip",))
            await store.change_case(CaseKey("s1", row.host_key, ""), change, version=0, who="Jo")
    await store.database.transact([("UPDATE host SET flagged = 1 WHERE name < 'PC-5'", [])])
    for order in ("worst", "-worst", "name", "last"):
        every = await in_order(store, HostFilter(), order)
        assert sorted(every) == sorted(HOSTS)
        for chosen, names in (
            (HostFilter(case=CaseFilter(tag="VIP")), {"PC-2", "PC-4", "PC-6"}),
            (HostFilter(case=CaseFilter(owner="jo")), {"PC-2", "PC-4", "PC-6"}),
            (HostFilter(case=CaseFilter(state="triaged", tag="vip")), {"PC-2", "PC-4", "PC-6"}),
            (HostFilter(case=CaseFilter(tag="none")), set()),
            (HostFilter(flagged=True), {"PC-2", "PC-3", "PC-4"}),
            (HostFilter(flagged=True, case=CaseFilter(tag="vip")), {"PC-2", "PC-4"}),
            (HostFilter(suppressed=True), set()),
            (HostFilter(turned=True, state="clean"), set()),
            (HostFilter(case=CaseFilter(tag="vip"), state="hit"), {"PC-6"}),
            (HostFilter(column=ColumnFilter(name="Site", value="Rome")), {"pc-1", "PC-2", "PC-3"}),
            (
                HostFilter(column=ColumnFilter(name="Site", value="Rome"), case=CaseFilter(tag="vip")),
                {"PC-2"},
            ),
            (HostFilter(column=ColumnFilter(name="Site", value="none")), set()),
            (HostFilter(column=ColumnFilter(name="Site")), {"PC-4", "PC-6", "É-7"}),
            (HostFilter(column=ColumnFilter(name="Town")), set(HOSTS)),
            (HostFilter(column=ColumnFilter(name="Site"), unexpected=True), {"PC-4", "PC-6", "É-7"}),
        ):  # fmt: skip
            told = await in_order(store, chosen, order)
            assert told == [name for name in every if name in names], (few, order, chosen)


async def test_arrivals_are_counted_from_each_edge_to_the_next(store: Store) -> None:
    assert await store.arrivals("s1", 100) == []
    for n, received in enumerate([1000, 1099, 1100, 1301, 1399, 7_000_000_000_000]):
        await store.put(a_report(f"PC-{n}", received=received))
    await store.put(a_report("OTHER", sweep_id="s2", received=1200))
    assert await store.arrivals("s1", 100) == [
        (1000, 2), (1100, 1), (1300, 2), (7_000_000_000_000, 1),
    ]  # fmt: skip
    assert await store.arrivals("s1", 1000) == [(1000, 5), (7_000_000_000_000, 1)]
