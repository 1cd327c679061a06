from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.formats import FormatError
from agent.formats.acquire_encrypted import (
    BAD_HEADER,
    CHANGED,
    CUT_SHORT,
    DAMAGED,
    NO_KEY_FITS,
    OTHER,
    Deciphered,
    read_front,
)
from agent.formats.private_key import PrivateKey
from tests.evidence.encrypted import KEY_BYTES, as_pem, by_acquire, public_sha256, rsa_key

PLAIN = bytes(range(256)) * 700 + b"end"
FRONT = 60 + KEY_BYTES
TAIL = 16 + 8


def opened(data: bytes, *names: str) -> Deciphered:
    file = io.BytesIO(data)
    keys = [PrivateKey(as_pem(rsa_key(name))) for name in names or ("server",)]
    return Deciphered(file, read_front(file), keys)


def test_it_is_read_as_a_whole_and_by_the_key_that_is_its() -> None:
    data = by_acquire(PLAIN, rsa_key())
    assert read_front(io.BytesIO(data)).public_sha256 == public_sha256(rsa_key())
    source = opened(data, "other", "server")
    assert source.size == len(PLAIN)
    assert source.problem() == ""
    assert source.read_at(0, source.size + 1) == PLAIN


@pytest.mark.parametrize(
    ("offset", "size"), [(0, 1), (15, 2), (16, 16), (4095, 70_000), (len(PLAIN) - 2, 10)]
)
def test_it_is_read_at_any_place(offset: int, size: int) -> None:
    source = opened(by_acquire(PLAIN, rsa_key()))
    assert source.read_at(offset, size) == PLAIN[offset : offset + size]


def test_no_byte_lies_behind_its_end_or_before_its_beginning() -> None:
    source = opened(by_acquire(PLAIN, rsa_key()))
    assert source.read_at(len(PLAIN), 5) == source.read_at(-1, 5) == source.read_at(0, 0) == b""


def test_one_of_nothing() -> None:
    source = opened(by_acquire(b"", rsa_key()))
    assert (source.size, source.problem(), source.read_at(0, 9)) == (0, "", b"")


@pytest.mark.parametrize("at", [FRONT, FRONT + 100_000, -TAIL - 1, -TAIL])
def test_a_changed_byte_is_told_and_the_others_are_read(at: int) -> None:
    data = bytearray(by_acquire(PLAIN, rsa_key()))
    data[at] ^= 1
    source = opened(bytes(data))
    assert source.problem() == CHANGED
    read = source.read_at(0, len(PLAIN))
    assert sum(one != other for one, other in zip(read, PLAIN, strict=True)) == (at != -TAIL)


def test_what_stands_in_front_is_vouched_for_too() -> None:
    data = bytearray(by_acquire(PLAIN, rsa_key()))
    data[20] ^= 1  # The time at which it was written.
    assert opened(bytes(data)).problem() == CHANGED


@pytest.mark.parametrize("lost", [1, 8, TAIL, TAIL + 1000])
def test_a_lost_end_is_told_and_what_is_there_is_read(lost: int) -> None:
    source = opened(by_acquire(PLAIN, rsa_key())[:-lost])
    assert source.problem() == CUT_SHORT
    there = len(PLAIN) + TAIL - lost
    kept = min(there, len(PLAIN))
    assert source.size == there
    assert source.read_at(0, kept) == PLAIN[:kept]


def test_another_s_key_and_a_damaged_header_are_told_apart() -> None:
    data = bytearray(by_acquire(PLAIN, rsa_key()))
    with pytest.raises(FormatError, match=NO_KEY_FITS):
        opened(bytes(data), "other")
    data[70] ^= 1
    with pytest.raises(FormatError, match=BAD_HEADER):
        opened(bytes(data))


@pytest.mark.parametrize(("version", "cipher"), [(2, 1), (1, 2)])
def test_a_later_way_of_writing_is_refused(version: int, cipher: int) -> None:
    with pytest.raises(FormatError, match=OTHER):
        opened(by_acquire(PLAIN, rsa_key(), version=version, cipher=cipher))


@pytest.mark.parametrize("size", [0, 16, 59, 60, FRONT - 1])
def test_a_front_that_is_cut_is_damaged(size: int) -> None:
    with pytest.raises(FormatError, match=DAMAGED):
        read_front(io.BytesIO(by_acquire(PLAIN, rsa_key())[:size]))


@given(st.binary(max_size=400))
def test_any_front_ends_in_one_or_in_an_error(data: bytes) -> None:
    data = b"ENCRYPTEDACQUIRE" + data
    try:
        front = read_front(io.BytesIO(data))
    except FormatError:
        return
    assert front.raw == data[: len(front.raw)]
    with pytest.raises(FormatError):
        Deciphered(io.BytesIO(data), front, [PrivateKey(as_pem(rsa_key()))])
