"""The course of a sweep: who is told how it goes, and when its time is up."""

from __future__ import annotations

import time
from typing import Protocol

from ..model.report import Coverage


class Deadline(Exception):
    """The sweep's time is up."""


class Watcher(Protocol):
    """Is told how the sweep goes."""

    def source(self, name: str) -> None:
        """A source begins."""

    def done(self, coverage: Coverage) -> None:
        """It has ended."""


class Course:
    """Begins when it is made; sources get it before they begin."""

    def __init__(self, watcher: Watcher, max_runtime_s: float | None = None) -> None:
        self.watcher = watcher
        self._max_runtime_s = max_runtime_s
        self._start = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._start

    def at(self, place: str = "") -> None:  # noqa: ARG002 - told for each place
        """Something is about to be looked at. Raises Deadline when ``--max-runtime`` is over."""
        if self._max_runtime_s is not None and self.elapsed_s > self._max_runtime_s:
            raise Deadline
