"""Pages of one thing tell the same of it, and all of it, on a narrow screen too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.model.report import Strength
from collector import pages as package
from collector.records import host_key
from tests.collector.pages.conftest import Pages
from tests.collector.pages.seed import NOW, SWEEP, a_finding, a_report, put
from tests.collector.pages.test_report import text_of

SWEPT = f"/sweeps/{SWEEP}"
TEMPLATES = Path(package.__file__).parent / "templates"


@pytest.mark.parametrize("names", [("a", "b", "c"), ("x", "z", "y")], ids=" ".join)
def test_of_equal_findings_all_pages_name_the_same_as_the_strongest(
    pages: Pages, names: tuple[str, ...]
) -> None:
    report = a_report("EVEN", *[a_finding("EVEN", path=name, title=name) for name in names])
    key = pages.run(put, pages.store, report, at=NOW)
    hits = pages.get(f"{SWEPT}/standing.json").json()["hits"]["hosts"]
    (named,) = [one["finding_id"] for one in hits if one["host_key"] == key]
    gist = pages.get(f"/reports/{report.report_id}/summary.json").json()["gist"]
    assert gist["strongest"]["finding_id"] == named
    listed = pages.text(f"{SWEPT}/hosts/{key.replace('|', '%7C')}")
    first = re.search(r"#f-([0-9a-f-]+)", listed)
    assert first is not None
    assert first[1] == named


def test_a_hosts_page_says_how_much_of_its_numbers_is_suppressed(pages: Pages) -> None:
    weak = a_finding("TWO", strength=Strength.WEAK, indicator="ip", path="x")
    key = pages.run(put, pages.store, a_report("TWO", a_finding("TWO"), weak), at=NOW)
    assert key == host_key("id-TWO", "TWO")
    there = f"{SWEPT}/hosts/{key.replace('|', '%7C')}"
    assert "in these numbers" not in pages.text(there)
    pages.run(pages.store.suppress, SWEEP, "ip", key, reason="ours", who="t", until=NOW)
    page = text_of(pages.text(there))
    assert "1 strong or confirmed, 1 weak 1 finding is suppressed, and in these numbers." in page


def test_the_log_says_in_words_what_was_asked_for_and_until_when(pages: Pages) -> None:
    from collector.judging import usual_demand

    demand = usual_demand(SWEEP, NOW)
    pages.run(pages.store.edit_sweep, SWEEP, demand, who="t")
    pages.run(pages.store.suppress, SWEEP, "dll-name", None, reason="ours", who="t", until=NOW)
    page = text_of(pages.text(f"{SWEPT}/audit"))
    assert "Made: not before 2026-11-24 13:52:00 UTC" in page
    assert "what came until 2026-11-24 14:02:00 UTC" in page
    assert "{" not in page


def test_no_column_of_a_wide_table_is_off_a_narrow_screen() -> None:
    wide = re.compile(r"<table([^>]*)>\s*<thead>(.*?)</thead>", re.DOTALL)
    found = [
        (path.name, "stacked" in kind)
        for path in TEMPLATES.iterdir()
        for kind, head in wide.findall(path.read_text())
        if head.count("<th") > 3 or "{% for" in head
    ]
    assert len(found) > 8
    assert [name for name, stacked in found if not stacked] == []
