"""The pages on a real SQLite store, asked as ASGI without a network."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from starlette.applications import Starlette

from collector.pages import routes
from collector.store.sqlite import SqliteDatabase
from collector.store.store import Store
from tests.collector.pages.seed import NOW, SWEEP, fleet

KEY = b"k" * 32
T = TypeVar("T")


class Pages:
    """What a test asks. One event loop, which runs while it is asked something."""

    def __init__(self, path: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self.database = self.run(SqliteDatabase.open, path)
        self.store = Store(self.database)
        self.now = NOW
        self.secret = ""
        app = Starlette(routes=routes(self.store, KEY, secure=True, clock=lambda: self.now))
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="https://collector.example"
        )

    def close(self) -> None:
        self.run(self.client.aclose)
        self.run(self.database.close)
        self._loop.close()

    def run(self, ask: Callable[..., Awaitable[T]], *args: Any, **named: Any) -> T:
        async def call() -> T:
            return await ask(*args, **named)

        return self._loop.run_until_complete(call())

    def later(self, milliseconds: int) -> None:
        self.now += milliseconds

    def get(self, path: str, **named: Any) -> httpx.Response:
        return self.run(self.client.get, path, **named)

    def post(self, path: str, **named: Any) -> httpx.Response:
        return self.run(self.client.post, path, **named)

    def text(self, path: str) -> str:
        """A page that must be there."""
        answer = self.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        return answer.text

    def log_in(self, secret: str | None = None) -> httpx.Response:
        return self.post("/login", data={"token": secret or self.secret, "next": "/"})

    def csrf(self, path: str = f"/sweeps/{SWEEP}") -> str:
        found = re.search(r'name="csrf" value="([0-9a-f]{64})"', self.text(path))
        assert found
        return found[1]

    def counters(self, sweep_id: str = SWEEP) -> dict[str, str]:
        """The five, as the page shows them."""
        text = self.text(f"/sweeps/{sweep_id}")
        pattern = r'class="word">([^<]+)</span> <span class="number">([^<]+)<'
        return dict(re.findall(pattern, text))


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Pages]:
    """Nothing in the store, nobody logged in."""

    pages = Pages(tmp_path / "collector.db")
    yield pages
    pages.close()


@pytest.fixture
def visitor(empty: Pages) -> Pages:
    """A sweep in the store, nobody logged in."""
    empty.secret = empty.run(fleet, empty.store)
    return empty


@pytest.fixture
def pages(visitor: Pages) -> Pages:
    """A sweep in the store, a reader logged in."""
    assert visitor.log_in().status_code == 303
    return visitor
