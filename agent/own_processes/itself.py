"""This same program once more, as a process of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def itself(*words: str) -> list[str]:
    """Its command with these arguments."""
    if getattr(sys, "frozen", False):
        return [sys.executable, *words]
    # -P: not what lies in the current folder.
    return [sys.executable, "-P", "-m", "agent", *words]


def environment(**more: str) -> dict[str, str]:
    """Its variables, and ``more``. PyInstaller's are kept, so that a one-file program uses the
    folder that is unpacked already (its manual, "Spawning independent subprocesses").
    """
    made = dict(os.environ)
    made.pop("PYINSTALLER_RESET_ENVIRONMENT", None)
    made.update(more)
    if not getattr(sys, "frozen", False):
        home = str(Path(__file__).resolve().parents[2])
        known = made.get("PYTHONPATH")
        made["PYTHONPATH"] = f"{home}{os.pathsep}{known}" if known else home
    return made


__all__ = ["environment", "itself"]
