"""MISP: an event that nobody else gets, with what fired marked for detection and nothing else."""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timezone
from typing import Any

import pytest
from msgspec import structs

from agent.model.report import IndicatorRef, Report, Strength
from agent.output.exports import misp
from tests.agent.output.mapping.rich import excluded_finding, report_of, rich_finding
from tests.evidence.reports import finding, report

RICH = report_of(rich_finding(), excluded_finding())
CATEGORIES = {
    "Payload delivery": {"filename", "md5", "sha1", "sha256"},
    "Network activity": {"domain", "url", "ip-dst", "x509-fingerprint-sha256"},
    "Artifacts dropped": {"regkey"},
    "Internal reference": {"comment"},
}
"""``category_type_mappings`` of MISP 2.5's ``describeTypes``, as far as it is used."""
TEXTS = {
    "uuid", "info", "date", "timestamp", "threat_level_id", "analysis", "distribution", "category",
    "type", "value", "comment",
}  # fmt: skip
"""MISP core format: JSON strings, numbers too."""


def event(*reports: Report) -> dict[str, Any]:
    whole = json.loads(misp.event(reports))
    assert list(whole) == ["Event"]
    made: dict[str, Any] = whole["Event"]
    return made


def values(*reports: Report) -> dict[str, dict[str, Any]]:
    return {one["value"]: one for one in event(*reports)["Attribute"]}


def test_the_event_and_its_attributes_are_of_the_core_format() -> None:
    made = event(RICH, report(gap="x"))
    assert {"uuid", "info", "date", "timestamp", "threat_level_id", "analysis"} <= made.keys()
    assert made["published"] is False
    for one in (made, *made["Attribute"]):
        assert all(isinstance(value, str) for key, value in one.items() if key in TEXTS)
        assert uuid.UUID(one["uuid"]).version == 5
    for one in made["Attribute"]:
        assert one["type"] in CATEGORIES[one["category"]]
        assert isinstance(one["to_ids"], bool)
        for sighting in one.get("Sighting", []):
            assert sighting["type"] == "0"
            assert sighting["date_sighting"].isdecimal()


def test_an_indicator_was_seen_when_its_own_sightings_say() -> None:
    """Not when something else of the same finding was."""
    hashed = rich_finding().indicator.value
    (own,) = values(RICH)[hashed]["Sighting"]
    seen = datetime.fromtimestamp(int(own["date_sighting"]), timezone.utc)
    assert f"{seen:%H:%M}" == "12:45"
    rows = [json.loads(line) for line in misp.sightings([RICH]).splitlines()]
    assert [row["timestamp"] for row in rows if row["value"] == hashed] == [int(seen.timestamp())]


def test_it_stays_within_the_organisation() -> None:
    made = event(RICH)
    assert {one["distribution"] for one in (made, *made["Attribute"])} == {"0"}
    assert made["Tag"] == [{"name": "tlp:amber+strict"}]


def test_only_the_indicator_that_fired_strongly_is_for_detection() -> None:
    told = values(RICH)
    for_detection = [value for value, one in told.items() if one["to_ids"]]
    assert for_detection == ["9858d5cb2a6614be3c48e33911bf9f7978b441bf"]
    assert {"ab" * 32, "cdn.pandorasong.com", "95.216.59.92"} <= told.keys()
    assert "cd" * 32 not in told  # rundll32's own


def test_an_indicator_that_fired_weakly_on_a_confirmed_thing_is_not_for_detection() -> None:
    weak = structs.replace(
        finding(), evidence=[structs.replace(finding().evidence[0], strength=Strength.WEAK)]
    )
    assert values(report(finding()))["cyzfc.dat"]["to_ids"] is True
    assert values(report(weak))["cyzfc.dat"]["to_ids"] is False


@pytest.mark.parametrize("value", ["%LOCALAPPDATA%\\cyzfc.dat", "ds7002*.lnk"])
def test_what_has_wildcards_or_variables_is_not_for_detection(value: str) -> None:
    ref = IndicatorRef(id="i", type="file_name", value=value, pack="p")
    told = values(report(structs.replace(finding(), indicator=ref)))
    assert told[value]["to_ids"] is False


@pytest.mark.parametrize("strength", [Strength.STRONG, Strength.WEAK, Strength.EXCLUDED])
def test_what_is_not_confirmed_is_no_attribute(strength: Strength) -> None:
    (only,) = event(report(finding(strength)))["Attribute"]
    assert only["type"] == "comment"
    assert f"1 {strength.value}" in only["value"]


def test_each_host_says_its_verdict_and_its_gaps() -> None:
    told = [one["value"] for one in event(report(), report(gap="access denied"))["Attribute"]]
    assert "WS-0421: CLEAN, nothing left unlooked at." in told
    assert any("INCOMPLETE" in one and "files partial (access denied" in one for one in told)


def test_a_second_export_is_the_same_and_a_larger_one_updates_the_event() -> None:
    later = structs.replace(RICH, report_id="018f6a3c-9a5e-7c11-8a83-5a1f5b3c9d12")
    assert misp.event([RICH, later]) == misp.event([later, RICH])
    assert event(RICH)["uuid"] == event(RICH, later)["uuid"]
    before, after = values(RICH), values(RICH, later)
    digest = "9858d5cb2a6614be3c48e33911bf9f7978b441bf"
    assert before[digest]["uuid"] == after[digest]["uuid"]
    assert before[digest]["Sighting"][0] in after[digest]["Sighting"]
    assert len(after[digest]["Sighting"]) == 2


def test_sightings_are_of_strong_findings_and_of_what_misp_has_a_type_for() -> None:
    pe = IndicatorRef(id="x", type="pe", value="PointFunctionCall", pack="p")
    told = report(
        finding(Strength.STRONG),
        finding(Strength.WEAK),
        structs.replace(finding(), indicator=pe),
    )
    (one,) = map(json.loads, misp.sightings([told]).splitlines())
    assert one == {
        "value": "cyzfc.dat",
        "type": "0",
        "source": "iocsweep WS-0421",
        "timestamp": 1_795_528_920,
    }


def test_own_files_are_known_and_others_are_not() -> None:
    made, lines = misp.event([RICH]), misp.sightings([RICH])
    assert misp.is_event(made)
    assert not misp.is_event(b'{"Event": {"info": "another"}}')
    assert not misp.is_event(b"[]")
    assert misp.are_sightings(lines)
    assert not misp.are_sightings(b"")
    assert not misp.are_sightings(lines.replace(b'"iocsweep ', b'"another '))
    assert not misp.are_sightings(made)


@pytest.mark.parametrize("nasty", ["a\ud800", "a\0b", "a\nb\u202e"])
def test_hostile_strings_are_one_visible_line(nasty: str) -> None:
    ref = IndicatorRef(id="i", type="file_name", value=nasty, pack="p")
    told = values(report(structs.replace(finding(), indicator=ref, title=nasty)))
    assert all(value.isprintable() for value in told)
