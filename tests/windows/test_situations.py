r"""The built exe, under Wine, in the situations that are about Windows, by default and ``--thorough``.

Many situations lie on one host, each in a user's folder of its own, so that few sweeps tell them
all. What Wine has not is stood in for: a ``cmd.exe`` under another name for PowerShell and WMI, a
program of ours for a rundll32 that takes a path with a comma; streams and deleted files lie on a
volume that ntfs-3g wrote.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from agent.model.report import Finding, Report, Strength, Verdict
from tests.evidence.files import dll
from tests.evidence.images import make, mounted, require_tools, spelled_as_there
from tests.evidence.situations import BENIGN, CONFIRMED, DELETED, STRONG, THOROUGH_ONLY
from tests.windows.host import RUNDLL32, SIZE, Host

pytestmark = [
    pytest.mark.wine,
    pytest.mark.skipif(sys.platform != "linux", reason="Wine's lab is for Linux"),
]
HOW = {"default": (), "thorough": ("--thorough",)}
THOROUGH = pytest.mark.parametrize("how", HOW)
Reports = Mapping[str, Report]
"""By the way of sweeping, as in ``HOW``."""

LOCAL = r"C:\users\jo\AppData\Local"
CALL = "PointFunctionCall"
START_ALL = """
import json, os, subprocess, sys, time
nothing, env = subprocess.DEVNULL, {**os.environ, "LOCALAPPDATA": sys.argv[2]}
def start(line):
    try:
        return subprocess.Popen(
            line, stdin=nothing, stdout=nothing, stderr=nothing, cwd=sys.argv[2], env=env
        )
    except OSError:
        return None
ended, kept = json.loads(sys.argv[1]), []
for _ in range(4):
    all = [(line, start(line)) for line in ended]
    time.sleep(3)
    ended = [line for line, one in all if one is None or one.poll() is not None]
    kept += all
    if not ended:
        break
print(json.dumps(ended), flush=True)
time.sleep(600)
"""
"""Starts each command line, tells which of them have ended, and stays. Wine now and then lets one of
many that start at once end: it is started again."""


def running(host: Host, lines: Sequence[str]) -> subprocess.Popen[bytes]:
    """The launcher of all these command lines, as they stand; whoever calls ends the prefix."""
    launcher = host.lab.popen(
        [host.lab.python_exe, "-c", START_ALL, json.dumps(list(lines)), LOCAL],
    )
    assert launcher.stdout is not None
    ended = json.loads(launcher.stdout.readline())
    assert ended == [], f"these ended at once: {ended}"
    return launcher


def place(host: Host, path: str) -> Path:
    return spelled_as_there(host.lab.drive_c, path)


def plant(root: Path, files: Mapping[str, bytes], user: str) -> None:
    """These files of the user jo as those of another one."""
    for path, content in files.items():
        whole, _, stream = path[2:].replace("\\jo\\", f"\\{user}\\").partition(":")
        lies = spelled_as_there(root, f"C:{whole}")
        lies.parent.mkdir(parents=True, exist_ok=True)
        Path(f"{lies}:{stream}" if stream else lies).write_bytes(content)


def users(situations: Mapping[str, Mapping[str, bytes]]) -> dict[str, str]:
    """A user's name for each situation."""
    return {what: f"u{number:02}" for number, what in enumerate(situations)}


# ---- Benign -------------------------------------------------------------------------------------

HARMLESS = [rf"{RUNDLL32} C:\vendor\{name},DLLMain" for name in ("other.dat", "other.cpl")]


@pytest.fixture(scope="module")
def benign(built_host: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reports]:
    folder = tmp_path_factory.mktemp("benign")
    lab = built_host.lab.clone_prefix(folder / "prefix")
    host = Host(lab, built_host.exe, built_host.one_file)
    host.clean()
    for what, user in users(BENIGN).items():
        plant(lab.drive_c, BENIGN[what], user)
    shutil.copyfile(host.one_file, place(host, r"C:\users\u00\Desktop\iocsweep.exe"))
    for name in ("other.dat", "other.cpl"):
        host.plant(lab.drive_c / "vendor" / name, "look_alike")
    lab.put_in_system32(lab.test_dll("dnsapi"), "dnsapi.dll")
    (folder / "dns.txt").write_text("pandorasong.com A 0.0.0.0\nwww.pandorasong.com A 127.0.0.1\n")
    launcher = running(host, HARMLESS)
    try:
        reports = {}
        for how, options in HOW.items():
            _, reports[how], _ = host.sweep(
                "live", "C:\\users", "C:\\Games", "C:\\ProgramData", "C:\\Program Files\\v", *options,
                dll_overrides={"dnsapi": "n,b"},
                env={"IOCSWEEP_TEST_DNS": lab.to_windows(folder / "dns.txt")},
            )  # fmt: skip
        yield reports
    finally:
        with launcher:
            launcher.kill()
        lab.kill_all()


