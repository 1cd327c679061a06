"""Where else: values that reports have, found the same on both engines."""

from __future__ import annotations

import gzip
import sqlite3
import uuid
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.model.objects import File, Hash
from agent.model.report import Report, Strength
from collector import searchable, terms
from collector.records import Sweep
from collector.searchable import Searchable
from collector.store import keeping_terms, searching, text_index, writer
from collector.store.postgresql import PostgresqlDatabase
from collector.store.searching import Asked
from collector.store.sqlite import SqliteDatabase
from collector.store.store import Store
from collector.verifying import verify
from tests.collector.pages.seed import a_finding, a_report, put, received
from tests.collector.store.conftest import Open

pytestmark = pytest.mark.anyio
DAT = r"C:\Users\jo\AppData\Local\cyzfc.dat"


async def all_searchable(store: Store) -> None:
    while await Searchable(store).once():
        pass


async def keep(store: Store, *reports: Report, sweep_id: str = "s1") -> None:
    for report in reports:
        await put(store, report, sweep_id=sweep_id)
    await all_searchable(store)


async def found(store: Store, text: str, **asked: Any) -> dict[str, list[str]]:
    """Values by kind."""
    every = await store.search(Asked(text=text, **asked))
    return {one.kind: [row.value for row in one.rows] for one in every}


async def where(store: Store, text: str, **asked: Any) -> list[tuple[str, str]]:
    """Sweep and name of the hosts that have the one value so called."""
    (one,) = await store.search(Asked(text=text, whole=True, **asked))
    (row,) = one.rows
    hosts = await store.hosts_of_term(row.term_id, asked.get("sweep_id"))
    return [(host.sweep_id, host.name) for host in hosts]


async def another_sweep(store: Store, sweep_id: str = "s2") -> None:
    await store.create_sweep(
        Sweep(sweep_id=sweep_id, title="", pack="", created=1, deadline=None), who="t"
    )


class TestAPart:
    @pytest.fixture(autouse=True)
    async def kept(self, store: Store) -> None:
        hashed = a_finding("WS-0002", path=r"D:\50%_off\O'Neil.exe", indicator="z")
        hashed.file = File(
            path=r"D:\50%_off\O'Neil.exe",
            hash=Hash(md5="a1" * 16, sha1="b2" * 20, sha256="c3" * 32),
        )
        await keep(store, a_report("WS-0001", a_finding("WS-0001")), a_report("WS-0002", hashed))

    @pytest.mark.parametrize(
        ("asked", "kind", "value"),
        [
            ("ws-0001", "host", "WS-0001"),
            ("S-000", "host", "WS-0001"),
            ("id-ws-0002", "id", "id-WS-0002"),
            ("10.4.1", "address", "10.4.1.21"),
            ("4.1.2", "address", "10.4.1.21"),
            ("cyzfc.dat", "path", DAT),
            (DAT.upper(), "path", DAT),
            ("a1" * 16, "hash", "a1" * 16),
            ("B2" * 20, "hash", "b2" * 20),
            ("c3c3c3", "hash", "c3" * 32),
            ("corp\\j", "user", r"CORP\jo"),
            ("rp\\jo", "user", r"CORP\jo"),
            ("jo", "user", "jo"),
            ("dorasong[.]c", "domain", "pandorasong.com"),
            ("hxxp://pandorasong[.]com", "domain", "pandorasong.com"),
            ("95.216", "remote", "95.216.59.92"),
            ("dll-na", "indicator", "dll-name"),
            ("50%_off", "path", r"D:\50%_off\O'Neil.exe"),
            ("o'neil", "path", r"D:\50%_off\O'Neil.exe"),
        ],
    )
    async def test_finds(self, store: Store, asked: str, kind: str, value: str) -> None:
        assert value in (await found(store, asked)).get(kind, [])

    @pytest.mark.parametrize("asked", ["50%off", "50__off", "\\\\jo", "abc", "cyzfc dat", '"c3c"'])
    async def test_signs_stand_for_themselves(self, store: Store, asked: str) -> None:
        assert await found(store, asked) == {}

    async def test_of_two_characters_the_beginning_alone(self, store: Store) -> None:
        assert (await found(store, "ws"))["host"] == ["WS-0001", "WS-0002"]
        assert "host" not in await found(store, "01")

    async def test_of_one_kind_alone(self, store: Store) -> None:
        assert set(await found(store, "cyzfc")) == {"path", "indicator"}
        assert await found(store, "cyzfc", kind="path") == {"path": [DAT]}

    async def test_what_is_it_comes_before_what_begins_so_and_what_has_it(
        self, store: Store
    ) -> None:
        for number, path in enumerate(("xx cyzfc", "cyzfc.dll", "cyzfc")):
            await keep(store, a_report(f"P{number}", a_finding(path=path)))
        assert (await found(store, "cyzfc", kind="path"))["path"] == [
            "cyzfc", "cyzfc.dll", DAT, "xx cyzfc",
        ]  # fmt: skip

    async def test_the_whole_value_alone(self, store: Store) -> None:
        assert await found(store, "ws-0001", whole=True) == {"host": ["WS-0001"]}
        assert await found(store, "ws-000", whole=True) == {}

    async def test_what_begins_alike_beyond_the_index_of_beginnings_is_told_apart(
        self, store: Store
    ) -> None:
        long = ["y" * 250 + end for end in ("a", "b")]
        await keep(store, *(a_report(f"L{one[-1]}", a_finding(path=one)) for one in long))
        assert (await found(store, long[0]))["path"] == [long[0]]
        assert (await found(store, long[1], whole=True))["path"] == [long[1]]
        assert (await found(store, "y" * 249))["path"] == long


