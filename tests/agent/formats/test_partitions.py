"""Which partitions a disk has, and what is said where its tables are damaged."""

from __future__ import annotations

import random

import pytest

from agent.formats import FormatError
from agent.formats.gpt import BY_ITS_COPY, CUT_OFF, DAMAGED
from agent.formats.kinds import DISK, kind_of
from agent.formats.partitions import Partition, partitions
from tests.evidence.partitioned import BASIC, MIB, RESERVED, gpt, laid, mbr

VOLUME = b"v" * 8192


def read_of(data: bytes) -> list[Partition] | tuple[list[Partition], str]:
    """The partitions, and what is wrong."""
    found: list[Partition] = []
    try:
        found.extend(partitions(lambda at, size: data[at : at + size], len(data)))
    except FormatError as error:
        return found, error.what
    return found


def places(found: list[Partition]) -> list[tuple[int, int, int]]:
    return [(one.number, one.start, one.size) for one in found]


BOTH = [(1, MIB, 8192), (2, 2 * MIB, 8192)]


def changed(disk: bytes, at: int, value: bytes) -> bytes:
    return disk[:at] + value + disk[at + len(value) :]


@pytest.mark.parametrize("sector", [512, 4096])
class TestGpt:
    def test_whole(self, sector: int) -> None:
        found = read_of(gpt((BASIC, VOLUME), (RESERVED, VOLUME), sector=sector))
        assert isinstance(found, list)
        assert places(found) == BOTH
        assert [one.reserved for one in found] == [False, True]

    @pytest.mark.parametrize(
        ("at", "value"),
        [
            (lambda sector: 2 * sector + 128, bytes(16)),  # an entry that is gone
            (lambda sector: 2 * sector + 128 + 32, b"\xff"),  # one that begins elsewhere
            (lambda sector: sector + 80, b"\1"),  # fewer entries
            (lambda sector: sector + 72, b"\xff"),  # entries elsewhere
            (lambda sector: sector + 84, b"\0\0\0\0"),  # entries of no size
            (lambda sector: sector, bytes(8)),  # no header
            (lambda sector: 0, bytes(9000)),  # nothing of the first sectors
        ],
    )
    def test_where_the_first_table_is_damaged_its_copy_is_read_and_that_is_said(
        self, sector: int, at: object, value: bytes
    ) -> None:
        assert callable(at)
        disk = changed(gpt((BASIC, VOLUME), (BASIC, VOLUME), sector=sector), at(sector), value)
        told = read_of(disk)
        assert isinstance(told, tuple)
        assert (places(told[0]), told[1]) == (BOTH, BY_ITS_COPY)
        kind = kind_of(disk[:4096], len(disk), "", lambda at, n: disk[at : at + n], given=True)
        assert kind is DISK

    def test_where_both_are_what_is_left_is_given(self, sector: int) -> None:
        disk = gpt((BASIC, VOLUME), (BASIC, VOLUME), sector=sector)
        disk = changed(changed(disk, 2 * sector + 128, bytes(16)), len(disk) - sector + 16, b"____")
        told = read_of(disk)
        assert isinstance(told, tuple)
        assert (places(told[0]), told[1]) == (BOTH[:1], DAMAGED)

    def test_a_disk_that_ends_early_is_said_to(self, sector: int) -> None:
        told = read_of(gpt((BASIC, VOLUME), (BASIC, VOLUME), sector=sector)[: 3 * MIB])
        assert isinstance(told, tuple)
        assert (places(told[0]), told[1]) == (BOTH, CUT_OFF)

    def test_a_copy_behind_another_table_is_of_what_the_disk_was(self, sector: int) -> None:
        disk = gpt((BASIC, VOLUME), sector=sector)
        data = mbr((7, 2048, 16)) + bytes(MIB - 512) + disk[MIB:]
        found = read_of(data)
        assert isinstance(found, list)
        assert places(found) == [(1, MIB, 8192)]
        assert not found[0].beside_gpt


def test_no_changed_bit_of_a_gpt_loses_a_partition_without_a_word() -> None:
    disk = gpt((BASIC, VOLUME), (BASIC, VOLUME))
    chance = random.Random(5)
    for _ in range(300):
        at = chance.randrange(512, 1024 + 256)
        told = read_of(changed(disk, at, bytes([disk[at] ^ 1 << chance.randrange(8)])))
        found = told if isinstance(told, list) else told[0]
        assert places(found) == BOTH


class TestMasterBootRecord:
    def test_a_damaged_logical_drive_takes_no_primary_one_with_it(self) -> None:
        disk = laid((0, mbr((5, 100, 100), (7, 2048, 16))), (MIB, VOLUME))
        told = read_of(disk)
        assert isinstance(told, tuple)
        assert (places(told[0]), told[1]) == (
            [(2, MIB, 8192)], "damaged table of a logical drive",
        )  # fmt: skip

    def test_the_drives_of_two_extended_ones_have_numbers_of_their_own(self) -> None:
        inner = mbr((7, 8, 16))
        disk = laid((0, mbr((5, 100, 100), (15, 300, 100))), (51_200, inner), (153_600, inner))
        found = read_of(disk)
        assert isinstance(found, list)
        assert places(found) == [(5, 55_296, 8192), (6, 157_696, 8192)]

    def test_tables_that_go_round_are_given_once(self) -> None:
        inner = mbr((7, 8, 16), (5, 0, 100))
        told = read_of(laid((0, mbr((5, 100, 100), (7, 2048, 16))), (51_200, inner)))
        assert isinstance(told, tuple)
        assert (places(told[0]), told[1]) == (
            [(2, MIB, 8192), (5, 55_296, 8192)], "tables of logical drives that go round",
        )  # fmt: skip
