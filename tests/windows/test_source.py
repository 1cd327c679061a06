"""The agent from source under Wine's Windows Python: the bindings against a real Windows interface.

With COVERAGE_WINE=1 the lines that run there are kept beside those of Linux.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lab import Lab

REPOSITORY = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.wine,
    pytest.mark.skipif(sys.platform != "linux", reason="Wine's lab is for Linux"),
]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    from lab import Lab

    made = Lab.make()
    yield made
    made.kill_all()


def python(
    lab: Lab, *arguments: str, env: dict[str, str] | None = None, name: str
) -> CompletedProcess[str]:
    data = REPOSITORY / f".coverage.wine-{name}"
    before = (
        ["-m", "coverage", "run", f"--data-file={lab.to_windows(data)}", "--source=agent"]
        if os.environ.get("COVERAGE_WINE") == "1"
        else []
    )
    return lab.python([*before, *arguments], cwd=REPOSITORY, env=env, timeout=300)


def test_the_bindings_hold_under_windows_python(lab: Lab) -> None:
    done = python(lab, "-m", "pytest", "tests/windows_bindings", "-p", "no:cacheprovider", name="b")
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_the_agent_from_source_finds_a_loaded_dll_with_all_of_memory(
    lab: Lab, tmp_path: Path
) -> None:
    local = lab.drive_c / "users" / "al" / "AppData" / "Local"
    shutil.rmtree(local, ignore_errors=True)
    local.mkdir(parents=True)
    lab.test_dll("point_function_call", local / "cyzfc.dat", 294_400)
    path = lab.to_windows(local / "cyzfc.dat")
    process = lab.popen([r"C:\windows\system32\rundll32.exe", f"{path},PointFunctionCall"])
    try:
        time.sleep(1.5)
        done = python(
            lab, "-m", "agent", "live", lab.to_windows(local), "--memory", "all", "--thorough",
            "--nice", "--out", lab.to_windows(tmp_path / "out"),
            env={"IOCSWEEP_HOME": lab.to_windows(tmp_path / "home")},
            name="m",
        )  # fmt: skip
    finally:
        with process:
            process.kill()
        lab.run_exe(r"C:\windows\system32\taskkill.exe", ["/f", "/im", "rundll32.exe"])
        shutil.rmtree(lab.drive_c / "users" / "al")  # others ask this drive for what is benign
    assert done.returncode == 1, done.stdout + done.stderr
    assert "HIT   1 confirmed" in done.stdout
    assert "process memory" in done.stdout or "more in the report" in done.stdout
