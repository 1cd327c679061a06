"""The bytes of one stream: resident, sparse, compressed or plain, read as if it were a file."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from .byte_source import ByteSource
from .errors import NtfsError
from .lznt1 import decompress
from .run_list import Run

MAX_UNIT = 1 << 20
"""Bytes compressed together; NTFS uses at most 64 KiB."""
DAMAGED = "runs of the file incomplete"
BEYOND = "beyond the end of the image"


class Layout(Struct, frozen=True):
    """Where a non-resident stream lies; sizes in bytes."""

    runs: Sequence[Run]
    size: int
    initialized: int
    """What lies behind reads as zeros."""
    cluster_size: int
    unit: int = 0
    """Clusters compressed together; 0: not compressed."""


class ClusterContent(io.RawIOBase):
    """A seekable, read-only file over runs of clusters. Holds at most one compressed unit.

    Reads raise OSError where the disk does, and NtfsError where the volume's structure ends before
    the stream does.
    """

    def __init__(self, source: ByteSource, layout: Layout) -> None:
        super().__init__()
        self._source = source
        self._layout = layout
        self._starts = [run.vcn for run in layout.runs]
        self._at = 0
        self._unit: tuple[int, bytes] = (-1, b"")
        if layout.unit and layout.unit * layout.cluster_size > MAX_UNIT:
            raise NtfsError("compressed in units of an impossible size", f"{layout.unit} clusters")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._layout.size}
        self._at = max(0, start[whence] + offset)
        return self._at

    def next_data(self, offset: int) -> int:
        """The first place from an offset on that lies in a cluster of the source, or the end."""
        size = self._layout.cluster_size
        for run in self._runs_from(offset):
            start = max(offset, run.vcn * size)
            if start < run.vcn * size + self._there(run):
                return min(start, self._layout.size)
        return self._layout.size

    def within_reach(self, offset: int, most: int) -> int:
        """How many bytes from an offset on, of so many, no run's end keeps from being read."""
        size, end = self._layout.cluster_size, offset
        for run in self._runs_from(offset):
            if run.vcn * size > end or end >= offset + most:
                break
            if run.cluster is None:
                end = (run.vcn + run.length) * size
            else:
                end = max(end, run.vcn * size + self._there(run))
        return max(0, min(end, offset + most, self._layout.size) - offset)

    def _runs_from(self, offset: int) -> Iterator[Run]:
        first = max(0, bisect_right(self._starts, offset // self._layout.cluster_size) - 1)
        runs = self._layout.runs
        return (runs[index] for index in range(first, len(runs)))

    def missing(self) -> str:
        """Why a part of it cannot be there, whatever the disk reads; empty if nothing is known."""
        size, runs = self._layout.cluster_size, self._layout.runs
        if not runs or (runs[-1].vcn + runs[-1].length) * size < self._layout.size:
            return DAMAGED
        cut = any(
            run.cluster is not None
            and run.vcn * size + self._there(run)
            < min((run.vcn + run.length) * size, self._layout.size)
            for run in runs
        )
        return BEYOND if cut else ""

    def _there(self, run: Run) -> int:
        """How many bytes of a run lie within the source; of a sparse one none."""
        if run.cluster is None:
            return 0
        size = self._layout.cluster_size
        return max(0, min(run.length * size, self._source.size - run.cluster * size))

    @property
    def most_data(self) -> int:
        """Bytes that it can hold at most without a place being told twice."""
        return self._source.size

    def readinto(self, buffer: Any) -> int:
        with memoryview(buffer) as whole, whole.cast("B") as view:
            size = min(len(view), self._layout.size - self._at)
            if size <= 0:
                return 0
            self._fill(view[:size], self._at)
            self._at += size
            return size

    def read(self, size: int = -1, /) -> bytes | None:
        """As of any file; what lies in one place comes in one step."""
        if size > 0:
            size = min(size, max(0, self._layout.size - self._at))
            data = self._in_one_place(self._at, size)
            if data is not None:
                self._at += size
                return data
        return super().read(size)

    def _fill(self, view: memoryview, offset: int) -> None:
        """Fill the view, which lies within the stream."""
        told = max(0, min(len(view), self._layout.initialized - offset))
        if told < len(view):
            view[told:] = bytes(len(view) - told)
        done = 0
        while done < told:
            if self._layout.unit:
                done += self._from_unit(view[done:told], offset + done)
            else:
                done += self._from_run(view[done:told], offset + done)

    def piece(self, offset: int, size: int) -> bytes:
        """So many bytes from an offset on, fewer at the end only."""
        data = self._in_one_place(offset, size)
        if data is None:
            self.seek(offset)
            data = super().read(size) or b""
        return data

    def _in_one_place(self, offset: int, size: int) -> bytes | None:
        """So many bytes, of which there is one at least; None where they lie in several places,
        or are not there."""
        layout = self._layout
        cluster_size = layout.cluster_size
        index = bisect_right(self._starts, offset // cluster_size) - 1
        if index >= 0 and not layout.unit and offset + size <= min(layout.size, layout.initialized):
            run = layout.runs[index]
            within = offset - run.vcn * cluster_size
            if run.cluster is not None and within + size <= run.length * cluster_size:
                place = run.cluster * cluster_size + within
                data = self._source.read_at(place, size)
                if len(data) < size:
                    raise NtfsError(BEYOND, f"byte {place:,} of the volume")
                return data
        return None

    def _run_at(self, vcn: int) -> Run:
        index = bisect_right(self._starts, vcn) - 1
        if index < 0 or vcn >= (run := self._layout.runs[index]).vcn + run.length:
            raise NtfsError(DAMAGED, f"cluster {vcn} of the stream")
        return run

    def _from_run(self, view: memoryview, offset: int) -> int:
        cluster_size = self._layout.cluster_size
        run = self._run_at(offset // cluster_size)
        within = offset - run.vcn * cluster_size
        size = min(len(view), run.length * cluster_size - within)
        if run.cluster is None:
            view[:size] = bytes(size)
            return size
        place = run.cluster * cluster_size + within
        if self._source.read_into(place, view[:size]) < size:
            raise NtfsError(BEYOND, f"byte {place:,} of the volume")
        return size

    def _from_unit(self, view: memoryview, offset: int) -> int:
        unit_size = self._layout.unit * self._layout.cluster_size
        number, within = divmod(offset, unit_size)
        if self._unit[0] != number:
            self._unit = (number, self._read_unit(number))
        size = min(len(view), unit_size - within)
        view[:size] = self._unit[1][within : within + size]
        return size

    def _read_unit(self, number: int) -> bytes:
        cluster_size, unit = self._layout.cluster_size, self._layout.unit
        data = bytearray()
        vcn, end = number * unit, (number + 1) * unit
        while vcn < end:
            try:
                run = self._run_at(vcn)
            except NtfsError:
                if data:  # The last unit need not be told to its end.
                    break
                raise
            if run.cluster is None:
                break
            count = min(run.vcn + run.length, end) - vcn
            place = (run.cluster + vcn - run.vcn) * cluster_size
            piece = self._source.read_at(place, count * cluster_size)
            if len(piece) < count * cluster_size:
                raise NtfsError(BEYOND, f"byte {place:,} of the volume")
            data += piece
            vcn += count
        size = unit * cluster_size
        if not data:
            return bytes(size)
        return bytes(data) if len(data) == size else decompress(bytes(data), size)
