"""Where a sparse file holds nothing.

What is read of a hole is zeros, and asking the system for it costs more than anything else that is
done with it: a page of the cache is made for each. Images of disks are often sparse (``dd
conv=sparse``, disks of virtual machines), and of a ``$MFT`` put at its place nearly all is hole.
"""

from __future__ import annotations

import errno
import os
import time
from bisect import bisect_right

_SETTLED = 10.0
"""Seconds without a change before the file system is asked: OpenZFS told data that was not yet
written out as holes (its issue 15526), and writes out after five seconds at the latest."""

_MOST_RANGES = 10_000
"""Ranges of data that are asked for; what comes after them counts as data."""


class Holes:
    """The holes of an open file, as they were when it was opened."""

    def __init__(self, number: int | None, start: int, end: int) -> None:
        """``number``: the file's descriptor, whose place in the file is moved; None for no real
        file. ``start``, ``end``: bytes of the file that matter."""
        ranges = [(start, end)] if number is None else _data(number, start, end)
        self._starts = [first for first, _ in ranges]
        self._ends = [last for _, last in ranges]

    def cover(self, offset: int, size: int) -> bool:
        """Whether ``size`` bytes at ``offset`` of the file are in one hole, thus zeros."""
        following = bisect_right(self._ends, offset)
        return following == len(self._ends) or offset + size <= self._starts[following]


def _data(number: int, start: int, end: int) -> list[tuple[int, int]]:
    """Where there is data between two offsets, in order; all of it where nobody can say."""
    state = os.fstat(number)
    everything = [(start, end)]
    if not hasattr(os, "SEEK_DATA") or state.st_blocks * 512 >= state.st_size:
        return everything
    if time.time() - max(state.st_mtime, state.st_ctime) < _SETTLED:
        return everything
    found: list[tuple[int, int]] = []
    place = start
    try:
        while place < end:
            if len(found) == _MOST_RANGES:
                found.append((place, end))
                break
            first = os.lseek(number, place, os.SEEK_DATA)
            place = os.lseek(number, first, os.SEEK_HOLE)
            found.append((first, place))
    except OSError as error:
        # ENXIO: no data behind this place. Whatever else: this file system does not say.
        return found if error.errno == errno.ENXIO else everything
    return found
