"""Many hosts as tasks of a Dask cluster: a real scheduler, real workers, and one that dies."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

from agent.cli import main
from agent.commands import cluster as the_cluster
from agent.exit_codes import CLEAN, FAILED
from agent.model.codec import decode
from agent.model.report import Report
from agent.sweep.loop import STOPPED
from tests.evidence.clusters import Cluster, certified, sweeping, until
from tests.evidence.small_disks import disk
from tests.lanes import HERE

NOT_THERE = "import sys; sys.modules['agent'] = None"
OLDER = "import agent; agent.__version__ = '0.0.1'"
IN_MID_SWEEP = """
import os, pathlib, sys, threading
if "--one-of-many" in sys.orig_argv:
    from {module} import {kind}
    original = {kind}.{method}
    def halted(*given, **named):
        answer = original(*given, **named)
        pathlib.Path(os.environ["HALTED"]).write_text(str(os.getpid()))
        threading.Event().wait()
        return answer
    {kind}.{method} = halted
"""
"""The sweeps of such a worker halt at this place."""
LOOKED_AT = ("agent.targets.offline.image", "ImageTarget", "roots")
JOURNALLED = ("agent.sweep.journal", "Journal", "coverage")
WRITTEN = ("agent.sweep.journal", "Journal", "finish")


def reports(out: Path) -> list[Report]:
    return [decode(path.read_bytes()) for path in sorted(out.glob("*.json"))]


def last_line(said: str) -> dict[str, Any]:
    made = json.loads(said.splitlines()[-1])
    assert isinstance(made, dict)
    return made


def halted(tmp_path: Path, running: Cluster, where: tuple[str, str, str]) -> int:
    """The process id of a sweep that halted on the only worker."""
    mark = tmp_path / "halted"
    module, kind, method = where
    first = IN_MID_SWEEP.format(module=module, kind=kind, method=method)
    running.worker("doomed", first, HALTED=str(mark))
    until(lambda: mark.exists() and bool(mark.read_text()))
    return int(mark.read_text())


def ports(running: Cluster) -> set[tuple[str, int]]:
    """Where the processes of the cluster, and the command's, listen."""
    found = set()
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        for one in process.net_connections("tcp"):
            if one.status == psutil.CONN_LISTEN:
                found.add((one.laddr.ip, one.laddr.port))
    return found


def is_over(number: int) -> bool:
    """Whether a process has ended, though nobody may have asked how."""
    try:
        return psutil.Process(number).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))


@pytest.fixture
def eight(tmp_path: Path) -> list[Path]:
    names = ["cyzfc.dat" if number == 3 else "notes.txt" for number in range(8)]
    return [disk(tmp_path / f"e/ws-{number}.dd", name) for number, name in enumerate(names)]


def test_a_worker_that_dies_in_mid_task_costs_no_report_and_none_is_written_twice(
    tmp_path: Path, eight: list[Path]
) -> None:
    out = tmp_path / "out"
    with Cluster(tmp_path / "cluster") as running:
        given = ("--scheduler", running.address, "--out", out, "--only", "files")
        with sweeping("offline", *eight, *given) as command:
            swept = halted(tmp_path, running, JOURNALLED)
            assert len(list(out.glob("*.partial.jsonl"))) == 1
            for name in ("second", "third"):
                running.worker(name)
            listening = ports(running)
            running.kill("doomed")
            until(lambda: is_over(swept))
            shown, said = command.communicate()
    assert command.returncode == last_line(shown)["exit"], said
    assert last_line(shown)["failed"] == 0
    made = reports(out)
    assert sorted(one.target.paths[0] for one in made) == sorted(map(str, eight))
    assert len({one.report_id for one in made}) == 8
    assert [*out.iterdir()] == [*out.glob("*.json")], "no journal is left"
    assert [one.target.paths for one in made if one.findings] == [[str(eight[3])]]
    # Nobody is shown what goes on: no pages, and nothing but loopback.
    assert {address for address, _ in listening} == {"127.0.0.1"}
    assert 8787 not in {port for _, port in listening}


def test_a_task_that_is_lost_after_its_report_was_written_writes_no_other(tmp_path: Path) -> None:
    out, image = tmp_path / "out", disk(tmp_path / "e/ws-1.dd")
    with Cluster(tmp_path / "cluster") as running:
        given = ("--scheduler", running.address, "--out", out, "--only", "files", "--quiet")
        with sweeping("offline", image, *given) as command:
            halted(tmp_path, running, WRITTEN)
            (first,) = reports(out)
            running.kill("doomed")
            running.worker("second")
            shown, _ = command.communicate()
    assert reports(out) == [first]
    answer, all_of_them = [json.loads(line) for line in shown.splitlines()]
    assert (answer["report"], answer["verdict"]) == (first.report_id, "clean")
    assert (all_of_them["clean"], command.returncode) == (1, CLEAN)


