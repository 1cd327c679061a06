"""A closed case does not hide a hit that comes later: of both engines."""

from __future__ import annotations

import pytest

from collector.casework import MAX_NOTES, MAX_TAGS, REOPENED, CaseChange, CaseKey
from collector.reopening import NOTE, WHO, Reopener
from collector.store.database import Statement
from collector.store.migrations import Engine, migrations
from collector.store.rows import now_ms
from collector.store.store import Store
from tests.collector.store.reporting import a_finding, a_hit, a_report

pytestmark = pytest.mark.anyio
KEY = CaseKey("s1", "guid-of-pc-1|pc-1")


async def comes(store: Store, *, received: int, hit: bool = True, indicator: str = "i1") -> None:
    report = (a_hit if hit else a_report)(received=received)
    await store.put(report)
    found = [a_finding(report, indicator)] if hit else []
    await store.index(report.report_id, "s1", report.host_key, found)


async def closes(store: Store, change: CaseChange | None = None) -> int:
    """After a first hit; gives when."""
    await comes(store, received=3000)
    change = change or CaseChange(state="closed", owner="Ann", tags=("done",))
    case = await store.change_case(KEY, change, version=0, who="ann")
    assert case.changed is not None
    return case.changed


async def test_is_opened_by_a_hit_that_came_after_it_was_closed(store: Store) -> None:
    closed = await closes(store)
    reopener = Reopener(store)
    assert await reopener.once() == 0, "what had come before"
    await comes(store, received=closed + 1, hit=False)
    assert await reopener.once() == 0, "no hit"
    await comes(store, received=closed + 2)
    assert await reopener.once() == 1
    case = await store.case(KEY)
    assert (case.state, case.owner, case.changed_by) == ("new", "Ann", WHO)
    assert case.tags == ("done", REOPENED)
    assert [note.text for note in await store.notes(KEY)] == [NOTE]
    line = (await store.audit_log(sweep_id="s1"))[0]
    assert (line.who, line.action) == (WHO, "case")
    assert "state closed to new" in line.detail
    assert await store.reopened("s1") == 1
    assert await reopener.once() == 0
    await store.change_case(KEY, CaseChange(state="closed"), version=case.version, who="ann")
    assert await store.reopened("s1") == 0


async def test_not_by_what_is_suppressed_and_not_before_it_is_listed(store: Store) -> None:
    closed = await closes(store)
    await store.suppress("s1", "i2", None, reason="ours", who="ann")
    await comes(store, received=closed + 1, indicator="i2")
    report = a_hit(received=now_ms() + 10_000)
    await store.put(report)
    assert await Reopener(store).once() == 0
    await store.index(report.report_id, "s1", report.host_key, [])
    assert await Reopener(store).once() == 1, "a hit that no list has room for"


async def test_by_what_was_committed_after_it_was_closed_whenever_it_was_received(
    store: Store,
) -> None:
    closed = await closes(store)
    await comes(store, received=closed - 60_000)
    assert await Reopener(store).once() == 1
    case = await store.case(KEY)
    await store.change_case(KEY, CaseChange(state="closed"), version=case.version, who="ann")
    assert await Reopener(store).once() == 0, "what was there"


async def test_not_by_what_a_clock_ahead_received_before_it_was_closed(store: Store) -> None:
    await comes(store, received=now_ms() + 60_000)
    await store.change_case(KEY, CaseChange(state="closed"), version=0, who="ann")
    assert await Reopener(store).once() == 0


async def test_a_note_on_a_closed_case_closes_it_no_second_time(store: Store) -> None:
    closed = await closes(store)
    await comes(store, received=closed + 1)
    await store.change_case(KEY, CaseChange(note="seen?"), version=None, who="ben")
    assert await Reopener(store).once() == 1


async def test_by_a_hit_after_all_before_were_suppressed(store: Store) -> None:
    closed = await closes(store)
    await store.suppress("s1", "i1", None, reason="ours", who="ann")
    await comes(store, received=closed + 1)
    assert await Reopener(store).once() == 0, "it is covered as well"
    await comes(store, received=closed + 2, indicator="i2")
    assert await Reopener(store).once() == 1


async def test_those_closed_by_an_older_collector_are_opened_as_it_did(
    store: Store, engine: Engine
) -> None:
    closed = await closes(store)
    await comes(store, received=closed + 60_000)
    await store.database.number(10)
    await store.database.transact([("UPDATE casework SET closed_after = 0", [])])
    (statements,) = [sql for number, _, sql in migrations(engine) if number == 11]
    sql: list[Statement] = [(one, []) for one in statements if "closed_after = COALESCE" in one]
    await store.database.transact(sql)
    assert await store.database.fetch("SELECT closed_after FROM casework") == [(1,)]
    await store.database.transact([("UPDATE report SET received = 3000", []), *sql])
    assert await store.database.fetch("SELECT closed_after FROM casework") == [(2,)]


async def test_also_where_it_has_as_many_tags_and_notes_as_it_may(store: Store) -> None:
    tags = tuple(f"t{n:02}" for n in range(MAX_TAGS))
    closed = await closes(store, CaseChange(state="closed", tags=tags))
    await store.database.transact([("UPDATE casework SET notes = ?", [MAX_NOTES])])
    await comes(store, received=closed + 1)
    assert await Reopener(store).once() == 1
    case = await store.case(KEY)
    assert (case.state, case.tags, case.notes) == ("new", tags, MAX_NOTES)
