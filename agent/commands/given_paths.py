"""Paths on the command line: what is not there was not meant, and starts nothing."""

from __future__ import annotations

import difflib
import errno
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ..command_line.commands import COMMANDS
from ..exit_codes import UsageError
from ..options import option_names
from ..reading.block_device import is_windows_device
from ..windows.files import extended

_HELP = ("help", "?", "/?", "/h", "/help")
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
_NO_NAME = 123
"""Windows: the syntax of the name is wrong, as of ``/?``. What is locked or refused is there."""


def refuse_missing(paths: Sequence[str]) -> None:
    """Raises UsageError for a path that does not exist, with what may have been meant."""
    for path in paths:
        if not _is_there(path):
            raise UsageError(f"{path}: no such file or folder{_hint(path)}")


def files_below(
    folder: Path, endings: tuple[str, ...], lost: Callable[[OSError], object]
) -> list[Path]:
    """Files that are called so, in the folder and those below it, by their paths; no link to a
    folder is followed. ``lost``: is told of each folder that cannot be listed."""
    found = [
        Path(place, name)
        for place, _, names in os.walk(folder, onerror=lost)
        for name in names
        if name.lower().endswith(endings)
    ]
    return sorted(one for one in found if one.is_file())


def _is_there(path: str) -> bool:
    if sys.platform == "win32" and is_windows_device(path):
        return True  # What opens it says whether it is.
    try:
        os.stat(extended(path) if sys.platform == "win32" else path)
    except ValueError:
        return False
    except OSError as error:
        return not (error.errno in _NOT_THERE or getattr(error, "winerror", None) == _NO_NAME)
    return True


def _hint(path: str) -> str:
    if path.lower() in _HELP:
        return "; iocsweep --help lists the commands and options"
    commands = difflib.get_close_matches(path.lower(), COMMANDS, 1)
    if commands:
        return f"; did you mean the command {commands[0]}?"
    if path.startswith("/"):
        options = difflib.get_close_matches(f"--{path[1:].lower()}", option_names(), 1, 0.8)
        return f"; did you mean {options[0]}?" if options else ""
    return ""
