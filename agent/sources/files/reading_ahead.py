"""Several files read at once, and told in the order in which they were asked for.

A read waits for the disk, for the antivirus program that looks on, for the hash and for the scan:
none of them needs the interpreter, so that threads suffice to do them side by side. Small files
that are in memory wait for nothing: to hand them over would cost more than to read them. What is
under way is bounded by its number and its bytes; whoever asks for more waits until the oldest is
told.
"""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from msgspec import Struct, field

_T = TypeVar("_T")

LEAST_READERS, MOST_READERS = 4, 8
MAX_BYTES = 128 << 20
"""Of files under way."""
SMALL = 64 << 10
"""Bytes of a file that may be read by whoever asks for it."""
QUICK_S = 0.0002
"""Of one small file, on average: those that take longer do wait for something, and are handed
over. (From memory one takes 0.03 ms here, from a disk or past an antivirus program more.)"""
_TRIED = 16
"""Small files read one after the other to see whether they are quick."""
_HANDED_OVER = 240
"""Small files handed over before it is tried again."""
_BATCHES_PER_READER = 32
"""While one reads a large file, the others read thousands of small ones."""
_BATCH = 16
"""Small files that go to one reader together: handing over costs as much as reading one."""
_BATCH_TO_FINISH = 64
_BATCH_BYTES = 1 << 20
SWITCH_S = 0.0005
"""How long a thread may keep the interpreter while another one waits for it. With Python's own five
milliseconds those that have read and hashed wait longer than they work."""


def readers_here(*, shared: bool = False) -> int:
    """Two for each processor, as half of them wait for the disk; within bounds. ``shared``: with
    processes that work on what was read; then one more than processors."""
    if shared:
        return min((os.cpu_count() or 1) + 1, MOST_READERS)
    return max(LEAST_READERS, min(2 * (os.cpu_count() or 1), MOST_READERS))


class _Ordered(Struct, Generic[_T]):
    """What was asked for together, in its turn."""

    future: Future[list[_T]] | None = None
    """Of a reader; None for what was read by whoever asked."""
    results: list[_T] = field(default_factory=list)
    size: int = 0

    @property
    def done(self) -> bool:
        return self.future is None or self.future.done()


class ReadAhead(Generic[_T]):
    """Does jobs on several threads. For one caller; the jobs must not share what they change."""

    def __init__(self, readers: int, finish: Callable[[Sequence[_T]], None] | None = None) -> None:
        """``finish``: done, by a reader, to the results of each batch together."""
        self._finish = finish
        self._most_together = _BATCH if finish is None else _BATCH_TO_FINISH
        self._pool = ThreadPoolExecutor(readers, "reader")
        self._switch_s = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_S)
        self._most = readers * _BATCHES_PER_READER
        self._batch: list[Callable[[], _T]] = []
        self._batch_bytes = 0
        self._read: list[_T] = []
        """Results of whoever asks, not yet among what is under way."""
        self._read_bytes = 0
        self._under_way: deque[_Ordered[_T]] = deque()
        self._done: deque[_T] = deque()
        self._bytes = 0
        self._tries = _TRIED
        """Small files left that are read here; below zero, that are handed over."""
        self._tries_anew = False
        self._took_s = 0.0

    def put(self, job: Callable[[], _T], size: int) -> Iterator[_T]:
        """Ask for a job that holds ``size`` bytes; gives the results that are ready meanwhile.

        What a job raises is raised here or by :meth:`drain`, in its turn.
        """
        if size <= SMALL and self._tries > 0:
            if self._tries_anew:
                # Nothing else may want the interpreter while it is tried.
                yield from self.drain()
                self._tries_anew = False
            yield from self._here(job, size)
        else:
            self._file_read()
            while self._under_way and self._bytes + size > MAX_BYTES:
                yield from self._oldest()
            self._batch.append(job)
            self._batch_bytes += size
            if len(self._batch) >= self._most_together or self._batch_bytes >= _BATCH_BYTES:
                self._hand_over()
            if size <= SMALL:
                self._tries += 1
                if not self._tries:
                    self._tries, self._tries_anew = _TRIED, True
        while self._under_way and (len(self._under_way) > self._most or self._under_way[0].done):
            yield from self._oldest()

    def drain(self) -> Iterator[_T]:
        """The results still owed."""
        self._hand_over()
        self._file_read()
        while self._under_way:
            yield from self._oldest()

    def forget(self) -> list[_T]:
        """End, with the results that were not asked for yet."""
        self._pool.shutdown(cancel_futures=True)
        sys.setswitchinterval(self._switch_s)
        left = list(self._done)
        for asked in self._under_way:
            left += asked.results
            future = asked.future
            if future is not None and not future.cancelled() and future.exception() is None:
                left += future.result()
        left += self._read
        self._done.clear()
        self._under_way.clear()
        self._batch, self._read = [], []
        return left

    def _here(self, job: Callable[[], _T], size: int) -> Iterator[_T]:
        """Do it now; what was asked for earlier is told first."""
        start = time.perf_counter()
        try:
            result = job()
        except BaseException:
            yield from self.drain()
            raise
        self._judge(time.perf_counter() - start)
        self._hand_over()
        if self._finish is None and not (self._under_way or self._read):
            yield result
            return
        self._read.append(result)
        self._read_bytes += size
        if len(self._read) >= self._most_together or self._read_bytes >= _BATCH_BYTES:
            self._file_read()

    def _file_read(self) -> None:
        """Put what was read here among what is under way."""
        if not self._read:
            return
        results, size = self._read, self._read_bytes
        self._read, self._read_bytes = [], 0
        if self._finish is None:
            self._under_way.append(_Ordered(results=results))
        else:
            finished = self._pool.submit(self._finished, results)
            self._under_way.append(_Ordered(finished, size=size))
            self._bytes += size

    def _judge(self, took_s: float) -> None:
        self._took_s += took_s
        self._tries -= 1
        if not self._tries:
            self._tries = _TRIED if self._took_s < _TRIED * QUICK_S else -_HANDED_OVER
            self._took_s = 0.0

    def _hand_over(self) -> None:
        if self._batch:
            jobs, size = self._batch, self._batch_bytes
            self._batch, self._batch_bytes = [], 0
            self._under_way.append(_Ordered(self._pool.submit(self._all, jobs), size=size))
            self._bytes += size

    def _oldest(self) -> Iterator[_T]:
        oldest = self._under_way.popleft()
        self._bytes -= oldest.size
        self._done.extend(oldest.results if oldest.future is None else oldest.future.result())
        while self._done:
            yield self._done.popleft()

    def _all(self, jobs: list[Callable[[], _T]]) -> list[_T]:
        return self._finished([job() for job in jobs])

    def _finished(self, results: list[_T]) -> list[_T]:
        if self._finish is not None:
            self._finish(results)
        return results
