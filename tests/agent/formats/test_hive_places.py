from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.formats import FormatError
from agent.formats.hive import Hive
from agent.formats.hive_places import Part, Place, State, places
from tests.evidence.hives import Gone, Tree, hive
from tests.evidence.samples import sample

COMMAND = r"rundll32.exe C:\Users\jo\AppData\Local\cyzfc.dat,PointFunctionCall"
TREE: Tree = {
    "Software": {
        "Run": {
            "cyzfc": COMMAND,
            "removed": Gone("removed command"),
            "other": "quiet",
            "long": "x" * 9000 + "in the second piece",
        },
        "Removed": Gone({"inner": "value of a removed key", "Deep": {"deepest": "a" * 9000}}),
    },
    "Ключ": {},
}
MADE = hive(TREE)


def wide(text: str) -> bytes:
    return text.encode("utf-16-le")


def at(text: bytes, data: bytes = MADE) -> Place:
    """The place of a text that the hive holds once."""
    assert data.count(text) == 1
    position = data.index(text)
    return places(Hive(data), [position])[position]


def described(place: Place) -> tuple[State, Part, str | None, str | None]:
    return (
        place.state,
        place.part,
        place.key.path if place.key is not None else None,
        place.value.name if place.value is not None else None,
    )


@pytest.mark.parametrize(
    ("text", "part", "key", "value"),
    [
        (wide("PointFunctionCall"), Part.DATA, r"Software\Run", "cyzfc"),
        (b"cyzfc", Part.VALUE, r"Software\Run", "cyzfc"),
        (wide("in the second piece"), Part.DATA, r"Software\Run", "long"),
        (b"Run", Part.KEY, r"Software\Run", None),
        (wide("Ключ"), Part.KEY, "Ключ", None),
    ],
)
def test_a_position_tells_its_key_and_value(
    text: bytes, part: Part, key: str, value: str | None
) -> None:
    assert described(at(text)) == (State.IN_USE, part, key, value)


@pytest.mark.parametrize(
    ("text", "part", "key", "value"),
    [
        (wide("removed command"), Part.DATA, r"Software\Run", "removed"),
        (b"removed", Part.VALUE, r"Software\Run", "removed"),
        (wide("value of a removed key"), Part.DATA, r"Software\Removed", "inner"),
        (b"Removed", Part.KEY, r"Software\Removed", None),
        (b"Deep", Part.KEY, r"Software\Removed\Deep", None),
    ],
)
def test_what_was_deleted_is_told_as_deleted_with_the_key_it_was_in(
    text: bytes, part: Part, key: str, value: str | None
) -> None:
    assert described(at(text)) == (State.DELETED, part, key, value)


def test_what_is_left_of_a_deleted_value_is_read() -> None:
    short, long = at(wide("removed command")), MADE.index(wide("a" * 400))
    deepest = places(Hive(MADE), [long])[long]

    assert short.value is not None
    assert (short.value.is_deleted, short.value.text) == (True, "removed command")
    assert deepest.value is not None
    assert deepest.value.text == "a" * 9000


def test_the_second_piece_of_a_deleted_long_value_is_still_its() -> None:
    position = MADE.index(wide("a" * 400)) + 2 * 8500
    place = places(Hive(MADE), [position])[position]

    assert described(place) == (State.DELETED, Part.DATA, r"Software\Removed\Deep", "deepest")


def test_a_deleted_value_whose_record_is_gone_is_still_deleted() -> None:
    data = bytearray(MADE)
    record = MADE.index(b"removed") - 20
    data[record : record + 20] = bytes(20)

    assert described(at(wide("removed command"), bytes(data))) == (
        State.DELETED,
        Part.OTHER,
        None,
        None,
    )


def test_a_key_that_nothing_reaches_any_more_counts_as_deleted() -> None:
    data = bytearray(hive({"a": {"v": "lost text"}, "b": {}}))
    root = struct.unpack_from("<I", data, 36)[0] + 4096 + 4
    struct.pack_into("<I", data, root + 20, 0)

    place = at(wide("lost text"), bytes(data))
    assert described(place) == (State.DELETED, Part.DATA, "a", "v")


def test_a_list_of_keys_in_use_is_not_taken_for_deleted() -> None:
    data = hive({"a": {}, "b": {}}, leaf=1)
    position = data.index(b"lh\x01")

    place = places(Hive(data), [position])[position]
    assert described(place) == (State.IN_USE, Part.OTHER, None, None)


def test_what_lies_outside_of_cells_has_no_key() -> None:
    found = places(Hive(MADE), [0, 4100, len(MADE) + 10])

    assert {place.state for place in found.values()} == {State.NO_CELL}
    assert len(found) == 3


def test_the_offset_of_the_cell_is_told() -> None:
    place = at(wide("PointFunctionCall"))
    assert place.cell is not None

    cell = Hive(MADE).cells.cell_around(place.position)
    assert cell is not None
    assert place.cell == cell.offset
    assert 4096 + cell.offset < place.position < 4096 + cell.offset + cell.size


def test_a_deleted_service_of_a_real_hive_is_found_with_its_name() -> None:
    data = sample("registry/SYSTEM_WIN_10_1709.xz")
    hive_ = Hive(data)
    word, positions, start = wide("svchost.exe"), [], 0
    while (start := data.find(word, start)) >= 0:
        positions.append(start)
        start += 1
    found = [place for place in places(hive_, positions).values() if place.state is State.DELETED]

    assert len(found) == 25
    assert hive_.key(r"ControlSet001\Services\CDPUserSvc_152e8d1") is None
    assert (r"ControlSet001\Services\CDPUserSvc_152e8d1", "ImagePath") in {
        (place.key.path, place.value.name) for place in found if place.key and place.value
    }


SMALL = hive({"Run": {"a": "text", "gone": Gone("gone text")}, "Gone": Gone({"v": "w" * 20})})


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 1400), st.integers(0, 255)), max_size=30),
    st.lists(st.integers(0, 9000), min_size=1, max_size=10),
)
def test_any_position_of_a_damaged_hive_has_a_place(
    damage: list[tuple[int, int]], positions: list[int]
) -> None:
    data = bytearray(SMALL)
    for offset, value in damage:
        data[4096 + offset] = value
    with suppress(FormatError):
        hive_ = Hive(bytes(data))
        assert set(places(hive_, positions)) == set(positions)
