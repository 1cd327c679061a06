from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.formats import FormatError, compressed
from agent.formats.compressed import TOO_LARGE, Forward, Unpacked, name_in_gzip
from agent.formats.kinds import BZIP2, GZIP, XZ, Kind

LIMIT = 1 << 20
PACKERS: list[tuple[Kind, Callable[[bytes], bytes]]] = [
    (GZIP, gzip.compress),
    (BZIP2, bz2.compress),
    (XZ, lzma.compress),
]
CONTENT = bytes(range(256)) * 1000


def unpacked(data: bytes, kind: Kind, limit: int = LIMIT, step: int = 1000) -> bytes:
    source, parts = Unpacked(io.BytesIO(data), kind, limit), []
    while part := source.read(step):
        parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize(("kind", "pack"), PACKERS)
@pytest.mark.parametrize("step", [1, 1000, 1 << 20])
def test_a_stream_unpacks_to_what_was_packed(kind: Kind, pack, step: int) -> None:  # type: ignore[no-untyped-def]
    content = CONTENT if step > 1 else CONTENT[:5000]
    assert unpacked(pack(content), kind, step=step) == content
    assert unpacked(pack(b""), kind) == b""


@pytest.mark.parametrize(("kind", "pack"), PACKERS)
def test_streams_one_behind_the_other_are_one(kind: Kind, pack) -> None:  # type: ignore[no-untyped-def]
    data = pack(CONTENT) + bytes(100) + pack(b"end") + b"something else"
    assert unpacked(data, kind) == CONTENT + b"end"


@pytest.mark.parametrize(("kind", "pack"), PACKERS)
def test_what_is_cut_short_or_damaged_is_told(kind: Kind, pack) -> None:  # type: ignore[no-untyped-def]
    data = pack(CONTENT)
    with pytest.raises(FormatError, match="cut short"):
        unpacked(data[: len(data) // 2], kind)
    with pytest.raises(FormatError, match="damaged"):
        unpacked(data[:20] + bytes(100) + data[120:], kind)


@pytest.mark.parametrize(("kind", "pack"), PACKERS)
def test_no_more_is_unpacked_than_allowed(kind: Kind, pack) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(FormatError, match=TOO_LARGE):
        unpacked(pack(bytes(4 << 20)), kind)


def test_xz_that_takes_too_much_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressed, "MAX_XZ_MEMORY", 1 << 20)
    with pytest.raises(FormatError, match="damaged compressed stream"):
        unpacked(lzma.compress(b"x"), XZ)


def test_a_gzip_stream_tells_the_name_of_its_file() -> None:
    buffer = io.BytesIO()
    with gzip.GzipFile("cyzfc.dat", "wb", fileobj=buffer) as out:
        out.write(b"x")
    assert name_in_gzip(buffer.getvalue()) == "cyzfc.dat"
    assert name_in_gzip(gzip.compress(b"x")) == ""


def test_the_next_bytes_can_be_asked_again_until_they_are_passed_over() -> None:
    source = Forward(io.BytesIO(CONTENT).read)
    assert source.peek(4) == source.peek(4) == CONTENT[:4]
    assert source.take(2) == CONTENT[:2]
    source.skip(1000)
    assert source.peek(10) == CONTENT[1002:1012]
    source.skip(1 << 30)
    assert source.take(10) == b""


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([(kind, pack(CONTENT[:500])) for kind, pack in PACKERS]),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=5),
    st.integers(0, 200),
)
def test_any_bytes_end_in_bytes_or_in_a_typed_error(
    packed: tuple[Kind, bytes], changes: list[tuple[int, int]], length: int
) -> None:
    kind, data = packed[0], bytearray(packed[1])
    for at, value in changes:
        data[at % len(data)] = value
    with suppress(FormatError):
        assert len(unpacked(bytes(data[: length or len(data)]), kind, 1 << 16)) <= 1 << 16
