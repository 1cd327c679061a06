"""A report's page: what was asked, what each sighting says, and how far back each part goes."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from datetime import datetime, timedelta, timezone

import pytest
from msgspec import structs

from agent.model.custody import Checked, Custody, Exhibit
from agent.model.objects import Event, Pipe, Process, Service, Task
from agent.model.observation import Claim, Moment, MomentOf, Place
from agent.model.remembered import Behaviour, MemoryGap, Recorded, Remembered
from agent.model.report import (
    Coverage,
    CoveragePart,
    Finding,
    Reach,
    Report,
    Scope,
    State,
    Strength,
)
from agent.output.chain import chain_of
from collector import listing
from collector.pages.coverage import reach_words
from collector.pages.sightings import MAX_MOMENTS
from tests.collector.pages.conftest import Pages
from tests.collector.pages.seed import SWEEP, a_finding, a_report, put, received
from tests.collector.pages.shown import heading

SWEPT = f"/sweeps/{SWEEP}"
DAY = datetime(2026, 11, 24, 14, 2, tzinfo=timezone.utc)
EVIL = "<script>alert(1)</script>\u202e\x1b[2J"
SAFE = r"&lt;script&gt;alert(1)&lt;/script&gt;\u202e\x1b[2J"


def page_of(pages: Pages, report: Report) -> str:
    pages.run(put, pages.store, report)
    return pages.text(f"/reports/{report.report_id}")


def text_of(markup: str) -> str:
    """What is read, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def sightings(page: str) -> dict[str, list[str]]:
    """The cells of the first finding's evidence, by their source."""
    table = re.search(r'aria-label="Evidence".*?<tbody[^>]*>(.*?)</tbody>', page, re.DOTALL)
    assert table
    rows = [
        [text_of(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)]
        for row in re.findall(r"<tr[^>]*>(.*?)</tr>", table[1], re.DOTALL)
    ]
    return {row[0].split()[0]: row[1:] for row in rows}


class TestWhatWasAsked:
    def test_a_whole_host_is_said_at_the_verdict(self, pages: Pages) -> None:
        page = page_of(pages, a_report("WHOLE"))
        assert heading(page) == "Clean, nothing left unlooked at"
        assert "The whole host was asked." in page

    def test_a_part_is_never_said_to_be_all(self, pages: Pages) -> None:
        report = a_report("PART")
        report.scope = Scope(whole_host=False, limited_to=[r"paths C:\t", "only files"])
        page = page_of(pages, report)
        assert heading(page) == (
            "Limited, clean as far as asked, which is not what this sweep asks for"
        )
        assert r"Asked about a part of the host only: paths C:\t; only files" in text_of(page)
        assert "nothing left unlooked at" not in page

    def test_nor_in_the_lists_and_counters(self, empty: Pages) -> None:
        from tests.collector.pages.seed import new_sweep

        empty.run(new_sweep, empty.store)
        empty.log_in(empty.run(empty.store.create_token, "reader", who="t"))
        report = a_report("PART")
        report.scope = Scope(whole_host=False, limited_to=["only files"])
        empty.run(put, empty.store, report)
        overview = empty.text(SWEPT)
        assert heading(overview) == "No hit so far"
        assert "Not known to be clean: 1 limited." in overview
        why = "scope: only files (asked for: the whole host)"
        assert f"1 {why}" in text_of(overview)
        assert (empty.counters()["clean"], empty.counters()["limited"]) == ("0", "1")
        for query in ("limited=1", "state=limited"):
            assert f"limited {why}" in text_of(empty.text(f"{SWEPT}/hosts?{query}"))
        assert "PART" not in text_of(empty.text(f"{SWEPT}/hosts?state=clean"))
        host = empty.text(f"{SWEPT}/hosts/id-part%7Cpart")
        assert heading(host) == f"Limited: clean by what was asked, which is not what counts: {why}"
        assert f"a part report/2 not what was asked for: {why}" in text_of(host)

    def test_an_answer_about_the_whole_host_is_not_replaced_by_one_about_a_part(
        self, pages: Pages
    ) -> None:
        gap = "protected by Windows (PPL)"
        pages.run(put, pages.store, a_report("BOTH", gap=gap))
        report = a_report("BOTH", finished=DAY + timedelta(hours=2))
        report.scope = Scope(whole_host=False, limited_to=["only files"])
        pages.run(put, pages.store, report)
        (host,) = [one for one in pages.run(pages.store.hosts, SWEEP) if one.name == "BOTH"]
        assert (host.state, host.limited) == ("incomplete", False)
        pages.run(put, pages.store, a_report("BOTH", finished=DAY + timedelta(hours=1)))
        (host,) = [one for one in pages.run(pages.store.hosts, SWEEP) if one.name == "BOTH"]
        assert (host.state, host.limited) == ("clean", False)

    def test_limits_without_end_are_shown_up_to_a_bound(self, pages: Pages) -> None:
        report = a_report("MANY")
        report.scope = Scope(whole_host=False, limited_to=[f"path {n}" for n in range(5000)])
        page = text_of(page_of(pages, report))
        assert "path 19; and 4,980 more in the download" in page
        report = a_report("NONE")
        report.scope = Scope(whole_host=False)
        assert "it does not say what limited it" in page_of(pages, report)

    def test_a_report_of_version_1_says_so(self, pages: Pages) -> None:
        report = a_report("OLD", a_finding())
        report.made_as = "iocsweep.report/1"
        page = text_of(page_of(pages, report))
        assert "Made in version 1 of the report, iocsweep.report/1" in page
        assert "Made in version" not in text_of(page_of(pages, a_report("NEW")))


