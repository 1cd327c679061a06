"""Health is whether a report can be kept, and no less."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil

from collector.health import FRESH_S, MIN_FREE, Health, free_bytes
from collector.store.sqlite import SqliteDatabase
from collector.store.store import Store
from tests.collector.pages.seed import a_report
from tests.collector.server import CollectorServer, Serve, serve, wait_for

__all__ = ["serve"]


def asked(path: Path, ask: Callable[[Store], Awaitable[None]]) -> None:
    async def work() -> None:
        database = await SqliteDatabase.open(path / "collector.db")
        try:
            await ask(Store(database))
        finally:
            await database.close()

    asyncio.run(work())


def test_all_is_well(tmp_path: Path) -> None:
    async def ask(store: Store) -> None:
        assert await Health(store).why_not() == ""

    asked(tmp_path, ask)


def test_a_disk_that_is_almost_full_is_no_health(tmp_path: Path) -> None:
    async def ask(store: Store) -> None:
        for left, well in ((MIN_FREE, True), (MIN_FREE - 1, False), (0, False)):
            why = await Health(store, free=lambda _: left).why_not()  # noqa: B023
            assert (why == "") is well
            assert well or f"{left:,} bytes are free" in why

    asked(tmp_path, ask)


def test_who_asks_often_makes_no_work(tmp_path: Path) -> None:
    now, looks = [0.0], list[Path]()

    def free(path: Path) -> int:
        looks.append(path)
        return MIN_FREE

    async def ask(store: Store) -> None:
        health = Health(store, free=free, timer=lambda: now[0])
        await asyncio.gather(*(health.why_not() for _ in range(50)))
        assert len(looks) == 1
        now[0] += FRESH_S
        await health.why_not()
        assert len(looks) == 2

    asked(tmp_path, ask)


def test_free_is_what_others_than_root_have(tmp_path: Path) -> None:
    assert 0 < free_bytes(tmp_path) <= psutil.disk_usage(str(tmp_path)).total


def writer_of(server: CollectorServer) -> psutil.Process:
    assert server.process is not None
    (writer,) = psutil.Process(server.process.pid).children()
    return writer


def status(server: CollectorServer) -> int:
    return server.get("/healthz").status_code


def test_a_full_disk_is_no_health_and_room_is(serve: Serve) -> None:
    server = serve()
    assert server.send(a_report()).status_code == 201
    writer = writer_of(server)
    before = resource.prlimit(writer.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    wait_for(lambda: status(server) == 503)
    assert server.get("/healthz").json() == {"status": "down"}
    assert server.send(a_report()).status_code == 503
    assert any("not healthy" in event["message"] for event in server.events())
    # nobody is kept from reading by it, nor from logging in
    assert server.get("/", token=server.reader_token).status_code == 200
    came = server.ask(
        "POST", "/login", data={"token": server.reader_token, "next": "/"}, allow_redirects=False
    )
    assert came.status_code == 303
    resource.prlimit(writer.pid, resource.RLIMIT_FSIZE, before)
    wait_for(lambda: status(server) == 200)
    assert server.send(a_report()).status_code == 201


def own_writer(place: Path) -> psutil.Process:
    """Of the database in this folder."""
    (writer,) = (
        child
        for child in psutil.Process().children()
        if "collector.store.writer" in child.cmdline() and str(place) in " ".join(child.cmdline())
    )
    return writer


def test_a_writer_that_hangs_is_no_health(tmp_path: Path) -> None:
    async def ask(store: Store) -> None:
        database = store.database
        assert isinstance(database, SqliteDatabase)
        writer = own_writer(tmp_path)
        writer.suspend()
        try:
            why = await Health(store, write_s=0.2).why_not()
        finally:
            writer.resume()
        assert why == "nothing was written within 0.2 s"
        assert await Health(store).why_not() == ""

    asked(tmp_path, ask)


def test_a_writer_that_is_gone_is_no_health_until_the_next_one(tmp_path: Path) -> None:
    async def ask(store: Store) -> None:
        writer = own_writer(tmp_path)
        writer.kill()
        while store.database.alive:
            await asyncio.sleep(0.01)
        assert "gone" in await Health(store).why_not()
        while not store.database.alive:
            await asyncio.sleep(0.01)
        assert await Health(store).why_not() == ""

    asked(tmp_path, ask)
