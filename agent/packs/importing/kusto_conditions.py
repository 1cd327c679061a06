"""What ``where`` compares in queries of Kusto.

Source: Kusto Query Language reference (string operators, scalar literals, ``datatable``).
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from .and_or import AndOr
from .expressions import Unfit
from .kusto_tokens import Cursor, Token

_MOST_DEEP = 32
_TEXTS = ("contains", "endswith", "has", "hasprefix", "hassuffix", "startswith")
OPERATORS = frozenset(
    (
        *("==", "=~", "!=", "!~", "<", "<=", ">", ">=", "<>", "in", "between", "matches"),
        *("has_any", "has_all", *_TEXTS, *(f"{one}_cs" for one in _TEXTS)),
    )
)


FILLED = ("isnotempty", "isnotnull")
"""Functions that say no more of a column than that it has a value."""


_IN_RANGE = (
    "ipv4_is_in_any_range", "ipv4_is_in_range", "ipv4_is_match", "ipv6_is_in_any_range",
    "ipv6_is_in_range", "ipv6_is_match",
)  # fmt: skip
"""Functions of a column and of addresses or blocks; a prefix's length may follow: not these."""


class Unknown(Unfit):
    """A condition that is not known."""


class Compared(Struct, frozen=True):
    """``column operator values``; an operator as it is written, in lower case."""

    column: str
    operator: str
    values: tuple[str, ...]
    is_negated: bool = False
    why: str = ""
    """Why the values are not known; without a column, why nothing of it is."""


class Joined(Struct, frozen=True):
    """``and`` or ``or`` of parts."""

    by: str
    parts: tuple[Node, ...]


class Negated(Struct, frozen=True):
    """What must not hold."""

    part: Node


Node = Compared | Joined | Negated


class Conditions(Cursor, AndOr[Node]):
    """Reads them."""

    def __init__(self, tokens: list[Token]) -> None:
        super().__init__(tokens)
        self._known: dict[str, tuple[str, ...]] = {}
        """What ``let`` names: texts."""

    def either(self, parts: Sequence[Node]) -> Node:
        return Joined("or", tuple(parts))

    def both(self, parts: Sequence[Node]) -> Node:
        return Joined("and", tuple(parts))

    def negated(self, depth: int) -> Node:
        return Negated(self.one(depth))

    def unclosed(self) -> str:
        return f"')' is missing at {self._shown()}"

    def leaf(self, _depth: int) -> Node:
        """What cannot be read of it is told, and takes nothing else with it."""
        start = self._at
        try:
            return self._comparison()
        except Unknown as error:
            self._at = start
            self._skip("|", "and", "or")
            return Compared("", "", (), why=str(error))

    def _column(self, depth: int = 0) -> str:
        """Of ``tolower(Column)`` what stands in it; of ``Column.part`` both."""
        if depth > _MOST_DEEP:
            raise Unfit("nested too deeply")
        name = self._word()
        if self._is("("):
            self._at += 1
            inner = self._column(depth + 1) if self._token_kind() == "word" else ""
            if not self._is(")") or name.lower() not in ("tolower", "toupper", "tostring", "trim"):
                raise Unknown(f"the function {name}")
            self._at += 1
            return inner
        while self._is("."):
            self._at += 1
            name += f".{self._word()}"
        return name

    def _comparison(self) -> Compared:
        if self._is(*FILLED) and self._is("(", ahead=1):
            name = self._word().lower()
            self._at += 1
            column = self._column()
            self._expect(")")
            return Compared(column, name, ())
        if self._is(*_IN_RANGE) and self._is("(", ahead=1):
            return self._in_range()
        column = self._column()
        token = self._token()
        operator = token.text.lower() if token is not None and token.kind != "text" else ""
        negated = operator[:1] == "!" or operator == "<>"
        if operator[:1] == "!" and operator[1:2].isalpha():
            operator = operator[1:]
        if operator.removesuffix("~") == "in":
            operator = "in"
        if operator not in OPERATORS:
            raise Unknown(f"the comparison of {column}")
        self._at += 1
        if operator == "matches":
            self._expect("regex")
        start = self._at
        try:
            values = self._values()
        except Unfit as error:
            self._at = start
            self._skip("|", "and", "or")
            return Compared(column, operator, (), negated, str(error))
        return Compared(column, operator, values, negated)

    def _in_range(self) -> Compared:
        name = self._word().lower()
        self._at += 1
        column = self._column()
        values: list[str] = []
        while self.takes(","):
            if self._token_kind() == "number":
                raise Unknown(f"the function {name} with the length of a prefix")
            try:
                values += self._values()
            except Unfit as error:
                self._skip()
                self._expect(")")
                return Compared(column, "in", (), why=str(error))
        self._expect(")")
        return Compared(column, "in", tuple(values))

    def _one_column(self) -> None:
        """The head of a table that is written out, whose values are those of its one column."""
        self._at += 1
        self._expect("(")
        head = self._skip()
        self._expect(")")
        if "," in head or not self._is("["):
            raise Unfit("what a table of several columns holds")

    def _values(self, depth: int = 0) -> tuple[str, ...]:
        """Raises Unfit for what is not known here."""
        if depth > _MOST_DEEP:
            raise Unfit("nested too deeply")
        token = self._token()
        if token is None:
            raise Unfit("a value is missing")
        if self._is("datatable"):
            self._one_column()
        elif self._is("dynamic", "pack_array"):
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
