"""Whether an image is the one that was acquired: all its bytes, against its stored hashes.

Evidence: the MD5 and SHA-1 that whoever made an EnCase image wrote into it; of other containers,
which store none, the hashes are told and there is nothing to compare them with. With
``--check-hash`` alone: it takes as long as reading the whole medium.

Required where it was asked for: a medium that is not what was acquired, or cannot be read to its
end, is no ground for a clean verdict. Finds nothing, and counts nothing as examined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from msgspec import structs

from ..coverage import Ledger
from ..matching.matcher import Matcher
from ..model.custody import Checked, Exhibit
from ..model.objects import Hash
from ..model.observation import Observation
from ..ntfs import ByteSource, NtfsError
from ..reading.hashing import ALL, Hashing
from ..reading.opening import reason_of
from ..targets import Target
from ..targets.offline.at_rest import AtRest
from ..targets.offline.containers import Lacking
from ..targets.offline.exhibits import stored_hashes
from ..targets.offline.media import SharedMedium

NAME = "stored_hash"
EQUAL = "all bytes were read: the stored hash matches"
DIFFERENT = "stored hash does not match"
NOTHING_STORED = "all bytes were read and hashed; the container stores no hash to compare with"
NO_IMAGE = "no image was given, so that no hash is stored anywhere"
_BLOCK = 4 << 20
_PIECE = 32 << 10
"""Bytes that are tried one by one where a block cannot be read."""
_MOST_UNREAD = 100_000
"""Pieces; what lies behind so many is not tried."""


class StoredHashSource:
    """Reads every byte of every image that was given."""

    name = NAME

    def __init__(self, *, progress: Callable[[str], None] = lambda _: None) -> None:
        """``progress``: is told how far it came, and may raise to end it."""
        self._progress = progress
        self._results: dict[str, tuple[Checked, Hash | None]] = {}

    def required(self, target: Target) -> bool:  # noqa: ARG002 - of any: it was asked for
        """Always."""
        return True

    def observe(
        self,
        target: Target,
        matcher: Matcher,  # noqa: ARG002 - nothing is looked for
        ledger: Ledger,
    ) -> Iterator[Observation]:
        """Yields nothing; what came of it is in the ledger and in :meth:`told`."""
        images = target.images if isinstance(target, AtRest) else ()
        for image in images:
            self._check(image, ledger)
        if not images:
            ledger.note(NO_IMAGE)
        yield from ()

    def told(self, exhibit: Exhibit) -> Exhibit:
        """An exhibit, with what was read of it."""
        checked, read = self._results.get(exhibit.path, (None, None))
        return structs.replace(exhibit, checked=checked, read=read)

    def _check(self, image: SharedMedium, ledger: Ledger) -> None:
        try:
            medium = image.opened()
        except OSError as error:
            ledger.unread(_reason(error), image.path)
            self._results[image.path] = (Checked.NOT_READ, None)
            return
        reading = _Reading(medium.source, medium.lacking, lambda at: self._at(image.path, at))
        read = reading.hashed()
        ledger.bytes += reading.done
        for gap in reading.unread:
            ledger.unread(
                gap.why, f"{image.path} (bytes {gap.start:,} to {gap.start + gap.size:,})"
            )
        if read is None:
            self._results[image.path] = (Checked.NOT_READ, None)
            return
        checked = _compared(stored_hashes(medium), read)
        self._results[image.path] = (checked, read)
        if checked is Checked.DIFFERENT:
            ledger.unread(DIFFERENT, image.path)
        else:
            ledger.note(EQUAL if checked is Checked.EQUAL else NOTHING_STORED, image.path)

    def _at(self, path: str, done: int) -> None:
        self._progress(f"{path}: {done >> 20:,} MiB read and hashed")


def _compared(stored: Hash | None, read: Hash) -> Checked:
    if stored is None:
        return Checked.NOTHING_STORED
    names = [one.name for one in structs.fields(Hash) if getattr(stored, one.name) is not None]
    same = all(getattr(stored, name) == getattr(read, name) for name in names)
    return Checked.EQUAL if same else Checked.DIFFERENT


class _Unread(NamedTuple):
    """Bytes, one behind the other, that fail alike."""

    start: int
    size: int
    why: str


class _Reading:
    """All bytes of a medium, once: the next are read while those before are hashed."""

    def __init__(
        self, source: ByteSource, lacking: Sequence[Lacking], at: Callable[[int], object]
    ) -> None:
        """``lacking``: known from the start, and not tried; ``at``: is told the bytes read."""
        self._source = source
        self._lacking = sorted(one for one in lacking if one.size > 0)
        self._at = at
        self.done = 0
        """Bytes that were read."""
        self.unread: list[_Unread] = []
        self._pieces = 0

    def hashed(self) -> Hash | None:
        """None if not all could be read; :attr:`unread` says which."""
        hashings = [Hashing([name]) for name in sorted(ALL)]
        buffers, offset, turn = [bytearray(_BLOCK), bytearray(_BLOCK)], 0, 0
        running: list[Future[None]] = []
        with ThreadPoolExecutor(len(hashings)) as pool:
            while offset < self._source.size and self._pieces < _MOST_UNREAD:
                self._at(self.done)
                view = memoryview(buffers[turn])[: min(_BLOCK, self._source.size - offset)]
                whole = self._read(offset, view)
                for before in running:
                    before.result()
                running = []
                if whole and not self.unread:
                    running = [pool.submit(one.update, view) for one in hashings]
                offset, turn = offset + len(view), 1 - turn
            for last in running:
                last.result()
        if self._pieces >= _MOST_UNREAD:
            self._missed(offset, self._source.size - offset, "too much of it cannot be read")
        if self.unread:
            return None
        made = Hash()
        for one in hashings:
            told = one.result()
            for name in structs.fields(Hash):
                if (value := getattr(told, name.name)) is not None:
                    made = structs.replace(made, **{name.name: value})
        return made

    def _read(self, offset: int, view: memoryview) -> bool:
        """Whether all of a block could be read; else its pieces are tried."""
        known = self._is_lacking(offset, len(view))
        if known is not None and known.start <= offset and offset + len(view) <= known.end:
            self._missed(offset, len(view), known.why)
            return False
        if known is None:
            try:
                if self._source.read_into(offset, view) == len(view):
                    self.done += len(view)
                    return True
            except OSError:
                pass
        for start in range(0, len(view), _PIECE):
            self._piece(offset + start, view[start : start + _PIECE])
        return False

    def _piece(self, offset: int, view: memoryview) -> None:
        known = self._is_lacking(offset, len(view))
        why = known.why if known is not None else ""
        if known is None:
            try:
                if self._source.read_into(offset, view) == len(view):
                    self.done += len(view)
                    return
                why = "ends before it should"
            except OSError as error:
                why = _reason(error)
            self._pieces += 1
        self._missed(offset, len(view), why)

    def _is_lacking(self, offset: int, size: int) -> Lacking | None:
        for one in self._lacking:
            if one.start < offset + size and offset < one.end:
                return one
        return None

    def _missed(self, start: int, size: int, why: str) -> None:
        last = self.unread[-1] if self.unread else None
        if last is not None and last.why == why and last.start + last.size == start:
            self.unread[-1] = last._replace(size=last.size + size)
        elif size > 0:
            self.unread.append(_Unread(start, size, why))


def _reason(error: OSError) -> str:
    return error.what if isinstance(error, NtfsError) else reason_of(error)


__all__ = ["DIFFERENT", "EQUAL", "NAME", "NOTHING_STORED", "NO_IMAGE", "StoredHashSource"]
