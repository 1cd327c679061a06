"""Regular expressions over whole paths, as Loki and THOR have them, as names and paths of packs.

Read by Python's own parser, since these lists are written for it. Choices are written out, each a
name or path of its own; ``.*`` may go over folders. What a wildcard says less exactly than the
expression makes it wider, and that is told: nothing is ever made narrower.
"""

from __future__ import annotations

import importlib
import re
import warnings
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from msgspec import Struct

_PARSER: Any = importlib.import_module("re._parser")
MOST = 64
"""Spellings of one expression."""
_MOST_CHOICES = 4
"""Characters of a set that are written out; a larger one is ``?``."""
_MOST_REPEATS = 64
_SEPARATORS = frozenset("\\/")

SEP, ONE, ANY, DEEP, START, END = "\\", "<?>", "<.>", "<.*>", "<^>", "<$>"
STAR = "<*>"
"""Parts of a spelling, beside characters: a separator, one character of a name, one of any kind,
any characters over folders, both ends, any characters of a name."""
Spelling = tuple[str, ...]


class Unfit(Exception):
    """It cannot be said with wildcards."""


class Globs(Struct, frozen=True):
    """What an expression becomes."""

    values: tuple[str, ...]
    """Names, or ends of paths."""
    is_wider: bool
    """They match more than it does."""


def globs_of(expression: str) -> Globs:
    """Raises Unfit, with the reason."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # [[a] may mean a set of sets one day
            tree = _PARSER.parse(expression, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise Unfit(f"no regular expression: {error}") from error
    reader = _Reader()
    spellings = reader.sequence(list(tree))
    values = [glob for one in spellings for glob in _written(one)]
    if not values or ("/" in expression and "\\\\" not in expression):
        raise Unfit("a path of another system than Windows")
    if len(values) > MOST:
        raise Unfit(f"more than {MOST} spellings")
    return Globs(tuple(dict.fromkeys(values)), reader.is_wider)


class _Reader:
    """One expression's tree, as all spellings that it allows."""

    def __init__(self) -> None:
        self.is_wider = False

    def sequence(self, parts: Sequence[tuple[Any, Any]]) -> list[Spelling]:
        """Raises Unfit."""
        found: list[Spelling] = [()]
        for part in parts:
            choices = self._part(*part)
            if len(found) * len(choices) > MOST:
                raise Unfit(f"more than {MOST} spellings")
            found = [(*before, *after) for before, after in product(found, choices)]
        return found

    def _part(self, what: Any, value: Any) -> list[Spelling]:
        name = str(what)
        if name == "LITERAL":
            return [(_character(chr(value)),)]
        if name == "ANY":
            return [(ANY,)]
        if name == "NOT_LITERAL":
            self.is_wider |= chr(value) not in _SEPARATORS
            return [(ONE,)]
        if name == "IN":
            return self._set(value)
        if name == "BRANCH":
            return [one for branch in value[1] for one in self.sequence(list(branch))]
        if name == "SUBPATTERN":
            return self.sequence(list(value[-1]))
        if name == "ATOMIC_GROUP":
            return self.sequence(list(value))
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            return self._repeat(int(value[0]), int(value[1]), list(value[2]))
        if name == "AT":
            return self._place(str(value))
        raise Unfit("it looks ahead, behind or back at what it found")

    def _place(self, name: str) -> list[Spelling]:
        if name in ("AT_BEGINNING", "AT_BEGINNING_STRING"):
            return [(START,)]
        if name in ("AT_END", "AT_END_STRING"):
            return [(END,)]
        self.is_wider = True
        return [()]

    def _set(self, members: Sequence[tuple[Any, Any]]) -> list[Spelling]:
        characters: set[str] = set()
        for what, value in members:
            name = str(what)
            if name == "LITERAL":
                characters.add(chr(value).lower())
            elif name == "RANGE" and value[1] - value[0] < _MOST_CHOICES:
                characters.update(chr(code).lower() for code in range(value[0], value[1] + 1))
            else:
                if name == "NEGATE" and {chr(v) for w, v in members[1:]} <= _SEPARATORS:
                    return [(ONE,)]
                self.is_wider = True
                return [(ONE,)]
        if characters == set(_SEPARATORS):
            return [(SEP,)]
        if len(characters) > _MOST_CHOICES:
            self.is_wider = True
            return [(ONE,)]
        return [(_character(one),) for one in sorted(characters)]

    def _repeat(self, least: int, most: int, parts: list[tuple[Any, Any]]) -> list[Spelling]:
        choices = self.sequence(parts)
        if least > _MOST_REPEATS:
            raise Unfit(f"repeats something more than {_MOST_REPEATS} times")
        if most <= _MOST_CHOICES and not (len(choices) == 1 and choices[0] in ((ONE,), (ANY,))):
            return [
                sum(one, ())
                for count in range(least, most + 1)
                for one in product(choices, repeat=count)
            ]
        if len(choices) == 1 and choices[0] == (ANY,):
            if least == most:
                return [(ANY,) * least]
            self.is_wider |= most <= _MOST_REPEATS
            return [(*(ANY,) * least, DEEP)]
        if all(len(one) == 1 and one[0] not in (SEP, DEEP, START, END) for one in choices):
            self.is_wider |= choices != [(ONE,)] or most <= _MOST_REPEATS != least
            if least == most:
                return [(ONE,) * least]
            return [(*(ONE,) * least, STAR)]
        raise Unfit("repeats parts of a path")


