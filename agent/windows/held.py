r"""Files that Windows itself keeps open for as long as it runs, to everybody else's exclusion.

The paging, swap and hibernation files at a volume's root, and the hives that the kernel says it has
loaded (``HKLM\SYSTEM\CurrentControlSet\Control\hivelist``) with their logs. Asked of the kernel's
list, never told by name alone: anybody can hold any file open under a hive's name.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterable

from msgspec import Struct

from . import devices

if sys.platform == "win32":
    import winreg

_AT_ROOTS = ("pagefile.sys", "swapfile.sys", "hiberfil.sys")
_HIVELIST = r"SYSTEM\CurrentControlSet\Control\hivelist"
_LOGS = (".log", ".log1", ".log2")
_TRANSACTIONS = (".blf", ".regtrans-ms")


class HeldFiles(Struct, frozen=True):
    """Paths are folded for comparison."""

    paths: frozenset[str] = frozenset()
    hives: tuple[str, ...] = ()

    @classmethod
    def of(cls, roots: Iterable[str], hives: Iterable[str]) -> HeldFiles:
        """From the roots of volumes and the paths of loaded hives."""
        folded = tuple(hive.casefold() for hive in hives if hive)
        paths = {
            f"{root.rstrip(chr(92))}\\{name}".casefold() for root in roots for name in _AT_ROOTS
        }
        paths.update(folded)
        paths.update(hive + log for hive in folded for log in _LOGS)
        return cls(frozenset(paths), folded)

    def has(self, path: str) -> bool:
        """Whether this file is one of them; a hive's transaction logs carry a GUID in the name."""
        folded = path.casefold()
        return folded in self.paths or (
            folded.endswith(_TRANSACTIONS)
            and any(folded.startswith(hive + "{") for hive in self.hives)
        )


def loaded_hives() -> list[str]:
    """Usual paths of the files behind the registry's loaded hives. Raises OSError."""
    if sys.platform == "win32":
        letters = devices.dos_devices()
        found = []
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, _HIVELIST) as key:
            for number in range(winreg.QueryInfoKey(key)[1]):
                _, data, _ = winreg.EnumValue(key, number)
                if isinstance(data, str) and data:
                    found.append(devices.drive_path(data, letters))
        return found
    raise OSError(errno.ENOSYS, "only on Windows", _HIVELIST)
