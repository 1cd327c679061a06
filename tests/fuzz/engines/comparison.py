"""Where two engines differ on one pack and one input, which of them is right, and whether it
matters to the agent.

What the agent needs of an engine: whether each pattern occurs, its first offset, and all offsets
for the $MFT's patterns. Lengths only choose the excerpt that a person reads.

Each known difference is one narrow rule here, with its reason; what no rule explains matters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from .packs import Pack, Pattern, pack_of
from .reference import Reference
from .scanners import Places, boreal_places, yara_places, yara_x_places

Found = list[tuple[int, int]]

_JUDGED = 16
_ROOM = 300
"""Bytes behind a match that may belong to a longer one."""
_NOTHING = "reports a place where nothing matches"

OVERLAPPED = "boreal: misses a place that overlaps a later one which it tells"

WILD_GROUP = "boreal: is wrong about a hexadecimal pattern with ?? in a group"

HARMLESS = frozenset(
    {
        # `"a" ascii wide` on 61 00: one form is one byte long, the other two. Both are true.
        "length: ASCII or UTF-16 form",
        # Both lengths are matches; the engines prefer another alternative or repetition.
        "length: another of several ends",
        # Places are told in ascending order: where a later end has an earlier beginning, it is left
        # out. `/(a..|.)x/s` on "a.xx" is at 1 and 2, not at 0. That the pattern occurs is always
        # told, its first offset may be late by less than its length. Where all offsets are needed
        # it matters (``_narrowed``).
        OVERLAPPED,
        # YARA-X alone is wrong, by the reference's judgement. `/a{1,5}b/` takes seven bytes.
        "yara-x: reports a place where nothing matches",
        "yara-x: misses a place",
        "yara-x: reports a length that does not match",
    }
)


AVOIDED = frozenset(
    {
        # These matter, and nothing of ours may be written so.
        # `/[^a]/ nocase` takes an "a": the class is negated first and completed by the other case
        # then. Written as what it holds instead, it is right.
        "boreal: takes the letter that a negated class leaves out, without case",
        # Wildcards on both sides of a group's edge are taken together, as if the group had no
        # other alternative. Hexadecimal contents of packs and the $MFT's patterns have no wildcard
        # in a group; rules of the operator's that have such an edge are left out by name.
        WILD_GROUP,
    }
)


@dataclass(frozen=True)
class Difference:
    """One pattern on one input."""

    kind: str
    pattern: Pattern
    data: bytes
    boreal: Found
    yara_x: Found

    @property
    def matters(self) -> bool:
        """To the agent."""
        return self.kind not in HARMLESS | AVOIDED


def differences(pack: Pack, data: bytes, ours: Places, theirs: Places) -> Iterator[Difference]:
    """One for each pattern and kind; ``ours``: boreal's places, ``theirs``: YARA-X's."""
    if pack.all_of:
        plain = Pack(pack.rules)
        again = boreal_places(plain.source)(data), yara_x_places(plain.source)(data)
        told = list(differences(plain, data, *again))
        yield from told or [Difference("condition", pack.patterns[0], data, [], [])]
        return
    left, right = _by_pattern(ours), _by_pattern(theirs)
    for pattern in pack.patterns:
        key = pattern.rule, pattern.name
        mine, other = left.get(key, []), right.get(key, [])
        if mine != other:
            for kind in sorted(set(kinds(pattern.reference, data, mine, other))):
                yield Difference(_narrowed(kind, pattern, mine), pattern, data, mine, other)
    if _order(ours) != _order(theirs):
        yield Difference("order", pack.patterns[0], data, [], [])


_ALL_OFFSETS = frozenset({"names", "sizes", "heads"})
"""The shapes of the $MFT's patterns."""
_WILD_GROUP = re.compile(r"\([^()]*(?:\([^()]*\)[^()]*)*\?\?")
_LEFT_OUT = re.compile(r"\[\^[^\]]*[A-Za-z]")


def _narrowed(kind: str, pattern: Pattern, mine: Found) -> str:
    """Kinds of expressions that the agent does not write; if it does, it matters."""
    missed = kind == "boreal: misses a place"
    wild = pattern.shape == "hex" and _WILD_GROUP.search(pattern.source)
    if wild and kind.startswith("boreal") and kind != OVERLAPPED:
        return WILD_GROUP
    if kind == OVERLAPPED and pattern.shape in _ALL_OFFSETS:
        return kind + ", of the $MFT"
    if missed and not mine:
        return "boreal: misses a pattern"
    if pattern.shape != "regex":
        return kind
    if (
        kind == f"boreal: {_NOTHING}"
        and pattern.reference.nocase
        and _LEFT_OUT.search(pattern.source)
    ):
        return "boreal: takes the letter that a negated class leaves out, without case"
    return kind


def _by_pattern(places: Places) -> dict[tuple[str, str], Found]:
    return {(rule, name): found for rule, name, found in places}


