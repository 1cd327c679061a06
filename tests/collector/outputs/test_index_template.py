"""The index template: a type for every field that a document can have, and one that takes it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, get_args

import pytest
from msgspec import structs

from agent.indicators import Indicator
from agent.model.observation import Place
from agent.model.report import DRILL, Strength
from agent.output.mapping import ecs
from agent.output.mapping.document import Signed
from collector.outputs.index_template import (
    MAX_FIELDS,
    index_template,
    is_data_stream,
    pattern,
    properties,
    template_name,
)
from tests.agent.output.mapping.rich import excluded_finding, report_of, rich_finding
from tests.collector.outputs.full import full_report

DEFAULT = "logs-iocsweep.finding-default"


def typed(mapping: dict[str, Any], name: str = "") -> Iterator[tuple[str, str]]:
    for key, field in mapping.items():
        path = f"{name}.{key}" if name else key
        if "properties" in field:
            yield from typed(field["properties"], path)
        else:
            yield path, field["type"]


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{name}.{key}" if name else key)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, name)
    else:
        yield name, value


TYPES = dict(typed(properties()))


def documents() -> Iterator[dict[str, Any]]:
    for kind in get_args(Indicator):
        report = full_report(str(kind.__struct_config__.tag))
        yield ecs.document(report, report.findings[0])
    report = full_report("address", address="2001:db8::7")
    limited = [{"what": "pack", "seen": "none", "asked": "cyzfc"}]
    signed = Signed("altered", "line 6 was changed")
    yield ecs.document(report, report.findings[0], limited=limited, signed=signed)
    rich, excluded = rich_finding(), excluded_finding()
    yield ecs.document(report_of(rich, excluded), excluded)
    yield ecs.document(report_of(rich), rich)
    canary = structs.replace(
        rich, strength=Strength.WEAK, indicator=structs.replace(rich.indicator, pack=DRILL)
    )
    yield ecs.document(report_of(canary), canary)
    long = structs.replace(rich, title="x" * 40_000)
    yield ecs.document(report_of(long), long)


def test_every_field_that_a_document_can_have_has_a_type_and_no_type_is_of_nothing() -> None:
    given = {name for document in documents() for name, _ in leaves(document)}
    assert given - set(TYPES) == set()
    assert (
        set(TYPES) - given
        == {
            "threat.enrichments.indicator.file.hash.md5",  # of values of another length
            "threat.enrichments.indicator.file.hash.sha256",
            "host.os.type",
            "iocsweep.excluded_by",
        }
        - given
    )


TAKES: dict[str, Any] = {
    "keyword": lambda value: isinstance(value, str | int) and not isinstance(value, bool),
    "wildcard": lambda value: isinstance(value, str),
    "match_only_text": lambda value: isinstance(value, str),
    "long": lambda value: type(value) is int and abs(value) < 2**63,
    "float": lambda value: type(value) in (int, float),
    "boolean": lambda value: type(value) is bool,
    "date": datetime.fromisoformat,
    "ip": ipaddress.ip_address,
}


def test_every_value_is_one_that_its_field_takes() -> None:
    for document in documents():
        for name, value in leaves(document):
            assert TAKES[TYPES[name]](value), (name, value)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("@timestamp", "date"), ("host.ip", "ip"), ("file.size", "long"), ("message", "match_only_text"),
        ("process.command_line", "wildcard"), ("url.full", "wildcard"), ("event.risk_score", "float"),
        ("file.code_signature.exists", "boolean"), ("rule.id", "keyword"),
        ("iocsweep.evidence.detail", "keyword"), ("iocsweep.evidence.moments.time", "date"),
        ("iocsweep.evidence.place.text", "keyword"), ("iocsweep.evidence.file.size", "long"),
    ],
)  # fmt: skip
def test_the_types_are_those_of_the_reference(name: str, kind: str) -> None:
    assert TYPES[name] == kind


def test_no_text_is_taken_for_a_date_or_a_number() -> None:
    mappings = index_template(DEFAULT)["template"]["mappings"]
    assert (mappings["date_detection"], mappings["numeric_detection"]) == (False, False)
    assert mappings["dynamic_templates"][0]["texts"]["mapping"]["type"] == "keyword"


def test_enrichments_are_nested_as_elastic_security_asks_for_them() -> None:
    assert properties()["threat"]["properties"]["enrichments"]["type"] == "nested"


def test_there_are_no_more_fields_than_an_index_allows() -> None:
    many = str(properties()).count("'type':")
    assert len(TYPES) < many < MAX_FIELDS // 2


def test_the_plain_form_has_none_of_the_newer_types() -> None:
    newer = re.compile("wildcard|match_only_text|flattened")
    assert newer.search(str(index_template(DEFAULT)))
    assert not newer.search(str(index_template(DEFAULT, plain=True)))


@pytest.mark.parametrize(
    ("index", "matching", "name", "stream"),
    [
        (DEFAULT, "logs-iocsweep.finding-*", "iocsweep-logs-iocsweep.finding", True),
        ("logs-ir-case7", "logs-ir-*", "iocsweep-logs-ir", True),
        ("findings", "findings", "iocsweep-findings", False),
        ("logs-ir", "logs-ir", "iocsweep-logs-ir", False),
    ],
)
def test_it_is_for_the_index_that_is_written_to_and_for_no_other(
    index: str, matching: str, name: str, stream: bool
) -> None:
    assert (pattern(index), template_name(index), is_data_stream(index)) == (matching, name, stream)
    made = index_template(index)
    assert made["index_patterns"] == [matching]
    assert ("data_stream" in made) is stream


def test_a_text_that_looks_like_a_date_goes_into_a_field_that_is_none() -> None:
    finding = rich_finding()
    finding.evidence[0] = structs.replace(
        finding.evidence[0], detail="2018-11-14", place=Place(text="2018-11-14T10:00:00Z"),
        strength=Strength.WEAK,
    )  # fmt: skip
    document = ecs.document(report_of(finding), finding)
    texts = {name for name, value in leaves(document) if str(value).startswith("2018-11-14")}
    assert {TYPES[name] for name in texts} == {"keyword"}
