"""What changed on a volume in use shortly before and during its sweep, by its change journal.

The raw volume shows what the system has written to the disk, which it does seconds to minutes after
a change. So the system is asked for the end of the change journal, and the folders in which
something was made, named or written are listed again, through the file system.

Bounded in bytes, folders and names. What cannot be told so raises :class:`NotTold`: then the whole
volume is walked.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from msgspec import Struct, field

from ...coverage import Ledger
from ...ntfs import NtfsError, Reference, UsnRecord, Volume
from ...ntfs.reference import ROOT
from ...ntfs.usn import PAGE, records_in
from ...reading.opening import MAX_PATH_LENGTH, is_gone, reason_of
from ...reading.walk import Folder, Walk
from ...spelling import fold
from ...targets import LiveJournal, Root
from ...windows import dlls
from ...windows import files as windows_files
from ...windows.change_journal import JournalState

WINDOW = timedelta(minutes=15)
"""Before the scan of a volume began."""
LEAST_WINDOW = timedelta(minutes=2)
"""What cannot be told that far back is not told."""
MAX_BYTES = 64 << 20
"""Of the journal: about 600,000 changes."""
LEAST_BYTES = 64 << 10
"""Looked at whatever their times say, since clocks are set."""
MAX_FOLDERS = 20_000
MAX_CHANGES = 500_000
AGAIN = "folder changed lately, looked at a second time"

_MADE, _DELETED, _OLD_NAME, _NEW_NAME = 0x100, 0x200, 0x1000, 0x2000
_WRITTEN = 0x1 | 0x2 | 0x4
_STREAMS = 0x10 | 0x20 | 0x40 | 0x20_0000
_LOOKED_AT = _MADE | _NEW_NAME | _WRITTEN | _STREAMS | 0x1_0000 | 0x10_0000 | 0x40_0000
"""With a new link, a new reparse point, and a change by a transaction."""
_MAX_READS = 10_000
_FIRST_STEP = 1 << 20
_EPOCH = datetime(1601, 1, 1, tzinfo=timezone.utc)
_WORDS = {
    dlls.ERROR_JOURNAL_DELETE_IN_PROGRESS: "is being deleted",
    dlls.ERROR_JOURNAL_NOT_ACTIVE: "is not active",
    dlls.ERROR_JOURNAL_ENTRY_DELETED: "was cut while it was read",
}
_JOURNAL = "change journal: "


class NotTold(Exception):
    """What changed lately cannot be told; the message says why, in the words of the coverage."""


def not_told(error: OSError) -> NotTold:
    """Of a journal that cannot be asked."""
    words = _WORDS.get(dlls.code_of(error))
    if words is None:
        words = f"cannot be read: {reason_of(error).removeprefix(_JOURNAL)}"
    return NotTold(f"its change journal {words}")


class Newest(Struct):
    """The end of a journal."""

    journal: LiveJournal
    state: JournalState
    start: int
    """USN of the first record that is read."""
    oldest: datetime | None
    """Time of that record; None if there is none, or it tells none."""

    @classmethod
    def of(cls, journal: LiveJournal, since: datetime) -> Newest:
        """What is needed to see everything since then, within the bound. Raises OSError."""
        state = journal.state()
        size = _FIRST_STEP
        while True:
            newest = cls._from(journal, state, (state.next - size) // PAGE * PAGE)
            reached = newest.oldest is not None and newest.oldest <= since
            if reached or newest.start == state.first or size >= MAX_BYTES:
                return newest
            size *= 4

    @classmethod
    def _from(cls, journal: LiveJournal, state: JournalState, start: int) -> Newest:
        if start > state.first:
            try:
                return cls(journal, state, start, _time_at(journal, state, start))
            except OSError as error:
                # No record begins there, though on the disk each page begins with one.
                if dlls.code_of(error) != dlls.ERROR_INVALID_PARAMETER:
                    raise
                if state.next - state.first > MAX_BYTES:
                    raise
        return cls(journal, state, state.first, _time_at(journal, state, state.first))

    def records(self) -> Iterator[UsnRecord]:
        """In the order of the journal. Raises OSError."""
        at, reads = self.start, 0
        while at < self.state.next:
            following, data = self.journal.read(self.state.journal, at)
            reads += 1
            if following <= at or reads > _MAX_READS:
                if data:
                    raise NtfsError(f"{_JOURNAL}goes in circles")
                return
            yield from records_in(data)
            at = following


def _time_at(journal: LiveJournal, state: JournalState, start: int) -> datetime | None:
    if start >= state.next:
        return None
    _, data = journal.read(state.journal, start)
    return next((record.time for record in records_in(data)), None)


class Changed(Struct):
    """What changed in one folder; names are folded."""

    names: dict[str, Reference] = field(default_factory=dict)
    """Each with the file that had it last."""
    streams: set[str] = field(default_factory=set)
    """Names of files and folders whose alternate streams changed."""

    def add(self, record: UsnRecord) -> None:
        """A name that is in use."""
        name = fold(record.name)
        self.names[name] = record.file
        if record.reason & _STREAMS:
            self.streams.add(name)

    def take_away(self, record: UsnRecord) -> None:
        """A name that its file does not have any more; another one may have it."""
        name = fold(record.name)
        if self.names.get(name) == record.file:
            del self.names[name]

    def keep_in(self, folder: Folder) -> None:
        """Leave what changed in a listing.

        All of it stays if a name is not there that no record takes away: then names are not to be
        relied on (a file may be told by another of its names, or be gone since).
        """
        if not self.names.keys() <= {fold(name) for name in folder.names}:
            return
        folder.names = [name for name in folder.names if fold(name) in self.names]
        folder.selected = [
            (name, size) for name, size in folder.selected if fold(name) in self.names
        ]


def recently_changed(journal: LiveJournal, since: datetime) -> tuple[dict[Reference, Changed], str]:
    """Folders by their records; and how far back they reach, where that is less than was asked for.

    Raises:
        NotTold: the journal cannot be asked, is cut or damaged, or tells of too many folders.
    """
    try:
        newest = Newest.of(journal, since)
        reach = _reach(newest, since)
    except OSError as error:
        raise not_told(error) from error
    # Asked of the folder that every volume has, so that "no such folder" can be relied on later.
    try:
        if journal.folder(ROOT | ROOT << 48) != "\\":
            raise NotTold("folders are not opened by their records")
    except OSError as error:
        raise NotTold(f"folders are not opened by their records: {reason_of(error)}") from error
    try:
        return _gathered(newest, since), reach
    except OSError as error:
        raise not_told(error) from error


def _reach(newest: Newest, since: datetime) -> str:
    state = newest.state
    begins = max(newest.start, state.lowest)
    oldest = newest.oldest
    if begins > newest.start:
        oldest = _time_at(newest.journal, state, begins)
    if oldest is None:
        raise NotTold("its change journal holds nothing")
    if oldest <= since:
        return ""
    if begins == state.lowest or oldest > since + WINDOW - LEAST_WINDOW:
        raise NotTold("its change journal does not reach back far enough")
    return f"change journal: read back to {oldest:%H:%M:%S} UTC only, there is too much of it"


def _gathered(newest: Newest, since: datetime) -> dict[Reference, Changed]:
    ticks = (since - _EPOCH) // timedelta(microseconds=1) * 10
    always = newest.state.next - LEAST_BYTES
    folders: dict[Reference, Changed] = {}
    changes = 0
    for record in newest.records():
        if record.ticks < ticks and record.usn < always:
            continue
        if _is_gone(record.reason):
            if record.parent in folders:
                folders[record.parent].take_away(record)
            continue
        if not record.reason & _LOOKED_AT:
            continue
        folders.setdefault(record.parent, Changed()).add(record)
        changes += 1
        if changes > MAX_CHANGES or len(folders) > MAX_FOLDERS:
            raise NotTold(f"more than {MAX_CHANGES:,} changes, or in {MAX_FOLDERS:,} folders")
    return {at: changed for at, changed in folders.items() if changed.names}


def _is_gone(reason: int) -> bool:
    """Whether the name in a record is not in use any more."""
    return bool(reason & _DELETED or (reason & _OLD_NAME and not reason & _NEW_NAME))


class SecondLook(Struct):
    """The folders that changed lately, listed through the file system."""

    root: Root
    ledger: Ledger
    walk: Walk
    journal: LiveJournal
    volume: Volume
    """Knows the folders that the system cannot tell of."""

    def folders(self, changed: dict[Reference, Changed]) -> Iterator[tuple[Folder, Changed]]:
        """Each with what changed in it; what cannot be listed is counted."""
        for reference, changes in changed.items():
            path = self._path(reference)
            if path is None:
                continue
            folder = self.walk.alone(path)
            self.ledger.note(AGAIN, windows_files.shown(path))
            changes.keep_in(folder)
            yield folder, changes

    def _path(self, reference: Reference) -> str | None:
        """None for the file system's own folders, for one that is gone, and for one that is not
        known: that is counted."""
        if reference.number == ROOT:
            return self._in_root("\\")
        inside = self._inside(reference)
        if inside is None or f"{inside}\\".startswith("\\$Extend\\"):
            return None
        path = self._in_root(inside)
        if len(path) > MAX_PATH_LENGTH:
            self.ledger.unread("path longer than 32,767 characters", path)
            return None
        return path

    def _inside(self, reference: Reference) -> str | None:
        """The path within the volume: as the system tells it, else as the disk does."""
        sample = f"{self.root.path} (folder of record {reference.number})"
        try:
            return self.journal.folder(reference.number | reference.sequence << 48)
        except windows_files.CloudPlaceholder:
            self.ledger.note("cloud folder, not recalled", sample)
            return None
        except NotADirectoryError:
            self.ledger.note("changed lately, and no folder any more", sample)
            return None
        except OSError as error:
            # "Invalid parameter" is how Windows says that there is no file with this record.
            if is_gone(error) or dlls.code_of(error) == dlls.ERROR_INVALID_PARAMETER:
                self.ledger.note("vanished during the sweep", sample)
                return None
            why = reason_of(error)
        try:
            return self._on_disk(reference)
        except OSError:
            self.ledger.unread(f"folder changed lately: {why}", sample)
            return None

    def _on_disk(self, reference: Reference) -> str:
        """Raises OSError."""
        entry = self.volume.entry(reference.number)
        if not entry.live or not entry.folder or entry.is_link:
            raise NtfsError("the folder is not on the disk yet")
        path = self.volume.path_of(reference)
        parts = path.text.split("\\")[1:]
        if path.note or not path.known or any(_is_no_name(part) for part in parts):
            raise NtfsError("where the folder lies is not known")
        return path.text

    def _in_root(self, inside: str) -> str:
        start = self.root.path.rstrip("\\/")
        if os.name == "nt":
            return windows_files.extended(self.root.path).rstrip("\\") + inside
        return start + inside.replace("\\", "/")


def _is_no_name(part: str) -> bool:
    """Whether a name that the disk tells would lead elsewhere as a part of a path."""
    return part in ("", ".", "..") or "/" in part or "\0" in part
