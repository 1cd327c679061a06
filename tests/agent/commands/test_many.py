"""Several hosts in one run: a process and a report each, and what came of all."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import wait
from pathlib import Path
from typing import Any

import psutil
import pytest
from msgspec import structs

from agent.cli import main
from agent.commands import one_of_many
from agent.commands.offline import expanded
from agent.commands.one_of_many import read_options, written
from agent.commands.resuming import is_cut_short
from agent.exit_codes import CLEAN, FAILED, HIT, INCOMPLETE, UNDELIVERED, UsageError
from agent.model.codec import decode
from agent.model.report import Report
from agent.options import Options, parse
from agent.output.several import Row, SeveralProgress, goes, several_line, table, worst
from tests.evidence.small_disks import disk, strong
from tests.lanes import HERE

CRASH = """
import io, os, signal, sys
data = sys.stdin.buffer.readline()
if b"dies" in data:
    sys.stderr.write("iocsweep: last words\\n")
    sys.stderr.flush()
    os.kill(os.getpid(), signal.SIGKILL)
sys.stdin = io.TextIOWrapper(io.BytesIO(data))
from agent.cli import main
sys.exit(main(["--one-of-many", "--quiet"]))
"""


DIES_IN_MID_SWEEP = """
import os, signal, sys
from agent.cli import main
from agent.sweep.journal import Journal
journalled = Journal.coverage
def dies(journal, coverage):
    journalled(journal, coverage)
    if coverage.source == "files" and b"dies" in journal.path.read_bytes():
        os.kill(os.getpid(), signal.SIGKILL)
Journal.coverage = dies
sys.exit(main(["--one-of-many", "--quiet"]))
"""

STAYS_IN_MID_SWEEP = """
import sys, time
from agent.cli import main
from agent.sweep.journal import Journal
journalled = Journal.coverage
def stays(journal, coverage):
    journalled(journal, coverage)
    if coverage.source == "files":
        sys.stderr.write("it stays\\n")
        sys.stderr.flush()
        while True:
            time.sleep(60)
Journal.coverage = stays
sys.exit(main(["--one-of-many", "--quiet"]))
"""

STARTS_THEM = """
import sys
from agent.cli import main
from agent.commands import one_of_many
one_of_many.command = lambda: [sys.executable, "-P", "-c", sys.argv[1]]
sys.exit(main(sys.argv[2:]))
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))


def swept(out: Path, *arguments: str | Path) -> tuple[int, list[Report]]:
    code = main(["offline", *map(str, arguments), "--out", str(out), "--only", "files"])
    return code, [decode(path.read_bytes()) for path in sorted(out.glob("*.json"))]


def last_line(capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], str, str]:
    said = capsys.readouterr()
    made = json.loads(said.out.splitlines()[-1])
    assert isinstance(made, dict)
    return made, said.out, said.err


