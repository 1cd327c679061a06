"""Regular expressions of packs over characters, written out as expressions over bytes.

``wide`` of the engine puts a zero behind each byte: its ``.`` and its negated classes end at the
letters of Latin-1, and in UTF-8 they count bytes. So an expression that may match letters outside
ASCII is written twice, for UTF-8 and for UTF-16 (little endian): repeats count characters.

It is looked for to see whether and where it occurs, so it is written in the form that is least
work: no repeat is lazy (boreal 1.4 loses places of lazy ones in front of their literal), and long
ones at its ends repeat as often as they must. What then still repeats more than 64 times can take
any engine minutes for a page of text that is made for it: it is not tame, and belongs behind the
guard (``guard.py``).

What stays of ASCII: ``\\w``, ``\\d`` and ``\\s`` (``\\W``, ``\\D`` and ``\\S`` are everything else,
letters outside ASCII too); classes that name high bytes (``[^\\x7f-\\xff]``). An expression keeps
the engine's own ``ascii wide`` if it holds nothing that matches outside ASCII, a word boundary, a
repeat of thousands, or syntax that is Python's and not YARA's. In an expression with letters
outside ASCII a word boundary holds everywhere, as the engine's is one of ASCII.
"""

from __future__ import annotations

import functools
import math
import re
import warnings
from collections.abc import Iterable
from re import _constants as sre  # type: ignore[attr-defined, unused-ignore]
from re import _parser  # type: ignore[attr-defined, unused-ignore]
from typing import Any, Final, NamedTuple

from .characters import ENCODINGS, Characters, Encoding

_NO_BOUND: Final = 1 << 14
"""Characters; what may be longer has no bound."""
_MOST_STEPS: Final = 1 << 12
"""Characters of an expression, its repeats counted out. The engine refuses some 20,000 of ours."""
_ESCAPE: Final = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_COMMON_ESCAPES: Final = frozenset("nrtfaWwSsDdBb")
"""Of letters; the others mean one thing to Python and another one, or nothing, to YARA."""
_BYTES_AT: Final = 0xDC00
"""A high byte's escape is kept as half a surrogate pair, as Python's ``surrogateescape`` does."""
_FIRST_BYTE, _LAST_BYTE = _BYTES_AT + 0x80, _BYTES_AT + 0xFF
_REPEATS: Final = (sre.MAX_REPEAT, sre.MIN_REPEAT)
_KNOWN: Final = (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN, sre.AT)
_TAME: Final = 64
"""Repeats of one thing, those within others counted out."""
_LAZY: Final = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|([*+?]|\{[0-9]*,?[0-9]*\})\?", re.DOTALL)
"""Lazy repeats; escapes and classes too, so that none is seen in them."""
_Tree = list[tuple[Any, Any]]
_ENDS: Final = {sre.AT_BEGINNING: "^", sre.AT_END: "$"}
_BOUNDARIES: Final = (sre.AT_BOUNDARY, sre.AT_NON_BOUNDARY)


def _ascii(expression: str) -> Characters:
    return Characters(frozenset(c for c in range(0x80) if re.match(expression, chr(c), re.ASCII)))


_CATEGORIES: Final = {
    sre.CATEGORY_DIGIT: _ascii(r"\d"),
    sre.CATEGORY_SPACE: _ascii(r"\s") | Characters.of([(11, 12)]),
    sre.CATEGORY_WORD: _ascii(r"\w"),
}
_NOT_CATEGORIES: Final = {
    sre.CATEGORY_NOT_DIGIT: _CATEGORIES[sre.CATEGORY_DIGIT].negated(),
    sre.CATEGORY_NOT_SPACE: _CATEGORIES[sre.CATEGORY_SPACE].negated(),
    sre.CATEGORY_NOT_WORD: _CATEGORIES[sre.CATEGORY_WORD].negated(),
}


class Written(NamedTuple):
    """An expression for the engine."""

    forms: tuple[str, ...]
    """Declarations, any of which is an occurrence."""
    longest: int | None
    """Characters; None: there is no bound."""
    tame: bool
    """Whether no bytes make it slow."""


class _NotWritten(Exception):
    """What cannot be said of bytes, or would be another thing to the engine."""


