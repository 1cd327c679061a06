from __future__ import annotations

import struct
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.formats import FormatError
from agent.formats.event_values import ARRAY, text_of, texts_of
from agent.formats.filetime import iso_of, utc_of

GUID = "{54849625-5478-4994-A5BA-3E3B0328C30D}"


@pytest.mark.parametrize(
    ("kind", "data", "text"),
    [
        (0x00, b"", ""),
        (0x01, "a\0b\0\0".encode("utf-16-le"), "a\0b"),
        (0x02, b"caf\xe9\0", "caf\N{LATIN SMALL LETTER E WITH ACUTE}"),
        (0x03, b"\xff", "-1"),
        (0x04, b"\xff", "255"),
        (0x05, struct.pack("<h", -2), "-2"),
        (0x06, struct.pack("<H", 4688), "4688"),
        (0x07, struct.pack("<i", -3), "-3"),
        (0x08, struct.pack("<I", 7), "7"),
        (0x09, struct.pack("<q", -4), "-4"),
        (0x0A, struct.pack("<Q", 1 << 63), "9223372036854775808"),
        (0x0C, struct.pack("<d", 0.5), "0.5"),
        (0x0D, struct.pack("<I", 1), "true"),
        (0x0D, struct.pack("<I", 0), "false"),
        (0x0E, b"\x01\xab", "01AB"),
        (0x0F, uuid.UUID(GUID).bytes_le, GUID),
        (0x10, struct.pack("<Q", 0x1A4), "0x1a4"),
        (0x11, struct.pack("<Q", 131124751716816408), "2016-07-08T18:12:51.6816408Z"),
        (0x11, bytes(8), "1601-01-01T00:00:00.0000000Z"),
        (0x12, struct.pack("<8H", 2018, 11, 3, 14, 8, 23, 5, 7), "2018-11-14T08:23:05.007Z"),
        (0x13, bytes.fromhex("010100000000000512000000"), "S-1-5-18"),
        (0x14, struct.pack("<I", 0x3E7), "0x3e7"),
        (0x15, struct.pack("<Q", 0x10D8), "0x10d8"),
    ],
)
def test_a_value_is_written_as_windows_writes_it(kind: int, data: bytes, text: str) -> None:
    assert text_of(kind, data) == text


@pytest.mark.parametrize(
    ("kind", "data", "texts"),
    [
        (0x01, "a\0\0b\0".encode("utf-16-le"), ["a", "", "b"]),
        (0x06, struct.pack("<3H", 1, 2, 3), ["1", "2", "3"]),
        (0x08, b"", []),
    ],
)
def test_an_array_is_its_items(kind: int, data: bytes, texts: list[str]) -> None:
    assert list(texts_of(kind | ARRAY, data)) == texts


@pytest.mark.parametrize(("kind", "data"), [(0x77, b""), (0x0A, b"1234"), (0x13, b"\x01\xff" * 5)])
def test_what_is_no_value_is_an_error(kind: int, data: bytes) -> None:
    with pytest.raises(FormatError):
        text_of(kind, data)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 0x7F), st.binary(max_size=40))
def test_any_bytes_end_in_a_text_or_in_a_format_error(kind: int, data: bytes) -> None:
    for read in (lambda: text_of(kind, data), lambda: list(texts_of(kind | ARRAY, data))):
        try:
            assert read() is not None
        except FormatError as error:
            assert error.what.startswith("event value")


def test_a_time_that_no_calendar_holds_is_none() -> None:
    assert utc_of(0) is None
    assert utc_of(1 << 63) is None
    assert iso_of(1 << 63) == ""
