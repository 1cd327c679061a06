"""The webhook: one signed POST per report."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from collector.outputs.alerts import Alert
from collector.outputs.dead_letter import DeadLetters
from collector.outputs.http import Http
from collector.outputs.output import Item, TryAgain
from collector.outputs.secret import Secret
from collector.outputs.webhook import Webhook
from tests.collector.outputs.reporting import items, report
from tests.collector.outputs.serving import Destination, Response, serving

pytestmark = pytest.mark.anyio


@pytest.fixture
def server() -> Iterator[Destination]:
    with serving(lambda _: Response(202)) as destination:
        yield destination


@pytest.fixture
async def output(server: Destination, tmp_path: Path) -> AsyncIterator[Webhook]:
    made = Webhook(
        "chat", Http(timeout_s=5), DeadLetters(tmp_path / "dead.ndjson", "chat"),
        url=f"{server.url}/hooks/ir?x=1", secret=Secret("shared"), clock=lambda: 1_795_529_100.9,
    )  # fmt: skip
    yield made
    await made.close()


async def test_a_report_is_one_post_that_the_receiver_can_verify(
    output: Webhook, server: Destination
) -> None:
    made = report("r1", 3)
    await output.send([Item(1, made, finding) for finding in made.findings])
    (request,) = server.requests
    assert request.path == "/hooks/ir?x=1"
    body = json.loads(request.body)
    assert body["report_id"] == "r1"
    assert len(body["findings"]) == body["hits"] == 3
    head = b"1795529100."
    expected = hmac.new(b"shared", head + request.raw, hashlib.sha256).hexdigest()
    assert request.headers["x-iocsweep-signature"] == f"t=1795529100,v1={expected}"


async def test_a_second_attempt_has_the_same_delivery_id(
    output: Webhook, server: Destination
) -> None:
    await output.send(items(1))
    await output.send(items(1))
    first, second = (request.headers["x-iocsweep-delivery"] for request in server.requests)
    assert first == second


async def test_neither_address_nor_secret_is_logged(
    output: Webhook, server: Destination, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    server.answer = lambda _: Response(422)
    await output.send(items(1))
    assert "/hooks/ir" not in caplog.text
    assert "shared" not in caplog.text
    assert "refused: HTTP 422" in caplog.text


@pytest.mark.parametrize("status", [301, 401, 404, 429, 500])
async def test_a_receiver_that_is_not_ready_is_asked_again(
    output: Webhook, server: Destination, status: int
) -> None:
    answers = iter([200, status])
    server.answer = lambda _: Response(next(answers), None, {"Retry-After": "4"})
    sent = items(3)
    with pytest.raises(TryAgain, match=f"HTTP {status}") as caught:
        await output.send(sent)
    assert caught.value.left == sent[1:]
    assert caught.value.retry_after_s == 4


async def test_what_the_receiver_will_never_take_is_kept_aside(
    output: Webhook, server: Destination, tmp_path: Path
) -> None:
    answers = iter([422, 200])
    server.answer = lambda _: Response(next(answers))
    await output.send(items(2))
    assert output.dead == 1
    assert "HTTP 422" in (tmp_path / "dead.ndjson").read_text()


def leading(server: Destination, tmp_path: Path) -> Webhook:
    return Webhook(
        "chat", Http(timeout_s=5), DeadLetters(tmp_path / "dead.ndjson", "chat"), url=server.url,
        secret=Secret("shared"), public_url="https://sweep.corp.example:8440",
    )  # fmt: skip


async def test_a_hit_leads_to_its_report(server: Destination, tmp_path: Path) -> None:
    output = leading(server, tmp_path)
    await output.send(items(1))
    await output.close()
    body = json.loads(server.requests[0].body)
    assert body["link"] == "https://sweep.corp.example:8440/reports/report-0"
    assert body["event"] == "first_hit"


async def test_without_an_address_of_the_collector_there_is_no_link(
    output: Webhook, server: Destination
) -> None:
    await output.send(items(1))
    assert "link" not in json.loads(server.requests[0].body)


async def test_an_alert_is_a_line_for_a_person_with_a_link_and_the_facts(
    server: Destination, tmp_path: Path
) -> None:
    output = leading(server, tmp_path)
    alert = Alert(
        event="second_sender", key="k", text="two senders\x1b[31m", sweep_id="s1",
        path=("sweeps", "s1", "hosts", "a|a"), facts={"senders": ["10.0.0.1", "10.0.0.2"]},
    )  # fmt: skip
    await output.alert(alert)
    await output.alert(alert)
    await output.close()
    first, second = server.requests
    assert json.loads(first.body) == {
        "schema": "iocsweep.webhook/1",
        "event": "second_sender",
        "text": "iocsweep: two senders\\x1b[31m",
        "link": "https://sweep.corp.example:8440/sweeps/s1/hosts/a%7Ca",
        "sweep_id": "s1",
        "facts": {"senders": ["10.0.0.1", "10.0.0.2"]},
    }
    assert first.headers["x-iocsweep-delivery"] == second.headers["x-iocsweep-delivery"] == alert.id
    assert first.headers["x-iocsweep-signature"].startswith("t=")


@pytest.mark.parametrize(("status", "dead"), [(422, 1), (503, 0)])
async def test_an_alert_that_is_refused_is_kept_and_one_that_is_not_taken_is_tried_again(
    output: Webhook, server: Destination, tmp_path: Path, status: int, dead: int
) -> None:
    server.answer = lambda _: Response(status, None, {"Retry-After": "4"})
    alert = Alert(event="output_fails", key="k", text="output elastic fails")
    if dead:
        await output.alert(alert)
    else:
        with pytest.raises(TryAgain) as caught:
            await output.alert(alert)
        assert (caught.value.left, caught.value.retry_after_s) == ([], 4)
    letters = [*output.dead_letters.letters()]
    assert [(one.seq, one.document_id) for one in letters] == [(0, alert.id)] * dead
