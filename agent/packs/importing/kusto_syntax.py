"""Queries of Kusto (KQL) read as far as hunting goes: tables, ``where`` and what it compares.

Source: Kusto Query Language reference (string operators, scalar literals, ``let``, ``find``). A
statement ends at a semicolon, and in files of several queries at a blank line, as the editors of
Defender and Sentinel have it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from .and_or import AndOr
from .expressions import Unfit

MOST_TOKENS = 100_000
_MOST_DEEP = 32
_TOKEN = re.compile(
    r"""(?P<blank>[\s\u200b\ufeff]+|//[^\r\n]*)
    |(?P<verbatim>[hH]?@(?:"(?:[^"]|"")*"|'(?:[^']|'')*'))
    |(?P<text>[hH]?(?:"(?:[^"\\\r\n]|\\.)*"|'(?:[^'\\\r\n]|\\.)*'))
    |(?P<number>[0-9]+(?:\.[0-9]+)?[a-z]*)
    |(?P<operator>![A-Za-z_]+~?|in~)
    |(?P<word>[A-Za-z_$][A-Za-z0-9_]*)
    |(?P<sign>=~|!~|==|!=|<=|>=|<>|\.\.|[|;(),=<>\[\]{}.+*/%:?@-])""",
    re.VERBOSE,
)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'"}
_TEXTS = ("contains", "endswith", "has", "hasprefix", "hassuffix", "startswith")
OPERATORS = frozenset(
    (
        *("==", "=~", "!=", "!~", "<", "<=", ">", ">=", "<>", "in", "between", "matches"),
        *("has_any", "has_all", *_TEXTS, *(f"{one}_cs" for one in _TEXTS)),
    )
)


class Token(Struct, frozen=True):
    """A part of a query."""

    kind: str
    """``text``, ``number``, ``operator``, ``word``, ``sign``."""
    text: str
    """Of a text what it says."""
    begins: bool = False
    """A blank line or the beginning of the file stands before it."""


class Compared(Struct, frozen=True):
    """``column operator values``; an operator as it is written, in lower case."""

    column: str
    operator: str
    values: tuple[str, ...]
    is_negated: bool = False
    why: str = ""
    """Why the values are not known."""


class Joined(Struct, frozen=True):
    """``and`` or ``or`` of parts."""

    by: str
    parts: tuple[Node, ...]


class Negated(Struct, frozen=True):
    """What must not hold."""

    part: Node


Node = Compared | Joined | Negated


class Query(Struct, frozen=True):
    """One tabular statement."""

    table: str
    conditions: tuple[Node, ...]
    """All of which hold."""
    other: tuple[str, ...]
    """Operators that change which rows there are, and are not read."""
    why: str = ""
    """Why it cannot be read."""


def tokens_of(text: str) -> list[Token]:
    """Raises Unfit."""
    found: list[Token] = []
    at, begins = 0, True
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise Unfit(
                f"line {text.count(chr(10), 0, at) + 1}: {text[at]!r} is no part of a query"
            )
        at, kind, word = match.end(), str(match.lastgroup), match[0]
        if kind == "blank":
            begins |= word.count("\n") > 1
            continue
        found.append(_token(kind, word, begins=begins))
        begins = False
        if len(found) > MOST_TOKENS:
            raise Unfit("too long a query")
    return found


def _token(kind: str, word: str, *, begins: bool) -> Token:
    if kind == "verbatim":
        body = word[word.index("@") + 1 :]
        return Token("text", body[1:-1].replace(body[0] * 2, body[0]), begins)
    if kind == "text":
        body = word[1:] if word[0] in "hH" else word
        plain = re.sub(r"\\(.)", lambda one: _ESCAPED.get(one[1], one[0]), body[1:-1])
        return Token("text", plain, begins)
    return Token(kind, word, begins)


def read_queries(text: str) -> Iterator[Query]:
    """All tabular statements of a file, in their order; one that cannot be read loses no other.

    Raises Unfit.
    """
    yield from _Reader(tokens_of(text)).queries()


class _Reader(AndOr[Node]):
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens, self._at = tokens, 0
        self._known: dict[str, tuple[str, ...]] = {}
        """What ``let`` names: texts."""

    def queries(self) -> Iterator[Query]:
        while (token := self._token()) is not None:
            start = self._at
            try:
                if self._is(";"):
                    self._at += 1
                elif self._is("let"):
                    yield from self._let()
                else:
                    yield self._query()
            except Unfit as error:
                yield Query(token.text, (), (), str(error))
                self._at = max(self._at, start + 1)
                self._skip_statement()

    # ---- Tokens

    def _token(self, ahead: int = 0) -> Token | None:
        place = self._at + ahead
        return self._tokens[place] if place < len(self._tokens) else None

    def _is(self, *words: str) -> bool:
        token = self._token()
        return token is not None and token.kind != "text" and token.text.lower() in words

    def _expect(self, word: str) -> None:
        if not self._is(word):
            token = self._token()
            raise Unfit(f"{word!r} is missing at {token.text if token else 'the end'!r}")
        self._at += 1

    def _ends(self) -> bool:
        """Whether the statement is over."""
        token = self._token()
        return token is None or self._is(";") or (token.begins and not self._is("|", "and", "or"))

    def _skip_statement(self) -> None:
        while not self._ends():
            self._at += 1

    def _skip_operator(self) -> None:
        """To the next pipe that is not in brackets."""
        depth = 0
        while not self._ends() and (depth > 0 or not self._is("|")):
            depth += self._is("(", "[") - self._is(")", "]")
            self._at += 1

    # ---- Statements

    def _let(self) -> Iterator[Query]:
        """Texts are kept by their name; a table is a query of its own."""
        self._at += 1
        name = self._word()
        self._known.pop(name, None)  # it is another one from here on
        self._expect("=")
        start = self._at
        try:
            values = self._values()
        except Unfit:
            self._at = start
            self._skip_operator()
            is_table, self._at = self._is("|"), start
            if is_table:
                yield self._query()
        else:
            if self._is(";"):
                self._known[name] = values
        self._skip_statement()

    def _query(self) -> Query:
        table = self._token()
        assert table is not None
        conditions: list[Node] = []
        other: list[str] = []
        if table.text.lower() in ("union", "search"):
            other.append(table.text.lower())
        self._at += 1
        while not self._ends() and not self._is("|", "where"):
            self._at += 1
        while self._is("|", "where"):
            self._at += self._is("|")
            if self._is("where", "filter"):
                self._at += 1
                conditions.append(self.any_of())
                continue
            if self._is("join", "union", "mv", "invoke", "search", "lookup"):
                token = self._token()
                other.append(token.text.lower() if token else "")
            self._skip_operator()
        if not self._ends():
            token = self._token()
            raise Unfit(f"the query at {token.text if token else ''!r}")
        return Query(table.text, tuple(conditions), tuple(other))

    # ---- Conditions

    def takes(self, word: str) -> bool:
        found = self._is(word)
        self._at += found
        return found

    def either(self, parts: Sequence[Node]) -> Node:
        return Joined("or", tuple(parts))

    def both(self, parts: Sequence[Node]) -> Node:
        return Joined("and", tuple(parts))

    def negated(self, depth: int) -> Node:
        return Negated(self.one(depth))

    def unclosed(self) -> str:
        token = self._token()
        return f"')' is missing at {token.text if token else 'the end'!r}"

    def leaf(self, _depth: int) -> Node:
        return self._comparison()

    def _word(self) -> str:
        token = self._token()
        if token is None or token.kind != "word":
            raise Unfit(f"a name is missing at {token.text if token else 'the end'!r}")
        self._at += 1
        return token.text

    def _column(self, depth: int = 0) -> str:
        """Of ``tolower(Column)`` what stands in it; of ``Column.part`` both."""
        if depth > _MOST_DEEP:
            raise Unfit("nested too deeply")
        name = self._word()
        if self._is("("):
            self._at += 1
            inner = self._column(depth + 1) if self._token_kind() == "word" else ""
            if not self._is(")") or name.lower() not in ("tolower", "toupper", "tostring", "trim"):
                raise Unfit(f"the function {name}")
            self._at += 1
            return inner
        while self._is("."):
            self._at += 1
            name += f".{self._word()}"
        return name

    def _token_kind(self) -> str:
        token = self._token()
        return token.kind if token is not None else ""

    def _comparison(self) -> Compared:
        column = self._column()
        token = self._token()
        operator = token.text.lower() if token is not None and token.kind != "text" else ""
        negated = operator[:1] == "!" or operator == "<>"
        if operator[:1] == "!" and operator[1:2].isalpha():
            operator = operator[1:]
        if operator.removesuffix("~") == "in":
            operator = "in"
        if operator not in OPERATORS:
            raise Unfit(f"the comparison of {column}")
        self._at += 1
        if operator == "matches":
            self._expect("regex")
        start = self._at
        try:
            values = self._values()
        except Unfit as error:
            self._at = start
            self._skip_value()
            return Compared(column, operator, (), negated, str(error))
        return Compared(column, operator, values, negated)

    def _values(self, depth: int = 0) -> tuple[str, ...]:
        """Raises Unfit for what is not known here."""
        if depth > _MOST_DEEP:
            raise Unfit("nested too deeply")
        token = self._token()
        if token is None:
            raise Unfit("a value is missing")
        if self._is("dynamic", "pack_array"):
            self._at += 1
        if self._is("(", "["):
            self._at += 1
            found: list[str] = []
            while not self._is(")", "]"):
                found += self._values(depth + 1)
                if self._is(",", ".."):
                    self._at += 1
                elif not self._is(")", "]"):
                    raise Unfit("a list of values")
            self._at += 1
            return tuple(found)
        if token.kind in ("text", "number"):
            self._at += 1
            return (token.text,)
        if token.kind == "word" and token.text in self._known:
            self._at += 1
            return self._known[token.text]
        raise Unfit(f"what {token.text} is")

    def _skip_value(self) -> None:
        """A name, or a call with all that stands in it."""
        depth = 0
        while not self._ends() and (depth > 0 or not self._is("|", "and", "or", ")")):
            depth += self._is("(", "[") - self._is(")", "]")
            self._at += 1
