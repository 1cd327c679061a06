"""The runner: at least once, in order, never stuck on one report, never in a hurry."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.model.report import Strength
from collector.outputs.dead_letter import DeadLetters
from collector.outputs.elasticsearch import Elasticsearch
from collector.outputs.http import Http
from collector.outputs.output import Item, TryAgain
from collector.outputs.runner import OutputRunner
from collector.records import Sweep
from collector.store.database import StoreError
from collector.store.sqlite import SqliteDatabase
from collector.store.store import Store
from tests.collector.outputs.index import Index
from tests.collector.outputs.recording import Caller, Recorder, quick, until
from tests.collector.outputs.reporting import put, report
from tests.collector.outputs.serving import Request, Response, serving

pytestmark = pytest.mark.anyio


async def delivered(store: Store, output: Recorder, count: int) -> OutputRunner:
    runner = quick(store, output)
    runner.start()
    await until(lambda: len(output.taken) >= count)
    await runner.stop()
    return runner


async def test_every_finding_is_sent_in_order_and_the_cursor_stands_behind_it(store: Store) -> None:
    for n in range(5):
        await put(store, report(f"r{n}", n))
    output = Recorder()
    runner = await delivered(store, output, 10)
    assert [item.report.report_id for item in output.taken] == sorted(
        f"r{n}" for n in range(5) for _ in range(n)
    )
    assert await store.cursor("recorder") == await store.last_seq()
    assert (runner.counters.sent, runner.counters.failed, runner.counters.lag) == (10, 0, 0)
    assert output.closed


async def test_a_restart_sends_only_what_came_since(store: Store) -> None:
    await put(store, report("r1"))
    await delivered(store, Recorder(), 1)
    await put(store, report("r2"))
    again = Recorder()
    await delivered(store, again, 1)
    assert [item.report.report_id for item in again.taken] == ["r2"]


async def test_a_report_that_arrives_later_is_sent_at_once_when_woken(store: Store) -> None:
    output = Recorder()
    runner = OutputRunner(store, output, poll_s=60)
    runner.start()
    await asyncio.sleep(0.1)
    await put(store, report("r1"))
    runner.wake()
    await until(lambda: output.taken, seconds=5)
    await runner.stop()


async def test_the_cursor_waits_for_the_acknowledgement(store: Store) -> None:
    await put(store, report("r1"))
    seen: list[int] = []

    async def look(_: Sequence[Item]) -> None:
        seen.append(await store.cursor("recorder"))

    output = Recorder()
    output.troubles = [look]
    await delivered(store, output, 1)
    assert seen == [0]
    assert await store.cursor("recorder") == 1


async def test_a_failure_is_noted_and_what_is_left_is_sent_again(store: Store) -> None:
    for n in range(3):
        await put(store, report(f"r{n}", 2))
    noted: list[Any] = []

    async def half(items: Sequence[Item]) -> None:
        output.taken += items[:3]
        raise TryAgain("HTTP 503: busy", items[3:])

    async def look(_: Sequence[Item]) -> None:
        noted.extend(await store.sinks())

    output = Recorder()
    output.troubles = [half, look]
    runner = await delivered(store, output, 6)
    assert len({item.id for item in output.taken}) == len(output.taken) == 6
    ((name, seq, _, error),) = noted
    assert (name, seq, error) == ("recorder", 1, "HTTP 503: busy")  # r0 is through, r1 half
    ((_, seq, _, error),) = await store.sinks()
    assert (seq, error) == (3, "")
    assert (runner.counters.sent, runner.counters.failed) == (6, 1)


async def test_pauses_grow_with_full_jitter_and_the_destination_s_wish_comes_first(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(store, report("r1"))
    bounds: list[float] = []
    pauses: list[float] = []

    def jitter(low: float, high: float) -> float:
        assert low == 0
        bounds.append(high)
        return high / 2

    output = Recorder()

    async def down(items: Sequence[Item]) -> None:
        raise TryAgain("down", items)

    async def wait(items: Sequence[Item]) -> None:
        raise TryAgain("busy", items, retry_after_s=30)

    output.troubles = [down, down, down, down, down, wait]
    runner = OutputRunner(store, output, base_delay_s=1, max_delay_s=10, jitter=jitter)

    async def no_sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(runner, "_sleep", no_sleep)
    runner.start()
    await until(lambda: output.taken)
    await runner.stop()
    assert bounds == [1, 2, 4, 8, 10, 10]
    assert pauses == [0.5, 1, 2, 4, 5, 35]


@pytest.mark.parametrize(
    "body", [b"not gzip", b"\x1f\x8b\x08\x00", None], ids=["junk", "cut", "json"]
)
async def test_a_report_that_cannot_be_decoded_is_counted_noted_and_passed_over(
    store: Store, body: bytes | None
) -> None:
    import gzip

    await put(store, report("bad"), body=gzip.compress(b'{"schema": 1}') if body is None else body)
    await put(store, report("good"))
    output = Recorder()
    runner = await delivered(store, output, 1)
    assert [item.report.report_id for item in output.taken] == ["good"]
    assert runner.counters.undecodable == 1
    ((_, seq, _, error),) = await store.sinks()
    assert seq == 2
    assert "report bad passed over" in error


async def test_a_gzip_bomb_is_passed_over(store: Store) -> None:
    import gzip

    await put(store, report("bomb"), body=gzip.compress(b" " * (65 * 1024 * 1024)))
    await put(store, report("good"))
    output = Recorder()
    runner = await delivered(store, output, 1)
    assert runner.counters.undecodable == 1


async def test_weaker_findings_and_clean_reports_only_move_the_cursor(store: Store) -> None:
    await put(store, report("clean", 0))
    await put(store, report("weak", 2, strength=Strength.WEAK))
    await put(store, report("hit", 1))
    output = Recorder(weakest=Strength.STRONG)
    await delivered(store, output, 1)
    assert [item.report.report_id for item in output.taken] == ["hit"]
    assert await store.cursor("recorder") == 3


async def test_the_first_hit_of_each_host_and_sweep_is_picked_once(store: Store) -> None:
    await store.create_sweep(
        Sweep(sweep_id="s2", title="", pack="", created=1, deadline=None), who="test"
    )
    await put(store, report("a-weak", 1, host="a", strength=Strength.WEAK))
    await put(store, report("a-first", 2, host="a"))
    await put(store, report("b-first", 1, host="b"))
    await put(store, report("a-second", 1, host="a"))
    await put(store, report("a-other-sweep", 1, host="a"), sweep_id="s2")
    output = Caller()
    await delivered(store, output, 4)
    assert [item.report.report_id for item in output.taken] == [
        "a-first", "a-first", "b-first", "a-other-sweep",
    ]  # fmt: skip
    await put(store, report("b-second", 1, host="b"))
    await put(store, report("c-first", 1, host="c"))
    after_restart = Caller()
    await delivered(store, after_restart, 1)
    assert [item.report.report_id for item in after_restart.taken] == ["c-first"]


async def test_the_sweep_is_the_one_of_the_token_not_what_the_report_claims(store: Store) -> None:
    await put(store, report("r1"))
    output = Recorder()
    await delivered(store, output, 1)
    assert output.taken[0].report.sweep_id == "s1"


async def test_stopping_waits_for_what_is_being_sent(store: Store) -> None:
    await put(store, report("r1"))
    begun = asyncio.Event()

    async def slow(_: Sequence[Item]) -> None:
        begun.set()
        await asyncio.sleep(0.2)

    output = Recorder()
    output.troubles = [slow]
    runner = quick(store, output)
    runner.start()
    await begun.wait()
    await runner.stop(grace_s=5)
    assert await store.cursor("recorder") == 1


async def test_stopping_does_not_wait_for_ever(store: Store) -> None:
    await put(store, report("r1"))
    begun = asyncio.Event()

    async def stuck(_: Sequence[Item]) -> None:
        begun.set()
        await asyncio.sleep(3600)

    output = Recorder()
    output.troubles = [stuck]
    runner = quick(store, output)
    task = runner.start()
    await begun.wait()
    await runner.stop(grace_s=0.05)
    assert task.done()
    assert output.closed
    assert await store.cursor("recorder") == 0


async def test_stopping_while_the_destination_is_down_is_quick(store: Store) -> None:
    await put(store, report("r1"))

    async def down(items: Sequence[Item]) -> None:
        raise TryAgain("down", items, retry_after_s=3600)

    output = Recorder()
    output.troubles = [down]
    runner = quick(store, output)
    runner.start()
    await until(lambda: runner.counters.failed)
    await put(store, report("r2"))
    runner.wake()
    assert runner.counters.lag == 1  # as of the last attempt
    assert runner.counters.error == "down"
    await asyncio.wait_for(runner.stop(), 2)


async def test_a_fault_of_ours_is_told_and_tried_again(store: Store) -> None:
    await put(store, report("r1"))
    output = Recorder()
    output.troubles = [KeyError("oops"), StoreError("disk")]
    runner = await delivered(store, output, 1)
    assert runner.counters.failed == 2
    assert len(output.taken) == 1


async def test_a_runner_that_is_cancelled_in_mid_batch_loses_nothing(store: Store) -> None:
    for n in range(6):
        await put(store, report(f"r{n}", 3))
    taken: list[str] = []
    for attempt in range(4):
        output = Recorder()
        reached = asyncio.Event()

        async def break_off(
            items: Sequence[Item], reached: asyncio.Event = reached, upto: int = 5 * attempt
        ) -> None:
            taken.extend(item.id for item in items[:upto])
            reached.set()
            await asyncio.sleep(3600)

        output.troubles = [break_off]
        runner = quick(store, output)
        runner.start()
        await reached.wait()
        await runner.stop(grace_s=0)
    last = Recorder()
    await delivered(store, last, 18)
    assert set(taken) <= {item.id for item in last.taken}
    assert len({item.id for item in last.taken}) == 18


CHILD = """
import asyncio, sys
from pathlib import Path
from collector.outputs.dead_letter import DeadLetters
from collector.outputs.elasticsearch import Elasticsearch
from collector.outputs.http import Http
from collector.outputs.runner import OutputRunner
from collector.store.sqlite import SqliteDatabase
from collector.store.store import Store
from collector.outputs import elasticsearch
elasticsearch.MAX_DOCUMENTS = 7

