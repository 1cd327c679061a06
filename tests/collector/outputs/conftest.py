"""A store of its own for each test, and the event loop that the tests run on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collector.records import Sweep
from collector.store.sqlite import SqliteDatabase
from collector.store.store import Store


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """With one sweep, ``s1``."""
    made = Store(await SqliteDatabase.open(tmp_path / "reports.sqlite"))
    await made.create_sweep(
        Sweep(sweep_id="s1", title="A sweep", pack="cyzfc", created=1000, deadline=None), who="test"
    )
    yield made
    await made.database.close()
