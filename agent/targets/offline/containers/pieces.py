"""Several sources end to end, and what lies between them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from ....ntfs import ByteSource
from . import Lacking, MediumError


class Pieces:
    """Sources one behind the other; a number stands for so many bytes that are not there."""

    def __init__(self, parts: Sequence[ByteSource | Lacking]) -> None:
        """A part that is :class:`Lacking` counts by its size alone."""
        self._parts = [*parts]
        self._starts = []
        self._size = 0
        for part in parts:
            self._starts.append(self._size)
            self._size += part.size

    @property
    def size(self) -> int:
        return self._size

    @property
    def lacking(self) -> tuple[Lacking, ...]:
        """Where they lie."""
        return tuple(
            part._replace(start=start)
            for part, start in zip(self._parts, self._starts, strict=True)
            if isinstance(part, Lacking) and part.size
        )

    def read_at(self, offset: int, size: int) -> bytes:
        buffer = bytearray(max(0, min(size, self._size - offset)))
        with memoryview(buffer) as view:
            count = self.read_into(offset, view)
        return bytes(buffer[:count])

    def read_into(self, offset: int, view: memoryview) -> int:
        wanted, done = min(len(view), self._size - offset), 0
        if offset < 0:
            return 0
        while done < wanted:
            index = bisect_right(self._starts, offset + done) - 1
            while self._starts[index] + self._parts[index].size <= offset + done:
                index += 1  # empty ones
            part, within = self._parts[index], offset + done - self._starts[index]
            if isinstance(part, Lacking):
                raise MediumError(part.why, f"byte {offset + done:,}")
            piece = min(wanted - done, part.size - within)
            if part.read_into(within, view[done : done + piece]) < piece:
                raise MediumError("ends before it should", f"byte {offset + done:,}")
            done += piece
        return done

    def close(self) -> None:
        for part in self._parts:
            if not isinstance(part, Lacking):
                part.close()


__all__ = ["Pieces"]
