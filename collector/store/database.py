"""What the store needs of a database engine.

SQL is written once, with ``?`` for parameters, in what SQLite, PostgreSQL and the distributed
engines of its protocol (Citus, YugabyteDB, CockroachDB) all accept: no stored procedures, no
engine's own functions, ``ON CONFLICT`` for idempotence.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Container, Iterable, Sequence
from typing import Any, Literal, NamedTuple, Protocol, cast

from msgspec import Struct

from ..records import NewReport, PutResult

Value = str | int | bytes | None
Statement = tuple[str, Sequence[Value]]
Row = Sequence[Any]


Form = Literal["messagepack", "copy"]
"""An array of arrays, for SQLite's writer; the text of PostgreSQL's ``COPY``."""


class Packed(Struct, frozen=True, array_like=True, gc=False):
    """Rows of one table, as :func:`~collector.store.packing.packed` makes them."""

    count: int
    data: bytes


class Insert(NamedTuple):
    """Many rows of one table; those that are there already stay."""

    table: str
    columns: Sequence[str]
    numbers: Container[str]
    """Columns of whole numbers; the others hold text."""
    key: Sequence[str]
    """Columns by which a row is there already."""
    pieces: Sequence[Packed]
    """In the form of the database; none of no rows."""

    @property
    def into(self) -> str:
        """SQL: the statement's beginning."""
        return f"INSERT INTO {self.table} ({', '.join(self.columns)})"

    @property
    def end(self) -> str:
        """SQL: its end."""
        return f"ON CONFLICT ({', '.join(self.key)}) DO NOTHING"


_PLAIN = frozenset({str, int, bytes, type(None)})
_TEXT = frozenset({str})


class StoreError(Exception):
    """The database cannot be used; the message says which and why."""


class Unstorable(StoreError):
    """Nothing is wrong with the database, but this value no engine keeps: the same in every try."""


class Busy(Exception):
    """More reports wait for the disk than there is room for; the agent is told to come back."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"busy, come back in {retry_after_s} s")
        self.retry_after_s = retry_after_s


def storable(values: Iterable[Value]) -> None:
    """Raises Unstorable: PostgreSQL refuses NUL, and no UTF-8 has half a surrogate pair.

    What a host says is cleaned before it comes here (``agent.output.escape.shown`` writes both as
    escapes); this is the engines' own guard, so that one value cannot fail its neighbours.
    """
    held = list(values)
    kinds = set(map(type, held))
    if kinds <= _PLAIN:
        # A statement has thousands: one by one only to name the one that is wrong.
        texts = held if kinds == _TEXT else [one for one in held if type(one) is str]
        text = "".join(cast(list[str], texts))
        numbers = [value for value in held if type(value) is int] if int in kinds else []
        fit = not numbers or (min(numbers) >= -(1 << 63) and max(numbers) < 1 << 63)
        if fit and "\0" not in text and (text.isascii() or _encodes(text)):
            return
    for value in held:
        if isinstance(value, str):
            if value.isprintable():  # neither is; and most text is
                continue
            if "\0" in value or not (value.isascii() or _encodes(value)):
                raise Unstorable(f"text with NUL or a lone surrogate: {value[:80]!a}")
        elif isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
            raise Unstorable(f"a number {value.bit_length()} bits long")


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class Database(Protocol):
    """One open database. Methods may be called concurrently from one event loop."""

    form: Form
    """In which it takes many rows."""
    at_once: int
    """Large transactions that are best under way side by side: one waits for the way there and back
    while another works, but two that meet are done once more."""

    async def put(self, report: NewReport) -> PutResult:
        """Durable before it returns (group commit). Raises Busy, StoreError."""
        ...

    async def fetch(self, sql: str, *parameters: Value) -> list[Row]:
        """The rows of one SELECT. Raises StoreError."""
        ...

    def stream(self, sql: str, *parameters: Value) -> AsyncIterator[list[Row]]:
        """The rows of one SELECT in pieces, without holding them all. Raises StoreError."""
        ...

    async def transact(
        self, statements: Sequence[Statement], insert: Insert | None = None
    ) -> list[int]:
        """Run all in one transaction, ``insert`` first, durable before it returns; rows touched by
        each statement.

        Raises StoreError; then none has taken effect.
        """
        ...

    async def number(self, limit: int) -> None:
        """Give ``report.seq`` to committed reports that have none yet, in an order that never
        changes: a reader that goes by ``seq > cursor`` misses nothing. Does nothing where the
        engine numbers on insert."""
        ...

    @property
    def waiting(self) -> int:
        """Reports that wait for their commit."""
        ...

    @property
    def alive(self) -> bool:
        """Whether reports can be kept now."""
        ...

    async def close(self) -> None: ...
