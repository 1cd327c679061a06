"""No later report, and no end of a page, hides what a report of the host found."""

from __future__ import annotations

import pytest
from msgspec import structs

from agent.model.report import Finding, Strength
from collector.records import host_key
from collector.store.store import PAGE
from tests.collector.pages.conftest import Pages
from tests.collector.pages.seed import NOW, SWEEP, a_finding, a_report, received
from tests.collector.pages.shown import heading, rows_of

SWEPT = f"/sweeps/{SWEEP}"
NAME = "TWICE"
KEY = host_key(f"id-{NAME}", NAME)
HOST = f"{SWEPT}/hosts/{KEY.replace('|', '%7C')}"


def tells(pages: Pages, *findings: Finding, at: int = NOW, report_id: str | None = None) -> None:
    """A report, whose host found all of it at that time."""
    row, listed = received(a_report(NAME, *findings, report_id=report_id), at=at)
    assert pages.run(pages.store.put, row) == "new"
    dated = [structs.replace(one, time=at) for one in listed]
    pages.run(pages.store.index, row.report_id, SWEEP, KEY, dated)


def of_strength(*strengths: Strength) -> list[Finding]:
    """Of one and the same thing."""
    return [a_finding(NAME, strength=one) for one in strengths]


def test_a_later_and_weaker_report_does_not_hide_an_open_hit(pages: Pages) -> None:
    for later, finding in enumerate(
        of_strength(Strength.STRONG, Strength.CONFIRMED, Strength.WEAK, Strength.EXCLUDED)
    ):
        tells(pages, finding, at=NOW + 1000 * later)
    assert rows_of(pages.text(HOST)) == ["confirmed"]
    text = pages.text(f"{SWEPT}/findings/dll-name")
    assert text.count('class="state confirmed"') == 3, "of two other hosts, and of this one"
    (finding,) = of_strength(Strength.CONFIRMED)
    assert "This finding alone, confirmed, on TWICE" in pages.text(
        f"{SWEPT}/findings/dll-name?host={KEY.replace('|', '%7C')}&one={finding.id}"
    )


def test_what_is_suppressed_hides_nothing_that_is_open(pages: Pages) -> None:
    strong, confirmed = of_strength(Strength.STRONG, Strength.CONFIRMED)
    tells(pages, strong)
    pages.run(pages.store.suppress, SWEEP, "dll-name", KEY, reason="ours", who="t", until=NOW)
    assert "suppressed" in pages.text(HOST)
    tells(pages, confirmed, at=NOW + 1000)
    tells(pages, strong, at=NOW + 2000)
    assert rows_of(pages.text(HOST)) == ["confirmed"]


@pytest.mark.parametrize("ids", ["ab", "ba"])
def test_the_end_of_a_page_does_not_part_what_reports_tell_of_one_thing(
    pages: Pages, ids: str
) -> None:
    numbered = [
        structs.replace(a_finding(NAME, strength=Strength.WEAK, path=f"p{n}"), id=f"{n:04}")
        for n in range(PAGE)
    ]
    tells(pages, *numbered, report_id=ids[0])
    last = structs.replace(numbered[-1], strength=Strength.CONFIRMED)
    tells(pages, last, at=NOW - 1000, report_id=ids[1])
    text = pages.text(HOST)
    assert rows_of(text)[0] == "confirmed"
    assert len(rows_of(text)) == PAGE


def test_a_page_of_many_says_which_is_the_strongest_of_all(pages: Pages) -> None:
    found = [
        structs.replace(a_finding(NAME, strength=Strength.WEAK, path=f"p{n}"), id=f"{n:04}")
        for n in range(PAGE + 5)
    ]
    found[-1] = structs.replace(found[-1], strength=Strength.STRONG, title="the very one")
    tells(pages, *found, report_id="a")
    for page in (HOST, f"{HOST}?report=a&finding=0099"):
        text = pages.text(page)
        assert ">the very one</a>. On each page the strongest come first." in text
        assert f'#f-{found[-1].id}"' in text
    tells(pages, found[0], at=NOW + 1)
    assert 'id="strongest"' not in pages.text(f"{SWEPT}/hosts/id-ws-0421%7Cws-0421")


def test_an_indicator_beyond_the_list_s_end_has_its_page_and_can_be_suppressed(
    pages: Pages,
) -> None:
    row, (listed,) = received(a_report(NAME, *of_strength(Strength.WEAK)))
    pages.run(pages.store.put, row)
    many = [
        structs.replace(listed, finding_id=str(n), indicator_id=f"z{n:04}") for n in range(1005)
    ]
    pages.run(pages.store.index, row.report_id, SWEEP, KEY, many)
    assert "1,000 indicators seen or more" in pages.text(f"{SWEPT}/findings")
    assert "All 1,000 or more indicators" in pages.text(SWEPT)
    text = pages.text(f"{SWEPT}/findings/z1004")
    assert heading(text) == "Seen on 1 host, weak at most"
    form = {"csrf": pages.csrf(), "indicator": "z1004", "host": "", "reason": "x"}
    answer = pages.post(f"{SWEPT}/suppress", data={**form, "seen": str(NOW)})
    assert answer.status_code == 303
    assert heading(pages.text(answer.headers["location"])).endswith("all suppressed")
    assert pages.get(f"{SWEPT}/findings/z1005").status_code == 404
    for one in pages.run(pages.store.indicators, SWEEP)[:5]:
        assert pages.run(pages.store.indicator, SWEEP, one.indicator_id) == one
