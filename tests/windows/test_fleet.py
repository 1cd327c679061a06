"""The exe as deployment channels run it: from drives and spaced folders, once, detached, silent."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.model.codec import decode
from agent.model.report import Report, Verdict
from tests.windows.host import Host

pytestmark = [
    pytest.mark.wine,
    pytest.mark.skipif(sys.platform != "linux", reason="Wine's lab is for Linux"),
]
CODE_OF = "import subprocess, sys; print(subprocess.call(sys.argv[1:]))"
"""Linux keeps eight bits of an exit code."""
VALUES = """
import json, winreg
view = winreg.KEY_READ | winreg.KEY_WOW64_64KEY
found = {}
try:
    with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, "Software\\\\iocsweep", 0, view) as key:
        for number in range(winreg.QueryInfoKey(key)[1]):
            name, value, _ = winreg.EnumValue(key, number)
            found[name] = value
except FileNotFoundError:
    found = None
print(json.dumps(found))
"""


class Fleet:
    """A host of the fleet, its home, and paths that are swept in no time."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.host, self.home = host, folder / "home"
        (host.local / "notes.txt").write_text("nothing")
        self.words = ["live", host.lab.to_windows(host.local), "--only", "files"]
        self.env = {"IOCSWEEP_HOME": host.lab.to_windows(self.home)}

    def run(
        self, *words: str, exe: Path | str | None = None, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return self.host.lab.run_exe(
            exe or self.host.exe, [*words], env={**self.env, **(env or {})}, timeout=180
        )

    def sweep(self, *words: str, **named: Any) -> subprocess.CompletedProcess[str]:
        return self.run(*self.words, *words, **named)

    def code(self, *words: str) -> tuple[int, list[str], str]:
        """The whole exit code, the lines on stdout, and stderr."""
        exe = self.host.lab.to_windows(self.host.exe)
        done = self.host.lab.python(["-c", CODE_OF, exe, *self.words, *words], env=self.env)
        *lines, code = done.stdout.splitlines()
        return int(code), lines, done.stderr

    def reports(self) -> list[Report]:
        return [decode(path.read_bytes()) for path in sorted(self.home.glob("reports/*.json"))]

    def values(self) -> dict[str, str] | None:
        values: dict[str, str] | None = json.loads(self.host.lab.python(["-c", VALUES]).stdout)
        return values


@pytest.fixture
def fleet(host: Host, tmp_path: Path) -> Iterator[Fleet]:
    made = Fleet(host, tmp_path)
    yield made
    made.run("clean", "--yes")


def test_a_sweep_is_run_once_and_the_registry_says_so_until_it_is_cleaned(fleet: Fleet) -> None:
    assert fleet.values() is None
    done = fleet.sweep("--once", "2026-w48", "--quiet")
    assert done.returncode == 0, done.stdout + done.stderr
    (report,) = fleet.reports()
    assert report.sweep_id == "2026-w48"
    assert fleet.values() == {
        "LastSweep": "2026-w48",
        "Verdict": "clean",
        "Finished": report.finished.isoformat(timespec="seconds"),
    }
    again = fleet.sweep("--once", "2026-w48", "--quiet")
    assert again.returncode == 0
    assert json.loads(again.stdout)["once"] == "2026-w48"
    assert len(fleet.reports()) == 1
    refused = fleet.run("clean")
    assert refused.returncode == 4
    assert "nobody but this host has 1 reports" in refused.stderr
    assert fleet.values() is not None
    cleaned = fleet.run("clean", "--yes")
    assert cleaned.returncode == 0, cleaned.stdout + cleaned.stderr
    assert fleet.values() is None
    assert not fleet.home.exists()


def test_a_sweep_without_the_option_writes_nothing_into_the_registry(fleet: Fleet) -> None:
    assert fleet.sweep("--quiet", "--sweep-id", "2026-w48").returncode == 0
    assert fleet.values() is None


def test_a_deployment_tool_is_told_to_try_later_while_another_sweep_runs(fleet: Fleet) -> None:
    exe = fleet.host.lab.to_windows(fleet.host.exe)
    waiting = [exe, *fleet.words, "--splay", "60s-60s"]
    first = fleet.host.lab.popen(waiting, env=fleet.env)
    try:
        assert first.stderr is not None
        while b"waiting 60 s" not in (line := first.stderr.readline()):
            assert line, "it ended"
        assert fleet.code("--quiet")[0] == 5
        code, lines, error = fleet.code("--preset", "intune")
        assert code == 1618
        assert json.loads(lines[-1])["exit"] == 1618
        assert error == ""
    finally:
        with first:
            first.kill()
        fleet.host.lab.run_exe(
            r"C:\windows\system32\taskkill.exe", ["/f", "/im", fleet.host.exe.name]
        )


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], 0),
        (["--memory", "some"], 2),
        (["--pack", r"C:\nowhere.yaml"], 2),
        (["--collector", "https://127.0.0.1:9", "--token-file", r"C:\none"], 2),
    ],
)
def test_intune_gets_one_line_and_nothing_on_stderr(
    fleet: Fleet, words: list[str], code: int
) -> None:
    done = fleet.sweep("--preset", "intune", *words)
    assert (done.returncode, done.stderr) == (code, "")
    (line,) = done.stdout.splitlines()
    assert line.isascii()
    assert len(line) <= 2048
    assert json.loads(line)["verdict"] == (None if code else "clean")


