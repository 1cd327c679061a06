"""Many sweeps at once: one line how they go, and one table of what came of them."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from ..exit_codes import CLEAN, FAILED, HIT, INCOMPLETE, UNDELIVERED
from .escape import shown
from .progress import PIPE_S, TERMINAL_S, Progress

_ORDER = (HIT, FAILED, INCOMPLETE, UNDELIVERED, CLEAN)
"""What counts first."""
_STRENGTHS = ("confirmed", "strong", "weak", "excluded")
_HEAD = ("host", "verdict", "findings", "gaps", "seconds", "report")


class Row(Struct, kw_only=True):
    """What came of one of several."""

    name: str
    """As people call what was given, until its host is known."""
    weight: int = 0
    """Bytes of its evidence."""
    source: str = ""
    """That is being read."""
    seen: int = 0
    fraction: float = 0.0
    """Done, as far as its sources tell."""
    running: bool = False
    code: int | None = None
    """None: not over."""
    summary: dict[str, Any] = {}
    """The line that its sweep ended with."""
    why: str = ""
    """It could not be swept."""
    resumed: bool = False
    """Its report was there."""


def worst(codes: Iterable[int]) -> int:
    """Of several sweeps: a hit, then one that could not be swept, a gap, an undelivered report."""
    known = {code if code in _ORDER else FAILED for code in codes}
    return next((code for code in _ORDER if code in known), FAILED)


class SeveralProgress(Progress):
    """All of them in one line."""

    def show(self, rows: Sequence[Row], *, now: bool = False) -> None:
        """``now``: however soon after the last time."""
        wait = TERMINAL_S if self._terminal else PIPE_S
        if not (now and self._terminal) and self._now() - self._told < wait:
            return
        running = [row for row in rows if row.running]
        what = "   ".join(f"{shown(row.name)} {row.source}" for row in running[:4])
        self._source = goes(rows, self._now() - self._start)
        self._line(what, 0)

    def over(self, row: Row) -> None:
        """One has ended."""
        self._print(f"  {shown(name_of(row))}: {told_of(row)}")


def goes(rows: Sequence[Row], seconds: float) -> str:
    """How many are done, how fast, and how long the rest will take."""
    swept = [row for row in rows if not row.resumed]
    over = sum(1 for row in rows if row.code is not None)
    failed = sum(1 for row in rows if row.code == FAILED)
    hits = sum(1 for row in rows if row.code == HIT)
    parts = [f"{over:,} of {len(rows):,} done"]
    parts += [f"{hits:,} hit"] if hits else []
    parts += [f"{failed:,} failed"] if failed else []
    weighs = sum(row.weight for row in swept)
    parted = [1.0 if row.code is not None else row.fraction for row in swept]
    if weighs:
        done = sum(row.weight * part for row, part in zip(swept, parted, strict=True))
    else:
        done, weighs = sum(parted), len(swept)
    if any(row.weight for row in swept) and seconds > 0:
        parts.append(f"{done / seconds / 1e6:,.1f} MB/s")
    if 0 < done < weighs and seconds > 1:
        left = int(seconds * (weighs - done) / done)
        parts.append(f"about {left // 60}:{left % 60:02} left")
    return "   ".join(parts)


def name_of(row: Row) -> str:
    """The host, if it is known by now."""
    host = row.summary.get("host")
    return host if isinstance(host, str) and host else row.name


def told_of(row: Row) -> str:
    """In a few words what came of it."""
    if row.why:
        return f"NOT SWEPT: {shown(row.why)}"
    again = ", its report was there already" if row.resumed else ""
    return f"{_verdict(row)}, {_findings(row)}{again}"


def table(rows: Sequence[Row]) -> str:
    """A row each, what counts first at the top; of a hit its first findings, below it."""
    lines = [(_HEAD, [""])]
    names = Counter(map(name_of, rows))
    for row in sorted(rows, key=lambda row: _ORDER.index(_known(row))):
        cells = (
            shown(name_of(row) if names[name_of(row)] == 1 else f"{name_of(row)} ({row.name})"),
            _verdict(row) + (" (was there)" if row.resumed else ""),
            _findings(row) if not row.why else "-",
            ", ".join(map(shown, row.summary.get("gaps") or ())) or "-",
            f"{row.summary['sec']:,.1f}" if "sec" in row.summary and not row.why else "-",
            shown(row.why or row.summary.get("path") or "NO REPORT"),
        )
        below = [shown(title) for title in row.summary.get("top", ())[:2]]
        lines.append((cells, below if row.code == HIT else []))
    widths = [max(len(cells[n]) for cells, _ in lines) for n in range(len(_HEAD) - 1)]
    made = []
    for cells, below in lines:
        padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=False)]
        made.append("  ".join((*padded, cells[-1])).rstrip())
        made += [f"    {title}" for title in below if title]
    return "\n".join(made)


def several_line(rows: Sequence[Row], code: int, seconds: float) -> str:
    """For a program: JSON, ASCII, one line."""
    counts = Counter("failed" if row.why else _verdict(row).lower() for row in rows)
    told = {
        "v": 1,
        "targets": len(rows),
        **{name: counts[name] for name in ("hit", "clean", "incomplete", "failed")},
        "resumed": sum(1 for row in rows if row.resumed),
        "exit": code,
        "sec": round(seconds, 1),
    }
    return json.dumps(told, separators=(",", ":"))


def short_name(path: str) -> str:
    """Of what was given."""
    return os.path.basename(path.rstrip("/\\")) or path


def _known(row: Row) -> int:
    return row.code if row.code in _ORDER else FAILED


def _verdict(row: Row) -> str:
    told = row.summary.get("verdict")
    if row.why or not isinstance(told, str):
        return "NOT SWEPT"
    return told.upper() if told == "hit" else told


def _findings(row: Row) -> str:
    found = row.summary.get("findings") or {}
    return ", ".join(f"{found[name]} {name}" for name in _STRENGTHS if found.get(name)) or "none"
