"""Strings from the host are hostile: what is mapped is valid, bounded, and says what was cut."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from typing import Any

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import example, given, settings

from agent.model.objects import File, Process, Registry
from agent.model.observation import Place
from agent.model.report import Evidence, Finding, IndicatorRef, Strength
from agent.output.mapping import cef, defender, document, ecs, sentinel, splunk, webhook
from tests.agent.output.mapping.rich import NOW, report_of, rich_finding

NASTY = 'a\ud800b\udcffc\x00d\x1b[31m\u202ee\r\nf|g=h\\i"]j'
ANY_TEXT = st.text(st.characters(codec=None, categories=None), max_size=40) | st.just(NASTY)


def nasty(text: str, command_line: str = "") -> Finding:
    return Finding(
        id=text, time=NOW, strength=Strength.STRONG, score=70, title=text, reasons=[text],
        indicator=IndicatorRef(id=text, type="file_name", value=text, pack=text, reference=[text]),
        evidence=[
            Evidence(source="files", seen=text, indicator=text, strength=Strength.WEAK, place=Place(text=text))
        ],
        file=File(path=text, name=text),
        process=Process(pid=1, name=text, command_line=command_line or text),
        registry=Registry(path=text, value=text, data=text),
    )  # fmt: skip


def everything(finding: Finding) -> list[Any]:
    report = report_of(finding)
    return [
        ecs.document(report, finding),
        splunk.event(report, finding),
        sentinel.finding_row(report, finding),
        sentinel.asim_alert_row(report, finding),
        *defender.rows(report, finding),
        webhook.payload(report),
    ]


@settings(max_examples=60, deadline=None)
@given(ANY_TEXT)
def test_any_string_gives_json_that_every_reader_takes(text: str) -> None:
    for mapped in everything(nasty(text)):
        encoded = msgspec.json.encode(mapped)  # refuses a lone surrogate
        assert json.loads(encoded.decode("utf-8")) == mapped
        assert b"\\u0000" not in encoded


@settings(max_examples=60, deadline=None)
@given(ANY_TEXT)
@example("CEF:0|")
def test_any_string_gives_one_line_of_syslog(text: str) -> None:
    finding = nasty(text)
    message = cef.syslog_message(report_of(finding), finding)
    assert len(message.encode("utf-8")) <= cef.MAX_MESSAGE
    assert message.isprintable()
    header = re.split(r"(?<!\\)(?:\\\\)*\|", message.partition("CEF:0|")[2], maxsplit=6)
    assert len(header) == 7
    assert header[5] == "8"


def test_what_was_unfit_is_still_told_apart() -> None:
    assert document.valid("a\ud800b") == "a\\ud800b"
    assert document.valid("a\0b") == "a\\x00b"
    assert document.valid("\ud83d\ude00") == "\U0001f600"


def test_a_command_line_of_a_megabyte_is_cut_and_the_cut_is_named() -> None:
    finding = nasty("x", "powershell " + "A" * 1_048_576)
    report = report_of(finding)
    ecs_cut = ecs.document(report, finding)
    assert len(ecs_cut["process"]["command_line"].encode()) == ecs.MAX_TEXT
    assert ecs_cut["iocsweep"]["truncated"] == ["process.command_line: kept 32000 of 1048587 bytes"]
    assert "process.command_line" in splunk.event(report, finding)["event"]["truncated"][0]
    assert "ProcessCommandLine: kept" in sentinel.finding_row(report, finding)["TruncatedFields"][0]
    asim = sentinel.asim_alert_row(report, finding)
    assert any("ProcessCommandLine" in cut for cut in asim["AdditionalFields"]["TruncatedFields"])
    row = defender.rows(report, finding)[0]
    assert "ProcessCommandLine" in row["AdditionalFields"]["TruncatedFields"][0]
    assert "iocsweepCut=iocsweepCommandLine" in cef.cef(report, finding)


def test_no_field_of_sentinel_is_over_its_bound_and_every_column_name_is_allowed() -> None:
    finding = msgspec.structs.replace(
        nasty("é" * 70_000),
        evidence=nasty("y" * 9_000).evidence * 500,
        reasons=["z" * 70_000] * 500,
    )
    report = report_of(finding)
    for row in (sentinel.finding_row(report, finding), sentinel.asim_alert_row(report, finding)):
        for column, value in row.items():
            text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
            assert len(text.encode()) <= 65_536, column
            assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,44}", column)
            assert column not in sentinel.RESERVED_COLUMNS
        assert len(msgspec.json.encode(row)) <= 900_000


@pytest.mark.parametrize(
    ("make", "bound"),
    [
        (ecs.document, 1_100_000),
        (splunk.event, 1_000_000),
        (lambda r, f: defender.rows(r, f)[0], 1_000_000),
        (lambda r, f: webhook.payload(r), 300_000),
    ],
    ids=["ecs", "splunk", "defender", "webhook"],
)
def test_a_finding_of_many_megabytes_fits_its_destination(make: Any, bound: int) -> None:
    finding = msgspec.structs.replace(
        nasty("\x01" * 500_000), evidence=nasty("y" * 100_000).evidence * 200
    )
    assert len(msgspec.json.encode(make(report_of(finding), finding))) <= bound


def test_evidence_goes_first_and_is_counted_and_the_json_of_what_stays_is_whole() -> None:
    sightings = [
        Evidence(
            source="files", seen="file name", indicator="i", strength=Strength.WEAK,
            place=Place(text=f"C:\\{number}"), detail="d" * 400,
        )
        for number in range(40)
    ]  # fmt: skip
    finding = msgspec.structs.replace(rich_finding(), evidence=sightings)
    report = report_of(finding)
    message = cef.syslog_message(report, finding)
    assert len(message.encode()) <= 8192
    found = re.findall(r"iocsweepEvidence\d+=(\{.*?\})(?= iocsweep|$)", message)
    for number, text in enumerate(found):
        plain = text.replace("\\=", "=").replace("\\\\", "\\")
        assert json.loads(plain)["place"]["text"] == f"C:\\{number}"
    dropped = re.search(r"iocsweepEvidenceDropped=(\d+)$", message)
    assert dropped is not None
    assert len(found) + int(dropped[1]) == 40
    assert f"iocsweepReportId={report.report_id}" in message
    assert "iocsweepCut" not in message


def test_header_and_extension_are_escaped_each_in_its_way() -> None:
    finding = msgspec.structs.replace(rich_finding(), title="a|b\\c=d\ne", reasons=["a|b\\c=d\ne"])
    line = cef.cef(report_of(finding), finding)
    assert "|a\\|b\\\\c=d\\\\x0ae|10|" in line
    assert "msg=a|b\\\\c\\=d\\ne " in line


def test_structured_data_cannot_be_left_from_inside() -> None:
    finding = msgspec.structs.replace(rich_finding(), id='x"] evil [y')
    assert 'findingId="x\\"\\] evil [y"' in cef.syslog_message(report_of(finding), finding)


@pytest.mark.parametrize(
    "time",
    [
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
        datetime.max.replace(tzinfo=timezone(-timedelta(hours=12))),
        datetime.max.replace(tzinfo=None),  # noqa: DTZ901
    ],
)
def test_any_time_has_a_form(time: datetime) -> None:
    finding = msgspec.structs.replace(rich_finding(), time=time, first_seen=time)
    for mapped in everything(finding):
        msgspec.json.encode(mapped)
    cef.syslog_message(report_of(finding), finding)


def test_a_number_that_no_database_holds_is_clamped_and_told() -> None:
    finding = msgspec.structs.replace(rich_finding(), process=Process(pid=10**30))
    mapped = ecs.document(report_of(finding), finding)
    assert mapped["process"]["pid"] == 2**63 - 1
    assert "process.pid" in mapped["iocsweep"]["truncated"][0]


def test_ids_depend_on_the_report_and_the_finding_alone() -> None:
    one, other = rich_finding(), msgspec.structs.replace(rich_finding(), id="other")
    first, second = report_of(one, report_id="r1"), report_of(one, report_id="r2")
    assert document.document_id(first, one) == document.document_id(first, one)
    ids = {document.document_id(r, f) for r in (first, second) for f in (one, other)}
    assert len(ids) == 4


def test_addresses_that_elasticsearch_would_refuse_are_not_in_its_ip_fields() -> None:
    mapped = ecs.document(report_of(rich_finding()), rich_finding())
    assert mapped["host"]["ip"] == ["10.0.0.5", "fe80::1"]


def test_an_excluded_finding_raises_no_alert() -> None:
    from tests.agent.output.mapping.rich import excluded_finding

    mapped = ecs.document(report_of(excluded_finding()), excluded_finding())
    assert mapped["event"]["kind"] == "event"
    assert mapped["iocsweep"]["excluded_by"] == "known-rules"
