r"""The values of ``HKLM\Software\iocsweep``: which sweep has finished here, for detection rules.

In the 64-bit view, as Intune's rule reads it unless it is "associated with a 32-bit app".
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Mapping, Sequence

if sys.platform == "win32":
    import winreg

KEY = "Software\\iocsweep"
SHOWN = f"HKLM\\{KEY}"


def read(names: Sequence[str]) -> dict[str, str]:
    """Those that are there, and are text. Raises OSError, but not where there is no key."""
    if sys.platform == "win32":
        access = winreg.KEY_READ | winreg.KEY_WOW64_64KEY
        found = {}
        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, KEY, 0, access) as key:
                for name in names:
                    try:
                        data, kind = winreg.QueryValueEx(key, name)
                    except FileNotFoundError:
                        continue
                    if kind == winreg.REG_SZ:
                        found[name] = str(data)
        except FileNotFoundError:
            return {}
        return found
    raise OSError(errno.ENOSYS, "only on Windows", SHOWN)


def write(values: Mapping[str, str]) -> None:
    """In this order, the first one removed before: whoever finds that one finds all of them. So it
    is given first and written last. Raises OSError."""
    if sys.platform == "win32":
        access = winreg.KEY_READ | winreg.KEY_WRITE | winreg.KEY_WOW64_64KEY
        with winreg.CreateKeyEx(winreg.HKEY_LOCAL_MACHINE, KEY, 0, access) as key:
            _delete(key, next(iter(values)))
            for name, value in reversed([*values.items()]):
                winreg.SetValueEx(key, name, 0, winreg.REG_SZ, value)
        return
    raise OSError(errno.ENOSYS, "only on Windows", SHOWN)


def remove(names: Sequence[str]) -> bool:
    """Whether there were any; the key goes too if nothing else is in it. Raises OSError."""
    if sys.platform == "win32":
        access = winreg.KEY_READ | winreg.KEY_WRITE | winreg.KEY_WOW64_64KEY
        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, KEY, 0, access) as key:
                had = [_delete(key, name) for name in names]
                keys, values, _ = winreg.QueryInfoKey(key)
        except FileNotFoundError:
            return False
        if not keys and not values:
            winreg.DeleteKeyEx(winreg.HKEY_LOCAL_MACHINE, KEY, winreg.KEY_WOW64_64KEY, 0)
        return any(had)
    raise OSError(errno.ENOSYS, "only on Windows", SHOWN)


if sys.platform == "win32":

    def _delete(key: winreg.HKEYType, name: str) -> bool:
        try:
            winreg.DeleteValue(key, name)
        except FileNotFoundError:
            return False
        return True
