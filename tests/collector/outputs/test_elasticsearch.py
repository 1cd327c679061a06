"""Against a server that answers ``_bulk`` as the reference of Elasticsearch and OpenSearch says."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from collector.outputs import elasticsearch
from collector.outputs.dead_letter import DeadLetters
from collector.outputs.elasticsearch import Elasticsearch
from collector.outputs.http import Http
from collector.outputs.output import TryAgain
from collector.outputs.secret import Secret
from tests.collector.outputs.index import Index
from tests.collector.outputs.reporting import items
from tests.collector.outputs.serving import Destination, Request, Response, serving

pytestmark = pytest.mark.anyio


@pytest.fixture
def index() -> Index:
    return Index()


@pytest.fixture
def server(index: Index) -> Iterator[Destination]:
    with serving(index.answer) as destination:
        yield destination


@pytest.fixture
async def output(server: Destination, tmp_path: Path) -> AsyncIterator[Elasticsearch]:
    made = Elasticsearch(
        "elastic", Http(timeout_s=5), DeadLetters(tmp_path / "dead.ndjson", "elastic"),
        url=server.url, index="logs-iocsweep.finding-default", api_key=Secret("k:1"),
        template=False,
    )  # fmt: skip
    yield made
    await made.close()


async def test_findings_become_documents_under_their_ids(
    output: Elasticsearch, server: Destination, index: Index
) -> None:
    sent = items(3)
    await output.send(sent)
    assert list(index.documents) == [item.id for item in sent]
    request = server.requests[0]
    assert request.path == "/_bulk"
    assert request.headers["content-type"] == "application/x-ndjson"
    assert request.headers["content-encoding"] == "gzip"
    assert request.headers["authorization"] == "ApiKey k:1"
    assert request.lines[0]["create"]["_index"] == "logs-iocsweep.finding-default"


async def test_user_and_password_are_basic_authentication(server: Destination) -> None:
    output = Elasticsearch(
        "e",
        Http(),
        DeadLetters(None, "e"),
        url=server.url,
        index="i",
        user="u",
        password=Secret("p"),
        template=False,
    )
    await output.send(items(1))
    await output.close()
    expected = "Basic " + base64.b64encode(b"u:p").decode()
    assert server.requests[0].headers["authorization"] == expected


async def test_what_is_there_already_counts_as_taken(output: Elasticsearch, index: Index) -> None:
    await output.send(items(2))
    await output.send(items(3))
    assert len(index.documents) == 3
    assert output.dead == 0


@pytest.mark.parametrize("status", [429, 503, 500])
async def test_busy_items_are_asked_again_alone(
    output: Elasticsearch, index: Index, status: int
) -> None:
    sent = items(4)
    index.faults_once = {sent[2].id: (status, "es_rejected_execution_exception")}
    with pytest.raises(TryAgain) as caught:
        await output.send(sent)
    assert caught.value.left == [sent[2]]
    assert str(status) in caught.value.reason
    await output.send(caught.value.left)
    assert set(index.documents) == {item.id for item in sent}


async def test_a_document_that_does_not_fit_the_mapping_is_kept_aside_and_the_others_go_on(
    output: Elasticsearch, index: Index, tmp_path: Path
) -> None:
    sent = items(3)
    index.faults_once = {sent[1].id: (400, "document_parsing_exception")}
    await output.send(sent)
    assert set(index.documents) == {sent[0].id, sent[2].id}
    assert output.dead == 1
    (letter,) = map(json.loads, (tmp_path / "dead.ndjson").read_text().splitlines())
    assert letter["document_id"] == sent[1].id
    assert letter["document"]["event"]["kind"] == "alert"
    assert "document_parsing_exception" in letter["reason"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, "index_not_found_exception"),
        (403, "security_exception"),
        (400, "invalid_index_name_exception"),
        (400, "illegal_argument_exception"),  # pipeline with id [x] does not exist
    ],
)
async def test_wrong_settings_wait_for_a_person_and_lose_nothing(
    output: Elasticsearch, index: Index, status: int, kind: str
) -> None:
    sent = items(2)
    index.faults = {"finding 0": (status, kind)}
    with pytest.raises(TryAgain, match=kind) as caught:
        await output.send(sent)
    assert caught.value.left == sent
    assert output.dead == 0


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 502, 503, 301])
async def test_a_refused_request_is_asked_again_whole(
    output: Elasticsearch, server: Destination, status: int
) -> None:
    server.answer = lambda _: Response(
        status, {"error": "no"}, {"Retry-After": "7", "Location": "http://127.0.0.1:1/"}
    )
    sent = items(2)
    with pytest.raises(TryAgain, match=f"HTTP {status}") as caught:
        await output.send(sent)
    assert caught.value.left == sent
    assert caught.value.retry_after_s == 7
    assert len(server.requests) == 1


async def test_a_web_page_is_no_acknowledgement(output: Elasticsearch, server: Destination) -> None:
    server.answer = lambda _: Response(200, b"<html>please log in</html>")
    with pytest.raises(TryAgain) as caught:
        await output.send(items(1))
    assert len(caught.value.left) == 1


async def test_an_answer_about_fewer_documents_is_no_acknowledgement(
    output: Elasticsearch, server: Destination
) -> None:
    server.answer = lambda _: Response(200, {"errors": False, "items": []})
    with pytest.raises(TryAgain):
        await output.send(items(1))


async def test_a_request_that_is_too_large_is_halved(
    output: Elasticsearch, server: Destination, index: Index
) -> None:
    def small_only(request: Request) -> Response:
        return index.answer(request) if len(request.lines) <= 4 else Response(413, "too large")

    server.answer = small_only
    sent = items(7)
    await output.send(sent)
    assert set(index.documents) == {item.id for item in sent}
    assert output.dead == 0


async def test_one_document_that_is_too_large_by_itself_is_kept_aside(
    output: Elasticsearch, server: Destination
) -> None:
    server.answer = lambda _: Response(413, "too large")
    await output.send(items(2))
    assert output.dead == 2


async def test_many_findings_go_in_several_requests(
    output: Elasticsearch, server: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elasticsearch, "MAX_DOCUMENTS", 2)
    sent = items(5)
    await output.send(sent)
    assert [len(request.lines) // 2 for request in server.requests] == [2, 2, 1]


async def test_a_failure_half_way_leaves_only_the_rest(
    output: Elasticsearch, server: Destination, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elasticsearch, "MAX_DOCUMENTS", 2)
    sent = items(5)

    def first_only(request: Request) -> Response:
        return index.answer(request) if len(server.requests) == 1 else Response(502, "")

    server.answer = first_only
    with pytest.raises(TryAgain) as caught:
        await output.send(sent)
    assert caught.value.left == sent[2:]


async def test_nobody_there_is_said_in_words(tmp_path: Path) -> None:
    output = Elasticsearch(
        "e", Http(timeout_s=2), DeadLetters(None, "e"), url="http://127.0.0.1:9", index="i"
    )
    with pytest.raises(TryAgain, match="no answer"):
        await output.send(items(1))
    await output.close()
