from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.formats import FormatError
from agent.formats.bitlocker import (
    CLEAR_KEY,
    PASSWORD,
    RECOVERY_PASSWORD,
    read_bitlocker,
    recovery_password,
)
from agent.formats.kinds import (
    BITLOCKER,
    BITLOCKER_IS,
    BITLOCKER_ON_WRITE,
    BITLOCKER_TO_GO,
    Read,
    kind_of,
)
from tests.evidence import bitlocker as made

WHOLE = made.locked(bytes(8192), password=made.PASSWORD, recovery=made.RECOVERY, clear=True)


def reading(data: bytes) -> Read:
    return lambda offset, size: data[offset : offset + size]


def test_what_it_is_protected_by() -> None:
    said = read_bitlocker(reading(WHOLE))
    assert said.encrypted
    assert said.protectors == {CLEAR_KEY, PASSWORD, RECOVERY_PASSWORD}


@pytest.mark.parametrize(
    "volume",
    [made.locked(b"", state=2), made.locked(b"", state=5), made.locked(b"", on_write=True)],
    ids=["being encrypted", "being decrypted", "encrypted as it is written to"],
)
def test_one_that_is_encrypted_in_part(volume: bytes) -> None:
    assert not read_bitlocker(reading(volume)).encrypted


def test_the_second_copy_where_the_first_is_damaged() -> None:
    data = bytearray(WHOLE)
    data[8192:8200] = bytes(8)
    assert read_bitlocker(reading(bytes(data))).encrypted


@pytest.mark.parametrize("identifier", [BITLOCKER_IS, BITLOCKER_ON_WRITE])
def test_one_to_go_that_looks_like_fat(identifier: bytes) -> None:
    head = bytearray(b"\xeb\x58\x90MSWIN4.1\0\2".ljust(512, b"\0"))
    head[82:90] = b"FAT32   "
    head[BITLOCKER_TO_GO : BITLOCKER_TO_GO + 40] = identifier + struct.pack("<3Q", 8192, 8, 8)
    head[510:] = b"\x55\xaa"
    data = bytes(head) + WHOLE[512:]
    assert kind_of(data[:4096], len(data), "", reading(data)) is BITLOCKER
    assert read_bitlocker(reading(data)).encrypted is (identifier == BITLOCKER_IS)


def test_one_of_vista() -> None:
    data = bytearray(WHOLE)
    data[:512] = b"\xeb\x52\x90-FVE-FS-\0\2\x08".ljust(512, b"\0")
    data[56:64] = struct.pack("<Q", 2)
    assert read_bitlocker(reading(bytes(data))).encrypted


@given(st.binary(max_size=2048), st.integers(0, 1 << 63), st.booleans())
def test_any_bytes_end_in_facts_or_in_an_error(block: bytes, place: int, header: bool) -> None:
    head = bytearray(WHOLE[:512])
    head[176:184] = struct.pack("<Q", 512 if header else place)
    data = bytes(head) + b"-FVE-FS-" + block
    try:
        assert read_bitlocker(reading(data)).sector == 512
    except FormatError as error:
        assert error.what


@pytest.mark.parametrize(
    "text",
    [
        made.RECOVERY,
        made.RECOVERY.replace("-", " "),
        made.RECOVERY.replace("-", ""),
        made.RECOVERY.replace("-", "\u2013"),
    ],
    ids=["hyphens", "blanks", "nothing", "dashes"],
)
def test_a_recovery_password_however_it_was_written_down(text: str) -> None:
    assert recovery_password(text) == made.RECOVERY


@pytest.mark.parametrize("text", ["hunter2", "12345678", "2026-11-30", "a-" + made.RECOVERY, "-"])
def test_what_is_none(text: str) -> None:
    assert recovery_password(text) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (made.RECOVERY.replace("422125", "422126"), "group 3 of the recovery password is mistyped"),
        (made.RECOVERY.replace("693451", "720896"), "group 8 of the recovery password is mistyped"),
        (made.RECOVERY.replace("177177", "17717"), "group 4 of the recovery password has not 6"),
        (made.RECOVERY[:-7], "8 groups, and not 7"),
        (made.RECOVERY + "-000011", "8 groups, and not 9"),
    ],
    ids=["not divisible", "too high", "a digit lost", "a group lost", "a group more"],
)
def test_a_mistyped_one_is_told_by_its_group(text: str, why: str) -> None:
    with pytest.raises(FormatError, match=why) as caught:
        recovery_password(text)
    assert not any(group in str(caught.value) for group in text.split("-"))
