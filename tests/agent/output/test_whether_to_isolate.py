"""What comes first after a hit depends on whether what was found runs now, or did lately."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from msgspec import structs

from agent.model.objects import File
from agent.model.observation import Claim, Place
from agent.model.report import Evidence, Finding, Report, Scope, State, Strength, Target, TargetKind
from agent.output.console import render
from agent.output.next_steps import RECENT
from tests.evidence.reports import NOW, PATH, finding, report

OLD = datetime(2018, 11, 14, 18, 4, 2, tzinfo=timezone.utc)
ISOLATE = ["isolate the host; keep its disks and memory as they are"]
OVER = "nothing found was seen to run now, and its last trace is of 2018-11-14 18:04:02 UTC"
KEEP = "keep the host's disks and memory as they are"
AGAIN = "isolate it before what is still there can start again"


def hit(claim: Claim, last: datetime | None, *, record: str = "") -> Finding:
    made = finding(Strength.STRONG)
    made.process, made.file = None, File(path=PATH)
    made.first_seen = made.last_seen = last
    made.evidence = [
        Evidence(
            source="x", seen="y", indicator="i", strength=Strength.STRONG, claim=claim,
            place=Place(text="z", path="C:\\z", record=record),
        )
    ]  # fmt: skip
    return made


def first_of(made: Report) -> list[str]:
    """What stands before the things to collect."""
    block = render(made).partition("\nNext   ")[2].partition("\n\n")[0]
    lines = [line.strip() for line in block.splitlines()]
    return [line for line in lines if not line.startswith(("collect ", "the report", "NO REPORT"))]


def test_what_is_long_over_is_said_to_be_and_when() -> None:
    assert first_of(report(hit(Claim.RAN, OLD, record="7"))) == [
        OVER,
        f"{KEEP}; isolate it if you find later traces",
    ]


def test_what_is_long_over_but_still_there_can_start_again() -> None:
    assert first_of(report(hit(Claim.EXISTS, OLD))) == [OVER, KEEP, AGAIN]


def test_the_latest_trace_of_all_findings_counts() -> None:
    later = NOW - RECENT - timedelta(days=1)
    first = first_of(report(hit(Claim.RAN, OLD), hit(Claim.RAN, later)))[0]
    assert first.endswith("its last trace is of 2026-10-24 14:02:00 UTC")


@pytest.mark.parametrize(
    "found",
    [
        hit(Claim.RUNNING, OLD),
        hit(Claim.RAN, NOW - RECENT + timedelta(days=1), record="7"),
        hit(Claim.RAN, None, record="7"),
    ],
    ids=["runs now", "recent", "of an unknown time"],
)
def test_what_runs_or_may_is_isolated(found: Finding) -> None:
    assert first_of(report(found, hit(Claim.RAN, OLD))) == ISOLATE


@pytest.mark.parametrize("claim", [Claim.RESOLVED, Claim.MENTIONED, Claim.EXISTS])
def test_what_the_running_system_itself_told_is_of_now(claim: Claim) -> None:
    """A name in the DNS cache, what stands in memory, a pipe: they have no time."""
    found = hit(Claim.RAN, OLD, record="7")
    found.evidence.append(structs.replace(found.evidence[0], claim=claim, place=Place(text="z")))
    assert first_of(report(found)) == ISOLATE


def test_a_weak_finding_of_today_does_not_count() -> None:
    weak = structs.replace(hit(Claim.EXISTS, NOW), strength=Strength.WEAK)
    assert first_of(report(hit(Claim.EXISTS, OLD), weak))[0] == OVER


def test_what_was_not_asked_may_run() -> None:
    narrow = structs.replace(
        report(hit(Claim.RAN, OLD)), scope=Scope(whole_host=False, limited_to=["only files"])
    )
    assert first_of(narrow) == ISOLATE
    blind = report(hit(Claim.RAN, OLD))
    blind.coverage[0].state = State.UNAVAILABLE
    assert first_of(blind) == ISOLATE


def test_evidence_at_rest_is_kept_whenever_it_was() -> None:
    made = structs.replace(report(hit(Claim.RAN, OLD)), target=Target(kind=TargetKind.IMAGE))
    assert first_of(made) == ["keep this evidence as it is"]
