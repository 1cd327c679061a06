"""Disks and volumes at rest, whatever they come in: each opened once, for all that read from it."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from typing import NamedTuple

from ...formats.kinds import DISK, Holds, Kind, kind_of
from ...formats.partitions import Partition
from ...ntfs import ByteSource, SliceSource
from ...reading.opening import reason_of
from ..volume_keys import VolumeKey
from .bitlocker import LockedVolume
from .containers import Medium, MediumError
from .containers.opening import is_container, open_medium
from .containers.split import number_of
from .layout import WHOLE, Lying, volumes_on

_HEAD = 4096


class Found(NamedTuple):
    """What lies on a medium."""

    volumes: tuple[Lying, ...] = ()
    problems: tuple[str, ...] = ()
    """Of the table of partitions, in the words of the coverage."""
    locked: tuple[tuple[Partition, LockedVolume], ...] = ()
    """Those of BitLocker, with a key or without."""


class SharedMedium:
    """May be asked from any thread; closed with the last reference to it."""

    def __init__(self, path: str, keys: Sequence[VolumeKey] = ()) -> None:
        """``keys``: of its locked volumes."""
        self.path = path
        self._keys = keys
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
        """The bytes of a partition, in the clear. Raises OSError."""
        for place, locked in self.found.locked:
            if place == part:
                plain = locked.plain()
                return _Part(plain, 0, plain.size, self)
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
        """The volumes on it; of those that a key opens, what lies in them. Raises OSError."""
        found = self._lying()
        locked = [(one.part, self._locked(one.part)) for one in found.volumes if one.is_locked]
        within = dict(locked)
        volumes = tuple(
            one.unlocked(within[one.part]) if one.part in within else one for one in found.volumes
        )
        return Found(volumes, found.problems, tuple(locked))

    def _locked(self, part: Partition) -> LockedVolume:
        source = self.opened().source
        size = min(part.size, source.size)
        return LockedVolume(partial(_Slice, source, part.start, size), self._keys)

    def _lying(self) -> Found:
        source = self.opened().source
        problems: list[str] = []
        volumes: list[Lying] = []
        try:
            kind = kind_of(source.read_at(0, _HEAD), source.size, "", source.read_at)
            if kind is None or kind.holds is not Holds.DISK:
                return Found((Lying(WHOLE, kind),))
            volumes += volumes_on(source.read_at, problems.append)
        except OSError as error:
            problems.append(reason_of(error))
        return Found(tuple(volumes), tuple(problems))

    def gaps(self, name: str) -> Iterator[tuple[str, str]]:
        """What the medium lacks and what is wrong with it: where, and why. Raises OSError."""
        opened = self.opened()
        for lacking in opened.lacking:
            place = f"{name} (bytes {lacking.start:,} to {lacking.start + lacking.size:,})"
            yield place, lacking.why
        for reason, place in opened.problems:
            yield place or name, reason
        told = {reason for reason, _ in opened.problems}
        for reason in self.found.problems:
            if reason not in told:
                yield name, f"{DISK.name}: {reason}"

    def opener(self, part: Partition) -> partial[ByteSource]:
        """Opens the bytes of a partition; raises OSError."""
        return partial(self.part, part)


class _Slice(SliceSource):
    """Lets go of nothing: the medium is for others too."""

    def close(self) -> None:
        pass


class _Part(_Slice):
    """Keeps the medium open."""

    def __init__(self, source: ByteSource, offset: int, size: int, medium: SharedMedium) -> None:
        super().__init__(source, offset, size)
        self._medium = medium


class MediaMet:
    """Containers that a sweep of folders meets: files of one medium are one disk, whichever of them
    is met first."""

    def __init__(self) -> None:
        self._met: dict[str, Kind] = {}
        self._covered: set[str] = set()

    def takes(self, path: str, kind: Kind) -> bool:
        """Whether a file of this machine is one that is read here, or a piece of one."""
        if not (is_container(kind) or number_of(path) is not None) or not os.path.isfile(path):
            return False
        self._met[path] = kind
        return True

    def covers(self, path: str) -> bool:
        """Whether it is a part of a medium that was opened: an extent, a parent."""
        return os.path.realpath(path) in self._covered

    def opened(
        self, refuse: Callable[[Kind, str, str], object], keys: Sequence[VolumeKey] = ()
    ) -> list[SharedMedium]:
        """Those on which no other rests. ``refuse`` is told of what is none and belongs to none:
        kind, path, and why, empty for a piece by its name alone."""
        opened: list[SharedMedium] = []
        refused: list[tuple[Kind, str, str]] = []
        for path, kind in self._met.items():
            medium = SharedMedium(path, keys)
            try:
                self._covered.update(medium.opened().files[1:])
                medium.found  # noqa: B018 - what cannot be read is told here
            except MediumError as error:
                known = is_container(kind) or kind.holds in (Holds.NTFS, Holds.DISK)
                refused.append((kind, path, error.what if known else ""))
            except OSError as error:
                refused.append((kind, path, f"{kind.name}: {reason_of(error)}"))
            else:
                opened.append(medium)
        self._met.clear()
        for kind, path, why in refused:
            if not self.covers(path):
                refuse(kind, path, why)
        return [medium for medium in opened if not self.covers(medium.path)]


__all__ = ["Found", "MediaMet", "SharedMedium"]
