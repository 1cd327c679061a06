r"""The change journal of NTFS volumes, ``$Extend\$UsnJrnl:$J``: files that came and went.

Evidence: one record for each change of a file, with its name, its folder's record, the time and
what changed. Windows keeps one on its system volume since Vista, 32 MiB by default: days to
weeks, which the coverage's reach tells. Read from the raw volume, an image of it, or a copy of the
journal in a collection, with the $MFT beside it; of a volume in use the newest records, which may
not be on its disk yet, are asked of the system.

Required of an image, given or met in a file, where a journal that cannot be read means that the
image is damaged. Not required of a running host: what is there now is the files source's to say,
and it does so without a journal (walked volumes, FAT, a raw volume that is denied). What happened
before is evidence of its own, which often reaches back only days: its gaps are told in the
coverage, and leave a clean verdict standing.

Cannot tell: content, and who did it; nor a path whose folder's record was used again since, where
the journal does not reach back to that folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from datetime import datetime, timezone
from functools import cached_property

from msgspec import Struct, field

from ...coverage import Ledger, Part
from ...matching.matcher import Matcher, ScanFailed
from ...model.objects import File
from ...model.observation import ByteHit, Claim, Moment, MomentOf, Observation, Place
from ...ntfs import (
    NtfsError,
    Reference,
    Unread,
    UsnMention,
    UsnRecord,
    UsnScan,
    Volume,
    Wanted,
)
from ...ntfs.paths import ResolvedPath
from ...ntfs.reference import EXTEND
from ...ntfs.usn import REASONS
from ...reading.opening import reason_of
from ...targets import LOCKED, LiveJournal, RawNtfs, Target
from ...windows import files as windows_files
from ..copied_volumes import JOURNAL, copied_volume, copies, volume_of
from ..files.recent_changes import Newest, not_told
from .lost_folders import TOLD_BY_THE_JOURNAL, LostFolders

MAX_FILES = 100_000
"""Files with a wanted name that are kept."""
_JOURNAL = "\\$Extend\\$UsnJrnl:$J"
NONE = "no change journal on this volume"
OF_A_VIEW = "change journal of a shadow copy, copied without its volume: not read"
_CREATED, _DELETED, _CLOSED = 0x100, 0x200, 0x8000_0000
_LONG_AGO = datetime(1601, 1, 1, tzinfo=timezone.utc)


class _History(Struct):
    """What happened to one name of one file."""

    record: UsnRecord
    """The first one."""
    first: datetime | None
    last: datetime | None
    reasons: int = 0
    created: datetime | None = None
    deleted: datetime | None = None

    def add(self, record: UsnRecord) -> None:
        time = record.time
        self.last = time or self.last
        self.reasons |= record.reason
        if record.reason & _CREATED and self.created is None:
            self.created = time
        if record.reason & _DELETED:
            self.deleted = time

    @property
    def remarks(self) -> tuple[str, ...]:
        """In words, with the times that matter."""
        words = [word for bit, word in REASONS.items() if self.reasons & bit & ~_CLOSED]
        told = [f"change journal: {', '.join(words) or 'closed'}"]
        for what, time in (("created", self.created), ("deleted", self.deleted)):
            if time is not None:
                told.append(f"{what} {time:%Y-%m-%d %H:%M:%S} UTC")
        return tuple(told)


class UsnJournalSource:
    """Scans the journals of the target's raw volumes."""

    name = "usn_journal"

    def __init__(self, *, progress: Callable[[str], None] = lambda _: None) -> None:
        """``progress``: is told each journal, again while it is read, and may raise to end it."""
        self._progress = progress

    def required(self, target: Target) -> bool:
        """Of an image, and of a volume that the files source met in a file."""
        return target.live is None and bool(_volumes_of(target))

    def observe(self, target: Target, matcher: Matcher, ledger: Ledger) -> Iterator[Observation]:
        """As :class:`~agent.sources.Source`: each file with a wanted name, when it was first seen
        and when last."""
        volumes, (_, skipped) = _volumes_of(target), target.roots()
        closed = [(LOCKED, volume.path) for volume in skipped if volume.reason == LOCKED]
        if not volumes and not closed and target.live is not None:
            ledger.unavailable("no NTFS volume that can be read by its records")
        try:
            for path, raw in volumes:
                try:
                    with closing(raw.open()) as source:
                        volume = Volume(source)
                        yield from self._volume(
                            Journal(target, matcher, ledger, volume, raw, self._progress), path
                        )
                except OSError as error:
                    reason = reason_of(error)
                    told = reason if reason.startswith(LOCKED) else f"NTFS: {reason}"
                    closed.append((told, path))
            # Where a volume cannot be opened, that says it all.
            listing = Ledger(self.name, required=False) if volumes or closed else ledger
            yield from self._copied(target, matcher, ledger, listing)
            if target.live is None and not (volumes or ledger.examined):
                ledger.note("no NTFS volume in a file", "")
        finally:
            # A live volume that is denied is no journal lost: it was walked.
            none = not ledger.examined and (
                target.live is not None or all(reason.startswith(LOCKED) for reason, _ in closed)
            )
            for reason, path in closed:
                (ledger.unavailable if none else ledger.unread)(reason, path)

    def _copied(
        self, target: Target, matcher: Matcher, ledger: Ledger, listing: Ledger
    ) -> Iterator[Observation]:
        """Those that a collection has without their volumes; ``listing``: is told what cannot be
        listed."""
        for file in copies(target, JOURNAL, listing):
            if file.view:
                ledger.unread(OF_A_VIEW, file.path)
                continue
            raw = volume_of(file)
            try:
                with ExitStack() as opened:
                    journal = opened.enter_context(file.open())
                    volume = copied_volume(target, file, opened, journal=journal)
                    yield from Journal(
                        target, matcher, ledger, volume, raw, self._progress
                    ).observe()
            except OSError as error:
                ledger.unread(f"change journal: {reason_of(error)}", file.path)

    def _volume(self, journal: Journal, path: str) -> Iterator[Observation]:
        try:
            yield from journal.observe()
        except NtfsError as error:
            if error.what != NONE:
                raise
            volume = journal.volume
            if isinstance(volume.account, Unread) and volume.account.gaps:
                journal.ledger.unread("no change journal found, in a volume not seen whole", path)
            elif not volume.record(EXTEND).signed:
                journal.ledger.unread("no change journal found: its folder is damaged", path)
            else:
                journal.ledger.note(NONE, path)
                yield from journal.newest()


