from __future__ import annotations

import random
import struct
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.formats import FormatError
from agent.formats.lzx import MAX_CHUNK, decompress_hashed_lzx, decompress_lzx
from tests.evidence.overlay import ALIGNED, VERBATIM, program, wimlib

LZX = 2


class Bits:
    """Words of 16 bits, the highest first."""

    def __init__(self) -> None:
        self.text = ""

    def add(self, value: int, count: int) -> Bits:
        self.text += f"{value:0{count}b}" if count else ""
        return self

    def words(self) -> bytes:
        text = self.text + "0" * (-len(self.text) % 16)
        return b"".join(
            struct.pack("<H", int(text[at : at + 16], 2)) for at in range(0, len(text), 16)
        )


def plain(data: bytes, *, recent: tuple[int, int, int] = (1, 1, 1)) -> bytes:
    """A block that is not compressed, the first of a chunk."""
    head = Bits().add(3, 3).add(0, 1).add(len(data), 16).words()
    return head + struct.pack("<III", *recent) + data + bytes(len(data) % 2)


@pytest.mark.parametrize("chunk", [VERBATIM, ALIGNED])
def test_chunks_of_another_program_are_what_they_were_made_of(chunk: bytes) -> None:
    assert decompress_lzx(chunk, 600) == program(600)


@pytest.mark.parametrize("size", [1, 9, 600, 32767, 32768])
def test_blocks_that_are_not_compressed(size: int) -> None:
    data = random.Random(size).randbytes(size).replace(b"\xe8", b"\xe9")
    assert decompress_lzx(plain(data), size) == data


def test_a_block_that_is_not_compressed_may_be_followed_by_another() -> None:
    first, second = b"abc", b"defgh"
    following = Bits().add(3, 3).add(0, 1).add(len(second), 16).words()
    data = plain(first) + following + struct.pack("<III", 1, 1, 1) + second
    assert decompress_lzx(data, 8) == first + second


def test_a_block_of_the_usual_size_says_so_by_one_bit() -> None:
    data = (bytes(range(256)) * 128).replace(b"\xe8", b"\xe9")
    head = Bits().add(3, 3).add(1, 1).words()
    assert decompress_lzx(head + struct.pack("<III", 1, 1, 1) + data, MAX_CHUNK) == data


def literals(data: bytes, *, runs: int) -> Bits:
    """A verbatim block in which each byte stands for itself: its code of eight bits is its number.
    ``runs``: how many a run of unused codes is told by, which moves what follows."""
    bits = Bits().add(1, 3).add(0, 1).add(len(data), 16)
    lengths = {9: (1, 0b0), 17: (2, 0b10), 18: (2, 0b11)}  # by symbol: bits, and code

    def symbol(number: int) -> None:
        bits.add(lengths[number][1], lengths[number][0])

    for used, unused in ((256, 0), (0, 240), (0, 249)):
        for number in range(20):
            bits.add(lengths.get(number, (0, 0))[0], 4)
        for _ in range(used):
            symbol(9)
        if unused:
            symbol(17)
            bits.add(0, 4)
            rest = unused - 4
            for at in range(runs):
                count = rest // (runs - at)
                symbol(18)
                bits.add(count - 20, 5)
                rest -= count
    for byte in data:
        bits.add(byte, 8)
    return bits


@pytest.mark.parametrize("runs", [5, 6])
@pytest.mark.parametrize("count", [1, 2])
def test_before_what_is_not_compressed_a_word_is_filled_or_left_out(runs: int, count: int) -> None:
    """[MS-PATCH] 2.4: 1 to 16 bits of padding, so that a head that ends with a word costs one."""
    first, second = b"xy"[:count], b"not compressed"
    bits = literals(first, runs=runs).add(3, 3).add(0, 1).add(len(second), 16)
    ends_with_a_word = not len(bits.text) % 16
    assert ends_with_a_word == (runs == 6 and count == 1)
    head = bits.words() + bytes(2 * ends_with_a_word)
    data = head + struct.pack("<III", 1, 1, 1) + second
    assert decompress_lzx(data, count + len(second)) == first + second


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (b"", 1),
        (bytes(40), 40),
        (plain(b"abc"), 4),
        (plain(b"abc")[:-2], 3),
        (plain(b"abcd"), 3),
        (VERBATIM[:-40], 600),
        (ALIGNED[:100], 600),
        (VERBATIM, 601),
        (plain(b"a"), MAX_CHUNK + 1),
        (b"\xff" * 64, 60),
    ],
)
def test_what_is_no_such_chunk_is_refused(data: bytes, size: int) -> None:
    with pytest.raises(FormatError):
        decompress_lzx(data, size)


@given(st.binary(max_size=400), st.integers(0, MAX_CHUNK), st.booleans())
@settings(deadline=None)
def test_any_bytes_end_in_so_many_or_in_an_error(data: bytes, size: int, block: bool) -> None:
    start = VERBATIM[:200] if block else b""
    for read in (decompress_lzx, decompress_hashed_lzx):
        with suppress(FormatError):
            assert len(read(start + data, size)) == size


@given(
    st.lists(st.sampled_from([b"\xe8", b"\0\0", b"\xff\xff", b"abc", b"\1", program(64)]), max_size=900),
    st.binary(max_size=64),
)  # fmt: skip
@settings(deadline=None, max_examples=40)
def test_what_wimlib_compresses_comes_back(pieces: list[bytes], more: bytes) -> None:
    data = (b"".join(pieces) + more)[:MAX_CHUNK]
    chunk = wimlib()(LZX, data, MAX_CHUNK) if data else None
    if chunk is not None:
        assert decompress_lzx(chunk, len(data)) == data
        assert decompress_hashed_lzx(chunk, len(data)) == data


@pytest.mark.parametrize("place", range(1, 16))
def test_a_call_at_the_end_of_a_chunk_is_left_as_it_is(place: int) -> None:
    text = (b"a text that is compressed, line by line\r\n" * 30)[:1000]
    data = text[:-place] + b"\xe8\x10\x02\0\0".ljust(place, b"z")[:place]
    chunk = wimlib()(LZX, data, MAX_CHUNK)
    assert chunk is not None
    assert decompress_lzx(chunk, len(data)) == data
    assert decompress_hashed_lzx(chunk, len(data)) == data


@given(st.binary(min_size=1, max_size=8), st.integers(0, 1 << 30), st.booleans())
@settings(deadline=None)
def test_of_a_damaged_chunk_the_quick_reader_gives_the_same_or_a_hash_will_tell(
    more: bytes, at: int, cut: bool
) -> None:
    chunk, place = VERBATIM if at % 2 else ALIGNED, at // 2 % len(VERBATIM)
    damaged = chunk[:place] if cut else chunk[:place] + more + chunk[place + len(more) :]
    quick, slow = _outcome(decompress_hashed_lzx, damaged), _outcome(decompress_lzx, damaged)
    assert quick == slow or (len(quick) == 600 and quick != program(600))


def _outcome(read: Callable[[bytes, int], bytes], data: bytes) -> bytes | str:
    try:
        return read(data, 600)
    except FormatError as error:
        return error.what
