"""What is PostgreSQL's own: several collectors on one database, and a server that goes away."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Any, cast

import pytest
from msgspec import structs

from collector.records import Sweep
from collector.store import batches
from collector.store.database import Busy, StoreError, Unstorable
from collector.store.keeping import Kept
from collector.store.migrations import migrations
from collector.store.postgresql import PostgresqlDatabase
from collector.store.putting import Judged
from collector.store.repeating import numbered
from collector.store.store import Store
from collector.store.upgrading import shown_place
from tests.collector.postgres_server import IN_URL, PASSWORD, PostgresServer
from tests.collector.store.reporting import a_finding, a_hit, a_report
from tests.collector.store.storming import Storm

pytestmark = pytest.mark.anyio


@pytest.fixture
async def fronts(postgres_url: str) -> AsyncIterator[list[Store]]:
    """Three collectors that started on an empty database in the same moment."""
    databases = await asyncio.gather(*(PostgresqlDatabase.open(postgres_url) for _ in range(3)))
    made = [Store(one) for one in databases]
    await made[0].create_sweep(
        Sweep(sweep_id="s1", title="", pack="", created=0, deadline=None), who="test"
    )
    yield made
    for one in databases:
        await one.close()


async def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


class TestSeveralFronts:
    async def test_the_schema_is_laid_once(self, fronts: list[Store]) -> None:
        assert [
            tuple(row)
            for row in await fronts[2].database.fetch("SELECT name, version FROM schema_version")
        ] == [("collector", migrations("postgresql")[-1][0])]

    async def test_questions_are_neither_compiled_nor_divided(self, fronts: list[Store]) -> None:
        """Which takes longer than any answer."""
        asked = ("SHOW jit", "SHOW max_parallel_workers_per_gather", "SHOW random_page_cost")
        told = [str((await fronts[0].database.fetch(one))[0][0]) for one in asked]
        assert told == ["off", "0", "1.5"]

    async def test_however_many_start_in_one_moment(self, postgres_server: PostgresServer) -> None:
        for _ in range(5):
            url = postgres_server.create_database()
            for database in await asyncio.gather(*(PostgresqlDatabase.open(url) for _ in range(8))):
                await database.close()

    async def test_one_report_sent_to_all_at_once_is_new_once(self, fronts: list[Store]) -> None:
        async def send(front: Store) -> list[Kept]:
            mine = random.sample(reports, len(reports))
            return await asyncio.gather(*map(front.put, mine))

        reports = [a_report(f"PC-{n}") for n in range(600)]
        answers = [one for some in await asyncio.gather(*map(send, fronts)) for one in some]
        assert (answers.count("new"), answers.count("known")) == (600, 1200)
        counts = await fronts[1].counts("s1")
        assert (counts.clean, counts.reports) == (600, 600)

    async def test_another_report_of_the_same_id_conflicts_on_one_side(
        self, fronts: list[Store]
    ) -> None:
        for _ in range(20):
            report = a_report()
            other = structs.replace(report, digest=b"other")
            answers = await asyncio.gather(fronts[0].put(report), fronts[1].put(other))
            assert sorted(answers) == ["conflict", "new"]

    async def test_the_same_hosts_in_any_order_never_block_each_other(
        self, fronts: list[Store]
    ) -> None:
        names = [f"PC-{n}" for n in range(40)]
        await fronts[0].expect("s1", names, who="test")
        started = time.monotonic()
        await asyncio.gather(
            *(
                front.put(a_report(name))
                for front in fronts
                for _ in range(25)
                for name in random.sample(names, len(names))
            )
        )
        assert time.monotonic() - started < 20
        assert {host.reports for host in await fronts[0].hosts("s1")} == {75}
        assert await fronts[1].missing("s1") == []

    async def test_a_list_imported_at_one_while_others_take_reports_misses_none(
        self, fronts: list[Store]
    ) -> None:
        async def send(front: Store, number: int) -> None:
            await asyncio.sleep(random.random() / 2)
            await front.put(a_report(f"PC-{number}"))

        numbers = range(3000)
        await asyncio.gather(
            *(send(fronts[1 + number % 2], number) for number in numbers),
            *(
                fronts[0].expect("s1", [f"pc-{n}" for n in numbers[part::10]], who="test")
                for part in range(10)
            ),
        )
        assert await fronts[0].missing("s1") == []

    async def test_a_list_imported_between_a_report_and_its_commit_misses_none(
        self, fronts: list[Store], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ticked, go_on = asyncio.Event(), asyncio.Event()
        tick = batches._tick

        async def tick_and_wait(connection: Any, reports: Sequence[Judged]) -> None:
            await tick(connection, reports)
            ticked.set()
            await go_on.wait()

        monkeypatch.setattr(batches, "_tick", tick_and_wait)
        put = asyncio.ensure_future(fronts[0].put(a_report("PC-1")))
        await ticked.wait()
        await fronts[1].expect("s1", ["pc-1"], who="test")
        go_on.set()
        assert await put == "new"
        assert await fronts[1].missing("s1") == []

    async def test_suppressing_at_one_while_others_index_leaves_nothing_open(
        self, fronts: list[Store]
    ) -> None:
        reports = [a_hit(f"PC-{n}") for n in range(120)]
        await asyncio.gather(*map(fronts[0].put, reports))

        async def index(front: Store) -> None:
            for one in random.sample(reports, len(reports)):
                await front.index(one.report_id, "s1", one.host_key, [a_finding(one)])

        await asyncio.gather(
            *map(index, fronts[1:]), fronts[0].suppress("s1", "i1", None, reason="", who="test")
        )
        findings = [row async for row in fronts[0].all_findings("s1")]
        assert len(findings) == 120
        assert all(row.suppression_id for row in findings)
        assert (await fronts[0].counts("s1")).suppressed == 120


class TestOpening:
    async def test_a_database_of_a_newer_collector_is_refused(
        self, postgres_url: str, postgres_server: PostgresServer
    ) -> None:
        await (await PostgresqlDatabase.open(postgres_url)).close()
        name = postgres_url.rpartition("/")[2]
        postgres_server.sql("UPDATE schema_version SET version = 999", name)
        with pytest.raises(StoreError, match=f"{name}: made by a newer collector .schema 999."):
            await PostgresqlDatabase.open(postgres_url)

    async def test_opening_again_changes_nothing(
        self, fronts: list[Store], postgres_url: str
    ) -> None:
        await fronts[0].put(a_report())
        again = await PostgresqlDatabase.open(postgres_url)
        assert (await Store(again).counts("s1")).clean == 1
        await again.close()

    async def test_a_database_of_another_encoding_is_refused(
        self, postgres_server: PostgresServer
    ) -> None:
        url = postgres_server.create_database("TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
        with pytest.raises(StoreError, match="LATIN1"):
            await PostgresqlDatabase.open(url)

    async def test_acknowledgement_waits_for_the_disk_even_if_the_database_would_not(
        self, postgres_server: PostgresServer
    ) -> None:
        url = postgres_server.create_database()
        name = url.rpartition("/")[2]
        postgres_server.sql(f"ALTER DATABASE {name} SET synchronous_commit = off")
        database = await PostgresqlDatabase.open(url)
        async with database._writers.acquire() as connection:
            assert await connection.fetchval("SHOW synchronous_commit") == "on"
        await database.close()

    async def test_errors_name_the_place_and_never_the_password(
        self, postgres_server: PostgresServer
    ) -> None:
        good = postgres_server.url("absent")
        for url, told in (
            (good, "absent"),
            (good.replace(IN_URL, IN_URL + "x"), "password authentication failed"),
            (f"postgresql://sweeper:{IN_URL}@127.0.0.1:1/db", "127.0.0.1:1, database db"),
            (f"postgresql://sweeper:{PASSWORD}@127.0.0.1:1/db", "PostgreSQL"),
            (f"postgresql://sweeper:{IN_URL}@127.0.0.1:x/db", "not a usable URL"),
            (f"mysql://sweeper:{IN_URL}@127.0.0.1/db", "not a usable URL"),
            (f"postgresql://127.0.0.1:1/db?user=sweeper&password={IN_URL}", "127.0.0.1:1"),
            (f"postgresql://sweeper:{IN_URL}@127.0.0.1:1/db?sslmode=wrong", "127.0.0.1:1"),
        ):
            with pytest.raises(StoreError) as caught:
                await PostgresqlDatabase.open(url)
            assert told in str(caught.value)
            for secret in (PASSWORD, IN_URL, "w:rd", "ss/w"):
                assert secret not in str(caught.value)

    def test_the_place_is_told_for_people(self) -> None:
        assert shown_place("postgres://u:p@[::1]:5432/iocs?sslmode=require") == (
            "PostgreSQL at [::1]:5432, database iocs"
        )
        assert shown_place("postgresql:///iocs?host=/run/postgresql") == (
            "PostgreSQL at /run/postgresql, database iocs"
        )
        assert shown_place("postgresql://u@a:1,b:2/iocs") == "PostgreSQL at a:1,b:2, database iocs"


class TestOneReportMoreOrLess:
    async def test_a_name_too_long_for_an_index_fails_alone(self, fronts: list[Store]) -> None:
        noise = random.Random(1)
        name = "".join(chr(noise.randrange(0x4E00, 0x9F00)) for _ in range(4000))
        reports = [a_report(f"PC-{n}") for n in range(100)]
        answers = await asyncio.gather(
            *map(fronts[0].put, [*reports[:50], a_report(name), *reports[50:]]),
            return_exceptions=True,
        )
        assert isinstance(answers.pop(50), Unstorable)
        assert set(answers) == {"new"}

    async def test_beyond_its_room_agents_are_told_to_come_back(
        self, fronts: list[Store], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("collector.store.postgresql.MAX_WAITING", 10)
        answers = await asyncio.gather(
            *(fronts[0].put(a_report(f"PC-{n}")) for n in range(30)), return_exceptions=True
        )
        busy = [one for one in answers if isinstance(one, Busy)]
        assert (answers.count("new"), len(busy)) == (10, 20)
        assert all(one.retry_after_s >= 1 for one in busy)

    async def test_so_are_they_when_the_bytes_are_too_many(
        self, fronts: list[Store], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("collector.store.postgresql.MAX_WAITING_BYTES", 1 << 20)
        reports = [a_report(f"PC-{n}", body=bytes(300_000)) for n in range(8)]
        answers = await asyncio.gather(*map(fronts[0].put, reports), return_exceptions=True)
        assert answers.count("new") == 4
        assert sum(isinstance(one, Busy) for one in answers) == 4
        assert await fronts[0].put(reports[-1]) == "new"

    async def test_an_agent_that_hangs_up_disturbs_nobody(self, fronts: list[Store]) -> None:
        tasks = [asyncio.ensure_future(fronts[0].put(a_report(f"PC-{n}"))) for n in range(50)]
        await asyncio.sleep(0)
        tasks[7].cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert answers.count("new") == 49
        assert (await fronts[0].counts("s1")).clean == 50

    async def test_an_export_that_is_left_half_way_gives_its_connection_back(
        self, fronts: list[Store]
    ) -> None:
        await asyncio.gather(*(fronts[0].put(a_report(f"PC-{n}")) for n in range(1200)))
        for _ in range(20):
            rows = fronts[0].database.stream("SELECT * FROM report")
            async for piece in rows:
                assert len(piece) == 1000
                break
            await cast("AsyncGenerator[object]", rows).aclose()

    async def test_questions_cannot_change_anything(self, fronts: list[Store]) -> None:
        with pytest.raises(StoreError, match="read-only"):
            await fronts[0].database.fetch("DELETE FROM sweep RETURNING sweep_id")

    def test_parameters_are_numbered(self) -> None:
        assert numbered("a = ? AND b IN (?, ?)") == "a = $1 AND b IN ($2, $3)"


class TestAServerThatGoesAway:
    async def test_every_acknowledged_report_is_there_after_a_crash_under_load(
        self, own_postgres: PostgresServer
    ) -> None:
        database = await PostgresqlDatabase.open(own_postgres.create_database())
        store = Store(database)
        async with Storm(store) as storm:
            for how in (signal.SIGQUIT, signal.SIGINT, signal.SIGQUIT):
                await storm.more()
                await asyncio.to_thread(own_postgres.stop, how)
                await until(lambda: not database.alive)
                with pytest.raises(StoreError):
                    await store.sweeps()
                await asyncio.to_thread(own_postgres.start)
                await storm.more()
        assert storm.refused
        assert await storm.lost() == []
        counts = await store.counts("s1")
        assert counts.clean == counts.reports >= len(storm.acknowledged)
        await database.close()

    async def test_an_idle_collector_notices_and_finds_it_again(
        self, own_postgres: PostgresServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        database = await PostgresqlDatabase.open(own_postgres.create_database())
        own_postgres.stop()
        await until(lambda: not database.alive)
        with pytest.raises(StoreError, match="cannot be reached"):
            await database.put(a_report())
        own_postgres.start()
        await until(lambda: database.alive)
        assert await database.put(a_report()) == "new"
        await database.close()
        told = capsys.readouterr().err
        assert "PostgreSQL at 127.0.0.1" in told
        assert PASSWORD not in told

    async def test_closing_does_not_wait_for_a_server_that_is_gone(
        self, own_postgres: PostgresServer
    ) -> None:
        database = await PostgresqlDatabase.open(own_postgres.create_database())
        own_postgres.stop(signal.SIGQUIT)
        await asyncio.wait_for(database.close(), 15)

    async def test_connections_cut_by_an_administrator_are_made_anew(
        self, fronts: list[Store], postgres_server: PostgresServer
    ) -> None:
        for _ in range(3):
            await asyncio.gather(*(front.put(a_report()) for front in fronts))
            postgres_server.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'iocsweep-collector'"
            )
            assert [sweep.sweep_id for sweep in await fronts[0].sweeps()] == ["s1"]
            await until(lambda: all(front.database.alive for front in fronts))

    async def test_a_standby_is_left_for_the_primary(
        self, fronts: list[Store], postgres_server: PostgresServer, postgres_url: str
    ) -> None:
        """After a failover the old server refuses to write: as good as gone, until it does."""
        name, front = postgres_url.rpartition("/")[2], fronts[0]
        postgres_server.sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        assert isinstance(front.database, PostgresqlDatabase)
        await front.database._writers.expire_connections()
        with pytest.raises(StoreError, match="read-only"):
            await front.put(a_report())
        assert not front.database.alive
        postgres_server.sql(
            f"SET default_transaction_read_only = off;"
            f" ALTER DATABASE {name} RESET default_transaction_read_only",
            "postgres",
        )
        await until(lambda: front.database.alive)
        assert await front.put(a_report()) == "new"
