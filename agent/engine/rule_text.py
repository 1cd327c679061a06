"""The text of a YARA rule file, taken apart: where each rule begins and ends, and what it needs.

A tokenizer that knows comments, text strings, regular expressions and hex strings, so that a brace
or a keyword inside one of them is never taken for a rule's end or beginning. It understands as
much of a condition as it takes to say which other rules and modules it asks for; whether the rule
is right is the engine's answer (``rule_check``). Lexical rules: YARA 4.5, ``libyara/lexer.l``.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from .rule_tokens import Tokens


class TextError(Exception):
    """These bytes are no text; the message says why."""


class Place(Struct, frozen=True):
    """Where something stands in its file, both counted from 1; columns count characters."""

    line: int
    column: int


class Rule(Struct, frozen=True):
    """One rule as it was written."""

    name: str
    place: Place
    text: str
    """From its first modifier to its closing brace, ready for the engine: comments blanked, bytes
    that are not UTF-8 written as ``\\xNN``, ranges from the end beginning at zero at the least;
    line breaks stay where they were."""
    is_private: bool
    is_global: bool
    names: frozenset[str]
    """Identifiers in its condition that could be other rules, variables or modules."""
    roots: frozenset[str]
    """Those of them that something is asked of by a dot, as modules are."""
    rule_sets: frozenset[str]
    """Prefixes of the rule sets it counts: ``a`` of ``any of (a*)``."""
    variables: frozenset[str] = frozenset()
    """Those of ``names`` that a ``for`` of its own declares."""
    fault: tuple[Place, str] | None = None
    """Where and why it cannot even be read as a rule."""
    escaped: tuple[Place, ...] = ()
    """Of each ``\\xNN`` that stands for one byte: its place in ``text``."""

    def written(self, line: int, column: int) -> Place:
        """The place in the operator's file of a place in ``text`` (both counted from 1)."""
        longer = sum(3 for place in self.escaped if place.line == line and place.column < column)
        start = self.place.column - 1 if line == 1 else 0
        return Place(self.place.line + line - 1, max(1, column - longer) + start)


class Import(Struct, frozen=True):
    """``import "pe"``."""

    module: str
    place: Place


class Include(Struct, frozen=True):
    """``include "other.yar"``: the path as written (YARA knows no escapes in it)."""

    path: str
    place: Place


class Stray(Struct, frozen=True):
    """Text that is none of those, once for a run of it."""

    place: Place
    why: str
    may_be_global: bool
    """The word ``global`` is in it: what was lost here may have limited every other rule."""


Item = Rule | Import | Include | Stray


