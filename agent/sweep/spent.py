"""What a sweep took of its host."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil


def cpu_s(*, starts: bool) -> float:
    """Seconds of processors, of this process and of those that it has started and that have ended
    (but on Windows: there who starts one counts it, as :class:`..engine.guard.GuardedRules` does).
    ``starts``: it starts some that still run, for rules."""
    spent = os.times()
    ended = spent.children_user + spent.children_system
    return spent.user + spent.system + ended + (_running_s() if starts else 0.0)


def _running_s() -> float:
    import psutil

    seconds = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            times = process.cpu_times()
        except (psutil.Error, OSError):
            continue  # it has just ended
        seconds += times.user + times.system
    return seconds


class Helpers:
    """What works for a sweep beside its own process: what that has started; for one sweep of many,
    which share the host, what works for the others, too."""

    def __init__(self, root: int) -> None:
        """``root``: the process that started all of them."""
        self._root = root
        self._taken: dict[tuple[int, float], float] = {}
        """Of each process that was ever seen, by its id and when it began."""

    def cpu_s(self) -> float:
        """Seconds of processors so far; never less than before."""
        import psutil

        with contextlib.suppress(psutil.Error, OSError):  # it has ended
            root = psutil.Process(self._root)
            for process in (root, *root.children(recursive=True)):
                if process.pid != os.getpid():
                    self._look_at(process)
        return sum(self._taken.values())

    def _look_at(self, process: psutil.Process) -> None:
        import psutil

        with contextlib.suppress(psutil.Error, OSError):  # it has just ended
            times = process.cpu_times()
            self._taken[process.pid, process.create_time()] = times.user + times.system


def peak_rss() -> int:
    """Bytes of this process that were in memory at once, at most; what it started is not in it. Not
    as Linux's ``getrusage`` has
    it, which goes on from what its starter had in memory."""
    if sys.platform == "linux" and (peak := _high_water()):
        return peak
    if sys.platform != "win32":
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return int(peak) * (1 if sys.platform == "darwin" else 1024)
    import psutil

    return int(psutil.Process().memory_info().peak_wset)


def _high_water() -> int:
    """``VmHWM`` of proc(5), in bytes; 0 where it is not told."""
    try:
        with open("/proc/self/status", "rb") as told:  # noqa: PTH123 - nothing to be joined
            for line in told:
                if line.startswith(b"VmHWM:"):
                    return int(line.split()[1]) << 10
    except (OSError, ValueError, IndexError):
        return 0
    return 0
