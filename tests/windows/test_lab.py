"""The lab itself: Windows programs under Wine, ended and answered for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.windows.host import Host

pytestmark = [
    pytest.mark.wine,
    pytest.mark.skipif(sys.platform != "linux", reason="Wine's lab is for Linux"),
]

LEAVES_A_CHILD = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("x" * 200_000, child.pid)
sys.exit(7)
"""


def test_a_program_has_ended_though_another_holds_its_pipes(host: Host) -> None:
    done = host.lab.python(["-c", LEAVES_A_CHILD])
    text, child = done.stdout.split()
    ended = host.lab.run_exe(r"C:\windows\system32\taskkill.exe", ["/f", "/pid", child])
    assert done.returncode == 7
    assert text == "x" * 200_000
    assert ended.returncode == 0, "the child was gone, and held no pipe"


def test_a_program_that_takes_too_long_is_ended_and_told(host: Host) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        host.lab.python(["-c", "import time; time.sleep(600)"], timeout=2)


def test_what_is_compiled_is_the_same_wherever_it_is_written(host: Host, tmp_path: Path) -> None:
    places = [tmp_path / "a" / "x.dll", tmp_path / "another folder" / "x.dll"]
    here, there = (host.lab.test_dll("look_alike", place).read_bytes() for place in places)
    assert here.startswith(b"MZ")
    assert here == there
