"""Against a server that answers as Splunk documents its HTTP Event Collector."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from collector.outputs import splunk
from collector.outputs.dead_letter import DeadLetters
from collector.outputs.http import Http
from collector.outputs.output import TryAgain
from collector.outputs.secret import Secret
from collector.outputs.splunk import Splunk
from tests.collector.outputs.reporting import items
from tests.collector.outputs.serving import Destination, Request, Response, serving

pytestmark = pytest.mark.anyio
OK = {"text": "Success", "code": 0}


class Collector:
    """Takes events one by one, as HEC does; refuses one, or is busy from one on."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.bad: set[str] = set()
        self.busy_after: int | None = None

    def answer(self, request: Request) -> Response:
        events = request.lines
        for number, event in enumerate(events):
            if event["event"]["report_id"] in self.bad:
                return Response(
                    400, {"text": "Invalid data format", "code": 6, "invalid-event-number": number}
                )
            if self.busy_after is not None and number == self.busy_after:
                self.busy_after = None
                return Response(
                    503, {"text": "Server is busy", "code": 9, "invalid-event-number": number}
                )
            self.events.append(event)
        return Response(200, OK)


@pytest.fixture
def collector() -> Collector:
    return Collector()


@pytest.fixture
def server(collector: Collector) -> Iterator[Destination]:
    with serving(collector.answer) as destination:
        yield destination


@pytest.fixture
async def output(server: Destination, tmp_path: Path) -> AsyncIterator[Splunk]:
    made = Splunk(
        "splunk", Http(timeout_s=5), DeadLetters(tmp_path / "dead.ndjson", "splunk"),
        url=server.url, token=Secret("t0ken"), index="ir",
    )  # fmt: skip
    yield made
    await made.close()


async def test_events_are_concatenated_and_carry_the_token(
    output: Splunk, server: Destination
) -> None:
    await output.send(items(2))
    (request,) = server.requests
    assert request.path == "/services/collector/event"
    assert request.headers["authorization"] == "Splunk t0ken"
    assert request.headers["content-encoding"] == "gzip"
    first, second = request.lines
    assert first["index"] == "ir"
    assert first["sourcetype"] == "iocsweep:finding"
    assert first["event"]["id"] != second["event"]["id"]


async def test_a_busy_server_is_given_the_rest_only(output: Splunk, collector: Collector) -> None:
    collector.busy_after = 2
    sent = items(5)
    with pytest.raises(TryAgain, match="busy") as caught:
        await output.send(sent)
    assert caught.value.left == sent[2:]
    await output.send(caught.value.left)
    assert [event["event"]["id"] for event in collector.events] == [item.id for item in sent]


async def test_an_invalid_event_is_kept_aside_and_no_other_is_lost(
    output: Splunk, collector: Collector, tmp_path: Path
) -> None:
    sent = items(4)
    collector.bad = {"report-1"}
    await output.send(sent)
    there = {event["event"]["id"] for event in collector.events}
    assert there == {item.id for item in sent} - {sent[1].id}
    assert output.dead == 1
    (letter,) = map(json.loads, (tmp_path / "dead.ndjson").read_text().splitlines())
    assert letter["document_id"] == sent[1].id


async def test_an_invalid_event_is_found_without_its_number(
    output: Splunk, server: Destination, collector: Collector
) -> None:
    collector.bad = {"report-3"}

    def numberless(request: Request) -> Response:
        answer = collector.answer(request)
        if answer.status == 400:
            return Response(400, {"text": "Invalid data format", "code": 6})
        return answer

    server.answer = numberless
    sent = items(6)
    await output.send(sent)
    assert output.dead == 1
    there = {event["event"]["id"] for event in collector.events}
    assert there == {item.id for item in sent} - {sent[3].id}


@pytest.mark.parametrize(
    ("status", "code", "text"),
    [
        (401, 2, "Token is required"), (403, 4, "Invalid token"), (403, 1, "Token disabled"),
        (400, 7, "Incorrect index"), (500, 8, "Internal server error"), (503, 9, "Server is busy"),
        (429, 26, "HEC queue at capacity"), (404, None, "not found"), (200, 5, "No data"),
    ],
)  # fmt: skip
async def test_anything_else_waits_and_loses_nothing(
    output: Splunk, server: Destination, status: int, code: int | None, text: str
) -> None:
    server.answer = lambda _: Response(status, {"text": text, "code": code}, {"Retry-After": "3"})
    sent = items(2)
    with pytest.raises(TryAgain, match=text) as caught:
        await output.send(sent)
    assert caught.value.left == sent
    assert caught.value.retry_after_s == 3
    assert output.dead == 0


async def test_a_request_that_is_too_large_is_halved(
    output: Splunk, server: Destination, collector: Collector
) -> None:
    server.answer = lambda r: collector.answer(r) if len(r.lines) < 3 else Response(413, "large")
    await output.send(items(5))
    assert len(collector.events) == 5


async def test_no_request_is_over_a_megabyte(
    output: Splunk, server: Destination, collector: Collector
) -> None:
    await output.send(items(400))
    assert len(server.requests) > 1
    assert max(len(request.body) for request in server.requests) <= splunk.MAX_BYTES
    assert len(collector.events) == 400


async def test_the_token_is_in_no_representation(output: Splunk) -> None:
    assert "t0ken" not in repr(Secret("t0ken"))
    assert "t0ken" not in repr(output)