def test_each_is_a_host_with_a_report_and_a_crash_loses_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(one_of_many, "command", lambda: [sys.executable, "-P", "-c", CRASH])
    clean = disk(tmp_path / "e/clean.dd")
    hit = disk(tmp_path / "e/hit.dd", "cyzfc.dat")
    dies = disk(tmp_path / "e/dies.dd")
    code, reports = swept(tmp_path / "out", clean, dies, hit, "--jobs", "2", "--case", "17")
    assert sorted(one.target.paths for one in reports) == [[str(clean)], [str(hit)]]
    assert [one.custody.case for one in reports if one.custody] == ["17", "17"]
    line, shown, said = last_line(capsys)
    verdicts = {one.target.paths[0]: one.verdict.value for one in reports}
    hits = [*verdicts.values()].count("hit")
    assert (line["targets"], line["clean"] + line["hit"], line["failed"]) == (3, 2, 1)
    assert code == line["exit"] == (1 if hits else 2)
    assert "dies.dd: NOT SWEPT: its process ended with -9 and no answer" in said
    assert "iocsweep: dies.dd: last words" in said
    assert "3 of 3 done" not in shown
    for path in (tmp_path / "out").glob("*.json"):
        assert str(path) in shown

    # Again: what is there is not swept again; the one that was lost is.
    monkeypatch.undo()
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))
    arguments = (clean, dies, hit, "--resume", "--case", "other", "--quiet")
    _, again = swept(tmp_path / "out", *arguments)
    assert {one.report_id for one in reports} < {one.report_id for one in again}
    assert len(again) == 3
    line, shown, _ = last_line(capsys)
    assert (line["resumed"], line["failed"]) == (2, 0)
    assert [json.loads(one)["v"] for one in shown.splitlines()] == [1, 1]

    # Another question, and other bytes: neither is answered by what is there.
    os.utime(dies, (1, 1))
    _, third = swept(tmp_path / "out", clean, dies, "--resume", "--quiet")
    assert len(third) == 4
    _, fourth = swept(tmp_path / "out", clean, "--resume", "--quiet", "--thorough")
    assert len(fourth) == 5


def test_what_a_killed_sweep_had_found_is_delivered_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    died = [sys.executable, "-P", "-c", DIES_IN_MID_SWEEP]
    monkeypatch.setattr(one_of_many, "command", lambda: died)
    clean, dies = disk(tmp_path / "e/clean.dd"), strong(tmp_path / "e/dies.dd")
    out, share = tmp_path / "out", tmp_path / "share"
    share.mkdir()
    code, reports = swept(out, clean, dies, "--jobs", "1", "--share", share)
    assert code == HIT, "though the process that found it has no exit code"
    assert "dies.dd: NOT SWEPT: its process ended with -9" in last_line(capsys)[2]
    verdicts = {one.target.paths[0]: one.verdict.value for one in reports}
    assert verdicts == {str(clean): "clean", str(dies): "hit"}
    delivered = {path.name.partition(".")[0] for path in share.glob("*.json.gz")}
    assert delivered == {one.report_id for one in reports}


def test_what_an_earlier_run_left_behind_is_delivered_though_nothing_is_swept_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clean, dies = disk(tmp_path / "e/clean.dd"), strong(tmp_path / "e/dies.dd")
    out, share = tmp_path / "out", tmp_path / "share"
    died = [sys.executable, "-P", "-c", DIES_IN_MID_SWEEP]
    with monkeypatch.context() as dying:
        dying.setattr(one_of_many, "command", lambda: died)
        dying.setattr("agent.commands.many.finish_interrupted", lambda *_: [])
        swept(out, clean, dies, "--jobs", "1")
    assert len([*out.glob("*.partial.jsonl")]) == 1
    arguments = (clean, "--resume", "--share", share)
    code, reports = swept(out, *arguments)
    assert code == UNDELIVERED, "there is no such share"
    assert "share" in last_line(capsys)[2]
    share.mkdir()
    assert main(["send", "--share", str(share)]) == CLEAN
    (sent,) = share.glob("*.json.gz")
    assert sent.name.partition(".")[0] in {one.report_id for one in reports}


