"""Where every user of a Windows host can write: what is put there needs no rights."""

from __future__ import annotations

import re
import sys

PLACES = frozenset(
    {
        "USERS",
        "DOCUMENTS AND SETTINGS",
        "PROGRAMDATA",
        "PUBLIC",
        "TEMP",
        "$RECYCLE.BIN",
        "RECYCLER",
        "RECYCLED",
    }
)
"""Names of folders, in upper case, wherever they lie: a given path may begin anywhere."""
LEAST_PROGRAM = 1024
"""Bytes; headers and one section of the least size."""
_BETWEEN = re.compile(r"[\\/]")


def in_users_reach(path: str) -> bool:
    """Whether a file or folder lies below such a folder."""
    return not PLACES.isdisjoint(_BETWEEN.split(path.upper())[:-1])


def least_program_in(folder: str) -> int:
    """The least size, in bytes, of what is looked at in a folder as a program."""
    return LEAST_PROGRAM if in_users_reach(f"{folder}/") else sys.maxsize
