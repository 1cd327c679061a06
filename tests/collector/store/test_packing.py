"""Rows as bytes: PostgreSQL's own reader of them gives back what went in."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.store.database import Insert, Unstorable, Value
from collector.store.packing import packed, read_copy
from collector.store.store import Store
from tests.collector.postgres_server import own_postgres, postgres_server, postgres_url
from tests.collector.store.conftest import anyio_backend, engine, open_store, store

__all__ = ["anyio_backend", "engine", "open_store", "own_postgres", "postgres_server",
           "postgres_url", "store"]  # fmt: skip

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
ROWS = st.lists(
    st.tuples(TEXT, st.none() | st.integers(-(1 << 63), (1 << 63) - 1), st.none() | TEXT),
    min_size=1,
)
ODD = ("", "\\", "\\N", r"\.", "\t", "a\nb", "\r", "C:\\n\\t", "\x0b\x0c\x01", "é\U0001f9e8", "N")


@given(ROWS)
def test_copy_is_read_as_it_was_written(rows: list[tuple[Value, ...]]) -> None:
    made = packed(rows, "copy")
    assert made.count == len(rows)
    assert [*map(tuple, read_copy(made.data, [False, True, False]))] == rows


@given(ROWS)
def test_messagepack_is_an_array_of_arrays(rows: list[tuple[Value, ...]]) -> None:
    assert [*map(tuple, msgspec.msgpack.decode(packed(rows, "messagepack").data))] == rows


@pytest.mark.parametrize("form", ["copy", "messagepack"])
@pytest.mark.parametrize("value", ["a\0b", "\ud800", 1 << 63])
def test_what_no_engine_keeps_is_refused(form: str, value: Value) -> None:
    with pytest.raises(Unstorable):
        packed([("", 0), ("", value)], form)  # type: ignore[arg-type]


@pytest.mark.anyio
@pytest.mark.parametrize("there", [False, True], ids=["new", "some there"])
async def test_the_database_holds_what_was_packed(store: Store, there: bool) -> None:
    """Any text, through the engine's own reader; rows that are there stay as they are."""
    rows = [("one", str(number), text, number) for number, text in enumerate(ODD)]
    await store.database.transact(
        [("CREATE TABLE held (a TEXT, b TEXT, c TEXT, d BIGINT, PRIMARY KEY (a, b))", ())]
    )
    if there:
        await store.database.transact(
            [("INSERT INTO held (a, b, c, d) VALUES ('one', '3', 'earlier', NULL)", ())]
        )
    pieces = [packed(some, store.database.form) for some in (rows, [("two", "0", "", None)])]
    insert = Insert("held", ("a", "b", "c", "d"), {"d"}, ("a", "b"), pieces)
    await store.database.transact([], insert)
    await store.database.transact([], insert)  # and again
    held = await store.database.fetch("SELECT a, b, c, d FROM held")
    expected = {row[:2]: row[2:] for row in rows} | {("two", "0"): ("", None)}
    if there:
        expected["one", "3"] = ("earlier", None)
    assert {(row[0], row[1]): (row[2], row[3]) for row in held} == expected
    assert len(held) == len(expected)
