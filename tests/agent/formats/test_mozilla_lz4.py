"""Firefox's sessions in the clear."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.formats import FormatError
from agent.formats.mozilla_lz4 import MAGIC, unpacked


def packed(size: int, *sequences: tuple[bytes, int, int]) -> bytes:
    """Literals, the distance back, and the length of the copy; the last has no copy."""
    made = MAGIC + size.to_bytes(4, "little")
    for literals, back, length in sequences:
        token = min(len(literals), 15) << 4 | (min(length - 4, 15) if back else 0)
        made += bytes([token]) + _more(len(literals)) + literals
        if back:
            made += back.to_bytes(2, "little") + _more(length - 4)
    return made


def _more(length: int) -> bytes:
    if length < 15:
        return b""
    return b"\xff" * ((length - 15) // 255) + bytes([(length - 15) % 255])


def test_copies_also_of_what_they_make_are_followed() -> None:
    data = packed(7 + 6 + 300, (b"abcdefg", 3, 6), (b"x" * 40, 1, 259), (b"z", 0, 0))
    assert unpacked(data) == b"abcdefg" + b"efgefg" + b"x" * 299 + b"z"


def test_a_block_of_the_specification_and_of_a_long_literal() -> None:
    """Byte by byte: 10 literals, then 8 bytes from 10 back, then 5 literals (lz4_Block_format)."""
    block = b"\xa4" + b"0123456789" + b"\x0a\x00" + b"\x50" + b"abcde"
    assert unpacked(MAGIC + (23).to_bytes(4, "little") + block) == b"012345678901234567abcde"
    assert unpacked(packed(600, (b"y" * 600, 0, 0))) == b"y" * 600


def test_other_files_stay_as_they_are() -> None:
    assert unpacked(b'{"tabs":[]}') == b'{"tabs":[]}'


@pytest.mark.parametrize(
    "data",
    [
        MAGIC,
        MAGIC + b"\xff\xff\xff\xff",
        packed(9, (b"abc", 5, 4), (b"", 0, 0)),
        packed(9, (b"abc", 0, 0)),
        packed(9, (b"abc", 2, 9999)),
    ],
)
def test_what_is_damaged_or_too_large_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        unpacked(data)


@given(st.binary(max_size=200), st.integers(0, 5000))
def test_any_bytes_end_in_their_size_or_in_an_error(data: bytes, size: int) -> None:
    try:
        made = unpacked(MAGIC + size.to_bytes(4, "little") + data)
    except FormatError:
        return
    assert len(made) == size
