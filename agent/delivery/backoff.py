"""How long to wait before the next attempt, so that a fleet does not come back as one."""

from __future__ import annotations

from collections.abc import Callable

BASE_S = 2.0
CAP_S = 60.0


class Backoff:
    """Full jitter: uniform between nothing and a bound that doubles (the AWS Architecture Blog's
    "Exponential Backoff And Jitter"). What the collector asks for is never undercut.
    """

    def __init__(self, chance: Callable[[], float]) -> None:
        """``chance`` gives numbers from 0 to 1."""
        self._chance = chance
        self._failures = 0

    def next(self, retry_after_s: float | None = None) -> float:
        """Seconds to wait after one more failure."""
        bound: float = min(BASE_S * 2.0 ** min(self._failures, 16), CAP_S)
        self._failures += 1
        if retry_after_s is not None:
            return retry_after_s + self._chance() * max(1.0, retry_after_s / 10)
        return self._chance() * bound

    def reset(self) -> None:
        """Something went through."""
        self._failures = 0
