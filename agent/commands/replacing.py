"""Files that a command writes: none ever takes the place of another file, and with ``--force`` only
of one of its own kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..output.atomic import write_atomically, write_new

_MAX_BYTES = 256 << 20
"""Of a file that is looked at to see what it is."""

IsOne = Callable[[bytes], bool]
"""Whether bytes are of the kind that is to be written."""


def is_replaceable(path: Path, is_one: IsOne) -> bool:
    """Whether it is a file of its own kind; an empty one is what a sweep without findings wrote."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError:
        return False
    return not data or (len(data) <= _MAX_BYTES and is_one(data))


def write_or_replace(path: Path, data: bytes, is_one: IsOne, *, replaces: bool) -> None:
    """Raises OSError; FileExistsError if a file would be lost."""
    try:
        write_new(path, data)
    except FileExistsError:
        if not (replaces and is_replaceable(path, is_one)):
            raise
        write_atomically(path, data)


def why_not(path: Path, is_one: IsOne, what: str) -> str:
    """Of a file that would be lost; ``what`` it is not: ``pack``."""
    if not is_replaceable(path, is_one):
        return f"{path}: is there already, and is no {what}"
    return f"{path}: is there already; --force replaces it"