def _order(places: Places) -> list[str]:
    """Rules must come in the pack's order and offsets ascending, or the agent has to sort."""
    return [rule for rule, _, found in places if any(a >= b for a, b in pairwise(found))]


def kinds(reference: Reference, data: bytes, ours: Found, theirs: Found) -> Iterator[str]:
    """What differs, by the reference's judgement; of many places the first and some others."""
    left, right = dict(ours), dict(theirs)
    differing = sorted(at for at in left.keys() | right.keys() if left.get(at) != right.get(at))
    step = max(1, len(differing) // _JUDGED)
    for offset in differing[:_JUDGED] + differing[_JUDGED::step]:
        mine, other = left.get(offset), right.get(offset)
        near, at = _near(data, offset, max(mine or 0, other or 0))
        if mine is None:
            longest = max(reference.lengths(near, at), default=0)
            overlaps = any(offset < later < offset + longest for later in left)
            missed = OVERLAPPED if overlaps else "boreal: misses a place"
            yield missed if longest else f"yara-x: {_NOTHING}"
        elif other is None:
            found = reference.occurs(near, at)
            yield "yara-x: misses a place" if found else f"boreal: {_NOTHING}"
        else:
            yield _length_kind(reference, near, at, mine, other)


def _near(data: bytes, offset: int, length: int) -> tuple[bytes, int]:
    """The bytes around a place, and where it is in them; both ends of the data stay ends."""
    start = max(0, offset - 4)
    end = offset + length + _ROOM
    return data[start:end] + bytes(bool(data[end:])), offset - start


def _length_kind(reference: Reference, data: bytes, offset: int, ours: int, theirs: int) -> str:
    if not reference.matches(data, offset, ours):
        return "boreal: reports a length that does not match"
    if not reference.matches(data, offset, theirs):
        return "yara-x: reports a length that does not match"
    if reference.ascii and reference.wide and reference.lengths_of(data, offset, 2):
        return "length: ASCII or UTF-16 form"
    return "length: another of several ends"


def wrong_by_reference(pack: Pack, data: bytes, ours: Places) -> Iterator[Difference]:
    """Where all engines may agree and be wrong; for packs of ``any`` alone. Slow."""
    found = _by_pattern(ours)
    for pattern in pack.patterns:
        mine = found.get((pattern.rule, pattern.name), [])
        lengths = dict(mine)
        places = [at for at in range(len(data)) if pattern.reference.occurs(data, at)]
        truly = [(at, lengths.get(at, 1)) for at in places]
        for kind in sorted(set(kinds(pattern.reference, data, mine, truly))):
            yield Difference(_narrowed(kind, pattern, mine), pattern, data, mine, truly)


def minimised(difference: Difference) -> Difference:
    """The same kind of difference of the same pattern alone, on as few bytes as easily found."""
    pattern = difference.pattern
    alone = pack_of([[(pattern.shape, pattern.source)]])
    ours, theirs = boreal_places(alone.source), yara_x_places(alone.source)

    def same(data: bytes) -> Difference | None:
        for one in differences(alone, data, ours(data), theirs(data)):
            if one.kind == difference.kind:
                return one
        return None

    start = min(_windows(difference), key=lambda data: (same(data) is None, len(data)))
    if same(start) is None or len(start) > _ROOM * 10:
        return difference
    least = shortest(start, lambda data: same(data) is not None)
    return same(least) or difference


def _windows(difference: Difference) -> Iterator[bytes]:
    """The bytes around some places that only one of the two has; all of them at the end."""
    left, right = dict(difference.boreal), dict(difference.yara_x)
    differing = sorted(at for at in left.keys() | right.keys() if left.get(at) != right.get(at))
    for at in differing[:_JUDGED]:
        longest = max(left.get(at, 0), right.get(at, 0))
        yield difference.data[max(0, at - 4) : at + longest + 4]
    yield difference.data


def shortest(data: bytes, holds: Callable[[bytes], bool]) -> bytes:
    """Pieces left out, then bytes made plain, as long as it holds."""
    size = max(1, len(data) // 2)
    while size:
        at = 0
        while at < len(data):
            less = data[:at] + data[at + size :]
            if holds(less):
                data = less
            else:
                at += size
        size //= 2
    for at, byte in enumerate(data):
        for plain in b"a\0 ":
            other = data[:at] + bytes([plain]) + data[at + 1 :]
            if byte != plain and holds(other):
                data = other
                break
    return data


def third_opinion(difference: Difference) -> str:
    """Whom YARA itself agrees with on this input."""
    alone = pack_of([[(difference.pattern.shape, difference.pattern.source)]])
    found = dict(_by_pattern(yara_places(alone.source)(difference.data))).get(("r0", "p0"), [])
    mine, other = found == difference.boreal, found == difference.yara_x
    if mine or other:
        return "boreal" if mine else "yara-x"
    places = [at for at, _ in found]
    if places == [at for at, _ in difference.boreal]:
        return "boreal's offsets"
    return "yara-x's offsets" if places == [at for at, _ in difference.yara_x] else f"none: {found}"
