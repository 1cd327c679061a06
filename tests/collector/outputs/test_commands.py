"""The commands about outputs, on a command line of their own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from collector.cli import main
from collector.outputs.dead_letter import DeadLetters
from collector.outputs.index_template import index_template
from collector.outputs.output import Item
from collector.records import Sweep
from collector.serving import open_store
from collector.store.store import Store
from tests.collector.outputs.index import Index
from tests.collector.outputs.reporting import put, report
from tests.collector.outputs.serving import Destination, serving


class Line:
    """The command line, and a home with a database."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.home.mkdir(exist_ok=True)
        self.outputs = folder / "outputs.yaml"

    async def in_store(self, work: Callable[[Store], Awaitable[int]]) -> int:
        store = await open_store(self.home, "")
        try:
            return await work(store)
        finally:
            await store.database.close()

    def run(self, *arguments: str) -> int:
        return main([*arguments, "--home", str(self.home)])


@pytest.fixture
def index() -> Index:
    return Index()


@pytest.fixture
def server(index: Index) -> Iterator[Destination]:
    with serving(index.answer) as destination:
        yield destination


@pytest.fixture
def line(server: Destination, tmp_path: Path) -> Line:
    """Its store has two findings that an output could not get rid of."""
    made = Line(tmp_path)
    (tmp_path / "key").write_text("k")
    made.outputs.write_text(
        "outputs:\n"
        f"  elastic: {{type: elasticsearch, url: '{server.url}', index: i, template: false,"
        f" api_key_file: {tmp_path}/key}}\n"
        f"  hunters: {{type: file, path: {tmp_path}/x.ndjson}}\n"
    )

    async def fill(store: Store) -> int:
        sweep = Sweep(sweep_id="s1", title="", pack="", created=1, deadline=None)
        await store.create_sweep(sweep, who="test")
        letters = DeadLetters(tmp_path / "dead-letters" / "elastic.ndjson", "elastic")
        for n in range(2):
            one = report(f"r{n}")
            await put(store, one)
            letters.bury(Item(n + 1, one, one.findings[0]), "item 400: \x1b[31mno", {})
        await store.reports_after(0, 10)
        return 0

    asyncio.run(made.in_store(fill))
    return made


def test_the_template_is_printed_as_it_is_installed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Line(tmp_path).run("index-template", "--index", "logs-ir-x", "--plain") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["_meta"].pop("name") == "iocsweep-logs-ir"
    assert printed == index_template("logs-ir-x", plain=True)


def test_how_many_wait_is_told_of_each(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    assert line.run("dead-letters", "list", "--outputs", str(line.outputs)) == 0
    assert capsys.readouterr().out == "elastic   2\nhunters   0\n"


def test_each_that_waits_is_told_with_its_reason(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    assert line.run("dead-letters", "list", "elastic", "--outputs", str(line.outputs)) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert "report r0" in first
    assert second.endswith("item 400: \\x1b[31mno")


def test_they_are_sent_again(line: Line, index: Index, capsys: pytest.CaptureFixture[str]) -> None:
    command = ("dead-letters", "resend", "elastic", "--outputs", str(line.outputs))
    assert line.run(*command) == 0
    assert capsys.readouterr().out == "2 sent\n"
    assert len(index.documents) == 2
    assert line.run(*command) == 0
    assert capsys.readouterr().out == "0 sent\n"


def test_what_waits_on_is_a_failure(
    line: Line, index: Index, server: Destination, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("dead-letters", "resend", "elastic", "--outputs", str(line.outputs))
    index.faults = {"finding 0": (400, "document_parsing_exception")}
    assert line.run(*command) == 1
    assert capsys.readouterr().out == "0 sent, 2 refused again, 2 wait\n"
    index.faults = {"finding 0": (503, "busy")}
    assert line.run(*command) == 1
    assert "0 sent, 2 wait: item 503 busy" in capsys.readouterr().out


def test_an_output_that_is_not_there_is_told_with_those_that_are(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    assert line.run("dead-letters", "list", "x", "--outputs", str(line.outputs)) == 1
    assert "no output 'x'; there are elastic, hunters" in capsys.readouterr().err
