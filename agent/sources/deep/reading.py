"""Raw bytes in pieces: of a file from its beginning, of a volume its free clusters.

Where a read fails, it is tried again in small parts; what cannot be read is a gap, and the next
part is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from ...coverage import Part
from ...ntfs import NtfsError, Volume
from ...reading.opening import read_at, reason_of
from .raw_search import WINDOW, Piece

LEAST = 64 << 10
"""Bytes; what is asked for at once where a larger read failed."""
MAX_FAILED_READS = 1000
"""Of one file or volume; after that many it is given up."""

Read = Callable[[int, int], bytes]
"""At an offset, at most so many bytes; fewer only at the end. Raises OSError."""


def of_file(
    opened: BinaryIO, size: int, part: Part, progress: Callable[[], None], start: int = 0
) -> Iterator[Piece]:
    """All of a file that is expected to have ``size`` bytes, from ``start`` on. ``progress`` may
    raise."""

    def read(offset: int, most: int) -> bytes:
        return read_at(opened, offset, most, size)

    return in_pieces(read, size, part, progress, start)


def in_pieces(
    read: Read, size: int, part: Part, progress: Callable[[], None], start: int = 0
) -> Iterator[Piece]:
    """The same of whatever can be read."""
    reader = _Pieces(read, part, progress)
    at = start
    while at < size:
        yield from reader.between(at, min(at + WINDOW, size))
        at += WINDOW
        if reader.ended is not None:
            part.unread("ends before its size", f"{part.name} (byte {reader.ended:,})")
            return
        if reader.given_up:
            return


def of_free_clusters(
    volume: Volume, part: Part, progress: Callable[[], None], start: int = 0
) -> Iterator[Piece]:
    """All clusters of a volume that belong to no file, at their offsets in it, from ``start`` on.
    ``progress`` may raise."""
    reader = _Pieces(volume.source.read_at, part, progress)
    cluster = volume.boot.cluster_size
    try:
        for first, count in volume.free_clusters():
            at, end = max(first * cluster, start), (first + count) * cluster
            if at >= end:
                continue
            if at >= volume.source.size:
                part.unread("free clusters beyond the end of the image", _place(part, at))
                return
            while at < end and not reader.given_up:
                yield from reader.between(at, min(at + WINDOW, end))
                at += WINDOW
            if reader.given_up:
                return
    except OSError as error:
        part.unread(f"free clusters: {_why(error)}", part.name)


class _Pieces:
    def __init__(self, read: Read, part: Part, progress: Callable[[], None]) -> None:
        self._read, self._part, self._progress = read, part, progress
        self._failed = 0
        self.given_up = False
        self.ended: int | None = None
        """Where there are no more bytes."""

    def between(self, start: int, end: int) -> Iterator[Piece]:
        """What can be read from ``start`` to ``end``."""
        self._progress()
        try:
            yield from self._piece(start, end)
            return
        except OSError as error:
            if end - start <= LEAST:
                self._missed(start, error)
                return
        for at in range(start, end, LEAST):
            try:
                yield from self._piece(at, min(at + LEAST, end))
            except OSError as error:
                self._missed(at, error)
            if self.given_up or self.ended is not None:
                return

    def _piece(self, start: int, end: int) -> list[Piece]:
        data = self._read(start, end - start)
        if len(data) < end - start:
            self.ended = start + len(data)
        return [(start, data)] if data else []

    def _missed(self, at: int, error: OSError) -> None:
        self._failed += 1
        self._part.unread(f"read: {_why(error)}", _place(self._part, at))
        if self._failed >= MAX_FAILED_READS:
            self.given_up = True
            self._part.unread("given up after too many failed reads", _place(self._part, at))


def _place(part: Part, at: int) -> str:
    return f"{part.name} (byte {at:,})"


def _why(error: OSError) -> str:
    return error.what if isinstance(error, NtfsError) else reason_of(error)
