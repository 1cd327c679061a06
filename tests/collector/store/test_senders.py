"""Who sends for many: told the same by one that has been asked before and by one that has not."""

from __future__ import annotations

import pytest

from collector.store import senders, since
from collector.store.database import Row, Value
from collector.store.senders import Sender
from collector.store.store import Store
from tests.collector.store.reporting import a_report

pytestmark = pytest.mark.anyio


async def same_as_asked_afresh(store: Store, limit: int = 5) -> list[Sender]:
    told = await store.senders("s1", limit)
    assert told == await Store(store.database).senders("s1", limit)
    await shared_as_told(store)
    return told


async def shared_as_told(store: Store) -> None:
    asked = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.9.9.9", "::1", "10.0.0.1 10.9.9.9", "x"]
    told = await Store(store.database).senders("s1", 5)
    shared = {one.source: one.hosts for one in told}
    assert await store.shared("s1", asked) == shared
    assert await Store(store.database).shared("s1", asked) == shared
    assert await store.shared("s1", []) == {}


@pytest.mark.parametrize(("new", "few"), [(0, 500), (2, 500), (500, 500), (500, 1)])
async def test_senders_of_several_hosts_are_those_of_most_first(
    store: Store, new: int, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(since, "NEW", new)
    monkeypatch.setattr(senders, "FEW", few)
    assert await same_as_asked_afresh(store) == []
    for n, source in enumerate(["10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.3", "::1", "::1"]):
        await store.put(a_report(f"PC-{n}", source=source))
    await store.put(a_report("PC-9", sweep_id="s2", source="10.0.0.3"))
    two = [Sender(source="10.0.0.1", hosts=2), Sender(source="::1", hosts=2)]
    assert await same_as_asked_afresh(store) == two
    assert await same_as_asked_afresh(store, 1) == two[:1]
    await store.database.number(100)
    await store.put(a_report("PC-7", source="10.0.0.3"))
    await store.put(a_report("PC-8", source="10.0.0.3"))
    await shared_as_told(store)
    three = [Sender(source="10.0.0.3", hosts=3), *two]
    assert await same_as_asked_afresh(store) == three
    await store.put(a_report("PC-0", source="10.9.9.9"))
    assert await same_as_asked_afresh(store) == [three[0], three[2]], "that host has two by now"
    await store.put(a_report("PC-1", source="10.9.9.9"))
    both = Sender(source="10.0.0.1 10.9.9.9", hosts=2)
    assert await same_as_asked_afresh(store) == [three[0], both, three[2]]


async def test_addresses_of_all_hosts_are_sorted_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    sorted_, fetch = list[str](), store.database.fetch

    async def watched(sql: str, *values: Value) -> list[Row]:
        sorted_.extend(["sorted"] * (" HAVING " in sql))
        return await fetch(sql, *values)

    monkeypatch.setattr(store.database, "fetch", watched)
    for n in range(4):
        await store.put(a_report(f"PC-{n}"))
        assert await store.senders("s1", 5) == [Sender(source="10.0.0.1", hosts=n + 1)] * (n > 0)
    assert len(sorted_) == 1


@pytest.mark.parametrize("few", [0, 500])
async def test_a_first_page_of_hosts_finds_what_several_have_for_all_that_follow(
    store: Store, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or that they are too many."""
    monkeypatch.setattr(senders, "FEW", few)
    for n in range(4):
        await store.put(a_report(f"PC-{n}", source=f"10.0.0.{n // 3}"))
    sorted_, fetch = list[str](), store.database.fetch

    async def watched(sql: str, *values: Value) -> list[Row]:
        sorted_.extend(["sorted"] * (" HAVING " in sql))
        return await fetch(sql, *values)

    monkeypatch.setattr(store.database, "fetch", watched)
    for _ in range(3):
        assert await store.shared("s1", ["10.0.0.0", "10.0.0.1"]) == {"10.0.0.0": 3}
    assert len(sorted_) == 1
