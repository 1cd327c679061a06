"""The volume's $Bitmap: which clusters are in use ([Russon] "$Bitmap")."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from .errors import NtfsError
from .run_list import Run

BITMAP_RECORD = 6
_AT_ONCE = 1 << 20
"""Bytes of the bitmap per read."""


class Allocation:
    """What the $Bitmap says."""

    def __init__(self, bitmap: BinaryIO, clusters: int) -> None:
        """``clusters``: how many the volume has."""
        self._bitmap = bitmap
        self._clusters = clusters

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
