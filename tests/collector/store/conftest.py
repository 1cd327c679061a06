"""Both engines, opened afresh for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from collector.records import Sweep
from collector.store.postgresql import PostgresqlDatabase
from collector.store.sqlite import SqliteDatabase
from collector.store.store import Store
from tests.collector.postgres_server import own_postgres, postgres_server, postgres_url

__all__ = ["own_postgres", "postgres_server", "postgres_url"]

Open = Callable[[], Awaitable[Store]]


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The loop that uvicorn takes."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def open_store(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens the same database each time."""
    if engine == "sqlite":

        async def open_sqlite() -> Store:
            return Store(await SqliteDatabase.open(tmp_path / "reports.sqlite"))

        return open_sqlite
    url = request.getfixturevalue("postgres_url")

    async def open_postgresql() -> Store:
        return Store(await PostgresqlDatabase.open(url))

    return open_postgresql


@pytest.fixture
async def store(open_store: Open) -> AsyncIterator[Store]:
    """With one sweep, ``s1``."""
    made = await open_store()
    await made.create_sweep(
        Sweep(sweep_id="s1", title="A sweep", pack="cyzfc", created=1000, deadline=None), who="test"
    )
    yield made
    await made.database.close()
