r"""The files of a host in which evidence lies, found by patterns and opened one by one.

The same for a running host, a folder, an image or a collection: each is a number of
:class:`~agent.targets.tree.Tree`, and one Windows that lies in them. What cannot be listed or
opened is a gap; what is not there is nothing. Links are not followed: what they stand for has a
path of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from functools import cached_property
from typing import BinaryIO

from msgspec import Struct, field

from ..coverage import Ledger
from ..reading.opening import MAX_PATH_LENGTH, NotRegularError, is_gone, reason_of
from ..spelling import base_name, fold
from ..windows.files import CloudPlaceholder
from . import SkippedVolume
from .installation import (
    EVENT_LOGS,
    NO_WINDOWS,
    PROFILE,
    PROFILE_FOLDERS,
    RECYCLE_BINS,
    VOLUME,
    Installation,
    Listed,
    installation,
    profile_folders,
    profiles_in,
)
from .other_windows import other_windows
from .path_patterns import PathMatcher, PathPattern, Steps, below, wants_stream
from .tree import Entry, Facts, How, Kind, Times, Tree, child

LINK = "link not followed"
CLOUD_FOLDER = "cloud folder, not recalled"
_IN_CLOUD = reason_of(CloudPlaceholder())
OLD_NAMES = frozenset(
    {
        "ALL USERS",
        "APPLICATION DATA",
        "COOKIES",
        "DEFAULT USER",
        "DOCUMENTS AND SETTINGS",
        "HISTORY",
        "LOCAL SETTINGS",
        "MY DOCUMENTS",
        "MY MUSIC",
        "MY PICTURES",
        "MY VIDEOS",
        "TEMPORARY INTERNET FILES",
    }
)
"""Folders of Windows XP that later versions keep as links, to where patterns look as well."""
OLD_IN_PROFILES = frozenset({"NETHOOD", "PRINTHOOD", "RECENT", "SENDTO", "START MENU", "TEMPLATES"})
"""The same, of those whose names later versions use as well, further down."""


class EvidenceFile(Struct, eq=False):
    """One file, or one alternate stream, of the host."""

    path: str
    r"""As the host knew it: ``C:\Windows\…``, ``C:\x.exe:stream``."""
    size: int
    """Bytes, as its folder or record tells; once it is opened, as it is."""
    _times: Callable[[], Times] = Times
    owner: str = ""
    """The user in whose profile, or recycle bin, it lies."""
    owner_id: str = ""
    """SID, where the host tells it."""
    view: str = ""
    """Empty: as it is now; "deleted"; the date of a shadow copy."""
    windows: str = ""
    """Empty: that of the host; else the folder of another one that it belongs to."""
    how: How = "by path"
    """How it was read; settled once it is opened."""
    _entry: Entry | None = None
    _stream: str = ""
    _place: _Place | None = None

    @property
    def created(self) -> datetime | None:
        """UTC, as are the others."""
        return self._times().created

    @property
    def modified(self) -> datetime | None:
        """When it was written last."""
        return self._times().modified

    @property
    def accessed(self) -> datetime | None:
        """When it was read last, as far as that is kept."""
        return self._times().accessed

    def open(self) -> BinaryIO:
        """The bytes: seekable, unbuffered. Raises OSError; ``reason_of`` says why in words."""
        assert self._entry is not None
        kind = self._entry.kind()
        if kind is Kind.CLOUD:
            raise CloudPlaceholder(None, "its content is not on this machine", self.path)
        if kind is not Kind.FILE and not self._stream:
            raise NotRegularError(None, "not a regular file", self.path)
        file, self.how = self._entry.open(self._stream)
        if os.name == "nt":  # Its folder may tell what it was when it was closed last.
            try:
                self.size = file.seek(0, os.SEEK_END)
                file.seek(0)
            except OSError:
                file.close()
                raise
        return file

    def beside(self, suffix: str) -> EvidenceFile | None:
        """The file of the same view whose name is this one's and a suffix: ``-wal``, ``.LOG1``.

        None: there is none. Raises OSError: the folder cannot be listed, or not the file asked.
        """
        if self._place is None or self._entry is None or self._stream:
            return None
        entry = child(self._place.folder, self._entry.name + suffix)
        return None if entry is None else self._place.file(entry)


class _Place(Struct, frozen=True, dict=True):
    """A folder, by its path, in which files are found."""

    host: HostFiles
    tree: Tree
    folder: Entry
    path: str

    @cached_property
    def _owner(self) -> tuple[str, str] | None:
        """Of all files here; None: of a recycle bin's it depends on their names."""
        if fold(base_name(self.path)) in RECYCLE_BINS:
            return None
        return self.host.installation.owner_of(f"{self.path}\\")

    def file(self, entry: Entry, stream: str = "") -> EvidenceFile:
        """Raises OSError."""
        path = f"{self.path}\\{entry.name}"
        owner, owner_id = self._owner or self.host.installation.owner_of(path)
        facts = entry.facts(stream) if entry.kind() is not Kind.LINK else Facts(0)
        return EvidenceFile(
            path=f"{path}:{stream}" if stream else path,
            size=facts.size,
            _times=facts.times,
            owner=owner,
            owner_id=owner_id,
            view=self.tree.view,
            windows=self.host.installation.other_of(path),
            how=entry.how,
            _entry=entry,
            _stream=stream,
            _place=self,
        )


