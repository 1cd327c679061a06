"""Where the $MFT lies and how many records it has: asked of its own record and of $MFTMirr.

Each of the two may be damaged, or older than the other. The larger is believed where the volume
bears it out: the records in use by the $MFT's own bitmap, the clusters in use by $Bitmap, and the
signatures that stand there. [Russon] "$MFT", "$MFTMirr", "$BITMAP".
"""

from __future__ import annotations

from functools import cached_property

from msgspec import Struct

from . import attributes as kinds
from .allocation import BITMAP_RECORD, Allocation
from .assembly import Parts, collect, stream_of
from .boot_sector import BootSector
from .clusters import Clusters
from .content import BEYOND, ClusterContent, Layout
from .entry import Stream
from .errors import Account, NtfsError
from .record import BAAD, SIGNATURE, Record
from .run_list import Run

MAX_BITMAP = 1 << 26
"""Bytes of the $MFT's bitmap: for 500 million records."""
_MOST_MISSING = 1 << 40
_AT_ONCE = 1 << 20
"""Bytes of records per read."""
_MOST_UNTOLD = 64 << 20
"""Bytes of records that none tells of, and that are looked through for where they end."""
MIRROR = "$MFTMirr"


class MftPlace(Struct, frozen=True):
    """What was found."""

    runs: list[Run]
    size: int
    """Bytes."""
    used: bytes | None
    """A bit for each record that is in use, by the $MFT's bitmap; None if that is not known."""

    def is_free(self, number: int) -> bool:
        """Whether a record is known not to be in use."""
        return self.used is not None and not bit(self.used, number)


def bit(data: bytes, number: int) -> bool:
    """One bit of a bitmap; none behind its end."""
    return number >> 3 < len(data) and bool(data[number >> 3] & 1 << (number & 7))


class _Told(Struct, frozen=True, dict=True):
    """What one record 0 says."""

    copy: bool
    """Whether it is the one in $MFTMirr."""
    record: Record
    parts: Parts
    stream: Stream

    @property
    def size(self) -> int:
        """As told, in bytes."""
        return self.stream.size

    @cached_property
    def reach(self) -> int:
        """Clusters from the first one on; no $MFT has sparse runs."""
        following = 0
        for run in self.stream.runs:
            if run.cluster is None or run.vcn != following:
                break
            following += run.length
        return following

    @property
    def is_sound(self) -> bool:
        return not (self.record.torn or self.stream.damage or self.parts.problems)


