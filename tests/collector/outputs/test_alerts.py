"""What calls a person beside a first hit: each is told once, and never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

import pytest

from collector.outputs import alerts, runner
from collector.outputs.alerts import (
    DEADLINE_FOR_MS,
    FAILS_AFTER_MS,
    STALE_MS,
    Alert,
    Alerting,
    Watch,
    link,
)
from collector.outputs.output import TryAgain
from collector.outputs.state import OutputState, StateKeeper, keep_value
from collector.records import Sweep
from collector.store.store import Store, now_ms
from tests.collector.outputs.recording import Caller, Recorder, quick, until
from tests.collector.outputs.reporting import put, report
from tests.collector.store.reporting import a_finding, a_hit

pytestmark = pytest.mark.anyio


async def told(store: Store, output: Caller, until_: Callable[[], object]) -> None:
    worker = quick(store, output)
    worker.start()
    await until(until_)
    await worker.stop()


async def test_a_second_sender_is_told_once_of_each_host(store: Store) -> None:
    senders = ["10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.3", "10.0.0.1"]
    for n, source in enumerate(senders):
        await put(store, report(f"a{n}", 0, host="a"), source=source)
    await put(store, report("b0", 0, host="b"), source="10.0.0.9")
    output = Caller()
    await told(store, output, lambda: output.alerts)
    again = Caller("other")
    await told(store, again, lambda: again.alerts)
    for one in (output, again):
        (alert,) = one.alerts
        assert (alert.event, alert.facts["report_id"]) == ("second_sender", "a2")
        assert alert.text == "two senders for a: 10.0.0.1, and now 10.0.0.2"
        assert alert.path == ("sweeps", "s1", "hosts", "a|a")
    assert output.alerts[0].id == again.alerts[0].id


BY_KEY = "wrong line 9: signed by another key, 65b60673d6ed884b"


async def signed(store: Store, report_id: str, host: str, signature: str) -> None:
    await put(store, report(report_id, 0, host=host))
    kept = "UPDATE report SET signature = ? WHERE report_id = ?"
    await store.database.transact([(kept, (signature, report_id))])


async def test_a_bad_signature_is_told_once_of_each_host_and_once_of_each_strange_key(
    store: Store,
) -> None:
    for n, (host, signature) in enumerate([
        ("a", "signed 56475aa75463474c"), ("a", "wrong line 6 was changed"),
        ("a", "wrong line 7 was changed"), ("b", "unsigned"), ("c", "wrong line 8 was removed"),
        ("d", BY_KEY), ("e", BY_KEY), ("f", "wrong line 9: signed by the revoked key ab"),
    ]):  # fmt: skip
        await signed(store, f"r{n}", host, signature)
    output = Caller()
    await told(store, output, lambda: len(output.alerts) == 4)
    assert {one.event for one in output.alerts} == {"bad_signature"}
    assert [(one.facts["report_id"], one.facts["signature_status"]) for one in output.alerts] == [
        ("r1", "altered"),
        ("r4", "altered"),
        ("r5", "unknown_key"),
        ("r7", "revoked_key"),
    ]
    first = output.alerts[0]
    assert first.text == "a report of a is not as this sweep's key signed it: line 6 was changed"
    assert first.path == ("reports", "r1")
    await signed(store, "r8", "g", BY_KEY)
    await signed(store, "r9", "h", "wrong line 1 was added")
    again = Caller()  # the same output, after a restart
    await told(store, again, lambda: again.alerts)
    assert [one.facts["report_id"] for one in again.alerts] == ["r9"]


async def test_an_alert_that_does_not_get_through_holds_the_cursor(store: Store) -> None:
    await put(store, report("a0", 0, host="a"), source="10.0.0.1")
    await put(store, report("a1", 0, host="a"), source="10.0.0.2")
    output = Caller()
    output.troubles = [TryAgain("down", [])] * 1000
    worker = quick(store, output)
    worker.start()
    await until(lambda: worker.counters.failed > 2)
    assert await store.cursor("caller") == 0
    output.troubles = []
    await until(lambda: output.alerts)
    await worker.stop()
    assert await store.cursor("caller") == 2


async def test_only_what_was_asked_for_is_told(store: Store) -> None:
    await put(store, report("a0", 1, host="a"), source="10.0.0.1")
    await put(store, report("a1", 1, host="a"), source="10.0.0.2")
    output = Caller(events=["second_sender"])
    await told(store, output, lambda: output.alerts)
    assert output.taken == []
    output = Caller("other", events=["first_hit"])
    await told(store, output, lambda: output.taken)
    assert output.alerts == []


async def test_a_hit_after_all_before_were_suppressed_is_told_again(store: Store) -> None:
    await tells_what_comes_after_a_suppression(store)


async def tells_what_comes_after_a_suppression(store: Store) -> None:
    """On any store: what is suppressed calls nobody, and neither does what was told."""
    output = Caller(events=["first_hit"])
    worker = quick(store, output)
    worker.start()

    async def lists(name: str, indicator: str) -> None:
        row = await store.report(name)
        assert row is not None
        found = a_finding(a_hit("a", report_id=name, host_id="a"), indicator)
        await store.index(name, "s1", row.host_key, [found])

    async def passed(count: int) -> None:
        async def there() -> None:
            while await store.cursor("caller") < count:
                await asyncio.sleep(0.01)

        await asyncio.wait_for(there(), 10)

    async def sends(name: str, indicator: str) -> None:
        await put(store, report(name, 1, host="a"))
        await lists(name, indicator)

    def called() -> list[str]:
        return [item.report.report_id for item in output.taken]

    await sends("r1", "i1")
    await passed(1)
    await store.suppress("s1", "i1", None, reason="ours", who="ann")
    await sends("r2", "i1")
    await passed(2)
    assert called() == ["r1"], "it is covered as well"
    await put(store, report("r3", 1, host="a"))
    await asyncio.sleep(0.05)
    assert await store.cursor("caller") == 2, "what of it is suppressed is not known yet"
    await lists("r3", "i2")
    await passed(3)
    assert called() == ["r1", "r3"]
    await sends("r4", "i2")
    await passed(4)
    await worker.stop()
    assert called() == ["r1", "r3"]


async def test_one_that_nobody_lists_is_told_after_a_while(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "LISTED_WITHIN_S", 0.05)
    await put(store, report("r1", 1, host="a"))
    await store.suppress("s1", "i1", None, reason="ours", who="ann")
    await put(store, report("r2", 1, host="a"))
    output = Caller(events=["first_hit"])
    await told(store, output, lambda: len(output.taken) == 2)


async def sweep(store: Store, deadline: int | None, sweep_id: str = "s2") -> None:
    made = Sweep(
        sweep_id=sweep_id, title=f"sweep {sweep_id}", pack="", created=1, deadline=deadline
    )
    await store.create_sweep(made, who="test")


async def due(store: Store, name: str = "chat") -> list[Alert]:
    """Each look is by a collector that was just started."""
    watch = Watch(store, name)
    found = await watch.due()
    for alert in found:
        await watch.told(alert)
    return found


async def test_a_deadline_that_passed_is_told_once_with_who_is_silent(store: Store) -> None:
    deadline = now_ms() - 1000
    await sweep(store, deadline)
    await store.expect("s2", ["ws-1", "ws-2", "ws-3"], who="test")
    await put(store, report("r1", 0, host="ws-1"), sweep_id="s2")
    (alert,) = await due(store)
    assert alert.event == "deadline_passed"
    assert alert.text.endswith("has passed: 2 of 3 expected hosts have not reported")
    assert (alert.facts["counts"]["clean"], alert.path) == (1, ("sweeps", "s2"))
    assert datetime.fromisoformat(alert.facts["deadline"]).timestamp() == deadline / 1000
    assert await due(store) == []
    assert [one.key for one in await due(store, "other webhook")] == [alert.key]


async def test_a_deadline_to_come_or_of_long_ago_is_not(store: Store) -> None:
    await sweep(store, now_ms() + 60_000)
    await sweep(store, now_ms() - DEADLINE_FOR_MS - 1000, "s3")
    await sweep(store, None, "s4")
    assert await due(store) == []


async def test_without_a_list_it_says_that_nobody_knows_who_is_missing(store: Store) -> None:
    await sweep(store, now_ms() - 1000)
    (alert,) = await due(store)
    assert "nobody said how many are expected" in alert.text


async def fails(store: Store, **more: object) -> None:
    keeper = StateKeeper(store, Recorder("elastic"), "elastic")
    await keeper.load()
    keeper.state = OutputState(name="elastic", **more)  # type: ignore[arg-type]
    await keeper.save(now=True)


async def test_an_output_that_fails_for_minutes_is_told_by_the_others(store: Store) -> None:
    since = now_ms() - FAILS_AFTER_MS - 1000
    await fails(store, last_error="HTTP 403", failing_since=since)
    (alert,) = await due(store)
    assert (alert.event, alert.facts["output"]["name"]) == ("output_fails", "elastic")
    assert alert.text == "output elastic fails: HTTP 403; 0 reports wait"
    assert await due(store) == []
    assert await due(store, "elastic") == []
    await fails(store, last_error="HTTP 403", failing_since=since + 500)  # anew
    assert len(await due(store)) == 1


async def test_one_that_stumbles_or_that_nobody_runs_is_not(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fails(store, last_error="HTTP 503", failing_since=now_ms() - 1000)
    assert await due(store) == []
    await fails(store, last_error="HTTP 503", failing_since=1)
    later = now_ms() + STALE_MS + 1000
    monkeypatch.setattr(alerts, "now_ms", lambda: later)
    assert await due(store) == []


async def test_what_a_later_version_remembered_is_rather_told_twice_than_never(
    store: Store,
) -> None:
    await sweep(store, now_ms() - 1000)
    await keep_value(store, "alerts/chat", b"[]")
    assert len(await due(store)) == 1


async def test_refused_findings_are_told(store: Store) -> None:
    output = Recorder("elastic")
    output.dead_letters.count = 3
    keeper = StateKeeper(store, output, "elastic")
    await keeper.load()
    await keeper.save(now=True)
    (alert,) = await due(store)
    assert "3 wait" in alert.text
    assert "dead-letters list elastic" in alert.text
    assert await due(store) == []


async def test_the_runner_of_a_webhook_keeps_watch(store: Store) -> None:
    await sweep(store, now_ms() - 1000)
    output = Caller()
    output.troubles = [TryAgain("down", [])]
    await told(store, output, lambda: output.alerts)
    again = Caller()
    runner = quick(store, again)
    runner.start()
    await put(store, report("r1"))
    runner.wake()
    await until(lambda: again.taken)
    await runner.stop()
    assert ([one.event for one in output.alerts], again.alerts) == (["deadline_passed"], [])


def test_only_a_webhook_is_alerted() -> None:
    assert not isinstance(Recorder(), Alerting)


@pytest.mark.parametrize(
    ("url", "path", "said"),
    [
        ("https://c:8440/", ("reports", "r1"), "https://c:8440/reports/r1"),
        ("https://c/x", ("sweeps", "s 1", "hosts", "a|b/é"), "https://c/x/sweeps/s%201/hosts/a%7Cb%2F%C3%A9"),
        ("", ("reports", "r1"), ""),
    ],
)  # fmt: skip
def test_links_lead_to_the_collector_s_pages(url: str, path: Sequence[str], said: str) -> None:
    assert link(url, *path) == said
