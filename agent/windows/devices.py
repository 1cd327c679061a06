r"""Native device paths (``\Device\HarddiskVolume3\…``) as paths that a person knows."""

from __future__ import annotations

import ctypes
import os
import string
from collections.abc import Mapping

from . import dlls, text

_REDIRECTORS = ("\\device\\mup\\", "\\device\\lanmanredirector\\", "\\device\\webdavredirector\\")

_MAX_SUBSTITUTIONS = 26
_NO_ROOT, _REMOTE = 1, 4


def drive_letters() -> list[str]:
    r"""The drives of this logon session, ``C:`` …"""
    mask = dlls.function("kernel32", "GetLogicalDrives", ctypes.c_uint32)()
    if not mask:
        raise dlls.failure("drive letters")
    return [f"{letter}:" for bit, letter in enumerate(string.ascii_uppercase) if mask >> bit & 1]


def device_of(drive: str) -> str:
    r"""What a drive letter stands for: ``\Device\HarddiskVolume3``, or ``\??\C:\folder``
    (subst).
    """
    query = dlls.function(
        "kernel32", "QueryDosDeviceW", ctypes.c_uint32, text.Pointer, text.Pointer, ctypes.c_uint32
    )
    answer = text.space(text.MAX_PATH_UNITS)
    if not query(text.wide(drive), answer, len(answer)):
        raise dlls.failure(drive)
    return text.narrow(answer)


def dos_devices() -> dict[str, str]:
    """Every drive letter with its device; a letter that went meanwhile is left out."""
    devices = {}
    for drive in drive_letters():
        try:
            devices[drive] = device_of(drive)
        except FileNotFoundError:
            continue
    return devices


def drives() -> dict[str, bool]:
    """Every drive letter of this logon session, and whether it leads to this machine.

    No server is contacted: what a letter stands for is kept by the system itself.
    """
    devices = dos_devices()
    return {drive.upper(): _is_local(drive, devices) for drive in devices}


def _is_local(drive: str, devices: Mapping[str, str]) -> bool:
    for _ in range(_MAX_SUBSTITUTIONS):
        device = devices.get(drive, "")
        if is_redirected(device):
            return False
        if not device.startswith("\\??\\"):
            break
        drive = device[4:6].upper()
    ask = dlls.function("kernel32", "GetDriveTypeW", ctypes.c_uint32, text.Pointer)
    return bool(device) and ask(text.wide(f"{drive}\\")) not in (_NO_ROOT, _REMOTE)


def is_redirected(device: str) -> bool:
    r"""Whether a device leads to another machine.

    A redirector's name ends before ``\;Z:`` and the like: which letter, of which session.
    """
    folded = device.casefold()
    return "\\;" in folded or folded.startswith((*_REDIRECTORS, "\\??\\unc\\", "\\unc\\"))


def drive_path(path: str, devices: Mapping[str, str]) -> str:
    r"""A native path as a usual one.

    A volume without a letter gives ``\\?\GLOBALROOT\Device\…``, which can be opened as it is.
    """
    folded = path.casefold()
    if folded.startswith("\\systemroot\\"):
        return os.environ.get("SystemRoot", r"C:\Windows") + path[11:]  # noqa: SIM112
    if folded.startswith("\\??\\"):
        rest = path[4:]
        return f"\\\\{rest[4:]}" if rest[:4].casefold() == "unc\\" else rest
    for redirector in _REDIRECTORS:
        if folded.startswith(redirector):
            parts = path[len(redirector) :].split("\\")
            return "\\\\" + "\\".join(part for part in parts if not part.startswith(";"))
    best = ("", "")
    for drive, device in devices.items():
        if folded.startswith(device.casefold() + "\\") and len(device) > len(best[1]):
            best = (drive, device)
    if best[1]:
        return best[0] + path[len(best[1]) :]
    if folded.startswith("\\device\\"):
        return "\\\\?\\GLOBALROOT" + path
    return path
