"""What is read of a file, and what becomes of files that are not what they seemed."""

from __future__ import annotations

import hashlib
import io
import random
from typing import Any

import msgspec
import pytest

from agent.indicators import Content, Gate, Indicator
from agent.model.report import Strength
from agent.reading.opening import CHUNK
from agent.sources.files import facts as file_facts
from agent.sources.files.facts import FileReader, Limits
from tests.evidence.packs import matcher_of, sha256_of

LIMIT = 4 * CHUNK
CONTENT = Content(
    id="c",
    strength=Strength.WEAK,
    reference=["test"],
    status="SRC",
    value="marker",
    match="text",
    gate=Gate(),
)


def reader(*indicators: Indicator) -> FileReader:
    return FileReader(matcher_of(*indicators, thorough=True), Limits(LIMIT))


def seen(file: io.BytesIO, size: int, *indicators: Indicator) -> Any:
    look = reader(*indicators)
    return look.look(
        file, size, look.matcher.selector.file_indicators("x.bin", size, named=False), named=False
    )


class InDrops(io.BytesIO):
    """Gives less than it is asked for, as a network may."""

    def readinto(self, buffer: Any) -> int:
        with memoryview(buffer) as view:
            return super().readinto(view[:100_000])

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(100_000, 100_000 if size is None or size < 0 else size))


@pytest.mark.parametrize("scanned", [False, True])
@pytest.mark.parametrize("size", [1, 4096, 4097, CHUNK - 1, CHUNK, CHUNK + 1, LIMIT])
@pytest.mark.parametrize("kind", [io.BytesIO, InDrops])
def test_a_file_of_any_size_is_read_once_and_hashed(
    kind: type[io.BytesIO], size: int, *, scanned: bool
) -> None:
    data = random.Random(size).randbytes(size)
    more = (CONTENT,) if scanned else ()

    facts = seen(kind(data), size, sha256_of(data), *more)

    assert facts.hash.sha256 == hashlib.sha256(data).hexdigest()
    assert facts.head == data[:4096]
    assert facts.bytes_read == size
    assert not facts.unread


@pytest.mark.parametrize("scanned", [False, True])
def test_a_file_that_was_cut_since_it_was_listed_is_hashed_as_it_is(*, scanned: bool) -> None:
    data = bytes(5000)
    more = (CONTENT,) if scanned else ()

    facts = seen(io.BytesIO(data), 3 * CHUNK, sha256_of(data), *more)

    assert facts.hash.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("scanned", [False, True])
def test_a_file_without_a_size_that_has_bytes_is_hashed_whole(*, scanned: bool) -> None:
    """Some drivers tell no size: what is there counts."""
    data = random.Random(7).randbytes(CHUNK + 7)
    more = (CONTENT,) if scanned else ()

    facts = seen(io.BytesIO(data), 0, sha256_of(data), *more)

    assert facts.hash.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("scanned", [False, True])
def test_an_empty_file_has_no_hash(*, scanned: bool) -> None:
    """That of no bytes would be every empty file's."""
    more = (CONTENT,) if scanned else ()
    assert seen(io.BytesIO(b""), 0, sha256_of(b""), *more).hash is None


@pytest.mark.parametrize("scanned", [False, True])
def test_a_file_that_grew_beyond_the_limit_has_no_hash_and_is_counted(*, scanned: bool) -> None:
    data = bytes(LIMIT + 2)
    more = (CONTENT,) if scanned else ()

    facts = seen(io.BytesIO(data), 0, sha256_of(data), *more)

    assert facts.hash is None
    assert facts.unread == ["grew beyond --max-file-size while it was read"]


def test_what_was_found_in_a_file_outlasts_the_next_read() -> None:
    """Reads share their space; what is kept must not."""
    first = b"a marker" + bytes(100)
    look = reader(CONTENT, sha256_of(b""))
    opened = look.matcher.selector.file_indicators("x.bin", len(first), named=False)

    facts = look.look(io.BytesIO(first), len(first), opened, named=False)
    look.look(io.BytesIO(bytes(5000)), 5000, opened, named=False)

    assert facts.data == first
    assert facts.head == first


def test_a_file_that_a_parser_fails_at_is_told_hashed_and_scanned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(source: object) -> None:
        raise RecursionError

    monkeypatch.setattr(file_facts, "read_pe", fails)
    data = b"MZ" + bytes(1000) + b"marker"
    look = reader(sha256_of(data), CONTENT)

    facts = look.look(io.BytesIO(data), len(data), (sha256_of(data), CONTENT), named=True)

    assert facts.hash is not None
    assert facts.hash.sha256 == hashlib.sha256(data).hexdigest()
    assert [hit.indicator for hit in facts.contents] == ["c"]
    assert facts.unread == ["looking at it failed: RecursionError"]


def test_a_file_whose_machine_was_looked_up_far_behind_is_still_read_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The header of a PE file may lie anywhere; what is read next is what follows the first bytes."""
    data = bytearray(random.Random(5).randbytes(3 * 4096))
    data[:64] = b"MZ" + bytes(58) + (2 * 4096).to_bytes(4, "little")
    data[2 * 4096 : 2 * 4096 + 6] = b"PE\0\0\x64\x86"
    monkeypatch.setattr(file_facts, "WINDOW", 4096)
    known = sha256_of(bytes(data))
    machine = msgspec.structs.replace(CONTENT, gate=Gate(machine="amd64"))

    facts = seen(io.BytesIO(data), 0, known, machine)

    assert facts.data == bytes(data)
    assert facts.hash.sha256 == known.value
    assert facts.bytes_read == len(data)
