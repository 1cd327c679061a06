"""Dead letters sent again: whole, from the store, under the same ids; and none is lost on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest

from collector.outputs import resending
from collector.outputs.alerts import Alert
from collector.outputs.dead_letter import DeadLetters
from collector.outputs.elasticsearch import Elasticsearch
from collector.outputs.http import Http
from collector.outputs.output import Item, TryAgain
from collector.outputs.resending import resend
from collector.outputs.secret import Secret
from collector.outputs.webhook import Webhook
from collector.store.store import Store
from tests.collector.outputs.index import Index
from tests.collector.outputs.recording import Recorder, quick, until
from tests.collector.outputs.reporting import put, report
from tests.collector.outputs.serving import Destination, Response, serving

pytestmark = pytest.mark.anyio


@pytest.fixture
def index() -> Index:
    return Index()


@pytest.fixture
def server(index: Index) -> Iterator[Destination]:
    with serving(index.answer) as destination:
        yield destination


def indexing(server: Destination, folder: Path) -> Elasticsearch:
    letters = DeadLetters(folder / "elastic.ndjson", "elastic")
    return Elasticsearch("elastic", Http(), letters, url=server.url, index="i", template=False)


@pytest.fixture
async def elastic(server: Destination, tmp_path: Path) -> AsyncIterator[Elasticsearch]:
    """As a command has it, beside the server's."""
    made = indexing(server, tmp_path)
    yield made
    await made.close()


@pytest.fixture
async def refused(store: Store, server: Destination, index: Index, tmp_path: Path) -> None:
    """Three reports of one finding each, none of which the index took."""
    for n in range(3):
        await put(store, report(f"r{n}"))
    index.faults = {"finding 0": (400, "document_parsing_exception")}
    output = indexing(server, tmp_path)
    runner = quick(store, output)
    runner.start()
    await until(lambda: output.dead == 3)
    await runner.stop()
    assert index.documents == {}


@pytest.mark.usefixtures("refused")
async def test_what_was_refused_is_sent_whole_when_the_mapping_is_right(
    store: Store, elastic: Elasticsearch, index: Index
) -> None:
    ids = [letter.document_id for letter in elastic.dead_letters.letters()]
    index.faults = {}
    told = await resend(store, elastic)
    assert (told.sent, told.refused, told.gone, told.waiting) == (3, 0, 0, 0)
    assert list(index.documents) == ids
    labels = {document["labels"]["sweep_id"] for document in index.documents.values()}
    assert labels == {"s1"}  # of the token, as at first
    assert elastic.dead_letters.files() == 0


@pytest.mark.usefixtures("refused")
async def test_what_is_refused_again_waits_again(
    store: Store, elastic: Elasticsearch, index: Index
) -> None:
    told = await resend(store, elastic)
    assert (told.sent, told.refused, told.waiting) == (0, 3, 3)
    index.faults = {}
    assert (await resend(store, elastic)).sent == 3


async def test_a_destination_that_is_down_leaves_what_it_did_not_take(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resending, "AT_ONCE", 2)
    letters = DeadLetters(tmp_path / "recorder.ndjson", "recorder")
    output = Recorder(letters=letters)
    for n in range(5):
        made = report(f"r{n}")
        await put(store, made)
        letters.bury(Item(n + 1, made, made.findings[0]), "why", {})

    async def fine(_: Sequence[Item]) -> None:
        pass

    async def half(items: Sequence[Item]) -> None:
        output.taken.append(items[0])
        raise TryAgain("HTTP 503", items[1:])

    output.troubles = [fine, half]
    told = await resend(store, output)
    assert (told.sent, told.waiting, told.reason) == (3, 2, "HTTP 503")
    assert [letter.report_id for letter in letters.letters()] == ["r3", "r4"]
    told = await resend(store, output)
    assert (told.sent, told.waiting, told.reason) == (2, 0, "")
    assert [item.report.report_id for item in output.taken] == [f"r{n}" for n in range(5)]


@pytest.mark.usefixtures("refused")
async def test_what_a_killed_command_left_is_sent_by_the_next_one(
    store: Store, elastic: Elasticsearch, index: Index
) -> None:
    assert elastic.dead_letters.take() is not None  # and then it was killed
    made = report("later")
    await put(store, made)
    elastic.dead_letters.bury(Item(4, made, made.findings[0]), "why", {})
    index.faults = {}
    told = await resend(store, elastic)
    assert (told.sent, told.waiting, len(index.documents)) == (4, 0, 4)


@pytest.mark.usefixtures("refused")
async def test_of_a_report_that_retention_removed_the_letter_goes_too(
    store: Store, elastic: Elasticsearch, index: Index
) -> None:
    for old in await store.old_sweeps(2000):
        await store.remove_sweep(old.sweep_id, who="test", why="retention")
    index.faults = {}
    told = await resend(store, elastic)
    assert (told.sent, told.gone, told.waiting) == (0, 3, 0)


async def test_with_none_there_is_nothing_to_do(store: Store, elastic: Elasticsearch) -> None:
    assert await resend(store, elastic) == resending.Resent()


async def test_a_webhook_s_report_and_alert_go_as_they_went_at_first(
    store: Store, server: Destination, tmp_path: Path
) -> None:
    await put(store, report("r1", 3))
    output = calling(server, tmp_path)
    server.answer = lambda _: Response(422)
    runner = quick(store, output)
    runner.start()
    await until(lambda: output.dead == 3)
    await output.alert(Alert(event="deadline_passed", key="k", text="late"))
    await runner.stop()
    first, second = [(r.headers["x-iocsweep-delivery"], r.body) for r in server.requests]
    server.requests.clear()
    output = calling(server, tmp_path)
    server.answer = lambda _: Response(200)
    told = await resend(store, output)
    await output.close()
    assert (told.sent, told.waiting) == (2, 0)
    again = {(r.headers["x-iocsweep-delivery"], r.body) for r in server.requests}
    assert again == {first, second}


def calling(server: Destination, folder: Path) -> Webhook:
    letters = DeadLetters(folder / "chat.ndjson", "chat")
    return Webhook("chat", Http(), letters, url=server.url, secret=Secret("s"))
