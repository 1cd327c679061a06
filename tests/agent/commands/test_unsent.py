"""Whenever a sweep is killed, its report has arrived, or is known as one that has not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from agent import cli
from agent.commands.unsent import UNSENT, note_of, take_up
from agent.delivery.spool import Spool, SpoolError
from agent.model.codec import decode, encode
from agent.model.journal_record import SUFFIX
from agent.model.report import Verdict
from agent.sweep.journal import Journal
from tests.agent.delivery.scripted import Scripted, StillClock, scripted, without_time
from tests.evidence.reports import report

CHANGES = ("open", "write", "fsync", "link", "rename", "replace", "unlink", "mkdir", "rmdir")


class Moment(NamedTuple):
    """What lay in the home, and what had arrived, when the sweep could have been killed."""

    home: Path
    arrived: list[str]
    before: str


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOCSWEEP_TOKEN", "t")
    without_time(StillClock(), monkeypatch)


@pytest.fixture
def server() -> Iterator[Scripted]:
    with scripted() as server:
        yield server


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "note.txt").write_text("nothing")
    return tmp_path / "tree"


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Path]:
    """Makes a folder the home."""

    def used(home: Path) -> Path:
        monkeypatch.setenv("IOCSWEEP_HOME", str(home))
        return home

    return used


def swept(tree: Path, *more: str) -> int:
    return cli.main(["offline", str(tree), "--only", "files", "--quiet", "--no-proxy", *more])


@contextmanager
def every_moment(home: Path, kept: Path, server: Scripted) -> Iterator[list[Moment]]:
    """Copies of the home before each change that this process makes to any file, from the end of
    the sweep on: what a kill would leave."""
    moments: list[Moment] = []
    finish = Journal.finish

    with pytest.MonkeyPatch.context() as patch:

        def watched(name: str) -> Callable[..., Any]:
            call = getattr(os, name)

            def changes(*given: Any, **named: Any) -> Any:
                if (moments and name != "open") or (moments and given[1] & os.O_CREAT):
                    remember(name)
                return call(*given, **named)

            return changes

        def remember(before: str) -> None:
            with pytest.MonkeyPatch.context() as plain:
                for name in CHANGES:
                    plain.setattr(os, name, calls[name])
                place = kept / f"{len(moments):03}"
                shutil.copytree(home, place)
                moments.append(Moment(place, [*server.ids], before))

        def begins(journal: Journal, *given: Any) -> Path:
            remember("finish")
            return finish(journal, *given)

        calls = {name: getattr(os, name) for name in CHANGES}
        for name in CHANGES:
            patch.setattr(os, name, watched(name))
        patch.setattr(Journal, "finish", begins)
        yield moments
    place = kept / "end"
    shutil.copytree(home, place)
    moments.append(Moment(place, [*server.ids], "nothing"))


def is_known(home: Path) -> bool:
    """Whether something in a home says that a report has not arrived."""
    return any(
        path.name.endswith((SUFFIX, UNSENT))
        or (path.parent.name == "spool" and path.name.endswith(".json.gz"))
        for path in home.rglob("*")
    )


def full(*_: object) -> Path:
    raise SpoolError("full")


@pytest.mark.parametrize("spool", ["with room", "full"])
def test_a_kill_at_any_moment_loses_no_report_and_one_send_is_enough(
    use: Callable[[Path], Path], tree: Path, tmp_path: Path, server: Scripted, spool: str
) -> None:
    home, to = use(tmp_path / "home"), ["--collector", server.url]
    with (
        pytest.MonkeyPatch.context() as patch,
        every_moment(home, tmp_path / "moments", server) as moments,
    ):
        if spool == "full":
            patch.setattr(Spool, "put", full)
        assert swept(tree, *to) == 0
    (one,) = server.ids
    steps = {moment.before for moment in moments}
    assert {"finish", "open", "write", "fsync", "link", "unlink", "nothing"} <= steps
    assert len(moments) > 12
    for home, arrived, before in moments:
        use(home)
        server.received.clear()
        assert arrived or is_known(home), before
        if not arrived:
            assert cli.main(["clean"]) == 4, before
        sent = is_known(home)
        assert cli.main(["send", "--no-proxy", *to]) == 0, before
        assert server.ids == [one] * sent, before
        assert cli.main(["send", "--no-proxy", *to]) == 0
        assert cli.main(["clean"]) == 0, before
        assert not home.exists()
        assert server.ids == [one] * sent, before


def test_the_next_sweep_sends_what_a_killed_one_had_not(
    use: Callable[[Path], Path], tree: Path, tmp_path: Path, server: Scripted
) -> None:
    home, to = use(tmp_path / "home"), ["--collector", server.url]
    with every_moment(home, tmp_path / "moments", server) as moments:
        assert swept(tree, *to) == 0
    (one,) = server.ids
    for home, arrived, before in moments:
        use(home)
        server.received.clear()
        assert swept(tree, *to) == 0
        assert len({*server.ids} - {one}) == 1, before
        assert server.ids.count(one) <= 1
        assert one in [*arrived, *server.ids], before
        assert cli.main(["clean"]) == 0, before


def test_a_sweep_that_delivers_nothing_notes_what_another_was_to_deliver(
    use: Callable[[Path], Path], tree: Path, tmp_path: Path, server: Scripted
) -> None:
    home, to = use(tmp_path / "home"), ["--collector", server.url]
    with every_moment(home, tmp_path / "moments", server) as moments:
        assert swept(tree, *to) == 0
    (one,) = server.ids
    for home, arrived, before in moments[: [m.before for m in moments].index("nothing")]:
        use(home)
        server.received.clear()
        assert swept(tree, "--out", str(home / "reports")) == 0
        assert server.ids == []
        assert arrived or is_known(home), before
        sent = is_known(home)
        assert cli.main(["send", "--no-proxy", *to]) == 0
        assert server.ids == [one] * sent, before


def test_a_report_that_was_whole_is_not_lost_to_a_journal_without_its_end(
    use: Callable[[Path], Path],
    tree: Path,
    tmp_path: Path,
    server: Scripted,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As a disk that is nearly full leaves it."""
    home = use(tmp_path / "home")
    write = Journal._write

    def no_end(journal: Journal, record: Any, **named: Any) -> None:
        if hasattr(record, "report"):
            raise OSError(28, "No space left on device")
        write(journal, record, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "_write", no_end)
        with every_moment(home, tmp_path / "moments", server) as moments:
            assert swept(tree, "--collector", server.url) == 0
    (published,) = (home / "reports").glob("*.json")
    told = set()
    for home, _, _ in moments:
        use(home)
        assert cli.main(["send", "--no-proxy", "--collector", server.url]) == 0
        whole = (home / "reports" / published.name).read_bytes() == published.read_bytes()
        told.add((whole, decode((home / "reports" / published.name).read_bytes()).verdict))
    assert told == {(False, Verdict.INCOMPLETE), (True, Verdict.CLEAN)}
    assert {decode(one.json).verdict for one in server.received[-3:]} == {Verdict.CLEAN}


