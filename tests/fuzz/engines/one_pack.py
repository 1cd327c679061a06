"""One pack made by chance, compiled by both engines, and many inputs for it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

from .comparison import (
    HARMLESS,
    Difference,
    Found,
    differences,
    minimised,
    third_opinion,
    wrong_by_reference,
)
from .counting import Counts, keep
from .inputs import Inputs
from .packs import Pack, Pattern, pack
from .scanners import ALL, Places, Refused, Scan, boreal_places, yara_x_places

_JUDGED = 256
"""Each so-maniest case is judged by the reference too, though the engines agree."""
_SHORT = 300
"""Bytes up to which that is quick enough."""
_CAPS = (1, 3, 17)
"""The agent looks at 16 places of most patterns, and one more to know that there are more."""


def compare_pack(counts: Counts, chosen: random.Random, folder: Path, cases: int) -> None:
    """Make a pack, compile it twice, compare all inputs."""
    made = pack(chosen)
    fast, memory = chosen.randrange(4) > 0, chosen.randrange(4) == 0
    cap = chosen.choice(_CAPS) if chosen.randrange(8) == 0 else ALL
    try:
        ours, theirs = (
            boreal_places(made.source, fast=fast, memory=memory),
            yara_x_places(made.source),
        )
    except Refused:
        made = made.without(_refused(counts, made, folder))
        if not made.rules:
            return
        ours, theirs = (
            boreal_places(made.source, fast=fast, memory=memory),
            yara_x_places(made.source),
        )
    capped = boreal_places(made.source, cap=cap) if cap != ALL and not made.all_of else None
    counts.packs += 1
    counts.patterns += len(made.patterns)
    told: set[tuple[str, str]] = set()
    for data in islice(Inputs(made, chosen), cases):
        left, right = ours(data), theirs(data)
        counts.cases += 1
        counts.bytes += len(data)
        counts.matches += sum(len(found) for _, _, found in left)
        if left != right:
            tell(counts, folder, differences(made, data, left, right), told)
        if capped is not None:
            counts.other["capped"] += 1
            tell(counts, folder, first_lost(made, data, left, capped(data)), told)
        if counts.cases % _JUDGED == 0 and len(data) <= _SHORT and not made.all_of:
            counts.other["judged"] += 1
            tell(counts, folder, wrong_by_reference(made, data, left), told)


def first_lost(made: Pack, data: bytes, whole: Places, capped: Places) -> Iterator[Difference]:
    """Patterns of which the first place is not among those that a cap lets through."""
    first = {(rule, name): found[0][0] for rule, name, found in whole}
    for rule, name, found in capped:
        if found[0][0] != first.pop((rule, name), None):
            yield _of(made, rule, name, "boreal: the first place is lost by a cap", data, found)
    for rule, name in first:
        yield _of(made, rule, name, "boreal: a pattern is lost by a cap", data, [])


def _of(made: Pack, rule: str, name: str, kind: str, data: bytes, found: Found) -> Difference:
    pattern = next(p for p in made.patterns if (p.rule, p.name) == (rule, name))
    return Difference(kind, pattern, data, found, [])


def tell(
    counts: Counts, folder: Path, found: Iterable[Difference], told: set[tuple[str, str]]
) -> None:
    """Count each, and keep the first of each pattern."""
    for one in found:
        counts.differences[one.kind] += 1
        counts.mattering += one.matters
        key = one.kind, one.pattern.source
        if key in told:
            continue
        told.add(key)
        if counts.other[f"minimised {one.kind}"] >= (4 if one.kind in HARMLESS else 20):
            continue
        counts.other[f"minimised {one.kind}"] += 1
        least = minimised(one)
        keep(
            folder, one.kind, counts,
            {"pattern": least.pattern.source, "data": least.data.hex(), "text": repr(least.data),
             "boreal": least.boreal[:40], "yara_x": least.yara_x[:40], "yara agrees with": third_opinion(least)},
        )  # fmt: skip


def _refused(counts: Counts, made: Pack, folder: Path) -> frozenset[Pattern]:
    """Those patterns that an engine does not compile, counted by the engine."""
    counts.other["packs refused in part"] += 1
    refused = set()
    for pattern in made.patterns:
        alone = Pack(((pattern,),)).source
        errors = {"boreal": _error(boreal_places, alone), "yara-x": _error(yara_x_places, alone)}
        if bad := [name for name, text in errors.items() if text]:
            refused.add(pattern)
            kind = f"refused by {' and '.join(bad)}"
            counts.other[kind] += 1
            keep(
                folder, kind, counts, {"pattern": pattern.source, "shape": pattern.shape, **errors}
            )
    return frozenset(refused)


def _error(make: Callable[[str], Scan], source: str) -> str:
    try:
        make(source)
    except Refused as error:
        return str(error)
    return ""
