"""A Windows host of Wine's for the tests: the built exe, a user's folder, a real rundll32."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.model.codec import decode
from agent.model.report import Finding, Report, Strength

if TYPE_CHECKING:
    from lab import Lab

REPOSITORY = Path(__file__).parents[2]
RUNDLL32 = r"C:\windows\system32\rundll32.exe"
SIZE = 294_400


class Host:
    """A Windows host of Wine's, with the exe and a user's folder."""

    def __init__(self, lab: Lab, exe: Path, one_file: Path) -> None:
        self.lab, self.exe, self.one_file = lab, exe, one_file
        self.local = lab.drive_c / "users" / "jo" / "AppData" / "Local"

    def clean(self) -> None:
        shutil.rmtree(self.local.parents[1], ignore_errors=True)
        self.local.mkdir(parents=True)

    def plant(self, path: Path, source: str = "point_function_call") -> str:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.lab.test_dll(source, path, SIZE)
        return str(self.lab.to_windows(path))

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        for _ in range(3):  # Wine now and then lets one end
            process = self.lab.popen(list(arguments))
            time.sleep(2)
            if process.poll() is None:
                break
        assert process.poll() is None, "the test's rundll32 ended at once"
        try:
            yield process
        finally:
            self.lab.run_exe(r"C:\windows\system32\taskkill.exe", ["/f", "/im", "rundll32.exe"])
            with process:
                process.kill()

    def running_line(self, line: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
        """The same by a command line as it stands, which only a Windows program can pass on."""
        script = (
            "import subprocess, sys; nothing = subprocess.DEVNULL;"
            "sys.exit(subprocess.call(sys.argv[1], stdin=nothing, stdout=nothing, stderr=nothing))"
        )
        return self.running(str(self.lab.python_exe), "-c", script, line)

    def short_path(self, path: str) -> str:
        """The 8.3 form of a path."""
        script = (
            "import ctypes,sys; b=ctypes.create_unicode_buffer(999);"
            "ctypes.windll.kernel32.GetShortPathNameW(sys.argv[1],b,999); print(b.value)"
        )
        short = self.lab.python(["-c", script, path]).stdout.strip()
        assert "~" in short
        return short

    def sweep(
        self, *arguments: str, exe: Path | None = None, **named: Any
    ) -> tuple[int, Report, str]:
        out = self.lab.drive_c / "reports"
        shutil.rmtree(out, ignore_errors=True)
        done = self.lab.run_exe(
            exe or self.exe,
            [*(arguments or ("live", self.lab.to_windows(self.local))), "--out", r"C:\reports"],
            **named,
        )
        reports = list(out.glob("*.json"))
        assert len(reports) == 1, done.stdout + done.stderr
        return done.returncode, decode(reports[0].read_bytes()), done.stdout


def confirmed(report: Report) -> Finding:
    found = [f for f in report.findings if f.strength is Strength.CONFIRMED]
    assert len(found) == 1, [(f.strength.value, f.title) for f in report.findings]
    return found[0]


def sources(finding: Finding) -> set[str]:
    return {evidence.source for evidence in finding.evidence}