class TestSightings:
    def test_each_says_its_claim_its_place_and_every_time(self, pages: Pages) -> None:
        told = sightings(page_of(pages, a_report("SEEN", a_finding())))
        says, where, text, when = told["files"]
        assert says == "exists SHA-1 dll-name"
        assert where == r"C:\Users\jo\AppData\Local\cyzfc.dat owner jo where else is jo"
        assert when == (
            "modified 2026-11-19 14:02:00 UTC created 2026-11-20 14:02:00 UTC"
            " accessed 2026-11-24 14:02:00 UTC"
        )
        says, where, text, when = told["event_logs"]
        assert says.startswith("ran event 4688")
        assert where == (
            r"Security.evtx, record 4711 in C:\Windows\System32\winevt\Logs\Security.evtx"
            " record 4711 view 2026-11-20 03:00 UTC"
        )
        assert text.endswith("Event Security, id 4688 record 4711")
        assert when == "logged 2026-11-24 14:02:00 UTC"
        assert told["prefetch"][3].count("ran 2026-11-") == 8
        assert told["dns_cache"][3] == ""

    def test_a_time_of_which_nothing_is_told_stands_alone(self, pages: Pages) -> None:
        told = sightings(page_of(pages, a_report("SEEN", a_finding())))
        assert told["modules"][3] == "2026-11-24 14:02:00 UTC"

    def test_times_without_end_are_shown_up_to_a_bound_in_their_order(self, pages: Pages) -> None:
        finding = a_finding()
        naive = datetime(2026, 1, 1)  # noqa: DTZ001 - a host may leave the zone out
        finding.evidence[0].moments = [
            Moment(time=DAY - timedelta(minutes=n), of=MomentOf.RAN) for n in range(3000)
        ] + [Moment(time=naive)]
        when = sightings(page_of(pages, a_report("SEEN", finding)))["processes"][3]
        assert when.startswith("2026-01-01 00:00:00 UTC ran 2026-11-22")
        assert when.endswith(f"{3001 - MAX_MOMENTS:,} more times in the download")

    def test_what_a_host_writes_into_a_place_cannot_act(self, pages: Pages) -> None:
        finding = a_finding()
        finding.evidence[0].place = Place(text=EVIL, path=EVIL, record=EVIL, view=EVIL, owner=EVIL)
        finding.evidence[0].service = Service(name=EVIL, executable=EVIL)
        report = a_report("EVIL", finding)
        report.scope = Scope(whole_host=False, limited_to=[EVIL])
        report.coverage[0].parts = [CoveragePart(name=EVIL)]
        page = page_of(pages, report)
        assert "<script>alert" not in page
        assert "\u202e" not in page
        assert "\x1b" not in page
        # the path stands once, the scope twice, the owner is a user; "where else" beside three
        assert page.count(SAFE) == 13


