"""Disks that are kept in blocks, each of which a table finds: dynamic VHD, VHDX, VDI, QCOW2."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Sequence
from enum import Enum
from typing import NamedTuple

from ....ntfs import ByteSource
from ....reading.opening import reason_of
from . import MAX_DEPTH, Medium, MediumError, beside

_UNPACKED = 16 << 20
"""Bytes of blocks that were compressed and are kept, unpacked; a few in any case."""


class Empty(Enum):
    """Where a block lies that is in no place of the file."""

    ZERO = "zero"
    BELOW = "below"
    """In the parent; without one it is zero."""


class Absent:
    """A disk that another one rests on and that is not there: reading it fails."""

    size = 1 << 62

    def __init__(self, error: MediumError) -> None:
        self._error = error

    def read_at(self, offset: int, size: int) -> bytes:  # noqa: ARG002 - it has none
        raise MediumError(self._error.what, self._error.where)

    def read_into(self, offset: int, view: memoryview) -> int:  # noqa: ARG002
        raise MediumError(self._error.what, self._error.where)

    def close(self) -> None:
        pass


class Below(NamedTuple):
    """What a disk rests on."""

    source: ByteSource
    files: tuple[str, ...] = ()
    problems: tuple[tuple[str, str], ...] = ()


def below(
    kind: str, path: str, names: Sequence[str], depth: int, is_it: Callable[[Medium], bool] = bool
) -> Below:
    """The disk that one at ``path`` says that it rests on, under the first of these names that lies
    beside it; one that is missing, or another one, is a gap wherever it would be read.

    ``depth``: how many rest on this one; ``is_it``: whether a disk is the one that is meant.
    """
    from .opening import open_medium

    missing = MediumError(f"{kind}: names no disk that it rests on", path)
    try:
        if depth >= MAX_DEPTH:
            raise MediumError(f"more than {MAX_DEPTH} disks rest on one another", path)
        for name in names:
            try:
                place = beside(path, name)
            except MediumError as error:
                missing = MediumError(f"{kind}: {error.what}", error.where)
                continue
            found = open_medium(place, depth + 1, raw=True)
            if is_it(found):
                return Below(found.source, found.files, found.problems)
            found.source.close()
            missing = MediumError(f"{kind}: another disk than the one that it rests on", name)
    except OSError as error:
        why = error.what if isinstance(error, MediumError) else reason_of(error)
        missing = MediumError(f"{kind}: the disk that it rests on: {why}", path)
    return Below(Absent(missing), problems=((missing.what, missing.where),))


class Mapped(ABC):
    """Reads many blocks that lie one behind the other as one."""

    together = 1
    """Blocks that are compressed as one."""

    def __init__(self, size: int, block: int, file: ByteSource, below: ByteSource | None) -> None:
        """``size``: bytes of the disk; ``block``: bytes of one; ``below``: its parent."""
        self.block = block
        self._size = size
        self._file = file
        self._below = below
        self._unpacked: OrderedDict[int, bytes] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        return self._size

    @abstractmethod
    def place(self, index: int) -> int | Empty:
        """Where a block lies in the file, a negative number for one that is compressed. Raises
        MediumError."""

    def unpack(self, group: int) -> bytes:
        """The content of the blocks that were compressed together. Raises MediumError."""
        raise MediumError("a compressed block where there is none", f"block {group}")

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
            index, within = divmod(offset + done, self.block)
            place = self.place(index)
            length = min(self.block - within, wanted - done)
            if isinstance(place, Empty):
                while done + length < wanted and self.place(next_ := index + 1) is place:
                    index, length = next_, min(length + self.block, wanted - done)
                self._fill(place, offset + done, view[done : done + length])
            elif place < 0:
                group, part = divmod(index, self.together)
                start = part * self.block + within
                view[done : done + length] = self._kept(group)[start : start + length]
            else:
                end = place + self.block
                while done + length < wanted and self.place(next_ := index + 1) == end:
                    index, end = next_, end + self.block
                    length = min(length + self.block, wanted - done)
                if self._file.read_into(place + within, view[done : done + length]) < length:
                    raise MediumError("block beyond the end of the file", f"byte {offset + done:,}")
            done += length
        return done

    def _fill(self, place: Empty, offset: int, view: memoryview) -> None:
        count = 0
        if place is Empty.BELOW and self._below is not None:
            count = self._below.read_into(offset, view)
        view[count:] = bytes(len(view) - count)

    def _kept(self, group: int) -> bytes:
        with self._lock:
            if (data := self._unpacked.get(group)) is not None:
                self._unpacked.move_to_end(group)
                return data
        data = self.unpack(group)
        with self._lock:
            self._unpacked[group] = data
            if len(self._unpacked) > max(4, _UNPACKED // len(data)):
                self._unpacked.popitem(last=False)
        return data

    def close(self) -> None:
        self._file.close()
        if self._below is not None:
            self._below.close()


__all__ = ["Below", "Empty", "Mapped", "below"]
