"""What a clean verdict is worth, in words that a tired reader understands."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from agent.model.remembered import Behaviour, MemoryGap, Recorded, Remembered
from agent.output.recollection import line_of, recollection, where


def day(number: int) -> datetime:
    return datetime(2026, 11, number, 9, tzinfo=timezone.utc)


def memory(part: str, since: int = 1, state: str = "recorded", **more: Any) -> Remembered:
    return Remembered(
        behaviour=Behaviour.RAN, state=Recorded(state), source="x", part=part,
        since=day(since) if state == "recorded" else None, **more,
    )  # fmt: skip


def unknown(part: str, why: str) -> Remembered:
    return memory(part, state="unknown", why=why)


def absent(part: str, why: str, only: str = "") -> Remembered:
    return memory(part, state="not_recorded", why=why, only=only)


def test_of_many_memories_the_first_are_named() -> None:
    assert where([memory("A"), memory("B", 2), memory("C", 3)]) == (
        "in A since 2026-11-01, in B since 2026-11-02 and in C since 2026-11-03"
    )
    assert where([memory("A"), memory("B", 2), memory("C", 3), memory("D", 4)]) == (
        "in A since 2026-11-01, in B since 2026-11-02 and 2 more"
    )


def test_what_tells_a_part_alone_comes_behind_and_says_so() -> None:
    part = memory("System 1014", 2, only="names that no server answered")
    assert where([memory("A"), part]) == (
        "in A since 2026-11-01; names that no server answered also in System 1014 since 2026-11-02"
    )
    assert where([part, absent("B", "B has no log here")]) == (
        "nowhere for sure (B has no log here); names that no server answered: in System 1014 since"
        " 2026-11-02"
    )


def test_what_is_not_known_is_never_said_to_be_nowhere() -> None:
    told = [unknown("B", "none among 3"), unknown("C", "none among 3"), absent("D", "off")]
    assert where(told) == "not known whether in B or C (none among 3)"
    assert where([memory("A"), *told]) == (
        "in A since 2026-11-01; not known whether also in B or C (none among 3)"
    )
    assert where([unknown("B", "x"), unknown("C", "y")]) == (
        "not known whether in B (x) or in C (y)"
    )


def test_what_tells_a_part_alone_makes_nothing_doubtful_where_it_is_not_known() -> None:
    part = unknown("SRUM", "srum was not asked")
    part.only = "the hours in which a program ran"
    assert where([part, absent("A", "A has no log here")]) == "nowhere for sure (A has no log here)"
    assert where([memory("A"), part]) == "in A since 2026-11-01"


def test_a_reason_that_names_its_memory_is_not_named_twice() -> None:
    told = [absent("Sysmon 1", "Sysmon has no log here"), absent("Security 4688", "not audited")]
    assert where(told) == ("nowhere for sure (Sysmon has no log here; Security 4688: not audited)")


def test_gaps_are_told_in_few_words_and_many_by_their_number() -> None:
    cleared, ended = MemoryGap(end=day(2), why="cleared"), MemoryGap(start=day(9), why="off")
    lost = MemoryGap(start=day(3), end=day(5), why="9 records are missing")
    short = MemoryGap(start=day(6), end=day(6), why="the clock was set back")
    assert where([memory("A", gaps=[cleared, lost])]) == (
        "in A since 2026-11-01 (cleared on 2026-11-02; 9 records are missing between 2026-11-03 and"
        " 2026-11-05)"
    )
    assert where([memory("A", gaps=[short, ended])]) == (
        "in A from 2026-11-01 to 2026-11-09 (the clock was set back on 2026-11-06; off)"
    )
    assert where([memory("A", gaps=[cleared, lost, lost, short])]) == (
        "in A since 2026-11-01 (4 gaps, the last: the clock was set back on 2026-11-06)"
    )


def test_gaps_of_one_kind_are_told_together() -> None:
    back = [
        MemoryGap(start=day(start), end=day(end), why="the clock was set back")
        for start, end in ((3, 3), (5, 7))
    ]
    assert where([memory("A", gaps=back)]) == (
        "in A since 2026-11-01 (the clock was set back on 2026-11-03 and between 2026-11-05 and"
        " 2026-11-07)"
    )


def test_where_nothing_is_known_of_any_one_line_says_it() -> None:
    told = [unknown("A", "a was not asked"), unknown("B", "a was not asked")]
    assert recollection(told) == [("all of it", "not known (a was not asked)")]
    assert recollection([*told, absent("C", "off")]) == [
        ("run", "not known whether in A or B (a was not asked)")
    ]
    assert recollection([absent("A", "off")]) == [("run", "nowhere for sure (A: off)")]
    assert recollection([]) == []


def test_a_host_that_writes_names_cannot_write_on_the_console() -> None:
    told = memory("history of \x1b[2Jjo", why="\x1b[2J", only="\x1b]0;x\x07")
    assert "\x1b" not in where([told])
    assert "\x1b" not in line_of(told)
