"""The bytes of a hive in which a search finds all of its text.

A value longer than 16,344 bytes is cut into pieces that lie anywhere, so that a word over an edge
is in no one's sight; and what a hive in use holds is spread over itself and its logs. The text to
search is, one behind the other: the hive with its logs laid over it, its long values joined, the
pages as they were before (where a log changed them), and the logs as they are, older entries
included.

Format: M. Suhanov, "Windows registry file format specification", Big data; Data segment.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import NamedTuple

from . import FormatError
from .hive_cells import Pieces, Tries, pieces_at
from .hive_logs import BASE_BLOCK, Page, logged, replayed, with_entry
from .paged import Bytes, Joined, Overlay

_PAGE = 4096
_BETWEEN = bytes(4)
"""Stands between what does not belong together, so that no word is found across."""


class From(str, Enum):
    """Which bytes a part of the text is of."""

    HIVE = "hive"
    """The hive as it stands, its logs laid over it."""
    FILE = "file"
    """The hive's file without its logs, where they changed it."""
    LOG = "log"


class Stretch(NamedTuple):
    """``start`` in the text is ``offset`` of the hive, or of log number ``log`` (0, 1 …)."""

    start: int
    offset: int
    source: From = From.HIVE
    log: int = 0


class State(NamedTuple):
    """``position``: in the file of the hive in that state. ``entry``: the number of the log's entry
    that holds it; ``log``: which log."""

    source: From
    log: int
    entry: int
    position: int


@dataclass(frozen=True)
class HiveText:
    """``searched``: what to search; the hive itself where it has no logs and no long value."""

    searched: Bytes
    hive: Bytes
    """With its logs laid over it; the text begins with it."""
    entries: tuple[int, ...]
    problem: str
    """Both as of :class:`~agent.formats.hive_logs.Replay`."""
    stretches: tuple[Stretch, ...]
    file: Bytes
    logs: tuple[Bytes, ...] = ()
    unjoined: bool = False
    """Whether long values were left as they are: their pieces overlap, which no honest ones do."""

    @property
    def data(self) -> bytes:
        """All that is searched."""
        return self.searched[:]

    def origin(self, position: int) -> Stretch:
        """Where the byte at a position of ``data`` comes from: a stretch of its own."""
        which = self.stretches[max(0, bisect_right(self._starts, position) - 1)]
        return which._replace(start=position, offset=which.offset + position - which.start)

    @cached_property
    def _starts(self) -> list[int]:
        return [stretch.start for stretch in self.stretches]

    @cached_property
    def _pages(self) -> list[list[tuple[Page, int]]]:
        """Of each log, its pages in the order in which they lie there, with their entry."""
        return [
            [(page, entry.number) for entry in logged(log) for page in entry.pages]
            for log in self.logs
        ]

    def state(self, position: int) -> State:
        """The hive as it stood when it held the byte at a position of ``data``, and where in it.

        Raises:
            FormatError: a byte of a log that belongs to no page of a hive.
        """
        origin = self.origin(position)
        if origin.source is From.HIVE:
            return State(From.HIVE, 0, 0, origin.offset)
        if origin.source is From.FILE:
            return State(From.FILE, 0, 0, origin.offset)
        pages = self._pages[origin.log]
        which = bisect_right(pages, origin.offset, key=lambda logged: logged[0].at) - 1
        if which >= 0:
            page, entry = pages[which]
            if origin.offset < page.at + page.size:
                within = BASE_BLOCK + page.offset + origin.offset - page.at
                return State(From.LOG, origin.log, entry, within)
        raise FormatError("no page of a hive", f"log, 0x{origin.offset:x}")

    def hive_in(self, state: State) -> Bytes:
        """The bytes of the hive in such a state; of an entry that was not applied, the hive with
        the pages of that entry alone.
        """
        if state.source is From.HIVE:
            return self.hive
        if state.source is From.FILE:
            return self.file
        log = self.logs[state.log]
        entry = next(entry for entry in logged(log) if entry.number == state.entry)
        return with_entry(self.hive, log, entry)


