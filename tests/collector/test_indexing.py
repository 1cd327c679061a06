"""Listing findings after the acknowledgement: on both engines, and across a crash."""

from __future__ import annotations

import asyncio
import gzip
import logging
import random
import signal
import sqlite3
import time
import uuid
from datetime import datetime, timedelta, timezone

import pytest
from msgspec import structs

from agent.model.codec import encode
from agent.model.report import Finding, Report, Strength
from collector.indexing import Fresh, Indexer, received
from collector.intake import Arrival, check
from collector.listing import MAX_LISTED, rows_of
from collector.records import FindingRow
from collector.store.database import StoreError
from collector.store.sqlite import SqliteDatabase
from collector.store.store import Store
from tests.collector.pages.seed import NOW, a_finding, a_report
from tests.collector.postgres_server import own_postgres, postgres_server, postgres_url
from tests.collector.server import Serve, serve, wait_for
from tests.collector.store.conftest import anyio_backend, engine, open_store, store

__all__ = [
    "anyio_backend", "engine", "open_store", "own_postgres", "postgres_server", "postgres_url",
    "serve", "store",
]  # fmt: skip

pytestmark = pytest.mark.anyio


def many(count: int, strength: Strength = Strength.WEAK, begin: str = "f") -> list[Finding]:
    one = a_finding(strength=strength)
    return [structs.replace(one, id=f"{begin}-{n:06}", evidence=[]) for n in range(count)]


def arrival_of(report: Report) -> Arrival:
    return Arrival(
        report_id=report.report_id, sweep_id="s1", body=gzip.compress(encode(report)),
        encoding="gzip", content_type="application/json", source="10.4.1.21", received=NOW,
    )  # fmt: skip


async def bring(store: Store, report: Report) -> str:
    """Through the intake; gives the host's key."""
    row = check(arrival_of(report))
    assert await store.put(row) == "new"
    return row.host_key


async def index(store: Store) -> None:
    """Until nothing waits."""
    indexer = Indexer(store)
    while await indexer.once():
        pass
    assert await store.unindexed(1) == []


async def listed(store: Store) -> list[FindingRow]:
    return [row async for row in store.all_findings("s1")]


async def test_findings_are_listed_with_their_host_and_report(store: Store) -> None:
    report = a_report("WS-0421", a_finding())
    key = await bring(store, report)
    await index(store)
    (row,) = await listed(store)
    assert (row.report_id, row.host_key, row.name) == (report.report_id, key, "WS-0421")
    assert (row.indicator_id, row.strength, row.score) == ("dll-name", "confirmed", 95)
    assert row.time == NOW


async def test_listing_twice_lists_nothing_twice(store: Store) -> None:
    await bring(store, a_report("WS-0421", a_finding()))
    ((waiting),) = await store.unindexed(10)
    await index(store)
    once = await listed(store)
    # another process, which took the same report at the same moment
    await store.index(*waiting[:3], once)
    assert await listed(store) == once


async def test_a_clean_report_has_nothing_to_list(store: Store) -> None:
    await bring(store, a_report())
    assert await store.unindexed(10) == []


async def test_a_finding_that_stands_twice_in_a_report_is_listed_once(store: Store) -> None:
    await bring(store, a_report("WS", a_finding(), a_finding()))
    await index(store)
    assert len(await listed(store)) == 1


