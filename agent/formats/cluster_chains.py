"""What lies in the clusters of FAT and exFAT, each of which leads to the next by a table.

Microsoft Extensible Firmware Initiative FAT32 File System Specification 1.03 ("FAT Data
Structure"); exFAT file system specification 1.00, 4.1 (FAT) and 5 (Cluster Heap).
"""

from __future__ import annotations

from bisect import bisect_right, insort
from functools import lru_cache
from operator import attrgetter

from msgspec import Struct

from . import FormatError
from .kinds import Read

FIRST = 2
"""Number of the first cluster."""
_PAGE = 64 << 10
_PAGES = 32
"""Of the table, that are kept."""
_ENDS_EARLY = "volume that ends before its clusters do"


class Clusters:
    """All clusters of one volume. May be asked from any thread."""

    def __init__(
        self,
        read: Read,
        *,
        heap: int,
        size: int,
        count: int,
        table: int,
        table_size: int,
        bits: int,
    ) -> None:
        """``heap``: where the first one lies; ``size``: bytes of one; ``count``: of all of them;
        ``table``, ``table_size``: where their table lies, and its bytes; ``bits``: 12, 16, 28 or
        32, of an entry."""
        self.read = read
        self.size = size
        self.count = min(count, table_size * 8 // {28: 32}.get(bits, bits) - FIRST)
        self._heap = heap
        self._table, self._table_size = table, table_size
        self._bits = bits
        self._page = lru_cache(_PAGES)(self._read_page)

    @property
    def capacity(self) -> int:
        """Bytes of all of them."""
        return self.count * self.size

    def offset(self, number: int) -> int:
        """Where a cluster lies. Raises FormatError."""
        if not FIRST <= number < FIRST + self.count:
            raise FormatError("cluster outside of the volume", str(number))
        return self._heap + (number - FIRST) * self.size

    def following(self, number: int) -> int | None:
        """The cluster behind another one; None: it is the last. Raises FormatError, OSError."""
        if self._bits == 12:
            low = self._table_byte(number + number // 2)
            pair = low | self._table_byte(number + number // 2 + 1) << 8
            value, last = (pair >> 4 if number & 1 else pair & 0xFFF), 0xFFF
        else:
            width = 2 if self._bits == 16 else 4
            at = number * width
            page = self._page(at // _PAGE)
            value = int.from_bytes(page[at % _PAGE : at % _PAGE + width], "little")
            last = (1 << self._bits) - 1
            value &= last
        if value > last - 8:
            return None
        if value == last - 8:
            raise FormatError("chain of clusters that leads to a bad one", str(number))
        if value < FIRST:
            raise FormatError("chain of clusters that leads to a free one", str(number))
        if value >= FIRST + self.count:
            raise FormatError("chain of clusters that leads out of the volume", str(number))
        return value

    def _table_byte(self, at: int) -> int:
        return self._page(at // _PAGE)[at % _PAGE]

    def _read_page(self, number: int) -> bytes:
        """Raises FormatError, OSError."""
        wanted = min(_PAGE, self._table_size - number * _PAGE)
        page = self.read(self._table + number * _PAGE, wanted)
        if len(page) < wanted:
            raise FormatError("table of clusters that is cut short", f"0x{self._table:x}")
        return page


class _Run(Struct):
    """Clusters that lie one behind the other."""

    start: int
    """Of its bytes, in what they hold."""
    first: int
    last: int


class Chain:
    """What the clusters from one on hold; followed as far as it is read. Not for several threads
    at once."""

    def __init__(self, clusters: Clusters, first: int, *, in_one_piece: int = 0) -> None:
        """``in_one_piece``: so many bytes lie one behind the other, and the table says nothing of
        their clusters."""
        self._clusters = clusters
        self._first = first
        self._in_one_piece = -(-in_one_piece // clusters.size)
        self._runs: list[_Run] = []
        self._by_first: list[_Run] = []
        """The same, sorted: no way may lead back to what was passed."""
        self._reached = 0
        self._is_whole = False

    def read(self, offset: int, size: int) -> bytes:
        """Bytes, fewer where the chain ends. Raises FormatError, OSError."""
        self._follow(offset + size)
        made = bytearray()
        number = max(0, bisect_right(self._runs, offset, key=_start) - 1)
        while size > 0 and number < len(self._runs):
            run = self._runs[number]
            skip = offset - run.start
            wanted = min(size, (run.last + 1 - run.first) * self._clusters.size - skip)
            if wanted <= 0:
                break
            place = self._clusters.offset(run.first) + skip
            piece = self._clusters.read(place, wanted)
            if len(piece) < wanted:
                raise FormatError(_ENDS_EARLY, f"0x{place + len(piece):x}")
            made += piece
            offset, size, number = offset + wanted, size - wanted, number + 1
        return bytes(made)

    def _follow(self, end: int) -> None:
        """Until the runs reach so far. Raises FormatError, OSError."""
        if not self._runs:
            self._begin()
        run = self._runs[-1]
        while self._reached < end and not self._is_whole:
            following = self._clusters.following(run.last)
            if following is None:
                self._is_whole = True
                return
            known = self._run_with(following)
            if known is not None:
                raise FormatError("chain of clusters that goes round", str(following))
            if following == run.last + 1:
                run.last = following
            else:
                run = self._put(following, following)
            self._reached += self._clusters.size

    def _begin(self) -> None:
        last = self._first + max(1, self._in_one_piece) - 1
        self._clusters.offset(self._first)
        self._clusters.offset(last)
        self._put(self._first, last)
        self._reached = (last + 1 - self._first) * self._clusters.size
        self._is_whole = self._in_one_piece > 0

    def _run_with(self, number: int) -> _Run | None:
        at = bisect_right(self._by_first, number, key=_first) - 1
        return self._by_first[at] if at >= 0 and number <= self._by_first[at].last else None

    def _put(self, first: int, last: int) -> _Run:
        run = _Run(self._reached, first, last)
        self._runs.append(run)
        insort(self._by_first, run, key=_first)
        return run


_start, _first = attrgetter("start"), attrgetter("first")

__all__ = ["FIRST", "Chain", "Clusters"]
