"""What pages show as JSON: for a bearer, never a log-in page, and whatever a host wrote."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from agent.model.observation import Place
from collector.pages.data import MAX_FINDINGS
from tests.collector.pages.conftest import Pages
from tests.collector.pages.many import a_report_of_many
from tests.collector.pages.seed import SWEEP, a_finding, a_report, new_sweep, put
from tests.collector.pages.test_report import DAY, EVIL


def test_a_report_in_short(pages: Pages) -> None:
    report = a_report_of_many()
    pages.run(put, pages.store, report)
    answer = pages.get(f"/reports/{report.report_id}/summary.json")
    assert answer.headers["content-type"] == "application/json"
    told = answer.json()
    gist = told["gist"]
    assert (gist["host"], gist["state"], gist["found"]) == (
        "WS-0500", "hit", "2 confirmed, 5 strong, 30 weak, 6 excluded",
    )  # fmt: skip
    assert gist["first_seen"] == "2026-11-17T14:02:00Z"
    assert gist["gaps"] == [{"source": "processes", "state": "partial"}]
    assert gist["ways"][0]["command"] == "iocsweep.exe"
    assert len(told["findings"]) == 43
    assert told["findings"][0]["sightings"] == 7
    assert told["findings"][-1]["excluded_by"] == "a-rule"


def test_two_reports_compared(pages: Pages) -> None:
    before = a_report("TWO", a_finding(path="a"))
    after = a_report("TWO", a_finding(path="b"), finished=DAY + timedelta(days=1))
    for report in (before, after):
        pages.run(put, pages.store, report)
    told = pages.get(f"/reports/{after.report_id}/against/{before.report_id}.json").json()
    assert (told["before"], told["after"]) == (before.report_id, after.report_id)
    assert [one["finding_id"] for one in told["new"]] == [after.findings[0].id]
    assert told["gone"][0]["not_looked"] == ["connections", "modules", "prefetch"]


def test_what_a_host_wrote_comes_as_it_was(pages: Pages) -> None:
    finding = a_finding(title=EVIL)
    finding.evidence[2].place = Place(text="x", owner="\udcff")
    report = a_report("ODD", finding)
    pages.run(put, pages.store, report)
    answer = pages.get(f"/reports/{report.report_id}/summary.json")
    assert answer.content.isascii()
    assert answer.json()["findings"][0]["title"] == EVIL
    assert "\udcff" in answer.json()["gist"]["users"]


def test_findings_without_end_end(pages: Pages) -> None:
    many = [a_finding(path=f"p{n}") for n in range(MAX_FINDINGS + 5)]
    report = a_report("BIG", *many)
    pages.run(put, pages.store, report)
    told = pages.get(f"/reports/{report.report_id}/summary.json").json()
    assert (len(told["findings"]), told["more_findings"]) == (MAX_FINDINGS, 5)


@pytest.mark.parametrize(
    "path", ["/reports/x/summary.json", "/reports/x/against/y.json", f"/sweeps/{SWEEP}x/timeline.json"]
)  # fmt: skip
def test_errors_are_json_too_and_nobody_is_led_to_the_log_in(visitor: Pages, path: str) -> None:
    answer = visitor.get(path, headers={"accept": "text/html"})
    assert answer.status_code == 401
    assert answer.json() == {"error": "a reader token is needed"}
    assert answer.headers["www-authenticate"].startswith("Bearer")
    answer = visitor.get(path, headers={"authorization": f"Bearer {visitor.secret}"})
    assert answer.status_code == 404
    assert answer.json()["error"].startswith("There is no such")
    assert answer.headers["cache-control"] == "no-store"


def test_another_sweeps_reader_learns_nothing(visitor: Pages) -> None:
    visitor.run(new_sweep, visitor.store, "other")
    report = a_report("THEIRS", a_finding())
    visitor.run(put, visitor.store, report)
    secret = visitor.run(visitor.store.create_token, "reader", sweep_id="other", who="t")
    bearer = {"authorization": f"Bearer {secret}"}
    for path in (f"/reports/{report.report_id}/summary.json", f"/sweeps/{SWEEP}/timeline.json"):
        assert visitor.get(path, headers=bearer).status_code == 404


def test_a_report_that_cannot_be_read_says_so(pages: Pages) -> None:
    report = a_report("BROKEN")
    pages.run(put, pages.store, report)
    pages.run(
        pages.database.transact,
        [("UPDATE report SET body = ? WHERE report_id = ?", (b"no gzip", report.report_id))],
    )
    answer = pages.get(f"/reports/{report.report_id}/summary.json")
    assert answer.status_code == 422
    assert "error" in json.loads(answer.text)
