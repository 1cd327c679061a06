"""Which paths of somebody else's may be opened, and what a drive letter leads to."""

from __future__ import annotations

import pytest

from agent.windows import devices, dlls, files

DRIVES = {"C:": True, "Z:": False}
GUID = "4c1b02c1-d990-11dc-99ae-806e6f6e6963"


@pytest.mark.parametrize(
    "path",
    [
        r"C:\x.dll",
        "c:/x.dll",
        r"\\?\C:\x.dll",
        r"\??\C:\x.dll",
        rf"\\?\Volume{{{GUID}}}\x.dll",
        r"\\?\GLOBALROOT\Device\HarddiskVolume3\x.dll",
        r"\\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy12\x.dll",
    ],
)
def test_disks_of_this_machine_are_opened(path: str) -> None:
    assert files.why_not_opened(path, DRIVES) == ""


@pytest.mark.parametrize(
    "path",
    [
        r"\\server\share\x.dll",
        "//server/share/x.dll",
        r"\\?\UNC\server\share\x.dll",
        r"\??\unc\server\share\x.dll",
        r"\\.\UNC\server\share\x.dll",
        r"\\?\GLOBALROOT\Device\Mup\server\share\x.dll",
        r"Z:\x.dll",
        r"\\?\z:\x.dll",
    ],
)
def test_other_machines_are_not_contacted(path: str) -> None:
    assert files.why_not_opened(path, DRIVES) == files.ON_THE_NETWORK


@pytest.mark.parametrize(
    "path",
    [
        "",
        "x.dll",
        "C:x.dll",
        r"\x.dll",
        r"\\.\pipe\evil",
        r"\\.\PhysicalDrive0",
        r"\\?\pipe\evil",
        r"\\?\GLOBALROOT\Device\NamedPipe\evil",
        rf"\\?\Volume{{{GUID}}}",
    ],
)
def test_pipes_and_devices_are_not_opened(path: str) -> None:
    assert files.why_not_opened(path, DRIVES) == files.NO_FILE_PATH


def test_a_letter_of_another_session_is_not_taken_for_a_file_that_is_gone() -> None:
    assert files.why_not_opened(r"Q:\x.dll", DRIVES) == files.NO_SUCH_DRIVE


@pytest.mark.parametrize(
    ("device", "redirected"),
    [
        (r"\Device\HarddiskVolume3", False),
        (r"\Device\CdRom0", False),
        (r"\??\C:\folder", False),
        (r"\Device\LanmanRedirector\;Z:00000000000a1b2c\server\share", True),
        (r"\Device\Mup\;LanmanRedirector\;Z:00000000000a1b2c\server\share", True),
        (r"\Device\VBoxMiniRdr\;Z:\vboxsvr\share", True),
        (r"\??\UNC\server\share", True),
    ],
)
def test_a_letter_of_a_redirector_leads_to_another_machine(device: str, redirected: bool) -> None:
    assert devices.is_redirected(device) is redirected


def test_a_letter_that_stands_for_a_network_letter_is_one_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = {
        "Y:": r"\??\Z:\folder",
        "Z:": r"\Device\LanmanRedirector\;Z:0\server\share",
        "X:": r"\??\X:\itself",
    }
    monkeypatch.setattr(devices, "dos_devices", lambda: table)
    monkeypatch.setattr(dlls, "function", lambda *_: lambda _: 3)
    assert devices.drives()["Y:"] is False
    assert devices.drives()["Z:"] is False


def test_native_paths_become_usual_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SystemRoot", r"C:\Windows")
    assert devices.drive_path(r"\??\C:\x.dll", {}) == r"C:\x.dll"
    assert devices.drive_path(r"\SystemRoot\System32\x.dll", {}) == r"C:\Windows\System32\x.dll"


def test_a_pipes_server_must_not_act_as_us() -> None:
    assert files._FLAGS & 0x00100000  # SECURITY_SQOS_PRESENT
    assert not files._FLAGS & 0x00030000  # SECURITY_ANONYMOUS: no level beyond it
