"""Hives made to keep their reader busy: what any user can write into his own is enough for some."""

from __future__ import annotations

import struct

import pytest

from agent.formats import FormatError
from agent.formats.hive import SHORT, Hive
from agent.formats.hive_cells import Cells, Tries, pieces_at
from agent.formats.hive_logs import BASE_BLOCK
from agent.formats.hive_places import places
from agent.formats.hive_text import text_of
from tests.evidence.hives import Gone, hive

PIECES = 4000
LONG = "x" * 8168 + "cyzfc.dat" + "y" * 9000


def lists_that_lead_nowhere(heads: int) -> bytes:
    """Values of a user's: one full of what looks like heads of long values, all of which name the
    list in another, of which the last piece is none."""
    marks = (b"HEAD" * 4096, b"LIST" * 4096, b"PIEC" * 4096)
    data = bytearray(hive({str(name): mark[:16_344] for name, mark in enumerate(marks)}))
    head, listed, piece = (data.index(mark[:64]) for mark in marks)
    for number in range(heads):
        struct.pack_into("<2sHI", data, head + 8 * number, b"db", PIECES, listed - 4 - BASE_BLOCK)
    pieces = [piece - 4 - BASE_BLOCK] * (PIECES - 1) + [piece - BASE_BLOCK]
    struct.pack_into(f"<{PIECES}I", data, listed, *pieces)
    return bytes(data)


def test_heads_of_long_values_that_name_one_list_are_not_all_followed_and_that_is_said() -> None:
    data = lists_that_lead_nowhere(heads=1)
    assert not text_of(data).unjoined

    assert text_of(lists_that_lead_nowhere(heads=64)).unjoined


@pytest.mark.parametrize("content", [LONG, Gone(LONG)], ids=["kept", "deleted"])
def test_honest_long_values_are_all_joined(content: str | Gone) -> None:
    tree = {str(number): {"v": content} for number in range(8)}

    assert not text_of(hive(tree)).unjoined


def test_what_was_tried_counts_though_it_led_nowhere() -> None:
    data = lists_that_lead_nowhere(heads=1)
    tries = Tries(data)
    before = tries.left
    at = next(at for at in range(BASE_BLOCK + 4, len(data), 8) if data[at : at + 2] == b"db")

    assert pieces_at(data, at, tries) == []
    assert tries.left == before - PIECES
    assert not tries.ended


def test_a_list_of_values_that_all_keys_name_is_not_read_for_each() -> None:
    long = {"long": {f"v{number}": "" for number in range(SHORT + 40)}}
    data = bytearray(hive({**long, **{f"k{number:04}": {} for number in range(200)}}))
    cells = Cells(bytes(data))
    found = Hive(bytes(data))
    named = found.key("long")
    assert named is not None
    at = BASE_BLOCK + 4 + named.offset
    count, listed = struct.unpack_from("<II", data, at + 36)
    for key in found.root.subkeys():
        struct.pack_into("<II", data, BASE_BLOCK + 4 + key.offset + 36, count, listed)
    hostile = Hive(bytes(data))
    read = sum(1 for key in hostile.root.subkeys() for _ in key.values())

    assert read <= 2 * cells.room_for(4) + count
    assert any("overlapping lists" in problem for problem in hostile.problems)


def test_a_long_list_is_read_again_and_again_by_its_own_key() -> None:
    found = Hive(hive({"long": {f"v{number}": "" for number in range(SHORT + 40)}}))
    key = found.key("long")
    assert key is not None

    assert all(key.value(f"V{number % 90}") is not None for number in range(200))
    assert found.problems == []


def test_of_a_cell_no_more_is_taken_than_is_asked_for() -> None:
    data = hive({"v": "x" * 6000})
    value = Hive(data).root.value("v")
    assert value is not None
    cell = data.index("xxxx".encode("utf-16-le")) - 4 - BASE_BLOCK

    assert len(Cells(data).content(cell, 8)) == 8
    assert len(Cells(data).content(cell)) >= 12_000


def test_a_long_value_whose_cell_is_too_small_for_a_list_is_what_is_there() -> None:
    data = bytearray(hive({"v": b"db??", "long": "x" * 9000}))
    small = data.index(b"db??") - 4
    struct.pack_into("<i", data, small, -8)
    vk = next(
        at
        for at in range(BASE_BLOCK, len(data))
        if data[at : at + 2] == b"vk" and data[at + 20 : at + 24] == b"long"
    )
    struct.pack_into("<I", data, vk + 8, small - BASE_BLOCK)
    value = Hive(bytes(data)).root.value("long")
    assert value is not None

    assert value.data == b"db??"


def test_pieces_of_a_deleted_value_are_put_together_once() -> None:
    data = hive({"a": {"v": Gone("y" * 20_000)}})
    at = data.index("yyyy".encode("utf-16-le"))
    place = places(Hive(data), [at])[at]
    assert place.value is not None

    assert place.value.data == ("y" * 20_000 + "\0").encode("utf-16-le")[: place.value.size]


def test_a_cell_is_found_whatever_was_asked_before() -> None:
    data = hive({f"k{number:03}": {"v": f"text {number:03}"} for number in range(300)})
    positions = [data.index(f"text {number:03}".encode("utf-16-le")) for number in range(300)]
    cells = Cells(data)

    forward = [cells.cell_around(position) for position in positions]
    assert None not in forward
    assert [cells.cell_around(position) for position in reversed(positions)] == forward[::-1]
    assert [Cells(data).cell_around(position) for position in positions] == forward


def test_a_record_of_no_kind_is_refused_where_its_cell_is_long() -> None:
    data = hive({"v": "x" * 6000})
    cell = data.index("xxxx".encode("utf-16-le")) - 4 - BASE_BLOCK
    with pytest.raises(FormatError, match="no key"):
        Cells(data).key(cell)
