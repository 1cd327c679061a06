"""Where bytes of a hive lie side by side that no search of its file and logs sees together.

All text of a hive stands in its file or in its logs, but for what runs over an edge: of a page that
a log lays over the hive, and of two pieces of a long value. To know that nothing is there it is
enough to search both, and some bytes on either side of each edge; of pages as each entry of a log
leaves them, so that it does not matter which of the entries Windows would take.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from .hive_cells import SEGMENT, Tries, pieces_at
from .hive_logs import BASE_BLOCK, Laid, Page
from .paged import Bytes, Joined, Overlay

MOST_REACH = SEGMENT // 2
"""Bytes on either side that can be asked for: a piece is no shorter than both."""


class Extract(NamedTuple):
    """Some bytes, which lie ``at`` a position of others."""

    data: bytes
    where: Bytes
    at: int


class PageEdges:
    """Those of the pages that logs lay over a hive."""

    def __init__(self, reach: int, most: int) -> None:
        """``reach``: bytes on either side; ``most``: of all extracts together."""
        self.found: list[tuple[int, bytes]] = []
        """Positions in the hive and what lay there when an entry was laid over it."""
        self.too_many = False
        self._reach, self._left = reach, most

    def note(self, hive: bytearray | Overlay, pages: Sequence[Page]) -> None:
        """Pages that were just laid there."""
        for edge in _edges_of(pages):
            if self.too_many:
                return
            start = max(BASE_BLOCK + edge - self._reach, 0)
            end = min(BASE_BLOCK + edge + self._reach, len(hive))
            data = hive.fill(start, end) if isinstance(hive, Overlay) else bytes(hive[start:end])
            self._left -= len(data)
            self.too_many = self._left < 0
            self.found.append((start, data))


def _edges_of(pages: Sequence[Page]) -> list[int]:
    """But for those between pages that follow each other in the log as they do in the hive."""
    edges: list[int] = []
    for page in pages:
        if edges and edges[-1] == page.offset:
            edges.pop()
        else:
            edges.append(page.offset)
        edges.append(page.offset + page.size)
    return edges


class ValueEdges:
    """Those of the pieces of long values."""

    def __init__(self, hive: Bytes, reach: int) -> None:
        self._hive, self._reach = hive, reach
        self._tries, self._room = Tries(hive), len(hive)

    @property
    def too_many(self) -> bool:
        """Whether pieces of something overlap, as no honest ones do."""
        return self._tries.ended or self._room < 0

    def of(self, heads: Iterable[int]) -> Iterator[Extract]:
        """``heads``: where in the file such a value's record may begin."""
        for head in sorted(set(heads)):
            if head & 7 != 4:
                continue
            pieces = pieces_at(self._hive, head, self._tries)
            self._room -= sum(end - start for start, end in pieces)
            if self.too_many:
                return
            yield from self._between(pieces)

    def _between(self, pieces: Sequence[tuple[int, int]]) -> Iterator[Extract]:
        value, at, reach = Joined([(self._hive, *piece) for piece in pieces]), 0, self._reach
        for (start, end), (next_start, next_end) in pairwise(pieces):
            at += end - start
            before = self._hive[max(start, end - reach) : end]
            behind = self._hive[next_start : min(next_end, next_start + reach)]
            yield Extract(before + behind, value, at - len(before))


def laid_at(laid: Sequence[Laid], log: Bytes, positions: Iterable[int]) -> Iterator[int]:
    """Where in the hive that came to lie which lies at these positions of a log."""
    wanted = sorted(positions)
    if not wanted:
        return
    pages = sorted((page.at, page) for one in laid if one.log is log for page in one.pages)
    for position in wanted:
        which = bisect_right(pages, position, key=lambda page: page[0]) - 1
        if which >= 0 and position < pages[which][0] + pages[which][1].size:
            yield BASE_BLOCK + pages[which][1].offset + position - pages[which][0]
