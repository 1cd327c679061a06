"""The command line: exit codes, reports that survive a kill, no self-hits, delivery."""

from __future__ import annotations

import functools
import gc
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from agent import cli, exit_codes
from agent.__main__ import run as run_program
from agent.commands import alone
from agent.commands import sweep as sweeping
from agent.delivery import client
from agent.delivery.spool import Spool
from agent.model.codec import decode
from agent.model.report import INTERRUPTED, Report, State, Verdict
from agent.packs import built_in as packs
from agent.sources.catalog import NAMES, ON_REQUEST
from tests.agent.delivery.scripted import (
    Answer,
    Scripted,
    StillClock,
    scripted,
    without_time,
)
from tests.evidence.files import dll

REPOSITORY = Path(__file__).parents[2]
SCHEMA = json.loads((REPOSITORY / "agent" / "model" / "report.schema.json").read_text())


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> StillClock:
    """A clock for the delivery that only sleeping moves."""
    clock = StillClock()
    without_time(clock, monkeypatch)
    return clock


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    for number in range(30):
        inner = folder / f"d{number}"
        inner.mkdir(parents=True)
        for name in range(20):
            (inner / f"f{name}.txt").write_text("nothing")
    return folder


def reports(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json"))


def the_report(folder: Path) -> Report:
    (path,) = reports(folder)
    jsonschema.validate(json.loads(path.read_bytes()), SCHEMA)
    return decode(path.read_bytes())


def test_a_clean_folder_ends_with_0(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["offline", str(tree), "--out", str(tmp_path / "out")]) == 0
    output = capsys.readouterr().out
    assert "CLEAN, nothing left unlooked at" in output
    assert json.loads(output.splitlines()[-1])["verdict"] == "clean"
    assert the_report(tmp_path / "out").verdict is Verdict.CLEAN


def test_a_hit_ends_with_1_and_with_exit_zero_with_0(tree: Path, tmp_path: Path) -> None:
    place = tree / "Users" / "jo" / "AppData" / "Local"
    place.mkdir(parents=True)
    (place / "cyzfc.dat").write_bytes(b"x")
    assert cli.main(["offline", str(tree), "--out", str(tmp_path / "a")]) == 1
    assert cli.main(["offline", str(tree), "--out", str(tmp_path / "b"), "--exit-zero"]) == 0
    assert the_report(tmp_path / "a").findings[0].title.endswith("cyzfc.dat")


def test_a_skipped_source_ends_with_3(tree: Path) -> None:
    assert cli.main(["offline", str(tree), "--skip", "files", "--quiet"]) == 3


def test_an_empty_folder_is_never_clean(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As where a mount has failed."""
    empty = tmp_path / "mounted"
    empty.mkdir()
    assert cli.main(["offline", str(empty)]) == 3
    assert "an empty folder" in capsys.readouterr().out
    assert cli.main(["offline", str(tree), str(empty)]) == 3
    assert cli.main(["live", "--only", "files", str(empty)]) == 3
    assert cli.main(["offline", str(tree), str(tree / "d1")]) == 0


def test_quiet_prints_one_line(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["offline", str(tree), "--quiet"])
    (line,) = capsys.readouterr().out.splitlines()
    assert line.isascii()
    assert len(line) <= 1500


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["offline", "/nowhere/at/all"], "/nowhere/at/all"),
        (["offline", ""], "an empty argument"),
        (["offline", "/", ""], "an empty argument"),
        (["live", ""], "an empty argument"),
        ([""], "an empty argument"),
        (["send", ""], "an empty argument"),
        (["packs", "check", ""], "an empty argument"),
        (["--out", ""], "an empty argument for --out"),
        (["--share="], "an empty argument --share="),
        (["--memory", "some"], "--memory"),
        (["--max-file-size", "lots"], "lots"),
        (["--max-runtime", "soon"], "soon"),
        (["--only", "nothing"], "no source 'nothing'"),
        (["--pack", "/nowhere.yaml"], "/nowhere.yaml"),
        (["--pack", "a", "--only-pack", "b"], "give one of them"),
        (["--rules", "/nowhere.yar"], "/nowhere.yar"),
        (["--collector", "https://127.0.0.1:1"], "no token"),
        (["--collector", "http://collector.example:8080"], "plain http is for loopback only"),
        (["--collector", "collector.example:8443"], "begins with https://"),
        (["--proxy", "http://x:1", "--no-proxy"], "give one of them"),
        (["--no-delivery", "--share", "x"], "give one of them"),
        (["--send-window", "0"], "at least one second"),
        (["--splay", "60m-5m"], "from less to more"),
        (["--splay", "30d"], "at most 7d"),
        (["--splay", "-5"], "--splay"),
        (["send"], "give --collector URL or --share DIR"),
        (["packs", "check", "/nowhere.yaml"], "/nowhere.yaml"),
    ],
)
def test_what_cannot_run_ends_with_2_and_says_why(
    arguments: list[str],
    why: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("IOCSWEEP_TOKEN", raising=False)
    assert cli.main(arguments) == 2
    assert why in capsys.readouterr().err


def test_a_defect_never_ends_like_a_hit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(sweeping, "load_packs", broken)
    assert cli.main(["offline", "/"]) == 2
    assert "this is a defect" in capsys.readouterr().err


def test_a_part_that_does_not_load_never_ends_like_a_hit(tmp_path: Path) -> None:
    """As where application control keeps a DLL of the program from loading."""
    (tmp_path / "boreal.py").write_text("raise ImportError('DLL load failed:\\n blocked')")
    done = subprocess.run(
        [sys.executable, "-m", "agent", "offline", "/"],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.endswith("a part of it does not load: ImportError: DLL load failed: blocked")


def test_nothing_is_looked_through_once_more_before_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    least, frozen = gc.get_threshold(), gc.get_freeze_count()
    monkeypatch.setattr("sys.argv", ["iocsweep", "packs", "list"])
    try:
        assert run_program() == 0
        assert gc.get_freeze_count() > frozen + 10_000
    finally:
        gc.unfreeze()
        gc.set_threshold(*least)


def test_packs_are_listed_and_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["packs", "list"]) == 0
    assert "pandorasong.com" in capsys.readouterr().out
    assert cli.main(["packs", "check", str(REPOSITORY / "iocs" / "cyzfc.yaml")]) == 0
    assert re.search(r"cyzfc\.yaml: ok, [1-9][0-9]+ indicators", capsys.readouterr().out)


def test_help_tells_every_option_of_a_sweep(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--help"])
    told = capsys.readouterr().out
    for option in ("--collector", "--pack", "--memory", "--max-runtime", "offline", "packs"):
        assert option in told


def test_own_packs_and_rules_are_looked_for(tree: Path, tmp_path: Path) -> None:
    rules = tmp_path / "mine.yar"
    rules.write_text('rule needle { strings: $s = "in the haystack" condition: $s }')
    (tree / "x.bin").write_text("a needle in the haystack")
    out = tmp_path / "out"
    assert cli.main(["offline", str(tree), "--rules", str(rules), "--out", str(out)]) == 1
    assert the_report(out).findings[0].indicator.id == "rules/mine.yar:needle"


def test_a_file_beside_the_exe_is_said_at_start_and_stands_in_the_report(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    beside = tmp_path / "exclusions.yaml"
    beside.write_text("exclusions: iocsweep.exclusions/1\nversion: 7\nrules: []\n")
    found = {"exclusions.yaml": beside}
    monkeypatch.setattr(packs, "beside_exe", found.get)
    out = tmp_path / "out"
    cli.main(["offline", str(tree), "--out", str(out), "--quiet"])
    assert f"{beside} takes the place of the built-in file" in capsys.readouterr().err
    report = the_report(out)
    assert report.exclusions is not None
    assert report.exclusions.origin == str(beside)
    assert (report.exclusions.version, report.exclusions.rules) == ("7", 0)
    assert [pack.origin for pack in report.packs] == ["built in"]


def test_packs_that_were_asked_for_are_not_said_to_replace_anything(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = str(REPOSITORY / "iocs" / "cyzfc.yaml")
    cli.main(["offline", str(tree), "--only-pack", own, "--quiet"])
    assert "takes the place" not in capsys.readouterr().err


def test_the_report_may_be_one_named_file(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.json"
    cli.main(["offline", str(tree), "--out", str(out)])
    assert decode(out.read_bytes()).verdict is Verdict.CLEAN
    assert list(tmp_path.glob("*.partial.jsonl")) == []


def test_a_report_that_cannot_be_written_is_told_and_the_summary_still_comes(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    assert cli.main(["offline", str(tree), "--out", str(blocked / "x.json")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_live_sweep_of_paths_runs_all_sources_of_this_host(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code = cli.main(["live", str(tree), "--out", str(out), "--nice", "--quiet"])
    report = the_report(out)
    states = {coverage.source: coverage for coverage in report.coverage}
    assert set(states) == set(NAMES) - ON_REQUEST
    for windows_only in ("memory", "dns_cache", "pipes"):
        assert states[windows_only].state is State.UNAVAILABLE
        assert states[windows_only].reasons[0].reason == "not this platform"
        assert not states[windows_only].required
    assert states["processes"].examined > 0
    assert code in (0, 1, 3)


def test_a_second_live_sweep_is_turned_away(tree: Path, tmp_path: Path) -> None:
    from agent.home import OneSweep, home

    home().mkdir(parents=True)
    with OneSweep(home()) as first:
        assert first.acquire()
        assert cli.main(["live", str(tree)]) == 5


@pytest.mark.parametrize(
    ("exit_zero", "windows", "code"),
    [(False, False, 5), (False, True, 5), (True, False, 5), (True, True, 1618)],
)
def test_a_deployment_tool_of_windows_is_told_to_try_later(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    exit_zero: object,
    windows: object,
    code: int,
) -> None:
    from agent.home import OneSweep, home

    monkeypatch.setattr(
        alone, "busy_code", functools.partial(exit_codes.busy_code, windows=bool(windows))
    )
    home().mkdir(parents=True)
    with OneSweep(home()) as first:
        assert first.acquire()
        more = ["--exit-zero"] if exit_zero else []
        assert cli.main(["live", str(tmp_path), "--quiet", *more]) == code
    assert json.loads(capsys.readouterr().out)["exit"] == code


def run(*arguments: str, home: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "agent", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "IOCSWEEP_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def test_a_second_run_finds_nothing_of_the_first(tree: Path, tmp_path: Path) -> None:
    """Report, spool, shell history and the like of the first run lie in the tree of the second."""
    home = tree / "home"
    (tree / "cyzfc.dat").write_bytes(b"x")
    environment = {**os.environ, "IOCSWEEP_HOME": str(home), "IOCSWEEP_TOKEN": "t"}
    command = [sys.executable, "-m", "agent", "offline", str(tree), "--quiet"]
    collector = ["--collector", "http://127.0.0.1:9", "--send-window", "1"]
    subprocess.run([*command, *collector], cwd=REPOSITORY, env=environment, check=False)
    assert list((home / "spool").glob("*.json.gz"))
    (tree / "ConsoleHost_history.ps1").write_text("iocsweep.exe --pack cyzfc.dat pandorasong.com\n")
    (tree / "IOCSWEEP.EXE-12345678.pf.txt").write_text("IOCSWEEP.EXE \\cyzfc.yaml")
    copy = tree / "copy of a report.json"
    copy.write_bytes(reports(home / "reports")[0].read_bytes())
    (tree / "cyzfc.dat").unlink()
    done = subprocess.run(
        [*command, "--thorough"], cwd=REPOSITORY, env=environment, check=False, capture_output=True
    )
    assert done.returncode == 0, done.stdout
    last = decode(reports(home / "reports")[-1].read_bytes())
    assert last.findings == []
    (files,) = [coverage for coverage in last.coverage if coverage.source == "files"]
    assert files.own >= 3


@pytest.mark.parametrize("quiet", [[], ["--quiet"]])
def test_whoever_stops_reading_takes_nothing_from_the_exit_code(
    tree: Path, tmp_path: Path, quiet: list[str]
) -> None:
    (tree / "cyzfc.dat").write_bytes(b"x")
    (tree / "hosts.ps1").write_text("rundll32 cyzfc.dat,PointFunctionCall")
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "agent", "offline", str(tree), "--out", str(tmp_path / "o")]
    done = subprocess.run(
        [*command, *quiet], cwd=REPOSITORY, stdout=write, stderr=subprocess.PIPE, check=False
    )
    os.close(write)
    report = the_report(tmp_path / "o")
    assert done.returncode == {"hit": 1, "clean": 0}[report.verdict.value]
    assert done.stderr == b""


# ---- delivery ----------------------------------------------------------------------------------------


@pytest.fixture
def collector() -> Iterator[Scripted]:
    with scripted() as server:
        yield server


def test_a_sweep_that_is_killed_at_any_moment_is_delivered_by_the_next(
    tree: Path,
    tmp_path: Path,
    collector: Scripted,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Twenty kills at random moments from the journal's first line to most of the files."""
    monkeypatch.setenv("IOCSWEEP_TOKEN", "t")
    mention = tree / "mention.ps1"
    mention.write_text("Get-Item cyzfc.dat\n" * 5000)
    for number in range(4000):
        os.link(mention, tree / f"z{number}.ps1")  # each one more line in the journal
    chance = random.Random(7)
    for attempt in range(20):
        out = tmp_path / f"out{attempt}"
        process = run("offline", str(tree), "--thorough", "--out", str(out), home=tmp_path / "home")
        records = chance.randrange(1, 2000)
        _await_records(out, records, process)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert len(list(out.glob("*.partial.jsonl"))) == 1
        assert reports(out) == []
        collector.received.clear()
        arguments = [
            "offline",
            str(tree / "d0"),
            "--out",
            str(out),
            "--quiet",
            "--collector",
            collector.url,
        ]
        assert cli.main(arguments) == 0
        assert list(out.glob("*.partial.jsonl")) == []
        delivered = [decode(received.json) for received in collector.received]
        assert sorted(r.verdict.value for r in delivered) == ["clean", "incomplete"]
        (torn,) = [r for r in delivered if r.verdict is Verdict.INCOMPLETE]
        assert "sweep was interrupted" in {r.reason for c in torn.coverage for r in c.reasons}
        ended = [c for c in torn.coverage if not any(r.reason == INTERRUPTED for r in c.reasons)]
        assert len(torn.findings) >= records - 1 - len(ended), "a line of the journal was lost"
        for path in reports(out):
            jsonschema.validate(json.loads(path.read_bytes()), SCHEMA)


def _await_records(out: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    """Until the journal holds this many lines. Most of the sweep is still to come then."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for journal in out.glob("*.partial.jsonl"):
            if journal.read_bytes().count(b"\n") >= count:
                return
        assert process.poll() is None, "the sweep ended before it could be killed"
        time.sleep(0.002)
    raise AssertionError(f"no {count} records in a minute")


def test_a_report_is_delivered_and_leaves_the_spool(
    tree: Path, tmp_path: Path, collector: Scripted
) -> None:
    token = tmp_path / "token"
    token.write_text("secret-token\n")
    arguments = [
        "offline",
        str(tree),
        "--collector",
        collector.url,
        "--token-file",
        str(token),
        "--quiet",
    ]
    assert cli.main(arguments) == 0
    (received,) = collector.received
    report, headers = decode(received.json), received.headers
    assert received.report_id == report.report_id
    assert headers["Authorization"] == "Bearer secret-token"
    assert (headers["Content-Encoding"], headers["Content-Type"]) == ("gzip", "application/json")
    assert list((tmp_path / "home" / "spool").glob("*.gz")) == []
    assert "secret-token" not in received.json.decode()


def test_an_unacknowledged_report_stays_and_goes_with_the_next(
    tree: Path,
    tmp_path: Path,
    collector: Scripted,
    still: StillClock,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("IOCSWEEP_TOKEN", "t")
    collector.answers(Answer(503, {"Retry-After": "7200"}))
    arguments = ["offline", str(tree), "--collector", collector.url, "--quiet"]
    assert cli.main(arguments) == 4
    captured = capsys.readouterr()
    assert json.loads(captured.out)["delivered"] is False
    assert json.loads(captured.out)["via"] is None
    assert "stays in the spool: HTTP 503" in captured.err
    assert still.slept == []
    assert len(list((tmp_path / "home" / "spool").glob("*.gz"))) == 1
    assert cli.main(arguments) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["delivered"], summary["via"]) == (True, "collector")
    first, newest, oldest = collector.ids
    assert oldest == first != newest
    assert list((tmp_path / "home" / "spool").glob("*.gz")) == []


@pytest.mark.parametrize("where", ["pending", "done", "put"])
def test_a_spool_that_fails_after_a_hit_takes_nothing_from_the_hit(
    tree: Path,
    collector: Scripted,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    where: str,
) -> None:
    """What the spool cannot do the collector does not suffer from: the report arrives."""

    def failing(*_: object, **__: object) -> None:
        raise PermissionError(13, "in use by another program")

    monkeypatch.setenv("IOCSWEEP_TOKEN", "t")
    (tree / "cyzfc.dat").write_bytes(dll())
    monkeypatch.setattr(Spool, where, failing)
    arguments = ["offline", str(tree), "--collector", collector.url, "--quiet"]
    assert cli.main(arguments) == 1
    captured = capsys.readouterr()
    summary = json.loads(captured.out)
    assert (summary["verdict"], summary["delivered"]) == ("hit", True)
    assert len(collector.received) == 1
    assert "in use by another program" in captured.err
    assert "defect" not in captured.err


def test_a_defect_in_delivery_takes_nothing_from_the_hit(
    tree: Path,
    collector: Scripted,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setenv("IOCSWEEP_TOKEN", "t")
    monkeypatch.setattr(client, "post", broken)
    (tree / "cyzfc.dat").write_bytes(dll())
    assert cli.main(["offline", str(tree), "--collector", collector.url, "--quiet"]) == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out)["delivered"] is False
    assert "ZeroDivisionError" in captured.err
