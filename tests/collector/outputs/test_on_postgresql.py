"""States, alerts and dead letters on the other database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from collector.outputs.alerts import Watch
from collector.outputs.dead_letter import DeadLetters
from collector.outputs.output import Item
from collector.outputs.resending import resend
from collector.outputs.state import output_states
from collector.records import Sweep
from collector.store.postgresql import PostgresqlDatabase
from collector.store.store import Store, now_ms
from collector.unlisted import unlisted
from tests.collector.outputs.recording import Caller, Recorder, quick, until
from tests.collector.outputs.reporting import put, report
from tests.collector.outputs.test_alerts import tells_what_comes_after_a_suppression
from tests.collector.outputs.test_limited import tells_limits
from tests.collector.postgres_server import own_postgres, postgres_server, postgres_url

__all__ = ["own_postgres", "postgres_server", "postgres_url"]
pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[Store]:
    made = Store(await PostgresqlDatabase.open(postgres_url))
    sweep = Sweep(sweep_id="s1", title="", pack="", created=1, deadline=now_ms() - 1000)
    await made.create_sweep(sweep, who="test")
    yield made
    await made.database.close()


async def test_a_hit_after_all_before_were_suppressed_is_told_again(store: Store) -> None:
    await tells_what_comes_after_a_suppression(store)


async def test_what_is_limited_is_told(store: Store) -> None:
    await tells_limits(store)


async def test_what_is_kept_and_asked_is_the_same_on_postgresql(
    store: Store, tmp_path: Path
) -> None:
    await put(store, report("a0", 2, host="a"), source="10.0.0.1")
    await put(store, report("a1", 2, host="a"), source="10.0.0.2")
    letters = DeadLetters(tmp_path / "recorder.ndjson", "recorder")
    output = Recorder(letters=letters)

    async def refuse(items: Sequence[Item]) -> None:
        for item in items:
            letters.bury(item, "why", {})

    output.troubles = [refuse]
    runner = quick(store, output)
    runner.start()
    await until(lambda: letters.waiting() == 4)
    await runner.stop()
    (state,) = await output_states(store)
    assert (state.name, state.dead_letters, state.lag) == ("recorder", 4, 0)

    caller = Caller()
    runner = quick(store, caller)
    runner.start()
    await until(lambda: len(caller.alerts) == 3)
    await runner.stop()
    told = {alert.event for alert in caller.alerts}
    assert told == {"deadline_passed", "output_fails", "second_sender"}
    assert {item.report.report_id for item in caller.taken} == {"a0"}
    assert await Watch(store, "caller").due() == []

    again = Recorder(letters=letters)
    assert (await resend(store, again)).sent == 4
    assert [row async for row in unlisted(store, "s1")] == []
