"""A $FILE_NAME somewhere in bytes: whose it is, and what is none."""

from __future__ import annotations

import struct

import pytest

from agent.ntfs import Reference
from agent.ntfs.left_names import LeftName, name_around
from tests.evidence.filetime import ticks
from tests.evidence.images import file_name, record, standard
from tests.evidence.journals import NOON
from tests.evidence.ntfs_logs import entry

NAME = "cyzfc.dat"
TEXT = 0x42
"""Where the name is in a $FILE_NAME."""


def key(**changed: int) -> bytes:
    """A $FILE_NAME alone; ``at_…``: bytes changed there."""
    data = bytearray(
        file_name(NAME, 43, 5, created=ticks(NOON))[0x18 : 0x18 + TEXT + 2 * len(NAME)]
    )
    for at, value in changed.items():
        struct.pack_into("<Q", data, int(at.removeprefix("at_")), value)
    return bytes(data)


def found(data: bytes) -> LeftName | None:
    return name_around(data, data.index(NAME.encode("utf-16-le")))


def test_each_character_of_a_name_leads_to_it() -> None:
    for before in (b"", b"\xff" * 7, bytes(8)):
        data = before + key() + bytes(8)
        for place in range(0, 2 * len(NAME), 2):
            left = name_around(data, len(before) + TEXT + place)
            assert left is not None
            assert (left.name.text, left.name.parent, left.at) == (
                NAME,
                Reference(43, 5),
                len(before),
            )
            assert left.file is None


def test_what_stands_beside_a_name_is_none_of_it() -> None:
    data = key() + "cyzfc.dat".encode("utf-16-le") + bytes(600)
    for place in (TEXT - 2, TEXT + 1, TEXT + 2 * len(NAME), len(data) - 2, 0):
        assert name_around(data, place) is None


def test_a_name_of_255_characters_is_found_by_its_last() -> None:
    data = file_name("x" * 255, created=ticks(NOON))[0x18:]
    left = name_around(data, TEXT + 2 * 254)
    assert left is not None
    assert len(left.name.text) == 255


def test_size_and_kind_are_told() -> None:
    data = bytearray(key(at_48=1234))
    left = found(bytes(data))
    assert left is not None
    assert (left.size, left.is_folder) == (1234, False)
    struct.pack_into("<I", data, 0x38, 0x1000_0000)
    left = found(bytes(data))
    assert left is not None
    assert left.is_folder


EARLY, TOO_EARLY = ticks(NOON.replace(year=1970)), ticks(NOON.replace(year=1969))
LATE = ticks(NOON.replace(year=2199))
TOO_LATE = ticks(NOON.replace(year=2200))


@pytest.mark.parametrize(
    ("changed", "is_name"),
    [
        ({"at_0": 43}, False),  # A folder's record that was never used.
        ({"at_0": 1 << 48 | 1 << 40}, False),
        ({"at_0": 1 << 48 | (1 << 40) - 1}, True),
        *(({f"at_{at}": 0}, False) for at in (8, 16, 24, 32)),
        *(({f"at_{at}": TOO_LATE}, False) for at in (8, 16, 24, 32)),
        *(({f"at_{at}": LATE}, True) for at in (8, 16, 24, 32)),
        *(({f"at_{at}": TOO_EARLY}, False) for at in (8, 16, 24, 32)),
        *(({f"at_{at}": EARLY}, True) for at in (8, 16, 24, 32)),
    ],
)
def test_what_cannot_be_a_name_is_none(changed: dict[str, int], is_name: bool) -> None:
    assert (found(key(**changed)) is not None) == is_name


def test_a_name_space_that_is_none_and_a_name_that_is_cut_off_are_none() -> None:
    data = bytearray(key())
    data[0x41] = 4
    assert found(bytes(data)) is None
    assert name_around(key()[:-1], TEXT) is None


def test_an_entry_of_an_index_says_whose_name_it_is() -> None:
    data = entry(NAME, 50, sequence=7)
    left = found(data)
    assert left is not None
    assert (left.file, left.at) == (Reference(50, 7), 0x10)
    with_block = bytearray(data)  # An entry that leads on has a block's number behind its key.
    struct.pack_into("<H", with_block, 8, int.from_bytes(data[8:10], "little") + 8)
    left = found(bytes(with_block) + bytes(8))
    assert left is not None
    assert left.file == Reference(50, 7)


@pytest.mark.parametrize(
    ("at", "value"),
    [(6, 0), (8, 0x10 + TEXT + 2 * len(NAME) - 1), (8, 0x400), (10, TEXT + 2 * len(NAME) + 2)],
)
def test_an_entry_that_is_none_says_nothing(at: int, value: int) -> None:
    data = bytearray(entry(NAME, 50)[:0x10] + key() + bytes(8))
    struct.pack_into("<H", data, at, value)
    left = found(bytes(data))
    assert left is not None
    assert left.file is None


def test_a_record_says_whose_name_it_has() -> None:
    whole = record(standard(), file_name(NAME, 43, 5), sequence=9, number=70)
    left = found(whole)
    assert left is not None
    assert left.file == Reference(70, 9)
    behind = found(bytes(5000) + whole)
    assert behind is not None
    assert behind.file == Reference(70, 9)


def test_an_attribute_without_its_record_says_nothing() -> None:
    attribute = file_name(NAME, 43, 5, created=ticks(NOON))
    for before in (b"", b"FILE" + bytes(0x20), b"FILE" + bytes(5000)):
        left = found(before + attribute)
        assert left is not None
        assert left.file is None
    # Where an attribute holds it, its times may be any.
    left = found(file_name(NAME, 43, 5, created=7))
    assert left is not None
    assert left.name.times.created == 7
    for at, value in ((0, 0x31), (8, 1), (16, 0), (20, 0x20)):
        data = bytearray(record(standard(), attribute, number=70))
        data[data.index(attribute) + at] = value
        left = found(bytes(data))
        assert left is not None
        assert left.file is None
