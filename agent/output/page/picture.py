"""The timeline as a picture: a lane for each source, or each host, and a mark for each moment.

Form tells the strength, and colour only repeats it. Moments that lie on one point of a lane are one
mark, which tells how many they are: so the picture has a bound, whatever the report holds.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from ...model.observation import EARLIEST
from ...model.report import Strength
from ..layout import when
from .markup import Html, joined, tag
from .scale import Piece, days, lasted, pieces, place, ticks

MAX_LANES = 60
WIDTH = 900
_LEFT = 200
_RIGHT = 24
_LANE = 26
_TOP = 14
_POINT = 3
"""Units of the picture in which moments are one mark."""
_LABEL = 27
"""Characters of a lane's name."""
OTHERS = "all others"


class Mark(NamedTuple):
    """A moment in a lane."""

    time: datetime
    lane: str
    strength: Strength
    words: str


class _Point:
    def __init__(self, x: float, y: float, strength: Strength) -> None:
        self.x, self.y, self.strength = x, y, strength
        self.marks: list[Mark] = []

    def words(self) -> str:
        first, last = self.marks[0], self.marks[-1]
        if len(self.marks) == 1:
            return f"{when(first.time)}: {first.words[:300]}"
        return f"{len(self.marks):,} moments, {when(first.time)} to {when(last.time)}"


def without_times_that_are_none(marks: Iterable[Mark]) -> list[Mark]:
    """Sorted; 1601, 1970 and 1980 stand for a clock that was not set."""
    return sorted((one for one in marks if one.time >= EARLIEST), key=lambda one: one.time)


def picture(marks: Sequence[Mark], title: str) -> Html:
    """Of marks as they come from :func:`without_times_that_are_none`; at least one."""
    lanes = _lanes(marks)
    axis = pieces(
        list(dict.fromkeys(one.time for one in marks)), _LEFT + 12, WIDTH - _LEFT - _RIGHT - 12
    )
    bottom = _TOP + _LANE * len(set(lanes.values()))
    points = _points(marks, lanes, axis)
    drawn = [
        tag("title", title, id="picture-title"),
        *_lines(lanes, bottom),
        *(part for piece in axis for part in _piece(piece, bottom)),
        *_pauses(axis, bottom),
        *(_drawn(point) for point in points),
    ]
    view = f"0 0 {WIDTH} {bottom + 44}"
    return tag("svg", *drawn, viewBox=view, role="img", aria_labelledby="picture-title")


def _lanes(marks: Iterable[Mark]) -> dict[str, int]:
    """By their first moment; those for which there is no room share the last."""
    lanes: dict[str, int] = {}
    for mark in marks:
        lanes.setdefault(mark.lane, min(len(lanes), MAX_LANES))
    return lanes


def _points(marks: Iterable[Mark], lanes: dict[str, int], axis: Sequence[Piece]) -> list[_Point]:
    """The strongest last, so that none lies over it."""
    points: dict[tuple[int, int, Strength], _Point] = {}
    for mark in marks:
        x, lane = place(axis, mark.time), lanes[mark.lane]
        key = (round(x / _POINT), lane, mark.strength)
        if key not in points:
            points[key] = _Point(x, _TOP + _LANE * (lane + 0.5), mark.strength)
        points[key].marks.append(mark)
    return sorted(points.values(), key=lambda point: point.strength.rank)


def _lines(lanes: dict[str, int], bottom: float) -> Iterable[Html]:
    named = {at: name for name, at in lanes.items() if at < MAX_LANES}
    if len(lanes) > MAX_LANES:
        named[MAX_LANES] = OTHERS
    for at, name in named.items():
        y = _TOP + _LANE * (at + 0.5)
        text = name if len(name) <= _LABEL else name[: _LABEL - 1] + "…"
        yield tag("line", x1=_LEFT, x2=WIDTH - 4, y1=y, y2=y, class_="lane")
        yield tag("text", text, x=_LEFT - 10, y=y + 4.5, class_="of")
    yield tag("line", x1=_LEFT, x2=WIDTH - 4, y1=bottom, y2=bottom, class_="axis")


def _piece(piece: Piece, bottom: float) -> Iterable[Html]:
    for tick in ticks(piece):
        yield tag(
            "line", x1=f"{tick.x:.1f}", x2=f"{tick.x:.1f}", y1=_TOP, y2=bottom + 4, class_="tick"
        )
        yield tag("text", tick.text, x=f"{tick.x:.1f}", y=bottom + 18, class_="at")
    middle = piece.left + piece.width / 2
    yield tag("text", days(piece), x=f"{middle:.1f}", y=bottom + 36, class_="at day")


def _pauses(axis: Sequence[Piece], bottom: float) -> Iterable[Html]:
    for before, after in itertools.pairwise(axis):
        x = (before.left + before.width + after.left) / 2
        told = f"nothing for {lasted(after.start - before.end)}"
        zigzag = f"M{x - 4:.1f} {_TOP}V{bottom}M{x + 4:.1f} {_TOP}V{bottom}"
        yield tag("path", d=zigzag, class_="pause")
        yield tag("text", told, x=f"{x:.1f}", y=_TOP - 3, class_="at gap")


def _drawn(point: _Point) -> Html:
    words = tag("title", point.words())
    many = " many" if len(point.marks) > 1 else ""
    return shape(point.strength, point.x, point.y, words, many)


def shape(
    strength: Strength, x: float, y: float, words: Html | None = None, more: str = ""
) -> Html:
    """A filled diamond, a filled disc, a ring, a cross: told apart without colour."""
    r = 8 if more else 6
    kind = f"m {strength.value}{more}"
    if strength is Strength.CONFIRMED:
        d = f"M{x:.1f} {y - r - 1:.1f}l{r + 1} {r + 1}l-{r + 1} {r + 1}l-{r + 1} -{r + 1}z"
    elif strength is Strength.EXCLUDED:
        d = f"M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8"
    else:
        r -= 1
        d = f"M{x - r:.1f} {y:.1f}a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 -{2 * r} 0z"
    return tag("g", words, tag("path", d=d), class_=kind)


def legend(kinds: Iterable[Strength]) -> Html:
    """Which form means what, of those that are there."""
    there = set(kinds)
    parts = []
    for strength in (*Strength,):
        if strength in there:
            form = tag("svg", shape(strength, 10, 10), viewBox="0 0 20 20", aria_hidden="true")
            parts.append(tag("li", form, strength.value))
    parts.append(tag("li", "a larger mark is several moments on one point"))
    return tag("ul", joined(parts), class_="legend")
