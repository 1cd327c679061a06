"""Files: their names, and what they are where name, size or extension make that worth knowing.

The best engine per volume: of a raw NTFS volume the $MFT is scanned (``by_records.py``), everything
else is walked. Of a volume in use, whose latest changes may not be on its disk yet, the folders
that changed lately are listed as well (``recent_changes.py``); where that cannot be, it is walked
too.

Of a walk: every name in every folder is compared, folders, links and devices included. A file is
opened, once, if its name is wanted, or if its size or extension passes a gate of an indicator;
everything else is told apart without opening it. Alternate data streams are seen on Windows, and on
NTFS mounted by ntfs-3g: of every folder, and of the files that are looked at (``--thorough``: of
all).

A walk cannot tell: deleted files, and what a file system driver hides. Since any Windows.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterator
from contextlib import closing

from msgspec import Struct, field

from ...coverage import Ledger
from ...formats.kinds import EXTENSIONS, LARGE, LEAST
from ...matching.matcher import Matcher
from ...matching.selection import Selector
from ...model.observation import Observation
from ...ntfs import Reference, Unread, Volume
from ...reading.opening import Opener, open_quietly, reason_of, status_of
from ...reading.openings import Opening, Selection
from ...reading.walk import Walk
from ...spelling import fold
from ...targets import LOCKED, LiveJournal, RawNtfs, Root, Target
from ...targets.raw_fallback import BY_RECORD, RawFallbackOpener, VerifiedByRecord
from .by_records import NtfsFiles
from .copied_records import by_copied_records
from .cross_view import CrossView
from .facts import Limits
from .file_inspection import ZONE, FileLook
from .hash_cache import HashCache
from .in_tree import in_tree
from .item import SOURCE
from .recent_changes import (
    WINDOW,
    Changed,
    NotTold,
    SecondLook,
    not_told,
    recently_changed,
)
from .users_reach import least_program_in
from .walked import WalkedFolders

DEFAULT_MAX_FILE_SIZE = 64 << 20
OPENED_ANYWAY = EXTENSIONS | {ZONE}
_VERIFY = "walked: --verify-walk"
_UNREADABLE = "walked: parts of the $MFT are unreadable"
_NOT_RAW = "walked: the raw volume could not be opened"
_EMPTY = "given path: an empty folder; was something to be mounted there?"
_WALKED_TOO = "walked too: {}, so what was written last may not be on its disk yet"


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
        self._look: FileLook | None = None

    def pending(self) -> Iterator[Observation]:
        """As :class:`~agent.sources.BuffersResults`."""
        if self._look is not None:
            yield from self._look.pending()

    def required(self, target: Target) -> bool:  # noqa: ARG002 - the protocol's
        """Always: of every target the files are what is swept."""
        return True

    def observe(self, target: Target, matcher: Matcher, ledger: Ledger) -> Iterator[Observation]:
        """As :class:`~agent.sources.Source`: all roots of the target, each folder once."""
        roots, skipped = target.roots()
        locked = [(volume.path, LOCKED) for volume in skipped if volume.reason == LOCKED]
        for volume in skipped:
            if volume.reason != LOCKED:
                tell = ledger.unread if volume.gap else ledger.note
                tell(volume.reason, volume.path, volume.count)
        if not roots and not locked:
            ledger.unavailable("no volume to walk")
        if any(root.raw is not None and root.mounted for root in roots):
            ledger.dedupe_by_place()
        everything = matcher.thorough or matcher.has_user_rules
        if matcher.own_rules is not None:
            matcher.own_rules.account(ledger)
        selection = Selection(
            exact_sizes=matcher.selector.exact_sizes,
            least_size=0 if everything else min(matcher.selector.smallest_min_size, LARGE),
            extensions=matcher.selector.extensions | OPENED_ANYWAY,
            openings=() if everything else openings(matcher.selector),
        )
        look = self._look = FileLook(
            target=target,
            matcher=matcher,
            ledger=ledger,
            limits=self._limits,
            progress=self._progress or _nobody,
            everything=everything,
            cache=self._cache,
        )
        trees = _Trees(
            look,
            selection,
            Walk(
                selection,
                ledger,
                target.boundaries,
                least_size_in=least_program_in if look.reader.programs else None,
            ),
            self._open_file,
            self._verify_walk,
            locked,
        )
        try:
            for root in itertools.chain(roots, look.containers.roots()):
                yield from trees.observe(root)
            yield from by_copied_records(target, look, selection)
        finally:
            for path, why in locked:
                (ledger.unread if ledger.examined else ledger.unavailable)(why, path)


class _Trees(Struct):
    """The roots of a target, each by its records, by a walk, or by both."""

    look: FileLook
    selection: Selection
    walk: Walk
    open_file: Opener
    verify_walk: bool
    locked: list[tuple[str, str]]
    """Is told the volumes that BitLocker keeps from us, and why."""

    def observe(self, root: Root) -> Iterator[Observation]:
        if root.tree is not None:
            yield from in_tree(root.tree, self.look, self.selection)
            return
        raw = root.raw if root.mounted else None
        with closing(RawFallbackOpener(self.open_file, raw)) as open_file:
            walked = WalkedFolders(self.look, open_file)
            why = f"walked: {root.why_walked}" if root.why_walked else ""
            if root.raw is not None:
                why = yield from self._by_records(root, root.raw, walked)
            if why or root.raw is None:
                yield from self._by_walk(root, walked, why)
            if open_file.refused:
                self.look.ledger.note(BY_RECORD, open_file.first, open_file.refused)

    def _by_records(
        self, root: Root, raw: RawNtfs, walked: WalkedFolders
    ) -> Generator[Observation, None, str]:
        """Gives why the volume has to be walked too, in the words of a note; empty if not."""
        scanned = _Scanned(self.look, self.selection, root, raw, self.open_file)
        yield from scanned.observe()
        if scanned.locked:
            self.locked.append((root.path, scanned.locked))
        if not scanned.complete:
            return _UNREADABLE if scanned.is_opened else _NOT_RAW
        if self.verify_walk and root.mounted:
            return _VERIFY
        return (yield from scanned.look_again(walked))

    def _by_walk(self, root: Root, walked: WalkedFolders, why: str) -> Iterator[Observation]:
        if _is_locked(root.path):
            self.locked.append((root.path, LOCKED))
            return
        views = None
        if why:
            self.look.ledger.note(why, root.path)
        if why == _VERIFY and root.raw is not None:
            views = CrossView(root, root.raw, self.look.ledger, self.look.progress)
            views.list_records()
        with self.look.reading():
            for number, folder in enumerate(self.walk.folders([root.path])):
                self.look.progress(folder.path)
                if not number and folder.is_listed and not folder.names and _is_given(root):
                    self.look.ledger.unread(_EMPTY, root.path)
                if views is not None:
                    views.walked(folder)
                yield from walked.at_folder(folder)
            yield from self.look.drain()
        if views is not None:
            views.tell()


def openings(selector: Selector) -> tuple[Opening, ...]:
    """What calls for a look into a file by default: the gates of the indicators, what may hold
    other files, the origin that a zone identifier tells."""
    return (
        *selector.openings,
        Opening(least=LEAST, extensions=EXTENSIONS),
        Opening(least=LARGE),
        Opening(extensions=frozenset({ZONE})),
    )


def _is_given(root: Root) -> bool:
    return not root.description and root.raw is None


def _is_locked(path: str) -> bool:
    try:
        status_of(path)
    except OSError as error:
        return reason_of(error) == LOCKED
    return False


class _Scanned(Struct, dict=True):
    """One volume by its $MFT. Gaps in what is mounted too are left for a walk to fill."""

    look: FileLook
    selection: Selection
    root: Root
    raw: RawNtfs
    open_file: Opener
    account: Unread = field(default_factory=Unread)
    locked: str = ""
    """Why, if it is by BitLocker and not mounted."""
    is_opened: bool = False
    """Whether there is a raw volume of it to be had."""

    @property
    def complete(self) -> bool:
        """Whether the volume was seen whole, or there is no other way to see it."""
        return not (self.root.mounted and self.account.gaps)

    def observe(self) -> Iterator[Observation]:
        """If that is not enough, the walk's gaps are those that count."""
        ledger, root = self.look.ledger, self.root
        self.look.progress(root.path)
        self.began = self.look.target.now()
        mark = ledger.checkpoint()
        try:
            with closing(self.raw.open()) as source, self.look.reading():
                self.is_opened = True
                volume = Volume(source, self.account)
                by_path = VerifiedByRecord.of(self.open_file, root.path) if root.mounted else None
                files = NtfsFiles(self.look, volume, self.raw, self.selection, by_path)
                yield from files.observe()
                yield from self.look.drain()
        except OSError as error:
            reason = reason_of(error)
            if reason.startswith(LOCKED) and not root.mounted:
                self.locked = reason
            else:
                self.account.unread(f"NTFS: {reason}", root.path)
            yield from self.look.pending()
        finally:
            tell = ledger.note if root.mounted else ledger.unread
            for reason, count in self.account.gaps.items():
                tell(reason, self.account.samples[reason] or root.path, count)
            for reason, count in self.account.notes.items():
                ledger.note(reason, self.account.samples[reason], count)
        if not self.complete:
            ledger.rollback(mark)
        elif root.mounted:
            ledger.note("read by its $MFT", root.path)

    def look_again(self, walked: WalkedFolders) -> Generator[Observation, None, str]:
        """What changed lately, and may not be on the disk yet, through the file system. Gives why
        the whole volume has to be walked for that, in the words of a note; empty if not."""
        if self.raw.changes is None:
            return ""
        try:
            with closing(self.raw.changes()) as journal:
                changed, reach = recently_changed(journal, self.began - WINDOW)
                yield from self._listed_again(walked, journal, changed)
        except NotTold as why:
            return _WALKED_TOO.format(why)
        except OSError as error:
            return _WALKED_TOO.format(not_told(error))
        ledger = self.look.ledger
        ledger.note("what changed lately was asked of its change journal", self.root.path)
        if reach:
            ledger.note(reach, self.root.path)
        return ""

    def _listed_again(
        self, walked: WalkedFolders, journal: LiveJournal, changed: dict[Reference, Changed]
    ) -> Iterator[Observation]:
        look = self.look
        least = least_program_in if look.reader.programs else None
        walk = Walk(self.selection, look.ledger, enters=False, least_size_in=least)
        with closing(self.raw.open()) as source:
            again = SecondLook(self.root, look.ledger, walk, journal, Volume(source))
            for folder, changes in again.folders(changed):
                look.progress(folder.path)
                yield from walked.at_folder(folder)
                for name in folder.names:
                    if fold(name) in changes.streams:
                        yield from walked.at_streams(folder, name)


def _nobody(place: str) -> None:
    """Is told how the walk goes."""
