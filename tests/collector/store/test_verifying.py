"""`verify` reads every body again, and finds what a row says that no report did: of both engines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from msgspec import structs

from agent.model.report import Strength
from collector import terms
from collector.records import Sweep
from collector.searchable import Searchable
from collector.store.store import HostFilter, Store
from collector.verifying import verify
from tests.collector.pages.seed import a_finding
from tests.collector.store.conftest import Open
from tests.collector.store.test_demands import (
    PINNED,
    START,
    STARTED,
    SWEEP,
    a_part,
    checked,
    flaws,
    keep,
    swept,
)

pytestmark = pytest.mark.anyio
NAME_OF_GAP = (
    "WHERE host_key LIKE '%|gap' AND term_id ="
    " (SELECT term_id FROM term WHERE kind = 'host' AND folded = 'gap')"
)
KEY_OF_CLEAN = "(SELECT MIN(host_key) FROM host WHERE name = 'CLEAN')"


@pytest.fixture
async def fleet(open_store: Open) -> AsyncIterator[Store]:
    """A host of each state, one whose hits are suppressed, and a list with a silent one."""
    made = await open_store()
    sweep = Sweep(sweep_id=SWEEP, title="", pack="", created=STARTED, deadline=None, demand=PINNED)
    await made.create_sweep(sweep, who="test")
    names = ["HIT", "FAILED", "GAP", "PART", "CLEAN", "ASIDE", "SILENT"]
    await made.expect(SWEEP, names, who="test")
    aside = a_finding("ASIDE", strength=Strength.STRONG, indicator="other", path="x")
    await keep(
        made,
        swept("HIT", a_finding("HIT")), swept("HIT", minutes=9),
        swept("FAILED", gap="sweep was interrupted"), swept("GAP", gap="rights"),
        a_part("PART"), swept("CLEAN"), swept("CLEAN", gap="rights", minutes=1),
        swept("ASIDE", aside),
    )  # fmt: skip
    await made.suppress(SWEEP, "other", None, reason="ours", who="test")
    await made.move_cursor("siem", 3)
    yield made
    await made.database.close()


async def test_what_was_kept_as_it_came_has_no_flaw(fleet: Store) -> None:
    assert await flaws(fleet) == []
    lines = [line async for line, _ in verify(fleet)]
    assert "8 reports read again, 0 broken" in lines
    assert "0 numbers of reports are missing" in lines


async def test_reports_that_raced_or_a_clock_that_went_back_are_no_flaw(fleet: Store) -> None:
    """The one that came first was committed last."""
    for came in (STARTED + 90_000_000, STARTED + 80_000_000, STARTED + 85_000_000):
        await fleet.put(checked(swept("RACE", a_finding("RACE")), received=came))
    (row,) = await fleet.hosts(SWEEP, HostFilter(text="RACE"))
    assert row.first_hit == STARTED + 80_000_000
    assert await flaws(fleet) == []


async def test_of_several_hits_the_one_that_counts_most_is_told_whatever_else_came(
    fleet: Store,
) -> None:
    """A part of a host ended later than what was clean, and hits are held against hits alone."""
    found = a_finding("TWICE"), a_finding("TWICE", indicator="other", path="y")
    await keep(fleet, a_part("TWICE", found[0], minutes=10), swept("TWICE", minutes=5))
    later = a_part("TWICE", *found, minutes=20)
    await keep(fleet, later)
    (row,) = await fleet.hosts(SWEEP, HostFilter(text="TWICE"))
    assert (row.report_id, row.strong) == (later.report_id, 2)
    whole = swept("TWICE", found[0], minutes=3)
    await keep(fleet, whole, a_part("TWICE", *found, minutes=30), swept("TWICE", *found, minutes=2))
    (row,) = await fleet.hosts(SWEEP, HostFilter(text="TWICE"))
    assert (row.report_id, row.strong, row.state) == (whole.report_id, 1, "hit")
    assert await flaws(fleet) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            "UPDATE host SET state = 'clean' WHERE name = 'HIT'",
            "host HIT (cyzfc-2026): is listed as clean, and its reports say hit",
        ),
        (
            "UPDATE host SET state = 'clean', limited = 0, limits = '' WHERE name = 'PART'",
            "host PART (cyzfc-2026): is listed as clean, and its reports say limited",
        ),
        (
            "UPDATE host SET state = 'clean', base = 'clean' WHERE name = 'FAILED'",
            "host FAILED (cyzfc-2026): is listed as clean, and its reports say failed",
        ),
        (
            "UPDATE host SET hit = 0, state = 'clean' WHERE name = 'HIT'",
            "host HIT (cyzfc-2026): hit: listed as False, and is True",
        ),
        (
            "UPDATE host SET suppressed = 1, state = 'clean' WHERE name = 'HIT'",
            "1 hosts whose hits are said to be suppressed, and are not",
        ),
        (
            "UPDATE host SET strong = 0 WHERE name = 'HIT'",
            "0 strong and 0 weak findings are not what that report has",
        ),
        (
            "UPDATE host SET reports = 1 WHERE name = 'HIT'",
            "number of reports: listed as 1, and is 2",
        ),
        (
            "UPDATE host SET first_hit = first_hit - 1 WHERE name = 'HIT'",
            "host HIT (cyzfc-2026): first hit: listed as",
        ),
        ("UPDATE host SET trouble = NULL WHERE name = 'CLEAN'", "first hit or gap: listed as None"),
        ("DELETE FROM host WHERE name = 'GAP'", "1 reports of hosts that are not listed"),
        ("DELETE FROM report WHERE name = 'GAP'", "1 hosts that are listed without a report"),
        (
            # not the last, of which no number after it tells
            "DELETE FROM report WHERE seq = (SELECT MIN(seq) FROM report) + 1",
            "1 numbers of reports are missing",
        ),
        (
            "UPDATE report SET state = 'clean' WHERE name = 'GAP'",
            "state: listed as clean, and is incomplete",
        ),
        (
            "UPDATE report SET strong = 0 WHERE name = 'HIT' AND strong > 0",
            "strong findings: listed as 0, and is 1",
        ),
        (
            "UPDATE report SET limits = '' WHERE name = 'PART'",
            "is limited by nothing, and should be by scope",
        ),
        (
            "UPDATE report SET name = 'OTHER' WHERE name = 'GAP'",
            "is of GAP, and listed as of OTHER",
        ),
        ("UPDATE finding SET strength = 'weak' WHERE name = 'HIT'", "1 findings are not listed"),
        ("DELETE FROM finding WHERE name = 'HIT'", "1 findings are not listed as they are"),
        (
            "UPDATE finding SET suppression_id = 'x' WHERE name = 'HIT'",
            "1 findings that are set aside by no suppression in force",
        ),
        (
            "UPDATE suppression SET lifted = 1",
            "1 findings that are set aside by no suppression in force",
        ),
        ("UPDATE sink SET seq = 99", "1 outputs that are said to be beyond the last report"),
        (
            "UPDATE expected SET seen = 1 WHERE name = 'SILENT'",
            "silent is listed as if it had answered",
        ),
        (
            "UPDATE expected SET seen = 1 WHERE name = 'PART'",
            "part is listed as if it had answered",
        ),
        (
            "UPDATE expected SET seen = 0 WHERE name = 'CLEAN'",
            "1 expected hosts have reported, and are not listed so",
        ),
        (
            "UPDATE host SET sources = '10.9.9.9', flagged = 0 WHERE name = 'HIT'",
            "its senders are not those of its reports",
        ),
        ("DELETE FROM sweep", "hosts of a sweep that is not there"),
    ],
)  # fmt: skip
async def test_what_somebody_changed_is_found(fleet: Store, change: str, told: str) -> None:
    if change == "DELETE FROM sweep":
        await fleet.database.transact([("DELETE FROM expected", ()), ("DELETE FROM token", ())])
    await fleet.database.number(100)
    (rows,) = await fleet.database.transact([(change, ())])
    assert rows
    found = await flaws(fleet)
    assert any(told in line for line in found), found


async def test_a_report_that_was_exchanged_is_found(fleet: Store) -> None:
    (row,) = await fleet.database.fetch("SELECT report_id FROM report WHERE name = 'GAP'")
    other = checked(swept("GAP", report_id=str(row[0]), minutes=7))
    await fleet.database.transact(
        [("UPDATE report SET body = ? WHERE report_id = ?", (other.body, other.report_id))]
    )
    assert f"report {other.report_id}: is not what was acknowledged" in await flaws(fleet)


async def test_a_body_that_cannot_be_read_is_told_and_the_others_are_read(fleet: Store) -> None:
    await fleet.database.transact([("UPDATE report SET body = ? WHERE name = 'GAP'", (b"x",))])
    found = await flaws(fleet)
    assert len(found) == 1
    assert "broken gzip" in found[0]


async def test_of_two_that_ended_at_one_time_either_may_count(fleet: Store) -> None:
    one, other = swept("TIE", minutes=20), swept("TIE", minutes=20, gap="rights")
    await keep(fleet, one, other)
    assert await flaws(fleet) == []
    await fleet.edit_sweep(SWEEP, structs.replace(PINNED, pack_version=""), who="ann")
    async for _ in fleet.judge_again(SWEEP):
        pass
    (row,) = await fleet.hosts(SWEEP, HostFilter(text="TIE"))
    assert row.state == "incomplete", "whichever has the lesser id"
    assert await flaws(fleet) == []


async def test_what_is_being_judged_again_is_no_flaw(fleet: Store) -> None:
    await fleet.edit_sweep(SWEEP, structs.replace(PINNED, pack="another"), who="ann")
    assert await flaws(fleet) == []


async def test_a_host_that_moved_is_the_one_that_it_says_now(fleet: Store) -> None:
    await fleet.expect(SWEEP, ["moved.old.example", "moved.new.example"], who="test")
    for minutes, domain in ((3, "old.example"), (4, "new.example")):
        report = swept("moved", minutes=minutes)
        report.host.domain = domain
        report.finished = START + timedelta(minutes=minutes)
        await keep(fleet, report)
    assert await flaws(fleet) == []
    assert (await fleet.counts(SWEEP)).not_reported == 2, "it is the new one, as it is listed"


@pytest.fixture
async def searchable(fleet: Store) -> Store:
    while await Searchable(fleet).once():
        pass
    return fleet


async def test_values_that_can_be_searched_for_are_those_of_the_bodies(searchable: Store) -> None:
    assert await flaws(searchable) == []
    await keep(searchable, swept("LATE", a_finding("LATE"), minutes=2))
    assert await flaws(searchable) == [], "it waits"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            "DELETE FROM occurrence WHERE host_key LIKE '%|hit' AND findings > 0",
            "values cannot be searched for: ",
        ),
        (
            f"DELETE FROM occurrence {NAME_OF_GAP}",
            "1 values cannot be searched for: host GAP",
        ),
        (
            f"UPDATE occurrence SET host_key = {KEY_OF_CLEAN} {NAME_OF_GAP}",
            "host CLEAN (cyzfc-2026): 1 values are searched for that no report of it says",
        ),
        (
            "UPDATE occurrence SET finding_ids = 'x' WHERE findings > 0 AND host_key LIKE '%|hit'",
            "values are not searched for as it says them",
        ),
        (
            "UPDATE term SET folded = 'nobody' WHERE kind = 'host' AND folded = 'gap'",
            "1 values are not searched for as it says them",
        ),
        (
            "UPDATE spread SET strength = 1 WHERE strength > 1",
            "values that are searched for as of another strength",
        ),
    ],
)  # fmt: skip
async def test_what_is_searched_for_and_no_body_says_is_found(
    searchable: Store, change: str, told: str
) -> None:
    (rows,) = await searchable.database.transact([(change, ())])
    assert rows
    found = await flaws(searchable)
    assert any(told in line for line in found), found


async def test_values_beyond_those_that_are_kept_must_be_told(
    searchable: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terms, "MAX_TERMS", 8)
    cut = swept("MANY", *(a_finding("MANY", path=f"p{n}") for n in range(9)), minutes=2)
    await keep(searchable, cut)
    while await Searchable(searchable).once():
        pass
    mine = f"report {cut.report_id}: "
    assert [line for line in await flaws(searchable) if line.startswith(mine)] == []
    await searchable.database.transact([("DELETE FROM unsearchable", ())])
    (line,) = [line for line in await flaws(searchable) if line.startswith(mine)]
    assert line.endswith("values more than are kept, and that is not told")
