"""What a host says cannot act on who reads it: not in a page, not in a terminal, not in a table."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from agent.model.codec import decode
from agent.model.report import Strength
from collector.pages.exports import cell
from tests.collector.pages.conftest import Pages
from tests.collector.pages.seed import SWEEP, a_finding, a_report, put

SWEPT = f"/sweeps/{SWEEP}"
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202etxt.exe\x1b[2J\u0007{{7*7}}"
FORMULA = '=HYPERLINK("http://evil.example","x")'


@pytest.fixture
def hostile(pages: Pages) -> Pages:
    """A host that lies with everything it has."""
    name = f"EVIL{EVIL}"
    report = a_report(
        name,
        a_finding(name, strength=Strength.STRONG, title=f"t {EVIL}", path=rf"C:\{EVIL}", command_line=EVIL, value=EVIL,
                  indicator=f"id/{EVIL}"),
        gap=f"gap {EVIL}", samples=(EVIL,), report_id="evil",
    )  # fmt: skip
    report.options = {EVIL: [EVIL]}
    report.host.domain = report.host.fqdn = EVIL
    assert report.host.os
    report.host.os.name = EVIL
    pages.run(put, pages.store, report, source="10.0.0.1")
    pages.run(pages.store.expect, SWEEP, [f"silent {EVIL}"], who=EVIL)
    return pages


def test_no_page_lets_a_string_act(hostile: Pages) -> None:
    key = hostile.run(hostile.store.hosts, SWEEP)[0].host_key
    host = next(
        one
        for one in re.findall(r'href="(/sweeps/[^"]*/hosts/[^"]+)"', hostile.text(f"{SWEPT}/hosts"))
        if "evil" in one.lower()
    )
    indicator = next(
        one
        for one in re.findall(r'href="([^"]*/findings/[^"]+)"', hostile.text(f"{SWEPT}/findings"))
        if "script" in one
    )
    csrf = hostile.csrf()
    form = {
        "csrf": csrf,
        "indicator": f"id/{EVIL}",
        "host": key,
        "reason": f"why {EVIL}",
        "seen": str(hostile.now),
    }
    assert hostile.post(f"{SWEPT}/suppress", data=form).status_code == 303
    reports = re.findall(r'href="(/reports/evil)"', hostile.text(host))
    assert reports
    for path in ("/", SWEPT, f"{SWEPT}/summary", f"{SWEPT}/hosts", f"{SWEPT}/hosts?q=%3Cscript%3E",
                 f"{SWEPT}/missing", f"{SWEPT}/missing?q={'%22%3E%3Cscript%3E'}",
                 f"{SWEPT}/findings", indicator, host, "/reports/evil", f"{SWEPT}/audit",
                 f"{SWEPT}/hosts?after=%22%3E%3Cscript%3E&key=x"):  # fmt: skip
        text = hostile.text(path)
        assert "<script>alert" not in text, path
        assert "<img" not in text, path
        assert "\u202e" not in text, path
        assert "\x1b" not in text, path
    for path in (f"{SWEPT}/hosts", f"{SWEPT}/missing", indicator, host, "/reports/evil"):
        assert "\\u202etxt.exe\\x1b[2J\\x07{{7*7}}" in hostile.text(path), path


def test_a_hostile_indicator_can_be_suppressed_and_lifted(hostile: Pages) -> None:
    before = hostile.counters()["hit"]
    form = {
        "csrf": hostile.csrf(),
        "indicator": f"id/{EVIL}",
        "host": "",
        "reason": "x",
        "seen": str(hostile.now),
    }
    assert hostile.post(f"{SWEPT}/suppress", data=form).status_code == 303
    assert int(hostile.counters()["hit"]) == int(before) - 1


def test_the_json_is_what_the_host_sent(hostile: Pages) -> None:
    answer = hostile.get("/reports/evil.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == 'attachment; filename="evil.json"'
    assert decode(answer.content).host.name == f"EVIL{EVIL}"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"])
def test_no_cell_is_a_formula(start: str) -> None:
    assert str(cell(f"{start}1+1")).startswith("'")


def test_other_cells_stay_as_they_are() -> None:
    assert [cell(value) for value in ("WS-1", 5, None, True, "a=b", "")] == [
        "WS-1", 5, "", "yes", "a=b", "",
    ]  # fmt: skip


def test_a_csv_export_is_safe_in_a_spreadsheet(hostile: Pages) -> None:
    hostile.run(put, hostile.store, a_report(FORMULA, a_finding(FORMULA, title='-1+1|cmd "x",y')))
    answer = hostile.get(f"{SWEPT}/export/hosts.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    names = [row["name"] for row in rows]
    assert f"'{FORMULA}" in names
    assert FORMULA not in names
    assert '"\'=HYPERLINK(""http://evil.example"",""x"")"' in answer.text
    assert "\x1b" not in answer.text
    assert "\u202e" not in answer.text
    assert len(rows) == 12
    findings = list(csv.DictReader(io.StringIO(hostile.get(f"{SWEPT}/export/findings.csv").text)))
    assert '\'-1+1|cmd "x",y' in [row["title"] for row in findings]


def test_an_ndjson_export_says_it_as_it_is(hostile: Pages) -> None:
    answer = hostile.get(f"{SWEPT}/export/findings.ndjson")
    assert answer.headers["content-type"] == "application/x-ndjson"
    rows = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.content.isascii()
    assert f"t {EVIL}" in [row["title"] for row in rows]
    assert rows[0]["time"] == "2026-11-24T14:02:00.000Z"
    missing = hostile.get(f"{SWEPT}/export/missing.ndjson").text.splitlines()
    assert [json.loads(line)["name"] for line in missing][:2] == ["LAB-01", "LAB-02"]
