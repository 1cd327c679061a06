"""Where the volumes lie on a disk at rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from ...formats import FormatError
from ...formats.kinds import BITLOCKER, UNKNOWN, Holds, Kind, Read, kind_of
from ...formats.partitions import Partition, partitions
from .bitlocker import LockedVolume

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

    @property
    def label(self) -> str:
        """Behind the medium's name; empty for all of it."""
        if not self.part.number:
            return ""
        table = " of its master boot record" if self.part.beside_gpt else ""
        return f" (partition {self.part.number}{table})"

    @property
    def is_ntfs(self) -> bool:
        """In the clear, or locked by BitLocker: then reading says so."""
        return self.kind is not None and self.kind.holds is Holds.NTFS

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


def volumes_on(read: Read, tell: Callable[[str], object]) -> Iterator[Lying]:
    """The partitions of a disk, in the order of its table. ``tell`` is told what is wrong with it.
    Raises OSError."""
    try:
        for one in partitions(read):
            yield Lying(one, _kind_in(read, one))
    except FormatError as error:
        tell(error.what)


def _kind_in(read: Read, part: Partition) -> Kind | None:
    def within(offset: int, length: int) -> bytes:
        return read(part.start + offset, max(0, min(length, part.size - offset)))

    kind, told = kind_of(within(0, _HEAD), part.size, "", within), part.of_type
    if told is not None and (told.decides or kind in (None, UNKNOWN)):
        return Kind(told.name, Holds.FILES)
    return kind


__all__ = ["HOLDS_NOTHING", "NOT_LOOKED_INTO", "WHOLE", "Lying", "volumes_on"]
