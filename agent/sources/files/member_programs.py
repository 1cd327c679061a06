"""Programs as members of archives: whether one may be the campaign's by its exports, whatever its
name and size, and whether an archive lies behind it, which it would unpack.

Told from a stream of the member's bytes, which is unpacked again where something before is asked
for: never more of it is kept than a few megabytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ...formats import FormatError
from ...formats.compressed import TOO_LARGE as TOO_LARGE_UNPACKED
from ...formats.kinds import ZIP_END
from ...formats.pe import holds_export
from ...formats.zip_archive import Member
from ...formats.zip_unpacking import pieces
from ...indicators import FileIndicator
from .facts import TOO_LARGE
from .open_archive import OpenArchive

MAGIC = b"MZ"
_KEPT = 4 << 20
_FIRST = 128 << 10


class MemberBytes:
    """A member's bytes by their offset."""

    def __init__(
        self, archive: OpenArchive, member: Member, limit: int, progress: Callable[[], object]
    ) -> None:
        """``limit``: of those that cannot be unpacked piece by piece; ``progress``: is called at
        each piece, and may raise to end the sweep."""
        self._archive = archive
        self._member = member
        self._limit = limit
        self._progress = progress
        self._begin()

    def at(self, offset: int, length: int) -> bytes:
        """Fewer at the end. Raises OSError, FormatError: damaged, or beyond the bounds."""
        if offset < self._start:
            self._begin()
        while self._end < offset + length and self._more(max(0, self._end - offset)):
            pass
        begin = offset - self._start
        return bytes(self._held[begin : begin + length])

    def last(self, length: int) -> bytes:
        """So many at the end, or all. Raises as :meth:`at`."""
        while self._more(length):
            pass
        return bytes(self._held[-length:])

    @property
    def _end(self) -> int:
        return self._start + len(self._held)

    def _begin(self) -> None:
        self._start, self._held = 0, bytearray()
        self._pieces = self._unpacked()

    def _more(self, keep: int) -> bool:
        """Whether there are more, which follow those that are held: the last ones, at least
        ``keep``."""
        self._progress()
        if self._archive.budget.probed <= 0:
            raise FormatError(TOO_LARGE_UNPACKED, self._member.name)
        piece = next(self._pieces, b"")
        self._archive.budget.probed -= len(piece)
        if len(self._held) > max(_KEPT, keep):
            gone = len(self._held) - keep
            self._start += gone
            del self._held[:gone]
        self._held += piece
        return bool(piece)

    def _unpacked(self) -> Iterator[bytes]:
        if self._archive.unpacks is None:
            yield from pieces(self._archive.file, self._member)
            return
        given, wanted = 0, _FIRST
        while True:
            most = min(wanted, self._limit + 1)
            data = self._archive.unpacks(self._member, most)
            if len(data) > self._limit:
                raise FormatError(f"archive member {TOO_LARGE}", self._member.name)
            yield data[given:]
            if len(data) < most:
                return
            given, wanted = len(data), wanted * 8


def is_wanted(content: MemberBytes, programs: tuple[FileIndicator, ...]) -> bool:
    """Whether a program is to be looked at as a whole: for ``programs``, indicators by exports, or
    for what lies behind it. Raises OSError, FormatError."""
    names = frozenset(one.value for one in programs)
    if names and holds_export(content.at, names):
        return True
    return content.last(ZIP_END).startswith(b"PK\5\6")
