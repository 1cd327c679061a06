"""The timeline on the console, short: what happened, in its order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from ..model.observation import Claim, MomentOf
from ..model.report import Report, Strength
from ..spelling import fold
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


class _Line:
    """One deed or trace, by all who tell of it within a minute."""

    def __init__(self, row: Row) -> None:
        self.first = row
        self.rows = [row]

    @property
    def doer(self) -> str:
        """Empty: nobody knows."""
        return _spelled(row.by for row in self.rows if row.by)

    def takes(self, row: Row) -> bool:
        """Whether it is not of somebody else."""
        doer = self.doer
        return not row.by or not doer or fold(row.by) == fold(doer)

    def __str__(self) -> str:
        users = [*dict.fromkeys(row.user for row in self.rows if row.user)]
        who = f" ({shown(', '.join(users[:2]))})" if users else ""
        by = f" by {shown(self.doer)}" if self.doer else ""
        of = ", ".join(dict.fromkeys(shown(row.seen) for row in self.rows))
        thing = shown(cut(_spelled(row.thing for row in self.rows), MAX_THING))
        return f"  {when(self.first.time)}  {self.first.words:<10} {thing}{by}{who}   {of}"


def _spelled(texts: Iterable[str]) -> str:
    """As the host spells it: prefetch has all in upper case; empty where there is none."""
    told = list(texts)
    return next((text for text in told if text != text.upper()), next(iter(told), ""))


def story(report: Report) -> Iterator[str]:
    """Of the findings that make a hit; nothing where there are no two times."""
    told = [
        row
        for row in rows(report)
        if row.strength.rank >= Strength.STRONG.rank and row.of is not MomentOf.ACCESSED
    ]
    lines: list[_Line] = []
    alike: dict[tuple[str, str], list[_Line]] = {}
    for row in told:
        known = alike.setdefault((row.words, fold(row.thing)), [])
        known[:] = [line for line in known if row.time - line.first.time < _SAME]
        line = next((one for one in known if one.takes(row)), None)
        if line is None:
            line = _Line(row)
            known.append(line)
            lines.append(line)
        else:
            line.rows.append(row)
    if len({line.first.time for line in lines}) < 2:
        return
    yield "Timeline"
    kept = _most_telling(lines)
    yield from map(str, kept)
    if more := len(lines) - len(kept):
        yield f"  … {more:,} more; --timeline FILE and --csv FILE have all of them"


def _most_telling(lines: list[_Line]) -> list[_Line]:
    """In their order."""
    kept: set[int] = set()
    for rank in range(3):
        alike = [at for at, line in enumerate(lines) if _rank(line.first) == rank]
        room = MOST - len(kept)
        if len(alike) > room:
            last = room // 2
            alike = alike[: room - last] + alike[len(alike) - last :]
        kept.update(alike)
    return [line for at, line in enumerate(lines) if at in kept]


def _rank(row: Row) -> int:
    """Of deeds, of traces, of all else."""
    return 0 if row.words in _DEEDS else 1 if row.words in _TRACES else 2
