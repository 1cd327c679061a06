"""The audit log's lines are told once each, in their order, whoever wrote them."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from collector import following
from collector.following import AuditFollower
from collector.store.sqlite import SqliteDatabase
from collector.store.store import Store, now_ms


def test_each_line_is_told_once_also_when_they_are_many_or_the_clock_is_put_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "AT_ONCE", 3)
    told: list[list[str]] = []

    async def work() -> None:
        database = await SqliteDatabase.open(tmp_path / "collector.db")
        store = Store(database)
        follower = AuditFollower(store)

        async def tell() -> None:
            caplog.clear()
            await follower.once()
            told.append([record.detail for record in caplog.records])  # type: ignore[attr-defined]

        try:
            for n in range(8):
                await store.note("Jo", "log in", "", str(n))
            await tell()
            await tell()
            back = 3_600_000
            earlier = now_ms() - back
            monkeypatch.setattr(following, "now_ms", lambda: earlier)
            monkeypatch.setattr("collector.store.rows.now_ms", lambda: earlier)
            await store.note("Jo", "log out", "", "an hour before")
            await tell()
        finally:
            await database.close()

    with caplog.at_level(logging.INFO, "collector.audit"):
        asyncio.run(work())
    assert sorted(told[0]) == [str(n) for n in range(8)]
    assert told[1:] == [[], ["an hour before"]]
