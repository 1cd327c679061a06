"""Disks and volumes at rest, whatever they come in: each opened once, for all that read from it."""

from __future__ import annotations

import os
import threading
import weakref
from functools import cached_property, partial
from typing import NamedTuple

from ...formats.kinds import Holds, kind_of
from ...formats.partitions import Partition
from ...ntfs import ByteSource, SliceSource
from ...reading.opening import reason_of
from .containers import Medium
from .containers.opening import open_medium
from .layout import WHOLE, Lying, volumes_on

_HEAD = 4096


class Found(NamedTuple):
    """What lies on a medium."""

    volumes: tuple[Lying, ...] = ()
    problems: tuple[str, ...] = ()
    """Of the table of partitions, in the words of the coverage."""


class SharedMedium:
    """May be asked from any thread; closed with the last reference to it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._medium: Medium | None = None

    def opened(self) -> Medium:
        """Raises OSError."""
        with self._lock:
            if self._medium is None:
                self._medium = open_medium(self.path)
                weakref.finalize(self, self._medium.source.close)
            return self._medium

    def part(self, part: Partition) -> ByteSource:
        """The bytes of a partition. Raises OSError."""
        source = self.opened().source
        return _Part(source, part.start, min(part.size, source.size), self)

    @property
    def state(self) -> str:
        """Tells it from another one of the same name; empty where it cannot be asked: the sweep
        will tell of it."""
        try:
            told = [os.stat(path) for path in self.opened().files]
        except OSError:
            return ""
        return " ".join(f"{s.st_dev}/{s.st_ino}/{s.st_size}/{s.st_mtime_ns}" for s in told)

    @cached_property
    def found(self) -> Found:
        """The volumes on it. Raises OSError."""
        source = self.opened().source
        head = source.read_at(0, _HEAD)
        kind = kind_of(head, source.size, "", source.read_at)
        if kind is None or kind.holds is not Holds.DISK:
            return Found((Lying(WHOLE, kind),))
        problems: list[str] = []
        try:
            volumes = tuple(volumes_on(source.read_at, problems.append))
        except OSError as error:
            return Found((), (*problems, reason_of(error)))
        return Found(volumes, tuple(problems))

    def opener(self, part: Partition) -> partial[ByteSource]:
        """Opens the bytes of a partition; raises OSError."""
        return partial(self.part, part)


class _Part(SliceSource):
    """Lets go of nothing: the medium is for others too."""

    def __init__(self, source: ByteSource, offset: int, size: int, medium: SharedMedium) -> None:
        super().__init__(source, offset, size)
        self._medium = medium

    def close(self) -> None:
        pass


__all__ = ["Found", "SharedMedium"]
