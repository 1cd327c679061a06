"""Bytes of any length searched for the packs' texts, every place told, in bounded memory.

They come as pieces with the offset of each. Pieces that follow each other are searched as one;
between others stand zeros, so that no text is made of what lies apart. Windows are scanned on two
threads, which let go of the interpreter, while this one reads on.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from msgspec import Struct, structs

from ...engine.scanner import ScanFailed
from ...matching.record_rules import RecordRules
from ...model.observation import ByteHit
from .carving import Carve, no_more

WINDOW = 1 << 20
"""Bytes that are scanned at once, and the most of a piece."""
PAGE = 4 << 10
"""Bytes of which each indicator is told once."""
OVERLAP = 4 << 10
"""Bytes that are scanned with the next window again, or as many as the longest pattern has."""
THREADS = 2
_AHEAD = 3
"""Windows that are scanned while one is told."""
_APART = bytes(64)
_BEFORE = 98
"""Bytes before a hit that its excerpt may show."""
Piece = tuple[int, bytes]
"""Offset and bytes."""


class Window(NamedTuple):
    """Bytes to scan."""

    data: bytes
    places: list[tuple[int, int]]
    """Where in the data a piece begins, and its offset."""
    limit: int
    """What begins here or later belongs to the next window."""

    def offset_of(self, at: int) -> int:
        """Where a byte of the data comes from."""
        start, offset = self.places[bisect_right(self.places, (at, 1 << 64)) - 1]
        return offset + at - start


class Searched(NamedTuple):
    """What one window holds."""

    hits: list[tuple[ByteHit, int]]
    """By their offset outside, with the number of indicators in the same page."""
    offset: int
    """Of the window's first byte."""
    end: int
    """Up to where all is told now."""
    failed: str = ""
    """Why it is not known what it holds."""


def searched(
    pieces: Iterable[Piece], rules: RecordRules, carve: Carve = no_more
) -> Iterator[Searched]:
    """Each window, in order. ``pieces``: each of at most ``WINDOW`` bytes; what they raise ends
    it. ``carve``: the text to show of a hit in place of its excerpt."""
    overlap = max(OVERLAP, rules.overlap or 0)
    search = _Search(rules, overlap, carve)
    waiting: deque[Future[Searched]] = deque()
    with ThreadPoolExecutor(THREADS, "scan") as pool:
        for window in windows(pieces, overlap):
            waiting.append(pool.submit(search.window, window))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        for future in waiting:
            yield future.result()


def windows(pieces: Iterable[Piece], overlap: int) -> Iterator[Window]:
    """The pieces as windows; each of them and the next have ``overlap`` bytes in common."""
    data, places, end = bytearray(), list[tuple[int, int]](), -1
    for offset, piece in pieces:
        if offset != end:
            if data:
                data += _APART
            places.append((len(data), offset))
        data += piece
        end = offset + len(piece)
        if len(data) >= WINDOW + overlap:
            window = Window(bytes(data), places, len(data) - overlap)
            yield window
            places = _later(window)
            del data[: window.limit]
    if data:
        yield Window(bytes(data), places, len(data))


def _later(window: Window) -> list[tuple[int, int]]:
    """The places of what is left for the next window."""
    inside = [(at - window.limit, offset) for at, offset in window.places if at > window.limit]
    return [(0, window.offset_of(window.limit)), *inside]


class _Search(Struct, frozen=True):
    rules: RecordRules
    overlap: int
    carve: Carve

    def window(self, window: Window) -> Searched:
        """By any thread."""
        data, limit = window.data, window.limit
        hits: list[tuple[ByteHit, int]] = []
        failed = ""
        try:
            if self.rules.occurs(data):
                hits = self._told(window)
        except ScanFailed as error:
            failed = str(error)
        end = window.offset_of(limit - 1) + 1 if limit else window.offset_of(0)
        return Searched(hits, window.offset_of(0), end, failed)

    def _told(self, window: Window) -> list[tuple[ByteHit, int]]:
        """Page by page; what only the whole window tells (texts of one indicator that lie apart)
        too."""
        told: list[tuple[ByteHit, int]] = []
        for start in range(0, window.limit, PAGE):
            told += self._page(window, start, min(start + PAGE, window.limit))
        known = {hit.indicator for hit, _ in told}
        told += [
            (structs.replace(hit, offset=window.offset_of(hit.offset)), 1)
            for hit in self.rules.mentions(window.data, whole_words=False)
            if hit.indicator not in known and hit.offset < window.limit
        ]
        return told

    def _page(self, window: Window, start: int, end: int) -> list[tuple[ByteHit, int]]:
        data = window.data[start : end + self.overlap]
        if not self.rules.occurs(data):
            return []
        found = [
            hit for hit in self.rules.mentions(data, whole_words=False) if hit.offset < end - start
        ]
        return [
            (
                ByteHit(
                    hit.indicator,
                    window.offset_of(start + hit.offset),
                    self._excerpt(window.data, start + hit.offset, hit),
                ),
                len(found),
            )
            for hit in found
        ]

    def _excerpt(self, data: bytes, at: int, hit: ByteHit) -> str:
        """With what stands before it, in the page before."""
        if carved := self.carve(data, at):
            return carved
        if hit.offset >= _BEFORE or at == hit.offset:
            return hit.excerpt
        start = max(0, at - _BEFORE)
        around = self.rules.mentions(data[start : at + self.overlap], whole_words=False)
        for other in around:
            if other.indicator == hit.indicator and other.offset == at - start:
                return other.excerpt
        return hit.excerpt
