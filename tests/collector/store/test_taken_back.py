"""One host answers for one name of the list: never for one that is silent, whatever it knew of
itself before. Of both engines."""

from __future__ import annotations

import asyncio

import pytest

from collector.pages.describe import answer
from collector.records import HostRow
from collector.store.migrations import Engine
from collector.store.store import HostFilter, Store
from collector.verifying import verify
from tests.collector.store.reporting import a_report

pytestmark = pytest.mark.anyio
A, B = "PC-1.a.example", "PC-1.b.example"


async def silent(store: Store) -> list[str]:
    """As every question of them says."""
    counts = await store.counts("s1")
    names = await store.missing("s1")
    assert len(names) == counts.not_reported
    assert counts.whole >= counts.expected, "a host counts for two"
    owing = await store.missing("s1", owing=True)
    told = [name async for name, _ in store.all_missing("s1")]
    assert sorted(told) == sorted([*names, *owing])
    wrong = [line async for line, problem in verify(store) if problem and "expected" in line]
    assert wrong == []
    return names


async def test_who_tells_another_whole_name_later_is_not_the_one_on_the_list(store: Store) -> None:
    await store.expect("s1", [A], who="test")
    await store.put(a_report("PC-1"))
    assert await silent(store) == []
    await store.put(a_report("PC-1", fqdn=B, finished=9000))
    assert await silent(store) == [A]
    assert answer(await store.counts("s1"))[0] == "No hit so far"
    await store.put(a_report("PC-1", host_id="another", fqdn=A))
    assert await silent(store) == []


async def test_two_reports_that_come_together_say_the_same(store: Store) -> None:
    await store.expect("s1", [A], who="test")
    await asyncio.gather(
        store.put(a_report("PC-1")), store.put(a_report("PC-1", fqdn=B, finished=9000))
    )
    assert await silent(store) == [A]


async def test_what_was_known_of_a_host_is_not_lost_by_one_that_knows_less(store: Store) -> None:
    await store.expect("s1", [A, B], who="test")
    await store.put(a_report("PC-1", fqdn=A, domain="a.example"))
    await store.put(a_report("PC-1", finished=9000, domain="WORKGROUP"))
    assert await silent(store) == [B]
    (row,) = await store.hosts("s1")
    assert (row.fqdn, row.domain, row.finished) == (A, "a.example", 9000)
    await store.put(a_report("PC-1", finished=9500, fqdn=B))
    assert await silent(store) == [A]


async def test_an_older_report_that_knows_the_whole_name_tells_it(store: Store) -> None:
    await store.expect("s1", [A, B], who="test")
    await store.put(a_report("PC-1", finished=9000))
    assert await silent(store) == [A, B]
    await store.put(a_report("PC-1", fqdn=B, finished=2000))
    assert await silent(store) == [A]
    await store.put(a_report("PC-1", fqdn=A, finished=1500))
    assert await silent(store) == [A], "it was another before"


@pytest.mark.parametrize("imported", ["before", "after"])
@pytest.mark.parametrize(
    ("names", "fqdn", "left"),
    [
        (["PC-1", A, B], A, ["PC-1", B]),
        (["PC-1", "WEB.corp.example"], "web.corp.example", ["PC-1"]),
        (["PC-1", "web"], "web", ["PC-1"]),
    ],
)
async def test_whoever_is_listed_by_its_whole_name_answers_for_no_short_one(
    store: Store, names: list[str], fqdn: str, left: list[str], imported: str
) -> None:
    if imported == "before":
        await store.expect("s1", names, who="test")
    await store.put(a_report("PC-1"))
    await store.put(a_report("PC-1", fqdn=fqdn, finished=9000))
    if imported == "after":
        await store.expect("s1", names, who="test")
    assert await silent(store) == left
    assert await store.hosts("s1", HostFilter(unexpected=True)) == []
    await store.put(a_report("PC-1", host_id="of a workgroup"))
    assert [name for name in await silent(store) if "." not in name] == []


async def test_one_that_answered_in_part_alone_still_owes(store: Store) -> None:
    await store.expect("s1", ["PC-1", A, B], who="test")
    await store.put(a_report("PC-1"))
    await store.put(a_report("PC-1", host_id="other", whole_host=False))
    await store.put(a_report("PC-1", fqdn=A, finished=9000))
    assert await silent(store) == [B]
    assert await store.missing("s1", owing=True) == ["PC-1"]
    said, rest = answer(await store.counts("s1"))
    assert said == "No hit so far"
    assert "1 expected host has not answered what was asked" in rest


async def test_a_short_one_of_a_host_that_is_no_more_on_the_list_is(store: Store) -> None:
    await store.put(a_report("PC-1", fqdn=A))
    await store.expect("s1", ["PC-1", A, B], who="test")
    assert await silent(store) == ["PC-1", B]
    await store.expect_no_more("s1", [A], who="test")
    rows: list[HostRow] = await store.hosts("s1", HostFilter(unexpected=True))
    assert ([row.name for row in rows], await silent(store)) == (["PC-1"], [B])


async def test_a_list_that_was_broken_off_takes_nobody_for_another(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a kill between its transactions."""
    transact = store.database.transact
    await store.expect("s1", ["PC-2", "PC-2.a.example"], who="test")

    async def broken(statements: list[object], *more: object) -> list[int]:
        if len(statements) > 8:
            raise KeyboardInterrupt
        return await transact(statements, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(store.database, "transact", broken)
    with pytest.raises(KeyboardInterrupt):
        await store.expect("s1", [A, B], who="test")
    await store.put(a_report("PC-1"))
    assert (await store.counts("s1")).not_reported == 3
    with pytest.raises(KeyboardInterrupt):
        await store.expect_no_more("s1", ["PC-2.a.example"], who="test")
    counts = await store.counts("s1")
    assert (counts.expected, counts.not_reported) == (3, 3), "the short name is a host of its own"
    monkeypatch.undo()
    await store.expect("s1", [A, B], who="test")
    assert await silent(store) == [A, B, "PC-2"]


async def test_lists_that_came_at_once_are_put_in_order(store: Store, engine: Engine) -> None:
    """One brought a name of its own when another had just made another name of it."""
    insert = "INSERT INTO expected (sweep_id, name_key, short_key, name, seen) VALUES"
    column = "INSERT INTO expected_column (sweep_id, name, name_key, place, value) VALUES"
    for more in ([A], []):
        await store.expect("s1", ["PC-1", A], who="test")
        await store.database.transact(
            [
                (f"{insert} ('s1', 'pc-1', 'pc-1', 'PC-1', 0)", []),
                (f"{column} ('s1', 'Site', 'pc-1', 0, 'Rome')", []),
                (f"{column} ('s1', 'Site', '\npc-1', 0, 'Oslo')", []),
            ]
        )
        await store.expect_no_more("s1", more, who="test")
        assert await silent(store) == (["PC-1"] if more else [A])
        assert [line async for line, problem in verify(store) if problem] == []
        await store.expect_no_more("s1", ["PC-1", A], who="test")
        assert await silent(store) == []
        assert await store.database.fetch("SELECT * FROM expected_column") == []


async def test_a_part_of_a_host_tells_which_one_has_answered(store: Store) -> None:
    await store.expect("s1", [A, B], who="test")
    await store.put(a_report("PC-1"))
    assert await silent(store) == [A, B]
    await store.put(a_report("PC-1", fqdn=A, whole_host=False))
    assert await silent(store) == [B]
    assert await store.missing("s1", owing=True) == []