class TestWhere:
    async def test_over_all_sweeps_and_of_one(self, store: Store) -> None:
        await another_sweep(store)
        await keep(store, a_report("A", a_finding("A")), a_report("B"))
        await keep(store, a_report("C", a_finding("C")), sweep_id="s2")
        assert await where(store, DAT) == [("s1", "A"), ("s2", "C")]
        assert await where(store, DAT, sweep_id="s2") == [("s2", "C")]
        assert await found(store, "A", kind="host", sweep_id="s2") == {}
        assert await found(store, "id-", sweep_id="s2") == {"id": ["id-C"]}

    async def test_a_host_of_several_reports_is_one(self, store: Store) -> None:
        await keep(store, a_report("A", a_finding("A")), a_report("A", a_finding("A")))
        await keep(store, a_report("A", a_finding("A")))
        (one,) = await store.search(Asked(text=DAT, whole=True))
        ids = [one.rows[0].term_id]
        assert (await store.spread(ids, None))[ids[0]].hosts == 1
        ((host,),) = (await store.hosts_of_terms(ids, None)).values()
        assert (host.name, host.findings, host.strength) == ("A", 1, 3)

    async def test_a_suppressed_finding_is_found_and_marked(self, store: Store) -> None:
        weak = a_finding("A", strength=Strength.WEAK, indicator="w", title="weak")
        await keep(store, a_report("A", weak), a_report("B", a_finding("B")))
        await store.suppress("s1", "w", host_key=None, reason="known", who="t")
        (one,) = await store.search(Asked(text="pandorasong.com", whole=True, kind="domain"))
        a, b = await store.hosts_of_term(one.rows[0].term_id, None)
        assert (a.name, a.findings, a.suppressed) == ("A", 1, 1)
        assert (b.name, b.findings, b.suppressed) == ("B", 1, 0)

    async def test_the_finding_that_is_linked_is_one_that_is_not_suppressed(
        self, store: Store
    ) -> None:
        strong = a_finding("A", strength=Strength.STRONG, indicator="s", title="strong")
        weak = a_finding("A", strength=Strength.WEAK, indicator="w", title="weak")
        strong.id, weak.id = str(uuid.uuid4()), str(uuid.uuid4())
        await keep(store, a_report("A", strong, weak))
        await store.suppress("s1", "s", host_key=None, reason="known", who="t")
        (one,) = await store.search(Asked(text="pandorasong.com", whole=True, kind="domain"))
        (host,) = await store.hosts_of_term(one.rows[0].term_id, None)
        assert (host.findings, host.suppressed, host.finding_id) == (2, 1, weak.id)

    async def test_of_a_host_with_many_reports_the_strongest_is_told(
        self, store: Store, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr(searching, "SHOWN_HOSTS", 1)
        monkeypatch.setattr(searching, "PAGE", 1)
        found = [a_finding("A", strength=Strength.WEAK) for _ in range(5)] + [a_finding("A")]
        reports = [a_report("A", one, report_id=str(n)) for n, one in enumerate(found)]
        await keep(store, *reports)
        (one,) = await store.search(Asked(text=DAT, whole=True))
        ids = [one.rows[0].term_id]
        ((host,),) = (await store.hosts_of_terms(ids, None)).values()
        assert (host.strength, host.report_id) == (3, "5")
        assert await store.hosts_of_term(ids[0], None) == [host]

    async def test_page_by_page_to_the_last(self, store: Store, monkeypatch: Any) -> None:
        monkeypatch.setattr(searching, "PAGE", 2)
        for name in "ABCDE":
            for _ in range(3):
                await put(store, a_report(name, a_finding(name)), sweep_id="s1")
        await all_searchable(store)
        (one,) = await store.search(Asked(text=DAT, whole=True))
        names, after = [], ("", "")
        while hosts := await store.hosts_of_term(one.rows[0].term_id, None, after=after):
            assert len(hosts) <= 2
            names += [host.name for host in hosts]
            after = (hosts[-1].sweep_id, hosts[-1].host_key)
        assert names == list("ABCDE")

    async def test_more_values_than_are_looked_at_it_says_so(
        self, store: Store, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr(searching, "MOST", 3)
        await keep(store, *(a_report(f"HOST-{n}") for n in range(5)))
        (one,) = await store.search(Asked(text="host-", kind="host"))
        assert (len(one.rows), one.full) == (3, True)
        (one,) = await store.search(Asked(text="host-", kind="host", sweep_id="s1"))
        assert (len(one.rows), one.full) == (3, True)

    async def test_of_another_sweep_what_it_has_is_not_missed_in_silence(
        self, store: Store, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr(searching, "CANDIDATES", 3)
        await another_sweep(store)
        await keep(store, *(a_report(f"HOST-{n}") for n in range(4)))
        await keep(store, a_report("HOST-9"), sweep_id="s2")
        (one,) = await store.search(Asked(text="host-", kind="host", sweep_id="s2"))
        assert one.full

    async def test_expected_hosts_that_have_not_reported_by_their_beginning(
        self, store: Store
    ) -> None:
        await store.expect("s1", ["LAB-1", "LAB-2", "PC-1"], who="t")
        await keep(store, a_report("LAB-2"))
        assert await store.names_to_report("lab", None) == ([("s1", "LAB-1")], False)
        assert await store.names_to_report("lab", "s2") == ([], False)


class TestKeeping:
    async def test_what_waits_is_counted_until_it_is_searchable(self, store: Store) -> None:
        await put(store, a_report("A"), sweep_id="s1")
        assert await store.waiting_to_be_searchable(None) == 1
        assert await store.waiting_to_be_searchable("s2") == 0
        assert await found(store, "id-a") == {}
        await all_searchable(store)
        assert await store.waiting_to_be_searchable(None) == 0
        assert await found(store, "id-a") == {"id": ["id-A"]}

    async def test_a_few_at_a_time_while_reports_come(self, store: Store, monkeypatch: Any) -> None:
        monkeypatch.setattr(searchable, "_FEW", 8)
        for name in "ABCDE":
            await put(store, a_report(name), sweep_id="s1")
        waiting = [5]
        while await Searchable(store).once(few=True):
            waiting.append(await store.waiting_to_be_searchable(None))
        assert waiting == [5, 3, 1, 0]
        assert await found(store, "id-") == {"id": ["id-A", "id-B", "id-C", "id-D", "id-E"]}

    async def test_again_from_the_first_on_changes_nothing(self, store: Store) -> None:
        await keep(store, a_report("A", a_finding("A")), a_report("B", a_finding("B")))
        ask = "SELECT * FROM occurrence ORDER BY term_id, host_key, report_id"
        count = "SELECT * FROM spread ORDER BY term_id"
        before = [tuple(row) for row in await store.database.fetch(ask)]
        counted = [tuple(row) for row in await store.database.fetch(count)]
        await store.database.transact([("UPDATE searching SET place = 0 WHERE place > 0", ())])
        await all_searchable(store)
        assert [tuple(row) for row in await store.database.fetch(ask)] == before
        assert [tuple(row) for row in await store.database.fetch(count)] == counted

    async def test_a_sweep_that_goes_takes_its_values_with_it(self, store: Store) -> None:
        await another_sweep(store)
        await keep(store, a_report("A", a_finding("A")))
        await keep(store, a_report("B", a_finding("B", path=r"C:\own.dll")), sweep_id="s2")
        await store.remove_sweep("s2", who="t", why="old")
        assert await where(store, "pandorasong.com", kind="domain") == [("s1", "A")]
        (own,) = await store.search(Asked(text=r"C:\own.dll", whole=True))
        assert await store.spread([own.rows[0].term_id], None) == {}
        await all_searchable(store)
        assert await found(store, "own.dll") == {}
        assert await found(store, "id-") == {"id": ["id-A"]}
        ((orphans,),) = await store.database.fetch(
            "SELECT COUNT(*) FROM term WHERE term_id NOT IN (SELECT term_id FROM spread)"
        )
        assert orphans == 0

    async def test_leftovers_are_looked_for_a_few_at_a_time_and_all(
        self, store: Store, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr(keeping_terms, "LEFTOVERS", 2)
        await keep(store, a_report("A", a_finding("A")))
        await store.remove_sweep("s1", who="t", why="old")
        await all_searchable(store)
        assert await store.database.fetch("SELECT value FROM term") == []

    async def test_a_report_that_goes_while_it_is_read_leaves_nothing(self, store: Store) -> None:
        report = a_report("A", a_finding("A"))
        await put(store, report, sweep_id="s1")
        found_terms, _ = terms.terms_of(report, "")
        await store.remove_sweep("s1", who="t", why="old")
        await store.make_searchable([(report.report_id, found_terms, 3)], up_to=1)
        assert await store.database.fetch("SELECT report_id FROM occurrence") == []
        assert await store.reports_not_searchable(None) == 0

    async def test_a_report_with_too_many_values_is_told(
        self, store: Store, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr(terms, "MAX_TERMS", 6)
        await keep(store, a_report("A", a_finding("A")))
        assert await store.reports_not_searchable("s1") == 1
        assert await store.reports_not_searchable("s2") == 0
        assert (await found(store, "id-a"))["id"] == ["id-A"]

    async def test_a_report_that_cannot_be_read_again_is_told_and_the_next_is_kept(
        self, store: Store
    ) -> None:
        await put(store, a_report("A"), sweep_id="s1")
        await store.database.transact([("UPDATE report SET body = ?", (gzip.compress(b"{}"),))])
        await keep(store, a_report("B"))
        assert await store.reports_not_searchable(None) == 1
        assert await found(store, "id-") == {"id": ["id-B"]}

    async def test_verify_finds_values_that_no_host_has(self, store: Store) -> None:
        await keep(store, a_report("A", a_finding("A")))
        wrong = [line async for line, is_wrong in verify(store) if is_wrong]
        assert not [line for line in wrong if "searched for" in line]
        await store.database.transact(
            [
                ("UPDATE occurrence SET host_key = 'x'", ()),
                ("UPDATE spread SET hosts = 2 WHERE term_id = (SELECT MAX(term_id) FROM term)", ()),
            ]
        )
        told = [line async for line, is_wrong in verify(store) if is_wrong]
        assert [line for line in told if "values that are searched for of hosts that" in line]
        assert "1 values that are searched for and counted wrong" in told


@given(
    text=st.text(st.characters(), max_size=40) | st.text("\"'*?%_\\()^:-+ anNOTearbc", max_size=12)
)
@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_text_is_answered(store: Store, text: str) -> None:
    for kind in (None, "path"):
        await store.search(Asked(text=text, kind=kind))
    await store.search(Asked(text=text, sweep_id="s1", whole=True))
    await store.names_to_report(text, None)


@given(value=st.text(min_size=1, max_size=30), data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_every_part_of_any_value_finds_it(store: Store, value: str, data: Any) -> None:
    report = a_report("A", a_finding("A", path=f"C:\\{value}"))
    row, _ = received(report, sweep_id="s1")
    await store.put(row)
    await all_searchable(store)
    folded = terms.fold(f"C:\\{value}")
    start = data.draw(st.integers(0, len(folded) - 1))
    part = folded[start : data.draw(st.integers(start + 1, len(folded)))]
    if terms.readings(part)[:1] != [part]:
        return  # blanks at an end, or defanged
    if text_index.has_part(await store.parts(), part) or start == 0:
        every = await store.search(Asked(text=part, kind="path"))
        assert folded in [one.folded for found in every for one in found.rows]


class TestWithoutAnIndexOfParts:
    async def test_sqlite_without_trigrams_keeps_values_and_finds_beginnings(
        self, tmp_path: Path, monkeypatch: Any
    ) -> None:
        place = tmp_path / "c.db"
        connection = writer.open_database(place)
        monkeypatch.setattr(text_index, "_has_trigrams", lambda: False)
        assert text_index.lay_sqlite(connection) is False
        connection.execute(
            "INSERT INTO term (digest, kind, value, folded) VALUES ('d', 'path', 'Abcdef', 'abcdef')"
        )
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        assert "term_text_added" not in names
        monkeypatch.undo()
        assert text_index.lay_sqlite(connection) is True
        rows = connection.execute(
            "SELECT rowid FROM term_text WHERE term_text MATCH ?",
            (text_index.matching("path", "cde"),),
        ).fetchall()
        connection.close()
        assert len(rows) == 1

    async def test_sqlite_says_so_and_finds_beginnings(self, tmp_path: Path) -> None:
        store = Store(await SqliteDatabase.open(tmp_path / "c.db"))
        await another_sweep(store, "s1")
        await store.database.transact(
            [("DROP TRIGGER term_text_added", ()), ("DROP TRIGGER term_text_removed", ())]
        )
        await keep(store, a_report("WS-0001"))
        assert await store.parts() == ""
        assert (await found(store, "ws-0"))["host"] == ["WS-0001"]
        assert "host" not in await found(store, "0001")
        await store.database.close()

    async def test_postgresql_by_a_user_who_may_not_make_the_extension(
        self, postgres_url: str
    ) -> None:
        owner = await asyncpg.connect(postgres_url)
        role = f"plain{uuid.uuid4().hex[:8]}"
        await owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
        await owner.execute(f"GRANT ALL ON SCHEMA public TO {role}")
        await owner.close()
        host = postgres_url.rpartition("@")[2]
        store = Store(await PostgresqlDatabase.open(f"postgresql://{role}:x@{host}"))
        await another_sweep(store, "s1")
        await keep(store, a_report("WS-0001", a_finding("WS-0001")))
        assert await store.parts() == ""
        assert (await found(store, "ws-0"))["host"] == ["WS-0001"]
        assert "host" not in await found(store, "0001")
        await store.database.close()
        # once somebody else has made it
        owner = await asyncpg.connect(postgres_url)
        await owner.execute("CREATE EXTENSION pg_trgm")
        await owner.close()
        store = Store(await PostgresqlDatabase.open(f"postgresql://{role}:x@{host}"))
        assert await store.parts() == "trgm"
        assert (await found(store, "0001"))["host"] == ["WS-0001"]
        await store.database.close()


async def test_the_indexes_are_used(open_store: Open, engine: str, tmp_path: Path) -> None:
    if engine != "sqlite":
        pytest.skip("PostgreSQL's plans go by the size of its tables")
    store = await open_store()
    await store.database.close()
    connection = sqlite3.connect(tmp_path / "reports.sqlite")
    head = searching._by_head("path", "c:\\a", 10, whole=False)
    whole = searching._by_head("path", "c:\\a", 10, whole=True)
    part = text_index.by_part("fts5", searching._TERM, "path", "abc", 10)
    plans = [
        " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", one.values))
        for one in (head, whole, part)
        for sql in [f"WITH c AS ({one.looked_at}) {one.sql}" if one.looked_at else one.sql]
    ]
    connection.close()
    assert "term_head (kind=? AND <expr>>? AND <expr><?)" in plans[0]
    assert "term_head (kind=? AND <expr>=?)" in plans[1]
    assert "VIRTUAL TABLE INDEX" in plans[2]
    assert "INTEGER PRIMARY KEY (rowid=?)" in plans[2]
    assert not [one for one in plans if "SCAN t " in f"{one} "]
