"""What goes to the network, to the writer or into a timer goes there once, or not at all."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from collector.frames import frame, take_frames
from collector.protocol import answered_whole, come_body, is_known
from collector.store.sqlite import _Channel
from collector.store.writer import Answers, Done, Transact, padded
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


async def test_a_cycle_of_another_uvicorn_is_left_to_the_usual_way() -> None:
    class Other:
        body = b""

    assert is_known(Answer().cycle)
    assert not is_known(Other())


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


async def test_a_body_that_has_come_is_taken_as_it_would_be_received() -> None:
    taken, received = Answer().cycle, Answer().cycle
    for cycle in (taken, received):
        cycle.body += b"body"
        cycle.more_body = False
        cycle.message_event.set()
    message = cast("dict[str, Any]", await received.receive())
    assert come_body(taken) == message["body"] == b"body"
    assert not taken.body
    assert taken.message_event.is_set() == received.message_event.is_set()


@pytest.mark.parametrize(
    "change",
    [{"more_body": True}, {"disconnected": True}, {"response_complete": True},
     {"waiting_for_100_continue": True}],
)  # fmt: skip
async def test_one_that_has_not_is_waited_for(change: dict[str, bool]) -> None:
    cycle = Answer().cycle
    cycle.body += b"bo"
    cycle.more_body = False
    for name, value in change.items():
        setattr(cycle, name, value)
    assert come_body(cycle) is None
    assert cycle.body == b"bo", "it is still to be received"


@pytest.mark.parametrize(("count", "padded_to"), [(0, 0), (1, 1), (2, 2), (3, 4), (65, 128)])
def test_statements_come_in_few_lengths(count: int, padded_to: int) -> None:
    names = [str(number) for number in range(count)]
    assert len(padded(names)) == padded_to
    assert dict.fromkeys(padded(names)) == dict.fromkeys(names)
