r"""Users' profiles, as this machine's registry lists them.

Source: ``HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList`` (Microsoft Learn, "User
profiles"). Paths are given as they are written there, with variables.
"""

from __future__ import annotations

import ctypes
import errno
import sys
from collections.abc import Sequence

from . import dlls, text

if sys.platform == "win32":
    import winreg

_LIST = "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\ProfileList"
_TCPIP = "SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters"
_LOGS = "SYSTEM\\CurrentControlSet\\Services\\EventLog"
_MAX_PROFILES = 10_000
_MAX_LOGS = 256


def system_root() -> str:
    r"""``C:\Windows``: of the system, whatever the environment says. Raises OSError."""
    ask = dlls.function(
        "kernel32", "GetSystemWindowsDirectoryW", ctypes.c_uint32, text.Pointer, ctypes.c_uint32
    )
    answer = text.space(1024)
    length = ask(answer, len(answer))
    if not 0 < length < len(answer):
        raise dlls.failure("folder of Windows")
    return text.narrow(answer, length)


def listed() -> tuple[tuple[str, str], ...]:
    """SID and folder of each profile. Raises OSError."""
    if sys.platform == "win32":
        found = []
        with _opened(_LIST) as key:
            count = min(winreg.QueryInfoKey(key)[0], _MAX_PROFILES)
            sids = [winreg.EnumKey(key, number) for number in range(count)]
        for sid in sids:
            path = _value(f"{_LIST}\\{sid}", "ProfileImagePath")
            if path:
                found.append((sid, path))
        return tuple(found)
    raise OSError(errno.ENOSYS, "only on Windows", _LIST)


def directory() -> str:
    """Where new profiles are made. Raises OSError."""
    return _value(_LIST, "ProfilesDirectory")


def program_data() -> str:
    """The folder of all users' program data; empty before Windows Vista. Raises OSError."""
    return _value(_LIST, "ProgramData")


def data_base() -> str:
    """Where the network's own files lie, the hosts file among them. Raises OSError."""
    return _value(_TCPIP, "DataBasePath")


def event_logs(keys: Sequence[str]) -> tuple[str, ...]:
    """The files of event logs, as these keys and the event log service's tell. Raises OSError."""
    if sys.platform == "win32":
        try:
            with _opened(_LOGS) as key:
                count = min(winreg.QueryInfoKey(key)[0], _MAX_LOGS)
                names = [winreg.EnumKey(key, number) for number in range(count)]
        except FileNotFoundError:
            names = []
        paths = [*(f"{_LOGS}\\{name}" for name in names), *keys]
        return tuple(file for path in paths if (file := _value(path, "File")))
    raise OSError(errno.ENOSYS, "only on Windows", _LOGS)


def _value(path: str, name: str) -> str:
    """Empty if there is none. Raises OSError."""
    if sys.platform == "win32":
        try:
            with _opened(path) as key:
                data, _ = winreg.QueryValueEx(key, name)
        except FileNotFoundError:
            return ""
        return data if isinstance(data, str) else ""
    raise OSError(errno.ENOSYS, "only on Windows", path)


if sys.platform == "win32":

    def _opened(path: str) -> winreg.HKEYType:
        access = winreg.KEY_READ | winreg.KEY_WOW64_64KEY
        return winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, path, 0, access)