def test_what_there_was_no_room_for_is_taken_up_when_there_is(
    use: Callable[[Path], Path],
    tree: Path,
    tmp_path: Path,
    server: Scripted,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = use(tmp_path / "home")
    with monkeypatch.context() as patch:
        patch.setattr(Spool, "put", full)
        assert swept(tree, "--collector", "http://127.0.0.1:9", "--send-window", "1") == 4
    (path,) = (home / "reports").glob("*.json")
    assert note_of(path).is_file()
    assert cli.main(["send", "--no-proxy", "--collector", server.url]) == 0
    assert server.ids == [decode(path.read_bytes()).report_id]
    assert not note_of(path).exists()
    assert cli.main(["clean"]) == 0


def test_what_a_collector_refused_is_not_taken_up_again(
    use: Callable[[Path], Path], tree: Path, tmp_path: Path, server: Scripted
) -> None:
    home, to = use(tmp_path / "home"), ["--collector", server.url]
    server.answers(422)
    assert swept(tree, *to) == 4
    (path,) = (home / "reports").glob("*.json")
    assert not note_of(path).exists()
    note_of(path).touch()  # as earlier versions left it
    assert cli.main(["send", "--no-proxy", *to]) == 0
    assert len(server.ids) == 1
    assert cli.main(["clean"]) == 4


def test_a_note_stays_with_what_has_no_room_or_cannot_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.json").write_bytes(encode(report()))
    (tmp_path / "b.json").write_bytes(b"torn")
    notes = [note_of(tmp_path / f"{name}.json") for name in "abc"]
    for note in notes:
        note.touch()
    assert take_up(tmp_path, Spool(tmp_path / "spool", max_bytes=1)) == 1
    assert "a.json: was not sent, and could not be spooled" in capsys.readouterr().err
    assert all(note.exists() for note in notes)
    assert take_up(tmp_path, spool := Spool(tmp_path / "spool")) == 0
    assert [name for name, _ in spool.pending()] == [report().report_id]
    assert [note.exists() for note in notes] == [False, True, True]


@pytest.mark.parametrize("error", [MemoryError(), KeyboardInterrupt()], ids=["memory", "operator"])
def test_whatever_ends_the_spooling_the_verdict_is_told(
    use: Callable[[Path], Path],
    tree: Path,
    tmp_path: Path,
    server: Scripted,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
) -> None:
    home = use(tmp_path / "home")

    def ends(*_: object) -> Path:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Spool, "put", ends)
        assert swept(tree, "--collector", server.url) == 4
    assert '"verdict":"clean"' in capsys.readouterr().out
    assert is_known(home)
    assert cli.main(["clean"]) == 4
    assert cli.main(["send", "--no-proxy", "--collector", server.url]) == 0
    assert len(server.ids) == 1
    assert cli.main(["clean"]) == 0