def test_what_is_resumed_is_written_once_though_a_sweep_of_it_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clean, dies = disk(tmp_path / "e/clean.dd"), strong(tmp_path / "e/dies.dd")
    with monkeypatch.context() as dying:
        died = [sys.executable, "-P", "-c", DIES_IN_MID_SWEEP]
        dying.setattr(one_of_many, "command", lambda: died)
        swept(tmp_path / "out", clean, dies, "--resume")
    code, reports = swept(tmp_path / "out", clean, dies, "--resume", "--quiet")
    assert code == HIT
    assert sorted(one.target.paths for one in reports) == [[str(clean)], [str(dies)]]
    assert not any(is_cut_short(one) for one in reports)
    assert last_line(capsys)[0]["resumed"] == 1


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX")
def test_a_sweep_ends_with_whoever_started_it(tmp_path: Path) -> None:
    options = parse(["offline", str(disk(tmp_path / "e/a.dd"))])
    process = subprocess.Popen(
        [*one_of_many.command()[:-1], "--quiet"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(HERE.parent)},
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(written(structs.replace(options, part=True)))
    process.stdin.close()
    assert process.wait() == FAILED
    assert [*(tmp_path / "home/reports").glob("*.json")] == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX; tests/windows has the exe's")
def test_when_whoever_started_them_is_killed_all_end_and_what_they_had_found_is_kept(
    tmp_path: Path,
) -> None:
    paths = [str(strong(tmp_path / f"e/{name}.dd")) for name in "ab"]
    out = tmp_path / "out"
    words = ["offline", *paths, "--jobs", "2", "--only", "files", "--out", str(out)]
    with subprocess.Popen(
        [sys.executable, "-P", "-c", STARTS_THEM, STAYS_IN_MID_SWEEP, *words],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(HERE.parent)},
    ) as starter:  # fmt: skip
        assert starter.stderr is not None
        stay = 0
        while stay < 2:
            line = starter.stderr.readline()
            assert line, "it ended"
            stay += b"it stays" in line
        sweeps = psutil.Process(starter.pid).children()
        assert len(sweeps) == 2
        starter.kill()
        _, alive = psutil.wait_procs(sweeps, timeout=30)
    assert alive == []
    assert len([*out.glob("*.partial.jsonl")]) == 2
    assert main([*words[:-4], "--only", "files", "--out", str(out), "--resume", "--quiet"]) == HIT
    reports = [decode(path.read_bytes()) for path in out.glob("*.json")]
    cut = [one for one in reports if is_cut_short(one)]
    assert sorted(one.target.paths for one in cut) == [[path] for path in paths]
    assert {one.verdict.value for one in reports} == {"hit"}
    assert len(reports) == 4
    assert [*out.glob("*.partial.jsonl")] == []


def test_a_report_that_was_cut_short_is_not_the_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = disk(tmp_path / "e/a.dd")
    swept(tmp_path / "out", path, "--jobs", "1", "--max-runtime", "0s")
    code, reports = swept(tmp_path / "out", path, "--resume", "--quiet")
    assert len(reports) == 2
    assert last_line(capsys)[0]["resumed"] == 0
    shutil.move(path, tmp_path / "a.dd")
    _, reports = swept(tmp_path / "out", tmp_path / "a.dd", "--resume", "--quiet")
    assert len(reports) == 2, "the same bytes in another folder"
    assert code == CLEAN


def test_what_all_would_write_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(disk(tmp_path / f"e/{name}.dd")) for name in "ab"]
    for options in (("--timeline", "t"), ("--csv", "c"), ("--out", str(tmp_path / "r.json"))):
        assert main(["offline", *paths, "--jobs", "2", *options]) == FAILED
        assert "several" in capsys.readouterr().err
    assert main(["offline", *paths, "--jobs", "0"]) == FAILED
    assert not (tmp_path / "r.json").exists()


def test_the_operator_ends_all_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = iter(range(1000))

    def stopped(*given: Any, **options: Any) -> Any:
        if next(calls) == 0:
            raise KeyboardInterrupt
        return wait(*given, **options)

    monkeypatch.setattr("agent.commands.many.wait", stopped)
    paths = [disk(tmp_path / f"e/{name}.dd") for name in "abc"]
    code, reports = swept(tmp_path / "out", *paths, "--jobs", "1", "--quiet")
    assert code == FAILED
    assert len(reports) <= 1
    assert last_line(capsys)[0]["failed"] >= 2


