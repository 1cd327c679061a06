"""A sweep that takes a part of one processor and no more, as long as others keep them busy.

The lowest priority asks the system for that; not every system, nor what runs it, keeps it. What the
processors are not needed for by others is the sweep's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Protocol

PART: Final = 0.2
"""Of one processor, while others work."""
BUSY_FROM: Final = 0.5
"""Of all processors, what others use."""
LOOK_S: Final = 0.5
"""How often the host is asked."""
_SHORTEST_S: Final = 0.01
_LONGEST_S: Final = 1.0
"""Of a rest, before the host is asked again."""


class Spending(Protocol):
    """Who used the processors."""

    def others_share(self) -> float:
        """Of all processors, since it was asked before: from 0 to 1."""


class Pacing:
    """Between two things that it looks at it rests for as long as it has worked too much; what was
    used before the sweep began, to load the program, counts."""

    def __init__(
        self,
        load: Spending,
        began: float,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        own: Callable[[], float] = time.process_time,
    ) -> None:
        """``began``: when the process did, by ``now``; ``own``: processor seconds of the process
        since then."""
        self._load = load
        self._now, self._sleep, self._own = now, sleep, own
        self._asked, self._used, self._owed_s = began, 0.0, 0.0
        self.paused_s = 0.0
        """Rested so far."""

    def wait(self, told: Callable[[str], None], is_over: Callable[[], bool]) -> None:
        """As long as it is to be; asks at most twice a second. ``told``: is told why, each
        second; ``is_over``: whether the sweep's time is."""
        if self._now() - self._asked < LOOK_S:
            return
        self._look()
        while self._owed_s >= _SHORTEST_S and not is_over():
            told("resting: others keep the processors busy")
            began = self._now()
            self._sleep(min(self._owed_s, _LONGEST_S))
            self.paused_s += self._now() - began
            self._look()

    def _look(self) -> None:
        now, used = self._now(), self._own()
        if self._load.others_share() >= BUSY_FROM:
            worked, passed = used - self._used, now - self._asked
            self._owed_s = max(0.0, self._owed_s + worked / PART - passed)
        else:
            self._owed_s = 0.0
        self._asked, self._used = now, used
