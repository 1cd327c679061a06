"""Where a time lies in a picture: an axis that is broken where nothing happened for long.

An afternoon of 2018 and a check of 2026 on one straight line are two dots. So the longest pauses
are cut out, and said; between them, the line is straight.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from math import log2
from typing import NamedTuple

MAX_BREAKS = 3
_SHARE = 0.35
"""Of what is left of the whole span: a pause that is longer is cut out."""
PAUSE = 58.0
"""Units of the picture between two pieces of the axis."""
_LEAST = 84.0
"""Units of a piece: so much does its date take."""
_TICK = 80.0
_STEPS = tuple(
    timedelta(seconds=seconds)
    for seconds in (
        1, 5, 15, 30, 60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400,
        7 * 86400, 14 * 86400, 30 * 86400, 91 * 86400, 182 * 86400, 365 * 86400,
    )
)  # fmt: skip
_DAY = timedelta(days=1)


class Piece(NamedTuple):
    """A straight part of the axis."""

    start: datetime
    end: datetime
    left: float
    width: float

    def x(self, time: datetime) -> float:
        """Of a time within; the middle, where the piece is one moment."""
        span = (self.end - self.start).total_seconds()
        share = (time - self.start).total_seconds() / span if span else 0.5
        return self.left + share * self.width


class Tick(NamedTuple):
    """A time that is written at the axis."""

    x: float
    text: str


def pieces(times: Sequence[datetime], left: float, width: float) -> list[Piece]:
    """For these times, sorted, each once; none for none."""
    if not times:
        return []
    cuts = [0, *sorted(_cuts(times)), len(times)]
    runs = [times[start:end] for start, end in itertools.pairwise(cuts)]
    free = width - PAUSE * (len(runs) - 1) - _LEAST * len(runs)
    weights = [log2(len(run)) for run in runs]
    whole = sum(weights) or 1.0
    made = []
    for run, weight in zip(runs, weights, strict=True):
        wide = _LEAST + (free * weight / whole if any(weights) else free / len(runs))
        made.append(Piece(run[0], run[-1], left, wide))
        left += wide + PAUSE
    return made


def _cuts(times: Sequence[datetime]) -> Iterator[int]:
    """Before which of the times the axis breaks."""
    rest = times[-1] - times[0]
    gaps = sorted(
        ((after - before, at) for at, (before, after) in enumerate(itertools.pairwise(times), 1)),
        reverse=True,
    )
    for gap, at in gaps[:MAX_BREAKS]:
        if gap < rest * _SHARE or gap < timedelta(minutes=10):
            return
        yield at
        rest -= gap


def place(axis: Sequence[Piece], time: datetime) -> float:
    """Where a time lies that is in one of the pieces."""
    at = bisect_right([piece.start for piece in axis], time) - 1
    return axis[max(at, 0)].x(time)


def ticks(piece: Piece) -> list[Tick]:
    """Round times within a piece, as many as there is room for; else its beginning, and its end."""
    span = piece.end - piece.start
    most = int(piece.width / _TICK)
    step = next((step for step in _STEPS if step * most >= span), None)
    if step is None or not span or most < 2:
        return [Tick(piece.left + piece.width / 2, _from_to(piece))]
    origin = piece.start.replace(hour=0, minute=0, second=0, microsecond=0)
    time = origin + step * -((origin - piece.start) // step)
    told = []
    while time <= piece.end:
        told.append(Tick(piece.x(time), _written(time, step)))
        try:
            time += step
        except OverflowError:
            break
    return told or [Tick(piece.left + piece.width / 2, _from_to(piece))]


def _written(time: datetime, step: timedelta) -> str:
    if step >= _DAY:
        return f"{time:%Y-%m-%d}"
    return f"{time:%H:%M:%S}" if step < timedelta(minutes=1) else f"{time:%H:%M}"


def _from_to(piece: Piece) -> str:
    if piece.end - piece.start >= _DAY:
        return ""
    first, last = f"{piece.start:%H:%M}", f"{piece.end:%H:%M}"
    return first if first == last else f"{first} to {last}"


def days(piece: Piece) -> str:
    """Of a piece: its day, or its first and its last."""
    first, last = f"{piece.start:%Y-%m-%d}", f"{piece.end:%Y-%m-%d}"
    if first == last:
        return first
    return f"{first} to {last}" if piece.width > 2 * _LEAST else f"{first} …"


def lasted(span: timedelta) -> str:
    """A pause in words: ``8 years``, ``3 days``, ``20 min``."""
    days_, seconds = span.days, span.seconds
    for size, word in ((365, "years"), (30, "months"), (1, "days")):
        if days_ >= 2 * size:
            return f"{days_ // size} {word}"
    hours = days_ * 24 + seconds // 3600
    return f"{hours} h" if hours >= 2 else f"{days_ * 1440 + seconds // 60} min"
