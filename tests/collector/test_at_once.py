"""What goes to the network, to the writer or into a timer goes there once, or not at all."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from collector.app import TooSlow, in_time
from collector.protocol import answered_whole
from collector.store.sqlite import _Channel
from collector.store.writer import Answers, Done, Transact, frame, padded, take_frames
from tests.collector.store.conftest import anyio_backend

__all__ = ["anyio_backend"]

pytestmark = pytest.mark.anyio
HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"2")]
CLOSE = (b"connection", b"close")


class Sink:
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.closed = True


class Answer:
    """A request that waits for its answer."""

    def __init__(self, *, keep_alive: bool = True) -> None:
        self.sink = Sink()
        transport = cast("asyncio.Transport", self.sink)
        self.flow = FlowControl(transport)
        self.over = 0
        self.cycle = RequestResponseCycle(
            scope=cast("Any", {"method": "POST"}), transport=transport, flow=self.flow,
            logger=cast("Any", None), access_logger=cast("Any", None), access_log=False,
            default_headers=[(b"date", b"today")], message_event=asyncio.Event(),
            expect_100_continue=False, keep_alive=keep_alive, on_response=self._end,
        )  # fmt: skip

    def _end(self) -> None:
        self.over += 1


@pytest.mark.parametrize("keep_alive", [True, False])
@pytest.mark.parametrize("more", [[], [CLOSE]])
async def test_an_answer_is_one_write_and_says_what_two_would(
    *, keep_alive: bool, more: list[tuple[bytes, bytes]]
) -> None:
    whole, parts = Answer(keep_alive=keep_alive), Answer(keep_alive=keep_alive)
    headers = [*HEADERS, *more]
    assert answered_whole(whole.cycle, 201, headers, b"{}")
    await parts.cycle.send(
        cast("Any", {"type": "http.response.start", "status": 201, "headers": headers})
    )
    await parts.cycle.send(cast("Any", {"type": "http.response.body", "body": b"{}"}))
    assert whole.sink.written == [b"".join(parts.sink.written)]
    assert whole.sink.closed == parts.sink.closed == (not keep_alive or bool(more))
    assert whole.over == parts.over == 1
    assert whole.cycle.response_complete
    assert await whole.cycle.receive() == await parts.cycle.receive()


async def test_it_is_left_to_the_parts_when_the_other_end_does_not_read() -> None:
    answer = Answer()
    answer.flow.pause_writing()
    assert not answered_whole(answer.cycle, 201, HEADERS, b"{}")
    assert (answer.sink.written, answer.over) == ([], 0)


async def test_nothing_is_written_to_who_has_gone() -> None:
    answer = Answer()
    answer.cycle.disconnected = True
    assert not answered_whole(answer.cycle, 201, HEADERS, b"{}")
    assert answer.sink.written == []


async def test_orders_of_one_turn_of_the_loop_go_to_the_writer_together() -> None:
    sink, lost = Sink(), list[None]()
    channel = _Channel(lambda: lost.append(None))
    channel.connection_made(cast("asyncio.Transport", sink))
    waiting = [channel.send(Transact(number, [])) for number in range(3)]
    assert sink.written == []
    await asyncio.sleep(0)
    (together,) = sink.written
    assert len([*take_frames(bytearray(together))]) == 3
    channel.data_received(frame(Answers([Done(number, rows=[number]) for number in range(2)])))
    assert [(await one).rows for one in waiting[:2]] == [[0], [1]]
    channel.send(Transact(3, []))
    channel.connection_lost(None)
    await asyncio.sleep(0)
    assert (await waiting[2]).error
    assert (len(sink.written), len(lost)) == (1, 1), "what the writer never got is not sent"


async def test_what_is_there_already_takes_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    later, timers = loop.call_later, list[float]()

    def watched(seconds: float, *given: Any, **more: Any) -> asyncio.TimerHandle:
        timers.append(seconds)
        return later(seconds, *given, **more)

    monkeypatch.setattr(loop, "call_later", watched)
    gate = asyncio.Event()

    async def body(*, waits: bool) -> bytes:
        if waits:
            await asyncio.sleep(0)
            await gate.wait()
        return b"body"

    assert await in_time(body(waits=False), 60) == b"body"
    assert timers == []
    loop.call_soon(gate.set)
    assert await in_time(body(waits=True), 60) == b"body"
    assert timers == [60]


async def test_a_body_that_does_not_come_is_given_up_and_cleans_up() -> None:
    steps = list[str]()

    async def body() -> bytes:
        try:
            await asyncio.Event().wait()
        finally:
            steps.append("given up")
        return b""

    with pytest.raises(TooSlow):
        await in_time(body(), 0)
    task = asyncio.create_task(in_time(body(), 60))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert steps == ["given up"] * 2


async def test_what_is_raised_at_once_is_raised() -> None:
    async def body() -> bytes:
        raise LookupError

    with pytest.raises(LookupError):
        await in_time(body(), 60)


@pytest.mark.parametrize(("count", "padded_to"), [(0, 0), (1, 1), (2, 2), (3, 4), (65, 128)])
def test_statements_come_in_few_lengths(count: int, padded_to: int) -> None:
    names = [str(number) for number in range(count)]
    assert len(padded(names)) == padded_to
    assert dict.fromkeys(padded(names)) == dict.fromkeys(names)
