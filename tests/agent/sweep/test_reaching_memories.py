"""Memories that are no log: whose they are, and how far back they go."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from agent.model.host_facts import MAX_SPANS, HostFacts, LogMemory, Span
from agent.model.remembered import Behaviour, Recorded
from agent.model.report import Coverage, Report, State
from agent.output.recollection import line_of
from agent.sweep.remembered import remembered_of
from tests.evidence.execution import srum
from tests.evidence.prefetch import mam, prefetch
from tests.evidence.remembering import (
    CHROME,
    NOW,
    PREFETCH,
    another_windows,
    day,
    of,
    ordinary,
    swept,
    visits,
)

FIREWALL = "C:\\Windows\\System32\\LogFiles\\Firewall\\pfirewall.log"
HEAD = (
    "#Version: 1.5\r\n#Time Format: Local\r\n#Fields: date time action protocol src-ip dst-ip\r\n"
)
AT_NINE = "09:00:00 UTC (no private windows)"
SRUDB = "C:\\Windows\\System32\\sru\\SRUDB.dat"
USER_DATA = "C:\\Users\\jo\\AppData\\Local\\{}\\User Data\\{}\\History"


def told(source: str, facts: HostFacts, *, examined: int = 4) -> list[str]:
    """What is told of a source's memories, of the first deed that it remembers."""
    seen = Coverage(source=source, required=False, state=State.COMPLETE, examined=examined)
    found = [one for one in remembered_of([seen], facts) if one.source == source]
    return [line_of(one) for one in found if one.behaviour is found[0].behaviour]


def test_the_journal_of_each_volume_is_told() -> None:
    facts = HostFacts()
    facts.reaches["usn_journal"] = {"C:": Span(day(26), NOW), "D:": Span(day(1), NOW)}
    assert told("usn_journal", facts) == [
        "change journal of D: since 2026-11-01 09:00:00 UTC",
        "change journal of C: since 2026-11-26 09:00:00 UTC (one hour or less)",
    ]


def test_a_volume_on_which_nothing_happens_has_a_journal_all_the_same() -> None:
    facts = HostFacts(logs=[LogMemory(name="system.evtx", newest=NOW)])
    facts.reaches["usn_journal"] = {"D:": Span(day(1), day(9))}
    assert told("usn_journal", facts) == ["change journal of D: since 2026-11-01 09:00:00 UTC"]


def test_a_journal_that_is_not_there_and_one_that_does_not_tell() -> None:
    assert told("usn_journal", HostFacts(), examined=0) == [
        "change journal: not recorded (no change journal was read)"
    ]
    assert told("usn_journal", HostFacts()) == [
        "change journal: not known (how far back it goes is not known)"
    ]


def test_of_many_users_histories_the_shortest_of_the_rest_counts() -> None:
    facts = HostFacts()
    for number in range(7):
        facts.reached("browsers", f"user{number} (Edge)", day(1 + number))
    assert told("browsers", facts) == [
        *(
            f"browser history of user{one} (Edge): since 2026-11-0{1 + one} {AT_NINE}"
            for one in range(4)
        ),
        f"browser history of 3 more: since 2026-11-07 {AT_NINE[:-1]}; the youngest of them)",
    ]


def test_how_many_histories_are_kept_is_bounded() -> None:
    facts = HostFacts()
    for number in range(MAX_SPANS + 9):
        facts.reached("browsers", f"user{number}", day(1))
    assert len(facts.reaches["browsers"]) == MAX_SPANS


def test_a_memory_reaches_from_its_oldest_to_its_newest() -> None:
    facts = HostFacts()
    for number in (5, 2, 9, 7):
        facts.reached("prefetch", "", day(number))
    assert structs.astuple(facts.reaches["prefetch"][""]) == (day(2), day(9))


def test_prefetch_of_another_windows_is_no_memory_of_this_one(tmp_path: Path) -> None:
    old = PREFETCH.replace("C:\\Windows", "C:\\Windows.old\\Windows")
    files = (
        ordinary()
        | another_windows()
        | {f"{old}\\OLD.EXE-33333333.pf": mam(prefetch(runs=[day(1, 1)]))}
    )
    report = swept(tmp_path, files)
    assert of(report, "Prefetch").since == day(2, 9)
    reach = _coverage(report, "prefetch").reach
    assert reach is not None
    assert reach.oldest == day(1, 1)


