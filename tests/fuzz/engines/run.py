"""Compares the engines for long, in this process; what differs is written down, minimised.

    python -m tests.fuzz.engines.run --kind pack|rules|hostile --cases N --seed S [--minutes M]

A case is one compiled pack and one input, of which both engines tell everything they found. Each
kind of difference is kept in ``.cache/fuzz/engines`` a few times, as pack and bytes. One line at
the end has the counts; ``--progress FILE`` gets one every minute.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable
from pathlib import Path

from .counting import FOUND, Counts, Limit
from .hostile import watch
from .one_pack import compare_pack
from .rules import compare_rules


def run_packs(counts: Counts, limit: Limit, folder: Path, *, each: int = 1000) -> None:
    """``each``: inputs for one compiled pack."""
    chosen = random.Random(counts.seed)
    while not limit.reached(counts):
        compare_pack(counts, chosen, folder, min(each, limit.cases - counts.cases))


def run_rules(counts: Counts, limit: Limit, folder: Path, *, each: int = 1000) -> None:
    """``each``: inputs for one compiled rule file."""
    chosen = random.Random(counts.seed)
    while not limit.reached(counts):
        compare_rules(counts, chosen, folder, min(each, limit.cases - counts.cases))


def run_hostile(counts: Counts, limit: Limit, folder: Path) -> None:
    """In a child with a watchdog."""
    watch(counts, limit)


KINDS: dict[str, Callable[[Counts, Limit, Path], None]] = {
    "pack": run_packs,
    "rules": run_rules,
    "hostile": run_hostile,
}


def main(arguments: list[str]) -> int:
    """0: no difference that matters."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.engines.run", description=__doc__)
    parser.add_argument("--kind", choices=KINDS, required=True)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=2018)
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--progress", type=Path)
    given = parser.parse_args(arguments)
    counts = Counts(given.kind, given.seed)
    limit = Limit(given.cases, given.minutes, given.progress)
    KINDS[given.kind](counts, limit, FOUND)
    if given.progress is not None:
        given.progress.write_text(counts.line() + "\n")
    print(counts.line())
    return 1 if counts.mattering else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
