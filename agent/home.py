"""Where the agent keeps what it writes, and that only one sweep runs at a time."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

REPORTS, SPOOL, DEEP = "reports", "spool", "deep"
"""Folders in it: of reports and their journals, of what is not delivered yet, and how far
``--deep`` came. ``commands/clean.py`` knows which files of each are ours."""
HASHES, LOCK, LOG = "hashes.sqlite", "sweep.lock", "detached.log"
"""Files in it: what ``--cache`` keeps, what is locked while a live sweep runs, and what the last
one said that was started by ``--detach``."""


def home() -> Path:
    """ProgramData on Windows, the state folder of root or the user elsewhere; ``IOCSWEEP_HOME``
    overrides.
    """
    given = os.environ.get("IOCSWEEP_HOME")
    if given:
        return Path(given)
    if sys.platform == "win32":
        return Path(os.environ.get("ProgramData", r"C:\ProgramData")) / "iocsweep"  # noqa: SIM112
    if os.geteuid() == 0:
        return Path("/var/lib/iocsweep")
    return Path.home() / ".local" / "state" / "iocsweep"


def make_home(folder: Path) -> None:
    """Make the folder, readable by administrators and its owner only. Raises OSError."""
    if sys.platform == "win32":
        from .windows.security import make_private_folder

        make_private_folder(str(folder))
    else:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


class OneSweep:
    """Held while a live sweep runs; the system lets go of it with the process."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK
        self._held = ExitStack()

    def acquire(self) -> bool:
        """Whether no other sweep runs. Raises OSError."""
        if sys.platform == "win32":
            from .windows.single_instance import SingleInstance

            return self._held.enter_context(SingleInstance()).acquire()
        return self._held.enter_context(FileLock(self._path)).acquire()

    def __enter__(self) -> OneSweep:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._held.close()


class FileLock:
    """One holder of a file at a time; the system lets go of it with the process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Whether nobody else holds it. Raises OSError, also where there are no locks."""
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(self._path, flags, 0o600)
        try:
            had = _lock(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        if had:
            self._descriptor = descriptor
        else:
            os.close(descriptor)
        return had

    def __enter__(self) -> FileLock:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

else:
    import fcntl

    def _lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
