"""What a sweep took of its host."""

from __future__ import annotations

import os
import sys


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
