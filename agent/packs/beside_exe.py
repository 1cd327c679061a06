"""Packs that lie beside the exe and take the place of those inside."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..windows import security
from .document import PackError

if TYPE_CHECKING:
    pass

_WINDOWS = sys.platform == "win32"


def beside_exe(name: str, instead: str = "name a pack of your own with --only-pack") -> Path | None:
    """A file of that name beside the exe takes the place of the one inside.

    Raises PackError if others than administrators could have put it there.
    """
    if not getattr(sys, "frozen", False):
        return None
    path = Path(sys.executable).parent / name
    if not path.is_file():
        return None
    try:
        refused = _WINDOWS and _is_open_to_others(path)
    except OSError as error:
        raise PackError(
            f"{path}: who may write to it cannot be told: {error.strerror or error}"
        ) from error
    if refused:
        raise PackError(
            f"{path}: would take the place of the built-in file, and others than administrators"
            " may write to it or to its folder. Remove it, or put the program into a folder that"
            f" only administrators may write to; {instead}"
        )
    return path


def _is_open_to_others(path: Path) -> bool:
    """Whether somebody with fewer rights than this process could have written it."""
    return security.is_elevated() and any(
        security.writable_by_others(str(place)) for place in (path.parent, path)
    )
