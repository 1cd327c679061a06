"""Content that its own clusters do not hold: decompressed, or refused with the reason."""

from __future__ import annotations

import io
import random
import struct
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.ntfs import NtfsError
from agent.ntfs.overlay import DAMAGED, _Algorithm, _Decompressed
from tests.evidence.images import (
    file_name,
    image,
    non_resident,
    opened,
    record,
    resident,
    run,
    standard,
)
from tests.evidence.overlay import (
    ALIGNED,
    CHUNK,
    LZX,
    VERBATIM,
    XPRESS,
    XPRESS4K,
    XPRESS8K,
    XPRESS16K,
    compact,
    program,
    stored,
    wimlib,
)

PROGRAM = program(600)
ALGORITHMS = [XPRESS4K, XPRESS8K, XPRESS16K, LZX]


def read(made: bytes, contents: dict[int, bytes] | None = None) -> bytes:
    volume = opened(image({24: made}, contents=contents))
    return volume.open_stream(24).read()


@pytest.mark.parametrize(
    ("algorithm", "chunk"), [(XPRESS4K, XPRESS), (LZX, VERBATIM), (LZX, ALIGNED), (LZX, PROGRAM)]
)
def test_a_file_of_one_chunk(algorithm: int, chunk: bytes) -> None:
    made = compact("a.exe", 600, chunk, algorithm, cluster=100)
    assert read(made, {100: chunk}) == PROGRAM


def test_what_is_kept_compressed_may_lie_in_the_record() -> None:
    assert read(compact("a.exe", 600, VERBATIM, LZX)) == PROGRAM


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_file_of_many_chunks_is_read_from_any_place(algorithm: int) -> None:
    """Chunks that do not get smaller are kept as they are."""
    size = CHUNK[algorithm]
    data = random.Random(1).randbytes(3 * size)
    last = XPRESS if algorithm != LZX else VERBATIM
    kept = stored([data[at : at + size] for at in range(0, len(data), size)] + [last])
    made = compact("a.exe", len(data) + 600, kept, algorithm, cluster=100)
    volume = opened(image({24: made}, contents={100: kept}))
    file = volume.open_stream(24)
    whole = data + PROGRAM
    assert file.read() == whole
    for at, count in ((size - 1, 2), (0, 1), (3 * size, 600), (2 * size + 5, 2 * size), (1, 0)):
        file.seek(at)
        assert file.read(count) == whole[at : at + count]
    assert file.seek(0, 2) == len(whole)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_files_that_wimlib_compresses(algorithm: int) -> None:
    compress, size = wimlib(), CHUNK[algorithm]
    data = program(5 * size) + random.Random(2).randbytes(size) + program(700)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    kind = 2 if algorithm == LZX else 1
    kept = stored([compress(kind, piece, size) or piece for piece in pieces])
    assert read(compact("a", len(data), kept, algorithm, cluster=100), {100: kept}) == data


@pytest.mark.parametrize(
    ("kept", "size"),
    [
        (b"", 600),
        (stored([XPRESS[:-9]]), 600),
        (stored([PROGRAM, XPRESS]), 4096 + 600),
        (struct.pack("<I", 1 << 31) + bytes(8), 4096 + 600),
        (struct.pack("<II", 9, 3) + bytes(20), 8192 + 600),
        (bytes(8), 1 << 40),
        (stored([bytes(601)]), 600),
    ],
)
def test_damaged_ones_are_refused(kept: bytes, size: int) -> None:
    with pytest.raises(NtfsError, match=DAMAGED):
        read(compact("a", size, kept, XPRESS4K, cluster=100 if kept else 0), {100: kept})


def held(tag: int, *, bits: int = 0x20, runs: bytes | None = None, flags: int = 1) -> bytes:
    """A file with a reparse point, by default one with all its clusters."""
    clusters = run(1, 100) if runs is None else runs
    return record(
        standard(bits=bits),
        file_name("a.bin"),
        non_resident(0x80, 4096, clusters),
        resident(0xC0, struct.pack("<IHH", tag, 16, 0) + bytes(16)),
        flags=flags,
    )


@pytest.mark.parametrize(
    "tag",
    [0x80000013, 0x8000001E, 0x80000007, 0xC0000004, 0x80000006, 0x80000008, 0x9000001C, 0x80000017],
    ids=["dedup", "storage sync", "SIS", "HSM", "HSM2", "WIM", "ProjFS", "WOF of a WIM"],
)  # fmt: skip
@pytest.mark.parametrize(
    "form", [{"runs": run(1, None)}, {"bits": 0x220}, {"bits": 0x1020}, {"bits": 0x40_0020}]
)
def test_content_that_a_filter_keeps_elsewhere_is_refused(tag: int, form: dict[str, int]) -> None:
    with pytest.raises(NtfsError, match=rf"content kept elsewhere \(tag 0x{tag:08X}\)"):
        read(held(tag, **form))  # type: ignore[arg-type]


@pytest.mark.parametrize("tag", [0x80000013, 0x8000001B, 0x80000023, 0x80000017])
def test_content_that_is_there_is_read_whatever_the_tag(tag: int) -> None:
    assert read(held(tag), {100: b"content".ljust(4096)}) == b"content".ljust(4096)


def test_a_file_that_a_wim_backs_is_no_compressed_one() -> None:
    with pytest.raises(NtfsError, match="content kept elsewhere"):
        read(compact("a", 600, XPRESS, XPRESS4K, provider=1))
    with pytest.raises(NtfsError, match="content kept elsewhere"):
        read(compact("a", 600, XPRESS, 9))


@given(
    st.binary(max_size=200), st.integers(0, 1 << 36), st.lists(st.integers(0, 1 << 36), max_size=9)
)
@settings(deadline=None)
def test_any_bytes_end_in_content_or_in_an_error(kept: bytes, size: int, places: list[int]) -> None:
    with suppress(NtfsError):
        file = _Decompressed(io.BytesIO(kept), size, _Algorithm(4096, bytes.ljust))
        for place in places:
            file.seek(place)
            with suppress(NtfsError):
                assert len(file.read(5000) or b"") <= max(0, size - place)
