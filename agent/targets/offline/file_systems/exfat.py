"""exFAT, by our own reader: large sticks and cards."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ....formats import FormatError
from ....formats.exfat import Exfat, ExfatItem
from ....ntfs import ByteSource
from ...tree import Kind, Tell
from . import Content, Item
from .fat import CUT_SHORT, DELETED, NO_CLUSTER, content_of, times_of


class ExfatVolume:
    """One volume."""

    notes = (DELETED,)

    def __init__(self, source: ByteSource) -> None:
        """Raises FormatError, OSError."""
        self._exfat = Exfat(source.read_at)
        self.identity = f"exfat:{self._exfat.serial:08X}"
        self.gaps = {CUT_SHORT: 1} if source.size < self._exfat.size else {}
        self.top = Item("", Kind.FOLDER, self._exfat.root, identity=self._exfat.root.first)

    def entries(self, folder: Item, tell: Tell) -> Iterator[Item]:
        """As :class:`FileSystem`."""
        place: ExfatItem = folder.place
        if not place.first and place.size:
            raise FormatError(NO_CLUSTER)
        if not place.first:
            return iter(())
        return map(_item, self._exfat.folder(place, tell))

    def content(self, place: ExfatItem) -> Content:
        """As :class:`FileSystem`."""
        chain = self._exfat.content(place)
        return content_of(chain, self._exfat.clusters, place.first, place.size, place.valid)


def _item(one: ExfatItem) -> Item:
    times = partial(times_of, one)
    if one.is_folder:
        return Item(one.name, Kind.FOLDER, one, 0, times, one.first or None, deleted=one.deleted)
    return Item(one.name, Kind.FILE, one, one.size, times, deleted=one.deleted)


def read(source: ByteSource, number: int) -> ExfatVolume:  # noqa: ARG001 - there is one in it
    """Raises FormatError, OSError."""
    return ExfatVolume(source)
