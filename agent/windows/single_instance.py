r"""One sweep at a time on a machine, by a named mutex.

The mutex ends with the process that holds it, however that dies. Anybody may create one of the
same name and so keep sweeps from running; that shows as exit code 5, never as a clean host.
"""

from __future__ import annotations

import ctypes
from types import TracebackType

from . import dlls, text

_SYNCHRONIZE = 0x00100000


class SingleInstance:
    """Holds the machine-wide name while open; a context manager around :meth:`acquire`."""

    def __init__(self, name: str = "iocsweep") -> None:
        self._name = name
        self._handle = 0

    def acquire(self) -> bool:
        r"""Take the name; False if another instance has it.

        Where this session may not use ``Global\``, the name is ``Local\``, one per session.
        """
        taken = self._take(f"Global\\{self._name}")
        return self._take(f"Local\\{self._name}") is True if taken is None else taken

    def _take(self, name: str) -> bool | None:
        """True: ours. False: somebody's. None: not permitted here."""
        create = dlls.function(
            "kernel32",
            "CreateMutexW",
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_int,
            text.Pointer,
        )
        handle = create(None, 0, text.wide(name))
        code = dlls.last_error()
        if handle and code != dlls.ERROR_ALREADY_EXISTS:
            self._handle = handle
            return True
        if handle:
            dlls.close(handle)
            return False
        if code != dlls.ERROR_ACCESS_DENIED:
            raise dlls.failure(name, code)
        return False if _exists(name) else None

    def release(self) -> None:
        """Give the name back."""
        handle, self._handle = self._handle, 0
        if handle:
            dlls.close(handle)

    def __enter__(self) -> SingleInstance:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def _exists(name: str) -> bool:
    """Whether the mutex exists, even if it may not be opened."""
    open_mutex = dlls.function(
        "kernel32", "OpenMutexW", ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, text.Pointer
    )
    handle = open_mutex(_SYNCHRONIZE, 0, text.wide(name))
    if handle:
        dlls.close(handle)
        return True
    return dlls.last_error() != dlls.ERROR_FILE_NOT_FOUND
