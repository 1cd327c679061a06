"""What was not meant starts nothing, and says what is wrong in words, for people and for tools."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import cli
from agent.commands import sweep as sweeping
from agent.delivery.client import post
from agent.delivery.collector import Collector
from agent.home import OneSweep, home
from agent.model.codec import decode
from agent.model.report import Verdict
from agent.output.plain import failure_line, plain

ID = "018f0000-0000-7000-8000-000000000001"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    folder = tmp_path / "clean"
    folder.mkdir()
    (folder / "note.txt").write_text("nothing")
    return folder


@pytest.fixture
def nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    def begun(*_: object) -> None:
        raise AssertionError("something was begun")

    for step in ("with_settings", "load_packs", "destination_of", "_target"):
        monkeypatch.setattr(sweeping, step, begun)


@pytest.mark.usefixtures("nothing_begins")
@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["offlien", "/"], "did you mean the command offline?"),
        (["OFLINE"], "did you mean the command offline?"),
        (["sent"], "did you mean the command send?"),
        (["pack"], "did you mean the command packs?"),
        (["help"], "iocsweep --help"),
        (["/?"], "iocsweep --help"),
        (["/quiet"], "did you mean --quiet?"),
        (["/nowhere"], "no such file or folder"),
        (["live", "/", "/nowhere"], "/nowhere: no such file or folder"),
        (["/etc/hostname/x"], "no such file or folder"),
        (["x" * 5000], "no such file or folder"),
        (["a\0b"], "no such file or folder"),
        (["offline", "/", "/nowhere"], "/nowhere: no such file or folder"),
        (["--only", "files", "/nowhere"], "no such file or folder"),
        (["--quite"], "did you mean --quiet?"),
        (["offline", "/", "--trough"], "did you mean --thorough?"),
        (["packs", "import", "x", "--tabel", "x", "--out", "x"], "did you mean --table?"),
        (
            ["packs", "export", "--to", "csv", "--force"],
            "arguments: --force\nwhat there is: iocsweep packs export --help",
        ),
    ],
)
def test_a_path_or_option_that_there_is_not_ends_with_2_before_anything_begins(
    arguments: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    told = capsys.readouterr()
    assert hint in told.err
    assert told.out == ""


def test_a_path_that_exists_is_no_mistake_whatever_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "help").mkdir()
    (tmp_path / "help" / "note.txt").write_text("nothing")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["help", "--only", "files", "--quiet"]) == 0


@pytest.mark.parametrize("skip", ["files", "pipes,files"])
def test_the_same_source_in_only_and_skip_is_refused(
    skip: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["offline", "/", "--only", "files", "--skip", skip]) == 2
    assert "--only and --skip: files in both" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["offline", "/nowhere"],
        ["--only", "nothing"],
        ["--pack", "/nowhere.yaml"],
        ["--rules", "/nowhere.yar"],
        ["--unknown"],
        ["--collector", "x"],
        ["send"],
        ["send", "--collector", "ftp://x"],
    ],
)
def test_quiet_tells_why_it_could_not_run_on_one_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*arguments, "--quiet"]) == 2
    told = capsys.readouterr()
    (line,) = told.out.splitlines()
    summary = json.loads(line)
    assert (summary["v"], summary["verdict"], summary["exit"]) == (1, None, 2)
    assert summary["error"]
    assert summary["error"] in told.err


def test_quiet_tells_that_another_sweep_is_running(
    clean: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home().mkdir(parents=True)
    with OneSweep(home()) as first:
        assert first.acquire()
        assert cli.main([str(clean), "--quiet"]) == 5
    summary = json.loads(capsys.readouterr().out)
    assert (summary["verdict"], summary["exit"]) == (None, 5)
    assert summary["error"] == "another sweep is running on this host"


def test_quiet_tells_of_a_defect_on_one_line(
    clean: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("by\nnothing")

    monkeypatch.setattr(sweeping, "load_packs", broken)
    assert cli.main(["offline", str(clean), "--quiet"]) == 2
    summary = json.loads(capsys.readouterr().out)
    assert summary["error"] == "a defect: ZeroDivisionError: by nothing"


def test_a_failure_line_is_short_and_ascii() -> None:
    line = failure_line("ü" * 100_000 + "\nusage", 2)
    assert line.isascii()
    assert len(line) <= 2000


@pytest.mark.parametrize("command", ["offline", "live"])
def test_a_home_that_cannot_be_written_stops_no_sweep_whose_report_goes_elsewhere(
    clean: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "file" / "home"))
    arguments = [command, str(clean), "--only", "files", "--cache", "--quiet"]
    assert cli.main(arguments) == 2
    assert "--out DIR puts the report elsewhere" in capsys.readouterr().err
    out = tmp_path / "out"
    assert cli.main([*arguments, "--out", str(out)]) == 0
    (path,) = out.glob("*.json")
    assert decode(path.read_bytes()).verdict is Verdict.CLEAN
    told = capsys.readouterr().err
    assert f"{tmp_path / 'file' / 'home'}: cannot be written: Not a directory" in told
    assert "Errno" not in told


def test_a_report_that_no_spool_keeps_is_sent_from_memory_or_counts_as_undelivered(
    clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IOCSWEEP_TOKEN", "t")
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "file" / "home"))
    collector = ["--collector", "http://127.0.0.1:9", "--send-window", "1"]
    code = cli.main(["offline", str(clean), "--out", str(tmp_path / "out"), "--quiet", *collector])
    assert code == 4
    told = capsys.readouterr().err
    assert "no answer: Connection refused" in told
    for noise in ("Errno", "urllib3", "Max retries", "HTTPConnectionPool", "Caused by"):
        assert noise not in told


# ---- words of errors


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FileNotFoundError(2, "No such file or directory", "/x"), "No such file or directory"),
        (OSError("[Errno 5] Input/output error: '/x'"), "Input/output error: '/x'"),
        (OSError("[WinError 32] in use"), "in use"),
        (ValueError("two\nlines"), "two lines"),
        (ValueError("a\x1b[2J"), "a\\x1b[2J"),
        (KeyError(), "KeyError"),
    ],
)
def test_an_error_is_told_without_its_number(error: Exception, words: str) -> None:
    assert plain(error) == words


@pytest.fixture
def mute() -> Iterator[str]:
    """A server that takes the connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def reason(url: str) -> str:
    return post(Collector(url=url, token="secret", proxies={}), ID, b"x", timeout=0.3).reason


def test_why_no_collector_answered_is_told_in_a_few_words(mute: str) -> None:
    assert reason("http://127.0.0.1:9") == "no answer: Connection refused"
    assert reason(mute) == "no answer: timed out"
    assert reason("https://collector.invalid").startswith("no answer: the name is not found: ")
    assert len(reason("https://collector.invalid")) < 100
