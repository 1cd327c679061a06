"""What a sweep has put on a host goes again; what nobody else has, or is not ours, stays."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path

import pytest
from msgspec import structs

from agent import cli
from agent.commands.destination import Destination
from agent.delivery.spool import Spool, SpoolError
from agent.home import LOG, OneSweep, make_home
from agent.model.codec import decode, encode
from agent.model.journal_record import SUFFIX, Header
from agent.sweep.journal import Journal
from tests.agent.delivery.scripted import StillClock, scripted, without_time
from tests.evidence.reports import report

HEADER = Header(
    report_id=str(uuid.UUID(int=9)),
    agent=report().agent,
    host=report().host,
    target=report().target,
    scope=report().scope,
    packs=[],
    started=report().started,
    options={},
    sources=[],
)
ID = str(uuid.UUID(int=7))
NAME = f"WS-0421-{ID}.json"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    monkeypatch.setenv("IOCSWEEP_HOME", str(folder))
    return folder


@pytest.fixture
def used(home: Path) -> Path:
    """The home of a host whose sweeps were delivered."""
    make_home(home)
    delivered = structs.replace(report(), report_id=ID, options={"collector": "https://c.example"})
    for name, data in {
        f"reports/{NAME}": encode(delivered),
        f"reports/.{NAME}.{'0' * 32}.tmp": b"torn",
        f"deep/{'a' * 32}.json": b"{}",
        f"spool/refused/{ID}.reason.txt": b"why",
        "spool/spool.lock": b"",
        "hashes.sqlite": b"",
        "hashes.sqlite-journal": b"",
        "sweep.lock": b"",
    }.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(data)
    return home


def test_all_that_was_delivered_goes_and_the_folder_with_it(
    used: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["clean"]) == 0
    assert not used.exists()
    told = capsys.readouterr().out
    assert "1 reports" in told
    assert "2 the cache of hashes" in told
    assert told.endswith("the folder is gone\n")


def test_a_second_time_there_is_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["clean"]) == 0
    assert not home.exists()
    assert "nothing of iocsweep is left" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name",
    [
        f"spool/{ID}.json.gz",
        f"spool/refused/{ID}.json.gz",
        f"spool/refused/{ID}.1.json.gz",
        f"reports/{NAME}{SUFFIX}",
        f"reports/{NAME}.3{SUFFIX}",
        f"reports/WS-0421-{uuid.UUID(int=8)}.json",
    ],
)
def test_what_nobody_else_has_is_kept_until_that_is_meant(
    used: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (used / name).write_bytes(b"{}")
    before = sorted(used.rglob("*"))
    assert cli.main(["clean"]) == 4
    assert sorted(used.rglob("*")) == before
    error = capsys.readouterr().err
    assert "nothing was removed: nobody but this host has 1 " in error
    assert str(used / name) in error
    assert cli.main(["clean", "--yes"]) == 0
    assert "removing what nobody else has: 1 " in capsys.readouterr().err
    assert not used.exists()


def test_a_report_that_was_never_to_be_delivered_is_only_here(home: Path) -> None:
    make_home(home)
    (home / "reports").mkdir()
    (home / "reports" / NAME).write_bytes(encode(report()))
    assert cli.main(["clean"]) == 4
    assert (home / "reports" / NAME).exists()


@pytest.mark.parametrize(
    "name",
    [
        "notes.txt",
        "reports/notes.json",
        f"reports/{ID}.txt",
        f"spool/{ID}.json",
        "spool/WS-0421.json.gz",
        "deep/mine.json",
        f"{ID}.json",
        "more/hashes.sqlite",
    ],
)
def test_what_is_not_ours_stays_and_is_named(
    used: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (used / name).parent.mkdir(exist_ok=True)
    (used / name).write_bytes(b"mine")
    assert cli.main(["clean", "--yes"]) == 0
    assert [one for one in used.rglob("*") if one.is_file()] == [used / name]
    named = used / Path(name).parts[0] if name.startswith("more") else used / name
    assert f"  left: {named}\n" in capsys.readouterr().out


def test_what_drills_and_killed_self_tests_left_goes_too(
    used: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["selftest", "--canary"]) == 0
    folder = used / f"selftest-{'0' * 12}"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "planted.txt").write_bytes(b"planted")
    os.utime(folder, (0, 0))
    assert cli.main(["clean"]) == 0
    told = capsys.readouterr().out
    assert "1 canaries of drills" in told
    assert "1 folders of killed self-tests" in told
    assert not used.exists()


def test_a_self_test_that_may_be_running_is_left_and_said(
    used: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = used / f"selftest-{'0' * 12}"
    folder.mkdir()
    (folder / "planted.txt").write_bytes(b"planted")
    assert cli.main(["clean"]) == 3
    assert [one for one in used.rglob("*") if one.is_file()] == [folder / "planted.txt"]
    captured = capsys.readouterr()
    assert f"{folder}: a self-test is running" in captured.err
    assert f"  left: {folder}\n" in captured.out


def test_a_link_in_place_of_a_self_test_is_not_ours(used: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "mine.txt").write_bytes(b"mine")
    link = used / f"selftest-{'0' * 12}"
    link.symlink_to(tmp_path / "mine")
    os.utime(link, (0, 0), follow_symlinks=False)
    assert cli.main(["clean"]) == 0
    assert link.is_symlink()
    assert (tmp_path / "mine" / "mine.txt").exists()


@pytest.mark.parametrize("name", ["reports", "spool", "deep", "spool/refused"])
def test_no_link_is_followed_to_another_folder(used: Path, tmp_path: Path, name: str) -> None:
    other = tmp_path / "other"
    other.mkdir()
    kept = [NAME, f"{ID}.json.gz", f"{'a' * 32}.json", f"{ID}.reason.txt"]
    for one in kept:
        (other / one).write_bytes(b"mine")
    for path in sorted((used / name).rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (used / name).rmdir()
    (used / name).symlink_to(other, target_is_directory=True)
    assert cli.main(["clean", "--yes"]) == 0
    assert sorted(path.name for path in other.iterdir()) == sorted(kept)
    assert (used / name).is_symlink()


def test_a_link_in_place_of_a_file_is_not_ours(used: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"mine")
    (used / "hashes.sqlite").unlink()
    (used / "hashes.sqlite").symlink_to(tmp_path / "mine")
    assert cli.main(["clean"]) == 0
    assert (used / "hashes.sqlite").is_symlink()


def test_a_home_that_is_a_link_is_not_ours(
    used: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(used, target_is_directory=True)
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "link"))
    before = sorted(used.rglob("*"))
    assert cli.main(["clean", "--yes"]) == 2
    assert sorted(used.rglob("*")) == before


def test_nothing_is_removed_while_a_sweep_runs(used: Path) -> None:
    before = sorted(used.rglob("*"))
    with OneSweep(used) as lock:
        assert lock.acquire()
        assert cli.main(["clean", "--yes"]) == 5
    assert sorted(used.rglob("*")) == before


def test_nothing_is_removed_while_evidence_at_rest_is_swept(used: Path) -> None:
    journal = Journal.create(used / "reports" / f"{uuid.UUID(int=9)}.json", HEADER)
    try:
        assert cli.main(["clean", "--yes"]) == 5
    finally:
        journal.close()
    assert (used / "reports" / NAME).exists()


def test_nothing_is_removed_while_reports_are_sent(used: Path) -> None:
    with Spool(used / "spool").sending() as free:
        assert free
        assert cli.main(["clean", "--yes"]) == 2
    assert (used / "reports" / NAME).exists()


def test_what_cannot_be_removed_is_said(
    used: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink = Path.unlink

    def held(path: Path, *, missing_ok: bool = False) -> None:
        if path.name == NAME:
            raise PermissionError(13, "used by another process", str(path))
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", held)
    assert cli.main(["clean"]) == 3
    output = capsys.readouterr()
    assert f"{used / 'reports' / NAME}: could not be removed: used by another" in output.err
    assert f"  left: {used / 'reports' / NAME}\n" in output.out


def test_quiet_is_one_line(used: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (used / "notes.txt").write_bytes(b"mine")
    assert cli.main(["clean", "--quiet"]) == 0
    line = json.loads(capsys.readouterr().out)
    assert line == {"v": 1, "removed": 8, "left": 1, "home": True}


def test_a_sweep_that_was_delivered_leaves_nothing_behind(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that a real sweep makes is known here: with what it keeps for the next one."""
    without_time(StillClock(), monkeypatch)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "note.txt").write_text("nothing")
    monkeypatch.setenv("IOCSWEEP_TOKEN", "t")
    sweep = ["offline", str(tmp_path / "tree"), "--cache", "--quiet", "--no-proxy"]
    with scripted() as server:
        server.answers(201)
        assert cli.main([*sweep, "--collector", server.url]) == 0
    made = sorted(path.relative_to(home).as_posix() for path in home.rglob("*"))
    assert made[0] == "hashes.sqlite"
    assert "reports" in made
    assert "spool/spool.lock" in made
    assert cli.main(["clean"]) == 0
    assert not home.exists()


