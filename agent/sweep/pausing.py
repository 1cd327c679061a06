"""A sweep that waits while others need the host, or while it runs on battery.

Only between two things that it looks at; readers that work ahead stop when their bound is reached.
What it waits counts for ``--max-runtime``: whoever set that has so much time in all.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

LOOK_S = 1.0
"""How often the host is asked, and how long a wait is before it is asked again."""


class Load(Protocol):
    """What else the host does."""

    def why_to_wait(self, *, waiting: bool) -> str:
        """Empty if there is nothing to wait for. ``waiting``: whether the sweep does already."""


class Pausing:
    """At most so long in all; after that the sweep goes on, whatever the host does."""

    def __init__(
        self,
        load: Load,
        most_s: float,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._load, self._most_s = load, most_s
        self._now, self._sleep = now, sleep
        self._asked = now()
        self.paused_s = 0.0
        """So far."""

    def wait(self, told: Callable[[str], None], is_over: Callable[[], bool]) -> None:
        """As long as it is to be; asks at most once a second. ``told``: is told why, each second;
        ``is_over``: whether the sweep's time is."""
        if self._now() - self._asked < LOOK_S:
            return
        waiting = False
        while self.paused_s < self._most_s and not is_over():
            why = self._load.why_to_wait(waiting=waiting)
            if not why:
                break
            told(f"waiting: {why}")
            waiting = True
            began = self._now()
            self._sleep(min(LOOK_S, self._most_s - self.paused_s))
            self.paused_s += self._now() - began
        self._asked = self._now()
