"""Hashes of whole files: only those needed, all in one pass over the bytes.

MD5 and SHA-1 serve to recognise published samples, never for trust.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, BinaryIO, Literal, cast

from ..model.objects import Hash
from .opening import next_chunk, open_quietly

if TYPE_CHECKING:
    from hashlib import _Hash

Algorithm = Literal["md5", "sha1", "sha256"]

ALL: frozenset[Algorithm] = frozenset(("md5", "sha1", "sha256"))
_BY_LENGTH: dict[int, Algorithm] = {32: "md5", 40: "sha1", 64: "sha256"}


class TooLargeError(Exception):
    """There are more bytes than the caller allowed; nothing was concluded from the part read."""


def algorithm_of(value: str) -> Algorithm:
    """The algorithm that a hexadecimal hash value is of, by its length.

    Raises:
        ValueError: no supported algorithm gives this length.
    """
    try:
        return _BY_LENGTH[len(value)]
    except KeyError:
        raise ValueError(
            f"a hash of {len(value)} characters is none of MD5, SHA-1, SHA-256"
        ) from None


def hash_stream(
    file: BinaryIO,
    algorithms: Collection[Algorithm] = ALL,
    *,
    limit: int | None = None,
    start: bytes | memoryview = b"",
    expected: int | None = None,
) -> tuple[Hash, int]:
    """The hashes of an open file from where it stands to its end, and the number of bytes.

    ``start``: the bytes before, already read; they count. ``expected``: how many there should be;
    if just so many come, the end is believed.

    Raises:
        OSError: the file cannot be read to its end.
        TooLargeError: it is longer than ``limit`` bytes.
    """
    hashing, total = Hashing(algorithms), 0
    for chunk in _chunks(file, limit, start, expected):
        hashing.update(chunk)
        total += len(chunk)
    return hashing.result(), total


def hash_file(
    path: str, algorithms: Collection[Algorithm] = ALL, *, limit: int | None = None
) -> Hash:
    """The hashes of a regular file, opened quietly.

    Raises:
        OSError: it cannot be opened or read to its end, or is no regular file.
        TooLargeError: it is longer than ``limit`` bytes.
    """
    with open_quietly(path) as file:
        return hash_stream(file, algorithms, limit=limit)[0]


class Hashing:
    """Several hashes of bytes that come one after the other."""

    def __init__(self, algorithms: Collection[Algorithm]) -> None:
        self._states: dict[Algorithm, _Hash] = {
            name: hashlib.new(name, usedforsecurity=False) for name in algorithms
        }

    def update(self, data: bytes | memoryview) -> None:
        for state in self._states.values():
            state.update(data)

    def result(self) -> Hash:
        digests = {cast("str", name): state.hexdigest() for name, state in self._states.items()}
        return Hash(**digests)


def _chunks(
    file: BinaryIO, limit: int | None, start: bytes | memoryview, expected: int | None
) -> Iterator[bytes | memoryview]:
    """Each is gone with the next."""
    total = len(start)
    if start:
        yield start
    while total != expected and (chunk := next_chunk(file)):
        total += len(chunk)
        if limit is not None and total > limit:
            raise TooLargeError(f"longer than {limit:,} bytes")
        yield chunk
