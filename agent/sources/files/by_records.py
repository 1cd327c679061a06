"""Files of a raw NTFS volume: one pass over its $MFT, and a look at what hits.

What a walk would single out is looked at in the same way, by its record instead of its path. More
than a walk sees: deleted files with the last path that they had, alternate streams of every file
and folder by name, size and extension, 8.3 names, and wanted names in slack and in damaged records.

Cannot tell: a deleted file whose record was used again; the content of files that EFS keeps, or
that is kept elsewhere (deduplicated, in a WIM), which is counted; what a folder holds that is kept
in a cloud and was never opened here; of a live volume, what the system has not written to the disk
yet (``recent_changes.py``).
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Collection, Iterator

from msgspec import Struct, field

from ...formats.zone_identifier import MAX_ZONE_BYTES, read_zone
from ...formats.zone_identifier import STREAM as ZONE_STREAM
from ...matching.matcher import ScanFailed
from ...model.objects import File
from ...model.observation import Claim, Observation, Place
from ...ntfs import (
    Hit,
    MftEntry,
    MftScan,
    Name,
    RawHit,
    ResolvedPath,
    Volume,
    Wanted,
)
from ...ntfs.overlay import compressed_stream
from ...ntfs.programs import Programs
from ...ntfs.reference import Reference
from ...ntfs.selection import SELECTED, STREAMS
from ...reading.opening import read_up_to, reason_of
from ...reading.openings import Selection
from ...targets import RawNtfs
from ...targets.raw_fallback import VerifiedByRecord
from ...windows import files as windows_files
from .file_inspection import FileLook
from .item import DELETED, SOURCE, zone_observations
from .record_item import Record
from .users_reach import LEAST_PROGRAM, PLACES

SMALL_FILE = "content of a small file"
"""A mention there is left to the indicators of content, as in any other file."""
_SELECTED, _STREAMS = int(SELECTED), int(STREAMS)
"""Numbers: to ask flags of an enumeration takes ten times as long."""
_IN_ORDER = 4096
"""Hits that are sorted by their place on the disk before they are looked at; 4 KB each."""
_RUNS_IN_ORDER = 1 << 16
"""Of them all; a file may have thousands, of 100 bytes each."""
_PATHS = 1024
"""Of files that mention a name, remembered."""
_IN_USE_AGAIN = "deleted, and its clusters are in use again: content not read"
_NOT_KNOWN = "deleted; read from clusters of which is not known whether another file uses them now"
_FREE = "deleted; read from clusters that are free, and may have been another file's since"
_KEPT = "deleted; its content is kept in its record"
OF_A_COPY = "by its record in a copied $MFT"
_GONE = "deleted file whose content is no longer there"


class NtfsFiles(Struct, dict=True):
    """The files of one volume, looked at."""

    look: FileLook
    volume: Volume
    raw: RawNtfs
    selection: Selection
    by_path: VerifiedByRecord | None = None
    """Opens files of a volume that is mounted too."""
    lacking: list[str] = field(default_factory=list)
    """Of a volume without its clusters: files that are there, whose size calls for a look."""
    _volume_id: str | None = None

    @functools.cached_property
    def _path_of(self) -> Callable[[Reference], ResolvedPath]:
        # A file of thousands of records may be asked for once for each.
        return functools.lru_cache(_PATHS)(self.volume.path_of)

    def observe(self) -> Iterator[Observation]:
        """All that hits. The look's ledger is told what was examined, the volume's account what
        could not be seen."""
        matcher, ledger = self.look.matcher, self.look.ledger
        scan = MftScan(
            self.volume,
            Wanted(
                matcher.selector.matching_names,
                matcher.selector.exact_names,
                matcher.selector.literal_parts,
                self.selection,
            ),
            progress=functools.partial(self.look.progress, self.raw.prefix),
            programs=Programs(self.volume, PLACES, LEAST_PROGRAM)
            if self.look.reader.programs and self.volume.has_clusters
            else None,
        )
        self._volume_id = self._identity() if self.look.memory.cache is not None else None
        named = 0
        waiting = _InOrder()
        try:
            for hit in scan.hits():
                if isinstance(hit, RawHit):
                    yield from self._mention(hit)
                    continue
                named += len(hit.wanted)
                if hit.wanted:
                    yield from self._looked_at(hit)
                    continue
                try:
                    waiting.add(hit)
                except OSError as error:
                    self._damaged(hit, error)
                if waiting.is_full:
                    yield from self._all(waiting)
                    waiting = _InOrder()
            yield from self._all(waiting)
        finally:
            counts = scan.counts
            ledger.examined += counts.records
            ledger.bytes += counts.bytes
            if counts.deleted:
                ledger.note(
                    "records of deleted files, or never used, compared too",
                    self.raw.prefix,
                    counts.deleted,
                )
            for kind in ("file_name", "file_path"):
                matcher.accounts.compared(
                    kind, count=max(0, counts.in_use + counts.deleted - named)
                )

    def _identity(self) -> str | None:
        try:
            identity = self.volume.identity()
        except OSError as error:
            self.look.ledger.note(f"--cache: not used: {reason_of(error)}", self.raw.prefix)
            return None
        if identity is None:
            self.look.ledger.note("--cache: not used: no change journal is kept", self.raw.prefix)
            return None
        return f"{identity} {self.raw.state}"

    def _all(self, hits: _InOrder) -> Iterator[Observation]:
        # All first bytes before any file: no reader wants the interpreter in between.
        left = deque(hit for hit in hits if hit.may_begin_so())
        while left:
            yield from self._looked_at(left.popleft())

    def _looked_at(self, hit: Hit) -> Iterator[Observation]:
        try:
            yield from self._hit(hit)
        except OSError as error:
            self._damaged(hit, error)

    def _damaged(self, hit: Hit, error: OSError) -> None:
        place = f"record {hit.number}"
        self.volume.account.unread(f"$MFT: {reason_of(error)}", place)

    def _hit(self, hit: Hit) -> Iterator[Observation]:
        entry, wanted = hit.entry, frozenset(hit.wanted)
        readable, notes = self._state(entry)
        apart = bool(int(hit.why) & _STREAMS) or entry.folder
        make = functools.partial(self._item, entry, readable=readable, apart=apart)
        items: list[Record] = []
        for own in entry.long_names or entry.names:
            where = functools.partial(self.volume.path_in, own.parent, own.text)
            item = make(own.text, where, notes, named=own.text in wanted)
            items.append(item)
            yield from self._look(item, hit)
        for short in _short_only(entry, wanted):
            where = functools.partial(self.volume.path_in, short.parent, short.text)
            item = make(short.text, where, (*notes, "by its 8.3 name"), named=True)
            items.append(item)
            yield from self._look(item, hit)
        if not items:
            name, more = f"record {entry.number}", (*notes, "the record holds no name")
            where = functools.partial(ResolvedPath, f"?\\{name}")
            item = make(name, where, more, named=False)
            items.append(item)
            yield from self._look(item, hit)
        if apart:
            yield from self._streams(items[0])

    def _item(
        self,
        entry: MftEntry,
        name: str,
        where: Callable[[], ResolvedPath],
        notes: tuple[str, ...],
        *,
        named: bool,
        readable: bool,
        apart: bool,
    ) -> Record:
        item = Record(
            self.volume,
            entry,
            self.raw.prefix,
            where,
            name,
            named,
            notes,
            self.by_path,
            readable,
            apart,
            self._volume_id,
            self.raw,
        )
        if self.by_path is not None or self.look.matcher.own_rules is not None:
            item.resolve()  # Whichever thread reads it asks for its path.
        return item

    def _state(self, entry: MftEntry) -> tuple[bool, tuple[str, ...]]:
        """Whether its content is to be read, and what to say of it."""
        if not self.volume.has_clusters and not entry.folder and not _is_in_its_record(entry):
            return False, (OF_A_COPY if entry.live else f"deleted; {OF_A_COPY}", *entry.notes)
        if entry.live or entry.folder:
            return True, (("deleted", *entry.notes) if not entry.live else entry.notes)
        kept = compressed_stream(entry)
        if entry.is_kept_elsewhere and kept is None:
            return False, ("deleted; its content was kept elsewhere", *entry.notes)
        stream = kept or entry.stream()
        if stream is None or stream.damage:
            return False, (f"deleted; {stream.damage if stream else 'no content'}", *entry.notes)
        if stream.resident or not any(run.cluster is not None for run in stream.runs):
            return True, (_KEPT, *entry.notes)
        free = self.volume.still_free(stream)
        if free is False:
            return False, (_IN_USE_AGAIN, *entry.notes)
        return True, (_FREE if free else _NOT_KNOWN, *entry.notes)

    def _look(self, item: Record, hit: Hit) -> Iterator[Observation]:
        look, entry = self.look, item.entry
        if item.named and look.is_own(item.shown):
            return
        if entry.folder or entry.is_link:
            if item.named:
                kind = "directory" if entry.folder and not entry.is_link else "file name"
                yield look.name_only(item, kind if entry.live else f"deleted {kind}")
        elif not item.readable:
            if item.named or entry.size in self.selection.exact_sizes:
                if entry.live:
                    self.lacking.append(item.shown)
                else:
                    look.ledger.note(_GONE if self.volume.has_clusters else OF_A_COPY, item.shown)
            if item.named:
                yield look.name_only(item, "file" if entry.live else DELETED)
        elif item.named:
            size = entry.size or 0
            indicators = look.matcher.selector.file_indicators(item.name, size, named=True)
            yield from look.file(item, indicators, size)
        elif int(hit.why) & _SELECTED:
            yield from look.selected(
                item, entry.size or 0, hit.head if self.by_path is None else None
            )

    def _streams(self, item: Record) -> Iterator[Observation]:
        """Alternate streams that are looked at whatever the look at the file says."""
        entry = item.entry
        if self.look.is_own(item.shown):
            return
        for stream in entry.streams:
            if not stream.name or stream is compressed_stream(entry):
                continue
            if stream.name.casefold() == ZONE_STREAM.casefold():
                if stream.resident and not item.readable:
                    yield from self._origin(item)
                continue
            is_there = stream.resident or self.volume.has_clusters
            if is_there and (entry.live or stream.resident or self.volume.still_free(stream)):
                yield from self.look.stream(item, stream.name, stream.size)
            elif self.look.matcher.selector.matching_names([stream.name]):
                why = _IN_USE_AGAIN if is_there else OF_A_COPY
                yield self._name_of_stream(item, stream.name, stream.size, why)

    def _origin(self, item: Record) -> Iterator[Observation]:
        """What its zone identifier says of a file whose content is not looked at."""
        try:
            with item.open_stream(ZONE_STREAM) as content:
                urls = read_zone(read_up_to(content, MAX_ZONE_BYTES)).urls
        except OSError as error:
            self.look.missed(error, f"{item.shown}:{ZONE_STREAM}")
            return
        yield from zone_observations(item, item.about(), urls, item.shown)

    def _name_of_stream(self, item: Record, name: str, size: int, why: str) -> Observation:
        place = f"{item.shown}:{name}"
        return Observation(
            source=SOURCE,
            seen="alternate data stream",
            claim=Claim.EXISTS,
            place=Place(text=place),
            file=File(path=item.shown, name=name, size=size, stream=name, inode=item.about().inode),
            remarks=(*item.remarks, why),
        )

    def _mention(self, found: RawHit) -> Iterator[Observation]:
        if found.place == SMALL_FILE:
            return
        path = None
        if found.reference is not None:
            try:
                path = self._path_of(found.reference).text
            except OSError:
                path = None
        shown = windows_files.shown(f"{self.raw.prefix}{path or '?'}")
        if path and self.look.target.own.has_folder_of(shown):
            self.look.ledger.own += 1
            return
        place = f"{shown} ($MFT record {found.record}, {found.place})"
        try:
            hits = self.look.matcher.scan(found.text.encode("utf-16-le", "surrogatepass"))
        except ScanFailed as error:
            self.volume.account.unread(f"scan of the bytes: {error}", place)
            return
        if hits:
            yield Observation(
                source=SOURCE,
                seen=f"$MFT record: {found.place}",
                claim=Claim.MENTIONED,
                place=Place(text=place),
                file=File(path=shown) if path else None,
                hits=tuple(hits),
            )


class _InOrder:
    """Hits, to be looked at in the order in which they lie on the disk."""

    def __init__(self) -> None:
        self._placed: list[tuple[int, int, Hit]] = []
        self._runs = 0

    def add(self, hit: Hit) -> None:
        """Raises NtfsError if its record cannot be read."""
        place = hit.answer.cluster
        if place is None:
            # Content that is kept in the record needs no way.
            place = hit.place
            self._runs += hit.runs
        self._placed.append((place, len(self._placed), hit))

    @property
    def is_full(self) -> bool:
        return len(self._placed) >= _IN_ORDER or self._runs >= _RUNS_IN_ORDER

    def __iter__(self) -> Iterator[Hit]:
        placed, self._placed = sorted(self._placed, reverse=True), []
        while placed:
            yield placed.pop()[-1]  # What was made of it goes with it.


def _is_in_its_record(entry: MftEntry) -> bool:
    """Whether all of its content is kept there; yes for a file without content."""
    stream = compressed_stream(entry) or entry.stream()
    return stream is None or stream.resident


def _short_only(entry: MftEntry, wanted: Collection[str]) -> list[Name]:
    """8.3 names that are wanted, of a file whose long names are not."""
    if not wanted or not entry.long_names or any(name.text in wanted for name in entry.long_names):
        return []
    return [name for name in entry.names if name.is_short and name.text in wanted]
