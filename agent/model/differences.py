"""Where a sequence is no longer the one that it was: what was changed, removed, added, moved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

Kind = Literal["changed", "removed", "added", "swapped", "reordered", "replaced"]


class Difference(NamedTuple):
    """What happened to the items from the first to the last, counted from 0: of the sequence as it
    was where they were removed, of the one that is there for all else."""

    kind: Kind
    first: int
    last: int


def difference(was: Sequence[object], is_: Sequence[object]) -> Difference | None:
    """None: they are the same. Takes time by their lengths alone, as what is compared may be made
    by whoever altered it."""
    start = next(
        (n for n, (a, b) in enumerate(zip(was, is_, strict=False)) if a != b),
        min(len(was), len(is_)),
    )
    end = 0
    while end < min(len(was), len(is_)) - start and was[-1 - end] == is_[-1 - end]:
        end += 1
    old, new = was[start : len(was) - end], is_[start : len(is_) - end]
    if not old and not new:
        return None
    if not new:
        return Difference("removed", start, start + len(old) - 1)
    kind: Kind = "replaced"
    if not old:
        kind = "added"
    elif len(old) == len(new) == 1:
        kind = "changed"
    elif (new[0], new[-1]) == (old[-1], old[0]) and new[1:-1] == old[1:-1]:
        kind = "swapped"
    elif len(old) == len(new) and sorted(map(str, old)) == sorted(map(str, new)):
        kind = "reordered"
    return Difference(kind, start, start + len(new) - 1)


def told(found: Difference, one: str, many: str, name: Callable[[int], str]) -> str:
    """In words: ``line 12 was changed``. ``name``: of the item of that number."""
    first, last = name(found.first), name(found.last)
    if found.kind == "swapped":
        return f"{many} {first} and {last} were swapped"
    alone = found.first == found.last
    what = f"{one} {first} was" if alone else f"{many} {first} to {last} were"
    if found.kind == "reordered":
        return f"{what} put into another order"
    return f"{what} {found.kind}"
