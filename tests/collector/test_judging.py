"""What a report is short of, by what its sweep asks for."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from collector.judging import (
    SKEW_MS,
    demand_of,
    demand_text,
    in_order,
    limits_of,
    packed,
    packed_question,
    unpacked_limits,
    usual_demand,
)
from collector.records import EVERY_LIVE, NOTHING_ASKED, Demand, Limit, NewReport, Question
from tests.collector.store.reporting import a_report

CREATED = 1_795_528_920_000
"""2026-11-24 14:02:00 UTC."""
CYZFC = ("cyzfc-2018-11", "2026.11.24", "1" * 64, 80)
ASKED = structs.replace(
    usual_demand("s1", CREATED), pack="cyzfc-2018-11", pack_version="2026.11.24"
)
ANSWER = Question(
    packs=(CYZFC,), sources=(*EVERY_LIVE, "hosts_file"), sweep_id="s1", kind="live",
)  # fmt: skip


def asked(question: Question = ANSWER, **changed: Any) -> NewReport:
    about: dict[str, Any] = {"started": CREATED + 60_000}
    about |= {k: changed.pop(k) for k in ("whole_host", "schema", "started") if k in changed}
    return a_report(question=packed_question(structs.replace(question, **changed)), **about)


def test_what_was_asked_for_is_short_of_nothing() -> None:
    assert limits_of(asked(), ASKED) == ()
    assert limits_of(asked(sweep_id=""), ASKED) == ()


@pytest.mark.parametrize(
    ("changed", "limit"),
    [
        ({"packs": ()}, Limit("pack", "none", "cyzfc-2018-11")),
        (
            {"packs": (("other", "3", "2" * 64, 5),)},
            Limit("pack", "other 3", "cyzfc-2018-11"),
        ),
        (
            {"packs": ((*CYZFC[:3], 0),)},
            Limit("pack", "cyzfc-2018-11 2026.11.24 (0 indicators)", "cyzfc-2018-11"),
        ),
        (
            {"packs": (("cyzfc-2018-11", "2026.9.30", "2" * 64, 80),)},
            Limit("pack version", "2026.9.30", "2026.11.24 or later"),
        ),
        (
            {"whole_host": False, "scope": r"paths C:\t; only files"},
            Limit("scope", r"paths C:\t; only files", "the whole host"),
        ),
        ({"whole_host": False}, Limit("scope", "a part", "the whole host")),
        (
            {"since": CREATED},
            Limit("scope", "since 2026-11-24 14:02 UTC", "all that is there"),
        ),
        (
            {"sources": ("crystal_ball",)},
            Limit("sources", "only crystal_ball", "processes, modules, connections, files"),
        ),
        (
            {"started": CREATED - 60 * 86_400_000},
            Limit("age", "2026-09-25 14:02 UTC", "2026-11-24 14:02 UTC or later"),
        ),
        ({"sweep_id": "s0"}, Limit("sweep id", "s0", "s1 or none")),
        ({"kind": "folder"}, Limit("kind", "folder", "live")),
    ],
)
def test_each_condition_says_what_was_seen_and_what_was_asked(
    changed: dict[str, Any], limit: Limit
) -> None:
    assert limits_of(asked(**changed), ASKED) == (limit,)


def test_all_conditions_at_once_are_all_told() -> None:
    report = asked(
        Question(sweep_id="s0", kind="folder", since=5), started=0, whole_host=False,
        schema="iocsweep.report/1",
    )  # fmt: skip
    told = [limit.what for limit in limits_of(report, ASKED)]
    assert told == ["pack", "scope", "scope", "schema", "sources", "sweep id", "kind", "age"]


def test_without_a_pack_nothing_counts_unless_somebody_decided_so() -> None:
    unpinned = usual_demand("s1", CREATED)
    assert limits_of(asked(), unpinned) == (
        Limit("pack", "cyzfc-2018-11 2026.11.24", "no pack was asked for"),
    )
    any_pack = structs.replace(unpinned, any_pack=True)
    assert limits_of(asked(), any_pack) == ()
    assert limits_of(asked(packs=((*CYZFC[:3], 0),)), any_pack) == (
        Limit("pack", "cyzfc-2018-11 2026.11.24 (0 indicators)", "any with an indicator"),
    )


def test_a_pinned_file_is_known_by_its_sha256_alone() -> None:
    pinned = structs.replace(ASKED, pack_sha256="1" * 64)
    assert limits_of(asked(), pinned) == ()
    edited = (("cyzfc-2018-11", "2027.1", "2" * 64, 80),)
    assert limits_of(asked(packs=edited), pinned) == (
        Limit("pack version", "SHA-256 222222222222", "SHA-256 111111111111"),
    )
    assert limits_of(asked(packs=(*edited, CYZFC)), pinned) == ()


def test_one_pack_of_several_is_enough() -> None:
    assert limits_of(asked(packs=(("other", "1", "", 3), CYZFC)), ASKED) == ()


@pytest.mark.parametrize(
    ("older", "newer"),
    [("2026.9.30", "2026.11.1"), ("1.9", "1.10"), ("1", "1.0.1"), ("v1", "v2"), ("", "0")],
)
def test_versions_are_in_the_order_that_people_mean(older: str, newer: str) -> None:
    assert in_order(older) < in_order(newer)


def test_a_clock_that_is_a_little_slow_makes_no_old_report() -> None:
    assert limits_of(asked(started=CREATED - SKEW_MS), ASKED) == ()
    assert limits_of(asked(started=CREATED - SKEW_MS - 1), ASKED) != ()


def test_a_time_that_no_calendar_has_is_told_too() -> None:
    (limit,) = limits_of(asked(started=-(1 << 62)), ASKED)
    assert limit.seen == "a time that no calendar has"


def test_of_an_earlier_collector_s_sweep_only_the_whole_host_is_asked() -> None:
    assert limits_of(asked(Question()), NOTHING_ASKED) == ()
    assert [one.what for one in limits_of(asked(Question(), whole_host=False), NOTHING_ASKED)] == [
        "scope"
    ]


@pytest.mark.parametrize("demand", [ASKED, NOTHING_ASKED, Demand()])
def test_a_demand_is_kept_as_text_and_comes_back(demand: Demand) -> None:
    assert demand_of(demand_text(demand)) == demand


def test_limits_are_kept_as_text_and_come_back() -> None:
    limits = limits_of(asked(packs=(), kind="folder"), ASKED)
    assert unpacked_limits(packed(limits)) == limits
    assert packed(()) == ""
