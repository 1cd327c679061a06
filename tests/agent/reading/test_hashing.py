from __future__ import annotations

import hashlib
import io
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model.objects import Hash
from agent.reading.hashing import TooLargeError, algorithm_of, hash_file, hash_stream
from agent.reading.opening import CHUNK, NotRegularError, first_chunk


@given(st.binary(max_size=5000))
def test_hashes_are_those_of_hashlib(data: bytes) -> None:
    expected = Hash(
        md5=hashlib.md5(data).hexdigest(),
        sha1=hashlib.sha1(data).hexdigest(),
        sha256=hashlib.sha256(data).hexdigest(),
    )

    assert hash_stream(io.BytesIO(data)) == (expected, len(data))


def test_only_what_is_asked_for_is_computed() -> None:
    hashes, _ = hash_stream(io.BytesIO(b"x"), {"sha1"})

    assert hashes == Hash(sha1=hashlib.sha1(b"x").hexdigest())


def test_a_file_is_hashed_in_pieces(tmp_path: Path) -> None:
    file = tmp_path / "large"
    data = bytes(range(256)) * 10_000
    file.write_bytes(data)

    assert hash_file(str(file), {"md5"}).md5 == hashlib.md5(data).hexdigest()


def test_what_was_read_before_counts_even_if_it_lies_where_the_next_is_read() -> None:
    data = random.Random(1).randbytes(3 * CHUNK + 5)
    file = io.BytesIO(data)

    hashes, count = hash_stream(file, {"sha1"}, start=first_chunk(file, len(data)))

    assert (hashes.sha1, count) == (hashlib.sha1(data).hexdigest(), len(data))


def test_nothing_is_read_behind_the_end_that_was_expected() -> None:
    class Ends(io.BytesIO):
        def readinto(self, buffer: Any) -> int:
            assert self.tell() < 1000
            return super().readinto(buffer)

    hashes, _ = hash_stream(Ends(bytes(1000)), {"md5"}, expected=1000)

    assert hashes.md5 == hashlib.md5(bytes(1000)).hexdigest()


def test_threads_hash_side_by_side() -> None:
    contents = [random.Random(seed).randbytes(CHUNK + seed) for seed in range(16)]

    def md5(data: bytes) -> str | None:
        return hash_stream(io.BytesIO(data), {"md5"})[0].md5

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(md5, contents * 4))

    assert found == [hashlib.md5(data).hexdigest() for data in contents] * 4


def test_a_file_beyond_the_limit_has_no_hash(tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(bytes(1001))

    with pytest.raises(TooLargeError):
        hash_file(str(file), limit=1000)
    assert hash_file(str(file), limit=1001).md5


def test_a_folder_has_no_hash(tmp_path: Path) -> None:
    with pytest.raises((NotRegularError, IsADirectoryError)):
        hash_file(str(tmp_path))


def test_the_algorithm_follows_from_the_length() -> None:
    assert [algorithm_of("0" * length) for length in (32, 40, 64)] == ["md5", "sha1", "sha256"]
    with pytest.raises(ValueError, match="56"):
        algorithm_of("0" * 56)
