"""FAT12, FAT16 and FAT32, by our own reader: sticks, cards, EFI system partitions, old systems."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from ....formats import FormatError
from ....formats.cluster_chains import Chain, Clusters
from ....formats.exfat import ExfatItem
from ....formats.fat import Fat, FatItem
from ....ntfs import ByteSource
from ...tree import Kind, Tell, Times
from . import Content, Item

DELETED = "deleted files: their names are looked at, not what was in them"
LOCAL = "times are of the host's own clock, in a zone that is written nowhere"
CUT_SHORT = "image ends before the volume does"
NO_CLUSTER = "without a cluster of its own"


class _Folder(NamedTuple):
    first: int
    is_top: bool = False


class FatVolume:
    """One volume."""

    notes = (DELETED, LOCAL)

    def __init__(self, source: ByteSource) -> None:
        """Raises FormatError, OSError."""
        self._fat = Fat(source.read_at)
        self.identity = f"fat:{self._fat.serial:08X}"
        self.gaps = {CUT_SHORT: 1} if source.size < self._fat.size else {}
        self.top = Item("", Kind.FOLDER, _Folder(self._fat.root, is_top=True), identity=0)

    def entries(self, folder: Item, tell: Tell) -> Iterator[Item]:
        """As :class:`FileSystem`."""
        place: _Folder = folder.place
        if not place.is_top:
            if not place.first:
                raise FormatError(NO_CLUSTER)
            if place.first == self._fat.root:
                raise FormatError("that is the top one")
        return (self._item(one) for one in self._fat.folder(place.first, tell))

    @staticmethod
    def _item(one: FatItem) -> Item:
        times = partial(times_of, one)
        if one.is_folder:
            place = _Folder(one.first)
            return Item(
                one.name, Kind.FOLDER, place, 0, times, one.first or None, deleted=one.deleted
            )
        return Item(one.name, Kind.FILE, one, one.size, times, deleted=one.deleted)

    def content(self, place: FatItem) -> Content:
        """As :class:`FileSystem`."""
        chain = self._fat.content(place)
        return content_of(chain, self._fat.clusters, place.first, place.size)


def content_of(
    chain: Chain, clusters: Clusters, first: int, size: int, written: int | None = None
) -> Content:
    """What lies in a chain of clusters. Raises FormatError: it cannot lie there."""
    if size and not first:
        raise FormatError(f"file {NO_CLUSTER}")
    if size > clusters.capacity:
        raise FormatError("file larger than its volume")
    return Content(chain.read, size, size if written is None else written)


def times_of(item: FatItem | ExfatItem) -> Times:
    """With whether they are local ones, of a zone that is not known."""
    told = (item.created, item.modified, item.accessed)
    created, modified, accessed = (time.when for time in told)
    return Times(created, modified, accessed, any(time.is_local for time in told))


def read(source: ByteSource, number: int) -> FatVolume:  # noqa: ARG001 - there is one in it
    """Raises FormatError, OSError."""
    return FatVolume(source)
