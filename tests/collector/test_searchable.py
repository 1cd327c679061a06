"""Reports become searchable by themselves, and after everything else."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import pytest

from collector import indexing, searchable
from collector.indexing import NO_ROWS, Fresh, received
from collector.searchable import Searchable
from collector.store.database import StoreError
from collector.store.store import Store
from tests.collector.pages.seed import a_finding, a_report
from tests.collector.server import Serve, serve, wait_for
from tests.collector.store.conftest import anyio_backend, engine, open_store, store
from tests.collector.test_indexing import arrival_of

__all__ = ["anyio_backend", "engine", "open_store", "serve", "store"]


def test_a_running_collector_makes_what_it_takes_searchable(serve: Serve) -> None:
    server = serve()
    assert server.send(a_report("WS-0421", a_finding("WS-0421"))).status_code == 201

    def found() -> bool:
        told = server.get("/search.json?q=yzfc.d&kind=path", token=server.reader_token).json()
        return [value["hosts"] for group in told["groups"] for value in group["values"]] == [1]

    wait_for(found)


def test_while_reports_come_or_wait_that_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = Fresh()
    assert not fresh.busy
    row, rows = received(arrival_of(a_report("WS-0421", a_finding())), "copy")
    fresh.offer(row, NO_ROWS)
    assert fresh.busy
    monkeypatch.setattr(indexing, "_JUST_NOW_S", 0)
    assert not fresh.busy
    fresh.offer(row, rows)
    assert fresh.busy
    fresh.take(10)
    assert not fresh.busy


@pytest.mark.anyio
@pytest.mark.parametrize("engine", ["sqlite"])
async def test_a_store_that_is_away_for_a_while_is_asked_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(searchable, "_AFTER_ERROR_S", 0)
    asked, again = [], asyncio.Event()

    async def fails(_: int) -> None:
        asked.append(1)
        if len(asked) > 2:
            again.set()
        raise StoreError("gone") if len(asked) == 1 else ValueError("a defect")

    monkeypatch.setattr(store, "unsearched", fails)
    with caplog.at_level(logging.ERROR):
        task = asyncio.create_task(Searchable(store).run())
        await again.wait()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert "making reports searchable waits: gone" in caplog.text
    assert "making reports searchable failed" in caplog.text
