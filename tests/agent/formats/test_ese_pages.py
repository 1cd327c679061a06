"""Values that pages of an ESE database hide, as another reader has them."""

from __future__ import annotations

import contextlib
import io
import struct

import pyfwnt
import pytest
from dissect.database.ese import ESE
from dissect.util.compression import lzxpress
from hypothesis import given
from hypothesis import strategies as st

from agent.formats import FormatError, ese_compression
from agent.formats.ese import Database
from agent.formats.ese_compression import decompress_plain, decompressed, unpacked
from agent.formats.ese_pages import (
    COMPRESSED,
    MULTIPLE,
    Page,
    Tagged,
    clear,
    long_values_of,
    page_size_of,
    tagged,
)
from agent.formats.xpress import sure_answer
from tests.evidence.ese_files import (
    LONG,
    LONG_BINARY,
    LONG_TEXT,
    TEXT,
    Elsewhere,
    Made,
    Several,
    ese_file,
    plain_lz77,
    seven_bits,
    xpress,
)

WORDS = "the quick brown fox jumps over the lazy dog; " * 40
PARTS = [(WORDS.encode("utf-16-le")[:3000], 3000), (xpress(bytes(4000)).data, 4000), (b"end", 3)]
SIZES = (4096, 8192, 16_384, 32_768)


def wide(text: str) -> bytes:
    return text.encode("utf-16-le")


def table(rows: int = 1) -> Made:
    return Made(
        {"Id": LONG, "Name": TEXT, "Short": LONG_TEXT, "Summary": LONG_TEXT, "Plain": LONG_TEXT,
         "Many": LONG_TEXT, "Two": LONG_TEXT, "Blob": LONG_BINARY, "None": LONG_TEXT},
        [
            {"Id": number, "Name": wide(f"row {number}"), "Short": seven_bits("C:\\Users\\jo\\a.txt"),
             "Summary": xpress(wide(WORDS[:200])), "Plain": wide("ü"), "Blob": Elsewhere(7),
             "Many": Several([seven_bits("one"), wide("two"), Elsewhere(7)]),
             "Two": Several([wide("a"), wide("b")])}
            for number in range(rows)
        ],
        {7: PARTS},
    )  # fmt: skip


def as_text(value: object) -> str:
    assert isinstance(value, bytes)
    return value.decode("utf-16-le")


@pytest.mark.parametrize("size", SIZES)
def test_rows_are_as_dissect_reads_them(size: int) -> None:
    made = ese_file({"other": table(), "t": table(60)}, page_size=size)
    theirs = list(ESE(io.BytesIO(made)).table("t").records())
    database = Database(made)
    ours = list(database.rows(database.tables["t"]))
    assert len(ours) == len(theirs) == 60
    for mine, other in zip(ours, theirs, strict=True):
        values = mine.values
        assert values["Id"] == other.get("Id")
        for name in ("Name", "Short", "Summary", "Plain"):
            assert as_text(values[name]) == other.get(name), name
        assert as_text(values["Two"]).split("\0") == other.get("Two")
        assert values["Blob"] is values["None"] is other.get("None") is None
    assert as_text(ours[5].values["Short"]) == "C:\\Users\\jo\\a.txt"


@pytest.mark.parametrize("size", SIZES)
def test_parts_of_long_values_are_as_dissect_joins_them(size: int) -> None:
    made = ese_file({"t": table()}, page_size=size)
    pages = [Page(made[at : at + size]) for at in range(2 * size, len(made), size)]
    parts = [part for page in pages if page.has_long_values for part in page.parts()]
    assert [(part.of, part.at) for part in parts] == [
        (b"\0\0\0\7", 0), (b"\0\0\0\7", 3000), (b"\0\0\0\7", 7000),
    ]  # fmt: skip
    theirs = next(ESE(io.BytesIO(made)).table("t").records())
    assert b"".join(part.data for part in parts) == theirs.get("Blob")


def test_a_record_tells_where_its_long_values_are() -> None:
    made = ese_file({"t": table()})
    (page,) = (
        page
        for at in range(65_536, len(made), 32_768)
        if (page := Page(made[at : at + 32_768])).tree == 10 and page.has_rows
    )
    (entry,) = page.entries()
    of = [long_values_of(value) for value in tagged(entry.data, is_large=True)]
    assert [one for one in of if one] == [[b"\0\0\0\7"], [b"\0\0\0\7"]]


def test_what_a_page_hides_is_told_in_the_clear() -> None:
    made = ese_file({"t": table()})
    pages = [Page(made[at : at + 32_768]).hidden() for at in range(65_536, len(made), 32_768)]
    hidden = b"".join(page.text for page in pages)
    assert sum(page.damaged for page in pages) == 0
    assert b"C:\\Users\\jo\\a.txt\0" in hidden
    assert wide("one") in hidden
    assert wide(WORDS[:200]) in hidden
    assert bytes(4000) in hidden
    assert wide("C:\\Users\\jo\\a.txt") not in made


def test_a_damaged_value_is_counted_and_hides_no_other() -> None:
    broken = xpress(wide("lost" * 50))._replace(data=b"\x18\x00\x70\xff\xff\xff\xff\xff\xff")
    made = ese_file(
        {"t": Made({"A": LONG_TEXT, "B": LONG_TEXT}, [{"A": broken, "B": seven_bits("kept")}])}
    )
    (page,) = (
        page
        for at in range(65_536, len(made), 32_768)
        if (page := Page(made[at : at + 32_768])).tree == 10
    )
    hidden = page.hidden()
    assert b"kept\0" in hidden.text
    assert hidden.damaged == 1
    database = Database(made)
    (row,) = database.rows(database.tables["t"])
    assert row.values == {"A": None, "B": wide("kept")}


