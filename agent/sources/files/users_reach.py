"""Where every user of a Windows host can write: what is put there needs no rights."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable

from ...indicators import FileIndicator

Indicators = tuple[FileIndicator, ...]
Shown = Callable[[], str]
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
_MAGIC = b"MZ"
_BETWEEN = re.compile(r"[\\/]")


def in_users_reach(path: str) -> bool:
    """Whether a file or folder lies below such a folder."""
    return not PLACES.isdisjoint(_BETWEEN.split(path.upper())[:-1])


class ProgramsInReach:
    """What programs are opened for there, whatever their name and size; nothing where everything
    is opened for everything."""

    def __init__(self, indicators: tuple[FileIndicator, ...]) -> None:
        self._indicators = indicators
        self._known: dict[int, tuple[Indicators, Indicators]] = {}

    def __bool__(self) -> bool:
        return bool(self._indicators)

    def added(
        self, indicators: Indicators, path: Shown, size: int | None, head: bytes | None
    ) -> Indicators:
        """The indicators that a file is looked at for, given those by its name and its size in
        bytes, if it is known; the same object for the same indicators, as their gates are kept
        with it. ``head``: first bytes, if they are known; ``path``: asked where these leave a
        program possible."""
        is_none = head is not None and not head.startswith(_MAGIC)
        is_small = size is not None and size < LEAST_PROGRAM
        if not self or is_none or is_small or not in_users_reach(path()):
            return indicators
        known = self._known.get(id(indicators))
        if known is None:
            more = tuple(one for one in self._indicators if one not in indicators)
            known = self._known[id(indicators)] = (indicators, indicators + more)
        return known[1]


def least_program_in(folder: str) -> int:
    """The least size, in bytes, of what is looked at in a folder as a program."""
    return LEAST_PROGRAM if in_users_reach(f"{folder}/") else sys.maxsize
