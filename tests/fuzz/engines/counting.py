"""What a run counts, when it ends, and what it keeps."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

FOUND = Path(__file__).parents[3] / ".cache" / "fuzz" / "engines"
KEPT = 12
"""Of each kind."""


@dataclass
class Counts:
    """What a run has done."""

    kind: str
    seed: int
    cases: int = 0
    packs: int = 0
    patterns: int = 0
    matches: int = 0
    bytes: int = 0
    other: Counter[str] = field(default_factory=Counter)
    """Packs refused, cases judged by Python's re, and the like."""
    differences: Counter[str] = field(default_factory=Counter)
    """Cases, by the kind of the difference."""
    mattering: int = 0
    started: float = field(default_factory=time.monotonic)

    def line(self) -> str:
        """One line of JSON."""
        seconds = time.monotonic() - self.started
        return json.dumps(
            {
                "kind": self.kind, "seed": self.seed, "cases": self.cases, "packs": self.packs,
                "patterns": self.patterns, "matches": self.matches, "bytes": self.bytes, **self.other,
                "differences": dict(self.differences), "mattering": self.mattering,
                "seconds": round(seconds, 1), "cases_a_second": round(self.cases / max(seconds, 1e-9)),
            }
        )  # fmt: skip


@dataclass
class Limit:
    """When a run ends."""

    cases: int
    minutes: float = 0
    progress: Path | None = None
    _told: float = 0

    def reached(self, counts: Counts) -> bool:
        """Asked after each pack."""
        seconds = time.monotonic() - counts.started
        if self.progress is not None and seconds - self._told >= 60:
            self._told = seconds
            self.progress.write_text(counts.line() + "\n")
        return counts.cases >= self.cases or bool(self.minutes and seconds > 60 * self.minutes)


def keep(folder: Path, kind: str, counts: Counts, found: dict[str, object]) -> None:
    """One minimised difference as a file."""
    folder.mkdir(parents=True, exist_ok=True)
    name = "".join(c if c.isalnum() else "-" for c in kind)
    number = len(list(folder.glob(f"{counts.kind}-{name}-*.json")))
    if number < KEPT:
        path = folder / f"{counts.kind}-{name}-{counts.seed}-{number}.json"
        path.write_text(json.dumps({"kind": kind, **found}, indent=1, ensure_ascii=False) + "\n")
