"""An output's state: kept in the store, for any page and process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from collector.outputs.dead_letter import DeadLetters
from collector.outputs.output import Item, TryAgain
from collector.outputs.state import OutputState, StateKeeper, output_states
from collector.pages.outputs import line_of
from collector.store.store import Store, now_ms
from tests.collector.outputs.recording import Recorder, quick, until
from tests.collector.outputs.reporting import items, put, report

pytestmark = pytest.mark.anyio


async def only(store: Store) -> OutputState:
    (state,) = await output_states(store)
    return state


async def test_success_and_its_time_are_told_after_a_stop(store: Store) -> None:
    before = now_ms()
    await put(store, report("r1"))
    output = Recorder()
    runner = quick(store, output)
    runner.start()
    await until(lambda: runner.state.last_success)
    await runner.stop()
    state = await only(store)
    assert state.name == "recorder"
    assert state.last_success is not None
    assert before <= state.last_success <= now_ms()
    assert runner.figures() == ("recorder", 1, 0, 0, 0, state.last_success / 1000)
    assert (state.failing_since, state.last_error, state.lag) == (None, "", 0)


async def test_one_whose_first_attempt_has_not_ended_is_listed(store: Store) -> None:
    await put(store, report("r1"))
    output = Recorder()
    asked = asyncio.Event()

    async def hangs(_: Sequence[Item]) -> None:
        asked.set()
        await asyncio.Event().wait()

    output.troubles = [hangs]
    runner = quick(store, output)
    runner.start()
    await asyncio.wait_for(asked.wait(), 60)
    state = await only(store)
    assert (state.name, state.lag, state.last_success) == ("recorder", 1, None)
    assert line_of(state, now_ms()).state == "has sent nothing"
    await runner.stop(grace_s=0)


async def test_what_fails_is_told_with_since_when_and_how_much_waits(store: Store) -> None:
    for n in range(3):
        await put(store, report(f"r{n}"))
    output = Recorder()

    async def down(items: Sequence[Item]) -> None:
        raise TryAgain("HTTP 503: busy", items)

    output.troubles = [down] * 1000
    runner = quick(store, output)
    runner.start()
    await until(lambda: runner.counters.failed > 3)
    state = await only(store)
    first = state.failing_since
    assert first is not None
    assert state.last_error_at is not None
    assert first <= state.last_error_at
    assert (state.last_error, state.lag, state.last_success) == ("HTTP 503: busy", 3, None)
    output.troubles = []
    await until(lambda: len(output.taken) == 3)
    await runner.stop()
    state = await only(store)
    assert (state.failing_since, state.lag) == (None, 0)
    assert state.last_error == "HTTP 503: busy"  # of last time, with its own time
    assert state.last_success is not None


async def test_a_stop_writes_down_what_was_last(store: Store) -> None:
    await put(store, report("r1"))
    output = Recorder()
    runner = quick(store, output)
    runner.start()
    await until(lambda: output.taken)
    await put(store, report("r2"))
    runner.wake()
    await until(lambda: len(output.taken) == 2)
    await runner.stop()
    assert (await only(store)).last_success == runner.state.last_success


async def test_what_was_known_is_not_replaced_before_it_was_read(store: Store) -> None:
    known = StateKeeper(store, Recorder(), "recorder")
    await known.load()
    await known.succeeded()
    fresh = StateKeeper(store, Recorder(), "recorder")
    await fresh.failed("the store was away")
    assert (await only(store)).last_success == known.state.last_success


async def test_a_restart_forgets_nothing_of_it(store: Store) -> None:
    await put(store, report("r1"))
    first = quick(store, Recorder())
    first.start()
    await until(lambda: first.state.last_success)
    await first.stop()
    again = quick(store, Recorder())
    again.start()
    await until(lambda: again.state.last_success)
    await again.stop()
    assert again.state.last_success == first.state.last_success


async def test_dead_letters_are_told_with_since_when(store: Store, tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path / "recorder.ndjson", "recorder")
    output = Recorder(letters=letters)

    async def refuse(items: Sequence[Item]) -> None:
        for item in items:
            letters.bury(item, "why", {})

    output.troubles = [refuse]
    await put(store, report("r1", 2))
    runner = quick(store, output)
    runner.start()
    await until(lambda: runner.state.dead_letters == 2)
    await runner.stop()
    state = await only(store)
    assert state.dead_letters == 2
    assert state.dead_since is not None
    name, sent, *_, waiting, last_success = runner.figures()
    assert (name, sent, waiting) == ("recorder", 0, 2)
    assert (state.last_success, last_success) == (None, 0)  # it took none
    letters.path.unlink()  # type: ignore[union-attr]
    again = quick(store, Recorder(letters=letters))
    again.start()
    await until(lambda: again.state.dead_since is None and again.state.updated > state.updated)
    await again.stop()
    assert (await only(store)).dead_letters == 0


async def test_full_dead_letters_make_the_output_wait_and_lose_nothing(
    store: Store, tmp_path: Path
) -> None:
    letters = DeadLetters(tmp_path / "recorder.ndjson", "recorder", max_bytes=10)
    letters.bury(items(1)[0], "why", {})
    await put(store, report("r1", 2))
    output = Recorder(letters=letters)
    runner = quick(store, output)
    runner.start()
    await until(lambda: runner.counters.failed > 1)
    assert "full of findings that were refused" in (await only(store)).last_error
    assert (output.attempts, await store.cursor("recorder")) == (0, 0)
    letters.path.unlink()  # type: ignore[union-attr]
    await until(lambda: len(output.taken) == 2)
    await runner.stop()


async def test_an_output_of_an_earlier_version_is_told_by_its_place(store: Store) -> None:
    await put(store, report("r1"))
    await store.reports_after(0, 1)
    await store.move_cursor("old", 0, error="down")
    state = await only(store)
    assert (state.name, state.lag, state.last_error) == ("old", 1, "down")


async def test_a_refused_finding_that_cannot_be_written_down_is_not_passed_over(
    store: Store, tmp_path: Path
) -> None:
    folder = tmp_path / "d"
    folder.write_text("no folder")
    letters = DeadLetters(folder / "recorder.ndjson", "recorder")
    output = Recorder(letters=letters)

    async def refuse(items: Sequence[Item]) -> None:
        for item in items:
            letters.bury(item, "why", {})

    output.troubles = [refuse] * 1000
    await put(store, report("r1", 2))
    runner = quick(store, output)
    runner.start()
    await until(lambda: runner.counters.failed > 1)
    assert "dead letters: " in (await only(store)).last_error
    assert await store.cursor("recorder") == 0
    folder.unlink()
    await until(lambda: letters.waiting() == 2)
    await runner.stop()
    assert await store.cursor("recorder") == 1
    assert runner.counters.sent == 0
