"""How much an answer is worth: what a reader should know of what was seen, and how far back it
goes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from ..model.log_names import telling_log
from ..model.observation import utc
from ..model.report import Coverage, Reach, Reason
from .escape import shown
from .layout import counted, cut, flowed, when, wrapped

MOST_NOTES = 3
"""Of one source; the report has all."""
MOST_SAMPLE = 160
ROUTINE = frozenset(
    {
        "read by its $MFT",
        "$MFT and walk compared",
        "what changed lately was asked of its change journal",
        "link not followed, its name was compared",
        "mount point walked on its own or left out",
        "name is not valid Unicode, compared as it is",
    }
)
"""Notes by which nothing can be missing."""
_BY_CHANCE = frozenset({"recycle_bin", "error_reports"})
"""Sources whose oldest thing says nothing of how long they keep one: they are emptied."""


def notes(coverages: Iterable[Coverage], width: int) -> Iterator[str]:
    """A line for each source that has something to say though it is no gap, the rarest first;
    one for all that say the same."""
    sources: dict[str, list[str]] = {}
    for coverage in coverages:
        if words := _words(coverage):
            sources.setdefault(words, []).append(coverage.source)
    if sources:
        yield "Notes"
    for words, names in sources.items():
        told = ", ".join(names)
        if len(told) > width // 3:
            several = f"  {len(names)} sources".ljust(15)
            yield from wrapped(f"{words}: {told}", width, first=several)
        else:
            yield from wrapped(words, width, first=f"  {told:<12} ")


def reason_of(coverage: Coverage, reason: Reason) -> str:
    """Without the name of the source, beside which it stands."""
    return reason.reason.removeprefix(f"{coverage.source}: ")


def _words(coverage: Coverage) -> str:
    told = sorted(
        (note for note in coverage.notes if note.reason not in ROUTINE),
        key=lambda note: note.count,
    )
    words = [_note(reason_of(coverage, note), note) for note in told[:MOST_NOTES]]
    if len(told) > MOST_NOTES:
        words.append(f"… and {len(told) - MOST_NOTES} more in the report")
    return "; ".join(words)


def _note(words: str, note: Reason) -> str:
    """Where it is about one thing, which."""
    which = f" ({shown(cut(note.samples[0], MOST_SAMPLE))})" if _is_of_one(note) else ""
    return counted(words, note.count) + which


def _is_of_one(note: Reason) -> bool:
    return note.count == 1 and bool(note.samples)


def reaches(coverages: Iterable[Coverage], width: int) -> Iterator[str]:
    """Since when each part that would hold the deed has anything, the shortest first."""
    told = sorted((one for c in coverages for one in _reach(c)), reverse=True)
    shortest_first = [f"{name} back to {when(since)}" for since, name in told]
    yield from flowed(shortest_first, width, first="  reach: ")


def _reach(coverage: Coverage) -> Iterator[tuple[datetime, str]]:
    """Where its parts have names that tell, theirs, and not that of all together."""
    logs: dict[str, datetime] = {}
    for part in coverage.parts:
        name, since = telling_log(part.name), _since(part.reach)
        if name and since is not None:
            logs[name] = max(logs.get(name, since), since)
    yield from ((since, f"{name} log") for name, since in logs.items())
    since = None if coverage.source in _BY_CHANCE else _since(coverage.reach)
    if not logs and since is not None:
        yield since, coverage.source


def _since(reach: Reach | None) -> datetime | None:
    if reach is None or reach.oldest is None:
        return None
    return utc(reach.oldest)
