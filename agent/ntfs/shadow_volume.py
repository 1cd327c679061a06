"""The $MFT of a shadow copy, as far as it says something else than that of the next newer view.

What a copy does not keep is as it is later on, and is told there. So of its records only those are
read that lie in a block that it keeps, or at another place than later, and those that are the same
as later are left out: a copy costs what was written since, not what the volume holds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from .byte_source import ByteSource
from .errors import Account
from .fixups import mend_records
from .shadow_copies import BLOCK, Kept
from .volume import BUFFER, RecordBuffer, Volume


class ShadowVolume(Volume):
    """A volume as it was; :meth:`mft` tells only what was different. Single records, paths and
    contents are those of the whole view."""

    def __init__(
        self, source: ByteSource, kept: Kept, newer: Volume, account: Account | None = None
    ) -> None:
        """``source``: the view's bytes; ``kept``: what the copy itself keeps of them; ``newer``:
        the next newer view, or the volume as it is now.

        Raises as :class:`Volume`.
        """
        super().__init__(source, account)
        self._kept = kept
        self._newer = newer

    def mft(self, buffer: int = BUFFER) -> Iterator[RecordBuffer]:
        """As :meth:`Volume.mft`: records that differ, the others between them as zeros."""
        size = self.record_size
        step = max(1, buffer // size)
        failed, failed_later = [0], [0]
        is_like = self._newer.record_size == size
        for first, end in self._changed():
            for start in range(first, end, step):
                count = min(step, end - start)
                space, gaps = self.stored(start, count, failed)
                for place, missing, why in gaps:
                    self.account.unread(f"$MFT: {why}", f"byte {place:,}", missing)
                if is_like:
                    # What cannot be read there is zeros, and no record is like it.
                    later, _ = self._newer.stored(start, count, failed_later)
                    _blank_equal(space, later, size)
                mended = mend_records(space, count, size)
                yield RecordBuffer(start, count, bytes(space), mended)

    def _changed(self) -> Iterator[tuple[int, int]]:
        """Numbers of records, first and behind the last, that may differ; in order."""
        begun, end = -1, -1
        for first, behind in self._changed_bytes():
            one, other = first // self.record_size, -(-behind // self.record_size)
            if one > end:
                if begun >= 0:
                    yield begun, end
                begun = one
            end = max(end, min(other, self.records))
        if begun >= 0:
            yield begun, end

    def _changed_bytes(self) -> Iterator[tuple[int, int]]:
        """Bytes of the $MFT, block by block."""
        cluster, most = self.boot.cluster_size, self.records * self.record_size
        places = _Places(self._newer)
        for run in self.mft_runs:
            at, end = run.vcn * cluster, min((run.vcn + run.length) * cluster, most)
            while run.cluster is not None and at < end:
                place = run.cluster * cluster + at - run.vcn * cluster
                length = min(BLOCK - place % BLOCK, end - at)
                if self._kept.keeps(place & -BLOCK) or not places.are(at, place, length):
                    yield at, at + length
                at += length


class _Places:
    """Where the $MFT of a volume lies."""

    def __init__(self, volume: Volume) -> None:
        self._runs = [run for run in volume.mft_runs if run.cluster is not None]
        self._starts = [run.vcn for run in self._runs]
        self._cluster = volume.boot.cluster_size

    def are(self, at: int, place: int, length: int) -> bool:
        """Whether these bytes of it lie there in one piece."""
        index = bisect_right(self._starts, at // self._cluster) - 1
        if index < 0:
            return False
        run = self._runs[index]
        assert run.cluster is not None
        within = at - run.vcn * self._cluster
        inside = within + length <= run.length * self._cluster
        return inside and run.cluster * self._cluster + within == place


def _blank_equal(space: bytearray, other: bytearray, size: int) -> None:
    """Zero the records that are the same in both."""
    blank = bytes(size)
    for at in range(0, len(space), size):
        if space[at : at + size] == other[at : at + size]:
            space[at : at + size] = blank