@pytest.mark.parametrize("form", ["one-dir", "one-file"])
def test_a_detached_sweep_goes_on_after_its_starter_has_ended(fleet: Fleet, form: str) -> None:
    exe = fleet.host.exe if form == "one-dir" else fleet.host.one_file
    done = fleet.sweep("--detach", "--quiet", "--splay", "2s-2s", exe=exe)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["detached"] is True
    assert told["path"] == fleet.host.lab.to_windows(fleet.home / "reports")
    assert fleet.reports() == []
    deadline = time.monotonic() + 120
    while not fleet.reports():
        assert time.monotonic() < deadline, (fleet.home / "detached.log").read_text()
        time.sleep(0.2)
    (report,) = fleet.reports()
    assert (report.verdict, report.agent.form) == (Verdict.CLEAN, form)
    while not (said := (fleet.home / "detached.log").read_text().splitlines()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert json.loads(said[-1])["verdict"] == "clean"


def test_options_come_from_a_file_and_from_variables(fleet: Fleet, tmp_path: Path) -> None:
    text = "# of the fleet\r\n--sweep-id\r\nBüro 48\r\n--quiet\r\n"
    (tmp_path / "fleet.args").write_bytes(text.encode("utf-16"))  # as PowerShell's > writes it
    file = f"@{fleet.host.lab.to_windows(tmp_path / 'fleet.args')}"
    done = fleet.sweep(file, env={"IOCSWEEP_MAX_RUNTIME": "25m", "IOCSWEEP_NICE": "1"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "from the environment: IOCSWEEP_MAX_RUNTIME, IOCSWEEP_NICE" in done.stderr
    (report,) = fleet.reports()
    assert report.sweep_id == "Büro 48"
    assert (report.options["max_runtime"], report.options["nice"]) == (1500, True)
    wrong = fleet.sweep(env={"IOCSWEEP_MAX_RUNTIME": "soon"})
    assert wrong.returncode == 2
    assert "IOCSWEEP_MAX_RUNTIME: argument --max-runtime: 'soon'" in wrong.stderr


def test_a_sweep_that_stands_back_is_whole(fleet: Fleet) -> None:
    done = fleet.sweep("--nice", "--pause", "10s", "--max-memory", "1G", "--quiet")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "--max-memory" not in done.stderr
    (report,) = fleet.reports()
    assert report.resources.cpu_s > 0
    assert 0 < report.resources.peak_rss_bytes < 1 << 30


@pytest.mark.parametrize("where", ["spaced", "mapped drive", "extended path", "read-only"])
def test_it_runs_from_anywhere(fleet: Fleet, tmp_path: Path, where: str) -> None:
    lab = fleet.host.lab
    folder = tmp_path / ("a folder & more (x86)" if where == "spaced" else "tools")
    shutil.copytree(fleet.host.exe.parent, folder)
    exe: Path | str = folder / fleet.host.exe.name
    if where == "mapped drive":
        lab.map_drive("y", folder)
        exe = rf"Y:\{fleet.host.exe.name}"
    elif where == "extended path":
        exe = rf"\\?\{lab.to_windows(folder)}\{fleet.host.exe.name}"
    elif where == "read-only":
        _read_only(folder)
    before = _listed(folder)
    try:
        done = fleet.sweep("--quiet", exe=exe)
    finally:
        if where == "mapped drive":
            lab.map_drive("y", None)
        elif where == "read-only":
            subprocess.run(["umount", str(folder)], check=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["verdict"] == "clean"
    assert len(fleet.reports()) == 1
    assert _listed(folder) == before


@pytest.mark.parametrize("form", ["one-dir", "one-file"])
def test_program_arguments_evidence_and_report_are_on_a_share(
    fleet: Fleet, tmp_path: Path, form: str
) -> None:
    r"""What Wine 8 calls a program there is ``UNC\server\share``, which is no path."""
    lab, host = fleet.host.lab, fleet.host
    if _wine() < 10:
        pytest.skip("Wine 8 misnames a program of a share")
    folder = tmp_path / "tools"
    shutil.copytree(host.exe.parent, folder)
    shutil.copy(host.one_file, folder / "one-file.exe")
    (folder / "evidence").mkdir()
    (folder / "evidence" / "cyzfc.dat").write_bytes(b"x")
    (folder / "out dir").mkdir()
    share = r"\\fileserver\tools$"
    (folder / "sweep.args").write_text(f"--only=files\n--quiet\n--out={share}\\out dir\\r.json\n")
    there = lab.prefix / "dosdevices" / "unc" / "fileserver"
    there.mkdir(parents=True)
    (there / "tools$").symlink_to(folder)
    exe = f"{share}\\one-file.exe" if form == "one-file" else f"{share}\\{host.exe.name}"
    try:
        done = fleet.run("live", f"{share}\\evidence", f"@{share}\\sweep.args", exe=exe)
    finally:
        shutil.rmtree(there)
    assert done.returncode == 0, done.stdout + done.stderr
    report = decode((folder / "out dir" / "r.json").read_bytes())
    assert report.agent.form == form
    assert [one.place.text for found in report.findings for one in found.evidence] == [
        f"{share}\\evidence\\cyzfc.dat"
    ]


def _wine() -> int:
    """Its first number."""
    from wine import wine_loader

    told = subprocess.run([wine_loader(), "--version"], capture_output=True, text=True, check=True)
    return int(told.stdout.removeprefix("wine-").partition(".")[0])


def _read_only(folder: Path) -> None:
    """As a disc is: for root, too."""
    for options in (["--bind", str(folder)], ["-o", "remount,ro,bind"]):
        subprocess.run(["mount", *options, str(folder)], check=True)
    with pytest.raises(OSError):
        (folder / "x").write_text("x")


def _listed(folder: Path) -> list[tuple[str, int]]:
    return sorted((str(path), path.stat().st_size) for path in folder.rglob("*"))
