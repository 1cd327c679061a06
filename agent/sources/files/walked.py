"""Files that a walk finds, folder by folder."""

from __future__ import annotations

import functools
import io
import os
import stat
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import BinaryIO

from msgspec import Struct, field

from ...model.objects import File
from ...model.observation import Observation
from ...reading.opening import Opener, open_quietly, status_of
from ...reading.streams import Streams, open_stream
from ...reading.walk import Folder
from ...windows import files as windows_files
from .file_inspection import FileLook
from .hash_cache import FileState
from .item import Opened

_NAME_KINDS = ("file_name", "file_path")

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class _Walked(Struct):
    """A directory entry that is looked at; not frozen, which would cost a microsecond for each."""

    path: str
    """For the system."""
    shown: str
    name: str
    device: int
    named: bool
    open_file: Opener
    seen_streams: Streams
    status: os.stat_result | None = None
    seen: str = "file"
    remarks: tuple[str, ...] = ()
    state: FileState | None = None
    """Not available from a directory walk."""
    given: bool = False

    @property
    def known_place(self) -> str:
        return self.shown

    def about(self) -> File:
        if self.status is None:
            return File(path=self.shown, name=self.name)
        return _file_of(self.shown, self.name, self.status)

    def open(self) -> Opened:
        file = self.open_file(self.path)
        try:
            status = self._status(file)
        except OSError:
            file.close()
            raise
        about = functools.partial(_file_of, self.shown, self.name, status)
        return Opened(file, status.st_size, about)

    def again(self) -> Callable[[], BinaryIO]:
        return functools.partial(open_quietly, self.path)

    def _status(self, file: BinaryIO) -> os.stat_result:
        try:
            return os.fstat(file.fileno())
        except io.UnsupportedOperation:
            # Opened by its record: what the system says of the path is said of the same file.
            return status_of(self.path)

    def streams(self) -> list[tuple[str, int | None]]:
        return self.seen_streams.names(self.path, self.device)

    def open_stream(self, name: str) -> BinaryIO:
        return open_stream(self.path, name)


class WalkedFolders(Struct):
    """What a walk lists, looked at."""

    look: FileLook
    open_file: Opener
    streams: Streams = field(default_factory=Streams)

    def at_folder(self, folder: Folder) -> Iterator[Observation]:
        """All that may match in one folder, itself left out but for its streams."""
        look = self.look
        wanted = dict.fromkeys(look.matcher.selector.matching_names(folder.names))
        count = len(folder.names)
        look.ledger.examined += count
        for kind in _NAME_KINDS:
            look.matcher.accounts.compared(kind, count=count - len(wanted))
        for name in wanted:
            yield from self._wanted(folder, name)
        for name, size in folder.selected:
            if name not in wanted:
                item = self._item(folder, folder.child(name), name)
                yield from look.selected(item, size)
        if folder.is_one_file:
            return
        own = self._item(folder, folder.path, "")
        for stream, size_or_none in look.streams(own):
            yield from look.stream(own, stream, size_or_none)

    def at_streams(self, folder: Folder, name: str) -> Iterator[Observation]:
        """The alternate streams of one file, whether or not it is looked at itself."""
        item = self._item(folder, folder.child(name), name)
        if self.look.is_own(item.shown):
            return
        for stream, size in self.look.streams(item):
            yield from self.look.stream(item, stream, size)

    def _item(
        self,
        folder: Folder,
        path: str,
        name: str,
        *,
        named: bool = False,
        status: os.stat_result | None = None,
    ) -> _Walked:
        return _Walked(
            path,
            windows_files.shown(path),
            name,
            folder.device if status is None else status.st_dev,
            named,
            self.open_file,
            self.streams,
            status,
            given=folder.is_one_file,
        )

    def _wanted(self, folder: Folder, name: str) -> Iterator[Observation]:
        look, path = self.look, folder.child(name)
        item = self._item(folder, path, name, named=True)
        if look.is_own(item.shown):
            return
        try:
            status = status_of(path)
        except OSError as error:
            look.missed(error, item.shown)
            yield look.name_only(item)
            return
        item = self._item(folder, path, name, named=True, status=status)
        if stat.S_ISDIR(status.st_mode):
            yield look.name_only(item, "directory")
        elif stat.S_ISREG(status.st_mode):
            yield from look.file(
                item,
                look.matcher.selector.file_indicators(name, status.st_size, named=True),
                status.st_size,
            )
        else:
            yield look.name_only(self._item(folder, path, name, named=True))


def _file_of(shown: str, name: str, status: os.stat_result) -> File:
    born = getattr(status, "st_birthtime_ns", None)
    if born is None and os.name == "nt":
        born = status.st_ctime_ns  # before Python 3.12, on Windows: the time of creation
    return File(
        path=shown,
        name=name,
        size=status.st_size if stat.S_ISREG(status.st_mode) else None,
        created=None if born is None else _time(born),
        mtime=_time(status.st_mtime_ns),
        accessed=_time(status.st_atime_ns),
        inode=_inode(status.st_ino),
    )


def _inode(number: int) -> str:
    """On Windows the file's reference, 48 bits of number and 16 of sequence."""
    if os.name == "nt":
        return f"{number & (1 << 48) - 1}-{number >> 48 & 0xFFFF}"
    return str(number) if number else ""


def _time(nanoseconds: int) -> datetime | None:
    """UTC; None for a time that no calendar holds."""
    try:
        return _EPOCH + timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:
        return None
