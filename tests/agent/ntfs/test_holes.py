"""What is read of a sparse file is what is in it, holes or not."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.ntfs import FileSource
from agent.ntfs import holes as module
from agent.ntfs.holes import Holes

pytestmark = pytest.mark.skipif(not hasattr(os, "SEEK_DATA"), reason="holes are told nowhere else")

BLOCK = 4096
DATA = {3: b"a" * BLOCK, 4: b"b" * BLOCK, 9: b"c" * BLOCK}
"""By the number of its block; every other block of the ten is a hole, and what follows is too."""
SIZE = 12 * BLOCK


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SETTLED", -60.0)


@pytest.fixture
def sparse(tmp_path: Path) -> Path:
    path = tmp_path / "C.dd"
    with path.open("wb") as file:
        for block, data in DATA.items():
            file.seek(block * BLOCK)
            file.write(data)
        file.truncate(SIZE)
    return path


@pytest.fixture
def number(sparse: Path) -> Iterator[int]:
    number = os.open(sparse, os.O_RDONLY)
    yield number
    os.close(number)


@pytest.mark.parametrize("offset", [0, BLOCK])
def test_every_read_gives_what_the_file_holds(sparse: Path, offset: int) -> None:
    content = sparse.read_bytes()[offset:]
    source = FileSource(sparse.open("rb"), offset=offset)
    for start in range(0, SIZE, 1024):
        for size in (1, 512, BLOCK, 3 * BLOCK):
            expected = content[start : start + size]
            assert source.read_at(start, size) == expected
            buffer = bytearray(b"?" * size)
            assert source.read_into(start, memoryview(buffer)) == len(expected)
            assert buffer[: len(expected)] == expected
    source.close()


def test_holes_are_not_read(sparse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = FileSource(sparse.open("rb"))
    asked: list[int] = []
    pread = os.pread

    def read(number: int, size: int, offset: int) -> bytes:
        asked.append(offset)
        return pread(number, size, offset)

    monkeypatch.setattr(os, "pread", read)
    for block in range(12):
        source.read_at(block * BLOCK, 512)
    assert asked == [block * BLOCK for block in DATA]


def test_only_what_lies_in_one_hole_is_covered(number: int) -> None:
    holes = Holes(number, 0, SIZE)
    assert holes.cover(0, 3 * BLOCK)
    assert not holes.cover(0, 3 * BLOCK + 1)
    assert not holes.cover(3 * BLOCK, 1)
    assert not holes.cover(5 * BLOCK - 1, 1)
    assert holes.cover(5 * BLOCK, 4 * BLOCK)
    assert not holes.cover(4 * BLOCK, 6 * BLOCK)  # data at both its ends
    assert holes.cover(10 * BLOCK, 2 * BLOCK)


def test_beyond_the_ranges_asked_for_everything_is_read(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_RANGES", 1)
    holes = Holes(number, 0, SIZE)
    assert holes.cover(0, BLOCK)
    assert not any(holes.cover(block * BLOCK, BLOCK) for block in range(5, 12))


@pytest.mark.parametrize(
    "failing", [OSError(errno.EINVAL, "not here"), OSError(errno.EIO, "cannot be read")]
)
def test_where_the_file_system_does_not_say_everything_is_read(
    number: int, monkeypatch: pytest.MonkeyPatch, failing: OSError
) -> None:
    def lseek(number: int, place: int, how: int) -> int:
        raise failing

    monkeypatch.setattr(os, "lseek", lseek)
    assert not Holes(number, 0, SIZE).cover(0, BLOCK)


def test_a_file_that_was_just_changed_is_read(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SETTLED", 3600.0)
    assert not Holes(number, 0, SIZE).cover(0, BLOCK)


def test_what_is_no_file_is_read() -> None:
    holes = Holes(None, 0, SIZE)
    assert not holes.cover(0, BLOCK)
