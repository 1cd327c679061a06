"""The six counters alone are those of all the counters."""

from __future__ import annotations

import pytest

from collector.store.state_counts import states_of
from collector.store.store import Store
from tests.collector.store.reporting import a_hit, a_report

pytestmark = pytest.mark.anyio


async def test_lists_count_states_as_the_sweep_does(store: Store) -> None:
    none = await store.state_counts("s1")
    assert none.reported == none.expected == none.not_reported == 0
    await store.put(a_hit("PC-1"))
    for name, base in (
        ("PC-2", "clean"),
        ("PC-3", "failed"),
        ("PC-4", "incomplete"),
        ("X", "clean"),
    ):
        await store.put(a_report(name, base=base, reasons="" if base == "clean" else "r"))
    await store.put(a_report("OTHER", sweep_id="s2"))
    await store.expect("s1", ["pc-1", "pc-2", "pc-3", "pc-8", "pc-9"], who="t")
    found = await store.state_counts("s1")
    assert (found.hit, found.clean, found.failed, found.incomplete, found.limited) == (
        1,
        2,
        1,
        1,
        0,
    )
    assert (found.reported, found.expected, found.not_reported, found.owing) == (5, 5, 2, 0)
    assert found == states_of(await store.counts("s1"))


async def test_hosts_that_owe_an_answer_are_counted(store: Store) -> None:
    await store.expect("s1", ["pc-1", "pc-2"], who="t")
    await store.put(a_report("PC-1", whole_host=False))
    found = await store.state_counts("s1")
    assert (found.limited, found.owing, found.not_reported) == (1, 1, 1)
    assert found == states_of(await store.counts("s1"))


async def test_who_is_expected_is_counted_again_with_each_change_of_the_list(store: Store) -> None:
    assert (await store.state_counts("s1")).expected == 0
    await store.expect("s1", ["pc-1", "pc-2"], who="t")
    assert (await store.state_counts("s1")).expected == 2
    await store.put(a_report("PC-1"))
    assert (await store.state_counts("s1")).expected == 2
    await store.expect("s1", ["pc-1.corp.example"], who="t")  # the same host
    assert (await store.state_counts("s1")).expected == 2
    await store.expect_no_more("s1", ["pc-2"], who="t")
    assert (await store.state_counts("s1")).expected == 1
    await store.remove_sweep("s1", who="t", why="over")
    assert (await store.state_counts("s1")).expected == 0