@THOROUGH
def test_what_is_benign_is_never_more_than_weak(benign: Reports, how: str) -> None:
    report = benign[how]
    told = [
        (one.strength, one.title, one.reasons) for one in report.findings if not one.excluded_by
    ]
    assert [one for one in told if one[0] is not Strength.WEAK] == []
    assert report.verdict is Verdict.INCOMPLETE
    assert told, "the look-alikes were not seen"


# ---- Malicious ----------------------------------------------------------------------------------

AT_REST = {**CONFIRMED, **STRONG, **THOROUGH_ONLY}
USERS = users(AT_REST)
LINES = {
    "plain": "rundll32.exe PATH,CALL",
    "quotes": f'"{RUNDLL32}" "PATH",CALL',
    "no_comma": "rundll32.exe PATH CALL",
    "ordinal": "rundll32.exe PATH,#1",
    "upper": f"{RUNDLL32.upper()} UPPER,CALL",
    "slashes": "rundll32 SLASHES,CALL",
    "variable": r"cmd /c rundll32 %LOCALAPPDATA%\variable\cyzfc.dat,CALL",
    "UNC": r"rundll32 \\srv\share\UNC\cyzfc.dat,CALL",
    "long_form": r"rundll32 \\?\PATH,CALL",
    "eight and three": "rundll32 SHORT,CALL",
    "a space": 'rundll32 "PATH",CALL',
    "a,comma": r'C:\tools\RUNDLL32.exe "PATH,CALL"',
    "Ваня": "rundll32 PATH,CALL",
    "小明": "rundll32 PATH,CALL",
    "from_cmd": "cmd /c rundll32 PATH,CALL",
    "carets": r"cmd /c rundll32 FOLDER\c^y^z^f^c.d^a^t,CALL",
    "from_pwsh": rf"C:\tools\pwsh.exe /c {RUNDLL32} PATH,CALL",
    "from_wmi": rf"C:\tools\WmiPrvSE.exe /c {RUNDLL32} PATH,CALL",
    "SysWOW64": r"C:\windows\syswow64\rundll32.exe PATH,CALL",
    "renamed": r"rundll32 FOLDER\holiday.jpg,CALL",
    "rundll32_renamed": r"C:\tools\svch0st.exe PATH,CALL",
    "gone": "rundll32 PATH,CALL",
}
"""By the name of the folder in which the DLL lies."""
FOUR = [rf"rundll32 {LOCAL}\four\cyzfc.dat,{CALL}"] * 4


def written_out(host: Host, folder: str, line: str) -> str:
    path = rf"{LOCAL}\{folder}\cyzfc.dat"
    words = {
        "PATH": path,
        "UPPER": path.upper(),
        "SLASHES": path.replace("\\", "/"),
        "FOLDER": rf"{LOCAL}\{folder}",
        "CALL": CALL,
    }
    if "SHORT" in line:
        line = line.replace("SHORT", host.short_path(path))
    for word, value in words.items():
        line = line.replace(word, value)
    return line


@pytest.fixture(scope="module")
def malicious(built_host: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reports]:
    """All of it on one host, what runs and what lies in files, but for alternate streams."""
    lab = built_host.lab.clone_prefix(tmp_path_factory.mktemp("malicious") / "prefix")
    host, drive = Host(lab, built_host.exe, built_host.one_file), lab.drive_c
    host.clean()
    made = lab.test_dll("point_function_call", size=SIZE)
    share = lab.prefix / "dosdevices" / "unc" / "srv" / "share" / "UNC"
    for folder in (*(host.local / name for name in (*LINES, "four")), share):
        folder.mkdir(parents=True)
        shutil.copyfile(made, folder / "cyzfc.dat")
    (host.local / "renamed" / "cyzfc.dat").rename(host.local / "renamed" / "holiday.jpg")
    for name in ("pwsh.exe", "WmiPrvSE.exe"):
        copy(drive, "cmd.exe", drive / "tools" / name)
    copy(drive, "rundll32.exe", drive / "windows" / "syswow64" / "rundll32.exe")
    for name in ("RUNDLL32.exe", "svch0st.exe"):
        lab.test_loader(drive / "tools" / name)
    for what, files in AT_REST.items():
        if not any(":" in path[2:] for path in files):
            plant(drive, files, USERS[what])
    lines = [written_out(host, *one) for one in LINES.items()]
    launcher = running(host, [*lines, *FOUR])
    (host.local / "gone" / "cyzfc.dat").unlink()
    places = (
        "C:\\users", "C:\\Windows.old", "C:\\windows\\system32\\config", "C:\\x", "C:\\$Recycle.Bin",
        "C:\\" + "d" * 50,
    )  # fmt: skip
    try:
        reports = {}
        for how, options in HOW.items():
            _, reports[how], _ = host.sweep("live", *places, *options)
        yield reports
    finally:
        with launcher:
            launcher.kill()
        lab.kill_all()


