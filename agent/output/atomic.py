"""A file that is either whole or not there: temporary file, fsync, rename."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path

TEMPORARY = ".tmp"
"""How the name of an unfinished file ends; it begins with a dot."""


def write_atomically(path: Path, data: bytes) -> None:
    """Make or replace ``path``, readable by its owner only.

    The temporary file lies in the same folder under a name that cannot be guessed, so nobody can
    have put a link there. Raises OSError; then the old file is as it was and nothing is left
    behind.
    """
    _write(path, data, _replace)


def write_new(path: Path, data: bytes) -> None:
    """As :func:`write_atomically`, but raises FileExistsError rather than replace anything."""
    _write(path, data, rename_to_new)


def _write(path: Path, data: bytes, put: Callable[[Path, Path], None]) -> None:
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(16)}{TEMPORARY}")
    descriptor = os.open(temporary, _NEW, 0o600)
    try:
        try:
            write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        put(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


_NEW = (
    os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte; a single ``os.write`` may take only some."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def rename_to_new(temporary: Path, path: Path) -> None:
    """Raises FileExistsError rather than replace anything."""
    if sys.platform == "win32":
        _patiently(temporary.rename, path)  # refuses there by itself
        return
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:
        # No hard links here (FAT, some CIFS mounts): what is left is to look first.
        if os.path.lexists(path):
            raise FileExistsError(path) from None
        temporary.rename(path)
    else:
        temporary.unlink()


def _replace(temporary: Path, path: Path) -> None:
    _patiently(temporary.replace, path)


def _patiently(move: Callable[[Path], object], path: Path) -> None:
    # A virus scanner or indexer that has just opened the old file makes Windows refuse the rename.
    for pause in (0.05, 0.2, 0.8) if sys.platform == "win32" else ():
        with contextlib.suppress(PermissionError):
            move(path)
            return
        time.sleep(pause)
    move(path)


def sync_folder(folder: Path) -> None:
    """Make a rename in the folder outlast a power loss, where the system has a way to ask for
    it.
    """
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError:
        # Some network file systems refuse it; the file itself is written.
        return
    finally:
        os.close(descriptor)