def test_options_are_the_same_in_the_other_process() -> None:
    given = ["offline", "a\udcff.dd", "--pack", "p.yaml", "--since", "10d", "--max-file-size", "1M"]
    options = parse(given)
    assert read_options(io.BytesIO(written(options))) == options
    for data in (b"", b"[]", b"{", b'{"command": 3}', b'{"command": "offline", "out": 3}'):
        with pytest.raises(UsageError):
            read_options(io.BytesIO(data))
    assert isinstance(options, Options)


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([CLEAN, FAILED, HIT], HIT),
        ([CLEAN, INCOMPLETE, FAILED], FAILED),
        ([UNDELIVERED, INCOMPLETE], INCOMPLETE),
        ([CLEAN, UNDELIVERED], UNDELIVERED),
        ([CLEAN, CLEAN], CLEAN),
        ([CLEAN, -9], FAILED),
        ([], FAILED),
    ],
)
def test_the_worst_counts(codes: list[int], expected: int) -> None:
    assert worst(codes) == expected


def row(name: str, code: int | None = None, **more: Any) -> Row:
    return Row(name=name, code=code, **more)


def test_how_it_goes_is_told_with_its_rate_and_the_time_that_is_left() -> None:
    rows = [
        row("a", CLEAN, weight=100_000_000),
        row("b", weight=100_000_000, fraction=0.5, running=True, source="files"),
        row("c", weight=150_000_000),
        row("d", HIT, weight=10**12, resumed=True),
    ]
    assert goes(rows, 10) == "2 of 4 done   1 hit   15.0 MB/s   about 0:13 left"
    assert goes([row("a", CLEAN), row("b")], 10) == "1 of 2 done   about 0:10 left"
    assert goes([row("a", FAILED)], 10) == "1 of 1 done   1 failed"
    written = io.StringIO()
    progress = SeveralProgress(enabled=True, stream=written, columns=lambda: 100, now=lambda: 7.0)
    progress.show(rows, now=True)
    assert "b files" in written.getvalue()


def test_the_table_begins_with_what_counts_and_nothing_in_it_is_active() -> None:
    hit = {"verdict": "hit", "host": "WS\x1b[2J", "findings": {"strong": 2, "weak": 1}, "sec": 3,
           "path": "/r.json", "top": ["C:\\x\u202e"], "gaps": {"files": "partial"}}  # fmt: skip
    clean = {"verdict": "clean", "host": "A", "findings": {}, "gaps": {}, "sec": 1, "path": "/a"}
    rows = [row("a", CLEAN, summary=clean), row("b", CLEAN, summary=clean, resumed=True),
            row("c", FAILED, why="no"), row("d", HIT, summary=hit)]  # fmt: skip
    lines = table(rows).splitlines()
    assert lines[0].split() == ["host", "verdict", "findings", "gaps", "seconds", "report"]
    assert lines[1].split() == [
        "WS\\x1b[2J", "HIT", "2", "strong,", "1", "weak", "files", "3.0", "/r.json"
    ]  # fmt: skip
    assert lines[2] == "    C:\\x\\u202e"
    assert lines[3].split() == ["c", "NOT", "SWEPT", "-", "-", "-", "no"]
    assert lines[4].startswith("A (a)")
    assert lines[5].startswith("A (b)")
    assert json.loads(several_line(rows, 1, 5)) == {
        "v": 1, "targets": 4, "hit": 1, "clean": 2, "incomplete": 0, "failed": 1, "resumed": 1,
        "exit": 1, "sec": 5,
    }  # fmt: skip


def test_stars_are_expanded_where_no_shell_did(tmp_path: Path) -> None:
    for name in ("b.E01", "a.E01", "[x].E01"):
        (tmp_path / name).touch()
    star = str(tmp_path / "?.E01")
    assert expanded([star, "x"]) == [str(tmp_path / "a.E01"), str(tmp_path / "b.E01"), "x"]
    assert expanded([str(tmp_path / "[x].E01")]) == [str(tmp_path / "[x].E01")]
    assert expanded([str(tmp_path / "*.dd")]) == [str(tmp_path / "*.dd")]
