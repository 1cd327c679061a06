"""Rows of ESE databases."""

from __future__ import annotations

import contextlib
import struct
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.formats import FormatError
from agent.formats.ese import Database, time_of
from tests.evidence.execution import ese, srum
from tests.evidence.samples import sample

NETWORK = "{973F5D5C-1D90-4944-BE8E-24B94231A174}"
SID = bytes.fromhex("010100000000000512000000")


def real() -> Database:
    return Database(sample("srum/SRUDB-win10-clean.dat.xz"))


def test_a_real_database_has_its_tables_and_rows() -> None:
    """As dissect.database 1.1 counts them."""
    database = real()
    counts = {
        name: sum(1 for row in database.rows(table) if not row.is_deleted)
        for name, table in database.tables.items()
        if not name.startswith("MSys")
    }
    assert counts == {
        "SruDbIdMapTable": 288,
        "SruDbCheckpointTable": 0,
        "{5C8CF1C7-7257-4F13-B223-970EF5939312}": 163,
        "{7ACBBAA3-D029-4BE4-9A7A-0885927F1D8F}": 4,
        NETWORK: 23,
        "{D10CA2FE-6FCF-4F6D-848E-B2E99266FA89}": 118,
        "{DD6636C4-8929-4683-974E-22C046A43763}": 1,
    }


def test_a_real_row_has_its_values() -> None:
    """As dissect.database 1.1 has them."""
    database = real()
    rows = list(database.rows(database.tables[NETWORK]))
    assert {name: value for name, value in rows[2].values.items() if name != "TimeStamp"} == {
        "AutoIncId": 3, "AppId": 160, "UserId": 52, "InterfaceLuid": 1689399632855040,
        "L2ProfileId": 0, "L2ProfileFlags": 0, "BytesSent": 247897, "BytesRecvd": 7163701,
    }  # fmt: skip
    assert time_of(rows[2].values["TimeStamp"]) == datetime(2022, 2, 5, 22, 19, tzinfo=timezone.utc)
    names = list(database.rows(database.tables["SruDbIdMapTable"]))
    assert names[0].values == {"IdType": 0, "IdIndex": 1, "IdBlob": None}
    assert names[3].values["IdBlob"] == bytes.fromhex("010100000000000513000000")


def test_a_column_that_a_row_lacks_is_none() -> None:
    database = Database(ese({"t": ([("a", 4), ("b", 15), ("c", 2)], [(1, None, 3)])}))
    (row,) = database.rows(database.tables["t"])
    assert row.values == {"a": 1, "b": None, "c": 3}


@pytest.mark.parametrize("data", [b"", bytes(4096), srum("a", SID, [1.0])[:200]])
def test_what_is_no_database_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        Database(data)


def test_entries_that_overlap_are_refused() -> None:
    page = bytearray(srum("a", SID, [1.0] * 40))
    at = 3 * 4096 + 4096 + 4096
    for number in range(1, 41):
        page[at - 4 * (number + 1) : at - 4 * number] = b"\xff\x0f\0\0"
    database = Database(bytes(page))
    rows = database.rows(database.tables[NETWORK])
    with pytest.raises(FormatError, match="overlap"):
        list(rows)


def test_a_tagged_column_without_a_place_is_none() -> None:
    data = srum("a", SID, [1.0]).replace(b"\0\1\4\0a\0", b"\0\1\0\0a\0")
    database = Database(data)
    first, _ = database.rows(database.tables["SruDbIdMapTable"])
    assert first.values == {"IdType": 0, "IdIndex": 7, "IdBlob": None}


@pytest.mark.parametrize("wrong", [200, 0, -1, -200])
def test_a_column_of_a_number_that_is_not_read_is_none(wrong: int) -> None:
    """A damaged catalogue: numbers from 128 to 255 are of variable columns, the first is 1."""
    number, other = (struct.pack("<ihiii", 11, 2, n, 4, 4) for n in (4, wrong))
    made = srum("a", SID, [1.0])
    assert made.count(number) == 1
    database = Database(made.replace(number, other))
    (row,) = database.rows(database.tables[NETWORK])
    assert row.values["UserId"] is None


@given(st.data())
def test_any_bytes_end_in_rows_or_in_an_error(data: st.DataObject) -> None:
    damaged = bytearray(srum("a", SID, [43418.5, 43419.5]))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(
            st.integers(0, len(damaged) - 1) | st.integers(4, 250) | st.integers(8192, 8500)
        )
        damaged[at] = data.draw(st.integers(0, 255))
    with contextlib.suppress(FormatError):
        database = Database(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]))
        for table in database.tables.values():
            for row in database.rows(table):
                assert row.values.keys() == {column.name for column in table.columns}
                for value in row.values.values():
                    time_of(value)
