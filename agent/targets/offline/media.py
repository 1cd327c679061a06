"""Disks and volumes at rest, whatever they come in: each opened once, for all that read from it."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from typing import NamedTuple

from ...formats.kinds import DISK, WIM, Holds, Kind, kind_of
from ...formats.ldm import DynamicDisk
from ...formats.partitions import Partition
from ...ntfs import ByteSource, SliceSource
from ...reading.block_device import is_device
from ...reading.opening import reason_of
from ..volume_keys import VolumeKey
from .bitlocker import LockedVolume
from .containers import Medium, MediumError
from .containers.opening import is_container, open_medium
from .containers.pieces import Pieces
from .containers.split import number_of
from .layout import WHOLE, Lying, dynamic_disk_of, images_on, volumes_on

_HEAD = 4096
DISK_MISSING = "spanned volume of a dynamic disk (LDM), of which a disk is missing"


class Found(NamedTuple):
    """What lies on a medium."""

    volumes: tuple[Lying, ...] = ()
    problems: tuple[str, ...] = ()
    """Of the table of partitions, in the words of the coverage."""
    spanned: tuple[tuple[Partition, Pieces], ...] = ()
    """Those that lie on several disks."""
    locked: tuple[tuple[Partition, LockedVolume], ...] = ()
    """Those of BitLocker, with a key or without."""


class SharedMedium:
    """May be asked from any thread; closed with the last reference to it."""

    def __init__(self, path: str, keys: Sequence[VolumeKey] = ()) -> None:
        """``keys``: of its locked volumes."""
        self.path = path
        self._keys = keys
        self.beside: Sequence[SharedMedium] = (self,)
        """All that are of one target, this one too: volumes may lie on several disks."""
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
        raw = self._raw(part, self.found.spanned)
        return _Part(raw, 0, raw.size, self)

    def _raw(self, part: Partition, spanned: Iterable[tuple[Partition, Pieces]]) -> ByteSource:
        """As it lies there."""
        for place, pieces in spanned:
            if place == part:
                return pieces
        source = self.opened().source
        return _Slice(source, part.start, min(part.size, source.size))

    @property
    def state(self) -> str:
        """Tells it from another one of the same name; empty where it cannot be asked: the sweep
        will tell of it."""
        try:
            opened = self.opened()
            told = [os.stat(path) for path in opened.files if not is_device(path)]
        except OSError:
            return ""
        if not told:
            return f"{self.path} {opened.source.size}"
        return " ".join(f"{s.st_dev}/{s.st_ino}/{s.st_size}/{s.st_mtime_ns}" for s in told)

    @cached_property
    def found(self) -> Found:
        """The volumes on it; of those that a key opens, what lies in them. Raises OSError."""
        found = self._together(self._lying())
        locked = [
            (one.part, LockedVolume(partial(self._raw, one.part, found.spanned), self._keys))
            for one in found.volumes
            if one.is_locked
        ]
        within = dict(locked)
        volumes = tuple(
            one.unlocked(within[one.part]) if one.part in within else one for one in found.volumes
        )
        return found._replace(volumes=volumes, locked=tuple(locked))

    @cached_property
    def dynamic(self) -> DynamicDisk | None:
        """Which of the dynamic disks it is. Raises OSError."""
        source = self.opened().source
        return dynamic_disk_of(source.read_at, source.size)

    def _together(self, found: Found) -> Found:
        """With the volumes of several disks, on the disk where they begin."""
        volumes, spanned = list[Lying](), list[tuple[Partition, Pieces]]()
        for one in found.volumes:
            if not one.extents:
                volumes.append(one)
            elif (pieces := self._pieces(one)) is None:
                kind = Kind(DISK_MISSING, Holds.FILES)
                volumes.append(one._replace(kind=kind))
            elif self.dynamic is not None and one.extents[0].disk == self.dynamic.disk:
                part = one.part._replace(start=self.dynamic.start + one.extents[0].start)
                kind_of_it = kind_of(pieces.read_at(0, _HEAD), pieces.size, "", pieces.read_at)
                volumes.append(one._replace(part=part, kind=kind_of_it))
                spanned.append((part, pieces))
        return Found(tuple(volumes), found.problems, tuple(spanned))

    def _pieces(self, one: Lying) -> Pieces | None:
        """None if one of its disks is not here."""
        known = {}
        for medium in self.beside:
            try:
                if (disk := medium.dynamic) is not None:
                    known[disk.disk] = (medium.opened().source, disk.start)
            except OSError:
                continue  # It is a gap of its own.
        if any(extent.disk not in known for extent in one.extents):
            return None
        return Pieces([
            _Slice(known[e.disk][0], known[e.disk][1] + e.start, e.size) for e in one.extents
        ])  # fmt: skip

    def _lying(self) -> Found:
        source = self.opened().source
        problems: list[str] = []
        volumes: list[Lying] = []
        try:
            kind = kind_of(source.read_at(0, _HEAD), source.size, "", source.read_at, given=True)
            if kind is WIM:
                return Found(tuple(images_on(source.read_at)))
            if kind is None or kind.holds is not Holds.DISK:
                return Found((Lying(WHOLE, kind),))
            volumes += volumes_on(source.read_at, problems.append, source.size)
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
                known = is_container(kind) or kind.holds in (Holds.NTFS, Holds.VOLUME, Holds.DISK)
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
