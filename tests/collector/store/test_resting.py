"""What is kept of clean hosts is what is found by reading all of them."""

from __future__ import annotations

import random

import pytest
from msgspec import structs

from collector.records import NewReport
from collector.store import since
from collector.store.database import Row, Value
from collector.store.resting import CleanGroup
from collector.store.store import Store
from tests.collector.store.reporting import a_finding, a_hit, a_report

pytestmark = pytest.mark.anyio
MOST = 9


async def same_as_asked_afresh(store: Store, most: int = MOST) -> list[CleanGroup]:
    told = await store.clean_groups("s1", most)
    assert told == await store._all_groups_at_once("s1", most)
    assert told == await Store(store.database).clean_groups("s1", most)
    return told


def read_all(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions that are asked of all clean hosts from now on."""
    asked: list[str] = []
    fetch = store.database.fetch

    async def noting(sql: str, *values: Value) -> list[Row]:
        if "state = 'clean'" in sql:
            asked.append(sql)
        return await fetch(sql, *values)

    monkeypatch.setattr(store.database, "fetch", noting)
    return asked


@pytest.mark.parametrize("new", [0, 3, 5000])
@pytest.mark.parametrize("most", [2, MOST])
async def test_what_is_kept_is_as_if_asked_afresh(
    store: Store, new: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(since, "NEW", new)
    chance = random.Random(5)
    await same_as_asked_afresh(store, most)
    unlisted: list[NewReport] = []
    for step in range(40):
        n = chance.randrange(25)
        base = chance.choice(("clean", "clean", "clean", "failed"))
        gap = "" if base == "clean" else "r"
        worth, rights = chance.choice("abc"), chance.choice((None, 0, 1))
        report = a_report(
            f"PC-{n}", base=base, reasons=gap, worth=worth, elevated=rights, weak=step % 2,
            finished=1000 + chance.randrange(50),
        )  # fmt: skip
        if step % 9 == 8:
            report = a_hit(f"PC-{n}", worth=worth, elevated=rights)
        await store.put(report)
        if step % 2 or report.hit:
            unlisted.append(report)
        if step % 5 == 4:
            await store.database.number(100)
        if step % 4 == 3:
            await same_as_asked_afresh(store, most)
        if step % 8 == 7:
            for one in unlisted:
                found = a_finding(one, strength="strong" if one.hit else "weak")
                await store.index(one.report_id, "s1", one.host_key, [found])
                await same_as_asked_afresh(store, most)
            unlisted.clear()
    await store.put(a_report("elsewhere", sweep_id="s2", worth="a"))
    before = await same_as_asked_afresh(store, most)
    made = await store.suppress("s1", "i1", None, reason="known", who="t")
    assert await same_as_asked_afresh(store, most) != before
    await store.lift(made, who="t")
    assert await same_as_asked_afresh(store, most) == before
    await store.remove_sweep("s1", who="t", why="over")
    assert await same_as_asked_afresh(store, most) == []


async def test_all_are_read_once_and_then_those_that_report(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(8):
        await store.put(a_report(f"PC-{n}", worth="w", elevated=1))
    await store.database.number(100)
    asked = read_all(store, monkeypatch)
    assert [one.hosts for one in await store.clean_groups("s1", MOST)] == [8]
    await store.put(a_report("PC-8", worth="w", elevated=1))
    await store.put(a_report("PC-9", worth="v", elevated=1))
    assert [one.hosts for one in await store.clean_groups("s1", MOST)] == [9, 1]
    assert len(asked) == 1
    await store.put(a_report("PC-1", worth="v", elevated=1, finished=9000))
    assert [one.hosts for one in await store.clean_groups("s1", MOST)] == [8, 2]
    assert len(asked) == 2


async def test_findings_that_are_listed_late_are_seen(store: Store) -> None:
    report = a_report("PC-1", weak=1, worth="w", elevated=1)
    await store.put(report)
    await store.put(a_report("PC-2", worth="w", elevated=1))
    await store.database.number(100)
    (told,) = await store.clean_groups("s1", MOST)
    assert (told.hosts, told.weak) == (2, 0)
    found = [a_finding(report, strength="weak")]
    await store.index(report.report_id, "s1", report.host_key, found)
    (told,) = await store.clean_groups("s1", MOST)
    assert (told.hosts, told.weak) == (2, 1)


async def test_a_sweep_of_the_same_name_is_another(store: Store) -> None:
    await store.put(a_report("PC-1", worth="w"))
    await store.database.number(100)
    assert len(await store.clean_groups("s1", MOST)) == 1
    (sweep,) = await store.sweeps()
    await store.remove_sweep("s1", who="t", why="over")
    await store.create_sweep(structs.replace(sweep, created=sweep.created + 1), who="t")
    assert await store.clean_groups("s1", MOST) == []


@pytest.mark.parametrize("done", [False, True])
async def test_who_is_judged_again_is_read_again(store: Store, done: bool) -> None:
    await store.put(a_report("PC-1", worth="w"))
    await store.database.number(100)
    assert len(await store.clean_groups("s1", MOST)) == 1
    changed = "UPDATE sweep SET demanded = 5 WHERE sweep_id = 's1'"
    judged = "UPDATE host SET state = 'limited', limited = 1 WHERE sweep_id = 's1'"
    await store.database.transact([(changed, []), (judged, [])])
    if done:
        await store.database.transact([("UPDATE sweep SET judged = 5", [])])
    assert await store.clean_groups("s1", MOST) == []