def test_workers_that_cannot_sweep_say_why(tmp_path: Path, eight: list[Path]) -> None:
    out = tmp_path / "out"
    with Cluster(tmp_path / "cluster") as running:
        given = ("--scheduler", running.address, "--out", out, "--only", "files")
        for name, first, why in (
            (
                "without",
                NOT_THERE,
                "a worker without iocsweep, or with another one: No module named ",
            ),
            ("older", OLDER, "older has iocsweep 0.0.1 (source), and iocsweep "),
        ):
            running.worker(name, first)
            with sweeping("offline", eight[0], *given) as command:
                shown, said = command.communicate()
            assert command.returncode == FAILED
            assert f"ws-0.dd: NOT SWEPT: {why}" in said
            assert last_line(shown)["failed"] == 1
            assert running.processes[name].poll() is None, "it is for others, too"
            running.kill(name)
        running.worker("sweeps")
        with sweeping("offline", *eight[:2], eight[0].parent, *given) as command:
            command.communicate()
        assert len(reports(out)) == 3
        # A second time each is there already, but for the folder: its content may have changed.
        with sweeping("offline", *eight[:2], eight[0].parent, *given) as command:
            command.communicate()
        assert len(reports(out)) == 4


def test_the_operator_ends_those_that_run_and_the_others_do_not_begin(
    tmp_path: Path, eight: list[Path]
) -> None:
    out = tmp_path / "out"
    with Cluster(tmp_path / "cluster") as running:
        given = ("--scheduler", running.address, "--out", out, "--only", "files")
        with sweeping("offline", *eight, *given) as command:
            halted(tmp_path, running, LOOKED_AT)
            command.send_signal(signal.SIGINT)
            shown, said = command.communicate()
    (report,) = reports(out)
    assert STOPPED in {reason.reason for one in report.coverage for reason in one.reasons}, said
    assert (last_line(shown)["incomplete"], last_line(shown)["failed"]) == (1, 7)
    assert "stopped by the operator before its turn" in said
    assert command.returncode == FAILED


def test_a_scheduler_that_is_lost_is_told(tmp_path: Path, eight: list[Path]) -> None:
    with Cluster(tmp_path / "cluster") as running:
        given = ("--scheduler", running.address, "--out", tmp_path / "out", "--only", "files")
        with sweeping("offline", *eight[:2], *given) as command:
            halted(tmp_path, running, LOOKED_AT)
            running.kill("scheduler")
            shown, said = command.communicate()
    for image in eight[:2]:
        assert f"{image.name}: NOT SWEPT: the scheduler was lost" in said
    assert "Traceback" not in said
    assert command.returncode == last_line(shown)["exit"] == FAILED


def test_certificates_are_those_of_dasks_own_configuration(tmp_path: Path) -> None:
    out, image = tmp_path / "out", disk(tmp_path / "e/ws-1.dd")
    known = certified(tmp_path / "tls")
    with Cluster(tmp_path / "cluster", "tls", **known) as running:
        running.worker("first")
        assert running.address.startswith("tls://127.0.0.1:")
        given = ("offline", image, "--scheduler", running.address, "--out", out, "--only", "files")
        with sweeping(*given) as command:
            said = command.communicate()[1]
        assert (command.returncode, "check your TLS configuration" in said) == (FAILED, True)
        with sweeping(*given, **known) as command:
            command.communicate()
    assert command.returncode == CLEAN
    assert len(reports(out)) == 1


def test_what_speaks_another_protocol_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(the_cluster, "CONNECT_S", 0.5)
    image = disk(tmp_path / "e/ws-1.dd")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"

        def answer() -> None:
            with server.accept()[0] as other:
                other.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")
                while other.recv(1024):
                    pass

        threading.Thread(target=answer, daemon=True).start()
        given = ["offline", str(image), "--scheduler", address, "--out", str(tmp_path / "out")]
        assert main(given) == FAILED
    assert f"--scheduler {address}: what is there is no scheduler" in capsys.readouterr().err


def test_a_cluster_is_loaded_only_when_it_is_asked_for() -> None:
    asked = "import sys, agent.commands.offline; print({'asyncio', 'distributed'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True, cwd=HERE.parent
    )
    assert done.stdout.strip() == "set()"


def test_without_a_scheduler_nothing_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(the_cluster, "CONNECT_S", 0.5)
    image, out = disk(tmp_path / "e/ws-1.dd"), tmp_path / "out"
    for address, why in (
        ("tcp://127.0.0.1:1", "Timed out trying to connect to tcp://127.0.0.1:1"),
        ("tcp://127.0.0.1", "missing port number"),
        ("http://127.0.0.1:1", "unknown address scheme 'http'"),
        ("tls://127.0.0.1:1", "check your TLS configuration"),
    ):
        assert main(["offline", str(image), "--scheduler", address, "--out", str(out)]) == FAILED
        said = capsys.readouterr().err
        assert f"--scheduler {address}: " in said
        assert why in said
    assert main(["offline", str(image), "--scheduler", "tcp://127.0.0.1:1"]) == FAILED
    assert "--out DIR, on storage that all workers reach" in capsys.readouterr().err
    given = ["offline", str(image), "--scheduler", "tcp://127.0.0.1:1", "--out", str(out)]
    for missing in ("distributed", "asyncio"):  # the latter too in the exe
        with monkeypatch.context() as without:
            without.setitem(sys.modules, missing, None)
            assert main(given) == FAILED
        assert "(extra: cluster)" in capsys.readouterr().err
    assert [*out.glob("*")] == []
