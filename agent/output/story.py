"""The timeline on the console, short: what happened, in its order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from ..model.observation import Claim, MomentOf
from ..model.report import Report, Strength
from .escape import shown
from .layout import cut, when
from .mapping.timeline import Row, rows

MOST = 14
"""Lines; of more, those that tell most, and of those that tell alike the first and the last."""
MAX_THING = 160
_DEEDS = frozenset(
    one.value
    for one in (
        Claim.RAN, Claim.LOADED, Claim.RESOLVED, Claim.CONNECTED, Claim.VISITED, Claim.DOWNLOADED,
        Claim.RUNNING, MomentOf.DELETED,
    )
)  # fmt: skip
"""What somebody or something did."""
_TRACES = frozenset(one.value for one in (MomentOf.CREATED, Claim.WAS_THERE, Claim.EXISTS))
"""What was there for it."""
_SAME = timedelta(minutes=1)
"""Two views of one thing have times that differ by less than what they are rounded to."""


def story(report: Report) -> Iterator[str]:
    """Of the findings that make a hit; nothing where there are no two times."""
    told = [
        row
        for row in rows(report)
        if row.strength.rank >= Strength.STRONG.rank and row.of is not MomentOf.ACCESSED
    ]
    lines: list[list[Row]] = []
    last: dict[tuple[str, ...], list[Row]] = {}
    for row in told:
        line = last.get(key := (row.words, row.thing, row.by))
        if line is None or row.time - line[0].time >= _SAME:
            line = last[key] = []
            lines.append(line)
        line.append(row)
    if len({line[0].time for line in lines}) < 2:
        return
    yield "Timeline"
    kept = _most_telling(lines)
    yield from map(_line, kept)
    if more := len(lines) - len(kept):
        yield f"  … {more:,} more; --timeline FILE and --csv FILE have all of them"


def _most_telling(lines: list[list[Row]]) -> list[list[Row]]:
    """In their order."""
    kept: set[int] = set()
    for rank in range(3):
        alike = [at for at, line in enumerate(lines) if _rank(line[0]) == rank]
        room = MOST - len(kept)
        if len(alike) > room:
            last = room // 2
            alike = alike[: room - last] + alike[len(alike) - last :]
        kept.update(alike)
    return [line for at, line in enumerate(lines) if at in kept]


def _rank(row: Row) -> int:
    """Of deeds, of traces, of all else."""
    return 0 if row.words in _DEEDS else 1 if row.words in _TRACES else 2


def _line(seen: list[Row]) -> str:
    first = seen[0]
    users = [*dict.fromkeys(row.user for row in seen if row.user)]
    who = f" ({shown(', '.join(users[:2]))})" if users else ""
    by = f" by {shown(first.by)}" if first.by else ""
    of = ", ".join(dict.fromkeys(shown(row.seen) for row in seen))
    thing = shown(cut(first.thing, MAX_THING))
    return f"  {when(first.time)}  {first.words:<10} {thing}{by}{who}   {of}"