class MftFinder:
    """Looks for the $MFT of one volume."""

    def __init__(self, clusters: Clusters, boot: BootSector, account: Account) -> None:
        self._clusters = clusters
        self._boot = boot
        self._account = account

    def find(self) -> MftPlace:
        """The account is told what was used in place of the first record, and what is missing.

        Raises:
            NtfsError: there is none.
        """
        told: list[_Told] = []
        why: NtfsError | None = None
        for place in (self._boot.mft_cluster, self._boot.mirror_cluster):
            try:
                told.append(self._told(place, copy=bool(told) or why is not None))
            except OSError as error:
                why = why or NtfsError(f"$MFT not found: {error}", f"cluster {place}")
        if not told:
            assert why is not None
            raise why
        chosen = self._chosen(told)
        if chosen.copy:
            lost = not told[0].is_sound or told[0].copy
            words = "damaged" if lost else "names fewer places than its copy"
            self._account.note(f"$MFT's first record {words}, its copy was used", MIRROR)
        elif chosen.parts.problems:
            problem = chosen.parts.problems[0]
            self._account.unread("$MFT: some of its runs cannot be read", problem)
        used = self._used(chosen)
        size = self._size(chosen, told, used)
        if size < self._boot.record_size:
            raise NtfsError("it is empty")
        return MftPlace(self._within(chosen), size, used)

    # ---- What each says

    def _told(self, place: int, *, copy: bool) -> _Told:
        size = self._boot.record_size
        data = self._clusters.source.read_at(place * self._boot.cluster_size, size)
        record = Record.raw(0, data.ljust(size, b"\0"))
        if not record.signed:
            raise NtfsError("no record there")
        own, _ = record.sound_attributes()
        data_parts = [(a, record) for a in own if a.type == kinds.DATA and not a.name]
        if not data_parts or data_parts[0][0].resident:
            raise NtfsError("its record does not say where it lies")
        stream, parts = stream_of("", data_parts), Parts(record, [(a, record) for a in own])
        if any(a.type == kinds.ATTRIBUTE_LIST for a in own):
            stream, parts = self._whole(record, stream)
        told = _Told(copy, record, parts, stream)
        if not told.reach:
            raise NtfsError(stream.damage or "it is empty")
        there = told.reach * self._boot.cluster_size
        if there > max(self._clusters.source.size, self._boot.volume_size):
            raise NtfsError("it is larger than the volume")
        return told

    def _whole(self, record: Record, stream: Stream) -> tuple[Stream, Parts]:
        """The $MFT's runs when they fill several records, which lie in the $MFT themselves: each
        one found may show where the next ones lie."""
        parts = Parts(record)
        for _ in range(64):
            content = self._clusters.by_runs(stream)
            parts = collect(record, _Records(content, self._boot.record_size), self._clusters.value)
            grown = stream_of("", [part for part in parts.of(kinds.DATA) if not part[0].name])
            if len(grown.runs) <= len(stream.runs):
                return grown, parts
            stream = grown
        return stream, parts

    # ---- Which of them is believed

    def _chosen(self, told: list[_Told]) -> _Told:
        main, *copies = told
        if not copies or main.stream.runs == copies[0].stream.runs:
            return main
        if main.is_sound and main.reach >= copies[0].reach:
            return main  # $MFTMirr is written later.
        return max(told, key=lambda one: (self._proven(one), one.is_sound, not one.copy))

    def _proven(self, told: _Told) -> int:
        """Clusters from the first one on that the volume bears out."""
        records = _Records(self._clusters.by_runs(told.stream), self._boot.record_size)
        allocation, proven = self._allocation(records), 0
        for run in told.stream.runs:
            if run.cluster is None or run.vcn != proven:
                break
            try:
                start = self._clusters.source.read_at(run.cluster * self._boot.cluster_size, 4)
                in_use = allocation is None or allocation.is_in_use(run)
            except OSError:
                break
            if not in_use or start not in (SIGNATURE, BAAD):
                break
            proven += run.length
        return proven

    def _allocation(self, records: _Records) -> Allocation | None:
        try:
            record = records(BITMAP_RECORD)
            own, _ = record.sound_attributes()
            data = [(a, record) for a in own if a.type == kinds.DATA and not a.name]
            bitmap = self._clusters.content(stream_of("", data)) if data else None
        except OSError:
            return None
        return None if bitmap is None else Allocation(bitmap, self._boot.clusters)

    # ---- How many records

    def _used(self, told: _Told) -> bytes | None:
        """The $MFT's bitmap."""
        pieces = [part for part in told.parts.of(kinds.BITMAP) if not part[0].name]
        if not pieces:
            return None
        most = min(MAX_BITMAP, self._boot.volume_size // self._boot.record_size // 8 + 8)
        try:
            stream = stream_of("", pieces)
            used = self._clusters.content(stream).read(most)
        except OSError:
            return None
        return None if stream.damage or stream.size > len(used) else used

    def _size(self, chosen: _Told, told: list[_Told], used: bytes | None) -> int:
        size = self._boot.record_size
        reach = chosen.reach * self._boot.cluster_size // size
        says = [one.size // size for one in told if one.is_sound or one is chosen]
        last, most = _last(used), max(says)
        missing = 0
        if last is not None:
            missing = last - reach
        elif min(says) > reach or len(says) == 1:
            missing = most - reach
        if missing > 0:
            why = chosen.stream.damage or "its runs end before it does"
            self._account.unread(f"$MFT: {why}", "", min(missing, _MOST_MISSING))
        found = min(reach, most if last is None else max(most, last))
        if last is None:
            found = self._signed_until(chosen, found, reach)
        if found != chosen.size // size and missing <= 0:
            self._account.note(
                "$MFT: not as many records as its first record says, all of them read",
                f"{found:,} in place of {chosen.size // size:,}",
            )
        return found * size

    def _signed_until(self, chosen: _Told, found: int, reach: int) -> int:
        """How many records there are up to the last one that carries a signature, of those beyond
        what is told; what cannot be read may be one."""
        size, end = self._boot.record_size, reach
        if (end - found) * size > _MOST_UNTOLD:
            return end
        stream, cluster_size = chosen.stream, self._boot.cluster_size
        layout = Layout(stream.runs, reach * size, reach * size, cluster_size)
        content = ClusterContent(self._clusters.source, layout)
        while end > found:
            start = max(found, end - _AT_ONCE // size)
            content.seek(start * size)
            try:
                data = content.read((end - start) * size) or b""
            except OSError:
                return end
            for at in range(len(data) - size, -1, -size):
                if data.startswith(SIGNATURE, at):
                    return start + at // size + 1
            end = start
        return found

    def _within(self, chosen: _Told) -> list[Run]:
        """The runs with what lies beyond the image's end left out, and said."""
        result: list[Run] = []
        size, missing = self._boot.cluster_size, 0
        for run in chosen.stream.runs:
            if run.cluster is None or run.vcn >= chosen.reach:
                break
            there = max(0, min(run.length, self._clusters.source.size // size - run.cluster))
            if there:
                result.append(Run(run.vcn, run.cluster, there))
            if there < run.length:
                result.append(Run(run.vcn + there, None, run.length - there))
                missing += run.length - there
        if missing:
            count = missing * size // self._boot.record_size
            self._account.unread(f"$MFT: {BEYOND}", "", max(1, count))
        return result


class _Records:
    """Single records by the runs that are known."""

    def __init__(self, content: ClusterContent, size: int) -> None:
        self._content = content
        self._size = size

    def __call__(self, number: int) -> Record:
        self._content.seek(number * self._size)
        data = self._content.read(self._size) or b""
        return Record.raw(number, data.ljust(self._size, b"\0"))


def _last(used: bytes | None) -> int | None:
    """How many records there are up to the last one in use; None if that is not known."""
    if used is None:
        return None
    kept = used.rstrip(b"\0")
    return 8 * (len(kept) - 1) + kept[-1].bit_length() if kept else 0