def decoded(data: bytes) -> str:
    """A rule file's bytes as text.

    UTF-8 with or without a byte order mark, UTF-16 and UTF-32 with one. Bytes that are not
    UTF-8 (a file in Latin-1 or Windows-1252) stay what they are, as lone surrogates
    (``surrogateescape``), so that ``rules_in`` can hand the engine exactly these bytes: YARA's
    strings are bytes, and guessing a code page would look for others. Line ends become ``\\n``.
    Raises TextError for damaged UTF-16 or UTF-32, and for what looks like UTF-16 without its mark.
    """
    for mark, encoding in (
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(mark):
            try:
                text = data[len(mark) :].decode(encoding)
            except UnicodeDecodeError as error:
                raise TextError(f"is not the {encoding} that its first bytes say") from error
            return text.replace("\r\n", "\n")
    if b"\0" in data:
        raise TextError("has NUL bytes: not a rule text, or UTF-16 without a byte order mark")
    text = data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")
    return text.replace("\r\n", "\n")


_RULE_HEAD: Final = re.compile(r"rule\s+[A-Za-z_]\w*\s*(?::[\w\s]*)?\{", re.ASCII)
_MODIFIERS: Final = re.compile(r"\s*((?:(?:private|global)\s+)+)\Z")
_INCLUDE: Final = re.compile(r'include\s*"([^"\n]*)"')
_WORD: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_COLON: Final = re.compile(r"\s*:")
_BYTE: Final = re.compile("[\udc80-\udcff]")
_WRITTEN_BYTE: Final = re.compile("((?:\\\\\\\\)*)(?:\\\\?)([\udc80-\udcff])")
_CONDITION: Final = re.compile(r"\bcondition\s*:")
_FROM_THE_END: Final = re.compile(
    r"(\$\w*)\s+in\s+\(\s*filesize\s*-\s*((?:0x[0-9A-Fa-f]+|[0-9]+)(?:KB|MB)?)\s*\.\.\s*filesize\s*\)"
)
_STARTERS: Final = frozenset({"rule", "private", "global", "import", "include"})
_NOT_CLOSED: Final = {
    "open_comment": "the comment is not closed",
    "unclosed": "the string or regular expression is not closed on its line",
}


def rules_in(text: str) -> list[Item]:
    """The rules, imports and includes of a text as ``decoded`` gives it, in order.

    A rule without its closing brace ends before the next rule's head; what is no rule is a
    ``Stray``. Any text ends in a list, in time linear in its length.
    """
    return _Parser(text).items()


class _Condition:
    """Collects what a condition asks for."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.roots: set[str] = set()
        self.rule_sets: set[str] = set()
        self.variables: set[str] = set()
        self._before = ("", "")
        self._name = ""
        self._in_set = False
        self._declared: set[str] | None = None

    def take(self, kind: str, value: str) -> None:
        last_but_one, last = self._before
        if value == "(" and last == "of":
            self._in_set = True
        elif self._in_set and value == "*" and self._name == last:
            self.rule_sets.add(last)
            self.names.discard(last)
        elif self._in_set and value not in {",", "*"} and kind != "word":
            self._in_set = False
        self._declare(kind, value)
        if kind == "word" and last != ".":
            self._name = value
            self.names.add(value)
        elif value == "." and last == self._name and last_but_one != ".":
            self.roots.add(last)
        self._before = (last, value)

    def _declare(self, kind: str, value: str) -> None:
        """Notes the words between ``for`` and ``in``, the variables among them."""
        if value == "for":
            self._declared = set()
        elif self._declared is None:
            return
        elif value == "in":
            self.variables |= self._declared
            self._declared = None
        elif kind == "word" and value != "of":
            self._declared.add(value)
        elif value not in {",", "%"} and not value.isdigit():
            self._declared = None


class _Parser:
    """One pass over one file."""

    def __init__(self, text: str) -> None:
        self.tokens = Tokens(text)
        self._text = text
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self._found: list[Item] = []
        self._stray_at: int | None = None
        self._stray_why = ""
        self._stray_global = False

    def items(self) -> list[Item]:
        while (token := self.tokens.next()) is not None:
            value = token.group()
            if token.lastgroup == "word" and value in _STARTERS and self._starts(token, value):
                continue
            self._note_stray(token)
        self._end_stray()
        return self._found

    def place(self, at: int) -> Place:
        line = bisect_right(self._lines, at)
        return Place(line, at - self._lines[line - 1] + 1)

    def _note_stray(self, token: re.Match[str]) -> None:
        if self._stray_at is None:
            self._stray_at = token.start()
            self._stray_why = _NOT_CLOSED.get(token.lastgroup or "", "is no rule")
        self._stray_global |= token.group() == "global"

    def _end_stray(self) -> None:
        if self._stray_at is not None:
            place = self.place(self._stray_at)
            self._found.append(Stray(place, self._stray_why, self._stray_global))
        self._stray_at, self._stray_global = None, False

    def _starts(self, token: re.Match[str], value: str) -> bool:
        """Takes what begins here; false, with nothing taken, when it is none of the three."""
        if value == "include":
            return self._include(token)
        if value == "import":
            return self._import(token)
        return self._rule(token)

    def _include(self, token: re.Match[str]) -> bool:
        match = _INCLUDE.match(self._text, token.start())
        if match is None:
            return False
        self._end_stray()
        self.tokens.at = match.end()
        self._found.append(Include(match[1], self.place(token.start())))
        return True

    def _import(self, token: re.Match[str]) -> bool:
        back = self.tokens.at
        name = self.tokens.next()
        if name is None or name.lastgroup != "string":
            self.tokens.at = back
            return False
        self._end_stray()
        self._found.append(Import(name.group()[1:-1], self.place(token.start())))
        return True

    def _rule(self, token: re.Match[str]) -> bool:
        head = self._head(token)
        if head is None:
            return False
        self._end_stray()
        name, modifiers, closed = head
        body = _Body(self, token.start(), name, modifiers, closed=closed)
        self._found.append(body.rule())
        return True

    def _head(self, token: re.Match[str]) -> tuple[str, frozenset[str], bool] | None:
        """Name, modifiers and whether the body was closed at once; None where it is no head."""
        back, modifiers = self.tokens.at, set[str]()
        value: str | None = token.group()
        while value in {"private", "global"} and value not in modifiers:
            modifiers.add(value)
            value = self._value()
        name = self.tokens.next() if value == "rule" else None
        if name is None or name.lastgroup != "word":
            self.tokens.at = back
            return None
        value = self._value()
        if value == ":":
            value = self._value()
            while value is not None and _WORD.fullmatch(value) and value not in _STARTERS:
                value = self._value()
        if value is None or not value.startswith("{"):
            self.tokens.at = back
            return None
        return name.group(), frozenset(modifiers), value != "{"

    def _value(self) -> str | None:
        token = self.tokens.next()
        return None if token is None else token.group()


class _Body:
    """Reads on from a rule's opening brace to its end."""

    def __init__(
        self,
        parser: _Parser,
        start: int,
        name: str,
        modifiers: frozenset[str],
        *,
        closed: bool,
    ) -> None:
        self._parser, self._tokens = parser, parser.tokens
        self._start, self._name, self._modifiers = start, name, modifiers
        self._closed = closed
        self._condition: _Condition | None = None
        self._fault: tuple[int, str] | None = None
        self._bytes: list[tuple[int, int]] = []

    def rule(self) -> Rule:
        first_comment = len(self._tokens.comments)
        while first_comment and self._tokens.comments[first_comment - 1][0] > self._start:
            first_comment -= 1  # those in the head
        end = self._tokens.at if self._closed else self._read()
        text = self._tokens.text[self._start : end]
        comments = self._tokens.comments[first_comment:]
        condition = self._condition or _Condition()
        place = self._parser.place(self._start)
        clean, escaped = _clean(text, [(a - self._start, b - self._start) for a, b in comments])
        return Rule(
            self._name,
            place,
            _from_zero(clean),
            "private" in self._modifiers,
            "global" in self._modifiers,
            frozenset(condition.names),
            frozenset(condition.roots),
            frozenset(condition.rule_sets),
            frozenset(condition.variables),
            None if self._fault is None else (self._parser.place(self._fault[0]), self._fault[1]),
            escaped,
        )

    def _read(self) -> int:
        depth = 1
        while (token := self._tokens.next()) is not None:
            kind, value = token.lastgroup or "", token.group()
            if kind == "word" and value == "rule":
                if (start := self._next_rule(token.start())) is not None:
                    self._blame(token.start(), "a closing brace is missing before this rule")
                    self._tokens.at = start
                    return start
            elif kind in _NOT_CLOSED:
                self._blame(token.start(), _NOT_CLOSED[kind])
            elif value == "{":
                depth += 1
            elif value == "}":
                depth -= 1
                if not depth:
                    return token.end()
            self._note(kind, value, token.end())
        self._blame(self._start, "its closing brace is missing")
        return len(self._tokens.text)

    def _note(self, kind: str, value: str, end: int) -> None:
        if self._condition is not None:
            self._condition.take(kind, value)
        elif value == "condition" and _COLON.match(self._tokens.text, end):
            self._condition = _Condition()

    def _next_rule(self, at: int) -> int | None:
        """Where the rule whose keyword is here begins, its modifiers on that line included."""
        text = self._tokens.text
        if _RULE_HEAD.match(text, at) is None:
            return None
        line = max(text.rfind("\n", 0, at) + 1, self._start)
        modifiers = _MODIFIERS.match(text[line:at])
        return at if modifiers is None else line + modifiers.start(1)

    def _blame(self, at: int, why: str) -> None:
        if self._fault is None:
            self._fault = (at, why)


def _from_zero(text: str) -> str:
    """With ranges that count back from the end of a file beginning at its start where it is too
    short: to boreal 1.4 nothing lies in a range that begins below zero, to YARA what is there."""
    conditions = list(_CONDITION.finditer(text))
    start = conditions[-1].end() if conditions else len(text)
    return text[:start] + _FROM_THE_END.sub(
        r"(\1 in (filesize-\2..filesize) or (filesize < \2 and \1 in (0..filesize)))", text[start:]
    )


def _clean(text: str, comments: list[tuple[int, int]]) -> tuple[str, tuple[Place, ...]]:
    """A rule's text with its comments blanked and its odd bytes escaped, and where those are."""
    pieces, at = [], 0
    for start, end in comments:
        if start >= len(text):
            break
        pieces += [text[at:start], _blank(text[start:end])]
        at = end
    text = "".join([*pieces, text[at:]])
    if _BYTE.search(text) is None:
        return text, ()
    return _WRITTEN_BYTE.sub(_escape, text), tuple(_escapes(text))


def _escape(match: re.Match[str]) -> str:
    """The byte as an escape, which takes the place of a backslash right before it."""
    return f"{match[1]}\\x{ord(match[2]) - 0xDC00:02x}"


def _escapes(text: str) -> Iterator[Place]:
    for number, line in enumerate(text.split("\n"), 1):
        for count, match in enumerate(_BYTE.finditer(line)):
            yield Place(number, match.start() + 1 + 3 * count)


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)
