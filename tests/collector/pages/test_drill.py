"""A canary of a drill on the pages and in their JSON: shown as a drill, and never as a hit."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from agent import cli
from agent.model.codec import decode
from agent.model.report import Report, Strength, Verdict
from tests.collector.pages.conftest import Pages
from tests.collector.pages.seed import SWEEP, put

MARK = '<span class="mark">drill</span>'


@pytest.fixture
def drilled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    """As the agent tells it, of a folder with a canary."""
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))
    (tmp_path / "desk").mkdir()
    assert cli.main(["selftest", "--canary", str(tmp_path / "desk")]) == 0
    out = tmp_path / "out"
    swept = ["live", str(tmp_path / "desk"), "--only", "files", "--out", str(out)]
    assert cli.main([*swept, "--sweep-id", SWEEP]) == 0
    (path,) = out.glob("*.json")
    return decode(path.read_bytes())


def test_it_is_marked_wherever_the_finding_is_shown(pages: Pages, drilled: Report) -> None:
    pages.run(put, pages.store, drilled)
    (finding,) = drilled.findings
    told = pages.get(f"/reports/{drilled.report_id}/summary.json").json()
    assert [(one["drill"], one["strength"]) for one in told["findings"]] == [(True, "weak")]
    assert told["gist"]["state"] != "hit"
    assert told["gist"]["found"] == "1 of a drill"
    assert MARK in pages.text(f"/reports/{drilled.report_id}")
    assert MARK in pages.text(f"/sweeps/{SWEEP}/findings/drill/canary")
    host = next(
        one
        for one in pages.text(f"/sweeps/{SWEEP}/hosts").split('href="')
        if drilled.host.name in one
    )
    shown = pages.text(host.partition('"')[0])
    assert MARK in shown
    assert finding.title in shown


def test_what_is_no_drill_is_not_marked(pages: Pages, drilled: Report) -> None:
    indicator = structs.replace(drilled.findings[0].indicator, pack="cyzfc-2018-11")
    finding = structs.replace(drilled.findings[0], indicator=indicator)
    report = structs.replace(drilled, findings=[finding])
    pages.run(put, pages.store, report)
    told = pages.get(f"/reports/{report.report_id}/summary.json").json()
    assert [one["drill"] for one in told["findings"]] == [False]
    assert MARK not in pages.text(f"/reports/{report.report_id}")


def test_a_report_that_calls_a_strong_finding_a_drill_is_a_hit(
    pages: Pages, drilled: Report
) -> None:
    finding = structs.replace(drilled.findings[0], strength=Strength.STRONG)
    report = structs.replace(drilled, findings=[finding], verdict=Verdict.HIT)
    pages.run(put, pages.store, report)
    told = pages.get(f"/reports/{report.report_id}/summary.json").json()
    assert told["gist"]["state"] == "hit"
    assert [one["drill"] for one in told["findings"]] == [False]
    assert MARK not in pages.text(f"/reports/{report.report_id}")