class HostFiles(Struct, frozen=True):
    """All that there is of one host's files."""

    trees: Sequence[Tree] = ()
    installation: Installation = NO_WINDOWS
    missing: Sequence[SkippedVolume] = ()
    """Volumes that are not looked at, and why."""
    problems: Sequence[tuple[str, str]] = ()
    """Why users' profiles may be missing, and where."""
    unknown: Sequence[tuple[str, str]] = ()
    """Why it is not known whether there is a Windows, and where: no pattern finds anything then."""

    def evidence(self, patterns: Sequence[str], ledger: Ledger) -> Iterator[EvidenceFile]:
        """The files that any of these patterns means, each once; gaps are told to the ledger.

        Raises ValueError for a pattern that is none.
        """
        parsed = [PathPattern.parse(pattern) for pattern in patterns]
        for volume in self.missing:
            if volume.gap and self._lies_on(volume.path, parsed):
                missed = ledger.unread if self.trees else ledger.unavailable
                missed(volume.reason, volume.path)
        if any(pattern.start == EVENT_LOGS for pattern in parsed):
            self._account_for_logs(ledger)
        with_profiles = any(pattern.start == PROFILE for pattern in parsed)
        for reason, place in (*self.unknown, *(self.problems if with_profiles else ())):
            ledger.unread(reason, place)
        for tree in self.trees:
            matcher = PathMatcher(parsed, self.installation, tree.drive)
            if any(step.goes_on for step in matcher.start):
                with ExitStack() as stack:
                    try:
                        stack.enter_context(tree.opened())
                    except OSError as error:
                        ledger.unread(f"volume: {reason_of(error)}", tree.drive)
                        continue
                    yield from _Search(self, tree, matcher, ledger).files()

    def _account_for_logs(self, ledger: Ledger) -> None:
        """Folders of logs, beside Windows' own, on a drive that is neither there nor missed as a
        whole."""
        drives = [tree.drive for tree in self.trees]
        drives += [volume.path.rstrip("\\") for volume in self.missing if volume.gap]
        for folder in self.installation.event_logs[1:] if self.trees else ():
            if all(below(folder, drive) is None for drive in drives):
                ledger.unread("event logs are written to a place that is not here", folder)

    def is_drive(self, path: str) -> bool:
        """Whether a volume that is looked through on its own is mounted there."""
        return any(fold(tree.drive) == fold(path) for tree in self.trees)

    def _lies_on(self, volume: str, patterns: Sequence[PathPattern]) -> bool:
        """Whether a pattern may mean a file of this volume."""
        if not self.installation.system_root:
            return True
        drive = volume.rstrip("\\")
        matcher = PathMatcher(patterns, self.installation, drive)
        return any(p.start == VOLUME for p in patterns) or any(s.goes_on for s in matcher.start)


def files_of_windows(
    trees: Sequence[Tree],
    system_root: str,
    listed: Listed,
    missing: Sequence[SkippedVolume] = (),
) -> HostFiles:
    """The files of a host whose Windows lies there; ``listed``: what its registry says."""
    others = other_windows(trees, system_root)
    places = profile_folders(system_root, listed, others)
    folders, problems = _profiles_at((tree, place) for place in places for tree in trees)
    made = installation(system_root, listed, folders, others)
    return HostFiles(trees, made, missing, problems)


def files_of_profiles(
    trees: Sequence[Tree],
    missing: Sequence[SkippedVolume] = (),
    unknown: Sequence[tuple[str, str]] = (),
) -> HostFiles:
    """The files of a host of which no Windows is there, but perhaps profiles."""
    folders, problems = _profiles_at(
        (tree, f"{tree.drive}\\{name}") for tree in trees for name in PROFILE_FOLDERS
    )
    made = Installation(profiles=profiles_in(folders))
    return HostFiles(trees, made, missing, problems, unknown)


def _profiles_at(
    places: Iterable[tuple[Tree, str]],
) -> tuple[Iterable[str], list[tuple[str, str]]]:
    """Paths of the folders in these, each once; and why some may be missing, and where."""
    folders: dict[str, None] = {}
    problems: list[tuple[str, str]] = []
    for tree, place in places:
        told: list[str] = []
        try:
            with tree.opened():
                names = _folders_in(tree, place, told)
            folders.update(dict.fromkeys(f"{place}\\{name}" for name in names))
        except OSError as error:
            told.append(f"folder of the profiles: {reason_of(error)}")
        problems += [(problem, place) for problem in told]
    return folders, problems


def has_profiles(tree: Tree) -> bool:
    """Whether users' profiles lie at its top; no for a volume that cannot be read."""
    places = [f"{tree.drive}\\{name}" for name in PROFILE_FOLDERS]
    try:
        with tree.opened():
            return any(_folders_in(tree, place, []) for place in places)
    except OSError:
        return False


