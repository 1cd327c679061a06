"""Folders of self-tests that were killed, below the home folder."""

from __future__ import annotations

import re
import time
from pathlib import Path

FOLDER = "selftest-"
"""Begins the name of the folder of each."""
_NAME = re.compile(rf"{FOLDER}[0-9a-f]{{12}}")
_OLD_S = 3600.0
"""After so long a folder is that of a self-test that was killed: none takes as long."""


def is_self_test(folder: Path) -> bool:
    """By its name."""
    return _NAME.fullmatch(folder.name) is not None


def is_leftover(folder: Path) -> bool:
    """Whether nobody is at it any more."""
    try:
        return is_self_test(folder) and time.time() - folder.lstat().st_mtime > _OLD_S
    except OSError:
        return False  # it went meanwhile
