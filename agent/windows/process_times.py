"""What a process took of the processors, also after it has ended.

Windows counts for no process what others that it started took (GetProcessTimes, Microsoft Learn).
"""

from __future__ import annotations

import ctypes

from . import dlls

_QUERY_LIMITED_INFORMATION = 0x1000
_TICKS_PER_S = 10_000_000


class ProcessTimes:
    """Of one process, whose handle this holds: it may have ended when it is asked."""

    def __init__(self, pid: int) -> None:
        """Raises OSError."""
        opened: int | None = dlls.function(
            "kernel32", "OpenProcess", ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int,
            ctypes.c_uint32,
        )(_QUERY_LIMITED_INFORMATION, 0, pid)  # fmt: skip
        if not opened:
            raise dlls.failure(f"process {pid}")
        self._handle, self._pid = opened, pid

    def cpu_s(self) -> float:
        """Seconds of processors so far. Raises OSError."""
        ask = dlls.function(
            "kernel32", "GetProcessTimes", ctypes.c_int, ctypes.c_void_p,
            *[ctypes.POINTER(ctypes.c_uint64)] * 4,
        )  # fmt: skip
        created, ended, kernel, user = (ctypes.c_uint64() for _ in range(4))
        times = (ctypes.byref(one) for one in (created, ended, kernel, user))
        if not ask(self._handle, *times):
            raise dlls.failure(f"times of process {self._pid}")
        return (kernel.value + user.value) / _TICKS_PER_S

    def close(self) -> None:
        """It is not asked any more."""
        handle, self._handle = self._handle, 0
        if handle:
            dlls.close(handle)


__all__ = ["ProcessTimes"]
