"""Members of ZIP archives by every method that is unpacked, and what stands in for them."""

from __future__ import annotations

import bz2
import io
import lzma
import random
import struct
import tracemalloc
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.formats import FormatError
from agent.formats.zip_archive import Member, find_directory, members
from agent.formats.zip_unpacking import is_unpackable, pieces, unpack

STORED, DEFLATED, BZIP2, LZMA = 0, 8, 12, 14
METHODS = [STORED, DEFLATED, BZIP2, LZMA]
CONTENT = random.Random(5).randbytes(5_000) * 3 + bytes(200_000) + b"the end"
LIMIT = 1 << 20
MARKED = 2


def zipped(method: int, content: bytes = CONTENT) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as out:
        out.writestr("a", content)
    return buffer.getvalue()


def member_of(data: bytes) -> Member:
    file = io.BytesIO(data)
    return next(members(file, find_directory(file, len(data))))


def local(method: int, packed: bytes, size: int, flags: int = 0) -> tuple[bytes, Member]:
    """A member by its local header alone."""
    header = struct.pack(
        "<4s5H3I2H", b"PK\3\4", 63, flags, method, 0, 0, 0, len(packed), size, 1, 0
    )
    member = Member("a", size, len(packed), method, encrypted=False, header=0)
    return header + b"a" + packed, member


def by_lzma(content: bytes, *, dictionary: int = 1 << 16, told: int | None = None) -> bytes:
    """Without a marker at its end, as 7-Zip writes them."""
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": dictionary, "lc": 3, "lp": 0, "pb": 2}]
    # The old form tells the size in its header, and needs no marker for that reason.
    packed = lzma.compress(content, lzma.FORMAT_RAW, filters=filters)
    properties = struct.pack("<BI", 93, dictionary if told is None else told)
    return struct.pack("<BBH", 9, 20, 5) + properties + packed


@pytest.mark.parametrize("method", METHODS)
def test_what_zipfile_packs_is_unpacked(method: int) -> None:
    data = zipped(method)
    member = member_of(data)
    assert is_unpackable(member)
    assert unpack(io.BytesIO(data), member, LIMIT) == CONTENT
    assert b"".join(pieces(io.BytesIO(data), member)) == CONTENT


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("limit", [1, 1152, 15_001])
def test_no_more_is_given_than_asked_for(method: int, limit: int) -> None:
    data = zipped(method)
    assert unpack(io.BytesIO(data), member_of(data), limit) == CONTENT[:limit]


@pytest.mark.parametrize("method", [DEFLATED, BZIP2, LZMA])
def test_a_member_that_is_cut_short_says_so(method: int) -> None:
    data = zipped(method)
    member = member_of(data)
    short = member._replace(packed=member.packed - 40)
    with pytest.raises(FormatError, match="cut short"):
        unpack(io.BytesIO(data), short, LIMIT)


@pytest.mark.parametrize("method", [DEFLATED, BZIP2, LZMA])
def test_a_damaged_member_says_so(method: int) -> None:
    data = bytearray(zipped(method, repr(random.Random(6).choices(range(99), k=9_000)).encode()))
    data[300:900] = b"\xff" * 600
    with pytest.raises(FormatError, match=r"damaged archive member|cut short"):
        unpack(io.BytesIO(data), member_of(bytes(data)), LIMIT)


@pytest.mark.parametrize("properties", [b"", b"\x09\x14\x05", b"\x09\x14\x06\0" + bytes(5)])
def test_lzma_without_its_properties_says_so(properties: bytes) -> None:
    data, member = local(LZMA, properties, 5)
    with pytest.raises(FormatError, match="no properties of LZMA"):
        unpack(io.BytesIO(data), member, LIMIT)


def test_properties_that_lzma_cannot_have_are_damage() -> None:
    data, member = local(LZMA, b"\x09\x14\x05\0\xff" + bytes(20), 5)
    with pytest.raises(FormatError, match="damaged archive member"):
        unpack(io.BytesIO(data), member, LIMIT)


def test_lzma_takes_no_more_memory_than_is_asked_for() -> None:
    packed = by_lzma(CONTENT, told=0xFFFF_FFFF)
    data, member = local(LZMA, packed, len(CONTENT), MARKED)
    assert unpack(io.BytesIO(data), member, LIMIT) == CONTENT
    with pytest.raises(FormatError, match="too large a dictionary"):
        next(pieces(io.BytesIO(data), member))


def without_marker(content: bytes) -> bytes:
    """As LZMA of old, whose header tells the size, packs what it is told the size of: the marker
    is what follows the content, and nothing of it is left."""
    whole = by_lzma(content)
    return whole[:-6]


@pytest.mark.parametrize("more", [0, 1_000_000])
def test_lzma_that_tells_no_end_ends_at_its_size(more: int) -> None:
    content = bytes(more) + CONTENT
    data, member = local(LZMA, without_marker(content), len(content))
    assert unpack(io.BytesIO(data), member, 2 * LIMIT) == content


def test_lzma_of_another_size_than_is_told_shows_more() -> None:
    content = random.Random(7).randbytes(4_000)
    data, member = local(LZMA, without_marker(content), 5)
    found = unpack(io.BytesIO(data), member, LIMIT)
    assert len(found) > 3_900
    assert content.startswith(found)


def test_a_bomb_is_unpacked_piece_by_piece() -> None:
    size = 16 << 20
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16}]
    bombs = {
        BZIP2: bz2.compress(bytes(size)),
        LZMA: struct.pack("<BBHBI", 9, 20, 5, 93, 1 << 16)
        + lzma.compress(bytes(size), lzma.FORMAT_RAW, filters=filters),
    }
    for method, packed in bombs.items():
        data, member = local(method, packed, size, MARKED)
        tracemalloc.start()
        try:
            assert sum(map(len, pieces(io.BytesIO(data), member))) == size
            assert tracemalloc.get_traced_memory()[1] < 6 << 20
        finally:
            tracemalloc.stop()


@given(
    method=st.sampled_from([*METHODS, 9, 99]),
    packed=st.binary(max_size=200),
    size=st.integers(0, (1 << 32) - 1),
    flags=st.sampled_from([0, MARKED]),
    damage=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=4),
    whole=st.booleans(),
)
@settings(max_examples=150)
def test_whatever_is_packed_ends_in_bytes_or_in_a_format_error(
    method: int,
    packed: bytes,
    size: int,
    flags: int,
    damage: list[tuple[int, int]],
    *,
    whole: bool,
) -> None:
    if whole:
        packed = {
            BZIP2: bz2.compress(CONTENT[:4000]),
            LZMA: by_lzma(CONTENT[:4000]),
        }.get(method, packed)
    torn = bytearray(packed)
    for at, value in damage:
        if torn:
            torn[at % len(torn)] = value
    data, member = local(method, bytes(torn), size, flags)
    with suppress(FormatError):
        assert len(unpack(io.BytesIO(data), member, LIMIT)) <= LIMIT
