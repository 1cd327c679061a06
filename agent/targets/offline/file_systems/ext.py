"""ext2, ext3 and ext4, by libfsext: volumes of Linux, and of what else a host ran beside Windows.

libfsext 20260821 reads folders and files of these as Linux does, but it does not replay the
journal, and gives other bytes than there are where small files lie in their inodes (inline_data),
without a word for either: the first is a gap, volumes of the second sort are not read, nor such as
have a feature that nobody has compared. Deleted files are not looked for.
"""

from __future__ import annotations

import stat
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

from ....formats import FormatError
from ....formats.ext import read_ext
from ....ntfs import ByteSource, NtfsError
from ....reading.opening import reason_of
from ...tree import Kind, Tell, Times
from ..libyal_file import LibyalFile
from . import Content, Item
from .fat import CUT_SHORT

NO_LIBRARY = "ext volume: libfsext-python is not installed (extra: offline)"
NOT_REPLAYED = "what its journal holds was not replayed: what was written last may be missing"
TOO_SHORT = "image ends early, without a copy of its superblock: nothing of it is read"
ENCRYPTED = "folders may be encrypted, their names and files then are not read"
NOT_READ = "with {}, which is not read"
DELETED = "deleted files: not looked for"
_COMPARED = frozenset(
    {
        "filetype", "needs_recovery", "meta_bg", "extents", "64bit", "flex_bg", "encrypt",
        "metadata_csum_seed", "casefold", "mmp",
    }
)  # fmt: skip
"""Features whose volumes libfsext reads as Linux does, or that change nothing for a reader."""
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_KINDS = {stat.S_IFDIR: Kind.FOLDER, stat.S_IFREG: Kind.FILE, stat.S_IFLNK: Kind.LINK}
_DAMAGED = "damaged, or of a form that libfsext does not read"


class ExtVolume:
    """One volume."""

    notes = (DELETED,)

    def __init__(self, source: ByteSource) -> None:
        """Raises FormatError, OSError."""
        said = read_ext(source.read_at)
        other = [name for name in said.features if name not in _COMPARED]
        if other:
            raise FormatError(NOT_READ.format(", ".join(other)))
        gaps = {
            NOT_REPLAYED: "needs_recovery" in said.features,
            ENCRYPTED: "encrypt" in said.features,
            CUT_SHORT: source.size < said.size,
        }
        self.gaps = {why: 1 for why, is_so in gaps.items() if is_so}
        self.identity = f"ext:{said.uuid}"
        try:
            import pyfsext
        except ImportError:
            raise NtfsError(NO_LIBRARY) from None
        self._lock = threading.RLock()
        self._file = LibyalFile(source, max(source.size, said.size))
        self._volume: Any = pyfsext.volume()
        try:
            self._ask(lambda: self._volume.open_file_object(self._file))
        except FormatError:
            if source.size < said.size:
                raise FormatError(TOO_SHORT) from None
            raise
        root = self._ask(lambda: self._volume.root_directory.inode_number)
        self.top = Item("", Kind.FOLDER, root, identity=root)

    def entries(self, folder: Item, tell: Tell) -> Iterator[Item]:
        """As :class:`FileSystem`."""
        with self._lock:
            entry = self._entry(folder.place)
            count = self._ask(lambda: int(entry.number_of_sub_file_entries))
        for number in range(count):
            try:
                yield self._ask(partial(_item, entry, number))
            except FormatError as error:
                tell(f"entry of a folder: {error.what}")
            except OSError as error:
                tell(f"entry of a folder: {reason_of(error)}")

    def content(self, place: int) -> Content:
        """As :class:`FileSystem`."""
        entry = self._entry(place)
        size = self._ask(lambda: int(entry.size))

        def read(offset: int, length: int) -> bytes:
            data: bytes = self._ask(lambda: entry.read_buffer_at_offset(length, offset))
            return data

        return Content(read, size, size)

    def _entry(self, inode: int) -> Any:
        return self._ask(lambda: self._volume.get_file_entry_by_inode(inode))

    def _ask(self, question: Callable[[], Any]) -> Any:
        """The library is for one thread at a time. Raises FormatError, OSError."""
        with self._lock:
            self._file.failed = None
            try:
                return question()
            except (OSError, ValueError, OverflowError, MemoryError):
                if self._file.failed is not None:
                    raise self._file.failed from None
                raise FormatError(_DAMAGED) from None


def _item(folder: Any, number: int) -> Item:
    entry = folder.get_sub_file_entry(number)
    kind = _KINDS.get(stat.S_IFMT(entry.file_mode), Kind.OTHER)
    inode, name = int(entry.inode_number), str(entry.name)
    if kind is Kind.FOLDER:
        return Item(name, kind, inode, 0, identity=inode)
    ticks = (
        entry.get_creation_time_as_integer(),
        entry.get_modification_time_as_integer(),
        entry.get_access_time_as_integer(),
    )
    size = int(entry.size) if kind is Kind.FILE else 0
    return Item(name, kind, inode, size, partial(_times, *ticks))


def _times(created: int | None, modified: int | None, accessed: int | None) -> Times:
    return Times(_time(created), _time(modified), _time(accessed))


def _time(nanoseconds: int | None) -> datetime | None:
    """UTC; from nanoseconds since 1970, None or 0 for a time that is not kept."""
    if not nanoseconds:
        return None
    try:
        return _EPOCH + timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:
        return None


def read(source: ByteSource, number: int) -> ExtVolume:  # noqa: ARG001 - there is one in it
    """Raises FormatError, OSError."""
    return ExtVolume(source)