@pytest.mark.parametrize("of", ["rows", "parts"])
def test_a_page_that_becomes_too_much_is_damaged_and_not_held(of: str) -> None:
    bomb = xpress(b"a" * 65_000)
    assert len(bomb.data) < 2000
    rows = [{"A": bomb} for _ in range(60)] if of == "rows" else [{"A": seven_bits("a")}]
    parts = {7: [(bomb.data, 65_000)] * 60} if of == "parts" else {}
    made = ese_file({"t": Made({"A": LONG_TEXT}, rows, parts)})
    hidden = [Page(made[at : at + 32_768]).hidden() for at in range(65_536, len(made), 32_768)]
    assert sum(page.damaged for page in hidden) >= 1
    assert max(len(page.text) for page in hidden) < 33 * 32_768 + 2 * 65_000


@pytest.mark.parametrize(
    ("packed", "plain"),
    [
        ("3f000000" + b"abcdefghijklmnopqrstuvwxyz".hex(), b"abcdefghijklmnopqrstuvwxyz"),
        ("ffffff1f" + "61626317000fff2601", b"abc" * 100),
    ],
)
def test_the_examples_of_the_specification(packed: str, plain: bytes) -> None:
    """[MS-XCA] 3.1 and 3.2."""
    assert decompress_plain(bytes.fromhex(packed), len(plain)) == plain


@given(st.text(st.characters(max_codepoint=127), min_size=1, max_size=300), st.booleans())
def test_seven_bits_are_as_dissect_packs_them(text: str, is_wide: bool) -> None:
    packed = seven_bits(text, is_wide=is_wide).data
    assert decompressed(packed) == (wide(text) if is_wide else text.encode())


@given(st.lists(st.sampled_from([b"ab", b"\0", b"abcabcabc", b"x" * 40, b"end"]), max_size=60))
def test_xpress_is_as_dissect_reads_it(words: list[bytes]) -> None:
    data = b"".join(words)
    packed = plain_lz77(data)
    assert decompress_plain(packed, len(data)) == data
    assert lzxpress.decompress(packed)[: len(data)] == data


@given(st.data())
def test_what_libfwnt_makes_of_damaged_values_is_what_our_reader_makes(data: st.DataObject) -> None:
    plain = b"".join(data.draw(st.lists(st.sampled_from([b"ab", b"\0", b"abc" * 9, b"x" * 300]))))
    packed = bytearray(plain_lz77(plain))
    for _ in range(data.draw(st.integers(0, 3))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    some = bytes(packed[: data.draw(st.integers(0, len(packed)))])
    theirs = sure_answer(pyfwnt.lzxpress_decompress, some, len(plain))
    if theirs is not None:
        assert theirs == ese_compression._by_ourselves(some, len(plain))


@pytest.mark.parametrize("size", [1, 700])
def test_our_reader_is_asked_where_libfwnt_gives_up(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = b"abc" * size
    packed = plain_lz77(plain)
    monkeypatch.setattr(ese_compression, "sure_answer", lambda *_: None)
    assert decompress_plain(packed, len(plain)) == plain
    assert lzxpress.decompress(packed)[: len(plain)] == plain


@given(st.lists(st.text(st.characters(max_codepoint=127), min_size=1, max_size=40)))
def test_many_values_of_seven_bits_are_unpacked_at_once(texts: list[str]) -> None:
    at, whole = 0, unpacked(seven_bits(text).data for text in texts)
    for text in texts:
        at = whole.index(text.encode(), at) + len(text)
        assert whole[at:].startswith(bytes(7)) or whole[at + 1 :].startswith(bytes(7))


@given(st.binary(max_size=200))
def test_any_value_ends_in_bytes_or_in_an_error(data: bytes) -> None:
    with contextlib.suppress(FormatError):
        assert len(decompressed(data)) <= max(1 << 16, 4 * len(data))


@given(st.data())
def test_any_page_ends_in_values_or_in_an_error(data: st.DataObject) -> None:
    made = bytearray(ese_file({"t": table(3)}, page_size=4096))
    for _ in range(data.draw(st.integers(1, 8))):
        made[data.draw(st.integers(8192, len(made) - 1))] = data.draw(st.integers(0, 255))
    for at in range(8192, len(made), 4096):
        page = Page(bytes(made[at : at + 4096]))
        assert len(page.hidden().text) < 1 << 20
        with contextlib.suppress(FormatError):
            for entry in page.entries():
                for value in tagged(entry.data, is_large=False):
                    long_values_of(value)


@pytest.mark.parametrize("header", [b"", bytes(240), struct.pack("<4xI", 0x89ABCDEF) + bytes(240)])
def test_what_is_no_database_is_refused(header: bytes) -> None:
    with pytest.raises(FormatError):
        page_size_of(header)


@pytest.mark.parametrize("data", [b"", b"\x04", b"\0\0", b"\1\0abc"])
def test_several_values_of_which_none_is_there_are_none(data: bytes) -> None:
    value = Tagged(256, MULTIPLE | COMPRESSED, data)
    assert (clear(value), long_values_of(value)) == (b"", [])