def _coverage(report: Report, source: str) -> Coverage:
    return next(one for one in report.coverage if one.source == source)


@pytest.mark.parametrize(
    ("path", "whose"),
    [
        (USER_DATA.format("Google\\Chrome", "Profile 2"), "jo (Chrome, Profile 2)"),
        (USER_DATA.format("Microsoft\\Edge", "Default"), "jo (Edge)"),
        (USER_DATA.format("BraveSoftware\\Brave-Browser", "Default"), "jo (Brave)"),
    ],
)
def test_a_history_is_told_with_its_user_browser_and_profile(
    path: str, whose: str, tmp_path: Path
) -> None:
    files = {file: data for file, data in ordinary().items() if file != CHROME}
    report = swept(tmp_path, files | {path: visits(day(3), day(9))})
    assert of(report, f"browser history of {whose}").since == day(3)


@pytest.mark.parametrize(
    "path",
    [
        USER_DATA.format("Google\\Chrome", "Snapshots\\99.0\\Default"),
        "C:\\Users\\jo\\AppData\\Local\\Microsoft\\Edge\\EBWebView\\Default\\History",
        USER_DATA.format("Acme\\Shop", "Default"),
        "C:\\Windows.old\\Users\\jo\\AppData\\Local\\Google\\Chrome\\User Data\\Default\\History",
    ],
)
def test_a_copy_and_a_programs_own_window_are_no_history_that_goes_on(
    path: str, tmp_path: Path
) -> None:
    files = ordinary() | another_windows() | {path: visits(day(1, 1), day(9))}
    report = swept(tmp_path, files)
    downloads = [one for one in report.remembered if one.source == "browsers"]
    assert [(one.part, one.since) for one in downloads] == [
        ("browser history of jo (Chrome)", day(28, 8))
    ]
    assert {one.name for one in _coverage(report, "browsers").parts} == {path, CHROME}


def firewall(*lines: str) -> dict[str, bytes]:
    text = HEAD + "".join(f"{line} TCP 10.1.2.3 192.0.2.1\r\n" for line in lines)
    return ordinary() | {FIREWALL: text.encode()}


def test_of_the_firewalls_log_what_was_let_through_counts(tmp_path: Path) -> None:
    files = firewall(
        "2026-11-01 09:00:00 DROP", "2026-11-03 09:00:00 ALLOW", "2026-11-25 09:00:00 ALLOW"
    )  # fmt: skip
    assert line_of(of(swept(tmp_path / "both", files), "firewall log")) == (
        "firewall log: since 2026-11-03 09:00:00 UTC (in the host's own time)"
    )
    blocked = of(swept(tmp_path / "blocked", firewall("2026-11-01 09:00:00 DROP")), "firewall log")
    assert (blocked.state, blocked.since) == (Recorded.UNKNOWN, None)


def test_a_firewalls_log_that_ended_says_when(tmp_path: Path) -> None:
    files = firewall("2026-11-03 09:00:00 ALLOW", "2026-11-03 11:30:00 ALLOW")
    assert line_of(of(swept(tmp_path, files), "firewall log")) == (
        "firewall log: since 2026-11-03 09:00:00 UTC (3 hours only; in the host's own time); gap"
        " from 2026-11-03 11:30:00 UTC to the sweep: no record since"
    )


def test_a_firewalls_log_with_broken_lines_still_tells(tmp_path: Path) -> None:
    files = firewall("x ALLOW", "2026-11-03 09:00:00 ALLOW", "2026-11-04 09:00:00 ALLOW")
    assert of(swept(tmp_path, files), "firewall log").since == day(4)


def test_srum_tells_hours_and_never_more(tmp_path: Path) -> None:
    files = ordinary() | {
        SRUDB: srum("\\Device\\x\\rundll32.exe", b"\1" * 12, [46_000.5, 46_010.5])
    }
    report = swept(tmp_path, files)
    ran, sent = of(report, "SRUM", Behaviour.RAN), of(report, "SRUM", Behaviour.CONNECTED)
    assert ran.state is Recorded.RECORDED
    assert ran.since == sent.since
    assert ran.since is not None
    assert (ran.only, sent.only) == (
        "the hours in which a program ran",
        "how much a program sent and received",
    )
    parts = [one.part for one in report.remembered if one.behaviour is Behaviour.RAN]
    assert parts.index("SRUM") > parts.index("Security 4688")
