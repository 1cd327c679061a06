"""Against a server that answers as the Logs Ingestion API and its login are documented."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from collector.outputs import sentinel
from collector.outputs.dead_letter import DeadLetters
from collector.outputs.http import Http
from collector.outputs.output import TryAgain
from collector.outputs.secret import Secret
from collector.outputs.sentinel import Sentinel
from tests.collector.outputs.reporting import items
from tests.collector.outputs.serving import Destination, Request, Response, serving

pytestmark = pytest.mark.anyio


class Azure:
    """A login and a data collection rule."""

    def __init__(self) -> None:
        self.tokens = 0
        self.valid = ""
        self.rows: dict[str, list[Any]] = {}
        self.most_rows = 10_000

    def answer(self, request: Request) -> Response:
        if request.path.startswith("/tenant-1/oauth2"):
            return self.login(request)
        if request.headers["authorization"] != f"Bearer {self.valid}":
            return Response(401, {"error": {"code": "InvalidToken"}})
        rows = json.loads(request.body)
        if len(request.body) > 1_000_000 or len(rows) > self.most_rows:
            return Response(413, {"error": {"code": "ContentLengthLimitExceeded"}})
        self.rows.setdefault(request.path, []).extend(rows)
        return Response(204)

    def login(self, request: Request) -> Response:
        form = parse_qs(request.body.decode())
        if form["client_secret"] != ["s3cret+/="]:
            return Response(401, {"error": "invalid_client", "error_description": str(form)})
        assert form["grant_type"] == ["client_credentials"]
        assert form["scope"] == ["https://monitor.azure.com//.default"]
        self.tokens += 1
        self.valid = f"token-{self.tokens}"
        return Response(
            200, {"access_token": self.valid, "expires_in": 3599, "token_type": "Bearer"}
        )


@pytest.fixture
def azure() -> Azure:
    return Azure()


@pytest.fixture
def server(azure: Azure) -> Iterator[Destination]:
    with serving(azure.answer) as destination:
        yield destination


def make(server: Destination, tmp_path: Path, **more: Any) -> Sentinel:
    settings: dict[str, Any] = {
        "endpoint": server.url, "rule": "dcr-1", "tenant": "tenant-1", "client_id": "client-1",
        "client_secret": Secret("s3cret+/="), "login_url": server.url,
    }  # fmt: skip
    return Sentinel(
        "sentinel", Http(timeout_s=5), DeadLetters(tmp_path / "dead.ndjson", "sentinel"),
        **{**settings, **more},
    )  # fmt: skip


@pytest.fixture
async def output(server: Destination, tmp_path: Path) -> AsyncIterator[Sentinel]:
    made = make(server, tmp_path)
    yield made
    await made.close()


STREAM = "/dataCollectionRules/dcr-1/streams/Custom-IocSweepFinding_CL?api-version=2023-01-01"
ALERTS = "/dataCollectionRules/dcr-1/streams/Microsoft-ASimAlertEventLogs?api-version=2023-01-01"


async def test_rows_go_to_the_stream_with_a_token_that_is_kept(
    output: Sentinel, server: Destination, azure: Azure
) -> None:
    sent = items(3)
    await output.send(sent)
    await output.send(items(1))
    assert [row["DocumentId"] for row in azure.rows[STREAM]][:3] == [item.id for item in sent]
    assert azure.tokens == 1
    assert server.requests[1].headers["content-encoding"] == "gzip"


async def test_both_streams_are_fed_when_asked_for(
    server: Destination, azure: Azure, tmp_path: Path
) -> None:
    output = make(server, tmp_path, alert_stream="Microsoft-ASimAlertEventLogs")
    await output.send(items(2))
    await output.close()
    assert len(azure.rows[STREAM]) == 2
    assert {row["EventSchema"] for row in azure.rows[ALERTS]} == {"AlertEvent"}


async def test_a_token_that_is_no_longer_good_is_renewed_once(
    output: Sentinel, azure: Azure
) -> None:
    await output.send(items(1))
    azure.valid = "revoked"
    await output.send(items(2))
    assert azure.tokens == 2
    assert len(azure.rows[STREAM]) == 3


async def test_a_token_is_renewed_before_it_ends(
    server: Destination, azure: Azure, tmp_path: Path
) -> None:
    now = [0.0]
    output = make(server, tmp_path, clock=lambda: now[0])
    await output.send(items(1))
    now[0] = 3400.0
    await output.send(items(1))
    await output.close()
    assert azure.tokens == 2


async def test_no_rights_after_a_new_token_waits(
    output: Sentinel, server: Destination, azure: Azure
) -> None:
    server.answer = lambda r: (
        azure.login(r) if "oauth2" in r.path else Response(401, {"error": {"code": "no"}})
    )
    sent = items(1)
    with pytest.raises(TryAgain, match="HTTP 401") as caught:
        await output.send(sent)
    assert caught.value.left == sent
    assert azure.tokens == 2


async def test_a_refused_login_waits_and_does_not_repeat_the_secret(
    server: Destination, tmp_path: Path
) -> None:
    output = make(server, tmp_path, client_secret=Secret("wrong-secret"))
    with pytest.raises(TryAgain, match="invalid_client") as caught:
        await output.send(items(1))
    await output.close()
    assert "wrong-secret" not in caught.value.reason
    assert len(caught.value.left) == 1


async def test_a_call_that_is_too_large_is_halved(output: Sentinel, azure: Azure) -> None:
    azure.most_rows = 2
    await output.send(items(5))
    assert len(azure.rows[STREAM]) == 5


async def test_one_row_that_is_too_large_by_itself_is_kept_aside(
    output: Sentinel, azure: Azure
) -> None:
    azure.most_rows = 0
    await output.send(items(1))
    assert output.dead == 1


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
async def test_anything_else_waits_as_long_as_it_is_told(
    output: Sentinel, server: Destination, azure: Azure, status: int
) -> None:
    server.answer = lambda r: (
        azure.login(r) if "oauth2" in r.path else Response(status, {}, {"Retry-After": "11"})
    )
    sent = items(2)
    with pytest.raises(TryAgain, match=f"HTTP {status}") as caught:
        await output.send(sent)
    assert caught.value.left == sent
    assert caught.value.retry_after_s == 11


async def test_no_call_is_over_nine_hundred_kilobytes(
    output: Sentinel, server: Destination, azure: Azure
) -> None:
    await output.send(items(300))
    calls = [request for request in server.requests if "streams" in request.path]
    assert len(calls) > 1
    assert max(len(call.body) for call in calls) <= sentinel.MAX_BYTES + 2
    assert len(azure.rows[STREAM]) == 300


async def test_a_failure_in_the_second_stream_sends_its_batch_again_and_no_other(
    server: Destination, azure: Azure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sentinel, "MAX_ROWS", 2)
    output = make(server, tmp_path, alert_stream="Microsoft-ASimAlertEventLogs")

    def second_alerts_fail(request: Request) -> Response:
        done = len(azure.rows.get(ALERTS, []))
        return Response(503) if "ASim" in request.path and done >= 2 else azure.answer(request)

    server.answer = second_alerts_fail
    sent = items(5)
    with pytest.raises(TryAgain) as caught:
        await output.send(sent)
    assert caught.value.left == sent[2:]
    server.answer = azure.answer
    await output.send(caught.value.left)
    await output.close()
    for rows, key in ((azure.rows[STREAM], "DocumentId"), (azure.rows[ALERTS], "EventUid")):
        assert {row[key] for row in rows} == {item.id for item in sent}
