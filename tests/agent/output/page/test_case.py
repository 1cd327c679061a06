"""Several reports on one page: who had what, and who was first."""

from __future__ import annotations

from datetime import timedelta

from msgspec import structs

from agent.model.codec import encode
from agent.model.observation import Claim, moments
from agent.model.report import Report, Strength
from agent.output.page import is_made_here, page_of
from agent.output.page.case import BEHAVIOURS, first_of, seen_on
from agent.output.page.told import Told
from tests.evidence.reports import NOW, finding, report

from .reading import Read


def one(host: str, claim: Claim, days: int, strength: Strength = Strength.CONFIRMED) -> Report:
    """A report of a host that this was seen on, so many days ago."""
    found = finding(strength)
    time = NOW - timedelta(days=days)
    found.first_seen = found.last_seen = time
    found.evidence[0].claim = claim
    found.evidence[0].moments = [*moments(happened=time)]
    told = report(found, host=host)
    told.host.id = host
    return structs.replace(told, report_id=host)


def read(*told: Report) -> Read:
    return Read(page_of([Told(each, encode(each), f"{each.host.name}.json") for each in told]))


LATE, EARLY = one("late", Claim.RAN, 1), one("early", Claim.LOADED, 9)
WEAK = one("weak", Claim.RAN, 90, Strength.WEAK)
CLEAN, GAP = report(host="clean"), report(gap="access denied", host="gap")


def test_hits_come_first_and_of_them_who_was_first() -> None:
    rows = read(CLEAN, LATE, structs.replace(GAP, report_id="gap"), EARLY).rows["hosts-table"]
    assert [row[0] for row in rows] == ["Computer", "early", "late", "gap", "clean"]
    assert [row[1] for row in rows[1:]] == ["hit", "hit", "incomplete", "clean"]
    assert rows[1][2] == "2026-11-15 14:02:00 UTC"


def test_numbers_are_those_of_the_reports() -> None:
    told = read(LATE, EARLY, WEAK)
    assert [told.by_id[f"n-{name}"] for name in ("reports", "computers", "hit", "clean")] == [
        "3", "3", "2", "1",
    ]  # fmt: skip
    rows = {row[0]: row[3:7] for row in told.rows["hosts-table"]}
    assert rows["late"] == ["1", "0", "0", "0"]
    assert rows["weak"] == ["0", "0", "1", "0"]
    assert "found on 2 of 3 computers" in told.text


def test_who_did_what_first() -> None:
    rows = {row[0]: row[1:] for row in read(LATE, EARLY, WEAK).rows["behaviours-table"]}
    heads = [name for name, _ in BEHAVIOURS]
    assert rows["Computer"] == heads
    ran, loaded = heads.index("Program ran"), heads.index("Library loaded")
    assert rows["late"][ran] == "2026-11-23 14:02:00 UTC first confirmed"
    assert rows["early"][loaded] == "2026-11-15 14:02:00 UTC first confirmed"
    assert rows["weak"][ran] == "2026-08-26 14:02:00 UTC weak", "a weak one is never the first"
    assert rows["early"][ran] == "none seen"


def test_what_could_not_be_looked_at_is_not_told_as_absent() -> None:
    rows = {
        row[0]: row[1:]
        for row in read(LATE, structs.replace(GAP, report_id="g")).rows["behaviours-table"]
    }
    assert set(rows["gap"]) == {"none seen*"}


def test_a_stronger_sighting_counts_before_an_earlier_one() -> None:
    told = one("x", Claim.RAN, 1)
    weak = structs.replace(
        told.findings[0].evidence[0],
        strength=Strength.WEAK,
        moments=[*moments(happened=NOW - timedelta(9))],
    )
    told.findings[0].evidence.append(weak)
    seen = seen_on(told)[2]
    assert seen is not None
    assert seen.strength is Strength.CONFIRMED
    assert seen.first == NOW - timedelta(1)


def test_what_is_excluded_is_nobodys_deed() -> None:
    told = one("x", Claim.RAN, 1, Strength.EXCLUDED)
    assert seen_on(told) == [None] * len(BEHAVIOURS)
    assert first_of(told) is None


def test_every_claim_is_a_behaviour_once() -> None:
    claims = [claim for _, some in BEHAVIOURS for claim in some]
    assert len(claims) == len(set(claims))
    assert set(claims) == {*Claim, None}


def test_a_case_holds_its_reports_and_is_known_again() -> None:
    told = [Told(each, encode(each), f"{each.host.name}.json") for each in (LATE, EARLY, CLEAN)]
    data = page_of(told)
    assert is_made_here(data)
    assert len(Read(data).scripts) == 3
    assert len(set(Read(data).ids)) == len(Read(data).ids)
    for each in told:
        assert each.sha256 in Read(data).text
