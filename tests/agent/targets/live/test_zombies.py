"""On Linux a process that has ended stays listed until its parent asks; nothing of it is missed."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from agent.model.report import State
from agent.sources.running.modules import ModulesSource
from agent.sources.running.processes import ProcessesSource
from agent.targets.live.system import ProcessInfo
from agent.targets.live.this_machine import RunningSystem
from tests.evidence.sweeping import observed

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="zombies are Linux's")
_FIRST_THREAD_ENDS = """
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(60,)).start()
ctypes.CDLL(None).syscall(60, 0)
"""


def described(pid: int) -> ProcessInfo:
    (found,) = [one for one in RunningSystem().processes().found if one.pid == pid]
    return found


def until_it_looks_dead(pid: int) -> None:
    end = time.monotonic() + 30
    while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end, "it never ended"
        time.sleep(0.01)


@pytest.fixture
def zombie() -> Iterator[int]:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    until_it_looks_dead(pid)
    yield pid
    os.waitpid(pid, 0)


def test_a_zombie_has_ended_and_nothing_of_it_is_unread(zombie: int) -> None:
    found = described(zombie)
    assert found.ended
    assert found.unread == ()
    assert found.name


@pytest.mark.parametrize("source", [ProcessesSource(), ModulesSource()])
def test_a_zombie_is_no_gap(zombie: int, source: ProcessesSource | ModulesSource) -> None:
    _, coverage, _ = observed(source, processes=(described(zombie),))
    assert coverage.state is State.COMPLETE
    assert coverage.unread == 0


def test_a_zombie_is_noted(zombie: int) -> None:
    _, coverage, _ = observed(ProcessesSource(), processes=(described(zombie),))
    assert coverage.examined == 1
    assert [note.count for note in coverage.notes if "zombie" in note.reason] == [1]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the number of exit(2) is another")
def test_a_process_whose_first_thread_has_ended_runs_on_and_stays_a_gap() -> None:
    process = subprocess.Popen([sys.executable, "-c", _FIRST_THREAD_ENDS])
    try:
        until_it_looks_dead(process.pid)
        found = described(process.pid)
    finally:
        process.kill()
        process.wait()
    assert not found.ended
    assert dict(found.unread)
