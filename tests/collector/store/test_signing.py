"""Keys of sweeps, and what reports' signatures make of hosts: in both engines."""

from __future__ import annotations

import gzip

import pytest
from msgspec import structs

from agent.model.codec import encode
from agent.model.report import Report
from agent.signing.attesting import attested
from collector.intake import Arrival, check
from collector.records import Demand, Sweep
from collector.store.database import StoreError
from collector.store.store import Store
from collector.sweep_keys import REMEMBERED_S, KeysOfSweeps
from collector.verifying import verify
from tests.collector.pages.seed import NOW, a_finding, a_report
from tests.collector.store.conftest import Open
from tests.evidence.signing import KEY, OTHER

pytestmark = pytest.mark.anyio
SWEEP = Sweep(
    sweep_id="s", title="", pack="", created=NOW, deadline=None,
    demand=Demand(any_pack=True, indicators=0),
)  # fmt: skip


@pytest.fixture
async def store(open_store: Open) -> Store:
    made = await open_store()
    await made.create_sweep(SWEEP, who="test")
    return made


async def put(store: Store, report: Report) -> None:
    keys = tuple(one.public_key for one in await store.sweep_keys("s") if one.revoked is None)
    made = check(
        Arrival(
            report_id=report.report_id, sweep_id="s", body=gzip.compress(encode(report)),
            encoding="gzip", content_type="application/json", source="10.4.1.21", received=NOW,
            keys=keys,
        )
    )  # fmt: skip
    assert await store.put(made) == "new"


async def states(store: Store) -> dict[str, tuple[str, str]]:
    """Of each host: its state, and its report's signature."""
    found: dict[str, tuple[str, str]] = {}
    for row in await store.hosts("s"):
        (report,) = await store.reports_of_host("s", row.host_key)
        found[row.name] = (row.state, report.signature.partition(" ")[0])
    return found


async def test_keys_are_issued_told_and_revoked(store: Store) -> None:
    assert await store.sweep_keys("s") == []
    await store.add_sweep_key("s", KEY.public.raw, who="test")
    await store.add_sweep_key("s", OTHER.public.raw, who="test")
    with pytest.raises(StoreError):
        await store.add_sweep_key("s", KEY.public.raw, who="test")
    await store.revoke_sweep_key("s", KEY.public.raw, who="test")
    found = {one.public_key: one.revoked for one in await store.sweep_keys("s")}
    assert found[KEY.public.raw] is not None
    assert found[OTHER.public.raw] is None
    assert await store.sweep_keys("another") == []
    await store.remove_sweep("s", who="test", why="deleted")
    assert await store.sweep_keys("s") == []


async def test_what_is_remembered_of_keys_is_asked_again(store: Store) -> None:
    now = 0.0
    keys = KeysOfSweeps(store, lambda: now)
    assert await keys.of("s") == ()
    await store.add_sweep_key("s", KEY.public.raw, who="test")
    assert await keys.of("s") == ()
    now += REMEMBERED_S + 0.1
    assert await keys.of("s") == (KEY.public.raw,)
    await store.revoke_sweep_key("s", KEY.public.raw, who="test")
    now += REMEMBERED_S + 0.1
    assert await keys.of("s") == ()


async def test_a_wrong_one_makes_no_host_clean_and_hides_no_hit(store: Store) -> None:
    await store.add_sweep_key("s", KEY.public.raw, who="test")
    await put(store, attested(a_report("A"), KEY))
    await put(store, attested(a_report("B"), OTHER))
    await put(store, attested(a_report("C", a_finding("C")), OTHER))
    await put(store, a_report("D"))
    assert await states(store) == {
        "A": ("clean", "signed"), "B": ("incomplete", "wrong"), "C": ("hit", "wrong"),
        "D": ("clean", "unsigned"),
    }  # fmt: skip
    assert [line async for line, problem in verify(store) if problem] == []


async def test_a_sweep_that_asks_for_signatures_takes_back_what_was_clean_without(
    store: Store,
) -> None:
    await store.add_sweep_key("s", KEY.public.raw, who="test")
    await put(store, attested(a_report("A"), KEY))
    await put(store, a_report("D"))
    demand = structs.replace(SWEEP.demand, signed=True)
    assert await store.edit_sweep("s", demand, who="test")
    async for _ in store.judge_again("s"):
        pass
    assert await states(store) == {"A": ("clean", "signed"), "D": ("limited", "unsigned")}
    await store.revoke_sweep_key("s", KEY.public.raw, who="test")
    assert [line async for line, problem in verify(store) if problem] == []
