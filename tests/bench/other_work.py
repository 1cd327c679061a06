"""What a measured run took, and how much this machine did for others meanwhile.

Time by the clock says little while other programs want the same cores. So that a disturbed run
shows, and can be repeated: the processor time of the run itself, and the cores that others took.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import psutil

QUIET = 0.1
"""Of a core. A run during which others took more is repeated if there is patience for it."""
_TOO_SHORT_S = 0.3
"""The system counts by the hundredth of a second: of a shorter run others' share is a guess."""


class Measured(NamedTuple):
    """What a run says of itself, where the clock around it would see more than what is meant."""

    seconds: float
    cpu_s: float


@dataclass(frozen=True)
class Taken:
    """By one run."""

    seconds: float
    cpu_s: float
    """Processor time of this process and of those that it waited for."""
    other: float
    """Cores that other programs took. What the system does on its own for a run (writing back,
    reading ahead) is among it."""

    @property
    def disturbed(self) -> bool:
        return self.other > QUIET and self.seconds >= _TOO_SHORT_S


def best_of(
    run: Callable[[], object],
    runs: int,
    *,
    before: Callable[[], object] | None = None,
    patience: int = 0,
) -> Taken:
    """The quickest of so many runs, and of so many more while the quickest was disturbed.

    ``before`` each run something may have to be done that is not measured. What ``run`` gives is
    believed if it is :class:`Measured`.
    """
    best: Taken | None = None
    while runs > 0 or (patience > 0 and best is not None and best.disturbed):
        patience -= runs <= 0
        runs -= 1
        if before is not None:
            before()
        taken = _one(run)
        best = taken if best is None or taken.seconds < best.seconds else best
    assert best is not None
    return best


def _one(run: Callable[[], object]) -> Taken:
    busy, own, start = _busy_s(), _own_s(), time.perf_counter()
    told = run()
    seconds = time.perf_counter() - start
    own, busy = _own_s() - own, _busy_s() - busy
    other = max(0.0, busy - own) / seconds
    if isinstance(told, Measured):
        return Taken(told.seconds, told.cpu_s, other)
    return Taken(seconds, own, other)


def load() -> str:
    """The load of the last minute and of the last five, in words."""
    minute, five, _ = os.getloadavg()
    return (
        f"load {minute:.2f} in the last minute, {five:.2f} in the last five; {os.cpu_count()} cores"
    )


def _busy_s() -> float:
    """CPU-seconds that this machine was at work, or that its host withheld."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq + times.steal)


def _own_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)
