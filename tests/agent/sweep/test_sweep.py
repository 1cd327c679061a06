"""A sweep says what it found and what it could not see, and is never clean by accident."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

import agent.sweep.loop as sweep_module
from agent.coverage import Ledger
from agent.matching.matcher import Matcher
from agent.matching.own_traces import Own
from agent.model.codec import encode
from agent.model.journal_record import Header
from agent.model.objects import File
from agent.model.observation import Claim, Observation, Place
from agent.model.report import Report, State, Strength, Verdict
from agent.sources.files.source import FilesSource
from agent.sweep.course import Course, Deadline
from agent.sweep.identity import new_report_id
from agent.sweep.journal import Journal
from agent.sweep.loop import NOT_REACHED, NOTHING_EXAMINED, TIME_IS_UP, Sweep
from agent.targets import Target
from agent.targets.offline.folder import FolderTarget
from tests.evidence.files import STAGE_0, archive, campaign_link
from tests.evidence.planted import plant
from tests.evidence.sweeping import Silent, plan_of, reported


def innocent(folder: Path) -> Path:
    for number in range(20):
        (folder / f"note{number}.txt").write_text("nothing here")
    return folder


class Broken:
    """A source with a defect."""

    name = "broken"

    def required(self, target: Target) -> bool:
        return True

    def observe(self, target: Target, matcher: Matcher, ledger: Ledger) -> Iterator[Observation]:
        ledger.examined += 1
        yield Observation(source="broken", claim=Claim.EXISTS, seen="x", place=Place(text="x"))
        raise RuntimeError("a defect")


class Blank(Broken):
    """A source for which there is nothing here."""

    name = "blank"

    def observe(self, target: Target, matcher: Matcher, ledger: Ledger) -> Iterator[Observation]:
        yield from ()


class Stopped(Broken):
    """A source during which the operator presses Ctrl-C."""

    name = "stopped"

    def observe(self, target: Target, matcher: Matcher, ledger: Ledger) -> Iterator[Observation]:
        yield from ()
        raise KeyboardInterrupt


class Ahead(Broken):
    """A source that has read a file when it is ended."""

    name = "files"
    found = r"C:\Users\jo\AppData\Local\cyzfc.dat"

    def __init__(self, end: BaseException | None, end_of_owed: BaseException | None = None) -> None:
        self.end, self.end_of_owed = end, end_of_owed
        self.ended = False

    def observe(self, target: Target, matcher: Matcher, ledger: Ledger) -> Iterator[Observation]:
        try:
            yield Observation(
                source="files", claim=Claim.EXISTS, seen="file", place=Place(text="x")
            )
            if self.end is not None:
                raise self.end
        finally:
            self.ended = True

    def pending(self) -> Iterator[Observation]:
        assert self.ended
        file = File(path=self.found)
        yield Observation(
            source="files", claim=Claim.EXISTS, seen="file", place=Place(text=self.found), file=file
        )
        if self.end_of_owed is not None:
            raise self.end_of_owed


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (KeyboardInterrupt(), "stopped by the operator"),
        (Deadline(), TIME_IS_UP),
        (RuntimeError("a defect"), "the source failed: RuntimeError"),
    ],
)
def test_what_was_read_before_the_end_is_told(
    tmp_path: Path, end: BaseException, reason: str
) -> None:
    report = reported(tmp_path, Ahead(end))
    assert [finding.evidence[0].source for finding in report.findings] == ["files"]
    assert report.verdict is Verdict.HIT
    assert [told.reason for told in report.coverage[0].reasons] == [reason]


def test_a_source_is_ended_before_it_is_asked_what_it_owes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[None] = []

    def over(self: Sweep) -> None:
        asked.append(None)
        if len(asked) > 1:
            raise Deadline

    monkeypatch.setattr(Course, "at", over)
    assert reported(tmp_path, Ahead(None)).verdict is Verdict.HIT


def test_who_presses_ctrl_c_twice_waits_for_nothing_more(tmp_path: Path) -> None:
    report = reported(tmp_path, Ahead(KeyboardInterrupt(), KeyboardInterrupt()))
    assert report.verdict is Verdict.HIT
    assert [(told.reason, told.count) for told in report.coverage[0].reasons] == [
        ("stopped by the operator", 2)
    ]


def test_an_innocent_folder_is_clean(tmp_path: Path) -> None:
    report = reported(innocent(tmp_path))
    assert report.verdict is Verdict.CLEAN
    assert report.coverage[0].state is State.COMPLETE
    assert report.coverage[0].examined >= 20
    assert report.findings == []


def test_a_sweep_in_which_no_source_found_anything_to_examine_is_incomplete(
    tmp_path: Path,
) -> None:
    report = reported(tmp_path, Blank())
    assert report.verdict is Verdict.INCOMPLETE
    assert [reason.reason for reason in report.coverage[0].reasons] == [NOTHING_EXAMINED]


def test_the_same_folder_with_one_file_denied_is_incomplete(tmp_path: Path) -> None:
    (innocent(tmp_path) / "a.dat").write_bytes(b"MZ".ljust(294_400))

    def denied(path: str, *args: object) -> BinaryIO:
        raise PermissionError(13, "Permission denied", path)

    report = reported(tmp_path, FilesSource(open_file=denied))
    assert report.verdict is Verdict.INCOMPLETE
    assert report.coverage[0].state is State.PARTIAL
    assert report.coverage[0].unread == 1
    assert any("a.dat" in sample for r in report.coverage[0].reasons for sample in r.samples)


def test_a_source_with_a_defect_is_a_gap_and_not_the_end(tmp_path: Path) -> None:
    report = reported(innocent(tmp_path), Broken(), FilesSource())
    assert report.verdict is Verdict.INCOMPLETE
    assert report.coverage[0].reasons[0].reason == "the source failed: RuntimeError"
    assert report.coverage[0].reasons[0].samples == ["a defect"]
    assert report.coverage[1].state is State.COMPLETE


def test_a_sweep_that_is_stopped_says_so_for_all_that_it_left_out(tmp_path: Path) -> None:
    report = reported(innocent(tmp_path), Stopped(), FilesSource())
    assert report.verdict is Verdict.INCOMPLETE
    reasons = [coverage.reasons[0].reason for coverage in report.coverage]
    assert reasons == ["stopped by the operator"] * 2


def test_a_skipped_source_makes_clean_incomplete(tmp_path: Path) -> None:
    report = reported(innocent(tmp_path), skip=("files",))
    assert report.verdict is Verdict.INCOMPLETE
    assert report.coverage[0].state is State.SKIPPED


def test_only_files_with_paths_answers_about_those_paths(tmp_path: Path) -> None:
    report = reported(innocent(tmp_path), Broken(), FilesSource(), only=("files",))
    assert report.verdict is Verdict.CLEAN
    assert report.target.paths == [str(tmp_path)]
    assert [c.state for c in report.coverage] == [State.SKIPPED, State.COMPLETE]


def test_time_that_is_over_is_a_gap(tmp_path: Path) -> None:
    report = reported(innocent(tmp_path), max_runtime_s=-1.0)
    assert report.verdict is Verdict.INCOMPLETE
    assert report.coverage[0].reasons[0].reason == NOT_REACHED


def test_the_planted_tree_is_found_whole_and_nothing_else_is_strong(tmp_path: Path) -> None:
    planted = plant(tmp_path / "planted")
    report = reported(tmp_path / "planted", FilesSource(open_file=planted.opener()))
    strengths: dict[str, Strength] = {}
    for finding in report.findings:
        for evidence in finding.evidence:
            known = strengths.get(evidence.place.text)
            if known is None or finding.strength.rank > known.rank:
                strengths[evidence.place.text] = finding.strength
    cases = [case for case in planted.cases if not case.skipped]
    assert len(cases) >= 25
    wrong = [
        f"{case.what}: {strengths.get(case.place)}, not {case.at_least} to {case.at_most}"
        for case in cases
        if not _between(strengths.get(case.place), case.at_least, case.at_most)
    ]
    assert wrong == []
    stated = {case.place for case in cases}
    stray = {p: s for p, s in strengths.items() if p not in stated and s.rank > Strength.WEAK.rank}
    assert stray == {}
    assert report.verdict is Verdict.HIT
    assert sum(coverage.unread for coverage in report.coverage) == planted.unread


def _between(found: Strength | None, least: Strength | None, most: Strength | None) -> bool:
    rank = -1 if found is None else found.rank
    lowest = -1 if least is None else least.rank
    return (rank >= lowest or found is Strength.EXCLUDED) and rank <= (
        -1 if most is None else most.rank
    )


def test_own_files_are_left_out_and_counted(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "old.ps1").write_text("pandorasong.com")
    (tmp_path / "history.ps1").write_text("iocsweep.exe --pack pandorasong.com.yaml\n")
    lure = tmp_path / "cyzfc.dat"
    lure.write_bytes(b"x")
    target = FolderTarget(str(tmp_path), own=Own.of(folders=[str(spool)]))
    earlier = reported(target)
    assert [f.title for f in earlier.findings] == [str(lure)]
    lure.unlink()
    (tmp_path / "report.json").write_bytes(encode(earlier))
    report = reported(target, thorough=True)
    assert report.findings == []
    assert report.coverage[0].own >= 3


def test_stage_0_is_found_though_it_calls_itself_the_agent(tmp_path: Path) -> None:
    for mark in ("#iocsweep", "# iocsweep.pack/1\n#"):
        (tmp_path / f"{len(mark)}.ps1").write_text(f"{mark}\npowershell {STAGE_0};{mark}")
    report = reported(tmp_path)
    assert [f.strength for f in report.findings] == [Strength.STRONG] * 2
    assert report.verdict is Verdict.HIT


def test_a_journal_that_fails_does_not_end_the_sweep(tmp_path: Path) -> None:
    tree, out = tmp_path / "tree", tmp_path / "out"
    tree.mkdir()
    out.mkdir()
    (tree / "cyzfc.dat").write_bytes(b"x")

    def start(header: Header) -> Journal:
        journal = Journal.create(out / "r.json", header)
        journal.close()
        return journal

    sweep = Sweep(plan_of(tree), start)
    report = sweep.run(Course(Silent()))
    assert [f.strength for f in report.findings] == [Strength.WEAK]
    assert "closed" in sweep.journal_error


# More than can be kept.


@pytest.fixture
def small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep_module, "MAX_MATCHES", 40)
    monkeypatch.setattr(sweep_module, "MAX_PER_INDICATOR", 20)
    monkeypatch.setattr(sweep_module, "MAX_PER_ARCHIVE", 10)


def gap(report: Report) -> dict[str, int]:
    return {reason.reason: reason.count for reason in report.coverage[0].reasons}


def cut(report: Report) -> dict[str, tuple[int, int]]:
    return {truncation.what: (truncation.kept, truncation.total) for truncation in report.truncated}


@pytest.mark.usefixtures("small_bounds")
def test_a_flood_of_one_name_displaces_no_other(tmp_path: Path) -> None:
    for number in range(60):
        folder = tmp_path / f"a{number:02}"
        folder.mkdir()
        (folder / "ds7002.bin").write_bytes(b"x")
    zone = b"[ZoneTransfer]\nHostUrl=https://www.jmj.com/personal/nauerthn_state_gov/AAAA\n"
    (tmp_path / "z").mkdir()
    (tmp_path / "z" / "ds7002.zip").write_bytes(archive({"a.txt": b"a"}))
    (tmp_path / "z" / "ds7002.zip_Zone.Identifier").write_bytes(zone)
    report = reported(tmp_path)

    assert report.verdict is Verdict.HIT, "the archive's name and where it came from"
    assert gap(report) == {"matches beyond the bound": 40}
    assert cut(report) == {"matches of name-ds7002-bin": (20, 60)}


@pytest.mark.usefixtures("small_bounds")
def test_weak_matches_that_are_dropped_leave_a_gap(tmp_path: Path) -> None:
    for name in ("ds7002.bin", "ds7001.zip", "ds7002.pdf"):
        for number in range(20):
            (tmp_path / f"{number}").mkdir(exist_ok=True)
            (tmp_path / f"{number}" / name).write_bytes(b"x")
    report = reported(tmp_path)

    assert report.verdict is Verdict.INCOMPLETE
    assert gap(report) == {"matches beyond the bound": 20}


@pytest.mark.usefixtures("small_bounds")
def test_one_archive_gives_no_more_than_its_share_however_strong(tmp_path: Path) -> None:
    members = {f"u/AppData/Local/{number}/cyzfc.dat": b"" for number in range(30)}
    (tmp_path / "a.zip").write_bytes(archive(members))
    (tmp_path / "b.lnk").write_bytes(campaign_link())
    report = reported(tmp_path)

    assert report.verdict is Verdict.HIT
    assert gap(report) == {"matches beyond the bound": 20}
    assert cut(report) == {"matches of name-cyzfc-dat": (10, 30)}


def test_report_ids_sort_by_time() -> None:
    from datetime import datetime, timezone

    early = new_report_id(datetime(2026, 1, 1, tzinfo=timezone.utc))
    late = new_report_id(datetime(2026, 1, 2, tzinfo=timezone.utc))
    assert early < late
    assert early[14] == "7"


@pytest.mark.skipif(os.name == "nt", reason="opens a POSIX file")
def test_a_sweep_leaves_access_times_alone(tmp_path: Path) -> None:
    path = innocent(tmp_path) / "cyzfc.dat"
    path.write_bytes(b"MZ")
    os.utime(path, (1_000_000_000, 1_000_000_000))
    reported(tmp_path)
    assert path.stat().st_atime == 1_000_000_000
