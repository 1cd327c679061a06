"""The timeline on the console, short: what happened, in its order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from ..model.observation import MomentOf
from ..model.report import Report, Strength
from .escape import shown
from .layout import cut, when
from .mapping.timeline import Row, rows

MOST = 14
"""Lines; of more, the first and the last."""
MAX_THING = 160
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
    texts = [_line(line) for line in lines]
    if len(texts) <= MOST:
        yield from texts
        return
    yield from texts[: MOST // 2]
    yield f"  … {len(texts) - MOST:,} more; --timeline FILE and --csv FILE have all of them"
    yield from texts[-(MOST // 2) :]


def _line(seen: list[Row]) -> str:
    first = seen[0]
    users = [*dict.fromkeys(row.user for row in seen if row.user)]
    who = f" ({shown(', '.join(users[:2]))})" if users else ""
    by = f" by {shown(first.by)}" if first.by else ""
    of = ", ".join(dict.fromkeys(shown(row.seen) for row in seen))
    thing = shown(cut(first.thing, MAX_THING))
    return f"  {when(first.time)}  {first.words:<10} {thing}{by}{who}   {of}"
