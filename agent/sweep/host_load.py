"""What else this machine does: how busy others keep its processors, and where its power is from."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..output.plain import plain

BUSY, CALM = 0.75, 0.5
"""Of all processors, what others use: from the first on the sweep waits, below the second it goes
on."""
ON_BATTERY = "on battery"
OTHERS_BUSY = "others keep the processors busy"


class HostLoad:
    """Asked now and then; each time it tells of the time since it was asked before."""

    def __init__(
        self,
        option: str,
        say: Callable[[str], None],
        helpers: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """``option``: whose it is; ``say``: is told once what the host does not tell; ``helpers``:
        gives the seconds of processors that others took so far who are none: they work for the
        sweep."""
        self._option, self._say, self._helpers = option, say, helpers
        self._untold: set[str] = set()
        self._before = self._spent()

    def why_to_wait(self, *, waiting: bool) -> str:
        """Empty if there is nothing to wait for. ``waiting``: whether the sweep does already."""
        if self._on_battery():
            return ON_BATTERY
        share = self.others_share()
        return OTHERS_BUSY if share >= (CALM if waiting else BUSY) else ""

    def others_share(self) -> float:
        """Of all processors, what others used since it was asked before: from 0 to 1."""
        before, now = self._before, self._spent()
        self._before = now
        if before is None or now is None or now[1] <= before[1]:
            return 0.0
        busy, whole, own = (after - earlier for after, earlier in zip(now, before, strict=True))
        return max(0.0, busy - own) / whole

    def _spent(self) -> tuple[float, float, float] | None:
        """Seconds of all processors: at work, in all, and for this sweep; None if unknown."""
        import psutil

        try:
            times = psutil.cpu_times()
        except (psutil.Error, OSError) as error:
            self._cannot("how busy this host is", error)
            return None
        # What Linux gives to guests stands in user and nice as well.
        double = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
        whole = sum(times) - double
        own = time.process_time() + self._helpers()
        return whole - times.idle - getattr(times, "iowait", 0.0), whole, own

    def _on_battery(self) -> bool:
        import psutil

        try:
            battery = psutil.sensors_battery()
        except (psutil.Error, OSError) as error:
            self._cannot("where this host's power is from", error)
            return False
        return battery is not None and battery.power_plugged is False

    def _cannot(self, what: str, error: Exception) -> None:
        if what not in self._untold:
            self._untold.add(what)
            self._say(f"{self._option}: {what} is not told: {plain(error)}")
