"""OCSF 1.8: what a report becomes is what the standard's class definitions demand."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec import structs

from agent.model.objects import Destination, File, Process, Registry
from agent.model.report import INTERRUPTED, Coverage, Reason, Report, State, Strength, Verdict
from agent.output.exports import ocsf
from tests.agent.output.exports.ocsf_schema import flaws
from tests.agent.output.mapping.rich import excluded_finding, report_of, rich_finding
from tests.agent.output.mapping.test_golden import leaves
from tests.evidence.reports import finding, report

RICH = report_of(rich_finding(), excluded_finding())


def events(*reports: Report) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ocsf.lines(reports).splitlines()]


def test_findings_and_the_sweep_are_events_of_the_schema() -> None:
    made = events(RICH)
    assert [event["class_uid"] for event in made] == [2004, 2004, 6007]
    assert [flaws(event) for event in made] == [[], [], []]


@pytest.mark.parametrize(
    "change",
    [
        lambda event: event.pop("finding_info"),
        lambda event: event.pop("osint"),
        lambda event: event.update(severity_id=7),
        lambda event: event.update(severity="High"),
        lambda event: event.update(time="2026-11-24T14:05:00Z"),
        lambda event: event["device"].pop("type_id"),
        lambda event: event["evidences"].append({"name": "nothing"}),
        lambda event: event["evidences"][0]["file"].update(hashes=[{"value": "00"}]),
        lambda event: event.update(surprise=1),
        lambda event: event.update(type_uid=200402),
    ],
)
def test_the_check_of_these_tests_finds_what_is_wrong(change: Any) -> None:
    event = events(RICH)[0]
    change(event)
    assert flaws(event) != []


def test_every_value_of_a_finding_is_in_its_event() -> None:
    there = {str(value) for _, value in leaves(events(RICH)[0])}
    lost = {
        path
        for path, value in leaves(msgspec.to_builtins(rich_finding()))
        if str(value) not in there
    }
    as_numbers = {
        "time", "first_seen", "last_seen", "file.created", "file.mtime", "file.accessed",
        "process.start", "process.parent[0].start", "process.parent[1].start",
    }  # fmt: skip
    in_two = {"process.user.name", "destination.local"}
    assert lost == as_numbers | in_two


def test_times_are_milliseconds_and_strength_is_severity() -> None:
    event = events(RICH)[0]
    assert event["time"] == 1_795_529_100_250
    assert event["finding_info"]["first_seen_time"] == event["time"] - 90 * 60_000
    assert (event["severity"], event["status"], event["is_alert"]) == ("Critical", "New", True)
    excluded = events(RICH)[1]
    assert (excluded["severity"], excluded["status"]) == ("Informational", "Suppressed")
    assert excluded["is_alert"] is False
    assert excluded["unmapped"]["excluded_by"] == "known-rules"


def test_an_older_trace_is_no_alert() -> None:
    old = structs.replace(
        finding(), in_window=False, last_seen=finding().time - timedelta(days=40), evidence=[]
    )
    base = report()
    told = structs.replace(base, since=base.started - timedelta(days=10), findings=[old])
    event, scan = events(told)
    assert event["is_alert"] is False
    assert scan["unmapped"]["sweep"]["older_strong_findings"] == 1


def test_a_report_without_findings_still_says_its_verdict() -> None:
    (clean,), (gap,) = events(report()), events(report(gap="access denied"))
    assert clean["status"] == "Success"
    assert clean["message"] == "WS-0421: CLEAN, nothing left unlooked at"
    assert gap["status"] == "Incomplete"
    assert gap["unmapped"]["sweep"]["verdict"] == "incomplete"
    assert "INCOMPLETE" in gap["message"]
    assert "files partial (access denied (3 times))" in gap["status_detail"]
    assert flaws(clean) == flaws(gap) == []


def test_a_hit_with_a_gap_does_not_count_as_seen_whole() -> None:
    event, scan = events(report(finding(), gap="access denied"))
    assert event["unmapped"]["sweep"] == "WS-0421: HIT, 1 confirmed"
    assert (scan["status"], scan["severity"]) == ("Incomplete", "Critical")
    assert scan["num_detections"] == 1


@pytest.mark.parametrize(
    ("reason", "ended"),
    [
        (INTERRUPTED, "Cancelled"),
        ("--max-runtime was over; not looked at from here on", "Duration Violation"),
        ("access denied", "Completed"),
    ],
)
def test_how_the_sweep_ended_is_told(reason: str, ended: str) -> None:
    told = report(gap="x")
    files = Coverage(
        source="files", required=True, state=State.PARTIAL, reasons=[Reason(reason=reason)]
    )
    (scan,) = events(structs.replace(told, coverage=[files], verdict=Verdict.INCOMPLETE))
    assert scan["activity_name"] == ended
    assert flaws(scan) == []


def test_what_the_schema_has_no_object_for_is_told_all_the_same() -> None:
    odd = structs.replace(
        finding(),
        process=Process(name="rundll32.exe", command_line="rundll32 a,b"),
        registry=Registry(path="HKLM\\Run", data="the default value"),
        destination=Destination(ip="no address", state="established"),
        file=File(path=""),
    )
    event = events(report(odd))[0]
    assert flaws(event) == []
    data = event["evidences"][0]["data"]
    assert data["process"]["command_line"] == "rundll32 a,b"
    assert data["registry"]["data"] == "the default value"


def test_a_second_export_is_the_same_and_the_order_of_reports_does_not_matter() -> None:
    other = structs.replace(report(), report_id="018f0000-0000-7000-8000-000000000001")
    assert ocsf.lines([RICH, other]) == ocsf.lines([other, RICH])
    ids = [event["metadata"]["uid"] for event in events(RICH, other)]
    assert len(set(ids)) == len(ids) == 4


@pytest.mark.parametrize("nasty", ["\ud800", "\0", "\ud83d\ude00", "x" * 200_000])
def test_hostile_strings_stay_within_the_bounds_and_the_cut_is_told(nasty: str) -> None:
    event = events(report(structs.replace(finding(), title=nasty)))[0]
    assert flaws(event) == []
    assert len(event["message"].encode()) <= ocsf.MAX_TEXT
    assert event["metadata"].get("is_truncated", False) is (len(nasty) > ocsf.MAX_TEXT)


def test_own_lines_are_known_and_others_are_not() -> None:
    made = ocsf.lines([RICH])
    assert ocsf.is_lines(made)
    assert not ocsf.is_lines(b"")
    assert not ocsf.is_lines(made + b'{"class_uid": 2004}\n')
    assert not ocsf.is_lines(made.replace(b'"name":"iocsweep"', b'"name":"other"', 1))


@pytest.mark.parametrize("strength", [Strength.CONFIRMED, Strength.STRONG, Strength.WEAK])
def test_confidence_follows_the_strength(strength: Strength) -> None:
    event = events(report(finding(strength)))[0]
    expected = {"confirmed": "High", "strong": "Medium", "weak": "Low"}[strength.value]
    assert event["confidence"] == event["osint"][0]["confidence"] == expected