class TestChain:
    def test_nothing_unknown_is_called_none(self) -> None:
        finding = a_finding()
        finding.process = Process(name="rundll32.exe")
        finding.event = Event(channel="Security")
        names = [step.name for step in chain_of(finding)]
        assert names[0] == "rundll32.exe"
        assert "Security" in names

    def test_every_kind_of_thing_has_its_step(self) -> None:
        finding = a_finding()
        finding.pipe = Pipe(name=r"\\.\pipe\x")
        finding.task = Task(name=r"\Updater", command="rundll32 x")
        finding.service = Service(name="svc", display_name="A service", executable="svc.exe")
        steps = {step.kind: step for step in chain_of(finding)}
        assert steps["Named pipe"].name == r"\\.\pipe\x"
        assert steps["Scheduled task"].facts == [("command", "rundll32 x")]
        assert steps["Service"].facts == [("shown as", "A service"), ("program", "svc.exe")]


class TestCoverage:
    def test_each_part_tells_how_far_back_it_goes(self, pages: Pages) -> None:
        page = text_of(page_of(pages, a_report("LOGS")))
        assert "Security.evtx : 2026-10-02 to the sweep, 21,344 examined" in page
        assert (
            "Microsoft-Windows-Sysmon%4Operational.evtx : 2026-11-15 to 2026-11-20, 112 examined"
            in page
        )

    def test_a_part_with_a_gap_says_so(self, pages: Pages) -> None:
        report = a_report("LOGS")
        report.coverage.append(
            Coverage(source="usn", required=False, state=State.COMPLETE, parts=[
                CoveragePart(name="D:", state=State.PARTIAL, examined=7),
            ])
        )  # fmt: skip
        assert "partial D: : 7 examined" in text_of(page_of(pages, report))

    @pytest.mark.parametrize(
        ("reach", "words"),
        [
            (Reach(), ""),
            (Reach(oldest=DAY), "since 2026-11-24"),
            (Reach(newest=DAY - timedelta(days=2)), "up to 2026-11-22"),
            (Reach(oldest=DAY - timedelta(days=9), newest=DAY), "2026-11-15 to the sweep"),
            (Reach(oldest=datetime(1601, 1, 1), newest=datetime.max), "1601-01-01 to the sweep"),  # noqa: DTZ001, DTZ901
        ],
    )
    def test_reach_in_words(self, reach: Reach, words: str) -> None:
        assert reach_words(reach, DAY) == words


