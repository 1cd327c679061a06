"""WIM, by our own reader: each of its images is the tree of one volume.

It holds no deleted files, no free clusters and nothing that NTFS keeps beside its files (change
journal, shadow copies). The SHA-1 of each content that is read to its end is compared.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cached_property, partial

from ....formats import FormatError
from ....formats.filetime import utc_of
from ....formats.wim import FOLDER, Resource, Unpacked, Wim, WimEntry
from ....ntfs import ByteSource
from ...tree import Kind, Tell, Times
from . import Content, Item

_SURROGATE = 0x2000_0000
_CLOUD, _CLOUD_NUMBER = 0x9000_001A, 0xF000
_NONE = bytes(20)
OTHER_SHA1 = "content whose SHA-1 is another than the image says"
OTHER_LIST = "list of files whose SHA-1 is another than the image says"


class WimImage:
    """One image."""

    notes = ()

    def __init__(self, source: ByteSource, number: int) -> None:
        """Raises FormatError, OSError."""
        self._wim = Wim(source.read_at)
        self._image, self._is_sound = self._wim.image(number)
        self.identity = f"wim:{self._wim.guid.hex()}/{number}"
        self.top = Item("", Kind.FOLDER, self._image.top.below, identity=0)

    @cached_property
    def gaps(self) -> dict[str, int]:
        """Contents that are not to be had: their files would never be opened."""
        found = Counter[str]()
        if not self._is_sound:
            found[OTHER_LIST] = 1
        waiting, entered = [self._image.top.below], set[int]()
        while waiting:
            below = waiting.pop()
            if not below or below in entered:
                continue
            entered.add(below)
            try:
                for entry in self._image.entries(below):
                    waiting.append(entry.below)
                    found.update(self._missing(entry))
            except FormatError:
                pass  # Whoever lists the folder is told.
        return dict(found)

    def _missing(self, entry: WimEntry) -> Iterator[str]:
        for digest in (entry.digest, *(digest for _, digest in entry.streams)):
            if digest != _NONE and self._resource(digest) is None:
                try:
                    self._wim.content(digest)
                except FormatError as error:
                    yield error.what

    def _resource(self, digest: bytes) -> Resource | None:
        try:
            return None if digest == _NONE else self._wim.content(digest)
        except FormatError:
            return None

    def entries(self, folder: Item, tell: Tell) -> Iterator[Item]:  # noqa: ARG002 - the protocol's
        """As :class:`FileSystem`."""
        return map(self._item, self._image.entries(folder.place)) if folder.place else iter(())

    def _item(self, entry: WimEntry) -> Item:
        times = partial(_times, entry.created, entry.modified, entry.accessed)
        streams = tuple((name, self._size(digest), digest) for name, digest in entry.streams)
        kind = _kind(entry)
        if kind is Kind.FOLDER:
            below = entry.below
            return Item(entry.name, kind, below, 0, times, below or None, streams)
        size = self._size(entry.digest) if kind is Kind.FILE else 0
        return Item(entry.name, kind, entry.digest, size, times, None, streams)

    def _size(self, digest: bytes) -> int:
        found = self._resource(digest)
        return 0 if found is None else found.size

    def content(self, place: bytes) -> Content:
        """As :class:`FileSystem`."""
        if place == _NONE:
            return Content(lambda _offset, _size: b"", 0, 0)
        resource = self._wim.content(place)
        unpacked = Unpacked(self._wim, resource)
        return Content(_Checked(unpacked.read, resource.size, place).read, *[resource.size] * 2)


class _Checked:
    """Compares the SHA-1 of what is read from beginning to end."""

    def __init__(self, read: Callable[[int, int], bytes], size: int, digest: bytes) -> None:
        self._read = read
        self._size = size
        self._digest = digest
        self._sum = hashlib.sha1(usedforsecurity=False)
        self._reached = 0
        self._is_other = False

    def read(self, offset: int, size: int) -> bytes:
        """Raises FormatError, OSError."""
        data = self._read(offset, size)
        if offset <= self._reached < offset + len(data):
            self._sum.update(data[self._reached - offset :])
            self._reached = offset + len(data)
            self._is_other = self._reached >= self._size and self._sum.digest() != self._digest
        if self._is_other:
            raise FormatError(OTHER_SHA1)
        return data


def _kind(entry: WimEntry) -> Kind:
    if entry.tag & _SURROGATE:
        return Kind.LINK
    if entry.tag:
        return Kind.CLOUD if entry.tag & ~_CLOUD_NUMBER == _CLOUD else Kind.OTHER
    return Kind.FOLDER if entry.attributes & FOLDER else Kind.FILE


def _times(created: int, modified: int, accessed: int) -> Times:
    return Times(utc_of(created), utc_of(modified), utc_of(accessed))


def read(source: ByteSource, number: int) -> WimImage:
    """``number``: of the image, from 1. Raises FormatError, OSError."""
    return WimImage(source, number)
