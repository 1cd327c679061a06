"""Where the agent keeps what it writes, and that only one sweep runs at a time."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType


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
        self._path = folder / "sweep.lock"
        self._held = ExitStack()

    def acquire(self) -> bool:
        """Whether no other sweep runs. Raises OSError."""
        if sys.platform == "win32":
            from .windows.single_instance import SingleInstance

            return self._held.enter_context(SingleInstance()).acquire()
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        self._held.callback(os.close, descriptor)
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def __enter__(self) -> OneSweep:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._held.close()