@functools.lru_cache(maxsize=1024)
def written(value: str, *, any_case: bool) -> Written:
    """An expression in YARA's syntax, slashes escaped; letters outside ASCII may stand in it."""
    nocase = " nocase" if any_case else ""
    own = f"/{_LAZY.sub(lambda found: found[1] or found[0], value)}/{nocase} ascii wide"
    try:
        parsed = _plain(_parsed(value))
    except _NotWritten:
        return Written((own,), None, tame=False)
    tree = _trimmed(_trimmed(parsed, 0), -1) or parsed
    longest = _width(tree)
    bound = None if longest >= _NO_BOUND else int(longest)
    tame = _repeats(tree) <= _TAME
    only_ascii = value.isascii()
    by_engine = any_case and only_ascii
    writer = _Writer(any_case, by_engine, without_boundaries=not only_ascii)
    try:
        if not _crosses_scripts(tree) or (only_ascii and _steps(tree) > _MOST_STEPS):
            if tree != parsed:
                own = f"/{writer.body(tree, 'utf-8')}/{nocase} ascii wide"
            return Written((own,), bound, tame)
        bodies = [writer.body(tree, encoding) for encoding in ENCODINGS]
    except _NotWritten:
        return Written((own,), None, tame=False)
    return Written(tuple(f"/{body}/{nocase if by_engine else ''}" for body in bodies), bound, tame)


def _plain(tree: Any) -> _Tree:
    """Python's tree as lists, without lazy repeats: they begin where greedy ones do. Raises
    _NotWritten for what YARA does not know."""
    plain: _Tree = []
    for kind, value in tree:
        if kind in _REPEATS:
            plain.append((sre.MAX_REPEAT, (value[0], value[1], _plain(value[2]))))
        elif kind is sre.SUBPATTERN:
            plain.append((kind, (*value[:3], _plain(value[3]))))
        elif kind is sre.BRANCH:
            plain.append((kind, (None, [_plain(branch) for branch in value[1]])))
        elif kind in _KNOWN:
            plain.append((kind, value))
        else:
            raise _NotWritten
    return plain


def _trimmed(tree: _Tree, end: int) -> _Tree:
    """With a long repeat at one end (0 or -1) as often as it must be: what is around it occurs
    there just the same."""
    tree = list(tree)
    while tree:
        kind, value = tree[end]
        if kind is sre.SUBPATTERN:
            inner = _trimmed(value[3], end)
            if inner:
                tree[end] = (kind, (*value[:3], inner))
                return tree
        elif kind is sre.MAX_REPEAT and value[0] < value[1] and value[1] > _TAME:
            least, _, inner = value
            if least > 1:
                tree[end] = (kind, (least, least, inner))
                return tree
            inner = inner * least
        else:
            return tree
        tree[end : end + 1 or None] = inner
    return tree


def _width(tree: _Tree) -> float:
    """Characters of the longest match."""
    return sum(_widest(kind, value) for kind, value in tree)


def _widest(kind: Any, value: Any) -> float:
    if kind is sre.AT:
        return 0
    inner = max((_width(part) for part in _parts(kind, value)), default=1)
    if kind is not sre.MAX_REPEAT:
        return inner
    return math.inf if value[1] is sre.MAXREPEAT and inner else int(value[1]) * inner


def _repeats(tree: _Tree) -> float:
    """How often one thing may repeat at most; what repeats so often in any case counts once."""
    most = 1.0
    for kind, value in tree:
        inner = max((_repeats(part) for part in _parts(kind, value)), default=1)
        if kind is sre.MAX_REPEAT and (value[0] < value[1] or inner > 1):
            inner = math.inf if value[1] is sre.MAXREPEAT else inner * value[1]
        most = max(most, inner)
    return most


def _parsed(value: str) -> Any:
    """Raises _NotWritten if YARA's syntax and Python's may differ about it."""
    if "(?" in value or any("\ud800" <= c <= "\udfff" for c in value):
        raise _NotWritten
    try:
        with warnings.catch_warnings():
            # Of classes that may mean something else one day; they do not to YARA.
            warnings.simplefilter("ignore", FutureWarning)
            return _parser.parse(_ESCAPE.sub(_kept, value))
    except (re.error, OverflowError, RecursionError) as error:
        raise _NotWritten from error


def _kept(escape: re.Match[str]) -> str:
    digits, other = escape.groups()
    if digits is not None:
        byte = int(digits, 16)
        return chr(_BYTES_AT + byte) if byte >= 0x80 else escape[0]
    if other.isascii() and other.isalnum() and other not in _COMMON_ESCAPES:
        raise _NotWritten
    return escape[0]


