"""What is SQLite's own: one writer, and what becomes of reports when it is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from pathlib import Path

import pytest

from collector.store.database import Busy, StoreError
from collector.store.sqlite import SqliteDatabase
from collector.store.store import Store
from tests.collector.store.reporting import a_report
from tests.collector.store.storming import Storm

pytestmark = pytest.mark.anyio


async def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "reports.sqlite"
    first = await SqliteDatabase.open(path)
    with pytest.raises(StoreError, match="another collector writes to it"):
        await SqliteDatabase.open(path)
    await first.close()
    await (await SqliteDatabase.open(path)).close()


async def test_a_database_of_a_newer_collector_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "reports.sqlite"
    with sqlite3.connect(path) as made:
        made.execute("PRAGMA user_version = 999")
    with pytest.raises(StoreError, match=r"newer collector .schema 999."):
        await SqliteDatabase.open(path)


@pytest.mark.parametrize(
    "content", [b"no database at all" * 400, b"SQLite format 3\0" + b"\xff" * 900]
)
async def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "reports.sqlite"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"reports\.sqlite"):
        await SqliteDatabase.open(path)
    assert path.read_bytes() == content


async def test_every_acknowledged_report_is_there_after_the_writer_was_killed(
    tmp_path: Path,
) -> None:
    database = await SqliteDatabase.open(tmp_path / "reports.sqlite")
    store = Store(database)
    async with Storm(store) as storm:
        for _ in range(3):
            await storm.more()
            assert database._process is not None
            os.kill(database._process.pid, signal.SIGKILL)
            await storm.more()  # of another writer, that has started by itself
    assert storm.refused
    assert await storm.lost() == []
    counts = await store.counts("s1")
    assert counts.clean == counts.reports >= len(storm.acknowledged)
    await database.close()
    with sqlite3.connect(tmp_path / "reports.sqlite") as checked:
        assert checked.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_beyond_its_room_agents_are_told_to_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.store.sqlite.MAX_WAITING", 10)
    database = await SqliteDatabase.open(tmp_path / "reports.sqlite")
    answers = await asyncio.gather(
        *(database.put(a_report(f"PC-{n}")) for n in range(30)), return_exceptions=True
    )
    busy = [one for one in answers if isinstance(one, Busy)]
    assert (answers.count("new"), len(busy)) == (10, 20)
    assert all(one.retry_after_s >= 1 for one in busy)
    await database.close()
