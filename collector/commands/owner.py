"""Whose the home is: what root makes in another user's home, that user's server cannot open."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from ..serving import database_path, is_postgresql


def check_database(home: Path, stated: str, *, make: bool) -> None:
    """Raises ValueError if the SQLite file is another's and may not be written, or if root would
    make it (``make``) in another's folder. OSError: the folder may not even be looked into.
    """
    if is_postgresql(stated):
        return
    path = database_path(home, stated)
    if path.exists():
        if not os.access(path, os.R_OK | os.W_OK):
            raise ValueError(
                f"{path} is {_owner(path)}'s, and {_name(os.geteuid())} may not use it"
            )
    elif make:
        check_folder(path.parent)


def check_folder(folder: Path) -> None:
    """Raises ValueError if root would make files in another's folder, who could not read them."""
    if os.geteuid() == 0 and folder.exists() and folder.stat().st_uid != 0:
        name = _owner(folder)
        raise ValueError(
            f"{folder} is {name}'s, who could not open what root makes there; as that user:"
            f" runuser -u {name} -- iocsweep-collector …"
        )


def _owner(path: Path) -> str:
    return _name(path.stat().st_uid)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