def _volumes_of(target: Target) -> list[tuple[str, RawNtfs]]:
    """By the place that the coverage names."""
    roots = [(root.path, root.raw) for root in target.roots()[0] if root.raw is not None]
    return roots + [(raw.prefix.removesuffix(":"), raw) for raw in target.volumes_met]


class Journal(Struct, dict=True):
    """That of one volume."""

    target: Target
    matcher: Matcher
    ledger: Ledger
    volume: Volume
    raw: RawNtfs
    progress: Callable[[str], None]
    files: dict[tuple[Reference, Reference, str], _History] = field(default_factory=dict)
    folders: dict[Reference, str] = field(default_factory=dict)
    """Paths within the volume, of folders that the system alone knows."""
    account: Part | None = None
    """Of what it belongs to; None: its volume's own."""
    end: int | None = None
    """As of :class:`UsnScan`."""

    @cached_property
    def part(self) -> Part:
        """The account of this volume's."""
        if self.account is not None:
            return self.account
        part = self.ledger.part(self.target.known_as(f"{self.raw.prefix}\\").rstrip("\\"))
        part.whose = part.name
        return part

    def observe(self) -> Iterator[Observation]:
        """Raises NtfsError if there is no journal."""
        matcher, ledger = self.matcher, self.ledger
        wanted = Wanted(
            matcher.selector.matching_names,
            matcher.selector.exact_names,
            matcher.selector.literal_parts,
        )
        journal = self.volume.change_journal()
        scan = UsnScan(journal, wanted, ledger, self._progress, self.end)
        try:
            for hit in scan.hits():
                if isinstance(hit, UsnMention):
                    yield from self._mention(hit)
                else:
                    self._keep(hit)
        finally:
            self.part.examined(scan.records)
            ledger.bytes += scan.read
            for kind in ("file_name", "file_path"):
                matcher.accounts.compared(kind, count=max(0, scan.records - len(self.files)))
            if scan.ranges:
                ledger.note("records without a name (version 4), skipped", "", scan.ranges)
            for time in (scan.oldest, scan.newest):
                if time is not None:
                    self.part.reaches(time)
        self._ask(scan.newest)
        yield from self._histories()

    def _histories(self) -> Iterator[Observation]:
        parents = {history.record.parent for history in self.files.values()} - self.folders.keys()
        lost = LostFolders(self.volume, (history.record for history in self.files.values()))
        lost.look_for(parents, self._progress)
        for history in self.files.values():
            self._progress()
            yield from self._file(history, lost)

    def _progress(self) -> None:
        self.progress(f"{self.raw.prefix}{_JOURNAL}")

    def newest(self) -> Iterator[Observation]:
        """What the system tells of a journal that is not on the disk yet."""
        self._ask(None)
        yield from self._histories()

    def _keep(self, record: UsnRecord) -> None:
        key = (record.file, record.parent, record.name)
        if key not in self.files:
            if len(self.files) >= MAX_FILES:
                self.ledger.unread("change journal: more files than are kept", record.name)
                return
            self.files[key] = _History(record, record.time, record.time)
        self.files[key].add(record)

    def _ask(self, since: datetime | None) -> None:
        """Add the newest records as the system tells them; those on the disk say nothing new.
        ``since``: how far those on the disk reach; None: there are none."""
        if self.raw.changes is None:
            return
        try:
            with closing(self.raw.changes()) as journal:
                for record in self._told(journal, since or _LONG_AGO):
                    if self.matcher.selector.matching_names([record.name]):
                        self._keep(record)
                self._ask_folders(journal)
        except OSError as error:
            # Where the disk shows no journal, none is most likely there.
            tell = self.ledger.note if since is None else self.ledger.unread
            tell(f"newest records: {not_told(error)}", self.raw.prefix)

    def _ask_folders(self, journal: LiveJournal) -> None:
        """Those that the disk does not show yet; of one that nobody knows the place stays open."""
        for parent in {history.record.parent for history in self.files.values()}:
            if not self.volume.path_in(parent, "").known:
                with suppress(OSError):
                    self.folders[parent] = journal.folder(parent.number | parent.sequence << 48)

    def _told(self, journal: LiveJournal, since: datetime) -> Iterator[UsnRecord]:
        newest = Newest.of(journal, since)
        if newest.oldest is not None and newest.oldest > since > _LONG_AGO:
            self.ledger.unread(
                "newest records: not told back to those on the disk", self.raw.prefix
            )
        for record in newest.records():
            time = record.time
            if time is not None and time > since:
                self.part.examined()
                self.part.reaches(time)
            yield record

    def _file(self, history: _History, lost: LostFolders) -> Iterator[Observation]:
        record = history.record
        path = self.volume.path_in(record.parent, record.name)
        if record.parent in self.folders:
            folder = self.folders[record.parent].rstrip("\\")
            path = ResolvedPath(f"{folder}\\{record.name}")
        elif not path.known and (folder := lost.path(record.parent)):
            path = ResolvedPath(f"{folder}\\{record.name}", TOLD_BY_THE_JOURNAL)
        place = windows_files.shown(f"{self.raw.prefix}{path.text}")
        if self.target.own.has_file(place):
            self.ledger.own += 1
            return
        remarks = history.remarks + ((path.note,) if path.note else ())
        hits: tuple[ByteHit, ...] = ()
        there = self._is_there(record)
        if there:
            # What the file is, is told by the file itself; here stands what happened to it.
            remarks = (*remarks, "the file is still there")
            hits = tuple(self._hits(record.name, place))
            if not hits:
                return
        yield Observation(
            source=UsnJournalSource.name,
            seen="journalled file",
            claim=Claim.MENTIONED if there else Claim.WAS_THERE,
            place=Place(text=place, path=f"{self.raw.prefix}{_JOURNAL}", record=str(record.usn)),
            moments=tuple(
                Moment(
                    time=time,
                    of=MomentOf.DELETED if time == history.deleted else MomentOf.LOGGED,
                )
                for time in dict.fromkeys((history.first, history.last))
                if time is not None
            ),
            file=File(
                path=place,
                name=record.name,
                created=history.created,
                inode=f"{record.file.number}-{record.file.sequence}",
            ),
            remarks=remarks,
            hits=hits,
        )

    def _is_there(self, record: UsnRecord) -> bool:
        """Whether this very file still has this name in this folder."""
        try:
            entry = self.volume.entry(record.file.number)
        except OSError:
            return False
        return (
            entry.live
            and entry.reference == record.file
            and any(
                own.text == record.name and own.parent.number == record.parent.number
                for own in entry.names
            )
        )

    def _hits(self, text: str, place: str) -> list[ByteHit]:
        try:
            return self.matcher.scan(text.encode("utf-16-le", "surrogatepass"))
        except ScanFailed as error:
            self.ledger.unread(f"scan of the bytes: {error}", place)
            return []

    def _mention(self, found: UsnMention) -> Iterator[Observation]:
        path = f"{self.raw.prefix}{_JOURNAL}"
        place = f"{path} (byte {found.offset:,})"
        hits = self._hits(found.text, place)
        if hits:
            yield Observation(
                source=UsnJournalSource.name,
                seen="damaged change journal",
                claim=Claim.MENTIONED,
                place=Place(text=place, path=path, record=f"byte {found.offset}"),
                hits=tuple(hits),
            )
