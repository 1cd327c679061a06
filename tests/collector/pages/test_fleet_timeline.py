"""Who was first: by what the findings tell of themselves, on the page and as data."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import pytest

from agent.model.report import Finding, Report, Strength
from collector.pages.describe import DAY, HOUR, MINUTE
from collector.pages.fleet_timeline import (
    MAX_TICKS,
    Scale,
    picture_of,
    ticks_of,
    timeline_of,
    window_of,
)
from collector.store.first_traces import TraceRow, TraceSpan
from collector.store.store import PAGE
from tests.collector.pages.conftest import Pages
from tests.collector.pages.seed import NOW, SWEEP, a_finding, a_report, new_sweep, put
from tests.collector.pages.shown import heading
from tests.collector.pages.test_report import EVIL, text_of

SWEPT = f"/sweeps/{SWEEP}/timeline"
EVER = 1 << 60
SEEN = datetime(2026, 11, 1, 9, tzinfo=timezone.utc)


def seen(
    first: datetime | None, *, strength: Strength = Strength.STRONG, path: str = "p"
) -> Finding:
    finding = a_finding(strength=strength, path=path, title=f"what lay in {path}")
    finding.first_seen = first
    finding.last_seen = first + timedelta(hours=1) if first else None
    return finding


def host(name: str, *findings: Finding) -> Report:
    return a_report(name, *findings)


@pytest.fixture
def fleet(empty: Pages) -> Pages:
    """C was first, then A; B tells no time, W has a weak trace, S is suppressed, D is clean."""
    empty.run(new_sweep, empty.store)
    for report in (
        host("A", seen(SEEN + timedelta(days=2)), seen(SEEN + timedelta(days=9), path="q")),
        host("B", seen(None)),
        host("C", seen(SEEN), seen(SEEN - timedelta(days=9), strength=Strength.WEAK, path="w")),
        host("W", seen(SEEN - timedelta(days=5), strength=Strength.WEAK)),
        host("S", seen(SEEN - timedelta(days=7), path="s")),
        host("D"),
    ):
        if report.host.name == "S":
            report.findings[0].indicator.id = "set-aside"
        empty.run(put, empty.store, report)
    empty.run(empty.store.suppress, SWEEP, "set-aside", host_key=None, reason="known", who="t")
    empty.log_in(empty.run(empty.store.create_token, "reader", who="t"))
    return empty


def names(pages: Pages, query: str = "") -> list[str]:
    return [one["name"] for one in pages.get(f"{SWEPT}.json{query}").json()["hosts"]]


class TestWhoWasFirst:
    def test_the_page_of_the_sweep_has_the_picture(self, fleet: Pages) -> None:
        page = fleet.text(f"/sweeps/{SWEEP}")
        chart = page[page.index('id="first"') : page.index('id="timeline"')]
        assert chart.count("<rect") == 2
        assert chart.count('class="earliest"') == 1
        assert "2 hosts by the first trace: the earliest 2026-11-01 09:00" in text_of(chart)
        assert f"/sweeps/{SWEEP}/hosts/" in chart

    def test_one_host_alone_needs_no_picture(self, empty: Pages) -> None:
        empty.run(new_sweep, empty.store)
        empty.run(put, empty.store, host("A", seen(SEEN)))
        empty.log_in(empty.run(empty.store.create_token, "reader", who="t"))
        page = empty.text(f"/sweeps/{SWEEP}")
        assert "<rect" not in page[page.index('id="first"') : page.index('id="timeline"')]

    def test_hosts_stand_in_the_order_of_their_first_strong_trace(self, fleet: Pages) -> None:
        told = fleet.get(f"{SWEPT}.json").json()
        assert [(one["name"], one["first_seen"], one["is_earliest"]) for one in told["hosts"]] == [
            ("C", "2026-11-01T09:00:00Z", True),
            ("A", "2026-11-03T09:00:00Z", False),
        ]
        assert (told["hosts_with_traces"], told["without_time"]) == (3, 1)
        assert told["earliest"] == "2026-11-01T09:00:00Z"
        last = told["hosts"][1]
        assert (last["last_seen"], last["findings"], last["title"]) == (
            "2026-11-10T10:00:00Z", 2, "what lay in p",
        )  # fmt: skip

    def test_weak_traces_only_when_asked(self, fleet: Pages) -> None:
        assert names(fleet, "?weak=1") == ["C", "W", "A"]

    def test_a_window_of_days(self, fleet: Pages) -> None:
        assert names(fleet, "?from=2026-11-02") == ["A"]
        assert names(fleet, "?to=2026-11-01") == ["C"]
        assert names(fleet, "?from=2026-11-04") == []
        assert fleet.get(f"{SWEPT}?from=yesterday").status_code == 400
        told = text_of(fleet.text(f"{SWEPT}?from=2026-11-04"))
        assert "Earliest trace: 2026-11-01 09:00:00 UTC" in told
        assert "No host's first trace lies in these days." in told

    @pytest.mark.parametrize("first", [
        datetime(1, 1, 1, tzinfo=timezone.utc), datetime(1601, 1, 1, tzinfo=timezone.utc),
        datetime(1980, 1, 1, tzinfo=timezone.utc), datetime(9999, 12, 30, tzinfo=timezone.utc),
    ])  # fmt: skip
    def test_a_time_that_cannot_be_makes_nobody_the_first(
        self, fleet: Pages, first: datetime
    ) -> None:
        fleet.run(put, fleet.store, host("ODD", seen(first)))
        told = fleet.get(f"{SWEPT}.json").json()
        assert [one["name"] for one in told["hosts"]] == ["C", "A"]
        assert told["without_time"] == 2

    def test_several_reports_of_a_host_are_one_host(self, fleet: Pages) -> None:
        fleet.run(put, fleet.store, host("A", seen(SEEN + timedelta(days=1))))
        told = fleet.get(f"{SWEPT}.json").json()["hosts"]
        assert [(one["name"], one["first_seen"][:10]) for one in told] == [
            ("C", "2026-11-01"), ("A", "2026-11-02"),
        ]  # fmt: skip
        assert told[1]["findings"] == 2

    def test_of_several_first_traces_the_strongest_is_named(self, fleet: Pages) -> None:
        confirmed = seen(SEEN - timedelta(days=20), strength=Strength.CONFIRMED, path="z")
        other = seen(SEEN - timedelta(days=20), path="a")
        fleet.run(put, fleet.store, host("E", other, confirmed))
        first = fleet.get(f"{SWEPT}.json").json()["hosts"][0]
        assert (first["title"], first["strength"]) == ("what lay in z", "confirmed")
        assert first["finding_id"] == confirmed.id

    def test_page_by_page_to_the_end(self, fleet: Pages) -> None:
        for number in range(PAGE + 20):
            fleet.run(put, fleet.store, host(f"H{number:03}", seen(SEEN + timedelta(days=3))))
        told = fleet.get(f"{SWEPT}.json").json()
        assert len(told["hosts"]) == PAGE
        rest = fleet.get(told["follow"]).json()
        assert rest["follow"] == ""
        listed = [one["name"] for one in told["hosts"] + rest["hosts"]]
        assert listed == ["C", "A", *(f"H{number:03}" for number in range(PAGE + 20))]
        assert sum(one["hosts"] for one in told["buckets"]) == PAGE + 22

    @pytest.mark.parametrize("after", ["x", "9" * 20, "-" + "9" * 19, "٣", "--1"])
    def test_a_place_that_is_none_is_no_error(self, fleet: Pages, after: str) -> None:
        assert fleet.get(SWEPT, params={"after": after, "key": "\0k"}).status_code == 200


class TestPage:
    def test_says_who_and_marks_them(self, fleet: Pages) -> None:
        page = fleet.text(SWEPT)
        assert heading(page) == "Earliest trace: 2026-11-01 09:00:00 UTC"
        told = text_of(page)
        assert "3 hosts with a strong trace" in told
        assert "1 host of them tells no time and may have been earlier." in told
        assert "C earliest 2026-11-01 09:00:00 UTC to 2026-11-01 10:00:00 UTC strong" in told
        assert page.count('class="earliest"') == 3  # of all, of the host's bar, and its line
        assert "A time is as true as the host's clock" in told

    def test_the_sweep_leads_there(self, fleet: Pages) -> None:
        assert f'href="{SWEPT}"' in fleet.text(f"/sweeps/{SWEEP}")

    def test_a_sweep_without_traces(self, empty: Pages) -> None:
        empty.run(new_sweep, empty.store)
        empty.log_in(empty.run(empty.store.create_token, "reader", who="t"))
        page = empty.text(SWEPT)
        assert heading(page) == "No trace that tells a time"
        assert "<svg" not in page
        assert empty.get(f"{SWEPT}.json").json()["hosts"] == []

    def test_what_a_host_writes_cannot_act(self, fleet: Pages) -> None:
        finding = seen(SEEN - timedelta(days=30))
        finding.title = EVIL
        fleet.run(put, fleet.store, host(EVIL, finding))
        page = fleet.text(SWEPT)
        assert "&lt;script&gt;alert" in page
        assert "<script>alert" not in page
        assert "\u202e" not in page
        assert "style=" not in page


class TestPicture:
    def test_bars_lie_within_and_in_their_order(self) -> None:
        span = TraceSpan(hosts=2, timed=2, first=NOW - 9 * DAY, last_first=NOW, last=NOW + 1)
        rows = [a_trace(NOW - 9 * DAY, NOW), a_trace(NOW, None), a_trace(NOW, NOW + 400 * DAY)]
        picture = picture_of(span, rows, [(0, 3), (99, 1)], window_of(span, -EVER, EVER))
        assert picture is not None
        assert (picture.spans[0].x, picture.spans[0].width) == ("0.00", "100.00")
        for bar in picture.spans + picture.bars:
            assert float(bar.width) > 0
            assert float(bar.x) + float(bar.width) <= 100.01
        assert [bar.height for bar in picture.bars] == ["100.0", "33.3"]
        assert "2 hosts by the first trace" in picture.told

    def test_one_moment_of_one_host_is_seen(self) -> None:
        span = TraceSpan(hosts=1, timed=1, first=NOW, last_first=NOW, last=None)
        window = window_of(span, -EVER, EVER)
        picture = picture_of(span, [a_trace(NOW, None)], [(0, 1)], window)
        assert picture is not None
        assert float(picture.spans[0].width) > 0
        assert timeline_of("s", span, [a_trace(NOW, None)], [(0, 1)], window).hosts[0].is_earliest

    def test_a_part_of_the_line_is_drawn_as_wide_as_all_of_it(self) -> None:
        span = TraceSpan(hosts=3, timed=3, first=NOW - 400 * DAY, last_first=NOW, last=NOW)
        window = window_of(span, NOW - 8 * DAY, NOW - 6 * DAY)
        row = a_trace(NOW - 7 * DAY, NOW)
        picture = picture_of(span, [row], [(0, 1), (99, 1)], window)
        assert picture is not None
        assert (picture.spans[0].x, picture.spans[0].width) == ("50.00", "50.00")
        assert [bar.x for bar in picture.bars] == ["0.00", "99.00"]

    @pytest.mark.parametrize(
        "length", [MINUTE, HOUR, 7 * HOUR, DAY, 9 * DAY, 400 * DAY, 12_000 * DAY]
    )
    def test_ticks_are_few_whole_and_labelled(self, length: int) -> None:
        ticks = ticks_of(Scale(NOW - length, NOW))
        assert len(ticks) <= MAX_TICKS
        assert all(0 <= float(tick.x) <= 100 for tick in ticks)
        assert all(re.fullmatch(r"\d{4}-\d\d-\d\d( \d\d:\d\d)?", tick.label) for tick in ticks)
        assert length < HOUR or ticks


def a_trace(first: int, last: int | None) -> TraceRow:
    return TraceRow(
        host_key="k", name="n", first=first, last=last, findings=1, strength="strong", title="t",
        finding_id="f", report_id="r",
    )  # fmt: skip
