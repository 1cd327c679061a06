"""``--once SWEEP``: a host is swept once for a name, and says so when it is asked again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent import cli
from agent.commands import sweep as sweeping
from agent.exit_codes import UsageError
from agent.model.codec import decode
from agent.options import parse
from agent.sweep import finished_mark
from agent.sweep.finished_mark import Finished
from agent.sweep.journal import Journal
from tests.agent.delivery.scripted import Answer, StillClock, scripted, without_time
from tests.evidence.files import dll


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("IOCSWEEP_TOKEN", "t")
    without_time(StillClock(), monkeypatch)
    return tmp_path / "home"


@pytest.fixture
def tree(tmp_path: Path, home: Path) -> Path:
    del home
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "note.txt").write_text("nothing")
    return folder


def swept(tree: Path, *more: str, name: str = "w48") -> int:
    return cli.main(["live", str(tree), "--only", "files", "--once", name, "--quiet", *more])


def reports(home: Path) -> list[Path]:
    return sorted((home / "reports").glob("*.json"))


def infect(tree: Path) -> None:
    place = tree / "Users" / "jo" / "AppData" / "Local"
    place.mkdir(parents=True)
    (place / "cyzfc.dat").write_bytes(dll())


def test_the_sweep_of_a_name_is_run_once(
    tree: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert swept(tree) == 0
    (path,) = reports(home)
    report = decode(path.read_bytes())
    assert report.sweep_id == "w48"
    capsys.readouterr()
    assert swept(tree) == 0
    assert reports(home) == [path]
    line = json.loads(capsys.readouterr().out)
    assert (line["verdict"], line["once"], line["delivered"]) == ("clean", "w48", None)
    assert line["finished"] == report.finished.isoformat(timespec="seconds")
    assert swept(tree, name="w49") == 0
    assert len(reports(home)) == 2


def test_a_person_is_told_in_words(
    tree: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert swept(tree) == 0
    capsys.readouterr()
    assert cli.main(["live", str(tree), "--only", "files", "--once", "w48"]) == 0
    told = capsys.readouterr().out
    assert "The sweep w48 has finished on this host" in told
    assert "CLEAN. It is not run again (--once)." in told
    assert len(reports(home)) == 1


def test_a_hit_stays_one_for_whoever_asks_again(tree: Path) -> None:
    infect(tree)
    assert swept(tree) == 1
    assert swept(tree) == 1
    assert swept(tree, "--exit-zero") == 0


def test_an_incomplete_answer_becomes_no_clean_one(tree: Path) -> None:
    empty = tree / "mounted"
    empty.mkdir()
    assert swept(empty) == 3
    (empty / "note.txt").write_text("nothing")
    assert swept(empty) == 3


def test_a_time_that_was_over_has_finished_and_is_incomplete(
    tree: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as context:
        context.setattr("agent.sweep.course.Course.is_over", True)
        assert swept(tree, "--max-runtime", "1s") == 3
    mark = finished_mark.read(home)
    assert mark is not None
    assert mark.verdict.value == "incomplete"
    assert swept(tree) == 3
    assert len(reports(home)) == 1


def test_a_sweep_that_was_stopped_has_not_finished(
    tree: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = sweeping._run

    def stopped(sweep: Any, *others: Any) -> Any:
        sweep._stopped = True
        return run(sweep, *others)

    with monkeypatch.context() as context:
        context.setattr(sweeping, "_run", stopped)
        assert swept(tree) == 3
    assert finished_mark.read(home) is None
    assert swept(tree) == 0


def test_nothing_is_kept_before_the_report_is_safe(
    tree: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> Path:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as context:
        context.setattr(Journal, "finish", full)
        assert swept(tree) == 4
    assert finished_mark.read(home) is None


def test_a_report_in_the_spool_is_safe_and_is_sent_when_asked_again(
    tree: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with scripted() as server:
        server.answers(Answer(503, {"Retry-After": "7200"}), Answer(503, {"Retry-After": "7200"}))
        to = ["--collector", server.url, "--no-proxy"]
        assert swept(tree, *to) == 4
        assert len(list((home / "spool").glob("*.gz"))) == 1
        capsys.readouterr()
        assert swept(tree, *to) == 4
        assert json.loads(capsys.readouterr().out)["delivered"] is False
        server.answers(201)
        assert swept(tree, *to) == 0
        assert json.loads(capsys.readouterr().out)["delivered"] is True
    assert list((home / "spool").glob("*.gz")) == []
    assert len({*server.ids}) == 1
    assert len(reports(home)) == 1


def test_a_killed_sweeps_hit_is_kept_as_this_runs(
    tree: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    infect(tree)
    with monkeypatch.context() as context:

        def killed(journal: Journal, *_: object) -> Path:
            journal.close()
            raise OSError("killed")

        context.setattr(Journal, "finish", killed)
        assert swept(tree) == 1
    (tree / "Users" / "jo" / "AppData" / "Local" / "cyzfc.dat").unlink()
    assert swept(tree) == 1
    mark = finished_mark.read(home)
    assert mark is not None
    assert mark.verdict.value == "hit"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"LastSweep": 3}', '{"LastSweep": "w48", "Verdict": "fine"}']
)
def test_a_mark_that_is_none_keeps_nothing_from_being_looked_at(
    tree: Path, home: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    home.mkdir(mode=0o700)
    (home / finished_mark.FILE).write_text(text)
    assert swept(tree) == 0
    assert "no mark of a finished sweep; the sweep is run" in capsys.readouterr().err
    assert len(reports(home)) == 1
    mark = finished_mark.read(home)
    assert mark is not None
    assert mark.sweep == "w48"


def test_a_mark_that_cannot_be_kept_is_said(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(_: Path, mark: Finished) -> None:
        raise PermissionError(13, "Access is denied", mark.sweep)

    monkeypatch.setattr(finished_mark, "write", refused)
    assert swept(tree) == 0
    assert "that the sweep has finished is not kept: Access is denied" in capsys.readouterr().err


def test_only_the_option_keeps_a_mark(tree: Path, home: Path) -> None:
    arguments = ["live", str(tree), "--only", "files", "--quiet", "--sweep-id", "w48"]
    assert cli.main(arguments) == 0
    assert not (home / finished_mark.FILE).exists()


def test_it_goes_with_everything_else(tree: Path, home: Path) -> None:
    assert swept(tree) == 0
    assert (home / finished_mark.FILE).is_file()
    assert cli.main(["clean", "--yes"]) == 0
    assert not home.exists()


def test_it_goes_where_there_is_no_home_any_more(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the registry's values do."""
    removed: list[Path] = []

    def remove(folder: Path) -> bool:
        removed.append(folder)
        return True

    monkeypatch.setattr(finished_mark, "remove", remove)
    assert cli.main(["clean"]) == 0
    assert removed == [home]
    assert "removed 1 mark of a finished sweep" in capsys.readouterr().out


def test_the_name_is_the_sweeps_id() -> None:
    assert parse(["--once", "w48"]).sweep_id == "w48"
    assert parse(["--once", "w48", "--sweep-id", "w48"]).run_once == "w48"
    for wrong in (["--once", "a", "--sweep-id", "b"], ["--once", " a"], ["--once", "a" * 129]):
        with pytest.raises(UsageError):
            parse(wrong)
