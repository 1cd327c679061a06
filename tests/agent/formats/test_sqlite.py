"""Databases are read in memory as SQLite itself reads them beside their WAL."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.formats import FormatError, sqlite
from agent.formats.sqlite import Database, Seams, committed, read_header, replayed, rows_on_page
from tests.evidence.databases import database, in_wal_mode
from tests.evidence.samples import sample, samples

TABLE = "CREATE TABLE t (id INTEGER PRIMARY KEY, text)"
SIZES = [512, 1024, 4096, 65536]


def rows_of(data: bytes | bytearray, table: str = "t") -> list[tuple[object, ...]]:
    made = Database(data)
    try:
        return [tuple(row.values.values()) for row in made.rows(table)]
    finally:
        made.close()


def as_sqlite_reads(place: Path, data: bytes, wal: bytes) -> list[tuple[object, ...]]:
    (place / "db").write_bytes(data)
    (place / "db-wal").write_bytes(wal)
    connection = sqlite3.connect(place / "db")
    try:
        connection.text_factory = bytes
        return connection.execute("SELECT * FROM t").fetchall()
    finally:
        connection.close()


@pytest.mark.parametrize("size", SIZES)
def test_what_only_the_wal_holds_is_read(size: int, tmp_path: Path) -> None:
    fill = [("INSERT INTO t(text) VALUES (?)", (f"row {n} " * 40,)) for n in range(60)]
    later = [
        ("INSERT INTO t(text) VALUES (?)", ("the newest",)),
        ("UPDATE t SET text = ? WHERE id = 3", ("changed",)),
        ("DELETE FROM t WHERE id BETWEEN ? AND ?", (20, 50)),
    ]
    left = in_wal_mode([TABLE, *fill], later, page_size=size)
    assert b"the newest" not in left.database

    found = rows_of(replayed(*left))

    assert found == as_sqlite_reads(tmp_path, *left)
    assert (61, b"the newest") in found
    assert (3, b"changed") in found


def test_a_transaction_that_was_not_committed_is_left_out(tmp_path: Path) -> None:
    left = in_wal_mode([TABLE], [("INSERT INTO t(text) VALUES (?)", ("committed",))])
    frame = 24 + 4096
    last = bytearray(left.wal[-frame:])
    last[4:8] = bytes(4)  # not the last of its transaction
    last[24:] = last[24:].replace(b"committed", b"abandoned")

    found = rows_of(replayed(left.database, left.wal + bytes(last)))

    assert found == [(1, b"committed")]


def test_frames_of_an_earlier_wal_are_left_out() -> None:
    left = in_wal_mode([TABLE], [("INSERT INTO t(text) VALUES (?)", ("of now",))])
    old = bytearray(left.wal[-(24 + 4096) :].replace(b"of now", b"before"))
    old[8:12] = b"salt"

    assert rows_of(replayed(left.database, left.wal + bytes(old))) == [(1, b"of now")]


def test_a_wal_of_another_page_size_is_refused() -> None:
    left = in_wal_mode([TABLE], [("INSERT INTO t(text) VALUES ('x')", ())], page_size=1024)
    with pytest.raises(FormatError, match="another size"):
        replayed(database(TABLE), left.wal)


@pytest.mark.parametrize("size", SIZES)
def test_text_across_pages_stands_in_the_seams(size: int) -> None:
    long = "".join(f"<{number:06}>" for number in range(20 * size // 8))
    data = database(
        TABLE, *(("INSERT INTO t(text) VALUES (?)", (text,)) for text in ("a", long, "b")),
        page_size=size,
    )  # fmt: skip
    seams = Seams(read_header(data))
    for at in range(0, len(data), 65536):
        seams.add(data, at, min(at + 65536, len(data)), at // size + 1)
    joined = seams.joined()

    whole = set(re.findall(rb"<\d{6}>", long.encode()))
    cut = whole.difference(re.findall(rb"<\d{6}>", data))
    assert cut
    assert cut.issubset(re.findall(rb"<\d{6}>", joined))


@pytest.mark.parametrize("size", SIZES)
def test_text_across_pages_of_a_table_without_row_ids_stands_in_the_seams(size: int) -> None:
    """Its rows lie in pages of an index, those above the leaves too."""
    texts = [
        "".join(f"<{key:02}{n:04}>" for n in range(3 * size // 8 + 40))
        for key in range(40 if size < 65536 else 6)
    ]
    data = database(
        "CREATE TABLE k (key TEXT PRIMARY KEY, text) WITHOUT ROWID",
        *(("INSERT INTO k VALUES (?, ?)", (f"{n}", text)) for n, text in enumerate(texts)),
        page_size=size,
    )
    seams = Seams(read_header(data))
    seams.add(data, 0, len(data), 1)
    seams.add_keyed(data)
    joined = seams.joined()

    whole = set(re.findall(rb"<\d{6}>", "".join(texts).encode()))
    cut = whole.difference(re.findall(rb"<\d{6}>", data))
    assert cut
    assert cut.issubset(re.findall(rb"<\d{6}>", joined))


def test_more_seams_than_are_kept_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.formats.sqlite.MAX_SEAMS", 3)
    data = database(TABLE, ("INSERT INTO t(text) VALUES (?)", ("x" * 60_000,)))
    seams = Seams(read_header(data))
    seams.add(data, 0, len(data), 1)
    assert seams.left_out == len(data) // 4096 - 2 - 3


def test_texts_are_bytes_whatever_their_type_and_encoding() -> None:
    data = database(
        "PRAGMA encoding='UTF-16le'", TABLE,
        ("INSERT INTO t(text) VALUES (?)", (b"a BLOB",)),
        ("INSERT INTO t(text) VALUES (?)", ("behind\0a NUL",)),
        ("INSERT INTO t(text) VALUES (?)", (1.5,)),
    )  # fmt: skip
    assert rows_of(data) == [(1, b"a BLOB"), (2, b"behind\0a NUL"), (3, 1.5)]


def test_a_table_without_rowids_is_read() -> None:
    made = Database(
        database("CREATE TABLE k (key TEXT PRIMARY KEY) WITHOUT ROWID", "INSERT INTO k VALUES('x')")
    )
    (row,) = made.rows("k")
    made.close()
    assert (row.number, row.text("key")) == (1, "x")


def test_a_schema_that_computes_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.formats.sqlite.MAX_INSTRUCTIONS", 1_000_000)
    made = Database(database(TABLE, "INSERT INTO t(text) VALUES ('x')"))
    endless = (
        "(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c)"
    )
    with pytest.raises(FormatError, match="interrupted"):
        list(made.rows("t", f"id = {endless}"))
    made.close()


def test_rows_before_a_damaged_page_are_given() -> None:
    rows = [("INSERT INTO t(text) VALUES (?)", (f"{n} " * 300,)) for n in range(40)]
    data = bytearray(database(TABLE, *rows))
    data[-4096:] = b"\xff" * 4096
    made = Database(bytes(data))
    given: list[int] = []

    def read() -> None:
        given.extend(row.number for row in made.rows("t"))

    with pytest.raises(FormatError, match="malformed"):
        read()
    made.close()
    assert given == list(range(1, len(given) + 1))
    assert 3 < len(given) < 40


@pytest.mark.parametrize("name", samples("browser/*"))
def test_a_real_database_has_the_rows_that_sqlite_finds(name: str, tmp_path: Path) -> None:
    data = sample(name)
    (tmp_path / "db").write_bytes(data)
    connection = sqlite3.connect(tmp_path / "db")
    connection.text_factory = bytes
    made = Database(replayed(data, b""))
    try:
        assert made.tables
        for table in made.tables:
            expected = connection.execute(f'SELECT * FROM "{table}"').fetchall()
            assert [tuple(row.values.values()) for row in made.rows(table)] == expected
    finally:
        made.close()
        connection.close()


WHOLE = database(TABLE, ("INSERT INTO t(text) VALUES (?)", ("x" * 3000,)), page_size=512)


@given(st.data())
def test_a_damaged_database_ends_in_rows_or_in_an_error(data: st.DataObject) -> None:
    damaged = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 12))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        header = read_header(bytes(damaged))
        Seams(header).add(bytes(damaged), 0, len(damaged), 1)
        made = Database(replayed(bytes(damaged), b""))
    except FormatError:
        return
    try:
        for table in made.tables:
            list(made.rows(table))
    except FormatError as error:
        assert str(error)
    finally:
        made.close()


@given(st.binary(max_size=200))
def test_any_bytes_are_a_wal_or_none(data: bytes) -> None:
    try:
        pages, count = committed(data)
    except FormatError:
        return
    assert (not pages) == (not count)


def test_rows_of_a_page_are_those_that_sqlite_reads() -> None:
    values = [None, 0, 1, -1, 200, -70_000, 1 << 40, -(1 << 60), 1.5, "text", b"BLOB", ""]
    data = database(TABLE, *(("INSERT INTO t(text) VALUES (?)", (value,)) for value in values))
    told = [(number, row[1]) for number, row in rows_on_page(data[4096:8192], 4096)]
    expected = [value.encode() if isinstance(value, str) else value for value in values]
    assert told == list(enumerate(expected, start=1))


@given(st.binary(max_size=512))
def test_any_bytes_are_rows_or_none(data: bytes) -> None:
    page = (b"\r" + data).ljust(512, b"\1")
    assert all(len(values) <= 256 for _, values in rows_on_page(page, 512))


def test_a_number_that_the_end_of_a_page_cuts_is_not_told() -> None:
    """Of six bytes of a time three are another time."""
    made = database("CREATE TABLE t(a, b, c)", "INSERT INTO t VALUES('x', 13186671600000000, 1.5)")
    page = made[4096:8192]
    whole = next(rows_on_page(page, 4096))
    assert whole == (1, [b"x", 13186671600000000, 1.5])
    cut = [next(rows_on_page(page, 4096 - gone), (0, []))[1] for gone in range(1, 15)]
    assert {row[1] for row in cut if len(row) > 1} <= {13186671600000000, None}
    assert {row[2] for row in cut if len(row) > 2} <= {None}


def test_columns_are_told_by_name_and_a_span_by_its_condition() -> None:
    made = Database(database("CREATE TABLE t(A, b)", "INSERT INTO t VALUES(5, 1), (9, 2)"))
    try:
        assert made.columns("t") == {"a", "b"}
        assert made.columns("no") == frozenset()
        assert made.span("t", "A") == (5, 9)
        assert made.span("t", "A", "b = 2") == (9, 9)
    finally:
        made.close()


@given(st.binary(max_size=12), st.integers(0, 12), st.integers(60, 65_501))
@example(data=b"\x70", at=0, most=102)
@example(data=b"\x9f\x5e\x00", at=0, most=4061)
@example(data=b"\x81\x80\x00", at=0, most=4061)
def test_no_cell_that_may_be_long_is_passed_over(data: bytes, at: int, most: int) -> None:
    number, _ = sqlite._varint(data, at)

    assert sqlite._may_exceed(data, at, most) or number <= most
