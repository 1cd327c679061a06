"""Files: their names, and what they are where name, size or extension make that worth knowing.

Every name in every folder is compared, folders, links and devices included. A file is opened, once,
if its name is wanted, or if its size or extension passes a gate of an indicator; everything else is
told apart without opening it. Alternate data streams are seen on Windows, and on NTFS mounted by
ntfs-3g: of every folder, and of the files that are looked at (``--thorough``: of all).

Cannot tell: deleted files, and what a file system driver hides. Since any Windows.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from ..chains import file_key
from ..coverage import Ledger
from ..file_facts import Facts, FileReader, Limits
from ..formats.zip_archive import looks_like_zip
from ..formats.zone_identifier import MAX_ZONE_BYTES, STREAM, owner_of, read_zone
from ..indicators import FileIndicator
from ..matching import Matcher
from ..model import ByteHit, File, Observation, Url
from ..own_mentions import without_own
from ..reading import Opener, is_gone, open_quietly, read_up_to, reason_of, status_of
from ..streams import Streams, open_stream
from ..targets import Target
from ..walk import Folder, Selection, Walk
from ..windows import files as windows_files
from .archive_members import ArchiveMembers

DEFAULT_MAX_FILE_SIZE = 64 << 20
_NAME_KINDS = ("file_name", "file_path")
_ARCHIVE = ".zip"
_ZONE = ".identifier"
"""The extension of a zone identifier that a copy made a file of its own."""
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class FilesSource:
    """Walks the target's trees."""

    name = "files"

    def __init__(
        self,
        max_file_size: int = DEFAULT_MAX_FILE_SIZE,
        *,
        open_file: Opener = open_quietly,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        """``progress`` is told the place of each folder, file and archive member before it is
        looked at, and may raise to end the walk."""
        self._limits = Limits(max_file_size)
        self._open_file = open_file
        self._progress = progress

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
        look = _Look(
            target=target,
            matcher=matcher,
            ledger=ledger,
            limits=self._limits,
            open_file=self._open_file,
            selection=Selection(
                exact_sizes=matcher.exact_sizes,
                least_size=0 if everything else matcher.least_min_size,
                extensions=matcher.extensions | {_ARCHIVE, _ZONE},
            ),
            everything=everything,
            progress=self._progress or _nobody,
        )
        walk = Walk(look.selection, ledger, target.boundaries)
        for folder in walk.folders(root.path for root in roots):
            look.progress(folder.path)
            yield from look.at_folder(folder)


@dataclass(frozen=True)
class _Found:
    """A directory entry that is looked at."""

    path: str
    """For the system."""
    shown: str
    """For a person."""
    name: str
    size: int
    device: int
    named: bool


@dataclass
class _Look:
    """One sweep's looking at files."""

    target: Target
    matcher: Matcher
    ledger: Ledger
    limits: Limits
    open_file: Opener
    selection: Selection
    everything: bool
    progress: Callable[[str], None]
    streams: Streams = field(default_factory=Streams)
    reader: FileReader = field(init=False)
    archives: ArchiveMembers = field(init=False)

    def __post_init__(self) -> None:
        self.reader = FileReader(self.matcher, self.limits)
        self.archives = ArchiveMembers(
            source=FilesSource.name,
            matcher=self.matcher,
            ledger=self.ledger,
            reader=self.reader,
            own=self.target.own,
            everything=self.everything,
            progress=self.progress,
        )

    def at_folder(self, folder: Folder) -> Iterator[Observation]:
        """All that may match in one folder, itself left out but for its streams."""
        wanted = self.matcher.wanted_names(folder.names)
        count = len(folder.names)
        self.ledger.examined += count
        for kind in _NAME_KINDS:
            self.matcher.compared(kind, count - len(wanted))
        for name in wanted:
            yield from self._wanted(folder, name)
        for name, size in folder.selected:
            if not wanted or name not in wanted:
                yield from self._selected(folder, name, size)
        shown = windows_files.shown(folder.path)
        for stream, size_or_none in self._streams(folder.path, shown, folder.device):
            found = _Found(
                folder.path, shown, stream, size_or_none or 0, folder.device, named=False
            )
            yield from self._stream(found, size_or_none)

    # A file with a wanted name.

    def _wanted(self, folder: Folder, name: str) -> Iterator[Observation]:
        path = folder.child(name)
        shown = windows_files.shown(path)
        if self.target.own.has_file(shown):
            self.ledger.own += 1
            return
        try:
            status = status_of(path)
        except OSError as error:
            self._missed(error, shown)
            yield _name_only(shown, name)
            return
        if stat.S_ISDIR(status.st_mode):
            yield _name_only(shown, name, seen="directory", status=status)
        elif stat.S_ISREG(status.st_mode):
            size = status.st_size
            found = _Found(path, shown, name, size, status.st_dev, named=True)
            indicators = self.matcher.file_indicators(name, size, named=True)
            yield from self._file(found, indicators, status)
        else:
            yield _name_only(shown, name)

    # A file singled out by size or extension.

    def _selected(self, folder: Folder, name: str, size: int) -> Iterator[Observation]:
        if not size and not self.everything:
            return
        indicators = self.matcher.file_indicators(name, size, named=False)
        if not (indicators or self.everything or name.lower().endswith((_ARCHIVE, _ZONE))):
            return
        path = folder.child(name)
        shown = windows_files.shown(path)
        if self.target.own.has_file(shown):
            self.ledger.own += 1
            return
        found = _Found(path, shown, name, size, folder.device, named=False)
        if owner := owner_of(name):
            yield from self._zone_file(found, owner)
        else:
            yield from self._file(found, indicators, None)

    def _zone_file(self, found: _Found, owner: str) -> Iterator[Observation]:
        try:
            with self.open_file(found.path) as file:
                urls = read_zone(read_up_to(file, MAX_ZONE_BYTES)).urls
        except OSError as error:
            self._missed(error, found.shown)
            return
        told = found.shown[: len(found.shown) - len(found.name)] + owner
        yield from _zone_observations(File(path=told, name=owner), urls, found.shown)

    # Any file that is opened.

    def _file(
        self,
        found: _Found,
        indicators: tuple[FileIndicator, ...],
        status: os.stat_result | None,
    ) -> Iterator[Observation]:
        self.progress(found.shown)
        try:
            with self.open_file(found.path) as file:
                status = os.fstat(file.fileno())
                facts = self.reader.look(file, status.st_size, indicators, named=found.named)
                yield from self._facts(found, status, facts)
                if self._is_archive(found, facts):
                    yield from self.archives.observe(file, status.st_size, found.shown)
        except OSError as error:
            self._missed(error, found.shown)
            if found.named:
                yield _name_only(found.shown, found.name, status=status)

    def _is_archive(self, found: _Found, facts: Facts) -> bool:
        if found.name[-4:].lower() == _ARCHIVE:
            return bool(facts.head)
        return (found.named or self.everything) and looks_like_zip(facts.head)

    def _facts(self, found: _Found, status: os.stat_result, facts: Facts) -> Iterator[Observation]:
        self._account(found.shown, facts)
        others: list[tuple[str, int | None]] = []
        urls: tuple[str, ...] = ()
        if found.named or self.everything or facts.opened_for or self._is_archive(found, facts):
            others = self._streams(found.path, found.shown, found.device)
            urls = self._zone(found, others)
        if not (found.named or facts.says_something or facts.contents or others):
            return
        file = _file_of(found.shown, found.name, status)
        file.hash, file.pe, file.lnk, file.zone_url = facts.hash, facts.pe, facts.lnk, list(urls)
        if found.named or facts.says_something:
            yield _observation(found.shown, "file", file, hits=tuple(facts.proofs))
        yield from _zone_observations(file, urls, found.shown)
        yield from self._mentions(found.shown, file, facts)
        for stream, size in others:
            yield from self._stream(found, size, stream)

    def _account(self, place: str, facts: Facts) -> None:
        self.ledger.bytes += facts.bytes_read
        for reason in facts.unread:
            self.ledger.unread(reason, place)
        for indicator in facts.compared:
            self.matcher.tested(indicator)

    def _mentions(self, place: str, file: File, facts: Facts) -> Iterator[Observation]:
        if not facts.contents:
            return
        hits = without_own(
            facts.contents,
            facts.data,
            name=file.stream or file.name,
            whole=not facts.unread,
            in_own_folder=self.target.own.has_folder_of(file.path),
            matcher=self.matcher,
        )
        if len(hits) < len(facts.contents):
            self.ledger.own += 1
        if not hits:
            return
        about = File(path=file.path, name=file.name, size=file.size, mtime=file.mtime)
        yield _observation(place, "content", about, hits=tuple(hits), mention=True)

    # Streams.

    def _streams(self, path: str, shown: str, device: int) -> list[tuple[str, int | None]]:
        try:
            return self.streams.names(path, device)
        except OSError as error:
            if is_gone(error):
                self.ledger.note("vanished during the sweep", shown)
                return []
            self.ledger.unread(f"alternate data streams: {reason_of(error)}", shown)
            kept: list[tuple[str, int | None]] = getattr(error, "kept", [])
            return kept

    def _zone(self, found: _Found, streams: list[tuple[str, int | None]]) -> tuple[str, ...]:
        if not any(name.casefold() == STREAM.casefold() for name, _ in streams):
            return ()
        try:
            with open_stream(found.path, STREAM) as stream:
                return read_zone(read_up_to(stream, MAX_ZONE_BYTES)).urls
        except OSError as error:
            self._missed(error, f"{found.shown}:{STREAM}")
            return ()

    def _stream(
        self, found: _Found, size: int | None, stream: str | None = None
    ) -> Iterator[Observation]:
        """One stream of a file or folder, by its name and, if that calls for it, by its content."""
        name = found.name if stream is None else stream
        if name.casefold() == STREAM.casefold():
            return
        place = f"{found.shown}:{name}"
        self.ledger.examined += 1
        named = bool(self.matcher.wanted_names([name]))
        file = File(path=found.shown, name=name, size=size, stream=name)
        indicators = self.matcher.file_indicators(name, size, named=named)
        if not (named or indicators or self.everything):
            return
        try:
            with open_stream(found.path, name) as content:
                length = content.seek(0, os.SEEK_END)
                facts = self.reader.look(content, length, indicators, named=named)
        except OSError as error:
            self._missed(error, place)
            if named:
                yield _observation(place, "alternate data stream", file)
            return
        self._account(place, facts)
        file.size, file.hash, file.pe, file.lnk = length, facts.hash, facts.pe, facts.lnk
        if named or facts.says_something:
            yield _observation(place, "alternate data stream", file, hits=tuple(facts.proofs))
        yield from self._mentions(place, file, facts)

    def _missed(self, error: OSError, shown: str) -> None:
        if is_gone(error):
            self.ledger.note("vanished during the sweep", shown)
        elif _in_use(error) and not self.everything and self.target.held.has(shown):
            self.ledger.note("kept open by Windows itself: name and size were compared", shown)
        else:
            self.ledger.unread(reason_of(error), shown)


def _nobody(place: str) -> None:
    """Is told how the walk goes."""


def _in_use(error: OSError) -> bool:
    """ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION."""
    return getattr(error, "winerror", None) in (32, 33)


def _observation(
    place: str, seen: str, file: File, *, hits: tuple[ByteHit, ...] = (), mention: bool = False
) -> Observation:
    keys = (file_key(place),) if place == file.path else (file_key(place), file_key(file.path))
    return Observation(
        source=FilesSource.name,
        seen=seen,
        place=place,
        keys=keys,
        time=file.created or file.mtime,
        file=file,
        hits=hits,
        mention=mention,
    )


def _name_only(
    shown: str, name: str, *, seen: str = "file name", status: os.stat_result | None = None
) -> Observation:
    file = File(path=shown, name=name) if status is None else _file_of(shown, name, status)
    return _observation(shown, seen, file)


def _zone_observations(file: File, urls: tuple[str, ...], place: str) -> Iterator[Observation]:
    """One for each address that the file is said to have come from."""
    for url in urls:
        yield Observation(
            source=FilesSource.name,
            seen="zone identifier",
            place=place,
            keys=(file_key(file.path),),
            file=File(path=file.path, name=file.name, zone_url=list(urls)),
            url=Url(full=url),
        )


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
