"""``iocsweep selftest`` on this very host: what it plants is found, what is broken is named, and
nothing is left."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from msgspec import structs

from agent import cli
from agent.coverage import Ledger
from agent.model.self_test import Attempt, Proof, SelfTest
from agent.output.self_test import self_test_line, self_test_text
from agent.output.summary import MAX_BYTES
from agent.selftest import planted_files, sleeper
from agent.selftest import running as running_module
from agent.selftest.marks import Marks
from agent.selftest.run import SelfTestRun
from agent.selftest.sweeps import GONE, NOT_FOUND, Sweeps
from agent.sources.files import facts
from agent.sources.running.connections import ConnectionsSource
from agent.sources.running.processes import ProcessesSource
from agent.targets.live.system import Denied
from agent.targets.live.this_machine import RunningSystem
from tests.evidence.reports import report
from tests.evidence.sweeping import Silent

FILE_TYPES = {
    "file_name", "file_path", "hash", "pe", "lnk", "layout", "content", "url", "domain", "certificate",
}  # fmt: skip


def swept_on(home: Path) -> SelfTest:
    home.mkdir(exist_ok=True)
    return SelfTestRun(home, Silent(), sweeps=partial(Sweeps, pause=lambda _: None)).run()


def failed(told: SelfTest) -> set[tuple[str, str]]:
    return {(one.source, one.type) for one in told.attempts if one.proof is Proof.NOT_PROVED}


def sleepers() -> set[int]:
    """Processes that this one has started: those of other tests, too."""
    return {one.pid for one in psutil.Process().children(recursive=True)}


def test_all_that_can_fire_on_this_host_does_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))
    out, others = tmp_path / "told.json", sleepers()
    assert cli.main(["selftest", "--out", str(out)]) == 0
    told = json.loads(out.read_text("utf-8"))
    assert told["schema"] == "iocsweep.selftest/1"
    types = {one["name"] for one in told["types"] if one["proof"] == "proved"}
    assert types == FILE_TYPES | {"command_line", "address"}
    by_source = {one["name"]: one for one in told["sources"]}
    assert set(by_source["modules"]["by"]) == {"file_name", "pe"}
    assert by_source["pipes"]["proof"] == "nothing here"
    assert list((tmp_path / "home").iterdir()) == []
    assert sleepers() <= others
    shown = capsys.readouterr().out.splitlines()
    assert json.loads(shown[-1])["selftest"] == "proved"
    assert any(line.startswith("PROVED: all that can fire on this host does") for line in shown)
    assert cli.main(["selftest", "--out", str(out)]) == 3, "a file that is there is not replaced"


def values() -> set[str]:
    files = planted_files.Files(Marks.made()).made("folder")
    known = [probe.indicator for one in files for probe in (*one.probes, *one.loaded)]
    return {str(one.value) for one in known if one is not None and not hasattr(one, "parts")}


def test_each_run_has_marks_of_its_own_that_do_not_name_this_program() -> None:
    first, second = values(), values()
    assert len(first) == 10
    assert not first & second
    assert [value for value in first if "iocsweep" in value] == []


# ---- Something is broken


def refuses(*_: Any) -> Any:
    raise Denied


def has_a_defect(*_: Any) -> Iterator[Any]:
    yield from ()
    raise Denied


def sees_nothing(_self: Any, _target: Any, _matcher: Any, ledger: Ledger) -> Iterator[Any]:
    ledger.examined += 1
    return iter(())


BROKEN = [
    pytest.param(RunningSystem, "connections", refuses, ("connections", "address"),
                 "connections: access denied", id="a source is refused"),
    pytest.param(ConnectionsSource, "observe", sees_nothing, ("connections", "address"), NOT_FOUND,
                 id="a source sees nothing and says complete"),
    pytest.param(ProcessesSource, "observe", has_a_defect, ("processes", "command_line"),
                 "the source failed: Denied", id="a source has a defect"),
    pytest.param(facts, "certificate_hashes", lambda _: [], ("files", "certificate"), NOT_FOUND,
                 id="no certificate is read"),
]  # fmt: skip


@pytest.mark.parametrize(("where", "what", "broken", "who", "why"), BROKEN)
def test_what_is_broken_is_named_with_why_and_nothing_else_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    where: Any, what: str, broken: Any, who: tuple[str, str], why: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(where, what, broken)
    told = swept_on(tmp_path / "home")
    assert failed(told) == {who}
    (attempt,) = (one for one in told.attempts if one.proof is Proof.NOT_PROVED)
    assert attempt.reason.startswith(why)
    assert not told.is_proved
    assert f"NOT PROVED: {who[0]} ({who[1]})" in self_test_text(told)


def no_program(command: str) -> Any:
    return lambda *_: [command]


@pytest.mark.parametrize(
    ("command", "why"),
    [("/no/such/program", "vanished during the sweep"), ("/bin/false", "it ended at once")],
)
def test_a_process_that_cannot_be_started_leaves_the_others_to_be_proved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, why: str
) -> None:
    monkeypatch.setattr(sleeper, "itself", no_program(command))
    told = swept_on(tmp_path / "home")
    assert failed(told) == {
        ("processes", "command_line"), ("modules", "file_name"), ("modules", "pe"),
    }  # fmt: skip
    reasons = {one.reason for one in told.attempts if one.proof is Proof.NOT_PROVED}
    assert len(reasons) == 1
    assert reasons.pop().startswith(f"its process could not be started: {why}")
    proved = {one.name for one in told.types if one.proof is Proof.PROVED}
    assert proved == FILE_TYPES | {"address"}


def test_a_dll_that_cannot_be_loaded_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(marks: Marks, *_: Any) -> Any:
        return real(marks.command, str(tmp_path / "no.dll"), "text")

    real = sleeper.Sleeper
    started = running_module.Running._process

    def other(self: Any) -> Any:
        monkeypatch.setattr(running_module, "Sleeper", lambda *_: made(self._marks))
        return started(self)

    monkeypatch.setattr(running_module.Running, "_process", other)
    told = swept_on(tmp_path / "home")
    assert failed(told) == {("modules", "file_name"), ("modules", "pe")}
    assert {one.reason for one in told.attempts if one.proof is Proof.NOT_PROVED} == {
        "the DLL could not be loaded: No such file or directory"
    }


def test_a_file_that_something_removes_is_named_as_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As antivirus does, a moment after it was written."""
    real = planted_files.Planted.write

    def withheld(self: planted_files.Planted, folder: Path) -> None:
        real(self, folder)
        if self.name.endswith(".lnk"):
            (folder / self.name).unlink()

    monkeypatch.setattr(planted_files.Planted, "write", withheld)
    told = swept_on(tmp_path / "home")
    assert failed(told) == {("files", "lnk")}
    (attempt,) = (one for one in told.attempts if one.proof is Proof.NOT_PROVED)
    assert attempt.reason == GONE