def text_of(hive: Bytes, logs: Sequence[Bytes] = ()) -> HiveText:
    """Everything of a hive and its logs that holds text. Never raises for bytes; at most four times
    those that it is given. Of a hive that is paged, the text is.
    """
    replay = replayed(hive, logs)
    whole = replay.hive
    parts: list[tuple[Bytes, int, int]] = [(whole, 0, len(whole))]
    stretches = [Stretch(0, 0)]
    at = len(whole)
    beside = _Beside(hive, whole, logs)
    for source, log, part, pieces in beside.parts():
        at += len(_BETWEEN)
        parts.append((_BETWEEN, 0, len(_BETWEEN)))
        for start, end in pieces:
            if end <= start:
                continue  # A piece that holds nothing is nowhere.
            stretches.append(Stretch(at, start, source, log))
            parts.append((part, start, end))
            at += end - start
    searched = whole
    if len(parts) > 1:
        joined = Joined(parts)
        searched = joined[:] if isinstance(whole, bytes) else joined
    return HiveText(
        searched,
        whole,
        replay.entries,
        replay.problem,
        tuple(stretches),
        hive,
        tuple(logs),
        beside.unjoined,
    )


class _Beside:
    """What is searched behind the hive as it stands."""

    def __init__(self, before: Bytes, after: Bytes, logs: Sequence[Bytes]) -> None:
        self._before, self._after, self._logs = before, after, logs
        self.unjoined = False

    def parts(self) -> Iterator[tuple[From, int, Bytes, Pieces]]:
        """Which bytes these are, and the pieces of them that are searched as one."""
        before, after = self._before, self._after
        for pieces in self._long_values(after):
            yield From.HIVE, 0, after, pieces
        if before is not after:
            for pieces in self._long_values(before):
                if any(before[start:end] != after[start:end] for start, end in pieces):
                    yield From.FILE, 0, before, pieces
            for start, end in _changed(before, after):
                yield From.FILE, 0, before, [(start, end)]
        for number, log in enumerate(self._logs):
            yield From.LOG, number, log, [(0, len(log))]

    def _long_values(self, hive: Bytes) -> Iterator[Pieces]:
        """Where the pieces of each long value lie, in their order: values in use first, then
        deleted ones, together at most as many bytes as the hive has."""
        room, tries = len(hive), Tries(hive)
        for _, _, pieces in sorted(_lists_of_pieces(hive, tries)):
            room -= sum(end - start for start, end in pieces)
            if room < 0:
                self.unjoined = True
                return
            yield pieces
        self.unjoined |= tries.ended


def _lists_of_pieces(hive: Bytes, tries: Tries) -> Iterator[tuple[bool, int, Pieces]]:
    """Whether its cell is free, its offset in the file, and the pieces of each ``db`` cell."""
    at = hive.find(b"db", BASE_BLOCK)
    while at >= 0 and not tries.ended:
        if at & 7 == 4:
            pieces = pieces_at(hive, at, tries)
            if pieces:
                yield hive[at - 1 : at] < b"\x80", at, pieces
        at = hive.find(b"db", at + 2)


def _changed(before: Bytes, after: Bytes) -> Iterator[tuple[int, int]]:
    """Stretches of the file that logs changed, a page on either side with them: a word may begin
    or end there.
    """
    start, end = 0, 0
    for at in range(0, len(before), _PAGE):
        if isinstance(after, Overlay) and not after.changed(at, at + _PAGE):
            continue
        if before[at : at + _PAGE] == after[at : at + _PAGE]:
            continue
        if end and at - _PAGE > end:
            yield start, end
            end = 0
        if not end:
            start = max(at - _PAGE, 0)
        end = min(at + 2 * _PAGE, len(before))
    if end:
        yield start, end
