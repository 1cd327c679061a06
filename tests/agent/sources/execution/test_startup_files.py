"""Links and scripts that Windows starts are told with what they start."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from agent.model.observation import Claim
from agent.model.report import State, Strength
from agent.sources.artefact_source import ArtefactSource
from agent.sources.execution.startup_files import StartupFiles
from tests.evidence.execution import wide
from tests.evidence.files import shell_link
from tests.evidence.sweeping import Swept, reported, swept
from tests.evidence.windows_folder import FORMS, as_folder, windows

STARTUP = "Start Menu\\Programs\\Startup"
JO = f"C:\\Users\\jo\\AppData\\Roaming\\Microsoft\\Windows\\{STARTUP}"
ALL = f"C:\\ProgramData\\Microsoft\\Windows\\{STARTUP}"
POLICY = "C:\\Windows\\System32\\GroupPolicy"
DAT = "C:\\Users\\jo\\AppData\\Local\\cyzfc.dat"
CALL = f"rundll32.exe {DAT}, PointFunctionCall"
RUNDLL32 = "C:\\Windows\\System32\\rundll32.exe"


def sweep(place: Path, path: str, data: bytes, form: str = "folder") -> Swept:
    return swept(FORMS[form](place / "c", windows({path: data})), ArtefactSource(StartupFiles()))


def told(found: Swept) -> set[tuple[str, Strength]]:
    """Command lines, and what they prove."""
    return {
        (seen.process.command_line, match.strength)
        for match in found.matches()
        if (seen := match.observation).process is not None
    }


@pytest.mark.parametrize("form", FORMS)
def test_a_link_tells_its_whole_command_and_whose_it_is(form: str, tmp_path: Path) -> None:
    link = shell_link(f"{DAT}, PointFunctionCall", target=RUNDLL32)
    found = sweep(tmp_path, f"{JO}\\Updater.lnk", link, form)

    assert (f'"{RUNDLL32}" {DAT}, PointFunctionCall', Strength.STRONG) in told(found)
    seen = found.only()
    assert (seen.seen, seen.claim, seen.place.owner) == (
        "Startup folder", Claim.RAN, "jo"
    )  # fmt: skip
    assert seen.process is not None
    assert seen.process.executable == RUNDLL32
    assert seen.process.user is not None
    assert seen.process.user.name == "jo"
    assert (found.coverage.state, found.coverage.examined) == (State.COMPLETE, 1)


@pytest.mark.parametrize(
    ("path", "data"),
    [
        (f"{JO}\\a.bat", f"@echo off\r\n{CALL}\r\n".encode()),
        (f"{ALL}\\a.cmd", f"start {CALL}".encode()),
        (f"{ALL}\\a.vbs", f'CreateObject("WScript.Shell").Run "{CALL}"'.encode()),
        (f"C:\\Users\\jo\\{STARTUP}\\a.bat", CALL.encode()),
        (f"C:\\Documents and Settings\\All Users\\{STARTUP}\\a.bat", CALL.encode()),
        (f"{POLICY}\\Machine\\Scripts\\scripts.ini", wide(f"[Startup]\r\n0CmdLine={CALL}\r\n")),
        (f"{POLICY}\\User\\Scripts\\psscripts.ini", wide(f"[Logon]\r\n1Parameters={CALL}\r\n")),
        (f"{POLICY}\\Machine\\Scripts\\Startup\\a.ps1", wide(CALL)),
        ("C:\\Users\\jo\\Documents\\WindowsPowerShell\\profile.ps1", f"& {CALL}".encode()),
        ("C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\Microsoft.PowerShell_profile.ps1",
         CALL.encode()),
        ("C:\\Program Files\\PowerShell\\7\\profile.ps1", CALL.encode()),
        ("C:\\Windows\\Setup\\Scripts\\SetupComplete.cmd", CALL.encode()),
        ("C:\\Windows\\win.ini", f"[windows]\r\nload={CALL}\r\n".encode()),
        ("C:\\Windows\\system.ini", f"[boot]\r\nshell=explorer.exe {CALL}\r\n".encode()),
        ("C:\\autoexec.bat", CALL.encode()),
    ],
)  # fmt: skip
def test_a_line_of_each_place_is_a_command(path: str, data: bytes, tmp_path: Path) -> None:
    found = sweep(tmp_path, path, data)
    ((command, strength),) = {one for one in told(found) if one[1] is Strength.STRONG}
    assert CALL in command
    assert strength is Strength.STRONG
    assert (found.coverage.state, found.reasons) == (State.COMPLETE, {})


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (f"{JO}\\a.bat", f"rem {CALL}"),
        (f"{JO}\\a.cmd", f":: {CALL}"),
        (f"{JO}\\a.ps1", f"# {CALL}"),
        (f"{JO}\\a.vbs", f"' {CALL}"),
        ("C:\\Windows\\win.ini", f"Name={CALL}"),
    ],
)
def test_a_remark_and_another_setting_are_mentions(path: str, line: str, tmp_path: Path) -> None:
    found = sweep(tmp_path, path, line.encode())
    assert {match.strength for match in found.matches()} == {Strength.WEAK}
    assert {match.observation.claim for match in found.matches()} == {Claim.LOGGED}


def test_a_command_that_base64_hides_is_found(tmp_path: Path) -> None:
    hidden = base64.b64encode(CALL.encode("utf-16-le")).decode()
    line = f"powershell -enc {hidden}"
    for number, (name, data) in enumerate(
        (("a.bat", line.encode()),
         ("a.lnk", shell_link(f"-enc {hidden}", target="C:\\x\\powershell.exe")))
    ):  # fmt: skip
        found = sweep(tmp_path / str(number), f"{JO}\\{name}", data)
        assert Strength.STRONG in {strength for _, strength in told(found)}


def test_an_encoded_script_is_a_gap_and_a_damaged_link_too(tmp_path: Path) -> None:
    encoded = sweep(tmp_path / "1", f"{JO}\\a.vbe", b"#@~^AAAA==cyzfc.dat")
    assert encoded.reasons == {
        "link or script that is started: an encoded script, searched as it stands": 1
    }
    assert {match.strength for match in encoded.matches()} >= {Strength.WEAK}
    link = shell_link(f"{DAT}, PointFunctionCall", target=RUNDLL32)
    cut = sweep(tmp_path / "2", f"{JO}\\a.lnk", link[:90] + b"\xff\xff" + link[90:])
    assert {match.observation.claim for match in cut.matches()} >= {Claim.MENTIONED}
    assert cut.coverage.state is State.PARTIAL


def test_two_users_who_start_it_are_two_findings(tmp_path: Path) -> None:
    files = {
        f"C:\\Users\\{user}\\AppData\\Roaming\\Microsoft\\Windows\\{STARTUP}\\a.bat": CALL.encode()
        for user in ("jo", "Ann")
    }
    made = reported(as_folder(tmp_path, windows(files)), ArtefactSource(StartupFiles()))
    assert len({finding.id for finding in made.findings}) == 2
