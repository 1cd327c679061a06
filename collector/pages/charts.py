"""The geometry of a sweep's pictures; the templates draw it as inline SVG, without script or style.

They stretch to their place; whatever is read stands beside them as text.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from ..records import Counts
from .describe import counted, share, when

WIDTH, HEIGHT = 1000, 260


class Curve(Struct, frozen=True, kw_only=True):
    """The arrival of reports over time, in a box of WIDTH by HEIGHT."""

    line: str
    """Points, ``x,y x,y``."""
    end: str
    """Where the line ends, across."""
    expected: str
    """How high the expected hosts are; empty without a list."""
    deadline: str
    """How far across the deadline is; empty when it is not in the picture."""
    told: str
    """The same in words."""
    top: str
    """What the upper edge stands for."""
    first: str
    last: str


class Bar(Struct, frozen=True, kw_only=True):
    """The counters side by side."""

    parts: list[tuple[str, str, str]]
    """Name of the counter, where it begins, how wide it is."""
    told: str


def arrival_curve(
    arrivals: Sequence[tuple[int, int]], bucket_ms: int, counts: Counts, deadline: int | None
) -> Curve | None:
    """Reports so far over time, under the number of expected hosts if that is known."""
    if not arrivals or bucket_ms <= 0:
        return None
    start, last = arrivals[0][0], arrivals[-1][0] + bucket_ms
    due = deadline is not None and start < deadline <= last + (last - start)
    end = max(last, deadline) if due and deadline is not None else last
    total = sum(count for _, count in arrivals)
    top = max(total, counts.expected)
    points, height = [(0.0, float(HEIGHT))], 0
    for at, count in arrivals:
        points.append((_across(at, start, end), _up(height, top)))
        height += count
        points.append((_across(at + bucket_ms, start, end), _up(height, top)))
    told = (
        f"{counted(total, 'report')} from {when(start)} to {when(last)}"
        + (f", with {counted(counts.expected, 'expected host')}" if counts.expected else "")
        + f"; half of them by {when(_half(arrivals, total))}."
    )
    return Curve(
        line=" ".join(f"{x:.1f},{y:.1f}" for x, y in points),
        end=f"{points[-1][0]:.1f}",
        expected=f"{_up(counts.expected, top):.1f}" if counts.expected else "",
        deadline=f"{_across(deadline, start, end):.1f}" if due and deadline is not None else "",
        told=told,
        top=f"{top:,}",
        first=when(start),
        last=when(end),
    )


def share_bar(counts: Counts) -> Bar | None:
    """Each part as wide as its share, and never too thin to be seen."""
    of: dict[str, int] = {
        "clean": counts.on_the_list("clean"),
        "hit": counts.on_the_list("hit"),
        "incomplete": counts.on_the_list("incomplete"),
        "failed": counts.on_the_list("failed"),
        "limited": counts.on_the_list("limited"),
        "not reported": counts.not_reported,
    }
    total = counts.whole
    if not total:
        return None
    widths = {name: max(WIDTH * count / total, 5.0) for name, count in of.items() if count}
    scale = WIDTH / sum(widths.values())
    parts, x = [], 0.0
    for name, width in widths.items():
        parts.append((name.replace(" ", "-"), f"{x:.1f}", f"{width * scale:.1f}"))
        x += width * scale
    told = ", ".join(f"{name} {share(count, total)}" for name, count in of.items())
    return Bar(parts=parts, told=told)


def _across(at: int, start: int, end: int) -> float:
    return WIDTH * (at - start) / max(end - start, 1)


def _up(value: int, top: int) -> float:
    return HEIGHT - HEIGHT * value / max(top, 1)


def _half(arrivals: Sequence[tuple[int, int]], total: int) -> int:
    so_far = 0
    for at, count in arrivals:
        so_far += count
        if 2 * so_far >= total:
            return at
    return arrivals[-1][0]


__all__ = ["Bar", "Curve", "arrival_curve", "share_bar"]
