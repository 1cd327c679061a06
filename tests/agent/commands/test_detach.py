"""``--detach``: the answer comes at once, the sweep goes on, and errors come before it begins."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from agent import cli
from agent.commands import detach
from agent.home import LOG, OneSweep, make_home
from agent.model.codec import decode
from agent.options import parse
from agent.signing.keys import new_key

REPOSITORY = Path(__file__).parents[3]
FEED = """pack: iocsweep.pack/1
id: feed
version: "1"
title: A feed
references: {R: where it is from}
indicators:
- {type: domain, id: feed/one, value: evil-one.net, strength: strong, reference: [R], status: SRC,
   note: its C2}
"""
WAITS = ["--splay", "3s-3s"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def tree(tmp_path: Path, home: Path) -> Path:
    del home
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "note.txt").write_text("nothing")
    return folder


@contextmanager
def started(tree: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """The session that started it, still there, and what it was told."""
    words = ["live", str(tree), "--only", "files", "--detach", "--quiet", *more]
    command = [sys.executable, "-m", "agent", *words]
    # As a shell does that a responder is logged on to: it stays, and is ended as a whole.
    code = (
        "import subprocess, sys; subprocess.run(sys.argv[1:]); print(flush=True); sys.stdin.read()"
    )
    shell = subprocess.Popen(
        [sys.executable, "-c", code, *command],
        cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert shell.stdout is not None
    line = json.loads(shell.stdout.readline())
    assert shell.stdout.readline() == "\n"
    try:
        yield shell, line
    finally:
        with shell:
            shell.kill()
        if psutil.pid_exists(line["pid"]):
            os.kill(line["pid"], signal.SIGKILL)


def ended(pid: int) -> None:
    deadline = time.monotonic() + 60
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "it does not end"
        time.sleep(0.05)


def test_it_outlives_the_session_that_started_it(tree: Path, home: Path) -> None:
    with started(tree, *WAITS) as (shell, line):
        pid = line["pid"]
        assert psutil.pid_exists(pid)
        assert os.getsid(pid) == pid
        assert list((home / "reports").glob("*.json")) == []
        os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()
        ended(pid)
    expected = {"v": 1, "verdict": None, "detached": True, "bound": False}
    assert expected.items() <= line.items()
    assert line["path"] == str(home / "reports")
    (path,) = (home / "reports").glob("*.json")
    assert decode(path.read_bytes()).verdict.value == "clean"
    log = Path(line["log"])
    assert log == home / LOG
    assert log.stat().st_mode & 0o777 == 0o600
    assert json.loads(log.read_text().splitlines()[-1])["verdict"] == "clean"


def test_a_second_one_is_turned_away_at_once_and_the_logs_are_not_lost(
    tree: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with started(tree, *WAITS) as (_, line):
        deadline = time.monotonic() + 30
        while not _is_locked(home):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert cli.main(["live", str(tree), "--detach", "--quiet"]) == 5
        assert json.loads(capsys.readouterr().out)["exit"] == 5
        ended(line["pid"])
    assert json.loads((home / LOG).read_text().splitlines()[-1])["verdict"] == "clean"


def _is_locked(home: Path) -> bool:
    with OneSweep(home) as lock:
        return not lock.acquire()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["/nowhere/at/all"], "/nowhere/at/all"),
        (["--pack", "/nowhere.yaml"], "/nowhere.yaml"),
        (["--rules", "/nowhere.yar"], "/nowhere.yar"),
        (["--collector", "https://c.example", "--token-file", "/no.token"], "/no.token"),
        (["--max-runtime", "soon"], "soon"),
        (["--pack", "feed.yaml", "--pack-key", "feed.pub"], "feed.yaml: is not signed"),
        (["--pack-key", "none.pub"], "none.pub: "),
        (["--rules", "broken.yar", "--strict-rules"], "broken.yar"),
        (["--signing-key-file", "none.key"], "none.key: "),
        (["--html", "note.txt"], "note.txt"),
    ],
)
def test_what_is_wrong_is_said_and_starts_nothing(
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    why: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("feed.yaml").write_text(FEED, encoding="utf-8")
    Path("feed.pub").write_text(new_key().public.pem(), encoding="ascii")
    Path("broken.yar").write_text("rule broken { condition: $a }", encoding="utf-8")
    Path("note.txt").write_text("somebody's", encoding="utf-8")

    def started_it(*_: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(detach, "_popen", started_it)
    assert cli.main(["live", "--detach", *arguments]) == 2
    assert why in capsys.readouterr().err
    assert not (home / LOG).exists()


def test_a_process_that_cannot_be_started_is_said(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "blocked by policy")

    monkeypatch.setattr(detach, "_popen", refused)
    assert cli.main(["live", str(tree), "--detach"]) == 2
    assert "cannot start another process: blocked by policy" in capsys.readouterr().err


def test_no_link_is_followed_to_another_file(
    tree: Path, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_home(home)
    (tmp_path / "mine").write_text("mine")
    (home / LOG).symlink_to(tmp_path / "mine")
    assert detach._new_log(home) is None
    assert "no log can be written" in capsys.readouterr().err
    assert (tmp_path / "mine").read_text() == "mine"


def test_the_log_goes_with_everything_else(home: Path) -> None:
    make_home(home)
    (home / LOG).write_text("said")
    assert cli.main(["clean"]) == 0
    assert not home.exists()


def test_channels_that_do_not_wait_detach() -> None:
    for name in ("rtr", "gpo-startup"):
        assert parse(["--preset", name]).detach


def test_whoever_reads_what_it_says_until_the_end_is_not_kept_waiting(tree: Path) -> None:
    """As a channel of remote execution does: nothing of its is held open by the sweep."""
    words = ["live", str(tree), "--only", "files", "--detach", "--quiet", "--splay", "60s-60s"]
    done = subprocess.run(
        [sys.executable, "-m", "agent", *words],
        cwd=REPOSITORY, capture_output=True, text=True, check=True, input="",
    )  # fmt: skip
    process = psutil.Process(json.loads(done.stdout)["pid"])
    try:
        assert process.is_running()
        assert process.status() != psutil.STATUS_ZOMBIE
    finally:
        process.kill()
    assert done.stderr == ""
