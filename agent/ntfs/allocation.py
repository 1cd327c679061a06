"""The volume's $Bitmap: which clusters are in use ([Russon] "$Bitmap")."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import BinaryIO

from .errors import NtfsError
from .run_list import Run

BITMAP_RECORD = 6
_AT_ONCE = 1 << 20
"""Bytes of the bitmap per read."""
_ALIKE = re.compile(rb"\x00+|[^\x00\xff]")
"""Of the bitmap: eight free clusters a byte, or some of eight."""


class Allocation:
    """What the $Bitmap says."""

    def __init__(self, bitmap: BinaryIO, clusters: int) -> None:
        """``clusters``: how many the volume has."""
        self._bitmap = bitmap
        self._clusters = clusters
        self._told = 0
        """Clusters of which the bitmap told, at the end of a pass."""

    def is_free(self, run: Run) -> bool:
        """Whether all clusters of a run, one that is not sparse, are free.

        Raises:
            NtfsError: one lies outside the volume.
            OSError: the bitmap cannot be read.
        """
        return all(data.count(0) == len(data) for data in self._bits(run, others=0))

    def is_in_use(self, run: Run) -> bool:
        """Whether all of them are in use; raises as :meth:`is_free`."""
        return all(data.count(0xFF) == len(data) for data in self._bits(run, others=0xFF))

    def free_runs(self) -> Iterator[tuple[int, int]]:
        """First cluster and number of each run of free ones, in the order of the volume.

        Raises:
            NtfsError: the bitmap ends before the volume does; what it tells was given.
            OSError: the bitmap cannot be read.
        """
        start, end = 0, 0
        for first, count in self._free_parts():
            if first == end:
                end += count
                continue
            if end > start:
                yield start, end - start
            start, end = first, first + count
        if end > start:
            yield start, end - start
        if self._told < self._clusters:
            raise NtfsError("$Bitmap ends before the volume does", f"cluster {self._told}")

    def _free_parts(self) -> Iterator[tuple[int, int]]:
        """As :meth:`free_runs`, not joined yet."""
        at, size = 0, (self._clusters + 7) // 8
        while at < size:
            self._bitmap.seek(at)
            data = self._bitmap.read(min(_AT_ONCE, size - at)) or b""
            if not data:
                break
            for found in _ALIKE.finditer(data):
                first, byte = (at + found.start()) * 8, data[found.start()]
                parts = _free_in(byte) if byte else [(0, 8 * len(found[0]))]
                for place, count in parts:
                    # Bits behind the last cluster are about none.
                    last = min(first + place + count, self._clusters)
                    if last > first + place:
                        yield first + place, last - first - place
            at += len(data)
        self._told = min(at * 8, self._clusters)

    def _bits(self, run: Run, *, others: int) -> Iterator[bytes]:
        """The bytes about a run, those bits of them that are about other clusters replaced."""
        assert run.cluster is not None
        first, last = run.cluster, run.cluster + run.length - 1
        if last >= self._clusters:
            raise NtfsError("cluster outside the volume", str(last))
        at, end = first // 8, last // 8
        while at <= end:
            self._bitmap.seek(at)
            data = bytearray(self._bitmap.read(min(_AT_ONCE, end + 1 - at)) or b"")
            if not data:
                raise NtfsError("cluster outside the volume", str(first))
            if at + len(data) > end:
                own = (1 << last % 8 + 1) - 1
                data[end - at] = data[end - at] & own | others & ~own & 0xFF
            if at <= first // 8:
                own = 0xFF << first % 8 & 0xFF
                data[0] = data[0] & own | others & ~own & 0xFF
            yield bytes(data)
            at += len(data)


@cache
def _free_in(byte: int) -> list[tuple[int, int]]:
    """The runs of bits of a byte that are not set: first and number."""
    found: list[tuple[int, int]] = []
    for bit in range(8):
        if not byte >> bit & 1:
            first, count = found.pop() if found and sum(found[-1]) == bit else (bit, 0)
            found.append((first, count + 1))
    return found
