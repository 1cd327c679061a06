"""ECS 9.4 as lines: documents whose fields the reference knows, findings and sweeps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from agent.model.report import Report
from agent.output.exports import ecs
from agent.output.mapping.document import document_id
from collector.outputs.index_template import properties
from tests.agent.output.mapping.rich import excluded_finding, report_of, rich_finding
from tests.evidence.reports import finding, report

RICH = report_of(rich_finding(), excluded_finding())
KINDS = {"alert", "asset", "enrichment", "event", "metric", "state", "pipeline_error", "signal"}
EXPECTED_TYPES = {
    "file": {"access", "change", "creation", "deletion", "info"},
    "host": {"access", "change", "end", "info", "start"},
    "library": {"start"},
    "malware": {"info"},
    "network": {
        "access", "allowed", "connection", "denied", "end", "info", "protocol", "start",
    },
    "process": {"access", "change", "end", "info", "start"},
    "registry": {"access", "change", "creation", "deletion"},
    "threat": {"indicator"},
}  # fmt: skip
"""By category: "ECS Categorization Fields", expected event types."""
TEMPLATE = properties()
OUTCOMES = {"success", "failure", "unknown"}
OF_A_SWEEP = {"event.duration", "event.outcome"}
"""In the reference, too: ``long`` (nanoseconds) and ``keyword``; the collector sends neither."""


def documents(*reports: Report) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ecs.lines(reports).splitlines()]


def fields(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from fields(item, f"{name}.{key}" if name else key)
    elif isinstance(value, list):
        for item in value:
            yield from fields(item, name)
    else:
        yield name


def known(name: str) -> bool:
    """Whether the collector's index template has a type for it: ECS's own, as the reference says."""
    made: dict[str, Any] = {"properties": TEMPLATE}
    for part in name.split("."):
        if part not in made.get("properties", {}):
            return False
        made = made["properties"][part]
    return True


@pytest.mark.parametrize("document", documents(RICH, report(gap="x"), report(finding())))
def test_a_document_has_what_ecs_demands_and_says_what_it_allows(document: dict[str, Any]) -> None:
    assert document["@timestamp"].endswith("Z")
    assert document["ecs"] == {"version": "9.4.0"}
    event = document["event"]
    assert event["kind"] in KINDS
    assert set(event["category"]) <= EXPECTED_TYPES.keys()
    expected = {kind for one in event["category"] for kind in EXPECTED_TYPES[one]}
    assert set(event["type"]) & expected
    assert event.get("outcome", "unknown") in OUTCOMES
    assert isinstance(event.get("duration", 0), int)


@pytest.mark.parametrize("document", documents(RICH, report(gap="x")))
def test_every_field_that_is_not_our_own_is_in_the_reference(document: dict[str, Any]) -> None:
    ours = {name for name in fields(document) if name.startswith("iocsweep.")}
    unknown = {name for name in set(fields(document)) - ours if not known(name)}
    assert unknown - OF_A_SWEEP == set()


def test_each_has_an_id_of_its_own_that_a_second_export_repeats() -> None:
    ids = [one["iocsweep"]["document_id"] for one in documents(RICH)]
    assert ids[0] == document_id(RICH, RICH.findings[0])
    assert len(set(ids)) == 3
    assert ecs.lines([RICH]) == ecs.lines([RICH])


def test_a_sweep_without_findings_says_whether_all_was_seen() -> None:
    (clean,), (gap,) = documents(report()), documents(report(gap="access denied"))
    assert (clean["event"]["outcome"], clean["labels"]["verdict"]) == ("success", "clean")
    assert (gap["event"]["outcome"], gap["labels"]["verdict"]) == ("unknown", "incomplete")
    assert "files partial (access denied (3 times))" in gap["event"]["reason"]
    assert gap["iocsweep"]["sweep"]["not_covered"][0]["source"] == "files"


def test_own_lines_are_known_and_others_are_not() -> None:
    made = ecs.lines([RICH])
    assert ecs.is_lines(made)
    assert not ecs.is_lines(b"")
    assert not ecs.is_lines(b'{"event": {"dataset": "iocsweep.sweep"}}\n' + made)
    assert not ecs.is_lines(made + b"[1]\n")
