"""The sweep of a $MFT: one pass over its bytes, and a parsed entry for each file that hits.

What hits: a wanted name of a file, a folder or an alternate stream, live or deleted; a stream of a
wanted size, live or deleted; and those live files that a walk with the same selection would single
out, or find a stream of a wanted extension at. Where bytes hit that are no name, a mention tells
of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct, field

from ..engine.scanner import (
    TOO_MANY,
    Occurrences,
    PatternScanner,
    ScanFailed,
    scanned_ahead,
)
from ..reading.openings import MAX_HEAD
from ..spelling import fold
from . import attributes as kinds
from .assembly import Parts
from .entry import MftEntry
from .extensions import Extensions
from .lznt1 import beginning
from .paths import ResolvedPath
from .patterns import Wanted, least_patterns, name_patterns, size_patterns, stream_patterns
from .programs import Programs
from .quick_check import QuickAnswer, quick_check
from .record import BAAD, IN_USE, SIGNATURE, Record
from .reference import FIRST_USER_RECORD, Reference
from .selection import NOTHING, Selected
from .singled_out import selected
from .usual import Usual
from .volume import RecordBuffer, Volume

_NAMES, _SIZES, _LEAST, _STREAMS = "names", "sizes", "least", "streams"
_LEAST_READ = 4 * MAX_HEAD
"""Bytes, of which all first ones come, be they compressed."""
MAX_EXCERPT = 128
"""Bytes of a mention shown."""


class Hit:
    """A file that is to be looked at."""

    __slots__ = ("_data", "_entry", "_volume", "answer", "head", "number", "wanted")

    def __init__(
        self,
        volume: Volume,
        number: int,
        data: bytes,
        answer: QuickAnswer,
        wanted: tuple[str, ...] = (),
        entry: MftEntry | None = None,
    ) -> None:
        """``number`` and ``data``: of its record; ``entry``: that, parsed."""
        self.number = number
        self.answer = answer
        """What the first look said; where that tells of a cluster, its record need not be parsed to
        find its first bytes."""
        self.wanted = wanted
        """The names, of the file or of its streams, that are wanted."""
        self._volume = volume
        self._data = data
        self._entry = entry
        self.head: bytes | None = None
        """The first bytes of its content, where :meth:`may_begin_so` read them."""

    @property
    def why(self) -> Selected:
        """What it is singled out for."""
        return self.answer.why

    @property
    def place(self) -> int:
        """The cluster in which its content begins, -1 for none. Raises NtfsError."""
        stream = self.entry.stream()
        runs = () if stream is None else stream.runs
        return next((run.cluster for run in runs if run.cluster is not None), -1)

    @property
    def runs(self) -> int:
        """Of all its streams."""
        return sum(len(stream.runs) for stream in self.entry.streams)

    def may_begin_so(self) -> bool:
        """Whether the first bytes of its content, read here, leave it worth a look; True too where
        they are not told."""
        _, heads, cluster, is_packed = self.answer
        if cluster is None:
            return True
        place = cluster * self._volume.boot.cluster_size
        try:
            head = self._volume.source.read_at(place, _LEAST_READ)
            if is_packed:
                head = beginning(head, MAX_HEAD)
        except OSError:
            return True  # The look at the file tells why.
        if len(head) < MAX_HEAD:
            return True
        self.head = head
        return head.startswith(heads)

    @property
    def entry(self) -> MftEntry:
        """The parsed file; made when it is first asked for. Raises NtfsError."""
        if self._entry is None:
            self._entry = self._volume.entry(Record(self.number, self._data))
        return self._entry

    @property
    def paths(self) -> list[ResolvedPath]:
        """As :meth:`Volume.paths`."""
        return self._volume.paths(self.entry)


class RawHit(Struct, frozen=True):
    """Bytes of a record that look like a wanted name and are none of its names.

    ``place``: the content of a small file, a link's target, slack: what is left of an older use, or
    a damaged record.
    """

    record: int
    offset: int
    """Byte in the record."""
    text: str
    place: str
    reference: Reference | None = None
    """Of the file that the record belongs to, if it can be told."""


class ScanCounts(Struct):
    """What the pass saw, in records."""

    records: int = 0
    in_use: int = 0
    deleted: int = 0
    """Signed and not in use: deleted files, and records never used."""
    blank: int = 0
    """All zeros, but for the mark of a torn record."""
    torn: int = 0
    """Written in part: looked at as they are."""
    unreadable: int = 0
    """Neither signed nor blank; only their bytes were compared. No gap where the $MFT's bitmap says
    that they are not in use."""
    bytes: int = 0


class MftScan(Struct):
    """Scans the $MFT of one volume, once."""

    volume: Volume
    wanted: Wanted
    counts: ScanCounts = field(default_factory=ScanCounts)
    progress: Callable[[], None] = lambda: None
    """Called before the records of each buffer; may raise, to end the scan."""
    programs: Programs | None = None
    """Tells records that hold a program where one is wanted."""
    _later: dict[int, list[int]] = field(default_factory=dict)
    """Base records, which may lie before the buffer at hand, of those that hit."""
    _told: set[int] = field(default_factory=set)
    """Records with further ones, looked at in their turn."""

    def hits(self) -> Iterator[Hit | RawHit]:
        """Everything found, roughly in the order of the $MFT. The counts grow meanwhile."""
        size, wanted = self.volume.record_size, self.wanted
        usual = Usual(wanted.selection, size)
        extensions = Extensions(wanted.selection, usual)
        scanner = PatternScanner(
            {
                _NAMES: name_patterns(wanted.names, wanted.pieces),
                _SIZES: size_patterns(wanted.selection.exact_sizes, size),
                _LEAST: least_patterns(wanted.selection.least_size),
                _STREAMS: stream_patterns() if extensions else [],
            }
        )
        buffers = ((buffer, buffer.data) for buffer in self.volume.mft())
        for buffer, found in scanned_ahead(scanner, buffers):
            self.progress()
            self._count(buffer)
            forms = b"" if wanted.everything else usual.forms(buffer)
            places = self._places(buffer, self._matches(found, buffer), extensions)
            answers = self._extensions(buffer, forms, extensions, places)
            torn = frozenset(buffer.mended.torn)
            programs = self._programs(buffer)
            for index in sorted(places.keys() | answers.keys() | programs):
                number, also = buffer.first + index, NOTHING
                if index in programs:
                    also = Selected.PROGRAM
                if places.get(index) or index in torn or wanted.everything:
                    answer = None
                else:
                    answer = answers.get(index) or self._answer(buffer, index, forms, usual)
                if answer is None:
                    record = Record(number, buffer.record(index), torn=index in torn)
                    yield from self._look(record, places.get(index, []), also)
                elif also:
                    why = QuickAnswer(answer.why | also)
                    yield Hit(self.volume, number, buffer.record(index), why)
                elif answer.why:
                    yield Hit(self.volume, number, buffer.record(index), answer)
        for number, further in sorted(self._later.items()):
            self.progress()
            yield from self._base(number, further)

    def _programs(self, buffer: RecordBuffer) -> set[int]:
        """Places in the buffer of records that hold one."""
        if self.programs is None:
            return set()
        least = FIRST_USER_RECORD - buffer.first
        return {index for index in self.programs.candidates(buffer) if index >= least}

    def _places(
        self, buffer: RecordBuffer, matches: Iterable[tuple[str, int]], extensions: Extensions
    ) -> dict[int, list[int]]:
        """Offsets of names by the place in the buffer of each record that is to be looked at."""
        size, places = self.volume.record_size, dict[int, list[int]]()
        for rule, offset in matches:
            if rule == _NAMES:
                places.setdefault(offset // size, []).append(offset % size)
            elif rule == _SIZES or (
                self._is_in_use(buffer.data, offset)
                and (rule == _LEAST or extensions.holds_stream(buffer.data, offset))
            ):
                places.setdefault(offset // size, [])
        if self.wanted.everything:
            for index in range(buffer.count):
                places.setdefault(index, [])
        return places

    def _extensions(
        self,
        buffer: RecordBuffer,
        forms: bytes,
        extensions: Extensions,
        places: dict[int, list[int]],
    ) -> dict[int, QuickAnswer]:
        """Answers for records with a wanted extension; to the places come those without one."""
        if self.wanted.everything or not extensions:
            return {}
        answers, others = extensions.found(buffer.data, forms)
        for index in others:
            places.setdefault(index, [])
        return answers

    def _answer(
        self, buffer: RecordBuffer, index: int, forms: bytes, usual: Usual
    ) -> QuickAnswer | None:
        """For a record in which no name occurs; None: it has to be parsed."""
        form, answer = forms[index], None
        if form:
            answer = usual.answer(buffer.data, index * self.volume.record_size, form)
        if answer is None:
            number, selection = buffer.first + index, self.wanted.selection
            answer = quick_check(number, buffer.record(index), selection)
        return answer

    def _matches(
        self, matches: Callable[[], list[Occurrences]], buffer: RecordBuffer
    ) -> Iterator[tuple[str, int]]:
        """Pattern and offset."""
        try:
            found = matches()
        except ScanFailed as error:
            self.volume.account.unread(
                f"$MFT: scan failed: {error}", f"record {buffer.first}", count=buffer.count
            )
            return
        for name, places, more in found:
            if more:
                self.volume.account.unread(f"$MFT: {TOO_MANY}", f"record {buffer.first}")
            for offset, _ in places:
                yield name, offset

    def _is_in_use(self, data: bytes, offset: int) -> bool:
        start = offset - offset % self.volume.record_size
        return data[start + 0x16] & IN_USE != 0

    def _count(self, buffer: RecordBuffer) -> None:
        size, counts = self.volume.record_size, self.counts
        flags = buffer.data[0x16::size]
        odd = bytes(flag for flag in set(flags) if flag & IN_USE)
        in_use = sum(flags.count(flag) for flag in odd)
        for index in buffer.mended.unsigned:
            in_use -= flags[index] & IN_USE
            start, account = index * size, self.volume.account
            first = start + len(BAAD) * buffer.data.startswith(BAAD, start)
            if buffer.data.count(0, first, start + size) == start + size - first:
                counts.blank += 1
                continue
            counts.unreadable += 1
            tell = account.note if self.volume.is_unused(buffer.first + index) else account.unread
            tell("$MFT: record without a signature", f"record {buffer.first + index}")
        for index in buffer.mended.torn:
            self.volume.account.unread("$MFT: record torn", f"record {buffer.first + index}")
        counts.torn += len(buffer.mended.torn)
        counts.records += buffer.count
        counts.bytes += len(buffer.data)
        counts.in_use += in_use
        counts.deleted += buffer.count - in_use - len(buffer.mended.unsigned)

    # ---- One record that may hold something

    def _look(self, record: Record, places: list[int], also: Selected) -> Iterator[Hit | RawHit]:
        """``also``: what it is singled out for whatever its entry says."""
        if record.data[:4] != SIGNATURE:
            for offset in places:
                if self._resembles(record.data, offset):
                    yield self._mention(record, offset, "record without a signature")
            return
        if record.extends:
            further = self._later.setdefault(record.base.number, [])
            if not self._is_ours(record):
                yield from self._assess(self.volume.entry(record), record, places)
            else:
                further.append(record.number)
                yield from self._mentions(record, places, record.base)
            return
        parts = self.volume.parts(record)
        goes_on = _goes_on(parts)
        if goes_on:
            self._told.add(record.number)
        whole = goes_on or self.wanted.everything
        yield from self._assess(self.volume.assembled(parts), record, places, also, whole=whole)

    def _is_ours(self, record: Record) -> bool:
        """Whether the record's base knows of it; then the base tells of both."""
        try:
            base = self.volume.record(record.base.number)
        except OSError:
            return False
        return (
            base.signed
            and not base.extends
            and (base.sequence - record.base.sequence) % 0xFFFF <= 1
            and base.in_use == record.in_use
            and any(one.type == kinds.ATTRIBUTE_LIST for one in base.sound_attributes()[0])
        )

    def _base(self, number: int, further: list[int]) -> Iterator[Hit | RawHit]:
        """``further``: those of its records that hit. One that its attribute list does not name
        stands for itself."""
        try:
            record = self.volume.record(number)
        except OSError:
            return  # Its extensions stood for themselves.
        if not record.signed or record.extends:
            return
        parts = self.volume.parts(record)
        if number not in self._told and _goes_on(parts):  # Or its own record told all of it.
            yield from self._assess(self.volume.assembled(parts), record, [])
        known = {holder.number for _, holder in parts.found}
        for other in further:
            if other not in known:
                yield from self._unnamed(other)

    def _unnamed(self, number: int) -> Iterator[Hit | RawHit]:
        try:
            record = self.volume.record(number)
        except OSError as error:
            self.volume.account.unread(f"$MFT: {error}", f"record {number}")
            return
        if record.in_use:
            # The file system's own files are listed by no walk.
            account, is_own = self.volume.account, record.base.number < FIRST_USER_RECORD
            tell = account.note if is_own else account.unread
            tell("$MFT: record that its file's attribute list does not name", f"record {number}")
        yield from self._assess(self.volume.entry(record), record, [])

    def _assess(
        self,
        entry: MftEntry,
        record: Record,
        places: list[int],
        also: Selected = NOTHING,
        *,
        whole: bool = True,
    ) -> Iterator[Hit | RawHit]:
        why = selected(entry, self.wanted) | also
        texts = [name.text for name in entry.names]
        streams = [stream.name for stream in entry.streams if stream.name]
        names: tuple[str, ...] = ()
        if (places or whole) and (texts or streams):
            found = set(self.wanted.is_wanted([*texts, *streams]))
            if found:
                names = tuple(dict.fromkeys(t for t in (*texts, *streams) if t in found))
                if not found.isdisjoint(texts):
                    why |= Selected.NAME
                if not found.isdisjoint(streams):
                    why |= Selected.STREAM_NAME
        if why:
            yield Hit(self.volume, record.number, record.data, QuickAnswer(why), names, entry)
        if entry.partial and (why or entry.live):
            reason = entry.notes[0]
            self.volume.account.unread(f"$MFT: {reason}", f"record {entry.number}")
        yield from self._mentions(record, places, entry.reference)

    def _mentions(
        self, record: Record, places: list[int], reference: Reference
    ) -> Iterator[RawHit]:
        if not places:
            return
        found, _ = record.sound_attributes()
        for offset in places:
            # A folder's slack holds its list of names as it once was.
            where = "" if record.in_use and record.is_folder else "slack of the record"
            for attribute in found:
                if attribute.start <= offset < attribute.start + attribute.length:
                    where = _PLACES.get(attribute.type, "other attribute")
                    if attribute.type == kinds.DATA and not (
                        attribute.resident and offset >= attribute.value
                    ):
                        where = ""
            if where and self._resembles(record.data, offset):
                yield self._mention(record, offset, where, reference)

    def _resembles(self, data: bytes, offset: int) -> bool:
        """Whether a whole name stands there, not only the stem that the scan looked for."""
        piece = data[max(0, offset - 64) & ~1 | offset & 1 : offset + 4 * MAX_EXCERPT]
        text = fold(piece[: len(piece) & ~1].decode("utf-16-le", "replace"))
        return self.wanted.mentioned(text)

    def _mention(
        self, record: Record, offset: int, place: str, reference: Reference | None = None
    ) -> RawHit:
        data = record.data[offset : offset + MAX_EXCERPT]
        text = data[: len(data) & ~1].decode("utf-16-le", "replace").partition("\0")[0]
        return RawHit(record.number, offset, text, place, reference)


_PLACES = {
    kinds.FILE_NAME: "",  # A name that only resembles a wanted one.
    kinds.INDEX_ROOT: "",  # A folder's list of names that other records have.
    kinds.ATTRIBUTE_LIST: "",
    kinds.DATA: "content of a small file",
    kinds.REPARSE_POINT: "target of a link",
}


def _goes_on(parts: Parts) -> bool:
    """Whether there is, or should be, more of a file than its first record holds."""
    return bool(parts.problems) or any(holder is not parts.record for _, holder in parts.found)
