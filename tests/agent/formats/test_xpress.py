from __future__ import annotations

import struct
from contextlib import suppress
from itertools import accumulate
from typing import NamedTuple

import pyfwnt
import pytest
from dissect.util.compression import lzxpress_huffman
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.formats import FormatError, xpress
from agent.formats.xpress import decompress_huffman
from tests.evidence.prefetch import mam
from tests.evidence.samples import sample, samples

EVERY_SYMBOL = b"\x99" * 256
"""A table in which all 512 symbols have nine bits: each symbol's code is its number."""
TABLE = 256


class Match(NamedTuple):
    """``length`` bytes from ``distance`` bytes before."""

    distance: int
    length: int


class Writer:
    """The bit stream of [MS-XCA] 2.1.4.3: words are written where they were reserved, two ahead,
    so that the bytes of a long match lie where a reader stands."""

    def __init__(self) -> None:
        self.out = bytearray(4)
        self.places = [0, 2]
        self.word = self.used = 0

    def all(self, *parts: bytes | Match) -> None:
        for part in parts:
            if isinstance(part, Match):
                self.match(part)
            else:
                for byte in part:
                    self.bits(byte, 9)

    def bits(self, value: int, count: int) -> None:
        for number in reversed(range(count)):
            if self.used == 16:
                self.flush()
            self.word = self.word << 1 | value >> number & 1
            self.used += 1

    def flush(self) -> None:
        struct.pack_into("<H", self.out, self.places.pop(0), self.word << 16 - self.used & 0xFFFF)
        self.places.append(len(self.out))
        self.out += bytes(2)
        self.word = self.used = 0

    def match(self, match: Match) -> None:
        distance_bits = match.distance.bit_length() - 1
        rest = match.length - 3
        self.bits(256 + (distance_bits << 4 | min(rest, 15)), 9)
        if rest >= 15:
            self.out += self.long(rest)
        self.bits(match.distance - (1 << distance_bits), distance_bits)

    @staticmethod
    def long(rest: int) -> bytes:
        if rest < 15 + 255:
            return bytes([rest - 15])
        if rest < 1 << 16:
            return b"\xff" + struct.pack("<H", rest)
        return b"\xff\0\0" + struct.pack("<I", rest)


def written(*parts: bytes | Match) -> bytes:
    """One block that holds these literals and matches."""
    writer = Writer()
    writer.all(*parts)
    writer.flush()
    return EVERY_SYMBOL + bytes(writer.out)


def meant(*parts: bytes | Match) -> bytes:
    out = bytearray()
    for part in parts:
        if isinstance(part, Match):
            for _ in range(part.length):
                out.append(out[-part.distance])
        else:
            out += part
    return bytes(out)


@pytest.mark.parametrize(
    "parts",
    [
        [b"cyzfc.dat"],
        [b"abc", Match(3, 3), b"d"],
        [b"a", Match(1, 17), b"b"],
        [b"ab", Match(2, 18), b"cd", Match(4, 20)],
        [b"ab", Match(1, 272), b"cd", Match(2, 273), b"e"],
        [b"xyz", Match(2, 5_000), Match(4_999, 6_000)],
        [b"x", Match(1, 65_537)],
        [b"x", Match(1, 65_538)],
        [b"xy", Match(2, 100_000)],
    ],
    ids=str,
)
def test_literals_and_matches_of_every_length_come_back(parts: list[bytes | Match]) -> None:
    expected = meant(*parts)

    assert decompress_huffman(written(*parts), len(expected)) == expected


def test_what_lies_behind_the_data_does_not_matter() -> None:
    assert decompress_huffman(written(b"cyzfc") + b"\xff" * 300, 5) == b"cyzfc"
    assert decompress_huffman(b"", 0) == b""


