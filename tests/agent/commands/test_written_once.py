"""A report is written once for its evidence and its question, whoever sweeps."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs

from agent.commands.cluster import everywhere, key_of
from agent.commands.destination import destination_of, finish_interrupted
from agent.commands.resuming import exhibits_of, question
from agent.commands.sweep import sweep
from agent.commands.written_once import Once, digest, once_of
from agent.exit_codes import CLEAN, HIT, CannotRun
from agent.model.codec import decode
from agent.model.report import Report
from agent.options import Options, parse
from agent.packs.built_in import exclusions_in_use, load_packs
from agent.sources.catalog import NAMES
from agent.sweep.journal import Journal
from tests.evidence.small_disks import disk, strong


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))


def asked(out: Path, path: Path, *more: str) -> Options:
    """As whoever asks many workers asks one."""
    options = parse(["offline", str(path), "--out", str(out), "--only", "files", "--quiet", *more])
    options = structs.replace(options, part=True)
    packs = [pack.reference() for pack in load_packs((), (), NAMES)]
    of_it = question(options.recorded(), packs, exclusions_in_use(NAMES)[1])
    once = once_of(exhibits_of(options), of_it, str(path))
    return structs.replace(options, once=[once.evidence, once.question, once.beside])


def written(out: Path) -> list[Report]:
    return [decode(path.read_bytes()) for path in sorted(out.glob("*.json"))]


def test_a_second_sweep_gives_the_first_ones_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = strong(tmp_path / "e/a.dd"), tmp_path / "out"
    options = asked(out, path)
    assert sweep(options) == HIT
    first = written(out)
    answer = capsys.readouterr().out.splitlines()[-1]
    assert sweep(options) == HIT
    assert written(out) == first
    assert capsys.readouterr().out.splitlines()[-1] == answer
    (tmp_path / "other").mkdir()
    other = tmp_path / "other/a.dd"
    shutil.copy2(path, other)
    assert sweep(asked(out, other)) == HIT
    assert written(out) == first, "the same bytes in another folder"
    assert sweep(asked(out, path, "--thorough")) == HIT
    assert len(written(out)) == 2, "another question"


def test_a_folder_is_asked_anew_in_each_run(tmp_path: Path) -> None:
    (tmp_path / "e").mkdir()
    options, out = asked(tmp_path / "out", tmp_path / "e"), tmp_path / "out"
    for once in (options.once, options.once, [digest("of another run"), *options.once[1:]]):
        sweep(structs.replace(options, once=once))
    assert len(written(out)) == 2


def test_other_evidence_or_packs_than_was_asked_about_are_refused(tmp_path: Path) -> None:
    path, out = disk(tmp_path / "e/a.dd"), tmp_path / "out"
    evidence, of_it, _ = asked(out, path).once
    for once, why in (
        ([digest("other bytes"), of_it, ""], r"a\.dd: other evidence here than was asked about"),
        ([evidence, digest("other packs"), ""], "other packs, rules or exclusions here"),
    ):
        with pytest.raises(CannotRun, match=why):
            sweep(structs.replace(asked(out, path), once=once))
    assert written(out) == []


def test_of_two_that_sweep_at_once_one_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As two workers do, one of which the scheduler took for lost."""
    path, out = disk(tmp_path / "e/a.dd"), tmp_path / "out"
    options, faster = asked(out, path), list[Report]()
    finish = Journal.finish

    def overtaken(journal: Journal, report: Report, kept: Callable[[Path], bool]) -> Path:
        if not faster:
            faster.append(report)
            assert sweep(options) == CLEAN
        return finish(journal, report, kept)

    monkeypatch.setattr(Journal, "finish", overtaken)
    assert sweep(options) == CLEAN
    (report,) = written(out)
    lines = capsys.readouterr().out.splitlines()
    assert report.report_id != faster[0].report_id
    assert [report.report_id in line for line in lines if '"report"' in line] == [True, True]


def left_behind(out: Path, options: Options) -> Path:
    """The journal of a sweep that was killed at its end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "finish", lambda journal, *_: journal.close() or journal.path)
        sweep(options)
    (journal,) = out.glob("*.partial.jsonl")
    return journal


@pytest.mark.parametrize("make", [disk, strong])
def test_a_killed_sweep_that_was_done_again_is_not_told_twice(
    tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    path, out = make(tmp_path / "e/a.dd"), tmp_path / "out"
    options = asked(out, path)
    left_behind(out, options)
    sweep(options)
    (report,) = written(out)
    assert finish_interrupted(destination_of(options, tmp_path / "home"), None) == []
    assert [decode(file.read_bytes()) for file in out.iterdir()] == [report]


def test_a_killed_sweep_alone_is_told_and_gives_way_to_a_whole_one(tmp_path: Path) -> None:
    path, out = strong(tmp_path / "e/a.dd"), tmp_path / "out"
    options = asked(out, path)
    left_behind(out, options)
    (recovered,) = finish_interrupted(destination_of(options, tmp_path / "home"), None)
    assert written(out) == [recovered.report]
    sweep(options)
    (report,) = written(out)
    assert report.report_id != recovered.report.report_id


def test_what_only_the_killed_sweep_found_is_kept(tmp_path: Path) -> None:
    path, out = strong(tmp_path / "e/a.dd"), tmp_path / "out"
    options = asked(out, path)
    left_behind(out, options)
    name = Once(*options.once).name("a.dd")
    clean = disk(tmp_path / "f/b.dd")
    sweep(asked(tmp_path / "clean", clean))
    (whole,) = (tmp_path / "clean").glob("*.json")
    shutil.copy(whole, out / name)
    (recovered,) = finish_interrupted(destination_of(options, tmp_path / "home"), None)
    assert recovered.report.verdict.value == "hit"
    assert len(written(out)) == 2


def test_a_task_is_named_by_what_it_asks_of_which_bytes(tmp_path: Path) -> None:
    path, out = disk(tmp_path / "e/a.dd"), tmp_path / "out"
    other = tmp_path / "f/a.dd"
    other.parent.mkdir()
    shutil.copy2(path, other)
    key = key_of(asked(out, path))
    assert key == key_of(asked(out, other))
    assert len({key, key_of(asked(tmp_path, path)), key_of(asked(out, path, "--case", "7"))}) == 3
    os.utime(other, (1, 1))
    assert key != key_of(asked(out, other))


def test_a_worker_is_given_whole_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = ["a.dd", "--out", "o", "--rules", "r.yar", "--notes", "n.txt", "--pack", "/p.yaml"]
    whole = everywhere(parse(["offline", *given]))
    assert (whole.paths, whole.out) == ([str(tmp_path / "a.dd")], tmp_path / "o")
    assert (whole.rules, whole.notes) == ([tmp_path / "r.yar"], tmp_path / "n.txt")
    assert whole.packs == [Path("/p.yaml")]
