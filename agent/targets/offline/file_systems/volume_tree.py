"""A volume of any file system as the tree that every target is looked through as."""

from __future__ import annotations

import io
import threading
import weakref
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from msgspec import Struct

from ....formats import FormatError
from ....formats.kinds import Kind as KindOfFile
from ....ntfs import ByteSource, NtfsError
from ....reading.opening import reason_of
from ... import Root, SkippedVolume
from ...tree import Entry, Facts, How, Kind, Tell, Tree
from . import Content, FileSystem, Item
from .opening import open_file_system

_SHORT = "ends before it should"


class SharedFileSystem:
    """Opened once, for all that read from it, from any thread; closed with the last of them."""

    def __init__(self, opens: Callable[[], ByteSource], kind: KindOfFile, number: int = 0) -> None:
        """``opens``: its bytes; raises OSError. ``number``: of several in one medium."""
        self.kind = kind
        self._opens = opens
        self._number = number
        self._lock = threading.Lock()
        self._opened: FileSystem | None = None

    def opened(self) -> FileSystem:
        """Raises OSError: why it is not read, in the words of the coverage."""
        with self._lock:
            if self._opened is None:
                source = self._opens()
                try:
                    with _in_words(self.kind.name):
                        self._opened = open_file_system(self.kind, source, self._number)
                except OSError:
                    source.close()
                    raise
                weakref.finalize(self, source.close)
            return self._opened

    def tree(self, prefix: str) -> Tree:
        r"""``prefix``: what stands before ``\Users`` in the paths that are shown."""
        entry = VolumeEntry(Item("", Kind.FOLDER), self, is_top=True)
        return Tree(
            "", entry, shown=(prefix,), opened=self._while_looked_at, separator="\\",
            left_in=_deleted_in,
        )  # fmt: skip

    @contextmanager
    def _while_looked_at(self) -> Iterator[None]:
        self.opened()
        yield


@contextmanager
def _in_words(where: str) -> Iterator[None]:
    """What a parser refuses is an OSError, as any other file that cannot be read."""
    try:
        yield
    except FormatError as error:
        raise NtfsError(f"{where}: {error.what}", error.where) from error


def swept(
    shared: SharedFileSystem, path: str, prefix: str
) -> tuple[Root | None, list[SkippedVolume]]:
    r"""What the files source looks at, None where it cannot be opened, and what there is to say of
    it. ``prefix``: what stands before ``\Users`` in the paths that are shown."""
    place = prefix.removesuffix(":")
    try:
        opened = shared.opened()
    except OSError as error:
        return None, [SkippedVolume(place, reason_of(error), gap=True)]
    name = shared.kind.name
    told = [
        SkippedVolume(place, f"{name}: {why}", gap=True, count=count)
        for why, count in opened.gaps.items()
    ]
    told += [SkippedVolume(place, f"{name}: {why}", gap=False) for why in opened.notes]
    return Root(path, name, mounted=False, tree=shared.tree(prefix)), told


class VolumeEntry(Struct, eq=False):
    """A file or folder."""

    item: Item
    of: SharedFileSystem
    how: How = "by record"
    is_top: bool = False
    _deleted: Sequence[VolumeEntry] | None = None

    @property
    def name(self) -> str:
        return self.item.name

    def kind(self) -> Kind:
        return self.item.kind

    def identity(self) -> Hashable:
        return self._found().identity

    def entries(self, keep: Callable[[str], bool], tell: Tell) -> Iterator[Entry]:
        """Up to where it cannot be read on, which is told."""
        items = list[Item]()
        try:
            with _in_words(self.of.kind.name):
                items.extend(self.of.opened().entries(self._found(), tell))
        except OSError as error:
            tell(f"folder: {reason_of(error)}")
        self._deleted = [VolumeEntry(one, self.of) for one in items if one.deleted]
        return (VolumeEntry(one, self.of) for one in items if not one.deleted and keep(one.name))

    def deleted(self) -> Sequence[VolumeEntry]:
        """What is left of names in it, as far as it was listed."""
        return self._deleted or ()

    def facts(self, stream: str = "") -> Facts:
        if stream:
            return Facts(next(size for name, size, _ in self.item.streams if name == stream))
        return Facts(self.item.size, self.item.times)

    def streams(self) -> list[str]:
        return [name for name, _, _ in self.item.streams]

    def open(self, stream: str = "") -> tuple[BinaryIO, How]:
        place = self.item.place
        if stream:
            places = [place for name, _, place in self.item.streams if name == stream]
            if not places:
                raise NtfsError("no such stream", stream)
            place = places[0]
        with _in_words(self.of.kind.name):
            content = self.of.opened().content(place)
        return cast("BinaryIO", _File(content, self.of)), self.how

    def _found(self) -> Item:
        return self.of.opened().top if self.is_top else self.item


def _deleted_in(folder: Entry) -> Iterable[Entry]:
    assert isinstance(folder, VolumeEntry)
    return folder.deleted()


class _File(io.RawIOBase):
    """A file that keeps its volume open."""

    def __init__(self, content: Content, volume: SharedFileSystem) -> None:
        super().__init__()
        self._content = content
        self._volume = volume
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._content.size}
        self._at = max(0, start[whence] + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        content = self._content
        with memoryview(buffer) as whole, whole.cast("B") as view:
            size = max(0, min(len(view), content.size - self._at))
            written = max(0, min(size, content.written - self._at))
            if written:
                with _in_words(self._volume.kind.name):
                    data = content.read(self._at, written)
                if len(data) < written:
                    raise NtfsError(f"{self._volume.kind.name}: file {_SHORT}", f"{self._at:#x}")
                view[:written] = data
            view[written:size] = bytes(size - written)
            self._at += size
            return size


__all__ = ["SharedFileSystem", "VolumeEntry", "swept"]
