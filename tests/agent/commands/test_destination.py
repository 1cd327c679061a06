"""No file is lost to a report, and what a killed sweep had found is told by the next one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs

from agent import cli
from agent.commands import destination
from agent.model.codec import decode, encode
from agent.model.report import Verdict
from agent.sweep.journal import Journal
from tests.evidence.files import dll
from tests.evidence.reports import report

KILLED = "018f0000-0000-7000-8000-00000000dead"


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
def infected(tmp_path: Path) -> Path:
    place = tmp_path / "infected" / "Users" / "jo" / "AppData" / "Local"
    place.mkdir(parents=True)
    (place / "cyzfc.dat").write_bytes(dll())
    return tmp_path / "infected"


def swept(folder: Path, out: Path, *more: str) -> int:
    return cli.main(["offline", str(folder), "--out", str(out), *more])


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, Path], None]:
    """A sweep that ends before its report is written."""

    def sweep_and_kill(folder: Path, out: Path) -> None:
        with monkeypatch.context() as context:

            def end(journal: Journal, *_: object) -> Path:
                journal.close()
                raise OSError("killed")

            context.setattr(Journal, "finish", end)
            swept(folder, out, "--quiet")

    return sweep_and_kill


@pytest.mark.parametrize("name", ["out.json", "out.txt"])
@pytest.mark.parametrize("force", [[], ["--force"]])
@pytest.mark.parametrize(
    "what", [b"", b'{"accounts": []}', b"{", b'{"schema": "iocsweep.report/9"}']
)
def test_a_file_that_is_no_report_is_never_replaced(
    clean: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    what: bytes,
    force: list[str],
    name: str,
) -> None:
    out = tmp_path / name
    out.write_bytes(what)
    assert swept(clean, out, *force) == 2
    assert out.read_bytes() == what
    assert f"{out}: is there already and is no report" in capsys.readouterr().err


def test_a_report_is_replaced_only_with_force(
    clean: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    earlier = encode(structs.replace(report(), report_id=KILLED))
    out.write_bytes(earlier)
    assert swept(clean, out) == 2
    assert "is a report already; --force replaces it" in capsys.readouterr().err
    assert out.read_bytes() == earlier
    assert swept(clean, out, "--force") == 0
    assert decode(out.read_bytes()).report_id != KILLED


def test_nothing_is_read_before_a_file_in_the_way_is_refused(
    clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.json"
    out.write_bytes(b"mine")

    def started(*_: object) -> None:
        raise AssertionError("the sweep has begun")

    monkeypatch.setattr(destination, "find_interrupted", started)
    monkeypatch.setattr(Journal, "create", started)
    assert swept(clean, out) == 2


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_file_that_appears_during_the_sweep_is_kept_and_the_report_lies_beside_it(
    clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, force: list[str]
) -> None:
    out = tmp_path / "out.json"
    create = Journal.create

    def with_a_neighbour(final: Path, *others: object, **named: object) -> Journal:
        out.write_bytes(b"somebody else's")
        return create(final, *others, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Journal, "create", with_a_neighbour)
    assert swept(clean, out, *force) == 0
    assert out.read_bytes() == b"somebody else's"
    (beside,) = tmp_path.glob("out.*.json")
    assert decode(beside.read_bytes()).verdict is Verdict.CLEAN


@pytest.mark.parametrize("quiet", [[], ["--quiet"]])
def test_a_hit_of_a_killed_sweep_is_told_by_the_next_run(
    clean: Path,
    infected: Path,
    tmp_path: Path,
    killed: Callable[[Path, Path], None],
    capsys: pytest.CaptureFixture[str],
    quiet: list[str],
) -> None:
    out = tmp_path / "out"
    killed(infected, out)
    capsys.readouterr()
    assert swept(clean, out, *quiet) == 1
    told = capsys.readouterr()
    *before, last = told.out.splitlines()
    summary = json.loads(last)
    assert summary["verdict"] == "clean"
    (recovered,) = summary["recovered"]
    assert recovered["verdict"] == "hit"
    assert "cyzfc.dat" in recovered["top"]
    assert f"interrupted sweep, hit: {out}" in told.err
    if quiet:
        assert before == []
    else:
        text = "\n".join(before)
        assert text.startswith("FOUND BY AN INTERRUPTED SWEEP")
        assert text.index("\nHIT   ") < text.index("CLEAN, nothing left unlooked at")
    assert swept(clean, out, *quiet) == 0
    assert "recovered" not in json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_hit_of_a_killed_sweep_is_told_before_the_next_sweep_begins(
    clean: Path,
    infected: Path,
    tmp_path: Path,
    killed: Callable[[Path, Path], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    killed(infected, out)
    capsys.readouterr()

    def killed_again(*_: object, **__: object) -> Journal:
        raise KeyboardInterrupt

    monkeypatch.setattr(Journal, "create", killed_again)
    with pytest.raises(KeyboardInterrupt):
        swept(clean, out)
    assert "\nHIT   " in capsys.readouterr().out


def test_a_hit_of_a_killed_sweep_is_0_with_exit_zero(
    clean: Path, infected: Path, tmp_path: Path, killed: Callable[[Path, Path], None]
) -> None:
    killed(infected, tmp_path / "out")
    assert swept(clean, tmp_path / "out", "--exit-zero") == 0


def test_a_killed_sweep_without_a_hit_takes_nothing_from_a_clean_one(
    clean: Path,
    tmp_path: Path,
    killed: Callable[[Path, Path], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    killed(clean, tmp_path / "out")
    capsys.readouterr()
    assert swept(clean, tmp_path / "out", "--quiet") == 0
    assert len(list((tmp_path / "out").glob("*.json"))) == 2


def test_the_named_file_is_this_runs_and_the_killed_ones_lies_beside_it(
    clean: Path, infected: Path, tmp_path: Path, killed: Callable[[Path, Path], None]
) -> None:
    out = tmp_path / "out.json"
    killed(infected, out)
    assert swept(clean, out) == 1
    assert decode(out.read_bytes()).verdict is Verdict.CLEAN
    (beside,) = tmp_path.glob("out.*.json")
    assert decode(beside.read_bytes()).verdict is Verdict.HIT


def test_a_report_of_a_killed_sweep_that_cannot_be_written_is_told_all_the_same(
    clean: Path,
    infected: Path,
    tmp_path: Path,
    killed: Callable[[Path, Path], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    killed(infected, tmp_path / "out")
    capsys.readouterr()

    def full(*_: object, **__: object) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(destination, "settle", full)
    assert swept(clean, tmp_path / "out") == 1
    told = capsys.readouterr()
    assert "\nHIT   " in told.out
    assert "kept as it is" in told.err