def test_ctrl_c_ends_it_with_nothing_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))

    others = sleepers()

    def ends(*_: Any) -> Any:
        assert not sleepers() <= others
        raise KeyboardInterrupt

    monkeypatch.setattr(ConnectionsSource, "observe", ends)
    assert cli.main(["selftest"]) == 2
    assert "stopped by the operator; what was planted is removed" in capsys.readouterr().err
    assert list((tmp_path / "home").iterdir()) == []
    assert sleepers() <= others


def test_what_a_killed_self_test_left_is_removed_by_the_next_and_nothing_else(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    for name in ("selftest-0123456789ab", "selftest-notes", "selftest-ba9876543210"):
        (home / name).mkdir(parents=True)
        (home / name / "a file").write_text("x")
    for name in ("selftest-0123456789ab", "selftest-notes"):
        os.utime(home / name, (1, 1))
    swept_on(home)
    assert {path.name for path in home.iterdir()} == {"selftest-notes", "selftest-ba9876543210"}


def test_a_home_that_cannot_be_written_is_no_proof_of_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "file" / "home"))
    assert cli.main(["selftest", "--quiet"]) == 2
    shown = capsys.readouterr()
    assert "nothing can be planted there" in shown.err
    assert json.loads(shown.out)["exit"] == 2


def test_what_cannot_be_removed_is_told_and_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.rmdir

    def kept(path: Any, **named: Any) -> None:
        if "selftest-" in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        real(path, **named)

    monkeypatch.setattr(os, "rmdir", kept)
    told = swept_on(tmp_path / "home")
    assert failed(told) == set()
    assert not told.is_proved
    assert [one.rpartition(": ")[2] for one in told.not_removed] == ["access denied"]
    assert "NOT removed" in self_test_text(told)


def test_the_one_line_has_room_whatever_failed() -> None:
    nothing = report()
    told = SelfTest(
        agent=nothing.agent, host=nothing.host, started=nothing.started, finished=nothing.finished,
        attempts=[], types=[], sources=[],
    )  # fmt: skip
    many = [
        Attempt(type="content", source=f"source_{number}" * 6, what="x", proof=Proof.NOT_PROVED)
        for number in range(60)
    ]
    line = self_test_line(structs.replace(told, attempts=many), 3, "C:\\told.json")
    assert len(line) <= MAX_BYTES
    assert line.isascii()
    made = json.loads(line)
    assert made["selftest"] == "not proved"
    assert made["cut"] + len(made["failed"]) == 60
