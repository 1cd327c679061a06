"""Folders and files that this machine's own file systems show: a running host's volumes, a mounted
volume, a copy of one.

Names are compared as NTFS does on any file system: what a case-sensitive one keeps apart
(``windows``, ``Windows``) is one folder here, and several copies of one volume are one tree.
Nothing is changed: folders are listed without touching the time of last access where the system
allows it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import BinaryIO

from msgspec import Struct, field

from ..ntfs import Reference
from ..ntfs.reference import ROOT
from ..reading.opening import Opener, open_quietly, open_regular, open_unnoticed, status_of
from ..reading.streams import Streams, open_stream
from ..reading.walk import join
from ..spelling import fold
from ..windows import files as windows_files
from . import RawNtfs
from .raw_fallback import RawFallbackOpener
from .record_tree import RecordEntry
from .shared_volume import SharedVolume
from .tree import Entry, Facts, How, Kind, Tell, Times, Tree

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_NUMBER = 0xFFFF_FFFF_FFFF_FFFF
_NAME_SURROGATE = 0x2000_0000
_Listed = tuple[str, str, str, Kind | None, os.stat_result | None]
"""Name and stream as the host knew them, path for the system, what it is if that is known, and on
Windows what the folder says of it."""


def _as_it_is(name: str) -> tuple[str, str]:
    return name, ""


class Mounted(Struct, eq=False, dict=True):
    """How the files of one volume are read."""

    by_path: Opener = open_quietly
    raw: RawNtfs | None = None
    """Given, what is refused by its path is read by its record."""
    decoded: Callable[[str], tuple[str, str]] = _as_it_is
    """From a name in a copy to the name that the host knew, and the stream of it if it is one."""
    streams: Streams = field(default_factory=Streams)

    def __post_init__(self) -> None:
        self.volume = None if self.raw is None else SharedVolume(self.raw.open)
        self.opener = RawFallbackOpener(self.by_path, self.raw, volume=self.volume)

    def tree(self, drive: str, *paths: str, view: str = "", shown: tuple[str, ...] = ()) -> Tree:
        """The tree of a volume whose top is at one path, or copied in pieces to several; ``shown``:
        as :class:`Tree`."""
        tops = [windows_files.extended(p) if os.name == "nt" else p for p in paths]
        top = MountedEntry("", tuple(tops), self)
        return Tree(drive, top, view, shown=shown, named=lambda name: self.decoded(name)[0])


class MountedEntry(Struct, eq=False):
    """A file, or a folder, of which a case-sensitive file system may have several."""

    name: str
    paths: tuple[str, ...]
    """For the system."""
    of: Mounted
    stream: str = ""
    """The alternate stream that this is a copy of; empty: it is the file."""
    how: How = "by path"
    _listed_as: Kind | None = None
    """What its folder says that it is, where that is all there is to know."""
    _known: os.stat_result | None = None
    _asked_now: bool = False
    """Whether that is known since just now: it was not opened since."""
    _is_listing: bool = False
    """Whether that is what its folder says: size and times may be those of when it was closed last
    (of a hard link, by this name)."""

    @property
    def _status(self) -> os.stat_result:
        """As it was when it was asked first."""
        if self._known is None:
            self._known, self._asked_now = status_of(self.paths[0]), True
        return self._known

    def kind(self) -> Kind:
        if self.stream:
            return Kind.STREAM
        if self._listed_as is None:
            self._listed_as = _kind_of(self._status)
        return self._listed_as

    def identity(self) -> Hashable:
        if os.name == "nt":  # Numbers are not known without opening each; no way leads back.
            return None
        found = [status_of(path) for path in self.paths]
        return tuple((status.st_dev, status.st_ino) for status in found)

    def entries(self, keep: Callable[[str], bool], tell: Tell) -> Iterator[Entry]:
        folders: dict[str, list[str]] = {}
        names: dict[str, str] = {}
        for path in self.paths:
            try:
                listed = self._listed(path, keep)
            except PermissionError as error:
                inner = self._by_record(path, error)
                yield from inner.entries(keep, tell)
                continue
            for name, stream, place, kind, known in listed:
                if kind is Kind.FOLDER:
                    names.setdefault(fold(name), name)
                    folders.setdefault(fold(name), []).append(place)
                else:
                    yield MountedEntry(
                        name, (place,), self.of, stream,
                        _listed_as=kind, _known=known, _is_listing=known is not None,
                    )  # fmt: skip
        for folded, paths in folders.items():
            yield MountedEntry(names[folded], tuple(paths), self.of)

    def _listed(self, path: str, keep: Callable[[str], bool]) -> list[_Listed]:
        """What is to be kept of one folder. Raises OSError."""
        kept: list[_Listed] = []
        decoded = self.of.decoded
        with _opened(path) as folder, os.scandir(folder) as found:
            for entry in found:
                name, stream = decoded(entry.name)
                if keep(name):
                    kept.append((name, stream, join(path, entry.name), *_told(entry)))
        return kept

    def _by_record(self, path: str, error: PermissionError) -> Entry:
        """The same folder on the raw volume. Raises the error if there is none."""
        volume = self.of.volume
        if volume is None:
            raise error
        try:
            reference = Reference.of(status_of(path).st_ino & _NUMBER)
            found = volume.ask(lambda opened: opened.entry(reference.number))
        except OSError:
            raise error from None
        if reference.number == ROOT:
            return RecordEntry("", Reference(ROOT, 0), ROOT, volume)
        names = [name for name in found.names if fold(name.text) == fold(self.name)]
        is_same = reference.sequence in (0, found.reference.sequence)  # Not all drivers tell it.
        if not (names and found.live and found.folder and is_same):
            raise error
        return RecordEntry(names[0].text, found.reference, names[0].parent.number, volume)

    def facts(self, stream: str = "") -> Facts:
        status = self._status
        born = getattr(status, "st_birthtime_ns", None)
        if born is None and os.name == "nt":
            born = status.st_ctime_ns  # before Python 3.12, on Windows: the time of creation
        size = status.st_size
        if stream and not self.stream:
            named = self.of.streams.names(self.paths[0], status.st_dev)
            size = next((size for name, size in named if name == stream), None) or 0
        if self._is_listing:
            return Facts(size, partial(_times_now, self.paths[0], status))
        return Facts(size, partial(_times, born, status))

    def streams(self) -> list[str]:
        if self.stream:
            return [self.stream]
        device = 0 if os.name == "nt" else status_of(self.paths[0]).st_dev
        return [name for name, _ in self.of.streams.names(self.paths[0], device)]

    def open(self, stream: str = "") -> tuple[BinaryIO, How]:
        if stream and not self.stream:
            return open_stream(self.paths[0], stream), "by path"
        asked_now, self._asked_now = self._asked_now, False
        if asked_now and self.of.by_path is open_quietly and stat.S_ISREG(self._status.st_mode):
            return self.of.opener.open(self.paths[0], open_regular)
        return self.of.opener.open(self.paths[0])


def _told(entry: os.DirEntry[str]) -> tuple[Kind | None, os.stat_result | None]:
    """What a folder tells of what is in it. None: it has to be asked itself."""
    if entry.is_dir(follow_symlinks=False):
        return Kind.FOLDER, None
    if os.name == "nt":  # Each question to a file opens it there.
        known = entry.stat(follow_symlinks=False)
        return _kind_of(known), known
    return (Kind.FILE if entry.is_file(follow_symlinks=False) else None), None


def _kind_of(status: os.stat_result) -> Kind:
    attributes: int = getattr(status, "st_file_attributes", 0)
    tag: int = getattr(status, "st_reparse_tag", 0)
    surrogate = windows_files.is_reparse(attributes) and tag & _NAME_SURROGATE
    if stat.S_ISLNK(status.st_mode) or surrogate:
        return Kind.LINK
    if stat.S_ISDIR(status.st_mode):
        is_far = attributes & windows_files.FILE_ATTRIBUTE_RECALL_ON_OPEN
        return Kind.CLOUD if is_far else Kind.FOLDER
    if windows_files.is_cloud_placeholder(attributes):
        return Kind.CLOUD
    return Kind.FILE if stat.S_ISREG(status.st_mode) else Kind.OTHER


@contextmanager
def _opened(path: str) -> Iterator[str | int]:
    """What a folder can be listed by: on POSIX by its descriptor, so that its access time stays."""
    if os.name == "nt":
        yield path
        return
    number = open_unnoticed(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield number
    finally:
        os.close(number)


def _times_now(path: str, listed: os.stat_result) -> Times:
    """As the file itself tells them, but for the time of last access, which may be ours by now."""
    try:
        status = status_of(path)
    except OSError:
        status = listed
    own = _times(getattr(status, "st_birthtime_ns", status.st_ctime_ns), status)
    return Times(own.created, own.modified, accessed=_time(listed.st_atime_ns))


def _times(born: int | None, status: os.stat_result) -> Times:
    return Times(
        created=None if born is None else _time(born),
        modified=_time(status.st_mtime_ns),
        accessed=_time(status.st_atime_ns),
    )


def _time(nanoseconds: int) -> datetime | None:
    """UTC; None for a time that no calendar holds."""
    try:
        return _EPOCH + timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:
        return None
