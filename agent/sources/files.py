"""Files: their names, and what they are where name, size or extension make that worth knowing.

The best engine per volume: of a raw NTFS volume the $MFT is scanned (``ntfs_files.py``), everything
else is walked. Of a walk: every name in every folder is compared, folders, links and devices
included. A file is opened, once, if its name is wanted, or if its size or extension passes a gate
of an indicator; everything else is told apart without opening it. Alternate data streams are seen
on Windows, and on NTFS mounted by ntfs-3g: of every folder, and of the files that are looked at
(``--thorough``: of all).

A walk cannot tell: deleted files, and what a file system driver hides. Since any Windows.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import BinaryIO

from ..coverage import Ledger
from ..file_facts import Limits
from ..hash_cache import FileState, HashCache
from ..matching import Matcher
from ..model import File, Observation
from ..ntfs import Unread, Volume
from ..reading import Opener, open_quietly, reason_of, status_of
from ..streams import Streams, open_stream
from ..targets import RawNtfs, Root, Target
from ..walk import Folder, Selection, Walk
from ..windows import files as windows_files
from .looking import ARCHIVE, SOURCE, ZONE, FileLook, Opened
from .ntfs_files import NtfsFiles
from .two_views import TwoViews

DEFAULT_MAX_FILE_SIZE = 64 << 20
_NAME_KINDS = ("file_name", "file_path")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class FilesSource:
    """Walks the target's trees, or scans the $MFT of its volumes."""

    name = SOURCE

    def __init__(
        self,
        max_file_size: int = DEFAULT_MAX_FILE_SIZE,
        *,
        open_file: Opener = open_quietly,
        progress: Callable[[str], None] | None = None,
        verify_walk: bool = False,
        cache: HashCache | None = None,
    ) -> None:
        """``verify_walk``: volumes that are read by their records are walked too, and the two views
        compared. ``cache``: of such volumes; a walk does not tell what changed.

        ``progress`` is told the place of each folder, file and archive member before it is
        looked at, and may raise to end the walk."""
        self._limits = Limits(max_file_size)
        self._open_file = open_file
        self._progress = progress
        self._verify_walk = verify_walk
        self._cache = cache

    def required(self, target: Target) -> bool:  # noqa: ARG002 - the protocol's
        """Always: of every target the files are what is swept."""
        return True

    def observe(self, target: Target, matcher: Matcher, ledger: Ledger) -> Iterator[Observation]:
        """As :class:`~agent.sources.Source`: all roots of the target, each folder once."""
        roots, skipped = target.roots()
        for volume in skipped:
            (ledger.unread if volume.gap else ledger.note)(volume.reason, volume.path)
        if not roots:
            ledger.unavailable("no volume to walk")
        everything = matcher.thorough or matcher.has_user_rules
        selection = Selection(
            exact_sizes=matcher.exact_sizes,
            least_size=0 if everything else matcher.least_min_size,
            extensions=matcher.extensions | {ARCHIVE, ZONE},
        )
        look = FileLook(
            target=target,
            matcher=matcher,
            ledger=ledger,
            limits=self._limits,
            progress=self._progress or _nobody,
            everything=everything,
            cache=self._cache,
        )
        walked = _WalkedFolders(look, self._open_file)
        walk = Walk(selection, ledger, target.boundaries)
        for root in roots:
            why, views = root.why_walked, None
            if root.raw is not None:
                scanned = _Scanned(look, selection, root, root.raw, self._open_file)
                yield from scanned.observe()
                if scanned.is_enough and not (self._verify_walk and root.mounted):
                    continue
                why = "--verify-walk"
                if scanned.is_enough:
                    views = TwoViews(root, root.raw, ledger)
                    views.list_records()
                else:
                    why = "what of its $MFT cannot be read is"
            if why:
                ledger.note(f"walked: {why}", root.path)
            with look.reading():
                for folder in walk.folders([root.path]):
                    look.progress(folder.path)
                    if views is not None:
                        views.walked(folder)
                    yield from walked.at_folder(folder)
                yield from look.rest()
            if views is not None:
                views.tell()


@dataclass
class _Scanned:
    """One volume by its $MFT. Gaps in what is mounted too are left for a walk to fill."""

    look: FileLook
    selection: Selection
    root: Root
    raw: RawNtfs
    open_file: Opener
    account: Unread = field(default_factory=Unread)

    @property
    def is_enough(self) -> bool:
        """Whether the volume was seen whole, or there is no other way to see it."""
        return not (self.root.mounted and self.account.gaps)

    def observe(self) -> Iterator[Observation]:
        ledger, root = self.look.ledger, self.root
        self.look.progress(root.path)
        try:
            with closing(self.raw.open()) as source, self.look.reading():
                volume = Volume(source, self.account)
                by_path = self.open_file if root.mounted else None
                files = NtfsFiles(self.look, volume, self.raw.prefix, self.selection, by_path)
                yield from files.observe()
                yield from self.look.rest()
        except OSError as error:
            self.account.unread(f"NTFS: {reason_of(error)}", root.path)
        finally:
            tell = ledger.note if root.mounted else ledger.unread
            for reason, count in self.account.gaps.items():
                tell(reason, self.account.samples[reason] or root.path, count)
            for reason, count in self.account.notes.items():
                ledger.note(reason, self.account.samples[reason], count)
        if self.is_enough and root.mounted:
            ledger.note("read by its $MFT", root.path)


@dataclass(frozen=True)
class _Walked:
    """A directory entry that is looked at."""

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
    """A walk does not tell it."""

    def about(self) -> File:
        if self.status is None:
            return File(path=self.shown, name=self.name)
        return _file_of(self.shown, self.name, self.status)

    def open(self) -> Opened:
        file = self.open_file(self.path)
        try:
            status = os.fstat(file.fileno())
        except OSError:
            file.close()
            raise
        return Opened(file, status.st_size, _file_of(self.shown, self.name, status))

    def streams(self) -> list[tuple[str, int | None]]:
        return self.seen_streams.names(self.path, self.device)

    def open_stream(self, name: str) -> BinaryIO:
        return open_stream(self.path, name)


@dataclass
class _WalkedFolders:
    """What a walk lists, looked at."""

    look: FileLook
    open_file: Opener
    streams: Streams = field(default_factory=Streams)

    def at_folder(self, folder: Folder) -> Iterator[Observation]:
        """All that may match in one folder, itself left out but for its streams."""
        look = self.look
        wanted = look.matcher.wanted_names(folder.names)
        count = len(folder.names)
        look.ledger.examined += count
        for kind in _NAME_KINDS:
            look.matcher.compared(kind, count - len(wanted))
        for name in wanted:
            yield from self._wanted(folder, name)
        for name, size in folder.selected:
            if not wanted or name not in wanted:
                item = self._item(folder, folder.child(name), name)
                yield from look.selected(item, size)
        own = self._item(folder, folder.path, "")
        for stream, size_or_none in look.streams(own):
            yield from look.stream(own, stream, size_or_none)

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
                look.matcher.file_indicators(name, status.st_size, named=True),
                status.st_size,
            )
        else:
            yield look.name_only(self._item(folder, path, name, named=True))


def _nobody(place: str) -> None:
    """Is told how the walk goes."""


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
    )


def _time(nanoseconds: int) -> datetime | None:
    """UTC; None for a time that no calendar holds."""
    try:
        return _EPOCH + timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:
        return None
