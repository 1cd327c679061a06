"""What a sweep took of its host: the processes that run rules are its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from agent.sweep.spent import Helpers, cpu_s

WORK = """
import sys, time
while time.process_time() < 0.4:
    pass
print(flush=True)
sys.stdin.read()
"""


def test_what_its_processes_take_counts_while_they_run_and_when_they_have_ended() -> None:
    before = cpu_s(starts=True)
    with subprocess.Popen(
        [sys.executable, "-c", WORK], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b""
        assert cpu_s(starts=True) - before >= 0.3
        alone = cpu_s(starts=False)
        process.communicate()
    assert cpu_s(starts=False) - alone >= 0.3


def test_what_works_for_a_sweep_counts_on_when_it_has_ended() -> None:
    helpers = Helpers(os.getpid())
    before = helpers.cpu_s()
    with subprocess.Popen(
        [sys.executable, "-c", WORK], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        seen = helpers.cpu_s()
        assert seen - before >= 0.3
        process.communicate()
    assert helpers.cpu_s() >= seen


def test_of_one_of_many_what_works_for_the_others_counts() -> None:
    """And not what works for itself alone, which it counts anyway."""
    asked = (
        "import os, sys; from agent.sweep.spent import Helpers\n"
        "sys.stdin.read()\n"
        "print(Helpers(os.getppid()).cpu_s() >= 0.3, Helpers(os.getpid()).cpu_s() == 0)"
    )
    pipe = subprocess.PIPE
    with (
        subprocess.Popen([sys.executable, "-c", asked], stdin=pipe, stdout=pipe) as one,
        subprocess.Popen([sys.executable, "-c", WORK], stdin=pipe, stdout=pipe) as other,
    ):
        assert other.stdout is not None
        other.stdout.readline()
        assert one.communicate()[0].split() == [b"True", b"True"]
        other.communicate()


def test_a_starter_that_is_gone_is_nobody() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert Helpers(process.pid).cpu_s() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count each program by itself")
def test_what_its_starter_had_in_memory_is_not_its_own() -> None:
    large = (
        "import subprocess, sys\n"
        "held = b'x' * (300 << 20)\n"
        "asked = 'from agent.sweep.spent import peak_rss; print(peak_rss())'\n"
        "done = subprocess.run([sys.executable, '-c', asked], capture_output=True, check=True,\n"
        "                      preexec_fn=lambda: None)\n"
        "print(done.stdout.decode())"
    )
    done = subprocess.run([sys.executable, "-c", large], capture_output=True, check=True)
    assert 1 << 20 < int(done.stdout) < 100 << 20