def _folders_in(tree: Tree, path: str, told: list[str]) -> list[str]:
    """Names of the folders, and of links; ``told``: why some may be missing. Raises OSError."""
    names = below(path, tree.drive)
    folder = None if names is None else tree.find(*names)
    if folder is None or folder.kind() is not Kind.FOLDER:
        return []
    inner = folder.entries(lambda _: True, told.append)
    return [one.name for one in inner if one.kind() in (Kind.FOLDER, Kind.LINK, Kind.CLOUD)]


class _Search(Struct):
    """One look through one tree."""

    host: HostFiles
    tree: Tree
    matcher: PathMatcher
    ledger: Ledger
    _entered: set[Hashable] = field(default_factory=set)
    _waiting: list[tuple[Entry, str, Steps]] = field(default_factory=list)

    def files(self) -> Iterator[EvidenceFile]:
        """Folders in the order of their names, the files of each before its folders."""
        self._waiting.append((self.tree.top, self.tree.drive, self.matcher.start))
        while self._waiting:
            folder, path, steps = self._waiting.pop()
            if len(path) > MAX_PATH_LENGTH:
                self.ledger.unread("path longer than 32,767 characters", path)
                continue
            place = _Place(self.host, self.tree, folder, path)
            inner: list[tuple[Entry, str, Steps]] = []
            for entry, after in self._listed(folder, path, steps):
                try:
                    if _is_one_file(after) and entry.kind() is Kind.FILE:
                        yield place.file(entry)
                    else:
                        yield from self._at(place, entry, steps, after, inner)
                except OSError as error:
                    self._missed(reason_of(error), f"{path}\\{entry.name}", error)
            self._waiting += reversed(inner)

    def _listed(self, folder: Entry, path: str, steps: Steps) -> list[tuple[Entry, Steps]]:
        """The entries that some pattern means or leads through, and where it is then."""
        reached: dict[str, Steps] = {}

        def keep(name: str) -> bool:
            reached[name] = after = self.matcher.after(steps, name)
            return bool(after)

        try:
            if self._is_known(folder):
                self.ledger.note("folder reached by a second way, looked through once", path)
                return []
            found = folder.entries(keep, lambda problem: self.ledger.unread(problem, path))
            entries = sorted(found, key=lambda entry: fold(entry.name))
            return [(entry, reached[entry.name]) for entry in entries]
        except OSError as error:
            self._missed(f"folder: {reason_of(error)}", path, error)
            return []

    def _is_known(self, folder: Entry) -> bool:
        identity = folder.identity()
        if identity is None:
            return False
        if identity in self._entered:
            return True
        self._entered.add(identity)
        return False

    def _at(
        self,
        place: _Place,
        entry: Entry,
        steps: Steps,
        after: Steps,
        inner: list[tuple[Entry, str, Steps]],
    ) -> Iterator[EvidenceFile]:
        """What one entry gives: itself, its streams, or a folder to go on in. Raises OSError."""
        kind, path = entry.kind(), f"{place.path}\\{entry.name}"
        is_meant = any(step.is_file for step in after)
        goes_on = any(step.goes_on for step in after)
        if kind is Kind.LINK:
            self._link(path, entry.name, steps, after)
            return
        if kind is Kind.CLOUD:
            if is_meant or goes_on:
                self.ledger.unread(_IN_CLOUD if is_meant else CLOUD_FOLDER, path)
            return
        if kind is Kind.FILE and is_meant:
            yield place.file(entry)
        elif kind is Kind.FOLDER and goes_on:
            inner.append((entry, path, after))
        elif is_meant and kind is Kind.OTHER:
            self.ledger.note("device, pipe or socket, not opened", path)
        yield from self._streams(place, entry, after)

    def _streams(self, place: _Place, entry: Entry, after: Steps) -> Iterator[EvidenceFile]:
        wanted = [step for step in after if step.streams]
        if wanted:
            for stream in entry.streams():
                if any(wants_stream(step, stream) for step in wanted):
                    yield place.file(entry, stream)

    def _link(self, path: str, name: str, steps: Steps, after: Steps) -> None:
        """A link is a gap where evidence may lie behind it, and not where ``**`` alone met it."""
        is_meant = any(step.is_file or step.streams for step in after)
        if not is_meant and (self._is_old(path, name) or self.host.is_drive(path)):
            return
        if is_meant or self.matcher.is_named(steps, name):
            self.ledger.unread(LINK, path)
        else:
            self.ledger.note(LINK, path)

    def _is_old(self, path: str, name: str) -> bool:
        folded, above = fold(name), path[: -len(name) - 1]
        return folded in OLD_NAMES or (
            folded in OLD_IN_PROFILES and self.host.installation.is_profile(above)
        )

    def _missed(self, reason: str, path: str, error: OSError) -> None:
        if is_gone(error):
            self.ledger.note("vanished during the sweep", path)
        else:
            self.ledger.unread(reason, path)


def _is_one_file(after: Steps) -> bool:
    """Whether a file there is meant, and none of its streams."""
    return len(after) == 1 and after[0].is_file and not after[0].streams