def _character(one: str) -> str:
    if one in _SEPARATORS:
        return SEP
    if one in '*?"<>|\r\n\t\0':
        raise Unfit(f"no path holds {one!r}")
    return one


def _written(spelling: Spelling) -> Iterator[str]:
    """As names or paths. Nothing if no path on Windows begins so."""
    parts = list(spelling)
    is_start, is_end = START in parts[:1], END in parts[-1:]
    parts = parts[is_start : len(parts) - is_end]
    if START in parts or END in parts:
        raise Unfit("an end of a path stands in its middle")
    while parts and parts[0] == DEEP:
        parts.pop(0)
        is_start = False
    while parts and parts[-1] == DEEP:
        parts.pop()
        is_end = False
    text = "".join(parts)
    is_whole = bool(re.match(r"(?:[a-z]|<\?>|<\.>):\\|%|\\\\", text, re.IGNORECASE))
    if not re.search(r"[^\W_]", re.sub(r"<[^>]*>", "", text)):
        raise Unfit("matches every name")
    if is_start and not is_whole:
        if SEP in parts:
            return
        raise Unfit("no whole path begins so")
    if parts[0] == SEP and not is_whole:
        parts.pop(0)
    elif not is_whole:
        parts.insert(0, STAR)
    ends: list[list[str]] = [parts]
    if not is_end:
        ends = _unended(parts)
    for one in ends:
        yield from _joined(one)


def _unended(parts: list[str]) -> list[list[str]]:
    """Whatever stands behind it: more of the name, or, of what may be a folder, files below it."""
    below = [SEP, "**", SEP, STAR]
    if parts[-1] == SEP:
        return [[*parts[:-1], *below]]
    longer = [*parts] if parts[-1] == STAR else [*parts, STAR]
    last = parts[len(parts) - parts[::-1].index(SEP) :] if SEP in parts else parts
    return [longer] if "." in last else [longer, [*longer, *below]]


def _joined(parts: list[str]) -> Iterator[str]:
    """With what goes over folders as steps of a path, or as a part of a name as well."""
    choices: list[tuple[str, ...]] = []
    for number, part in enumerate(parts):
        before = parts[number - 1] if number else SEP
        after = parts[number + 1] if number + 1 < len(parts) else SEP
        if part != DEEP:
            choices.append(({ONE: "?", ANY: "?", STAR: "*"}.get(part, part),))
        elif before == SEP and after == SEP:
            choices.append(("**",))
        elif before == SEP:
            choices.append(("**\\*",))
        elif after == SEP:
            choices.append(("*\\**",))
        else:
            choices.append(("*", "*\\**\\*"))
    for texts in product(*choices):
        yield re.sub(r"\*{3,}|(?<![\\*])\*\*(?![\\*])", "*", "".join(texts))
