"""Who saw a finding, and when: no source is hidden by another, and each time says what it is of."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from msgspec import structs

from agent.model.observation import Moment, MomentOf, Place, moments
from agent.model.report import Evidence, Finding, Strength
from agent.output.console import MAX_EVIDENCE, render
from tests.evidence.reports import finding, report

RAN = datetime(2018, 11, 14, 18, 3, 49, tzinfo=timezone.utc)


def seen(source: str, place: str, seen: str = "what", **more: Any) -> Evidence:
    return Evidence(
        source=source,
        seen=seen,
        indicator="i",
        strength=Strength.STRONG,
        place=Place(text=place),
        **more,
    )


def of(*evidence: Evidence, **changed: Any) -> Finding:
    made = structs.replace(finding(), **changed)
    made.evidence = list(evidence)
    return made


def lines_of(found: Finding) -> list[str]:
    block = render(report(found), width=300).partition("seen by        ")[2].partition("\n\n")[0]
    return [line.strip() for line in block.splitlines()]


def test_one_line_of_each_source_comes_before_the_second_of_any() -> None:
    logs = [seen("event_logs", f"record {n}") for n in range(MAX_EVIDENCE + 2)]
    lines = lines_of(of(*logs, seen("registry", "Run"), seen("prefetch", "RUNDLL32.pf")))
    assert [line.split()[0] for line in lines[:4]] == [
        "event_logs", "registry", "prefetch", "event_logs",
    ]  # fmt: skip
    assert len(lines) == MAX_EVIDENCE + 1
    assert lines[-1] == "… and 4 more in the report"


def test_no_source_is_left_out_however_many_there_are() -> None:
    many = [seen(f"source_{n}", f"place {n}") for n in range(MAX_EVIDENCE + 3)]
    lines = lines_of(of(*many))
    assert [line.split()[0] for line in lines] == [one.source for one in many]


def test_a_time_says_what_it_is_of_to_the_second() -> None:
    lines = lines_of(
        of(
            seen("prefetch", "@a", moments=[*moments(ran=RAN)]),
            seen("files", "@b", moments=[*moments(created=RAN, modified=RAN + timedelta(days=1))]),
            seen("event_logs", "@c", moments=[*moments(logged=RAN)]),
            seen("hosts_file", "@d", moments=[*moments(happened=RAN)]),
        )
    )
    assert lines == [
        "prefetch     ran 2018-11-14 18:03:49 UTC   what   @a",
        "files        created 2018-11-14 18:03:49 UTC   what   @b",
        "event_logs   logged 2018-11-14 18:03:49 UTC   what   @c",
        "hosts_file   2018-11-14 18:03:49 UTC   what   @d",
    ]


def test_a_time_of_last_access_is_not_told_as_when_it_was_seen() -> None:
    (line,) = lines_of(of(seen("files", "@a", moments=[Moment(time=RAN, of=MomentOf.ACCESSED)])))
    assert line == "files        what   @a"


def test_two_events_of_one_second_in_two_places_are_two_lines() -> None:
    times = list(moments(ran=RAN))
    assert len(lines_of(of(*(seen("event_logs", p, moments=times) for p in ("@a", "@b"))))) == 2


def test_what_was_created_is_not_one_line_with_what_ran_then() -> None:
    ran, created = list(moments(ran=RAN)), list(moments(created=RAN))
    found = of(seen("x", "@a", moments=ran), seen("x", "@a", "other", moments=created))
    assert len(lines_of(found)) == 2


def test_the_first_and_the_last_time_of_a_finding_are_told() -> None:
    last = RAN + timedelta(minutes=7, seconds=3)
    text = render(report(of(first_seen=RAN, last_seen=last)))
    assert (
        "             first seen     2018-11-14 18:03:49 UTC   last seen 2018-11-14 18:10:52 UTC\n"
    ) in text
    once = render(report(of(first_seen=RAN, last_seen=RAN)))
    assert "first seen     2018-11-14 18:03:49 UTC\n" in once
    assert "first seen" not in render(report(of()))
