"""An NTFS volume as folders and files, read from its bytes: an image, or a volume in use below its
file system.

Folders are listed by their indexes (:mod:`agent.ntfs.index`). Each name is taken for the file whose
record says so too: an index may be older than the record that it names.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from functools import partial
from typing import BinaryIO

from msgspec import Struct

from ..formats.filetime import utc_of
from ..ntfs import FolderEntry, MftEntry, NtfsError, Reference, Volume, list_folder
from ..ntfs.entry import Times as RecordedTimes
from ..ntfs.reference import ROOT
from ..windows import files as windows_files
from .shared_volume import SharedVolume
from .tree import Entry, Facts, How, Kind, Tell, Times, Tree

_CLOUD, _CLOUD_NUMBER = 0x9000_001A, 0xF000
"""IO_REPARSE_TAG_CLOUD, and the bits that tell its sixteen forms apart."""
_USED_AGAIN = "its record was used again since its folder was listed"


def is_placeholder(entry: MftEntry) -> bool:
    """Whether its content, or a part of it, lies in a cloud ([MS-FSCC] 2.1.2.1)."""
    stream = entry.stream()
    return windows_files.is_cloud_placeholder(entry.attributes) or (
        entry.reparse_tag & ~_CLOUD_NUMBER == _CLOUD and stream is not None and stream.has_holes
    )


class RecordEntry(Struct, eq=False):
    """A file or folder by its record."""

    name: str
    reference: Reference
    folder: int
    """Number of the record of the folder that it was listed in."""
    volume: SharedVolume
    how: How = "by record"
    _known: MftEntry | None = None
    _kind: Kind | None = None

    def kind(self) -> Kind:
        if self._kind is None:
            self._kind = self._kind_of(self._asked())
        return self._kind

    @staticmethod
    def _kind_of(entry: MftEntry) -> Kind:
        if entry.is_link:
            return Kind.LINK
        if is_placeholder(entry):
            return Kind.CLOUD
        return Kind.FOLDER if entry.folder else Kind.FILE

    def identity(self) -> Hashable:
        return self.reference.number

    def entries(self, keep: Callable[[str], bool], tell: Tell) -> Iterator[Entry]:
        problems: list[str] = []

        def wanted(name: str) -> bool:
            return name != "." and keep(name)

        def listed(volume: Volume) -> list[FolderEntry]:
            return list(list_folder(volume, self.reference.number, wanted, problems))

        found = self.volume.ask(listed)
        for problem in problems:
            tell(problem)
        return (
            RecordEntry(one.name, one.reference, self.reference.number, self.volume)
            for one in found
        )

    def facts(self, stream: str = "") -> Facts:
        entry = self._asked()
        found = entry.stream(stream)
        size = 0 if found is None else found.size
        return Facts(size) if entry.times is None else Facts(size, partial(_times, entry.times))

    def streams(self) -> list[str]:
        return [stream.name for stream in self._asked().streams if stream.name]

    def open(self, stream: str = "") -> tuple[BinaryIO, How]:
        def find(volume: Volume) -> BinaryIO:
            entry = self._known if self.volume.at_rest else None
            return volume.open_stream(entry or self._entry(volume), stream)

        return self.volume.open(find), self.how

    def _asked(self) -> MftEntry:
        if self._known is None:
            self._known = self.volume.ask(self._entry)
        return self._known

    def _entry(self, volume: Volume) -> MftEntry:
        entry = volume.entry(self.reference.number)
        is_root = self.reference.number == ROOT
        is_same = self.reference.sequence in (0, entry.reference.sequence)
        if not is_root and not (entry.live and is_same and self._has_name(entry)):
            raise NtfsError(_USED_AGAIN, self.name)
        return entry

    def _has_name(self, entry: MftEntry) -> bool:
        return any(
            name.text == self.name and name.parent.number == self.folder for name in entry.names
        )


def _times(told: RecordedTimes) -> Times:
    return Times(utc_of(told.created), utc_of(told.modified), utc_of(told.accessed))


def record_tree(volume: SharedVolume, drive: str) -> Tree:
    r"""The tree of a whole volume; ``drive``: ``C:``."""
    top = RecordEntry("", Reference(ROOT, 0), ROOT, volume)
    return Tree(drive, top, opened=volume.opened)
