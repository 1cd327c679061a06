"""gzip streams read at any place."""

from __future__ import annotations

import gzip
import io
import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.formats import FormatError, seekable_gzip
from agent.formats.seekable_gzip import SeekableGzip


def opened(data: bytes) -> SeekableGzip:
    return SeekableGzip(io.BytesIO(data), len(data))


def text(size: int) -> bytes:
    """Half of it compresses."""
    made = random.Random(7)
    return b"".join(made.randbytes(50) + bytes(50) for _ in range(size // 100))


@pytest.mark.parametrize("spacing", [1 << 10, 100_000, 4 << 20])
@pytest.mark.parametrize("points", [4, 512])
def test_any_place_can_be_read_in_any_order(
    spacing: int, points: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seekable_gzip, "SPACING", spacing)
    monkeypatch.setattr(seekable_gzip, "MAX_POINTS", points)
    whole = text(1_000_000)
    stream = opened(gzip.compress(whole[:300_000]) + bytes(9) + gzip.compress(whole[300_000:]))
    for offset in (0, 999_000, 10, 299_990, 300_000, 650_000, 649_000, 1_000_000, 0, 2_000_000):
        assert stream.read_at(offset, 5000) == whole[offset : offset + 5000]
    assert stream.read_at(0, 2_000_000) == whole


def test_states_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seekable_gzip, "SPACING", 1 << 10)
    monkeypatch.setattr(seekable_gzip, "MAX_POINTS", 8)
    stream = opened(gzip.compress(text(2_000_000)))
    stream.read_at(0, 2_000_000)
    assert len(stream._points) <= 8


def test_what_follows_a_stream_and_is_none_is_passed_over() -> None:
    assert opened(gzip.compress(b"abc") + b"\0\0and more").read_at(0, 100) == b"abc"


def test_a_damaged_stream_is_told_each_time() -> None:
    data = bytearray(gzip.compress(os.urandom(100_000)))
    data[50_000] ^= 0xFF
    stream = opened(bytes(data))
    for _ in range(2):
        with pytest.raises(FormatError, match="damaged compressed stream"):
            stream.read_at(0, 200_000)
    with pytest.raises(FormatError, match="cut short"):
        opened(gzip.compress(b"abc" * 1000)[:-9]).read_at(0, 10_000)


def test_a_bomb_ends_at_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seekable_gzip, "LEAST_LIMIT", 1 << 20)
    with pytest.raises(FormatError, match="too large"):
        opened(gzip.compress(bytes(5 << 20))).read_at(0, 5 << 20)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 300), st.integers(0, 300))
def test_any_bytes_end_in_bytes_or_an_error(data: bytes, offset: int, length: int) -> None:
    for tried in (data, b"\x1f\x8b\x08" + data):
        try:
            assert len(opened(tried).read_at(offset, length)) <= length
        except FormatError:
            continue
