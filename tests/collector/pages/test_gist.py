"""The first screen of a report, what it folds away, and what it says to do next."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import pytest

from agent.model.remembered import Behaviour, Recorded, Remembered
from agent.model.report import (
    INTERRUPTED,
    Coverage,
    Reason,
    Report,
    State,
    Strength,
    TargetKind,
)
from agent.options import parse
from agent.output.closing import WAYS
from collector.pages.advice import COMMANDS, NOBODY_KNOWS, ways_of
from collector.pages.gist import gist_of
from collector.pages.sightings import MAX_SAME
from collector.records import HostState, ReportRow
from tests.collector.pages.conftest import Pages
from tests.collector.pages.many import a_report_of_many, with_records
from tests.collector.pages.seed import NOW, SWEEP, a_finding, a_report, put
from tests.collector.pages.test_report import EVIL, page_of, text_of

DAY = datetime(2026, 11, 24, 14, 2, tzinfo=timezone.utc)


def a_row(report: Report, state: HostState = "hit") -> ReportRow:
    return ReportRow(
        report_id=report.report_id, sweep_id=SWEEP, host_key="k", name=report.host.name,
        state=state, strong=0, weak=0, excluded=0, started=NOW, finished=NOW, received=NOW,
        source="10.0.0.1", size=1, schema="iocsweep.report/2", whole_host=True, limits=(),
    )  # fmt: skip


def with_gap(reason: str, *, live: bool = True, state: State = State.PARTIAL) -> Report:
    report = a_report("GAP", gap="x")
    report.host.elevated = True
    report.target.kind = TargetKind.LIVE if live else TargetKind.IMAGE
    report.coverage[1].reasons = [Reason(reason=reason, count=3)] if reason else []
    report.coverage[1].state = state
    return report


class TestInShort:
    def test_who_and_where_what_and_since_when(self, pages: Pages) -> None:
        page = page_of(pages, a_report("SHORT", a_finding("SHORT")))
        told = text_of(page[: page.index('id="findings"')])
        assert "Host SHORT SHORT.corp.example; 10.4.1.21, fe80::1; Windows 11 23H2" in told
        assert r"Users CORP\jo, jo" in told
        assert "Strongest confirmed rundll32.exe 4312 runs" in told
        assert "it went on as the sweep looked" in told
        assert "First seen 2026-11-17 14:02:00 UTC, last seen 2026-11-24 14:02:00 UTC" in told
        assert "Covered 4 of 4 required sources wholly looked at" in told

    def test_the_first_time_is_that_of_what_makes_it_a_hit(self) -> None:
        weak = a_finding(strength=Strength.WEAK, path="w")
        weak.first_seen = DAY - timedelta(days=900)
        report = a_report("SHORT", weak, a_finding())
        assert gist_of(report, a_row(report)).first_seen == DAY - timedelta(days=7)

    def test_where_nothing_is_strong_it_is_that_of_the_weak(self) -> None:
        weak = a_finding(strength=Strength.WEAK, path="w")
        benign = a_finding(strength=Strength.EXCLUDED, path="b")
        benign.first_seen = DAY - timedelta(days=900)
        report = a_report("SHORT", weak, benign)
        gist = gist_of(report, a_row(report, "clean"))
        assert gist.first_seen == DAY - timedelta(days=7)
        assert gist.strongest is not None
        assert gist.strongest.strength == "weak"
        assert gist.tasks == []

    @pytest.mark.parametrize("year", [1, 1601, 1980, 2027, 9999])
    def test_a_time_that_cannot_be_is_none(self, year: int) -> None:
        finding = a_finding()
        finding.first_seen = datetime(year, 1, 1)  # noqa: DTZ001 - a host may leave the zone out
        finding.last_seen = datetime(year, 12, 31, 23, tzinfo=timezone(timedelta(hours=-12)))
        report = a_report("SHORT", finding)
        gist = gist_of(report, a_row(report))
        assert (gist.first_seen, gist.last_seen) == (None, None)

    def test_no_time_is_said(self, pages: Pages) -> None:
        finding = a_finding()
        finding.first_seen = finding.last_seen = None
        assert "First seen no finding tells a time" in text_of(
            page_of(pages, a_report("SHORT", finding))
        )

    def test_how_far_back_it_remembers_is_said_even_where_it_does_not(self, pages: Pages) -> None:
        report = a_report("SHORT")
        report.remembered = [
            Remembered(
                behaviour=Behaviour.RAN, state=Recorded.RECORDED, source="event_logs",
                part=part, since=DAY - timedelta(days=days), only=only,
            )
            for part, days, only in (
                ("Security 4688", 0, ""), ("Prefetch", 3, ""), ("BAM", 900, "signed programs"),
            )
        ] + [
            Remembered(
                behaviour=Behaviour.RESOLVED, part="Sysmon 22", source="event_logs",
                state=Recorded.NOT_RECORDED,
            ),
        ]  # fmt: skip
        told = text_of(page_of(pages, report))
        assert "Remembers run since 2026-11-21 ; look-up not for sure . By what" in told

    def test_a_clean_host_has_nothing_to_do(self, pages: Pages) -> None:
        assert "What to do next" not in page_of(pages, a_report("CLEAN"))

    def test_what_a_host_writes_cannot_act_here(self, pages: Pages) -> None:
        finding = a_finding(title=EVIL, path=EVIL, command_line=EVIL)
        assert finding.process
        assert finding.process.user
        finding.process.user.name = EVIL
        report = a_report("EVIL", finding, gap=EVIL)
        report.host.fqdn = report.coverage[1].source = EVIL
        page = page_of(pages, report)
        assert "<script>alert" not in page
        assert "\u202e" not in page
        assert "\x1b" not in page


class TestFolded:
    def test_alike_weak_and_benign_ones_stand_behind_a_line_and_strong_ones_never(
        self, pages: Pages
    ) -> None:
        page = page_of(pages, a_report_of_many())
        groups = re.findall(r'<details class="group (\w+)">\s*<summary>(.*?)</summary>', page)
        assert [(strength, text_of(words)) for strength, words in groups] == [
            ("weak", "28 findings of file name pandorasong.com"),
            ("excluded", "6 findings of file name a known task"),
        ]
        assert page.count('<details class="finding ') == 43
        assert " open>" not in page

    def test_a_list_leads_to_each_part_of_the_page(self, pages: Pages) -> None:
        page = page_of(pages, a_report_of_many())
        jumps = re.search(r'<nav class="jump".*?</nav>', page, re.DOTALL)
        assert jumps
        targets = re.findall(r'href="#([\w-]+)"', jumps[0])
        assert targets == [
            "confirmed", "strong", "weak", "excluded", "coverage", "about", "tested", "options",
        ]  # fmt: skip
        ids = re.findall(r' id="([^"]+)"', page)
        assert set(targets) <= set(ids)
        assert len(ids) == len(set(ids))

    def test_records_that_say_the_same_are_one_row_with_all_their_times(self, pages: Pages) -> None:
        report = a_report("LOG", with_records(a_finding(), MAX_SAME + 6))
        told = text_of(page_of(pages, report))
        assert told.count("event 4688") == 1
        assert f"and {MAX_SAME + 5} more places" in told
        assert f"Security.evtx, record {MAX_SAME} record {MAX_SAME} logged 2026-11-23" in told
        assert "5 more in the download" in told

    def test_records_that_say_something_else_are_rows_of_their_own(self, pages: Pages) -> None:
        finding = with_records(a_finding(), 3)
        finding.evidence[1].detail = "rundll32.exe another,Call"
        told = text_of(page_of(pages, a_report("LOG", finding)))
        assert told.count("event 4688") == 3
        assert "rundll32.exe another,Call" in told

    def test_a_report_links_to_the_one_before(self, pages: Pages) -> None:
        first, second = a_report("TWICE"), a_report("TWICE", finished=DAY + timedelta(hours=1))
        pages.run(put, pages.store, first)
        pages.run(put, pages.store, second)
        compare = f'href="/reports/{first.report_id}/against/{second.report_id}"'
        assert compare in pages.text(f"/reports/{second.report_id}")
        assert "/against/" not in pages.text(f"/reports/{first.report_id}")


class TestWhatToDo:
    @pytest.mark.parametrize(
        ("reason", "what"),
        [
            ("--max-runtime was over", "ask again with a longer --max-runtime"),
            ("volume locked by BitLocker", "unlock the volume"),
            ("larger than --max-file-size", "read larger files with --max-file-size"),
            ("access denied", 'give an image of the disk to "iocsweep offline"'),
            ("a reason that nobody knows", NOBODY_KNOWS),
            ("", NOBODY_KNOWS),
        ],
    )
    def test_each_reason_has_its_way(self, reason: str, what: str) -> None:
        (way,) = ways_of(with_gap(reason), "incomplete")
        assert way.what == what
        assert way.because == [f"processes: 3 {reason}" if reason else "processes: is partial"]

    def test_what_locks_an_image_is_opened_by_a_file_of_keys(self) -> None:
        report = with_gap("locked by BitLocker")
        report.target.kind = TargetKind.IMAGE
        (way,) = ways_of(report, "incomplete")
        assert way.what == "give what opens the volume in --keys FILE"
        assert way.command.startswith("iocsweep.exe offline ")
        assert "--keys" in way.command

    def test_without_rights_refusals_are_their_consequence(self) -> None:
        report = with_gap("access denied")
        report.host.elevated = False
        (way,) = ways_of(report, "incomplete")
        assert way.what == "run as administrator"
        assert way.because[1:] == ["processes: 3 access denied"]

    def test_an_image_is_no_host_to_be_imaged(self) -> None:
        (way,) = ways_of(with_gap("access denied", live=False), "incomplete")
        assert way.what == "read the evidence with the rights of its owner"

    def test_what_was_left_out_is_to_be_asked(self) -> None:
        (way,) = ways_of(with_gap("", state=State.SKIPPED), "incomplete")
        assert way.because == ["processes was left out"]
        assert way.command == "iocsweep.exe"

    def test_a_sweep_that_was_cut_off_is_to_be_made_again(self) -> None:
        (way,) = ways_of(with_gap(INTERRUPTED), "failed")
        assert "sweep the host again" in way.what
        assert len(way.because) == 2

    def test_a_source_that_nobody_requires_asks_for_nothing(self) -> None:
        report = a_report("FINE")
        report.coverage.append(
            Coverage(
                source="x", required=False, state=State.PARTIAL,
                reasons=[Reason(reason="access denied")],
            )
        )  # fmt: skip
        assert ways_of(report, "clean") == []

    @pytest.mark.parametrize(
        "command", sorted({c for c in COMMANDS.values() if c.startswith("iocsweep.exe")})
    )
    def test_every_command_is_one_that_the_agent_takes(self, command: str) -> None:
        parse(command.split()[1:])

    def test_no_command_is_for_a_way_that_is_gone(self) -> None:
        own = {"run as administrator", *(what for what in COMMANDS if "again" in what)}
        assert set(COMMANDS) - own <= set(WAYS)

    def test_a_command_never_holds_what_a_report_says(self, pages: Pages) -> None:
        evil = '"&calc.exe&" --max-runtime was over'
        report = with_gap(evil)
        report.coverage[1].source = "files&calc.exe"
        report.options = {"--collector": "x&calc.exe"}
        commands = re.findall(r'class="command"[^>]*value="([^"]*)"', page_of(pages, report))
        assert commands == ["iocsweep.exe --max-runtime 4h"]
