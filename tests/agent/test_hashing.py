from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.hashing import TooLargeError, algorithm_of, hash_bytes, hash_file, hash_stream
from agent.model import Hash
from agent.reading import NotRegularError


@given(st.binary(max_size=5000))
def test_hashes_are_those_of_hashlib(data: bytes) -> None:
    expected = Hash(
        md5=hashlib.md5(data).hexdigest(),
        sha1=hashlib.sha1(data).hexdigest(),
        sha256=hashlib.sha256(data).hexdigest(),
    )

    assert hash_bytes(data) == expected
    assert hash_stream(io.BytesIO(data)) == (expected, len(data))


def test_only_what_is_asked_for_is_computed() -> None:
    assert hash_bytes(b"x", {"sha1"}) == Hash(sha1=hashlib.sha1(b"x").hexdigest())


def test_a_file_is_hashed_in_pieces(tmp_path: Path) -> None:
    file = tmp_path / "large"
    data = bytes(range(256)) * 10_000
    file.write_bytes(data)

    assert hash_file(str(file), {"md5"}).md5 == hashlib.md5(data).hexdigest()


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
