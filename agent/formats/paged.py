"""Large evidence as if it were bytes: read where it is asked for, never held as a whole.

A parser that takes slices of bytes takes slices of these. What was read last is kept in blocks, so
that a walk from cell to cell is no read each. :class:`Overlay` is such bytes with others laid over
them (a hive with its logs), :class:`Joined` stretches of several, one behind the other.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Protocol

from ..reading.opening import read_at

BLOCK = 64 << 10
"""Bytes that are read at once."""
KEPT = 128
"""Blocks of one file that are kept: 8 MiB."""
SECTOR = 512
FEW = 16
"""Sectors that are put together one by one."""
HELD = 32 << 20
"""Bytes of a file that is better read as a whole."""


class Bytes(Protocol):
    """What parsers ask of bytes, whole or paged: ``data[a:b]`` is bytes. OSError: where they are
    paged and cannot be read."""

    def __len__(self) -> int: ...

    def __getitem__(self, key: slice, /) -> bytes: ...

    def startswith(self, prefix: bytes, /) -> bool: ...

    def find(self, sub: bytes, start: int = ..., /) -> int: ...

    def rfind(self, sub: bytes, start: int = ..., end: int = ..., /) -> int: ...


def held_or_paged(file: BinaryIO, size: int, most: int = HELD) -> Bytes:
    """The first ``size`` bytes of a file: read, or, if they are more than ``most``, to be read from
    it as long as it is open. Raises OSError."""
    return read_at(file, 0, size, size) if size <= most else PagedFile(file, size)


class Paged:
    """Base of those that are not held; each says how a stretch of its bytes is had."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._blocks: dict[int, bytes] = {}

    def fill(self, start: int, end: int) -> bytes:
        """Just these bytes; they lie within the whole."""
        raise NotImplementedError

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, key: slice, /) -> bytes:
        start, end, _ = key.indices(self._size)
        first = start // BLOCK
        if end <= (first + 1) * BLOCK:
            at = first * BLOCK
            return self._block(first)[start - at : end - at] if end > start else b""
        return self.fill(start, end)

    def startswith(self, prefix: bytes, /) -> bool:
        """As of bytes."""
        return self[: len(prefix)] == prefix

    def find(self, sub: bytes, start: int = 0, /) -> int:
        """As of bytes; ``sub``: shorter than a block."""
        at, more = start, len(sub) - 1
        while at < self._size:
            number = at // BLOCK
            base = number * BLOCK
            found = self._block(number).find(sub, at - base)
            if found >= 0:
                return base + found
            edge = max(at, base + BLOCK - more)
            found = self[edge : base + BLOCK + more].find(sub)
            if found >= 0:
                return edge + found
            at = base + BLOCK
        return -1

    def rfind(self, sub: bytes, start: int = 0, end: int | None = None, /) -> int:
        """As of bytes; the stretch is read as a whole."""
        found = self[start:end].rfind(sub)
        return found if found < 0 else max(0, start) + found

    def _block(self, number: int) -> bytes:
        kept = self._blocks.pop(number, None)
        if kept is None:
            at = number * BLOCK
            kept = self.fill(at, min(at + BLOCK, self._size))
            if len(self._blocks) >= KEPT:
                del self._blocks[next(iter(self._blocks))]
        self._blocks[number] = kept  # The last one to go.
        return kept


class PagedFile(Paged):
    """A file that stays open as long as it is asked."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        """``size``: in bytes, at most those that the file has."""
        super().__init__(size)
        self._file = file

    def fill(self, start: int, end: int) -> bytes:
        data = read_at(self._file, start, end - start, end)
        if len(data) < end - start:
            raise OSError("became shorter while it was read")
        return data


class Overlay(Paged):
    """Bytes with others laid over them, and perhaps longer: zeros, until something is laid there.
    What is laid is held."""

    def __init__(self, below: Bytes) -> None:
        super().__init__(len(below))
        self._below = below
        self._laid: dict[int, bytes] = {}
        """By the number of the sector."""

    def grow(self, size: int) -> None:
        """To so many bytes, if it has fewer."""
        self._size = max(self._size, size)
        self._blocks.clear()

    def __setitem__(self, key: slice, data: bytes, /) -> None:
        """As many bytes as the slice has."""
        start, end, _ = key.indices(self._size)
        if len(data) != end - start:
            raise ValueError("an overlay cannot move what lies behind")
        for number in range(start // BLOCK, -(-end // BLOCK)):
            self._blocks.pop(number, None)
        self._lay(start, data)

    def _lay(self, start: int, data: bytes) -> None:
        if not data:
            return
        first, end = start // SECTOR, start + len(data)
        if start % SECTOR:
            data = self.fill(first * SECTOR, start) + data
        if end % SECTOR:
            data += self.fill(end, min(-(-end // SECTOR) * SECTOR, self._size))
        sectors = [data[at : at + SECTOR] for at in range(0, len(data), SECTOR)]
        self._laid.update(enumerate(sectors, first))

    def changed(self, start: int, end: int) -> bool:
        """Whether anything was laid between these."""
        return any(n in self._laid for n in range(start // SECTOR, -(-end // SECTOR)))

    def fill(self, start: int, end: int) -> bytes:
        if end <= start:
            return b""
        numbers = range(start // SECTOR, -(-end // SECTOR))
        if len(numbers) <= FEW:
            into = start - numbers.start * SECTOR
            return b"".join(map(self._sector, numbers))[into : into + end - start]
        data = self._below[start : min(end, len(self._below))]
        laid = [number for number in numbers if number in self._laid]
        if not laid and len(data) == end - start:
            return data
        made = bytearray(data.ljust(end - start, b"\0"))
        for number in laid:
            at, sector = number * SECTOR - start, self._laid[number]
            cut = max(0, -at)
            part = sector[cut : end - start - at]
            made[at + cut : at + cut + len(part)] = part
        return bytes(made)

    def _sector(self, number: int) -> bytes:
        laid = self._laid.get(number)
        data = self._below[number * SECTOR : (number + 1) * SECTOR] if laid is None else laid
        return data if len(data) == SECTOR else data.ljust(SECTOR, b"\0")


class Joined(Paged):
    """Stretches of bytes, one behind the other."""

    def __init__(self, parts: Sequence[tuple[Bytes, int, int]]) -> None:
        """Each from one position up to another."""
        self._parts = [part for part in parts if part[2] > part[1]]
        self._starts: list[int] = []
        size = 0
        for _, start, end in self._parts:
            self._starts.append(size)
            size += end - start
        super().__init__(size)

    def fill(self, start: int, end: int) -> bytes:
        return b"".join(self._pieces(start, end))

    def _pieces(self, start: int, end: int) -> Iterator[bytes]:
        which = max(0, bisect_right(self._starts, start) - 1)
        while start < end:
            data, first, after = self._parts[which]
            at = first + start - self._starts[which]
            piece = data[at : min(after, at + end - start)]
            yield piece
            start += len(piece)
            which += 1


def is_zeros(data: Bytes) -> bool:
    """Whether there are zeros alone."""
    return not any(data[at : at + BLOCK].strip(b"\0") for at in range(0, len(data), BLOCK))
