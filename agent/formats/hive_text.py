"""The bytes of a hive in which a search finds all of its text.

A value longer than 16,344 bytes is cut into pieces that lie anywhere, so that a word over an edge
is in no one's sight; and what a hive in use holds is spread over itself and its logs. The text to
search is, one behind the other: the hive with its logs laid over it, its long values joined, the
pages as they were before (where a log changed them), and the logs as they are, older entries
included.

Format: M. Suhanov, "Windows registry file format specification", Big data; Data segment.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import NamedTuple

from .hive_cells import SEGMENT
from .hive_logs import BASE_BLOCK, Replay, replayed

_PAGE = 4096
_CUT = SEGMENT + 4
_BETWEEN = bytes(4)
"""Stands between what does not belong together, so that no word is found across."""

Pieces = list[tuple[int, int]]
"""Each from a position in the file up to another."""


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


class HiveText(NamedTuple):
    """``data``: what to search; the hive itself where it is clean, has no logs and no long value.

    ``problem``: "" or why ``replay`` may not be the whole hive.
    """

    data: bytes
    replay: Replay
    stretches: tuple[Stretch, ...]

    def origin(self, position: int) -> Stretch:
        """Where the byte at a position of ``data`` comes from: a stretch of its own."""
        starts = [stretch.start for stretch in self.stretches]
        which = self.stretches[max(0, bisect_right(starts, position) - 1)]
        return which._replace(start=position, offset=which.offset + position - which.start)


def text_of(hive: bytes, logs: Sequence[bytes] = ()) -> HiveText:
    """Everything of a hive and its logs that holds text. Never raises; at most four times the bytes
    that it is given.
    """
    replay = replayed(hive, logs)
    whole = replay.data
    parts: list[bytes] = [whole]
    stretches = [Stretch(0, 0)]
    at = len(whole)
    for source, log, part, pieces in _beside(hive, whole, logs):
        at += len(_BETWEEN)
        parts.append(_BETWEEN)
        for start, end in pieces:
            stretches.append(Stretch(at, start, source, log))
            parts.append(part[start:end])
            at += end - start
    return HiveText(b"".join(parts) if len(parts) > 1 else whole, replay, tuple(stretches))


def plain(hive: bytes) -> bytes:
    """A hive and behind it, joined, its values that are cut into pieces. Never raises."""
    return text_of(hive).data


def _beside(
    before: bytes, after: bytes, logs: Sequence[bytes]
) -> Iterator[tuple[From, int, bytes, Pieces]]:
    """What is searched behind the hive as it stands."""
    for pieces in long_values(after):
        yield From.HIVE, 0, after, pieces
    if before is not after:
        for pieces in long_values(before):
            if any(before[start:end] != after[start:end] for start, end in pieces):
                yield From.FILE, 0, before, pieces
        for start, end in _changed(before, after):
            yield From.FILE, 0, before, [(start, end)]
    for number, log in enumerate(logs):
        yield From.LOG, number, log, [(0, len(log))]


def long_values(hive: bytes) -> Iterator[Pieces]:
    """Where the pieces of each long value lie, in their order: values in use first, then deleted
    ones, together at most as many bytes as the hive has.
    """
    room = len(hive)
    for _, _, pieces in sorted(_lists_of_pieces(hive)):
        room -= sum(end - start for start, end in pieces)
        if room < 0:
            return
        yield pieces


def _lists_of_pieces(hive: bytes) -> Iterator[tuple[bool, int, Pieces]]:
    """Whether its cell is free, its offset in the file, and the pieces of each ``db`` cell."""
    room = len(hive) // 4
    at = hive.find(b"db", BASE_BLOCK)
    while at >= 0 and room >= 0:
        if at & 7 == 4:
            pieces = pieces_at(hive, at)
            room -= len(pieces)
            if pieces:
                yield hive[at - 1] < 0x80, at, pieces
        at = hive.find(b"db", at + 2)


def pieces_at(hive: bytes, at: int) -> Pieces:
    """Of a long value whose ``db`` record begins there in the file, in use or not; [] for none."""
    if hive[at : at + 2] != b"db" or at + 8 > len(hive):
        return []
    count, offset = struct.unpack_from("<HI", hive, at + 2)
    start = BASE_BLOCK + 4 + offset
    listed = hive[start : start + 4 * count]
    if count < 2 or offset & 7 or len(listed) < 4 * count:
        return []
    found: Pieces = []
    for number, (segment,) in enumerate(struct.iter_unpack("<I", listed)):
        cell = BASE_BLOCK + segment
        if segment & 7 or cell + 8 > len(hive):
            return []
        size = min(abs(struct.unpack_from("<i", hive, cell)[0]), _CUT)
        if size < _CUT and number < count - 1:
            return []  # all but the last are full
        found.append((cell + 4, min(cell + size, len(hive))))
    return found


def _changed(before: bytes, after: bytes) -> Iterator[tuple[int, int]]:
    """Stretches of the file that logs changed, a page on either side with them: a word may begin
    or end there.
    """
    start, end = 0, 0
    for at in range(0, len(before), _PAGE):
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
