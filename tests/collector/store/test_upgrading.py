"""What exists survives: databases of the first collector, opened by this one."""

from __future__ import annotations

import asyncio
import gzip
import json
import shutil
import sqlite3
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import structs
from starlette.applications import Starlette

from agent.model.codec import decode
from collector import listing
from collector.pages import routes
from collector.records import Counts
from collector.searchable import Searchable
from collector.serving import open_store
from collector.store import backup, filling, upgrading, writer
from collector.store.backup import BackupPlan
from collector.store.database import StoreError
from collector.store.filling import Filling
from collector.store.migrations import migrations
from collector.store.searching import Asked
from collector.store.store import HostFilter, Store
from collector.verifying import verify
from collector.worth import unpacked_worth
from tests.collector.postgres_server import PostgresServer
from tests.collector.store.older import (
    LIMITED,
    READERS,
    REPORTS,
    SWEEP,
    lay_postgresql,
    lay_sqlite,
    rows_of,
    told,
)
from tests.collector.store.reporting import a_finding, a_hit

pytestmark = pytest.mark.anyio
Older = Callable[[], Awaitable[Store]]


@pytest.fixture
def place(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A file or URL of an older database; the collector's home is ``tmp_path``."""
    if engine == "sqlite":
        lay_sqlite(tmp_path / "collector.db")
        return str(tmp_path / "collector.db")
    url: str = request.getfixturevalue("postgres_url")
    lay_postgresql(request.getfixturevalue("postgres_server"), url)
    return url


@pytest.fixture
def backups(engine: str, tmp_path: Path) -> Callable[[], list[Path]]:
    """Those that were made."""
    pattern = {"sqlite": "collector.db.schema-*", "postgresql": "backups/*"}[engine]
    return lambda: sorted(tmp_path.glob(pattern))


async def everything(store: Store) -> dict[str, list[Any]]:
    """As far as both schemas have it."""
    columns = {
        "report": "report_id, sweep_id, host_key, name, state, strong, weak, excluded, started,"
        " finished, received, source, digest, size, indexed, body",
        "host": "sweep_id, host_key, state, base, hit, suppressed, reasons, reports, report_id,"
        " finished, sources, flagged",
        "finding": "report_id, finding_id, indicator_id, strength, title, time, suppression_id",
        "expected": "*", "suppression": "*", "token": "*", "sweep": "*", "sink": "*",
        "audit": "*", "setting": "*",
    }  # fmt: skip
    return {
        table: sorted(map(tuple, await store.database.fetch(f"SELECT {names} FROM {table}")))
        for table, names in columns.items()
    }


async def export(pages: httpx.AsyncClient, name: str) -> list[dict[str, Any]]:
    answer = await pages.get(f"/sweeps/{SWEEP}/export/{name}.ndjson")
    assert answer.status_code == 200
    return [json.loads(line) for line in answer.text.splitlines()]


class TestAnOlderDatabase:
    async def test_keeps_its_counters_and_says_what_was_asked_of_a_part_only(
        self, place: str, tmp_path: Path
    ) -> None:
        store = await open_store(tmp_path, place)
        counts = await store.counts(SWEEP)
        last = counts.last_received
        await store.database.close()
        assert counts == Counts(
            clean=3, hit=1, incomplete=1, failed=1, limited=1, not_reported=1, owing=1,
            expected=5, unexpected=3, beside={"clean": 1, "failed": 1, "incomplete": 1},
            suppressed=1, suppressed_findings=1, flagged=0, turned=1, reports=8,
            last_received=last,
        )  # fmt: skip

    async def test_every_report_is_shown_and_downloaded_to_the_byte_by_its_own_token(
        self, place: str, engine: str, tmp_path: Path
    ) -> None:
        store = await open_store(tmp_path, place)
        app = Starlette(routes=routes(store, b"k" * 32, secure=True))
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="https://c.example",
            headers={"authorization": f"Bearer {READERS[engine]}"},
        ) as pages:  # fmt: skip
            for report_id in REPORTS:
                page = await pages.get(f"/reports/{report_id}")
                assert page.status_code == 200
                assert "the report itself cannot be shown" not in page.text
                assert "iocsweep.report/1" in page.text
                packed = await pages.get(f"/reports/{report_id}.json.gz")
                assert packed.content == await store.body(report_id)
                assert (
                    b'"iocsweep.report/1"'
                    in (await pages.get(f"/reports/{report_id}.json")).content
                )
            for what in ("hosts", "findings"):
                known, now = told(engine, what), await export(pages, what)
                for row in known:  # what the first collector did not tell apart
                    if row.get("name") == "WS-0002" and what == "hosts":
                        row["state"] = "limited"
                assert [{key: row[key] for key in known[0]} for row in now] == known
        await store.database.close()

    async def test_tells_what_the_new_columns_ask_from_the_reports_themselves(
        self, place: str, tmp_path: Path
    ) -> None:
        store = await open_store(tmp_path, place)
        rows = [await store.report(one) for one in REPORTS]
        found = {row.indicator_id: row async for row in store.all_findings(SWEEP)}
        limited = await store.hosts(SWEEP, HostFilter(limited=True))
        await store.database.close()
        assert all(row and row.schema == "iocsweep.report/1" for row in rows)
        asked = {row.report_id: row.whole_host for row in rows if row}
        assert asked == {one: one != LIMITED for one in REPORTS}
        assert [host.name for host in limited] == ["WS-0002"]
        assert found["ip"].place == "rundll32.exe[4312] on WS-0421"
        assert found["ip"].first_seen == found["ip"].time

    async def test_can_be_verified_and_worked_with(self, place: str, tmp_path: Path) -> None:
        store = await open_store(tmp_path, place)
        assert [line async for line, problem in verify(store) if problem] == []
        (suppression,) = await store.suppressions(SWEEP)
        assert await store.lift(suppression.suppression_id, who="test")
        assert (await store.counts(SWEEP)).hit == 2
        assert await store.cursor("siem") == 4
        await store.database.close()

    async def test_its_reports_are_gone_through_and_can_be_searched(
        self, place: str, engine: str, tmp_path: Path
    ) -> None:
        store = await open_store(tmp_path, place)
        assert await store.waiting_to_be_searchable(None) == 8
        while await Searchable(store).once():
            pass
        assert await store.waiting_to_be_searchable(None) == 0
        for host in told(engine, "hosts"):
            (found,) = await store.search(Asked(text=host["host_id"], kind="id", whole=True))
            hosts = await store.hosts_of_term(found.rows[0].term_id, None)
            assert host["host_key"] in [one.host_key for one in hosts]
        for finding in told(engine, "findings"):
            (found,) = await store.search(
                Asked(text=finding["indicator_id"], kind="indicator", whole=True)
            )
            hosts = await store.hosts_of_term(found.rows[0].term_id, None)
            assert finding["host_key"] in [one.host_key for one in hosts]
        await store.database.close()

    async def test_keeps_its_suppressions_but_for_confirmed_findings_to_come(
        self, place: str, tmp_path: Path
    ) -> None:
        store = await open_store(tmp_path, place)
        (one,) = await store.suppressions(SWEEP)
        known = await store.findings(SWEEP, indicator_id=one.indicator_id)
        assert known
        assert {row.suppression_id for row in known} == {one.suppression_id}
        assert one.earlier
        for name, strength in (("LATE-1", "strong"), ("LATE-2", "confirmed")):
            report = a_hit(name, sweep_id=SWEEP, received=9_000_000_000_000)
            await store.put(report)
            finding = a_finding(report, one.indicator_id, strength=strength)
            await store.index(report.report_id, SWEEP, report.host_key, [finding])
        late = {row.name: row.state for row in await store.hosts(SWEEP, HostFilter(text="late"))}
        covered = await store.covered(SWEEP, one.indicator_id)
        await store.database.close()
        assert late == {"LATE-1": "clean", "LATE-2": "hit"}
        assert covered[one.suppression_id].findings == len(known) + 1

    async def test_its_readers_may_go_on_suppressing(
        self, place: str, engine: str, tmp_path: Path
    ) -> None:
        store = await open_store(tmp_path, place)
        reader = await store.token(READERS[engine])
        roles = {token.kind: token.role for token in await store.tokens()}
        await store.database.close()
        assert reader is not None
        assert reader.role == "analyst"
        assert roles == {"reader": "analyst", "sweep": ""}

    async def test_tells_what_its_findings_are_about(self, place: str, tmp_path: Path) -> None:
        store = await open_store(tmp_path, place)
        rows = [row async for row in store.all_findings(SWEEP)]
        bodies = {row.report_id: await store.body(row.report_id) for row in rows}
        await store.database.close()
        said = {}
        for report_id, body in bodies.items():
            assert body is not None
            for listed in listing.rows_of(decode(gzip.decompress(body)), SWEEP, "", ""):
                said[report_id, listed.finding_id] = (listed.object_path, listed.object_hash)
        assert {(row.report_id, row.finding_id): (row.object_path, row.object_hash)
                for row in rows} == said  # fmt: skip
        assert any(path for path, _ in said.values())

    async def test_tells_what_its_hosts_answers_rest_on_and_since_when_they_are_hit(
        self, place: str, tmp_path: Path
    ) -> None:
        store = await open_store(tmp_path, place)
        hosts = {row.name: row for row in await store.hosts(SWEEP)}
        wrong = [line async for line, problem in verify(store) if problem]
        await store.database.close()
        assert wrong == []
        assert all(unpacked_worth(row.worth).packs for row in hosts.values())
        assert {row.kind for row in hosts.values()} == {"live"}
        hit = [row for row in hosts.values() if row.hit]
        assert hit
        assert all(row.users for row in hit)
        assert all((row.first_hit or 0) >= 1000 for row in hit if not row.suppressed)
        assert all(row.first_hit is None for row in hit if row.suppressed)
        assert {row.strongest for row in hosts.values() if row.state == "hit"} <= {2, 3}
        assert all(row.first_trace for row in hosts.values() if row.state == "hit")
        assert all(row.first_hit is None for row in hosts.values() if not row.hit)

    async def test_loses_nothing_and_is_opened_again_without_a_second_backup(
        self, place: str, tmp_path: Path, backups: Callable[[], list[Path]]
    ) -> None:
        store = await open_store(tmp_path, place)
        before = await everything(store)
        await store.database.close()
        assert len(before["report"]) == 8
        store = await open_store(tmp_path, place)
        assert await everything(store) == before
        await store.database.close()
        assert len(backups()) == 1

    async def test_a_body_that_cannot_be_read_any_more_stays_and_is_not_said_to_be_whole(
        self, place: str, engine: str, tmp_path: Path, request: pytest.FixtureRequest
    ) -> None:
        spoil = f"UPDATE report SET body = {{}} WHERE report_id = '{REPORTS[0]}'"
        if engine == "sqlite":
            connection = sqlite3.connect(place)
            with connection:
                connection.execute(spoil.format("X'78'"))
            connection.close()
        else:
            server: PostgresServer = request.getfixturevalue("postgres_server")
            server.sql(spoil.format(r"'\x78'"), place.rpartition("/")[2])
        store = await open_store(tmp_path, place)
        row, other = await store.report(REPORTS[0]), await store.report(REPORTS[1])
        await store.database.close()
        assert row is not None
        assert row.whole_host is None
        assert other is not None
        assert other.whole_host is True