async def test_of_a_huge_report_the_strongest_are_listed(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    found = [*many(MAX_LISTED + 500), *many(3, Strength.CONFIRMED, "z")]
    report = a_report("WS", *found)
    key = await bring(store, report)
    with caplog.at_level(logging.WARNING):
        await index(store)
    rows = await listed(store)
    assert len(rows) == MAX_LISTED
    assert sum(row.strength == "confirmed" for row in rows) == 3
    # what is not listed is counted with the host, and the log says so
    host = await store.host("s1", key)
    assert host is not None
    assert (host.strong, host.weak) == (3, MAX_LISTED + 500)
    said = [
        record for record in caplog.records if getattr(record, "report", "") == report.report_id
    ]
    assert [record.getMessage() for record in said] == [
        "1,000 of 1,503 findings are listed; the report has all"
    ]


def test_the_page_of_a_huge_report_says_how_many_more_there_are(serve: Serve) -> None:
    server = serve()
    report = a_report("WS", *many(MAX_LISTED + 500))
    assert server.send(report).status_code == 201
    page = server.get(f"/reports/{report.report_id}", token=server.reader_token).text
    assert "more findings in the download" in page


def test_the_order_of_the_findings_in_a_report_changes_nothing() -> None:
    found = [*many(MAX_LISTED), *many(5, Strength.STRONG, "z")]
    report = a_report("WS", *found)
    shuffled = structs.replace(report, findings=random.Random(1).sample(found, len(found)))
    assert rows_of(report, "s1", "k", "WS") == rows_of(shuffled, "s1", "k", "WS")


@pytest.mark.parametrize("year", [1, 1970, 9999])
async def test_no_time_of_a_finding_stops_the_listing(
    store: Store, year: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    try:
        when = datetime(year, 1, 1, tzinfo=timezone.utc)
        await bring(store, a_report("aware", structs.replace(a_finding(), time=when)))
        naive = structs.replace(a_finding(), time=when.replace(tzinfo=None))
        await bring(store, a_report("naive", naive))
        await index(store)
        expected = (when - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(milliseconds=1)
        assert [row.time for row in await listed(store)] == [expected] * 2
    finally:
        monkeypatch.undo()
        time.tzset()


async def test_no_text_of_a_report_stops_the_listing_of_others(store: Store) -> None:
    # As wide as text gets: not to be compressed, four bytes a character, longer when case-folded.
    random_ = random.Random(7)
    wide = "".join(chr(random_.randint(0x20000, 0x2A6D0)) for _ in range(5000))
    folds = "".join(
        random_.sample("\u0390\u03b0\u1f56\u1fb7\ufb03\ufb04\u1e96|%", 9)[0] for _ in range(5000)
    )
    for text in (wide, folds):
        found = a_finding(title=text, indicator=text, value=text)
        found = structs.replace(found, id=text)
        found.indicator.type = found.indicator.pack = text
        report = a_report(text, found)
        host = report.host
        host.id, host.domain = text, f"a.{text}"  # its whole name is put together from both
        await bring(store, report)
        report.report_id, host.id, host.fqdn = str(uuid.uuid4()), f"x{text}", text
        await bring(store, report)
    await bring(store, a_report("WS-0421", a_finding()))
    await index(store)
    assert len(await listed(store)) == 5


async def test_a_host_is_called_the_same_everywhere(store: Store) -> None:
    report = a_report("", a_finding())
    key = await bring(store, report)
    await index(store)
    host = await store.host("s1", key)
    assert host is not None
    assert [row.name for row in await listed(store)] == [host.name]


async def test_a_body_that_was_damaged_is_said_and_stops_nothing(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = a_report("WS-1", a_finding())
    await bring(store, damaged)
    await store.database.transact([("UPDATE report SET body = ?", (b"damaged",))])
    await bring(store, a_report("WS-2", a_finding()))
    with caplog.at_level(logging.ERROR):
        await index(store)
    assert [row.name for row in await listed(store)] == ["WS-2"]
    assert damaged.report_id in caplog.text


def test_a_report_larger_than_the_usual_bound_is_listed_too(serve: Serve) -> None:
    server = serve("--max-json", "64", "--max-body", "64")
    report = a_report("WS", a_finding())
    report.options = {"notes": "x" * (40 << 20)}
    assert server.send(report).status_code == 201
    wait_for(lambda: _listed_of(server.home.joinpath("collector.db").as_uri()) == 1)
    assert server.run("verify").returncode == 0
    assert server.get(f"/reports/{report.report_id}", token=server.reader_token).status_code == 200


def test_no_larger_report_is_taken_than_can_be_read_again(serve: Serve) -> None:
    with pytest.raises(AssertionError, match="it ended"):
        serve("--max-json", "65")


def test_what_a_crash_left_unlisted_is_listed_after_it(serve: Serve) -> None:
    server = serve()
    for n in range(40):
        assert server.send(a_report(f"WS-{n}", *many(100))).status_code == 201
    assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    wait_for(lambda: not _is_locked(server.home))
    # as if it had died before it listed any
    with sqlite3.connect(server.home / "collector.db") as database:
        database.execute("DELETE FROM finding WHERE host_key LIKE '%ws-1%'")
        database.execute("UPDATE report SET indexed = 0")
    database.close()
    server.start()
    wait_for(lambda: _listed_of(server.home.joinpath("collector.db").as_uri()) == 4000)
    assert server.run("verify").returncode == 0


def _listed_of(database: str) -> int:
    connection = sqlite3.connect(f"{database}?mode=ro", uri=True)
    try:
        ((count,),) = connection.execute("SELECT COUNT(*) FROM finding")
    finally:
        connection.close()
    return int(count)


def _is_locked(home: object) -> bool:
    import fcntl
    from pathlib import Path

    with Path(f"{home}/collector.db.lock").open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


async def test_hosts_that_share_an_id_are_flagged_when_the_lists_are_done(store: Store) -> None:
    for name in ("WS-1", "WS-2"):
        report = a_report(name, a_finding())
        report.host.id = "cloned"
        await bring(store, report)
    await index(store)
    assert (await store.counts("s1")).flagged == 2


async def test_it_goes_on_after_an_error_of_the_database(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if not isinstance(store.database, SqliteDatabase):
        pytest.skip("one engine suffices: the error is the store's")
    import asyncio

    from collector import indexing

    monkeypatch.setattr(indexing, "_AFTER_ERROR_S", 0.01)
    monkeypatch.setattr(indexing, "_IDLE_S", 0.01)
    await bring(store, a_report("WS", a_finding()))
    await store.database.transact([("ALTER TABLE finding RENAME TO away", ())])
    running = asyncio.create_task(Indexer(store).run())
    while "indexing waits" not in caplog.text:
        await asyncio.sleep(0.01)
    await store.database.transact([("ALTER TABLE away RENAME TO finding", ())])
    while await store.unindexed(1):
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert len(await listed(store)) == 1


async def test_what_was_just_kept_is_listed_without_being_read_again(store: Store) -> None:
    """Its body is gone: only what was handed over can be listed."""
    report = a_report("WS-0421", *many(3))
    fresh = Fresh()
    row, rows = received(arrival_of(report), store.database.form)
    assert await store.put(row) == "new"
    fresh.offer(row, rows)
    indexer = Indexer(store, fresh)
    await store.database.transact([("UPDATE report SET body = ?", (b"",))])
    assert await indexer.once()
    assert [one.finding_id for one in await listed(store)] == ["f-000000", "f-000001", "f-000002"]
    assert await store.unindexed(1) == []


async def test_what_there_is_no_room_for_is_read_out_of_the_database(store: Store) -> None:
    """Also while there is always something fresh, which must not come first for ever."""
    fresh = Fresh(4)
    indexer = Indexer(store, fresh)
    left_out = a_report("WS-0001", *many(5))
    await hand_over(store, fresh, left_out)
    for number in range(2, 12):
        await hand_over(store, fresh, a_report(f"WS-{number:04}", *many(1)))
        assert await indexer.once()
    assert left_out.report_id in {one.report_id for one in await listed(store)}
    while await indexer.once():
        pass
    assert len(await listed(store)) == 5 + 10


async def hand_over(store: Store, fresh: Fresh, report: Report) -> None:
    row, rows = received(arrival_of(report), store.database.form)
    assert await store.put(row) == "new"
    fresh.offer(row, rows)


async def test_an_indexer_that_waits_is_woken_by_what_comes() -> None:
    fresh = Fresh()
    waiting = asyncio.create_task(fresh.came(3600))
    await asyncio.sleep(0)
    row, rows = received(arrival_of(a_report("WS-0421", a_finding())), "copy")
    fresh.offer(row, rows)
    await waiting
    assert [one.report_id for one in fresh.take(10)] == [row.report_id]
    assert fresh.take(10) == []


async def test_a_report_waits_for_room_for_its_findings() -> None:
    fresh = Fresh(4)
    row, rows = received(arrival_of(a_report("WS-0421", *many(3))), "copy")
    fresh.offer(row, rows)
    waiting = asyncio.create_task(fresh.room(3, 3600))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    assert len(fresh.take(1)) == 1
    assert await waiting == 3
    fresh.offer(row, rows, kept=3)
    assert await fresh.room(3, 0.01) == 0, "not for ever"
    assert await fresh.room(100, 3600) == 0, "more than there ever is room for"
    assert not fresh.left_out


async def test_room_is_kept_for_one_report_alone() -> None:
    """Else all that wait would take it, and all but the first be read out of the database again."""
    fresh = Fresh(4)
    row, rows = received(arrival_of(a_report("WS-0421", *many(3))), "copy")
    waiting = [asyncio.create_task(fresh.room(3, 3600)) for _ in range(3)]
    for _ in range(3):
        await asyncio.sleep(0.01)
        (came,) = (one for one in waiting if one.done())
        waiting.remove(came)
        fresh.offer(row, rows, kept=await came)
        assert len(fresh.take(1)) == 1
    assert await fresh.room(4, 0.01) == 4, "nothing is kept for ever"
    assert not fresh.left_out


async def test_room_of_a_report_that_was_known_already_is_given_back() -> None:
    fresh = Fresh(4)
    kept = await fresh.room(3)
    assert await fresh.room(3, 0.01) == 0
    fresh.give_back(kept)
    assert await fresh.room(3, 0.01) == 3


async def test_what_could_not_be_listed_is_read_out_of_the_database(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = Fresh()
    report = a_report("WS-0421", *many(3))
    await hand_over(store, fresh, report)

    async def fails(_: object) -> None:
        raise StoreError("gone")

    indexer = Indexer(store, fresh)
    with monkeypatch.context() as broken:
        broken.setattr(store, "index_all", fails)
        with pytest.raises(StoreError):
            await indexer.once()
    assert await indexer.once()
    assert len(await listed(store)) == 3
