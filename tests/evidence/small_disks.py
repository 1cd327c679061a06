"""Images of hosts that hold one file each: enough to be swept, and gone in a moment."""

from __future__ import annotations

from pathlib import Path

from .images import file_name, image, record, resident, standard
from .journals import FOLDERS

_TOP, _LOCAL = 5, 43
"""Records of folders: the volume's top, and a user's ``AppData\\Local``."""


def disk(path: Path, name: str = "notes.txt", folder: int = _TOP) -> Path:
    """A volume of NTFS without a Windows."""
    made = record(standard(), file_name(name, folder), resident(0x80, b"x"))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(image({**FOLDERS, 30: made}))
    return path


def strong(path: Path) -> Path:
    """One with a trace where the campaign put it."""
    return disk(path, "cyzfc.dat", _LOCAL)