def test_a_report_is_known_by_every_name_that_a_sweep_gives_it(home: Path) -> None:
    make_home(home)
    (home / "reports").mkdir()
    where = Destination(home=home, folder=home / "reports")
    made = structs.replace(report(), report_id=ID, options={"share": "/srv"})
    journal = where.start_journal(HEADER)
    assert journal is not None
    journal.finish(made)
    assert len(list((home / "reports").iterdir())) == 1
    assert cli.main(["clean"]) == 0
    assert not home.exists()


def test_a_report_that_no_spool_had_room_for_and_nobody_took_is_only_here(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_time(StillClock(), monkeypatch)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "note.txt").write_text("nothing")
    monkeypatch.setenv("IOCSWEEP_TOKEN", "t")

    def full(*_: object) -> Path:
        raise SpoolError("full")

    monkeypatch.setattr(Spool, "put", full)
    sweep = ["offline", str(tmp_path / "tree"), "--quiet", "--no-proxy", "--collector"]
    assert cli.main([*sweep, "http://127.0.0.1:9", "--send-window", "1"]) == 4
    assert cli.main(["clean"]) == 4
    assert len(list((home / "reports").glob("*.json"))) == 1
    assert cli.main(["clean", "--yes"]) == 0
    assert not home.exists()


def test_what_a_detached_sweep_said_is_found_by_no_later_one(home: Path, tmp_path: Path) -> None:
    make_home(home)
    (home / LOG).write_text("HIT rundll32.exe cyzfc.dat,PointFunctionCall; pandorasong.com")
    swept = ["offline", str(tmp_path), "--thorough", "--quiet", "--out", str(tmp_path / "r.json")]
    assert cli.main(swept) == 0
    assert decode((tmp_path / "r.json").read_bytes()).findings == []


@pytest.mark.skipif(os.name == "nt", reason="POSIX")
@pytest.mark.parametrize("words", [["clean", "--yes"], ["send", "--share", "SHARE"]])
def test_a_folder_that_was_there_stays_open_to_whom_it_was(
    home: Path, tmp_path: Path, words: list[str]
) -> None:
    """As ``/var/spool``, where somebody gave ``/var`` as the home."""
    make_home(home)
    (home / "spool" / "cron").mkdir(parents=True)
    (home / "spool").chmod(0o755)
    assert cli.main([word.replace("SHARE", str(tmp_path)) for word in words]) == 0
    assert (home / "spool").stat().st_mode & 0o777 == 0o755
    assert [path.name for path in (home / "spool").iterdir()] == ["cron"]