@pytest.mark.parametrize("name", samples("prefetch/win1*.pf"))
def test_what_windows_compressed_comes_back_as_another_reader_gives_it(name: str) -> None:
    data = sample(name)
    size = int.from_bytes(data[4:8], "little")

    found = decompress_huffman(data[8:], size)

    assert len(found) == size
    assert found == lzxpress_huffman.decompress(data[8:])[:size]


@st.composite
def literals_and_matches(draw: st.DrawFn) -> list[bytes | Match]:
    parts: list[bytes | Match] = [draw(st.binary(min_size=1, max_size=20))]
    size = len(parts[0])
    for _ in range(draw(st.integers(0, 12))):
        if draw(st.booleans()):
            parts.append(draw(st.binary(min_size=1, max_size=5)))
            size += len(parts[-1])
        else:
            match = Match(draw(st.integers(1, size)), draw(st.integers(3, 700)))
            parts.append(match)
            size += match.length
    return parts


@settings(max_examples=40)
@given(literals_and_matches())
def test_any_data_comes_back_as_it_was_and_as_another_reader_gives_it(
    parts: list[bytes | Match],
) -> None:
    expected, data = meant(*parts), written(*parts)

    assert decompress_huffman(data, len(expected)) == expected
    # That reader stops when it has read all, two words before it has used all.
    assert lzxpress_huffman.decompress(data + bytes(4))[: len(expected)] == expected


@pytest.mark.parametrize(
    ("data", "size", "what"),
    [
        (b"", 1, "ends early"),
        (EVERY_SYMBOL, 1, "ends early"),
        (b"\x11" + bytes(255) + bytes(16), 129, "ends early"),  # By the first bit behind it.
        (b"\x88" + EVERY_SYMBOL[2:], 1, "ends early"),  # Its last two symbols would have no code.
        (written(b"abc")[:-4], 10, "ends early"),
        (bytes(256) + bytes(64), 1, "not whole"),
        (b"\x11" * 256 + bytes(64), 1, "not whole"),
        (b"\x98" + EVERY_SYMBOL[1:] + bytes(64), 1, "not whole"),
        (written(b"a", Match(2, 3)), 4, "outside"),
        (written(b"a", Match(1, 10)), 4, "outside"),
    ],
)
def test_what_is_damaged_is_said_to_be(data: bytes, size: int, what: str) -> None:
    with pytest.raises(FormatError, match=what):
        decompress_huffman(data, size)


def test_a_short_length_in_a_long_form_is_an_error() -> None:
    writer = Writer()
    writer.bits(ord("a"), 9)
    writer.bits(256 + 15, 9)
    writer.out += b"\xff\x02\x00"
    writer.bits(0, 16)

    with pytest.raises(FormatError, match="length"):
        decompress_huffman(EVERY_SYMBOL + bytes(writer.out), 100)


@settings(max_examples=50)
@given(st.binary(max_size=300), st.binary(max_size=100), st.integers(0, 5_000))
def test_any_bytes_end_in_as_many_as_were_asked_for_or_in_a_format_error(
    table: bytes, data: bytes, size: int
) -> None:
    for attempt in (table + data, EVERY_SYMBOL + data, written(b"abc", Match(2, 50))[:-4] + data):
        with suppress(FormatError):
            assert len(decompress_huffman(attempt, size)) == size


def either(data: bytes, size: int) -> tuple[bytes | str, bytes | str]:
    """What is given, and what our own reader gives."""
    given: list[bytes | str] = []
    for read in (decompress_huffman, xpress._by_ourselves):
        try:
            given.append(read(data, size))
        except FormatError as error:
            given.append(str(error))
    return given[0], given[1]


CASES = [
    mam(bytes(range(200)) * 350 + b"cyzfc.dat".ljust(9000, b".")),
    *map(sample, samples("prefetch/win1*.pf")),
]
"""Of several blocks, each with a table of its own, and of one."""


