"""Where the volumes lie on a disk at rest."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from ...formats import FormatError
from ...formats.kinds import BITLOCKER, UNKNOWN, WIM, Holds, Kind, Read, kind_of
from ...formats.ldm import (
    AT_ON_MBR,
    SECTOR,
    SIMPLE,
    DynamicDisk,
    Extent,
    dynamic_disk,
    dynamic_volumes,
)
from ...formats.partition_types import DATABASE, DYNAMIC_DISK
from ...formats.partitions import Partition, partitions
from ...formats.wim import MAX_IMAGES, images_in
from .bitlocker import LockedVolume
from .file_systems.opening import is_read

NOT_LOOKED_INTO = "{}: not looked into"
HOLDS_NOTHING = "partition that holds nothing"
_HEAD = 4096
WHOLE = Partition(0, 0, 1 << 62)
"""A volume without a table of partitions."""


class Lying(NamedTuple):
    """A partition, or a whole medium."""

    part: Partition
    kind: Kind | None
    """None: of an unknown one."""
    opened_by: str = ""
    """Of a BitLocker volume that a key opened: a note for the coverage."""
    dynamic: str = ""
    """The name of a dynamic disk's volume."""
    extents: tuple[Extent, ...] = ()
    """Of one that lies on several disks, or in several places of one."""

    @property
    def label(self) -> str:
        """Behind the medium's name; empty for all of it."""
        if not self.part.number:
            return ""
        if self.dynamic:
            return f" (dynamic volume {self.dynamic})"
        if self.kind is WIM:
            return f" (image {self.part.number})"
        table = " of its master boot record" if self.part.beside_gpt else ""
        return f" (partition {self.part.number}{table})"

    @property
    def is_ntfs(self) -> bool:
        """In the clear, or locked by BitLocker: then reading says so."""
        return self.kind is not None and self.kind.holds is Holds.NTFS

    @property
    def holds_nothing(self) -> bool:
        """By its type, and its bytes do not belie it."""
        return self.part.reserved and self.kind is None

    @property
    def is_file_system(self) -> bool:
        """Another one that is read, or one of the images in a WIM."""
        return is_read(self.kind)

    @property
    def is_locked(self) -> bool:
        """By BitLocker, and no key was tried."""
        return self.kind is BITLOCKER

    def unlocked(self, volume: LockedVolume) -> Lying:
        """With what lies in it, if a key opens it."""
        try:
            return self._replace(kind=volume.kind, opened_by=volume.opened_by)
        except OSError:
            return self  # Whoever reads from it is told why.

    @property
    def told(self) -> str:
        """What it is, in the words of the coverage."""
        return "partition of an unknown kind" if self.kind is None else self.kind.name


def volumes_on(
    read: Read, tell: Callable[[str], object], size: int | None = None
) -> Iterator[Lying]:
    """The partitions of a disk of so many bytes, in the order of its table; then the volumes of a
    dynamic one. ``tell`` is told what is wrong with it. Raises OSError."""
    dynamic = []
    try:
        for one in partitions(read, size):
            if one.of_type is not None and one.of_type.name.startswith(DYNAMIC_DISK):
                dynamic.append(one)
            else:
                yield Lying(one, _kind_in(read, one))
    except FormatError as error:
        tell(error.what)
    if dynamic:
        yield from _dynamic(read, dynamic, tell)


def images_on(read: Read) -> Iterator[Lying]:
    """Those in a WIM; one where it does not tell: opening it will say why. Raises OSError."""
    for number in range(1, 1 + max(1, min(images_in(read), MAX_IMAGES + 1))):
        yield Lying(WHOLE._replace(number=number), WIM)


def _dynamic(
    read: Read, parts: Sequence[Partition], tell: Callable[[str], object]
) -> Iterator[Lying]:
    """Simple volumes are where their bytes lie; the others are only named."""
    try:
        volumes = dynamic_volumes(read, _header(parts))
    except FormatError as error:
        tell(f"{DYNAMIC_DISK}: {error.what}")
        for one in parts:
            yield Lying(one, _kind_in(read, one))
        return
    number = parts[-1].number
    for volume in volumes:
        if volume.layout == SIMPLE:
            part = Partition(number, volume.start, volume.size)
            yield Lying(part, _kind_in(read, part), dynamic=volume.name)
        else:
            kind = Kind(f"{volume.layout} volume of a {DYNAMIC_DISK}", Holds.FILES)
            part = Partition(number, 0, volume.size)
            yield Lying(part, kind, dynamic=volume.name, extents=volume.extents)


def _header(parts: Sequence[Partition]) -> int:
    ends = [one.start + one.size for one in parts if one.of_type is DATABASE]
    return ends[0] - SECTOR if ends else AT_ON_MBR


def dynamic_disk_of(read: Read, size: int) -> DynamicDisk | None:
    """Which of the dynamic disks a disk of so many bytes is; None if it is none. Raises OSError."""
    parts: list[Partition] = []
    with contextlib.suppress(FormatError):  # Whoever lists its volumes tells of it.
        parts.extend(one for one in partitions(read, size) if one.of_type is not None)
    try:
        return dynamic_disk(read, _header(parts))
    except FormatError:
        return None


def _kind_in(read: Read, part: Partition) -> Kind | None:
    def within(offset: int, length: int) -> bytes:
        return read(part.start + offset, max(0, min(length, part.size - offset)))

    kind, told = kind_of(within(0, _HEAD), part.size, "", within), part.of_type
    if told is not None and (told.decides or kind in (None, UNKNOWN)):
        return Kind(told.name, Holds.FILES)
    return kind


__all__ = [
    "HOLDS_NOTHING",
    "NOT_LOOKED_INTO",
    "WHOLE",
    "Lying",
    "dynamic_disk_of",
    "images_on",
    "volumes_on",
]