class TestExports:
    def test_findings_come_with_what_where_whose_and_since_when(self, pages: Pages) -> None:
        finding = a_finding("OUT", indicator="out")
        finding.evidence[0].place = Place(
            text="=cmd|x", path="+a", record="-1", view="@v", owner="=o"
        )
        pages.run(put, pages.store, a_report("OUT", finding))
        rows = [
            json.loads(line) for line in pages.text(f"{SWEPT}/export/findings.ndjson").splitlines()
        ]
        row = next(one for one in rows if one["indicator_id"] == "out")
        assert row["claims"] == "running, loaded, exists, connected, resolved, ran"
        assert (row["place"], row["path"], row["record"], row["view"], row["owner"]) == (
            "=cmd|x", "+a", "-1", "@v", "=o",
        )  # fmt: skip
        assert row["first_seen"] == "2026-11-17T14:02:00.000Z"
        cells = csv.DictReader(io.StringIO(pages.text(f"{SWEPT}/export/findings.csv")))
        safe = next(one for one in cells if one["indicator_id"] == "out")
        assert {safe[name][0] for name in ("place", "path", "record", "view", "owner")} == {"'"}

    def test_findings_beyond_those_that_lists_take_are_exported_too(
        self, pages: Pages, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(listing, "MAX_LISTED", 3)
        found = [
            a_finding("OUT", indicator=f"out-{n}", path=f"p{n}", strength=strength)
            for n, strength in enumerate([Strength.WEAK] * 4 + [Strength.CONFIRMED] * 2)
        ]
        key = pages.run(put, pages.store, a_report("OUT", *found))
        suppressed = pages.run(
            pages.store.suppress, SWEEP, "out-3", key, reason="known", who="test"
        )
        other = pages.run(pages.store.suppress, SWEEP, "out-2", "other|host", reason="x", who="t")
        lifted = pages.run(pages.store.suppress, SWEEP, "out-1", None, reason="x", who="t")
        pages.run(pages.store.lift, lifted, who="test")
        rows = [
            json.loads(line) for line in pages.text(f"{SWEPT}/export/findings.ndjson").splitlines()
        ]
        mine = [row for row in rows if row["indicator_id"].startswith("out-")]
        assert {row["finding_id"] for row in mine} == {one.id for one in found}
        assert len(mine) == len(found)
        assert {row["host_key"] for row in mine} == {key}
        by_indicator = {row["indicator_id"]: row["suppression_id"] for row in mine}
        assert by_indicator["out-3"] == suppressed
        assert other not in by_indicator.values()
        assert by_indicator["out-1"] is None
        cells = [*csv.DictReader(io.StringIO(pages.text(f"{SWEPT}/export/findings.csv")))]
        assert [row["finding_id"] for row in cells] == [row["finding_id"] for row in rows]

    def test_of_a_report_that_cannot_be_read_again_the_listed_ones_are_exported(
        self, pages: Pages, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(listing, "MAX_LISTED", 1)
        report = a_report("OUT", a_finding("OUT", path="p"), a_finding("OUT", path="q"))
        row, findings = received(report)
        pages.run(pages.store.put, structs.replace(row, body=b"damaged"))
        pages.run(pages.store.index, row.report_id, SWEEP, row.host_key, findings)
        text = pages.text(f"{SWEPT}/export/findings.ndjson")
        assert sum(json.loads(line)["name"] == "OUT" for line in text.splitlines()) == 1
        assert f"report {row.report_id} cannot be read again" in caplog.text

    def test_a_finding_that_tells_no_time_has_none(self, pages: Pages) -> None:
        finding: Finding = a_finding("OUT", strength=Strength.WEAK, indicator="out")
        finding.first_seen = finding.last_seen = None
        finding.evidence = finding.evidence[:1]
        finding.evidence[0].claim = Claim.MENTIONED
        pages.run(put, pages.store, a_report("OUT", finding))
        rows = [
            json.loads(line) for line in pages.text(f"{SWEPT}/export/findings.ndjson").splitlines()
        ]
        row = next(one for one in rows if one["indicator_id"] == "out")
        assert (row["first_seen"], row["last_seen"], row["claims"]) == (None, None, "mentioned")


class TestWhatCleanIsWorth:
    def test_each_memory_says_since_when_or_why_not_and_its_gaps(self, pages: Pages) -> None:
        report = a_report("WORTH")
        report.remembered = [
            Remembered(
                behaviour=Behaviour.RAN, state=Recorded.RECORDED, since=DAY, source="event_logs",
                part="Security 4688", gaps=[MemoryGap(end=DAY, why="the log was cleared")],
            ),
            Remembered(
                behaviour=Behaviour.RESOLVED, state=Recorded.NOT_RECORDED, source="event_logs",
                part="Sysmon 22", why=EVIL,
            ),
        ]  # fmt: skip
        page = page_of(pages, report)
        told = text_of(page)
        assert "Where a deed would have left a trace, and since when; before that, none" in told
        assert "Run in Security 4688 since 2026-11-24 (the log was cleared on 2026-11-24)" in told
        assert "Look-up nowhere for sure (Sysmon 22: " in told
        assert "Run Security 4688: since 2026-11-24 14:02:00 UTC; gap to 2026-11-24 14:02" in told
        assert "Look-up Sysmon 22: not recorded (" in told
        assert SAFE in page
        assert "<script>alert" not in page

    def test_a_report_of_an_earlier_version_has_no_such_part(self, pages: Pages) -> None:
        assert "What the host would remember" not in page_of(pages, a_report("OLD"))

    def test_a_verdict_about_a_window_says_what_is_older(self, pages: Pages) -> None:
        report = a_report("WINDOW")
        old = a_finding()
        old.last_seen, old.in_window = DAY - timedelta(days=40), False
        for one in old.evidence:
            one.claim, one.place = Claim.RAN, Place(text="a log", path="a log", record="4")
            one.moments = []
        report.findings, report.since = [old], DAY - timedelta(days=10)
        told = text_of(page_of(pages, report))
        assert "The agent's verdict is about what happened since 2026-11-14 14:02:00" in told
        assert "1 strong trace is older, and it says clean." in told
        assert "Clean, nothing left unlooked at" not in told


def test_who_had_which_bytes_swept_is_told(pages: Pages) -> None:
    exhibits = [Exhibit(path=EVIL, kind="raw image", checked=Checked.NOTHING_STORED)]
    custody = Custody(case="2026-17", examiner="Jo Doe", exhibits=exhibits)
    page = page_of(pages, structs.replace(a_report(), custody=custody))
    assert "Custody of the evidence" in page
    for words in ("2026-17", "Jo Doe", f"{SAFE}: raw image", "the container stores no hash"):
        assert words in page
    assert "Custody" not in page_of(pages, a_report())