@settings(max_examples=25, deadline=None)
@example(case=0, cut=682, at=0, byte=0, behind=b"")
@given(
    case=st.integers(0, len(CASES) - 1),
    cut=st.integers(1, 6000),
    at=st.integers(0, 5000),
    byte=st.integers(0, 255),
    behind=st.binary(max_size=8),
)
def test_a_library_changes_nothing_but_the_time(
    case: int, cut: int, at: int, byte: int, behind: bytes
) -> None:
    whole, size = CASES[case][8:], int.from_bytes(CASES[case][4:8], "little")
    damaged = whole[:at] + bytes([byte]) + whole[at + 1 :]
    for attempt in (whole[:-cut], whole[:-cut] + bytes(64), damaged + behind):
        given, own = either(attempt, size)
        is_same = given == own  # Not asserted as it stands: what differs is large.
        assert is_same


@pytest.mark.parametrize("at", [0, 1, 128])
def test_a_table_that_is_not_whole_is_an_error_wherever_it_lies(at: int) -> None:
    data = bytearray(CASES[0][8:])
    for start in (0, data.index(data[:256], 256)):
        damaged = bytes(data[: start + at]) + b"\0" + bytes(data[start + at + 1 :])
        with pytest.raises(FormatError, match="not whole"):
            decompress_huffman(damaged, int.from_bytes(CASES[0][4:8], "little"))


@pytest.mark.parametrize("case", range(len(CASES)))
def test_our_own_reader_is_not_asked_for_what_is_whole(
    case: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(xpress, "_by_ourselves")
    data, size = CASES[case], int.from_bytes(CASES[case][4:8], "little")
    found = decompress_huffman(data[8:], size)

    assert found == lzxpress_huffman.decompress(data[8:] + bytes(4))[:size]


@pytest.mark.parametrize("name", samples("prefetch/win1*.pf"))
def test_of_what_windows_compressed_the_library_is_asked_once(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    theirs = pyfwnt.lzxpress_huffman_decompress

    def counted(data: bytes, size: int) -> bytes:
        asked.append(size)
        return bytes(theirs(data, size))

    monkeypatch.setattr(pyfwnt, "lzxpress_huffman_decompress", counted)
    data = sample(name)
    decompress_huffman(data[8:], int.from_bytes(data[4:8], "little"))

    assert len(asked) == 1


END = 256
"""The symbol of the end of data."""


def ended(parts: list[bytes | Match], words: int) -> bytes:
    """As :func:`written`, with an end of data behind it, and words of zeros."""
    writer = Writer()
    writer.all(*parts)
    writer.bits(END, 9)
    writer.flush()
    return EVERY_SYMBOL + bytes(writer.out) + bytes(2 * words)


@settings(max_examples=100)
@given(literals_and_matches(), st.integers(0, 2), st.integers(0, 40), st.binary(max_size=4))
def test_data_with_an_end_come_back_and_what_lacks_some_of_them_does_not(
    parts: list[bytes | Match], words: int, cut: int, behind: bytes
) -> None:
    expected, data = meant(*parts), ended(parts, words)

    assert decompress_huffman(data, len(expected)) == expected
    for attempt in (data[:-cut], data[:-cut] + behind):
        given, own = either(attempt, len(expected))
        assert given == own


@settings(max_examples=50)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(CASES).map(lambda case: case[8:]),
            st.integers(0, 600).map(bytes),
            st.binary(max_size=300),
            st.integers(0, 600).map(lambda count: b"\x99" * count),
            st.just(EVERY_SYMBOL),
        ),
        max_size=3,
    )
)
def test_whole_tables_are_found_wherever_they_lie(parts: list[bytes]) -> None:
    data = b"".join(parts)[-25_000:]
    sums = [0, *accumulate(xpress._SHARES[pair] for pair in data)]
    expected = [at for at in range(len(data) - 255) if sums[at + 256] - sums[at] == 1 << 15]

    assert list(xpress._whole_tables(data)) == expected
