"""Cases: what was changed is told, written down, and never silently overwritten; on both engines."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from collector.casework import (
    MAX_NOTES,
    MAX_TAGS,
    CaseChange,
    CaseError,
    CaseKey,
    checked_change,
)
from collector.records import Sweep
from collector.store.casework import CaseFilter, Conflict
from collector.store.database import StoreError
from collector.store.sqlite import SqliteDatabase
from collector.store.store import HostFilter, Store
from collector.verifying import verify
from tests.collector.store.conftest import Open
from tests.collector.store.reporting import a_finding, a_hit, a_report

pytestmark = pytest.mark.anyio


async def hosts(store: Store, *names: str) -> list[CaseKey]:
    """Hosts with a hit each."""
    keys = []
    for name in names:
        report = a_hit(name)
        await store.put(report)
        keys.append(CaseKey("s1", report.host_key))
    return keys


async def names(store: Store, **case: str | bool) -> list[str]:
    chosen = HostFilter(case=CaseFilter(**case))  # type: ignore[arg-type]
    return [row.name for row in await store.hosts("s1", chosen)]


class TestAChange:
    async def test_is_told_and_its_notes_say_who_and_when(self, store: Store) -> None:
        (key,) = await hosts(store, "PC-1")
        assert (await store.case(key)).untouched
        change = checked_change(
            state="triaged", owner="Jo", tags=["VIP", "dc", "a\\%_"], note="a\r\nb"
        )
        case = await store.change_case(key, change, version=0, who="Ann")
        assert (case.state, case.owner, case.tags, case.notes, case.version, case.changed_by) == (
            "triaged", "Jo", ("a\\%_", "dc", "vip"), 1, 1, "Ann",
        )  # fmt: skip
        await store.change_case(key, CaseChange(note="second"), version=None, who="SOAR")
        notes = await store.notes(key)
        assert [(n.number, n.who, n.text) for n in notes] == [
            (1, "Ann", "a\nb"), (2, "SOAR", "second"),
        ]  # fmt: skip
        assert notes[0].at <= notes[1].at
        assert [n.text for n in await store.notes(key, latest=1)] == ["second"]
        assert (await store.case(key)).version == 2

    async def test_is_audited_with_what_was_before(self, store: Store) -> None:
        (key,) = await hosts(store, "PC-1")
        await store.change_case(key, CaseChange(state="triaged"), version=0, who="Ann")
        change = CaseChange(state="closed", tags=("vip",), note="gone")
        await store.change_case(key, change, version=1, who="Jo")
        rows = [row for row in await store.audit_log(sweep_id="s1") if row.action == "case"]
        assert {(row.who, row.subject, row.detail) for row in rows} == {
            ("Ann", f"s1 {key.host_key}", "state new to triaged"),
            ("Jo", f"s1 {key.host_key}",
             "state triaged to closed; tags none to vip; note: gone"),
        }  # fmt: skip

    async def test_that_changes_nothing_is_none(self, store: Store) -> None:
        (key,) = await hosts(store, "PC-1")
        case = await store.change_case(key, CaseChange(state="new", owner=""), version=0, who="A")
        assert case.version == 0
        assert await store.cases("s1") == []

    async def test_on_an_older_version_is_refused_and_what_is_there_told(
        self, store: Store
    ) -> None:
        (key,) = await hosts(store, "PC-1")
        await store.change_case(key, CaseChange(owner="Jo"), version=0, who="Jo")
        for version in (0, 2, 7):
            with pytest.raises(Conflict) as told:
                await store.change_case(
                    key, CaseChange(owner="Ann", note="mine"), version=version, who="Ann"
                )
            assert told.value.case.owner == "Jo"
        assert await store.notes(key) == []
        with pytest.raises(CaseError, match="version"):
            await store.change_case(key, CaseChange(owner="Ann"), version=None, who="Ann")
        log = await store.audit_log(sweep_id="s1")
        assert [row.detail for row in log if row.action == "case"] == ["owner none to Jo"]

    async def test_at_one_time_with_others_one_takes_effect(self, store: Store) -> None:
        (key,) = await hosts(store, "PC-1")
        for version in range(3):
            done = await asyncio.gather(
                *(
                    store.change_case(
                        key, CaseChange(owner=f"{version} {n}", tags=(f"t{n}",), note=f"{n}"),
                        version=version, who=f"{n}",
                    )
                    for n in range(8)
                ),
                return_exceptions=True,
            )  # fmt: skip
            assert Counter(type(one).__name__ for one in done) == {"Case": 1, "Conflict": 7}
            case = await store.case(key)
            (won,) = (one for one in done if not isinstance(one, BaseException))
            assert case == won
        assert [n.number for n in await store.notes(key)] == [1, 2, 3]
        rows = await store.database.fetch("SELECT tag FROM case_tag")
        assert [str(tag) for (tag,) in rows] == list(case.tags)

    async def test_notes_at_one_time_are_all_kept(self, store: Store) -> None:
        (key,) = await hosts(store, "PC-1")
        await asyncio.gather(
            *(
                store.change_case(key, CaseChange(note=f"n{n}"), version=None, who="SOAR")
                for n in range(20)
            )
        )
        notes = await store.notes(key)
        assert [n.number for n in notes] == list(range(1, 21))
        assert {n.text for n in notes} == {f"n{n}" for n in range(20)}


class TestBounds:
    @pytest.mark.parametrize(
        ("fields", "told"),
        [
            ({"state": "done"}, "none of new, triaged, contained, closed"),
            ({"owner": "x" * 101}, "owner is longer than 100"),
            ({"owner": "a\nb"}, "cannot be shown"),
            ({"note": "x" * 2001}, "note is longer than 2,000"),
            ({"note": "a\0b"}, "cannot be shown"),
            ({"note": "\ud800"}, "cannot be shown"),
            ({"tags": ["two words"]}, "without blanks"),
            ({"tags": [""]}, "without blanks"),
            ({"tags": ["x" * 41]}, "longer than 40"),
            ({"tags": [f"t{n}" for n in range(MAX_TAGS + 1)]}, "at most 16 tags"),
        ],
    )
    def test_are_told(self, fields: dict[str, str], told: str) -> None:
        with pytest.raises(CaseError, match=told):
            checked_change(**fields)

    async def test_notes_are_no_more_than_they_may(self, store: Store) -> None:
        (key,) = await hosts(store, "PC-1")
        await store.change_case(key, CaseChange(note="first"), version=None, who="A")
        await store.database.transact([(f"UPDATE casework SET notes = {MAX_NOTES}", [])])
        for version in (None, 1):
            with pytest.raises(CaseError, match="at most 500 notes"):
                await store.change_case(key, CaseChange(note="more"), version=version, who="A")
        case = await store.change_case(key, CaseChange(state="closed"), version=1, who="A")
        assert case.state == "closed"


class TestAFinding:
    async def test_keeps_its_case_when_a_later_report_tells_it_again(self, store: Store) -> None:
        first = a_hit("PC-1")
        await store.put(first)
        found = a_finding(first)
        await store.index(first.report_id, "s1", first.host_key, [found])
        key = CaseKey("s1", first.host_key, found.finding_id)
        await store.change_case(key, CaseChange(state="contained"), version=0, who="Jo")
        later = a_hit("PC-1", finished=9000)
        await store.put(later)
        await store.index(later.report_id, "s1", later.host_key, [a_finding(later)])
        cases = await store.cases_of_findings("s1", later.host_key, [found.finding_id])
        assert cases[found.finding_id].state == "contained"
        assert await store.cases_of_hosts("s1", [later.host_key]) == {}
        on = await store.cases_on_hosts("s1", [later.host_key])
        assert list(on) == [(later.host_key, found.finding_id)]
        assert await names(store, state="contained") == []


class TestTheHosts:
    async def test_are_filtered_by_state_owner_and_tag(self, store: Store) -> None:
        one, two, three, _ = await hosts(store, "PC-1", "PC-2", "PC-3", "PC-4")
        await store.change_case(one, CaseChange(owner="Jo Doe", tags=("vip",)), version=0, who="A")
        await store.change_case(two, CaseChange(state="triaged"), version=0, who="A")
        await store.change_case(
            three, CaseChange(state="triaged", owner="jo doe"), version=0, who="A"
        )
        assert await names(store, state="new") == ["PC-1", "PC-4"]
        assert await names(store, state="triaged") == ["PC-2", "PC-3"]
        assert await names(store, owner="JO DOE") == ["PC-1", "PC-3"]
        assert await names(store, nobody=True) == ["PC-2", "PC-4"]
        assert await names(store, state="new", nobody=True) == ["PC-4"]
        assert await names(store, tag="VIP") == ["PC-1"]
        assert await names(store, state="triaged", owner="Jo Doe") == ["PC-3"]
        found = await store.cases("s1", CaseFilter(owner="jo doe"))
        assert [case.host_key for case in found] == [one.host_key, three.host_key]
        assert len(await store.cases("s1", CaseFilter(tag="vip"))) == 1
        assert await store.cases("s1", after=three) == []

    async def test_counts_say_how_many_hits_are_nobody_s(self, store: Store) -> None:
        one, two, _ = await hosts(store, "PC-1", "PC-2", "PC-3")
        await store.put(clean := a_report("PC-9"))
        await store.change_case(one, CaseChange(owner="Jo"), version=0, who="A")
        await store.change_case(two, CaseChange(tags=("vip",)), version=0, who="A")
        await store.change_case(
            CaseKey("s1", clean.host_key), CaseChange(owner="Jo"), version=0, who="A"
        )
        counts = await store.counts("s1")
        assert (counts.hit, counts.taken, counts.unowned) == (3, 1, 2)


class TestWhatIsKept:
    async def test_goes_with_the_sweep_and_is_told_before(self, store: Store) -> None:
        one, two = await hosts(store, "PC-1", "PC-2")
        await store.create_sweep(
            Sweep(sweep_id="s2", title="", pack="", created=1, deadline=None), who="t"
        )
        for key in (one, two):
            await store.change_case(key, CaseChange(tags=("vip",), note="n"), version=0, who="A")
        kept = await store.holdings("s1")
        assert (kept.cases, kept.notes) == (2, 2)
        await store.remove_sweep("s2", who="t", why="test")
        assert len(await store.cases("s1")) == 2
        await store.remove_sweep("s1", who="t", why="test")
        for table in ("casework", "case_note", "case_tag"):
            assert await store.database.fetch(f"SELECT * FROM {table}") == []

    async def test_is_there_when_it_is_opened_again(self, open_store: Open, store: Store) -> None:
        (key,) = await hosts(store, "PC-1")
        await store.change_case(key, CaseChange(note="kept"), version=None, who="A")
        await store.database.close()
        again = await open_store()
        assert [n.text for n in await again.notes(key)] == ["kept"]
        await again.database.close()

    async def test_is_in_a_backup(self, tmp_path: Path) -> None:
        store = Store(await SqliteDatabase.open(tmp_path / "collector.db"))
        await store.create_sweep(
            Sweep(sweep_id="s1", title="", pack="", created=1, deadline=None), who="t"
        )
        (key,) = await hosts(store, "PC-1")
        await store.change_case(key, CaseChange(tags=("vip",), note="kept"), version=0, who="A")
        assert isinstance(store.database, SqliteDatabase)
        await store.database.backup(tmp_path / "copy.db")
        await store.database.close()
        copy = Store(await SqliteDatabase.open(tmp_path / "copy.db"))
        assert [note.text for note in await copy.notes(key)] == ["kept"]
        assert (await copy.case(key)).tags == ("vip",)
        assert [line async for line, wrong in verify(copy) if wrong and "case" in line] == []
        await copy.database.close()

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ("DELETE FROM case_note", "1 cases whose notes are not all there"),
            ("UPDATE casework SET notes = 0", "1 notes and tags of no case"),
            ("UPDATE casework SET tags = ''", "2 notes and tags of no case"),
            ("UPDATE casework SET host_key = 'gone'", "1 cases of hosts that are not listed"),
        ],
    )
    async def test_is_verified(self, store: Store, change: str, told: str) -> None:
        (key,) = await hosts(store, "PC-1")
        change_ = CaseChange(tags=("a\\%_", "vip"), note="n")
        await store.change_case(key, change_, version=0, who="A")
        before = [line async for line, wrong in verify(store) if wrong and "case" in line]
        assert before == []
        await store.database.transact([(change, [])])
        assert told in [line async for line, wrong in verify(store) if wrong]

    async def test_a_state_that_is_none_no_engine_keeps(self, store: Store) -> None:
        (key,) = await hosts(store, "PC-1")
        await store.change_case(key, CaseChange(owner="Jo"), version=0, who="A")
        with pytest.raises(StoreError):
            await store.database.transact([("UPDATE casework SET state = 'x'", [])])