async def main():
    store = Store(await SqliteDatabase.open(Path(sys.argv[1])))
    output = Elasticsearch("es", Http(), DeadLetters(None, "es"), url=sys.argv[2], index="i", template=False)
    await OutputRunner(store, output, poll_s=0.05).run()

asyncio.run(main())
"""


async def test_a_collector_killed_between_taking_and_moving_on_doubles_nothing_but_ids(
    tmp_path: Path,
) -> None:
    """SIGKILL at the moment when documents are indexed and the answer is not yet sent."""
    path = tmp_path / "reports.sqlite"
    store = Store(await SqliteDatabase.open(path))
    await store.create_sweep(
        Sweep(sweep_id="s1", title="", pack="", created=1, deadline=None), who="test"
    )
    expected = 0
    for n in range(12):
        await put(store, report(f"r{n}", 5))
        expected += 5
    await store.database.close()

    index = Index()
    tries: list[str] = []
    children: list[subprocess.Popen[bytes]] = []

    def kill_on_third(request: Request) -> Response:
        tries.extend(line["create"]["_id"] for line in request.lines[::2])
        answer = index.answer(request)
        if children and len(server.requests) % 3 == 0:
            os.kill(children[-1].pid, signal.SIGKILL)
        return answer

    with serving(kill_on_third) as server:
        for _ in range(2):
            child = subprocess.Popen([sys.executable, "-c", CHILD, str(path), server.url])
            children.append(child)
            assert await asyncio.to_thread(child.wait, 30) == -signal.SIGKILL
        children.clear()
        store = await _reopened(path)
        output = Elasticsearch(
            "es", Http(), DeadLetters(None, "es"), url=server.url, index="i", template=False
        )
        runner = quick(store, output)
        runner.start()
        last = await store.last_seq()
        while await store.cursor("es") < last:
            await asyncio.sleep(0.02)
        await runner.stop()
        await store.database.close()
    assert len(index.documents) == expected == 60
    assert len(tries) > expected  # some were sent twice ...
    assert set(tries) == set(index.documents)  # ... under the same ids


async def _reopened(path: Path) -> Store:
    """The killed collector's writer process ends when it sees its socket closed."""
    for _ in range(100):
        try:
            return Store(await SqliteDatabase.open(path))
        except (StoreError, sqlite3.Error):
            await asyncio.sleep(0.1)
    raise AssertionError("the store stays in use")