def copy(drive: Path, program: str, out: Path) -> None:
    out.parent.mkdir(exist_ok=True)
    shutil.copyfile(drive / "windows" / "system32" / program, out)


def implants(report: Report) -> list[Finding]:
    """Of those that have the DLL; who only starts one, by a variable, is a strong finding of its own."""
    return [one for one in report.findings if one.process and one.strength is Strength.CONFIRMED]


def words(finding: Finding) -> str:
    assert finding.process is not None
    return f"{finding.process.command_line} {finding.dll.path if finding.dll else ''}".casefold()


@THOROUGH
@pytest.mark.parametrize("folder", LINES)
def test_a_rundll32_with_the_dll_is_confirmed(malicious: Reports, folder: str, how: str) -> None:
    there = f"\\{folder}\\".casefold()
    found = implants(malicious[how])
    with_it = [one for one in found if there in words(one).replace("/", "\\")]
    assert len(with_it) == 1, [words(one) for one in found]


@THOROUGH
def test_each_process_is_a_finding(malicious: Reports, how: str) -> None:
    found = implants(malicious[how])
    assert len(found) == len(LINES) + len(FOUR)
    assert len({one.process.pid for one in found if one.process}) == len(found)


@THOROUGH
@pytest.mark.parametrize(
    ("folder", "starter"),
    [("from_cmd", "cmd.exe"), ("from_pwsh", "pwsh.exe"), ("from_wmi", "wmiprvse.exe")],
)
def test_who_started_it_is_told(malicious: Reports, folder: str, starter: str, how: str) -> None:
    (found,) = [one for one in implants(malicious[how]) if f"\\{folder}\\" in words(one)]
    assert found.process is not None
    assert found.process.parent[0].name.casefold() == starter


@THOROUGH
def test_a_dll_that_is_gone_and_a_renamed_rundll32_are_told_so(
    malicious: Reports, how: str
) -> None:
    found = implants(malicious[how])
    (gone,) = [one for one in found if "\\gone\\" in words(one)]
    assert gone.dll is not None
    assert gone.dll.on_disk is False
    (renamed,) = [one for one in found if "\\rundll32_renamed\\" in words(one)]
    assert renamed.process is not None
    assert renamed.process.name == "svch0st.exe"
    assert renamed.process.original_file_name.casefold().startswith("rundll32.exe")


def at(report: Report, what: str) -> Strength | None:
    """The strongest of what is found where a situation lies."""
    places = [path[2:].replace("\\jo\\", f"\\{USERS[what]}\\").casefold() for path in AT_REST[what]]
    found = [
        finding.strength
        for finding in report.findings
        for one in finding.evidence
        if any(place in one.place.text.casefold() for place in places)
    ]
    return max(found, key=lambda one: one.rank, default=None)


def shortcomings(report: Report, how: str, expected: Mapping[str, object]) -> dict[str, object]:
    """What is not found at its strength."""
    told = {what: at(report, what) for what in expected}
    least = {what: Strength.CONFIRMED if what in CONFIRMED else Strength.STRONG for what in told}
    return {
        what: found
        for what, found in told.items()
        if (how == "thorough" or what not in THOROUGH_ONLY)
        and (found is None or found.rank < least[what].rank)
    }


@THOROUGH
def test_what_lies_on_the_hosts_drive_is_found_at_its_strength(
    malicious: Reports, how: str
) -> None:
    without_streams = {
        what: files for what, files in AT_REST.items() if not any(":" in path[2:] for path in files)
    }
    assert shortcomings(malicious[how], how, without_streams) == {}


@pytest.fixture(scope="module")
def volume(built_host: Host, tmp_path_factory: pytest.TempPathFactory) -> Reports:
    """The exe's reports on a volume with all of it, its streams and what was deleted."""
    require_tools()
    built_host.clean()
    image = make(tmp_path_factory.mktemp("volume") / "disk.img", 64)
    gone = [f"C:\\Users\\gone\\{name}" for name, _ in DELETED]
    with mounted(image) as root:
        for what, files in AT_REST.items():
            plant(root, files, USERS[what])
        plant(root, dict.fromkeys(gone, dll()), "gone")
    with mounted(image) as root:
        for path in gone:
            spelled_as_there(root, path).unlink()
    reports = {}
    for how, options in HOW.items():
        _, reports[how], _ = built_host.sweep("offline", built_host.lab.to_windows(image), *options)
    return reports


@THOROUGH
def test_what_lies_on_a_volume_is_found_at_its_strength(volume: Reports, how: str) -> None:
    assert shortcomings(volume[how], how, AT_REST) == {}


@THOROUGH
@pytest.mark.parametrize(("name", "strength"), DELETED)
def test_what_was_deleted_is_found(
    volume: Reports, name: str, strength: Strength, how: str
) -> None:
    place = f"\\Users\\gone\\{name}"
    (found,) = [one for one in volume[how].findings if one.file and one.file.path.endswith(place)]
    assert found.strength is strength
    assert any(reason.startswith("deleted") for reason in found.reasons)
