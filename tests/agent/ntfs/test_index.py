"""Names in folders, from their indexes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.ntfs import NtfsError, Volume, list_folder
from agent.ntfs.reference import ROOT
from tests.agent.ntfs import properties
from tests.evidence.images import (
    BadSectors,
    fls,
    image,
    index_block,
    index_entries,
    index_root,
    make,
    mounted,
    non_resident,
    opened,
    record,
    require_tools,
    resident,
    run,
    standard,
    volume,
)

FOLDER = 40
BLOCKS = 100
"""The cluster of the folder's blocks; one block is a cluster."""


def names(of: Volume, number: int = FOLDER, told: list[str] | None = None) -> list[str]:
    problems: list[str] = []
    found = [entry.name for entry in list_folder(of, number, lambda _: True, problems)]
    if told is None:
        assert problems == []
    else:
        told += problems
    return found


def folder(*blocks: bytes, used: bytes | None, root: bytes = b"", flags: int = 3) -> bytes:
    """A volume of which the record 40 is a folder with these blocks."""
    attributes = [standard(), resident(0x90, root or index_root(index_entries([], FOLDER)), "$I30")]
    if blocks:
        count = len(blocks)
        attributes.append(
            non_resident(0xA0, 4096 * count, run(count, BLOCKS), name="$I30", last=count - 1)
        )
    if used is not None:
        attributes.append(resident(0xB0, used, "$I30"))
    made = record(*attributes, sequence=5, flags=flags)
    return image({FOLDER: made}, contents={BLOCKS: b"".join(blocks)})


def block(*names_in_it: str) -> bytes:
    return index_block(index_entries([(name, 60) for name in names_in_it], FOLDER))


def test_a_small_folder_keeps_its_names_in_its_record() -> None:
    root = index_root(index_entries([("a.pf", 60), ("Ünïcode 名.txt", 61)], FOLDER))
    data = folder(used=None, root=root)
    assert names(opened(data)) == ["a.pf", "Ünïcode 名.txt"]
    (one, _) = list_folder(opened(data), FOLDER, lambda _: True, [])
    assert (one.reference.number, one.reference.sequence) == (60, 1)


def test_only_the_names_that_are_asked_for_are_given() -> None:
    data = folder(block("a.pf", "b.txt", "c.pf"), used=b"\1")
    kept = list_folder(opened(data), FOLDER, lambda name: name.endswith(".pf"), [])
    assert [entry.name for entry in kept] == ["a.pf", "c.pf"]


def test_a_free_block_s_old_names_are_not_told() -> None:
    data = folder(block("new"), block("old"), block("newer"), used=b"\5")
    assert names(opened(data)) == ["new", "newer"]


def test_without_a_bitmap_every_block_is_read() -> None:
    data = folder(block("one"), bytes(4096), block("two"), used=None)
    assert names(opened(data)) == ["one", "two"]


def test_8_3_names_beside_long_ones_are_left_out() -> None:
    entries = index_entries([("PROGRA~1", 60)], FOLDER, space=2)[:-16]
    entries += index_entries([("Program Files", 60)], FOLDER)
    assert names(opened(folder(index_block(entries), used=b"\1"))) == ["Program Files"]


def test_a_block_that_is_lost_or_torn_is_told() -> None:
    torn = bytearray(block("kept"))
    torn[510:512] = b"\0\0"
    told: list[str] = []
    data = folder(bytes(torn), bytes(4096), block("whole"), used=b"\7")
    assert names(opened(data), told=told) == ["kept", "whole"]
    assert told == [
        "folder's index damaged: block written in part",
        "folder's index damaged: no block where one is in use",
    ]


def test_blocks_that_cannot_be_read_are_told() -> None:
    data = folder(block("x"), used=b"\1", root=index_root(index_entries([("y", 60)], FOLDER)))
    source = BadSectors(data, range(BLOCKS * 4096, BLOCKS * 4096 + 1))
    told: list[str] = []
    assert names(Volume(source), told=told) == ["y"]
    assert [problem.partition(":")[0] for problem in told] == ["folder's index cannot be read"]


def test_blocks_of_an_impossible_size_are_told() -> None:
    root = index_root(index_entries([("y", 60)], FOLDER), block=5000)
    told: list[str] = []
    assert names(opened(folder(block("x"), used=b"\1", root=root)), told=told) == ["y"]
    assert told == ["folder's index damaged: size of its blocks"]


def test_entries_without_an_end_are_told() -> None:
    entries = index_entries([("y", 60)], FOLDER)[:-16]
    told: list[str] = []
    assert names(opened(folder(used=None, root=index_root(entries))), told=told) == ["y"]
    assert told == ["folder's index damaged"]


def test_what_is_no_folder_any_more_is_refused() -> None:
    with pytest.raises(NtfsError, match="no folder any more"):
        names(opened(folder(used=None, flags=2)))
    with pytest.raises(NtfsError, match="no folder any more"):
        names(opened(folder(used=None, flags=1)))
    with pytest.raises(NtfsError, match="without an index"):
        names(opened(image({FOLDER: record(standard(), flags=3)})))


GOOD = folder(block("one", "two"), block("three"), used=b"\3")
PARTS = [(4 * 4096 + FOLDER * 1024, 1024), (BLOCKS * 4096, 8192)]
"""Where the folder's record and its blocks lie."""


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.sampled_from(PARTS), st.integers(0, 8191), st.binary(min_size=1, max_size=8)),
        min_size=1,
        max_size=12,
    )
)
def test_a_damaged_folder_ends_in_names_or_in_an_error(
    changes: list[tuple[tuple[int, int], int, bytes]],
) -> None:
    data = bytearray(GOOD)
    for (start, size), at, piece in changes:
        place = start + at % (size - 8)
        data[place : place + len(piece)] = piece
    (record_at, _), (blocks_at, length) = PARTS
    record_bytes = bytes(data[record_at : record_at + 1024])
    properties.folder_index(record_bytes, bytes(data[blocks_at : blocks_at + length]))


def test_ntfs_3g_and_the_sleuth_kit_list_the_same_names(tmp_path: Path) -> None:
    require_tools("fls")
    disk = make(tmp_path / "disk.img", 32)
    with mounted(disk) as root:
        for name in ("few", "many", "emptied"):
            (root / name).mkdir()
        (root / "few" / "a name that is longer than 8.3.txt").write_bytes(b"x")
        for number in range(1500):
            (root / "many" / f"a name of some length, number {number}, ä.txt").write_bytes(b"x")
            (root / "emptied" / f"a name of some length, number {number}.txt").write_bytes(b"x")
        for number in range(1495):
            (root / "emptied" / f"a name of some length, number {number}.txt").unlink()
        by_name = {name: (root / name).stat().st_ino for name in ("few", "many", "emptied")}
        listed = {name: sorted(os.listdir(root / name)) for name in by_name}
    with_index = volume(disk)
    known = [line.partition("\t")[2] for line in fls(disk, "-r", "-p", "-u")]
    for name, number in by_name.items():
        assert sorted(names(with_index, number & 0xFFFFFFFF)) == listed[name]
        # fls takes names that were deleted, in blocks that are free, for names in use.
        surplus = set(known) - {f"{name}/{inside}" for inside in listed[name]}
        assert any(path.startswith(f"{name}/") for path in surplus) is (name == "emptied")
        assert {f"{name}/{inside}" for inside in listed[name]} <= set(known)
    assert set(names(with_index, ROOT)) >= {"few", "many", "emptied", "$MFT", "."}
    with_index.source.close()
