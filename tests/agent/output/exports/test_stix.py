"""STIX 2.1: sightings that any platform can join with those of others."""

from __future__ import annotations

import json
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from agent.model.objects import Dns, File, Hash, Registry, User
from agent.model.report import IndicatorRef, Report, Strength
from agent.output.exports import stix
from agent.output.exports.stix_observables import observables_of
from agent.output.exports.stix_pattern import pattern_of
from tests.agent.output.mapping.rich import excluded_finding, report_of, rich_finding
from tests.evidence.reports import finding, report

RICH = report_of(rich_finding(), excluded_finding())
REQUIRED = {
    "identity": {"name"},
    "indicator": {"pattern", "pattern_type", "valid_from"},
    "observed-data": {"first_observed", "last_observed", "number_observed", "object_refs"},
    "sighting": {"sighting_of_ref"},
    "note": {"content", "object_refs"},
    "directory": {"path"},
    "domain-name": {"value"},
    "file": set(),
    "ipv4-addr": {"value"},
    "ipv6-addr": {"value"},
    "process": set(),
    "url": {"value"},
    "user-account": set(),
    "windows-registry-key": {"key"},
    "marking-definition": {"created"},
}
"""STIX 2.1, sections 4 to 7: beside those that all have."""
WITH_A_DATE = {"identity", "indicator", "observed-data", "sighting", "note"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def objects(*reports: Report) -> list[dict[str, Any]]:
    whole = json.loads(stix.bundle(reports))
    assert whole["type"] == "bundle"
    found: list[dict[str, Any]] = whole["objects"]
    return found


def of(kind: str, *reports: Report) -> list[dict[str, Any]]:
    return [one for one in objects(*reports) if one["type"] == kind]


@pytest.mark.parametrize("one", objects(RICH, report(gap="x")))
def test_an_object_has_what_the_standard_demands(one: dict[str, Any]) -> None:
    kind, _, number = one["id"].partition("--")
    assert kind == one["type"]
    assert one["spec_version"] == "2.1"
    version = 4 if kind in ("process", "marking-definition") else 5
    assert uuid.UUID(number).version == version
    assert REQUIRED[kind] <= one.keys()
    if kind in WITH_A_DATE:
        assert TIME.fullmatch(one["created"])
        assert one["modified"] == one["created"]
    assert not {key for key, value in one.items() if value in (None, "", [], {})}


def test_every_reference_is_to_an_object_of_the_bundle() -> None:
    made = objects(RICH, report(finding()), report(gap="x"))
    ids = {one["id"] for one in made}
    assert len(ids) == len(made)
    for one in made:
        for key, value in one.items():
            if key.endswith("_ref"):
                assert value in ids
            if key.endswith("_refs"):
                assert set(value) <= ids


def test_everything_stays_within_the_organisation() -> None:
    marking, *rest = objects(RICH)
    assert marking["name"] == "TLP:AMBER+STRICT"
    assert all(one["object_marking_refs"] == [marking["id"]] for one in rest)


def test_a_sighting_says_of_what_where_how_often_and_how_sure() -> None:
    by_indicator = {one["sighting_of_ref"]: one for one in of("sighting", RICH)}
    hashed = next(one for one in of("indicator", RICH) if "dll-sha1" in one["name"])
    told = by_indicator[hashed["id"]]
    assert told["count"] == 1
    assert told["confidence"] == 85
    # The name of the same finding was asked for 75 minutes later.
    assert (told["first_seen"], told["last_seen"]) == ("2026-11-24T12:45:00.250Z",) * 2
    (observed,) = of("observed-data", RICH)
    assert told["observed_data_refs"] == [observed["id"]]
    (host,) = (one for one in of("identity", RICH) if one["name"] == "WS-0421")
    assert told["where_sighted_refs"] == [host["id"]]
    assert hashed["pattern"] == (
        "[file:hashes.'SHA-1' = '9858d5cb2a6614be3c48e33911bf9f7978b441bf']"
    )


def test_an_indicator_that_another_finding_names_is_sighted_too() -> None:
    named = {one["name"] for one in of("indicator", RICH)}
    assert named == {"cyzfc-2018-11: cyzfc:dll-sha1", "cyzfc-2018-11: cyzfc:c2-domain"}
    alone = report_of(rich_finding())
    assert {one["name"] for one in of("indicator", alone)} == {"cyzfc-2018-11: cyzfc:dll-sha1"}


@pytest.mark.parametrize("strength", [Strength.WEAK, Strength.EXCLUDED])
def test_a_weak_or_excluded_finding_is_no_sighting_but_counted(strength: Strength) -> None:
    told = report(finding(strength))
    assert of("sighting", told) == of("observed-data", told) == []
    (note,) = of("note", told)
    assert f"1 {strength.value}" in note["content"]


def test_a_report_without_findings_says_its_verdict_and_its_gaps() -> None:
    (clean,), (gap,) = of("note", report()), of("note", report(gap="access denied"))
    assert clean["abstract"] == "WS-0421: CLEAN, nothing left unlooked at"
    assert gap["abstract"].startswith("WS-0421: INCOMPLETE")
    assert "files partial (access denied (3 times))" in gap["content"]


def test_a_second_export_is_the_same_and_a_larger_one_holds_the_smaller() -> None:
    other = structs.replace(report(finding(), host="WS-2"), report_id="018f-other")
    assert stix.bundle([RICH, other]) == stix.bundle([other, RICH])
    assert {json.dumps(one) for one in objects(other)} <= {
        json.dumps(one) for one in objects(RICH, other)
    }


def test_observables_have_the_ids_that_everybody_gives_them() -> None:
    # As stix2 3.0.2 makes them.
    seen = structs.replace(
        finding(),
        file=File(path="C:\\x\\a.dat", hash=Hash(sha1="ab" * 20, md5="cd" * 16)),
        process=None,
        dns=Dns(question="example.com", answers=["192.0.2.1", "no address"]),
        registry=Registry(path="HKLM\\Software\\Run", value="Updater", data="rundll32"),
        user=User(name="CORP\\jo", id="S-1-5-21-1"),
        evidence=[],
    )
    made = {one["type"]: one for one in observables_of(report(seen), seen)}
    assert made["windows-registry-key"]["key"] == "HKEY_LOCAL_MACHINE\\Software\\Run"
    assert {kind: one["id"].partition("--")[2] for kind, one in made.items()} == IDS


IDS = {
    "directory": "2f375e92-c84d-5d93-a78f-1d979ae627e0",
    "file": "b285fcac-8e44-5d59-b318-d103d0f3bc3d",
    "domain-name": "bedb4899-d24b-5401-bc86-8f6b4cc18ec7",
    "ipv4-addr": "8dded90c-40c0-545a-8027-5b212bb37e8e",
    "windows-registry-key": "0033c18b-606d-504a-b9de-ce5e451948cd",
    "user-account": "804a3485-98b0-5353-af32-39b5c58d24a9",
}


def test_a_finding_that_stix_has_no_object_for_is_sighted_without_one() -> None:
    bare = structs.replace(finding(), file=None, process=None, evidence=[])
    (told,) = of("sighting", report(bare))
    assert "observed_data_refs" not in told
    assert told["description"].startswith("confirmed: ")


def test_a_time_that_cannot_be_is_told_as_it_was() -> None:
    base = finding()
    assert base.time is not None
    undated = [structs.replace(one, moments=[]) for one in base.evidence]
    old = structs.replace(
        base, evidence=undated, first_seen=base.time.replace(year=1601), last_seen=base.time
    )
    (told,) = of("sighting", report(old))
    assert told["first_seen"] == "1601-11-24T14:02:00.000Z"
    late = structs.replace(old, first_seen=base.time, last_seen=base.time - timedelta(days=1))
    (told,) = of("sighting", report(late))
    assert told["first_seen"] < told["last_seen"]


@pytest.mark.parametrize(
    ("kind", "value", "pattern"),
    [
        ("hash", "ab" * 16, f"[file:hashes.MD5 = '{'ab' * 16}']"),
        ("hash", "ab" * 32, f"[file:hashes.'SHA-256' = '{'ab' * 32}']"),
        ("file_name", "it's.dat", "[file:name = 'it\\'s.dat']"),
        ("file_name", "a*.d?t", "[file:name LIKE 'a%.d_t']"),
        ("domain", "a.example", "[domain-name:value = 'a.example' OR domain-name:value LIKE '%.a.example']"),
        ("address", "192.0.2.1", "[ipv4-addr:value = '192.0.2.1']"),
        ("address", "2001:db8::/32", "[ipv6-addr:value ISSUBSET '2001:db8::/32']"),
        ("url", "http://a.example/x?y", "[url:value MATCHES '^http://a\\\\.example/x\\\\?y']"),
        ("certificate", "cd" * 32, f"[x509-certificate:hashes.'SHA-256' = '{'cd' * 32}']"),
    ],
)  # fmt: skip
def test_an_indicator_becomes_a_pattern(kind: str, value: str, pattern: str) -> None:
    one = IndicatorRef(id="i", type=kind, value=value, pack="p")
    assert pattern_of(one) == (pattern, "stix")


@pytest.mark.parametrize(
    ("kind", "value"),
    [("pe", "Export"), ("file_name", "100%_*"), ("content", "bytes"), ("address", "nowhere"),
     ("domain", "_dmarc.example"), ("hash", "ab"), ("command_line", "a b")],
)  # fmt: skip
def test_what_stix_cannot_say_is_not_bent_into_a_pattern(kind: str, value: str) -> None:
    one = IndicatorRef(id="i", type=kind, value=value, pack="p")
    pattern, language = pattern_of(one)
    assert language == "iocsweep"
    assert json.loads(pattern) == {"type": kind, "value": value}


def test_hostile_strings_are_valid_unicode() -> None:
    made = stix.bundle([report(structs.replace(finding(), title="a\ud800\0b"))])
    assert "a\\\\ud800\\\\x00b" in made.decode("utf-8")


def test_own_bundles_are_known_and_others_are_not() -> None:
    made = stix.bundle([RICH])
    assert stix.is_bundle(made)
    assert not stix.is_bundle(b"")
    assert not stix.is_bundle(b'{"type": "bundle", "objects": []}')
    whole = json.loads(made)
    whole["objects"].append({"type": "malware", "id": "malware--1"})
    assert not stix.is_bundle(json.dumps(whole).encode())
