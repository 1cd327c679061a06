"""The volume's $Bitmap: which clusters are in use ([Russon] "$Bitmap")."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from .errors import NtfsError
from .run_list import Run

BITMAP_RECORD = 6
_AT_ONCE = 1 << 20
"""Bytes of the bitmap per read."""


def is_free(bitmap: BinaryIO, run: Run) -> bool:
    """Whether all clusters of a run, one that is not sparse, are free.

    Raises:
        NtfsError: one lies outside the volume.
        OSError: the bitmap cannot be read.
    """
    return all(data.count(0) == len(data) for data in _bits(bitmap, run, others=0))


def is_in_use(bitmap: BinaryIO, run: Run) -> bool:
    """Whether all of them are in use; raises as :func:`is_free`."""
    return all(data.count(0xFF) == len(data) for data in _bits(bitmap, run, others=0xFF))


def _bits(bitmap: BinaryIO, run: Run, *, others: int) -> Iterator[bytes]:
    """The bitmap's bytes about a run, those bits of them that are about other clusters replaced."""
    assert run.cluster is not None
    first, last = run.cluster, run.cluster + run.length - 1
    at, end = first // 8, last // 8
    while at <= end:
        bitmap.seek(at)
        data = bytearray(bitmap.read(min(_AT_ONCE, end + 1 - at)) or b"")
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
