"""The course of a sweep: who is told how it goes, and when its time is up."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from ..model.report import Coverage


class Deadline(Exception):
    """The sweep's time is up."""


class Watcher(Protocol):
    """Is told how the sweep goes."""

    def source(self, name: str) -> None:
        """A source begins."""

    def at(self, place: str, examined: int) -> None:
        """This is looked at next, after so much of the source."""

    def found(self, what: str) -> None:
        """Something strong matched; nothing was put together yet, nor excluded."""

    def done(self, coverage: Coverage) -> None:
        """It has ended."""


class Waiting(Protocol):
    """A reason to wait between two things that are looked at."""

    @property
    def paused_s(self) -> float:
        """Waited so far."""

    def wait(self, told: Callable[[str], None], is_over: Callable[[], bool]) -> None:
        """As long as it is to be. ``told``: is told why; ``is_over``: whether the sweep's time
        is."""


class Course:
    """Begins when it is made; sources get it before they begin."""

    def __init__(
        self,
        watcher: Watcher,
        max_runtime_s: float | None = None,
        waits: Sequence[Waiting] = (),
    ) -> None:
        self.watcher = watcher
        self._waits = waits
        self._max_runtime_s = max_runtime_s
        self._start = time.monotonic()
        self._place = ""
        self._examined: Callable[[], int] = int

    @property
    def elapsed_s(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._start

    @property
    def is_over(self) -> bool:
        """Whether ``--max-runtime`` is."""
        return self._max_runtime_s is not None and self.elapsed_s > self._max_runtime_s

    @property
    def paused_s(self) -> float:
        """Seconds of these that it has waited for the host (``--pause``, ``--nice``)."""
        return sum(one.paused_s for one in self._waits)

    @property
    def place(self) -> str:
        """What was looked at last; "" before the first of a source."""
        return self._place

    def begins(self, source: str, examined: Callable[[], int]) -> None:
        """A source begins; ``examined``: tells how much it has looked at."""
        self._place, self._examined = "", examined
        self.watcher.source(source)

    def at(self, place: str = "") -> None:
        """Something is about to be looked at, once the host has room for it. Raises Deadline when
        ``--max-runtime`` is over."""
        for one in self._waits:
            one.wait(self._tell_wait, lambda: self.is_over)
        if self.is_over:
            raise Deadline
        self._place = place or self._place
        self.watcher.at(self._place, self._examined())

    def _tell_wait(self, why: str) -> None:
        self.watcher.at(why, self._examined())
