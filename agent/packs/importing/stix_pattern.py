"""Patterns of STIX 2, read by the grammar into what they compare and how that is joined.

Own reader of a small grammar: the field's libraries turn OR into AND, lose EXISTS, or refuse a
whole bundle for one ``IN``. Source: STIX 2.1 (OASIS Standard, 2021-06-10), section 9, and its
grammar STIXPattern.g4. AND binds closest, then OR, then FOLLOWEDBY.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NoReturn

from msgspec import Struct

MAX_DEPTH = 32
MAX_PATTERN = 100_000
"""Characters."""


class BadPattern(Exception):
    """It is none: why, and at which character."""


class Comparison(Struct, frozen=True):
    """``path operator values``; an operator in capitals, ``=`` and ``!=`` as they are."""

    path: str
    """``file:hashes.SHA-256``: without quotes."""
    operator: str
    values: tuple[str, ...]
    is_negated: bool = False


class Joined(Struct, frozen=True):
    """``AND``, ``OR`` or ``FOLLOWEDBY`` of parts."""

    by: str
    parts: tuple[Node, ...]


class Observed(Struct, frozen=True):
    """What stands in brackets, and qualifiers behind it."""

    inner: Node
    qualifiers: tuple[str, ...] = ()


Node = Comparison | Joined | Observed

_TOKEN = re.compile(
    r"""(?P<blank>\s+|/\*.*?\*/|//[^\r\n]*)
    |(?P<text>[tbh]?'(?:[^'\\]|\\.)*')
    |(?P<number>[+-]?(?:[0-9]+\.[0-9]*|\.?[0-9]+))
    |(?P<operator>!=|<>|<=|>=|==|[=<>])
    |(?P<sign>[\[\]().,:*])
    |(?P<word>[A-Za-z_][A-Za-z0-9_-]*)""",
    re.VERBOSE | re.DOTALL,
)
_WORDS = ("LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET")


def parsed(pattern: str) -> Node:
    """Raises BadPattern."""
    if len(pattern) > MAX_PATTERN:
        raise BadPattern(f"longer than {MAX_PATTERN:,} characters")
    reader = _Reader(pattern)
    found = reader.observations(0)
    if reader.kind:
        reader.fail("nothing more is expected")
    return found


class _Reader:
    """By recursive descent; looks at one token, ``kind`` and ``text``."""

    def __init__(self, pattern: str) -> None:
        self._tokens = _tokens(pattern)
        self.kind = self.text = ""
        self._at = 0
        self._next()

    def fail(self, why: str) -> NoReturn:
        """Raises BadPattern."""
        raise BadPattern(f"{why} at character {self._at + 1}")

    def _next(self) -> str:
        before = self.text
        self.kind, self.text, self._at = next(self._tokens)
        return before

    def _is(self, *words: str) -> bool:
        return self.kind in ("word", "sign", "operator") and self.text.upper() in words

    def _take(self, word: str) -> None:
        if not self._is(word):
            self.fail(f"{word} is expected")
        self._next()

    def _joined(self, words: tuple[str, ...], depth: int, *, of_observed: bool) -> Node:
        """Parts joined by the first of ``words``, each of parts joined by the rest."""
        if depth > MAX_DEPTH:
            self.fail("nested too deeply")
        if not words:
            return self._observation(depth) if of_observed else self._test(depth)
        parts = [self._joined(words[1:], depth, of_observed=of_observed)]
        while self._is(words[0]):
            self._next()
            parts.append(self._joined(words[1:], depth, of_observed=of_observed))
        return parts[0] if len(parts) == 1 else Joined(words[0], tuple(parts))

    def observations(self, depth: int) -> Node:
        """A whole pattern, or what stands in parentheses."""
        return self._joined(("FOLLOWEDBY", "OR", "AND"), depth, of_observed=True)

    def _observation(self, depth: int) -> Node:
        if self._is("("):
            self._next()
            inner = self.observations(depth + 1)
            self._take(")")
        else:
            self._take("[")
            inner = self._joined(("OR", "AND"), depth + 1, of_observed=False)
            self._take("]")
        return Observed(inner, tuple(self._qualifiers()))

    def _qualifiers(self) -> Iterator[str]:
        while self._is("WITHIN", "REPEATS", "START"):
            name = self._next().upper()
            self._value()
            if name == "START":
                self._take("STOP")
                self._value()
            else:
                self._take("SECONDS" if name == "WITHIN" else "TIMES")
            yield name

    def _test(self, depth: int) -> Node:
        if self._is("("):
            self._next()
            inner = self._joined(("OR", "AND"), depth + 1, of_observed=False)
            self._take(")")
            return inner
        negated = self._negation()
        if self._is("EXISTS"):
            self._next()
            return Comparison(self._path(), "EXISTS", (), negated)
        path = self._path()
        negated = self._negation() or negated
        if self._is("IN"):
            self._next()
            return Comparison(path, "IN", tuple(self._set()), negated)
        if self.kind == "operator":
            operator = {"==": "=", "<>": "!="}.get(self.text, self.text)
        elif self._is(*_WORDS):
            operator = self.text.upper()
        else:
            self.fail("a comparison is expected")
        self._next()
        return Comparison(path, operator, (self._value(),), negated)

    def _negation(self) -> bool:
        if not self._is("NOT"):
            return False
        self._next()
        return True

    def _path(self) -> str:
        if self.kind != "word":
            self.fail("an object's path is expected")
        path = self._next() + ":"
        self._take(":")
        path += self._step()
        while self._is(".", "["):
            if self._next() == ".":
                path += "." + self._step()
                continue
            if not (self._is("*") or self.kind == "number"):
                self.fail("a number or * is expected")
            path += f"[{self._next()}]"
            self._take("]")
        return path

    def _step(self) -> str:
        if self.kind == "text" and self.text[0] == "'":
            return _unquoted(self._next())
        if self.kind != "word":
            self.fail("a property's name is expected")
        return self._next()

    def _set(self) -> Iterator[str]:
        self._take("(")
        while not self._is(")"):
            yield self._value()
            if not self._is(")"):
                self._take(",")
        self._next()

    def _value(self) -> str:
        if self.kind == "text":
            return _unquoted(self._next())
        if self.kind != "number" and not self._is("TRUE", "FALSE"):
            self.fail("a value is expected")
        return self._next()


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[text.index("'") + 1 : -1], flags=re.DOTALL)


def _tokens(pattern: str) -> Iterator[tuple[str, str, int]]:
    """Kind, text, place; at the end for ever nothing. Raises BadPattern."""
    at = 0
    while at < len(pattern):
        found = _TOKEN.match(pattern, at)
        if found is None:
            raise BadPattern(f"{pattern[at]!r} is not expected at character {at + 1}")
        if found.lastgroup != "blank":
            yield str(found.lastgroup), found[0], at
        at = found.end()
    while True:
        yield "", "", at
