"""Files that are too large to be held: looked at in windows, and asked for no more than what hits.

Each window begins with the end of the one before, so that nothing is cut in two.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol

from msgspec import structs

if TYPE_CHECKING:
    from ..formats.paged import Bytes
    from ..matching.record_rules import RecordRules
    from ..model.observation import ByteHit

WINDOW = 1 << 20
"""Bytes that are scanned at once."""
_OVERLAP = 64 << 10
"""Where occurrences may be of any length."""
_BEFORE = 16
"""Bytes in front of a window that tell whether a word begins with it."""


class Searched(Protocol):
    """Bytes, held or paged, in which something occurs."""

    @property
    def data(self) -> Bytes: ...

    @property
    def rules(self) -> RecordRules: ...


class FoundInPages(NamedTuple):
    """All of a file, of which something occurs in some page."""

    data: Bytes
    rules: RecordRules


def windows_of(data: Bytes, rules: RecordRules) -> Iterator[tuple[int, bytes]]:
    """Each with where it begins."""
    overlap = rules.overlap if rules.overlap is not None else _OVERLAP
    for at in range(0, len(data), WINDOW):
        start = max(0, at - _BEFORE)
        yield start, data[start : at + WINDOW + overlap]


def occurs_in(data: Bytes, rules: RecordRules) -> bool:
    """As :meth:`RecordRules.occurs`. Raises ScanFailed."""
    return any(rules.occurs(window) for _, window in windows_of(data, rules))


def mentions_in(
    data: Bytes, rules: RecordRules, *, whole_words: bool = True
) -> Iterator[list[ByteHit]]:
    """As :meth:`RecordRules.mentions`, of each window in which there are any. Raises ScanFailed."""
    for number, (start, window) in enumerate(windows_of(data, rules)):
        if not rules.occurs(window):
            continue
        moved = [
            structs.replace(hit, offset=start + hit.offset)
            for hit in rules.mentions(window, whole_words=whole_words)
        ]
        # What begins behind a window is the next one's to tell.
        if hits := [hit for hit in moved if hit.offset // WINDOW == number]:
            yield hits


def first_mentions(data: Bytes, rules: RecordRules) -> list[ByteHit]:
    """Each indicator at its first place. Raises ScanFailed."""
    found: dict[str, ByteHit] = {}
    for hits in mentions_in(data, rules):
        for hit in hits:
            found.setdefault(hit.indicator, hit)
    return list(found.values())
