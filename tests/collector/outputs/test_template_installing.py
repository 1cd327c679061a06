"""The index template on its way: once, never over the operator's own, and never in the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collector.outputs.dead_letter import DeadLetters
from collector.outputs.elasticsearch import Elasticsearch
from collector.outputs.http import Http
from collector.outputs.index_template import VERSION
from collector.outputs.output import TryAgain
from collector.outputs.secret import Secret
from collector.outputs.template_installing import AGAIN_S, NotYet, TemplateInstaller
from tests.collector.outputs.index import Index
from tests.collector.outputs.reporting import items
from tests.collector.outputs.serving import Destination, Request, Response, serving

pytestmark = pytest.mark.anyio
INDEX = "logs-iocsweep.finding-default"
TEMPLATE = "/_index_template/iocsweep-logs-iocsweep.finding"


class Cluster:
    """Answers as told by method and path; a template that was put is there."""

    def __init__(self) -> None:
        self.index = Index()
        self.asked: list[str] = []
        self.templates: dict[str, Any] = {}
        self.answers: dict[str, list[Response]] = {}

    def answer(self, request: Request) -> Response:
        if request.path == "/_bulk":
            return self.index.answer(request)
        asked = f"{request.method} {request.path}"
        self.asked.append(asked)
        if self.answers.get(asked):
            return self.answers[asked].pop(0)
        if request.method == "PUT":
            self.templates[request.path] = json.loads(request.body)
            return Response(200, {"acknowledged": True})
        if request.path in self.templates:
            there = {"name": "x", "index_template": self.templates[request.path]}
            return Response(200, {"index_templates": [there]})
        return Response(404, {"error": "none"})


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def server(cluster: Cluster) -> Iterator[Destination]:
    with serving(cluster.answer) as destination:
        yield destination


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def installer(server: Destination, clock: Clock | None = None) -> TemplateInstaller:
    return TemplateInstaller(
        Http(timeout_s=5), url=server.url, index=INDEX, headers={"Authorization": "ApiKey k"},
        clock=clock or Clock(),
    )  # fmt: skip


async def test_it_is_installed_before_the_first_document_with_the_output_s_credentials(
    cluster: Cluster, server: Destination
) -> None:
    output = Elasticsearch(
        "elastic", Http(), DeadLetters(None, "elastic"), url=server.url, index=INDEX,
        api_key=Secret("k"),
    )  # fmt: skip
    await output.send(items(1))
    await output.send(items(1))
    await output.close()
    assert [request.path for request in server.requests] == [
        TEMPLATE, TEMPLATE, f"/{INDEX}", "/_bulk", "/_bulk",
    ]  # fmt: skip
    assert {request.headers["authorization"] for request in server.requests} == {"ApiKey k"}
    assert cluster.templates[TEMPLATE]["version"] == VERSION


async def test_the_operator_can_switch_it_off(cluster: Cluster, server: Destination) -> None:
    output = Elasticsearch(
        "e", Http(), DeadLetters(None, "e"), url=server.url, index=INDEX, template=False
    )
    await output.send(items(1))
    await output.close()
    assert cluster.asked == []


@pytest.mark.parametrize("version", [VERSION, VERSION + 1])
async def test_one_of_this_version_or_a_later_one_stays_as_the_operator_has_it(
    cluster: Cluster, server: Destination, version: int
) -> None:
    cluster.templates[TEMPLATE] = {"version": version, "template": {"mine": True}}
    await installer(server).ensure()
    assert cluster.asked == [f"GET {TEMPLATE}"]


@pytest.mark.parametrize("there", [{"version": VERSION - 1}, {}])
async def test_an_older_one_is_replaced(
    cluster: Cluster, server: Destination, there: dict[str, Any]
) -> None:
    cluster.templates[TEMPLATE] = there
    await installer(server).ensure()
    assert cluster.templates[TEMPLATE]["version"] == VERSION


async def test_a_data_stream_that_is_there_is_rolled_over(
    cluster: Cluster, server: Destination
) -> None:
    cluster.answers = {
        f"GET /{INDEX}": [Response(200, {})],
        f"POST /{INDEX}/_rollover": [Response(200, {"rolled_over": True})],
    }
    made = installer(server)
    await made.ensure()
    assert cluster.asked[-1] == f"POST /{INDEX}/_rollover"
    assert made.trouble == ""


@pytest.mark.parametrize("seen", [200, 403])
async def test_an_index_that_cannot_be_rolled_over_is_told_of(
    cluster: Cluster, server: Destination, caplog: pytest.LogCaptureFixture, seen: int
) -> None:
    cluster.answers = {
        f"GET /{INDEX}": [Response(seen, {})],
        f"POST /{INDEX}/_rollover": [Response(403, {"error": "no rights"})],
    }
    made = installer(server)
    await made.ensure()
    assert f"{INDEX} was there before its template and keeps the types" in made.trouble
    assert made.trouble in caplog.text


async def test_a_server_without_the_newer_types_gets_those_that_it_has(
    cluster: Cluster, server: Destination
) -> None:
    refused = {"error": {"reason": "No handler for type [wildcard] declared on field [full]"}}
    cluster.answers = {f"PUT {TEMPLATE}": [Response(400, refused)]}
    made = installer(server)
    await made.ensure()
    assert made.trouble == ""
    assert "wildcard" not in json.dumps(cluster.templates[TEMPLATE])


@pytest.mark.parametrize("status", [400, 403, 405])
async def test_who_may_not_install_it_is_told_so_sends_all_the_same_and_asks_again_later(
    cluster: Cluster, server: Destination, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    cluster.answers = {f"PUT {TEMPLATE}": [Response(status, {"error": "no"})]}
    clock = Clock()
    made = installer(server, clock)
    await made.ensure()
    assert f"cannot be installed (HTTP {status}" in made.trouble
    assert "`iocsweep-collector index-template`" in caplog.text
    asked = len(cluster.asked)
    await made.ensure()
    assert len(cluster.asked) == asked
    clock.now += AGAIN_S
    await made.ensure()
    assert made.trouble == ""


@pytest.mark.parametrize("status", [401, 429, 503])
@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_a_server_that_is_not_ready_is_waited_for(
    cluster: Cluster, server: Destination, method: str, status: int
) -> None:
    busy = Response(status, {"error": "busy"}, {"Retry-After": "7"})
    cluster.answers = {f"{method} {TEMPLATE}": [busy]}
    made = installer(server)
    with pytest.raises(NotYet, match=f"index template: HTTP {status}") as caught:
        await made.ensure()
    assert caught.value.retry_after_s == 7
    await made.ensure()
    assert TEMPLATE in cluster.templates


async def test_nothing_is_sent_while_it_is_waited_for(
    cluster: Cluster, server: Destination, tmp_path: Path
) -> None:
    cluster.answers = {f"GET {TEMPLATE}": [Response(503, "", {"Retry-After": "7"})]}
    letters = DeadLetters(tmp_path / "dead.ndjson", "e")
    output = Elasticsearch("e", Http(), letters, url=server.url, index=INDEX)
    sent = items(2)
    with pytest.raises(TryAgain) as caught:
        await output.send(sent)
    assert (caught.value.left, caught.value.retry_after_s) == (sent, 7)
    assert not cluster.index.documents
    await output.send(caught.value.left)
    await output.close()
    assert len(cluster.index.documents) == 2
