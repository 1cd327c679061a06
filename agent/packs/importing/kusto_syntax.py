"""Queries of Kusto (KQL) read as far as hunting goes: which rows of which tables, and what is
compared of them.

A ``union`` is each of its branches; of a ``join`` it is known which side's rows there have to be,
and not whether they belong together. Tables that ``let`` names are read where they are asked.
Source: Kusto Query Language reference (tabular operators, kinds of ``join``, ``let``, ``find``).
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct, structs

from .expressions import Unfit
from .kusto_conditions import Conditions, Node
from .kusto_tokens import Token, tokens_of

_MOST_DEEP = 32
_MOST_BRANCHES = 64
_SAME_ROWS_TEXT = """
    as count distinct extend getschema limit order parse parse-kv print project project-away
    project-by-names project-keep project-rename project-reorder render sample serialize sort
    summarize take top
"""
_SAME_ROWS = frozenset(_SAME_ROWS_TEXT.split())
"""Operators that leave away no row for what is in it, or that put rows together."""
_BOTH = ("", "inner", "innerunique", "leftsemi", "rightsemi")
"""Kinds of ``join`` of which each row needs one of the other side. Without a word: innerunique."""
_LEFT_WITHOUT = ("anti", "leftanti", "leftantisemi")
_RIGHT_WITHOUT = ("rightanti", "rightantisemi")


class Query(Struct, frozen=True):
    """Rows of one table."""

    table: str
    conditions: tuple[Node, ...] = ()
    """All of which hold."""
    other: tuple[str, ...] = ()
    """What changes which rows there are, and is not asked."""
    why: str = ""
    """Why it cannot be read."""
    beside: tuple[Query, ...] = ()
    """Other rows that have to be there, too."""


def read_queries(text: str) -> Iterator[Query]:
    """All tabular statements of a file, in their order, of a union each branch; one that cannot be
    read loses no other.

    Raises Unfit.
    """
    yield from _Statements(tokens_of(text)).queries()


class _Statements(Conditions):
    def __init__(self, tokens: list[Token]) -> None:
        super().__init__(tokens)
        self._tables: dict[str, list[Query]] = {}
        """What ``let`` names: rows."""
        self._asked: set[str] = set()
        """Names of them that are asked for rows."""

    def queries(self) -> Iterator[Query]:
        while (token := self._token()) is not None:
            start = self._at
            self._inside = 0
            try:
                if self.takes(";"):
                    continue
                if self._is("let"):
                    yield from self._let()
                else:
                    yield from self._statement()
            except Unfit as error:
                yield Query(token.text, why=str(error))
                self._at, self._inside = max(self._at, start + 1), 0
                self._skip_statement()
        yield from self._not_asked(self._tables)

    def _not_asked(self, names: dict[str, list[Query]]) -> Iterator[Query]:
        why = "rows that the query names, and asks for in another way than as rows"
        for name in names:
            if name not in self._asked:
                yield Query(name, why=why)

    def _statement(self) -> list[Query]:
        rows = self._rows(0)
        if not self._ends():
            raise Unfit(f"the query at {self._shown()}")
        return rows

    def _let(self) -> Iterator[Query]:
        """Texts and rows are kept by their name, which may have meant others before."""
        self._at += 1
        name = self._word()
        self._known.pop(name, None)
        if name in self._tables:
            yield from self._not_asked({name: self._tables.pop(name)})
        self._asked.discard(name)
        self._expect("=")
        start = self._at
        try:
            values = self._values()
            if not self._ends():
                raise Unfit("more than values")
        except Unfit:
            self._at = start
            if self._is_tabular():
                self._at = start
                self._tables[name] = self._body()
            else:
                self._at = start
        else:
            if self._is(";"):
                self._known[name] = values
        self._skip_statement()

    def _is_tabular(self) -> bool:
        """Whether what follows to the end of the statement has a pipe, or puts tables together."""
        if self._is("union", "find", "search"):
            return True
        token = self._token()
        if token is not None and token.text in self._tables:
            return True
        start = self._at
        self._skip_statement()
        return any(one.kind == "sign" and one.text == "|" for one in self._tokens[start : self._at])

    def _body(self) -> list[Query]:
        """Rows, or a function without parameters that gives some."""
        self.takes("view")
        if self._is("(") and self._is(")", ahead=1):
            self._at += 2
            self._expect("{")
            return self._closed("}", 0)
        if self._is("(") and self._is(":", ahead=2):
            raise Unfit("a function with parameters")
        return self._statement()

    # ---- Rows

    def _rows(self, depth: int) -> list[Query]:
        rows = self._source(depth)
        while self._is("|", "where"):
            self.takes("|")
            rows = self._operator(rows, depth)
            if len(rows) > _MOST_BRANCHES:
                raise Unfit(f"more than {_MOST_BRANCHES} branches")
        return rows

    def _closed(self, end: str, depth: int) -> list[Query]:
        """Rows in brackets, of which the first is read."""
        if depth > _MOST_DEEP:
            raise Unfit("nested too deeply")
        self._inside += 1
        rows = self._rows(depth + 1)
        self.takes(";")
        self._inside -= 1
        self._expect(end)
        return rows

    def _source(self, depth: int) -> list[Query]:
        """What stands before the first pipe."""
        if self.takes("("):
            return self._closed(")", depth)
        if self.takes("materialize"):
            self._expect("(")
            return self._closed(")", depth)
        if self.takes("union"):
            return self._branches(depth)
        token = self._token()
        if token is None:
            raise Unfit("a table is missing")
        self._at += 1
        if token.kind == "word" and token.text in self._tables:
            self._asked.add(token.text)
            if self.takes("("):
                self._expect(")")
            rows = self._tables[token.text]
        else:
            other = ("search is not asked",) if token.text.lower() == "search" else ()
            rows = [Query(token.text, other=other)]
        self._skip("|", "where", ",", "on")
        return rows

    def _branches(self, depth: int) -> list[Query]:
        """Of ``union``, behind the word."""
        self._options()
        rows = self._source(depth)
        while self.takes(","):
            rows = rows + self._source(depth)
        return rows

    def _options(self) -> dict[str, str]:
        """``kind=inner hint.strategy=broadcast``; names and values in lower case."""
        found: dict[str, str] = {}
        while self._token_kind() == "word" and (self._is("=", ahead=1) or self._is(".", ahead=1)):
            name = self._word().lower()
            while self.takes("."):
                name += f".{self._word().lower()}"
            self._expect("=")
            token = self._token()
            found[name] = token.text.lower() if token is not None else ""
            self._at += 1
        return found

    def _operator(self, rows: list[Query], depth: int) -> list[Query]:
        """Behind the pipe."""
        if self.takes("where") or self.takes("filter"):
            condition = self.any_of()
            return [structs.replace(one, conditions=(*one.conditions, condition)) for one in rows]
        if self.takes("union"):
            return rows + self._branches(depth)
        if self._is("join", "lookup"):
            return self._join(rows, depth)
        name = self._word().lower()
        while self._is("-") and self._token(1) is not None:
            self._at += 1
            name += f"-{self._word().lower()}"
        self._skip("|")
        if name in _SAME_ROWS:
            return rows
        return [_with(one, f"{name} is not asked") for one in rows]

    def _join(self, left: list[Query], depth: int) -> list[Query]:
        name = self._word().lower()
        options = self._options()
        kind = options.get("kind", "leftouter" if name == "lookup" else "")
        right = self._source(depth)
        keys = self._skip("|")
        how = " ".join(part for part in (name, kind, keys) if part)
        return _joined(left, right, kind, how)


def _joined(left: list[Query], right: list[Query], kind: str, how: str) -> list[Query]:
    """The rows that a join of this kind gives; ``how``: as it is shown."""
    if kind == "leftouter":
        return left
    if kind == "rightouter":
        return right
    if kind == "fullouter":
        return left + right
    if kind in _LEFT_WITHOUT:
        return [_with(one, f"what it excludes is not asked ({how})") for one in left]
    if kind in _RIGHT_WITHOUT:
        return [_with(one, f"what it excludes is not asked ({how})") for one in right]
    if kind not in _BOTH:
        return [_with(one, f"{how} is not asked") for one in left]
    if len(left) * len(right) > _MOST_BRANCHES:
        raise Unfit(f"more than {_MOST_BRANCHES} branches")
    told = f"whether the rows belong together is not asked ({how})"
    return [
        structs.replace(_with(one, told), beside=(*one.beside, other))
        for one in left
        for other in right
    ]


def _with(query: Query, told: str) -> Query:
    return structs.replace(query, other=(*query.other, told))
