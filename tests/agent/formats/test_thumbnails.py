"""Names in Explorer's caches of pictures and icons."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.formats import FormatError
from agent.formats.thumbnails import (
    MAX_TEXT,
    Picture,
    identifier_at,
    read_thumbs_db,
    text_at,
    version_of,
)
from tests.evidence.recycled import NOON
from tests.evidence.thumbnails import cache, thumbs_db


@pytest.mark.parametrize("version", [20, 21, 30, 31, 32])
def test_an_identifier_is_told_from_what_lies_beside_it(version: int) -> None:
    made = cache(["1f", "счёт.pdf"], version)
    at = made.index("счёт".encode("utf-16-le"))

    assert version_of(made) == version
    found = identifier_at(made, at + 4, version)
    assert found is not None
    assert (found.text, found.begin, found.end) == ("счёт.pdf", at, at + 16)
    assert identifier_at(made, found.end, version) is None
    assert identifier_at(made, 3, version) is None


@pytest.mark.parametrize(
    ("stored", "place", "wide", "text"),
    [
        (b"\1\0\0\0C:\\x\\a.exe\0", 9, False, "C:\\x\\a.exe"),
        ("\0ЖC:\\x\\a.exe\0b".encode("utf-16-le"), 14, True, "C:\\x\\a.exe"),
        ("A\\\\srv\\x\\a.exe\1".encode("utf-16-le"), 20, True, "\\\\srv\\x\\a.exe"),
        ("<a.exe".encode("utf-16-le"), 4, True, "a.exe"),
        (b"x" * 5000, 2500, False, "x" * (2 * MAX_TEXT)),
    ],
)
def test_a_text_reaches_as_far_as_a_path_may(
    stored: bytes, place: int, text: str, *, wide: bool
) -> None:
    found = text_at(stored, place, wide=wide)
    codec = "utf-16-le" if wide else "cp1252"
    assert found.text == text == stored[found.begin : found.end].decode(codec)


def test_a_catalog_names_its_pictures() -> None:
    told = list(read_thumbs_db(thumbs_db(["a.jpg", "C:\\x\\b.pdf"])))
    assert told == [Picture("a.jpg", NOON), Picture("C:\\x\\b.pdf", NOON)]


@given(st.binary(max_size=400), st.integers(0, 400), st.sampled_from([0, 20, 21, 32]))
def test_any_bytes_end_in_a_text_or_in_none(data: bytes, place: int, version: int) -> None:
    found = identifier_at(b"CMMM" + data, place, version)
    assert found is None or found.begin <= place < found.end <= len(data) + 4
    for wide in (True, False):
        assert len(text_at(data, place, wide=wide).text) <= 2 * MAX_TEXT


@given(st.data())
def test_any_compound_file_ends_in_pictures_or_in_an_error(data: st.DataObject) -> None:
    made = bytearray(thumbs_db(["a.jpg", "b.jpg"]))
    for _ in range(data.draw(st.integers(0, 6))):
        made[data.draw(st.integers(0, len(made) - 1))] = data.draw(st.integers(0, 255))
    try:
        told = list(read_thumbs_db(bytes(made)))
    except FormatError:
        return
    assert len(told) <= len(made) // 20
