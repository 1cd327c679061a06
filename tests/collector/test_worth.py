"""What a clean is worth, as the collector keeps it of each report."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from agent.model.remembered import Behaviour, Recorded, Remembered
from agent.model.report import PackRef, Report, Scope
from collector.worth import band_of, unpacked_worth, users_of_hit, worth_of
from tests.collector.pages.seed import a_finding, a_report

DAY = timedelta(days=1)


def memory(
    report: Report, behaviour: Behaviour, age: timedelta | None, *, only: str = "",
    state: Recorded = Recorded.RECORDED,
) -> Remembered:  # fmt: skip
    return Remembered(
        behaviour=behaviour, state=state, since=None if age is None else report.started - age,
        source="prefetch", part="Prefetch", only=only,
    )  # fmt: skip


def test_names_the_packs_that_had_indicators_and_how_far_the_question_went() -> None:
    report = a_report()
    report.packs.append(PackRef(id="empty", version="1", sha256="0" * 64, indicators=0))
    worth = unpacked_worth(worth_of(report))
    assert worth.packs == (("cyzfc-2018-11", "2026.11.24", 80),)
    assert (worth.more_packs, worth.scope, worth.remembers) == (0, "", "")
    report.scope = Scope(whole_host=False, limited_to=[r"C:\t"])
    report.since = report.started - 10 * DAY
    assert unpacked_worth(worth_of(report)).scope == r"C:\t; the last 10 days"


def test_remembers_by_the_oldest_memory_that_is_sure() -> None:
    report = a_report()
    report.remembered = [
        memory(report, Behaviour.RAN, 3 * DAY),
        memory(report, Behaviour.RAN, 45 * DAY),
        memory(report, Behaviour.RAN, 400 * DAY, only="services"),
        memory(report, Behaviour.LOADED, None),
        memory(report, Behaviour.RESOLVED, 9 * DAY, state=Recorded.UNKNOWN),
    ]
    assert unpacked_worth(worth_of(report)).remembers == "40--0-"


@pytest.mark.parametrize(
    ("age", "band"),
    [(-DAY, "1"), (DAY / 2, "1"), (DAY, "2"), (7 * DAY, "3"), (30 * DAY, "4"), (90 * DAY, "5")],
)
def test_bands_end_before_their_day(age: timedelta, band: str) -> None:
    assert band_of(age) == band


def test_what_a_report_claims_stays_small_and_printable() -> None:
    report = a_report()
    report.packs = [
        PackRef(id="\u202e" + "ü" * 900, version="\0" * 900, sha256="", indicators=1)
    ] * 50
    report.scope = Scope(whole_host=False, limited_to=["ß" * 5000] * 9)
    report.started = datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))
    report.since = datetime.max  # noqa: DTZ901 - as a report may say it
    report.remembered = [memory(a_report(), Behaviour.RAN, DAY)]
    text = worth_of(report)
    assert len(text.encode()) < 1600
    assert unpacked_worth(text).more_packs == 46
    assert "\u202e" not in text


def test_a_text_that_cannot_be_read_says_nothing() -> None:
    assert unpacked_worth("{") == unpacked_worth("")


def test_users_are_those_of_what_makes_the_hit() -> None:
    assert users_of_hit(a_report()) == ""
    assert users_of_hit(a_report("H", a_finding())) == r"CORP\jo, jo"
    many = []
    for number in range(9):
        finding = a_finding(path=str(number))
        assert finding.process is not None
        assert finding.process.user is not None
        finding.process.user.name = f"u{number}\x1b"
        finding.evidence = []
        many.append(finding)
    assert users_of_hit(a_report("H", *many)) == r"u0\x1b, u1\x1b, u2\x1b and more"
