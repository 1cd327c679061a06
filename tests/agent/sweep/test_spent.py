"""What a sweep took of its host: the processes that run rules are its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from agent.sweep.spent import cpu_s

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
