"""Bytes that are not held answer as bytes do."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.formats import paged
from agent.formats.paged import BLOCK, Bytes, Joined, Overlay, PagedFile, held_or_paged, is_zeros

SIZE = 2 * BLOCK + 777
DATA = bytes(range(251)) * (SIZE // 251) + b"the end".rjust(SIZE % 251, b".")
EDGES = st.sampled_from([0, 1, BLOCK - 3, BLOCK, BLOCK + 1, 2 * BLOCK, SIZE - 1, SIZE, SIZE + 9])
SPANS = st.tuples(EDGES, EDGES)


def paged_bytes(data: bytes) -> PagedFile:
    return PagedFile(io.BytesIO(data), len(data))


def same(made: Bytes, data: bytes, start: int, end: int) -> None:
    assert len(made) == len(data)
    assert made[start:end] == data[start:end]
    assert made[:] == data


@given(SPANS)
def test_a_slice_of_a_file_is_that_of_its_bytes(span: tuple[int, int]) -> None:
    same(paged_bytes(DATA), DATA, *span)


@given(at=st.integers(0, SIZE - 8), size=st.integers(1, 8), start=EDGES)
def test_what_is_looked_for_is_found_where_it_first_stands(at: int, size: int, start: int) -> None:
    data = bytearray(SIZE)
    data[at : at + size] = b"abcdefgh"[:size]
    made, word = paged_bytes(bytes(data)), b"abcdefgh"[:size]

    assert made.find(word, start) == data.find(word, start)
    assert made.find(b"none") == -1
    assert made.rfind(word, max(0, at - 5), at + size) == at
    assert made.rfind(word, at + 1, at + size) == -1
    assert made.startswith(word) == bytes(data).startswith(word)


LAID = st.lists(st.tuples(st.integers(0, SIZE - 1), st.binary(min_size=1, max_size=1500)))


@given(laid=LAID, span=SPANS, size=st.sampled_from([SIZE, SIZE + 1500, SIZE + 5000]))
def test_an_overlay_is_what_was_laid_last(
    laid: list[tuple[int, bytes]], span: tuple[int, int], size: int
) -> None:
    made, expected = Overlay(paged_bytes(DATA)), bytearray(DATA)
    for number, (at, data) in enumerate(laid):
        if number == 1:
            made.grow(size)
            expected.extend(bytes(size - len(expected)))
        end = min(at + len(data), len(expected))
        made[at:end] = expected[at:end] = data[: end - at]
        assert made.changed(at, end)
        same(made, bytes(expected), *span)


def test_an_overlay_moves_nothing() -> None:
    with pytest.raises(ValueError, match="cannot move"):
        Overlay(DATA)[0:2] = b"three"


@given(parts=st.lists(SPANS, max_size=5), span=SPANS)
def test_stretches_follow_each_other(parts: list[tuple[int, int]], span: tuple[int, int]) -> None:
    cut = [(start, min(end, SIZE)) for start, end in parts]
    made = Joined([(paged_bytes(DATA), start, end) for start, end in cut])

    same(made, b"".join(DATA[start:end] for start, end in cut), *span)


def test_a_file_that_became_shorter_is_an_error() -> None:
    short = PagedFile(io.BytesIO(b"short"), 100)

    with pytest.raises(OSError, match="became shorter"):
        short[:50]


def test_few_blocks_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    class Counting(io.BytesIO):
        reads = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.reads += 1
            return super().read(size)

    monkeypatch.setattr(paged, "KEPT", 2)
    file = Counting(DATA)
    made = PagedFile(file, SIZE)
    for number in (0, 0, 1, 0, 2, 0, 1):
        at = number * BLOCK
        assert made[at : at + 9] == DATA[at : at + 9]

    assert file.reads == 4  # 0, 1, 2 in place of 1, and 1 again.


@pytest.mark.parametrize(("size", "most", "kind"), [(100, 100, bytes), (100, 99, PagedFile)])
def test_what_is_small_is_held(size: int, most: int, kind: type[object]) -> None:
    made = held_or_paged(io.BytesIO(DATA), size, most)

    assert isinstance(made, kind)
    assert made[:] == DATA[:size]


@pytest.mark.parametrize("at", [0, BLOCK, 2 * BLOCK - 1])
def test_one_byte_makes_it_no_blank(at: int) -> None:
    blank = bytes(2 * BLOCK)

    assert is_zeros(blank)
    assert not is_zeros(paged_bytes(blank[:at] + b"x" + blank[at + 1 :]))
