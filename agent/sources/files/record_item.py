"""A file of a raw NTFS volume, by its record."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from typing import BinaryIO

from msgspec import Struct, field

from ...formats.filetime import utc_of
from ...formats.zone_identifier import STREAM as ZONE_STREAM
from ...model.objects import File
from ...ntfs import MftEntry, NtfsError, ResolvedPath, Volume
from ...ntfs.overlay import compressed_stream
from ...reading.opening import is_gone, reason_of
from ...targets import RawNtfs
from ...targets.raw_fallback import VerifiedByRecord
from ...targets.record_tree import is_placeholder
from ...targets.shared_volume import SharedVolume
from ...windows import files as windows_files
from .hash_cache import FileState
from .item import DELETED, Opened


class Record(Struct, dict=True):
    """A file or folder by one of its names."""

    volume: Volume
    entry: MftEntry
    prefix: str
    where: Callable[[], ResolvedPath]
    """Asked when the path is to be told; by the thread that scans."""
    name: str
    named: bool
    notes: tuple[str, ...]
    by_path: VerifiedByRecord | None
    """Asked first: what the system still has in memory is not on the disk."""
    readable: bool
    streams_apart: bool
    """Whether its streams are looked at on their own, whatever the look at the file says."""
    volume_id: str | None
    """Given, a later sweep may know the file by its state."""
    raw: RawNtfs
    how: list[str] = field(default_factory=list)

    @cached_property
    def _path(self) -> ResolvedPath:
        return self.where()

    def resolve(self) -> ResolvedPath:
        """Its path; asked for now, if it was not known."""
        return self._path

    @property
    def shown(self) -> str:
        return windows_files.shown(f"{self.prefix}{self._path.text}")

    @property
    def known_place(self) -> str:
        return self.shown if "_path" in self.__dict__ else f"{self.prefix}…\\{self.name}"

    @property
    def state(self) -> FileState | None:
        """Of a live file with one stream, on a volume with a change journal.

        None if its names have several extensions: each calls for a look of its own, and what one
        says stands for no other.
        """
        entry = self.entry
        whole = entry.live and not entry.partial and entry.times is not None
        alone = len(entry.streams) == 1 and not entry.streams[0].name
        if self.volume_id is None or not (whole and alone and entry.usn):
            return None
        if len({name.text.lower().rpartition(".")[1:] for name in entry.long_names}) > 1:
            return None
        assert entry.times is not None
        return FileState(
            self.volume_id,
            entry.number,
            entry.reference.sequence,
            entry.size or 0,
            entry.usn,
            entry.times.changed,
        )

    @property
    def seen(self) -> str:
        return "file" if self.entry.live else DELETED

    @property
    def given(self) -> bool:
        return False

    @property
    def remarks(self) -> tuple[str, ...]:
        of_path = (self._path.note,) if self._path.note else ()
        return tuple(dict.fromkeys((*self.notes, *of_path, *self.how)))

    def about(self) -> File:
        entry, times = self.entry, self.entry.times
        return File(
            path=self.shown,
            name=self.name,
            size=None if entry.folder else entry.size,
            created=utc_of(times.created) if times else None,
            mtime=utc_of(times.modified) if times else None,
            accessed=utc_of(times.accessed) if times else None,
            inode=f"{entry.number}-{entry.reference.sequence}",
        )

    def open(self) -> Opened:
        file = self._open("")
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        return Opened(file, size, self.about)

    def again(self) -> Callable[[], BinaryIO]:
        number, shared = self.entry.number, SharedVolume(self.raw.open)
        return lambda: shared.open(lambda volume: volume.open_stream(number))

    def streams(self) -> list[tuple[str, int | None]]:
        return [
            (stream.name, stream.size)
            for stream in self.entry.streams
            if stream.name
            and stream is not compressed_stream(self.entry)
            and (not self.streams_apart or stream.name.casefold() == ZONE_STREAM.casefold())
        ]

    def open_stream(self, name: str) -> BinaryIO:
        return self._open(name)

    def _open(self, stream: str) -> BinaryIO:
        if not stream and is_placeholder(self.entry):
            raise windows_files.CloudPlaceholder("cloud placeholder", self.name)
        why: OSError | None = None
        if self.by_path is not None and self.entry.live:
            shown = f"{self.shown}:{stream}" if stream else self.shown
            try:
                return self.by_path(windows_files.extended(shown), self.entry.reference)
            except windows_files.CloudPlaceholder:
                raise
            except OSError as error:
                why = error.with_traceback(None)  # or both would keep each other
        try:
            file = self.volume.open_stream(self.entry, stream)
        except NtfsError:
            # "Not found" is no excuse for a file that the disk still shows.
            if why is not None and not is_gone(why):
                raise why from None
            raise
        if why is not None:
            self.how.append(f"read from the raw volume: {reason_of(why)}")
        return file