class TestWhatGoesWrong:
    async def test_half_way_leaves_all_as_it_was_with_the_backup_beside_it(
        self, place: str, engine: str, tmp_path: Path, backups: Callable[[], list[Path]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        calls = 0

        def fill_once(columns: Filling, rows: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls > 1:
                return [("UPDATE report SET no_such_column = ?", [(1,)])]
            return known(columns, rows)

        known = filling.filled
        monkeypatch.setattr(filling, "filled", fill_once)
        first = filling.FILLINGS[2]
        few = structs.replace(first, older=first.older.replace("LIMIT 20", "LIMIT 3"))
        monkeypatch.setitem(filling.FILLINGS, 2, few)
        if engine == "sqlite":
            before = rows_of(Path(place))
            with pytest.raises(sqlite3.Error, match="no_such_column"):
                writer.open_database(Path(place))
            assert rows_of(Path(place)) == before
        else:
            with pytest.raises(StoreError, match="no_such_column"):
                await open_store(tmp_path, place)
        assert calls == 2
        assert len(backups()) == 1
        monkeypatch.undo()
        store = await open_store(tmp_path, place)
        assert (await store.counts(SWEEP)).reports == 8
        await store.database.close()

    async def test_without_a_place_for_the_backup_nothing_is_begun(
        self, place: str, engine: str, tmp_path: Path
    ) -> None:
        blocked = tmp_path / "a file"
        blocked.touch()
        with pytest.raises(StoreError, match="stays as it was: ") as caught:
            await open_store(tmp_path, place, plan=BackupPlan(str(blocked / "x")))
        assert str(blocked) in str(caught.value)
        assert ("--no-backup" in str(caught.value)) == (engine == "postgresql")
        await self._is_of_schema_1(place, engine, tmp_path)

    async def test_the_operator_may_say_that_they_have_one(
        self, place: str, tmp_path: Path, backups: Callable[[], list[Path]]
    ) -> None:
        store = await open_store(tmp_path, place, plan=BackupPlan(wanted=False))
        assert (await store.counts(SWEEP)).reports == 8
        await store.database.close()
        assert backups() == []

    async def _is_of_schema_1(self, place: str, engine: str, home: Path) -> None:
        if engine == "sqlite":
            assert rows_of(Path(place))["user_version"] == [(1,)]
        else:
            store = await open_store(home, place, plan=BackupPlan(str(home / "later")))
            await store.database.close()
            assert len(list((home / "later").glob("*schema-1*"))) == 1


class TestSeveralCollectors:
    async def test_that_start_together_migrate_once(
        self, place: str, engine: str, tmp_path: Path, backups: Callable[[], list[Path]]
    ) -> None:
        opened = await asyncio.gather(
            *(open_store(tmp_path, place) for _ in range(3)), return_exceptions=True
        )
        stores = [one for one in opened if isinstance(one, Store)]
        refused = [one for one in opened if isinstance(one, BaseException)]
        counts = [await one.counts(SWEEP) for one in stores]
        for one in stores:
            await one.database.close()
        if engine == "sqlite":  # one writes, the others are told so
            assert len(stores) == 1
            assert all("another collector writes to it" in str(one) for one in refused)
        else:
            assert refused == []
        assert {(one.clean, one.reports, one.limited) for one in counts} == {(3, 8, 1)}
        assert len(backups()) == 1


class TestTheBackup:
    async def test_of_sqlite_is_the_database_as_it_was_and_its_owner_s_alone(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "collector.db"
        lay_sqlite(path)
        before = rows_of(path)
        await (await open_store(tmp_path, str(path))).database.close()
        (copy,) = tmp_path.glob("collector.db.schema-1.*Z")
        assert copy.stat().st_mode & 0o777 == 0o600
        assert rows_of(copy) == before
        assert rows_of(path)["user_version"] == [(migrations("sqlite")[-1][0],)]

    async def test_of_postgresql_is_restored_by_pg_restore(
        self, postgres_server: PostgresServer, postgres_url: str, tmp_path: Path
    ) -> None:
        lay_postgresql(postgres_server, postgres_url)
        await (await open_store(tmp_path, postgres_url)).database.close()
        (dump,) = (tmp_path / "backups").iterdir()
        assert dump.stat().st_mode & 0o777 == 0o600
        again = postgres_server.create_database()
        subprocess.run(
            [postgres_server.programs / "pg_restore", "--exit-on-error", "--dbname", again, dump],
            check=True, capture_output=True,
        )  # fmt: skip
        name = again.rpartition("/")[2]
        assert postgres_server.sql("SELECT version FROM schema_version", name) == "1"
        assert postgres_server.sql("SELECT count(*) FROM report", name) == "8"

    async def test_without_pg_dump_the_refusal_names_the_command_and_no_password(
        self, postgres_server: PostgresServer, postgres_url: str, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        lay_postgresql(postgres_server, postgres_url)
        which = shutil.which
        monkeypatch.setattr(
            shutil, "which", lambda name: None if name == "pg_dump" else which(name)
        )
        with pytest.raises(StoreError) as caught:
            await open_store(tmp_path, postgres_url)
        bare = f"postgresql://sweeper@127.0.0.1:{postgres_server.port}/"
        assert "pg_dump --format=custom --file=collector.schema-1.dump" in str(caught.value)
        assert bare in str(caught.value)
        assert "--no-backup" in str(caught.value)
        assert "p%40ss" not in str(caught.value)
        assert postgres_server.sql(
            "SELECT version FROM schema_version", postgres_url.rpartition("/")[2]
        ) == "1"  # fmt: skip

    async def test_what_is_written_meanwhile_waits_until_the_migration_is_done(
        self, postgres_server: PostgresServer, postgres_url: str, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        lay_postgresql(postgres_server, postgres_url)
        name = postgres_url.rpartition("/")[2]
        late: list[subprocess.Popen[bytes]] = []
        dump = backup.dump_postgresql

        async def dump_and_meet_another(*given: Any) -> Path:
            made = await dump(*given)
            statement = f"UPDATE report SET source = 'late' WHERE report_id = '{REPORTS[0]}'"
            late.append(subprocess.Popen(
                [postgres_server.programs / "psql", "-X", "-q", "-c", statement,
                 postgres_server.url(name)]
            ))  # fmt: skip
            with pytest.raises(subprocess.TimeoutExpired):
                await asyncio.to_thread(late[0].wait, 0.3)
            return made

        monkeypatch.setattr(upgrading, "dump_postgresql", dump_and_meet_another)
        store = await open_store(tmp_path, postgres_url)
        assert await asyncio.to_thread(late[0].wait, 30) == 0
        row = await store.report(REPORTS[0])
        await store.database.close()
        assert row is not None
        assert (row.source, row.whole_host) == ("late", True)