def _crosses_scripts(tree: Any) -> bool:
    """Whether any part of it may match a letter outside ASCII."""
    return any(_crosses(kind, value) for kind, value in tree)


def _crosses(kind: Any, value: Any) -> bool:
    if kind in (sre.ANY, sre.NOT_LITERAL, sre.LITERAL, sre.IN):
        try:
            return bool(_characters(kind, value, any_case=False).outside)
        except _NotWritten:
            return False
    return any(_crosses_scripts(part) for part in _parts(kind, value))


def _parts(kind: Any, value: Any) -> Iterable[Any]:
    """The expressions within a part of one."""
    if kind in _REPEATS:
        return [value[2]]
    if kind is sre.SUBPATTERN:
        return [value[3]]
    return value[1] if kind is sre.BRANCH else []


def _steps(tree: Any) -> int:
    """Characters of the expression that the engine makes of it."""
    count = 0
    for kind, value in tree:
        inner = sum(_steps(part) for part in _parts(kind, value))
        if kind in _REPEATS:
            least, most, _ = value
            inner *= max(1, least, 0 if most is sre.MAXREPEAT else most)
        count += max(1, inner)
    return count


def _characters(kind: Any, value: Any, *, any_case: bool) -> Characters:
    """What one place of the expression matches. Raises _NotWritten."""
    if kind is sre.ANY:
        return Characters.all_but_ascii(frozenset(b"\n"))
    if kind is sre.LITERAL:
        return _range(value, value, any_case=any_case)
    if kind is sre.NOT_LITERAL:
        return _range(value, value, any_case=any_case).negated()
    negated = value[0][0] is sre.NEGATE
    found = Characters()
    for member, what in value[1:] if negated else value:
        if member is sre.CATEGORY:
            found |= _CATEGORIES.get(what) or _NOT_CATEGORIES[what]
        else:
            first, last = what if member is sre.RANGE else (what, what)
            found |= _range(first, last, any_case=any_case)
    return found.negated() if negated else found


def _range(first: int, last: int, *, any_case: bool) -> Characters:
    """Raises _NotWritten for one from a character outside ASCII to a byte, or the like."""
    if not _FIRST_BYTE <= last <= _LAST_BYTE:
        return Characters.of([(first, last)], any_case=any_case)
    if 0x80 <= first < _FIRST_BYTE:
        raise _NotWritten
    raw = frozenset(range(max(first - _BYTES_AT, 0x80), last - _BYTES_AT + 1))
    low = Characters.of([(first, 0x7F)] if first < 0x80 else [], any_case=any_case)
    return low | Characters(raw=raw)


class _Writer(NamedTuple):
    any_case: bool
    """Whether any case is meant."""
    by_engine: bool
    """Whether the engine sees to that: the letters are all of ASCII."""
    without_boundaries: bool
    """Whether those of words are left out."""

    def body(self, tree: Any, encoding: Encoding) -> str:
        """Raises _NotWritten."""
        return "".join(self._part(kind, value, encoding) for kind, value in tree)

    def _part(self, kind: Any, value: Any, encoding: Encoding) -> str:
        if kind is sre.AT:
            return self._place(value)
        if kind is sre.SUBPATTERN:
            return f"({self.body(value[3], encoding)})"
        if kind is sre.BRANCH:
            return "(" + "|".join(self.body(branch, encoding) for branch in value[1]) + ")"
        if kind in _REPEATS:
            return f"({self.body(value[2], encoding)}){_bounds(value[0], value[1])}"
        if kind not in (sre.ANY, sre.NOT_LITERAL, sre.LITERAL, sre.IN):
            raise _NotWritten
        any_case = self.any_case and not (kind is sre.LITERAL and self.by_engine)
        try:
            return _characters(kind, value, any_case=any_case).spelled(encoding)
        except ValueError as error:
            raise _NotWritten from error

    def _place(self, value: Any) -> str:
        if value in _BOUNDARIES and self.without_boundaries:
            return ""
        if value not in _ENDS:
            raise _NotWritten
        return _ENDS[value]


def _bounds(least: int, most: Any) -> str:
    if most is sre.MAXREPEAT:
        return f"{{{least},}}"
    return f"{{{least}}}" if least == most else f"{{{least},{most}}}"
