"""Several files read at once, and told in the order in which they were asked for.

A read waits for the disk, for the antivirus program that looks on and for the hash: none of them
needs the interpreter, so that threads suffice to do them side by side. What is under way is bounded
by its number and its bytes; whoever asks for more waits until the oldest is told.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

_T = TypeVar("_T")

LEAST_READERS, MOST_READERS = 4, 8
MAX_BYTES = 128 << 20
"""Of files under way."""
_BATCHES_PER_READER = 32
"""While one reads a large file, the others read thousands of small ones."""
_BATCH = 16
"""Small files that go to one reader together: handing over costs as much as reading one."""
_BATCH_BYTES = 1 << 20
SWITCH_S = 0.0005
"""How long a thread may keep the interpreter while another one waits for it. With Python's own five
milliseconds those that have read and hashed wait longer than they work."""


def readers_here() -> int:
    """Two for each processor, as half of them wait for the disk; within bounds."""
    return max(LEAST_READERS, min(2 * (os.cpu_count() or 1), MOST_READERS))


class ReadAhead(Generic[_T]):
    """Does jobs on several threads. For one caller; the jobs must not share what they change."""

    def __init__(self, readers: int) -> None:
        self._pool = ThreadPoolExecutor(readers, "reader")
        self._switch_s = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_S)
        self._most = readers * _BATCHES_PER_READER
        self._batch: list[Callable[[], _T]] = []
        self._batch_bytes = 0
        self._under_way: deque[tuple[Future[list[_T]], int]] = deque()
        self._done: deque[_T] = deque()
        self._bytes = 0

    def put(self, job: Callable[[], _T], size: int) -> Iterator[_T]:
        """Ask for a job that holds ``size`` bytes; gives the results that are ready meanwhile.

        What a job raises is raised here or by :meth:`rest`, in its turn.
        """
        while self._under_way and self._bytes + size > MAX_BYTES:
            yield from self._oldest()
        self._batch.append(job)
        self._batch_bytes += size
        if len(self._batch) >= _BATCH or self._batch_bytes >= _BATCH_BYTES:
            self._hand_over()
        while self._under_way and (
            len(self._under_way) > self._most or self._under_way[0][0].done()
        ):
            yield from self._oldest()

    def rest(self) -> Iterator[_T]:
        """The results still owed."""
        self._hand_over()
        while self._under_way:
            yield from self._oldest()

    def forget(self) -> list[_T]:
        """End, with the results that were not asked for yet."""
        self._pool.shutdown(cancel_futures=True)
        sys.setswitchinterval(self._switch_s)
        left = list(self._done)
        for future, _ in self._under_way:
            if not future.cancelled() and future.exception() is None:
                left += future.result()
        self._done.clear()
        self._under_way.clear()
        self._batch = []
        return left

    def _hand_over(self) -> None:
        if self._batch:
            jobs, size = self._batch, self._batch_bytes
            self._batch, self._batch_bytes = [], 0
            self._under_way.append((self._pool.submit(_all, jobs), size))
            self._bytes += size

    def _oldest(self) -> Iterator[_T]:
        future, size = self._under_way.popleft()
        self._bytes -= size
        self._done.extend(future.result())
        while self._done:
            yield self._done.popleft()


def _all(jobs: list[Callable[[], _T]]) -> list[_T]:
    return [job() for job in jobs]
