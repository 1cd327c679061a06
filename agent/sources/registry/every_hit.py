"""Where bytes mention indicators: every place, not only the first of each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from ...engine.scanner import ScanFailed
from ...model.observation import ByteHit
from ..in_pages import windows_of

if TYPE_CHECKING:
    from ...coverage import Part
    from ..in_pages import Searched

MAX_HITS = 20_000
"""Of one file."""
WINDOW = 64 << 10
NEAR = 2 << 10
"""Bytes that are looked at behind a hit, then twice as many, up to a window."""


def hits_in(found: Searched, part: Part) -> list[ByteHit]:
    """All hits by their places in ``found.data``, in order; more than 20,000, and what cannot be
    scanned, are gaps of the account.
    """
    return _bounded(_hits(found, found.rules.mentions), part)


def may_be_mentioned(found: Searched) -> bool:
    """Whether any indicator is, beside letters and digits too; yes where that cannot be scanned."""
    try:
        windows = windows_of(found.data, found.rules)
        return any(found.rules.candidates(window) for _, window in windows)
    except ScanFailed:
        return True


def doubtful_in(found: Searched, part: Part, hits: Collection[ByteHit]) -> list[ByteHit]:
    """Those beside letters or digits, which may be of another record, and what only says where a
    record is worth parsing; ``hits``: all others. None where those are too many already.
    """
    if len(hits) >= MAX_HITS:
        return []
    known = {(hit.indicator, hit.offset) for hit in hits}
    candidates = _hits(found, found.rules.candidates)
    others = (hit for hit in candidates if (hit.indicator, hit.offset) not in known)
    return _bounded(others, part)


def copies_in(found: Searched, part: Part) -> list[ByteHit]:
    """Those that are names of numbered copies, turned ones too."""
    return _bounded(_hits(found, found.rules.copies), part)


def turned_in(found: Searched, part: Part) -> list[ByteHit]:
    """Those that stand there in ROT13."""
    return _bounded(_hits(found, found.rules.turned), part)


def _bounded(found: Iterator[ByteHit], part: Part) -> list[ByteHit]:
    hits: list[ByteHit] = []
    try:
        hits += islice(found, MAX_HITS + 1)
    except ScanFailed as error:
        part.unread(f"scan of the bytes: {error}")
    if len(hits) > MAX_HITS:
        part.unread(f"more than {MAX_HITS:,} hits in it")
    return hits[:MAX_HITS]


def _hits(found: Searched, scan: Callable[[bytes], list[ByteHit]]) -> Iterator[ByteHit]:
    """Scans from behind each hit on: a scan tells the first place of each indicator alone. Where
    one hit is, others are likely: there windows are small."""
    overlap = found.rules.overlap if found.rules.overlap is not None else WINDOW
    start, size = 0, WINDOW
    while start < len(found.data):
        window = found.data[start : start + size + overlap]
        hits = scan(window)
        if not hits:
            start += size
            size = min(2 * size, WINDOW)
            continue
        size = NEAR
        first = min(hit.offset for hit in hits)
        for hit in hits:
            if hit.offset == first:
                yield ByteHit(hit.indicator, start + first, hit.excerpt)
        start += first + 1
