"""A set of characters written out in bytes holds its own and no other."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.engine.characters import ENCODINGS, Characters, Encoding

CHARACTERS = st.characters(exclude_categories=["Cs"])
CODES = CHARACTERS.map(ord)
RANGES = st.lists(st.tuples(CODES, CODES).map(lambda ends: (min(ends), max(ends))), max_size=4)


def takes(these: Characters, character: str, encoding: Encoding) -> bool:
    try:
        expression = these.spelled(encoding)
    except ValueError:
        return False
    spelled = re.compile(expression.encode(), re.DOTALL)
    return spelled.fullmatch(character.encode(encoding)) is not None


def holds(ranges: list[tuple[int, int]], character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in ranges)


@given(RANGES, CHARACTERS, st.sampled_from(ENCODINGS))
def test_ranges_hold_what_lies_in_them(
    ranges: list[tuple[int, int]], character: str, encoding: Encoding
) -> None:
    assert takes(Characters.of(ranges), character, encoding) == holds(ranges, character)


@given(RANGES, CHARACTERS, st.sampled_from(ENCODINGS))
def test_their_opposite_holds_all_others(
    ranges: list[tuple[int, int]], character: str, encoding: Encoding
) -> None:
    others = Characters.of(ranges).negated()
    assert takes(others, character, encoding) != holds(ranges, character)


@given(RANGES, CODES, st.sampled_from(ENCODINGS))
def test_the_ends_of_ranges_belong_to_them_and_their_neighbours_do_not(
    ranges: list[tuple[int, int]], code: int, encoding: Encoding
) -> None:
    one = Characters.of([(code, code)])
    assert takes(one, chr(code), encoding)
    for other in (code - 1, code + 1, code ^ 0x40, code ^ 0x100, code ^ 0x10000):
        if 0 <= other <= 0x10FFFF and not 0xD800 <= other < 0xE000:
            assert not takes(one, chr(other), encoding)


@pytest.mark.parametrize(
    ("ranges", "also"),
    [
        ([(0x61, 0x61)], "A"),
        ([(0x430, 0x44F)], "Я"),
        ([(0x1F80, 0x1F80)], "ᾈ"),
        ([(0x3C3, 0x3C3)], "ς"),
    ],
)
def test_any_case_holds_what_folds_alike(ranges: list[tuple[int, int]], also: str) -> None:
    assert not takes(Characters.of(ranges), also, "utf-16-le")
    assert takes(Characters.of(ranges, any_case=True), also, "utf-16-le")
    assert not takes(Characters.of(ranges, any_case=True).negated(), also, "utf-8")


def test_all_but_some_of_ascii_hold_the_high_bytes_of_a_code_page_and_half_a_pair() -> None:
    these = Characters.all_but_ascii(frozenset(b"x"))
    narrow = re.compile(these.spelled("utf-8").encode(), re.DOTALL)
    wide = re.compile(these.spelled("utf-16-le").encode(), re.DOTALL)
    assert all(narrow.fullmatch(bytes([byte])) for byte in range(256) if byte != ord("x"))
    assert not narrow.fullmatch(b"x")
    assert wide.fullmatch(b"\x00\xd8")
    assert not wide.fullmatch(b"x\x00")


def test_bytes_stand_for_themselves_and_their_opposite_is_one_of_bytes() -> None:
    printable = (
        Characters.of([(0, 0x1F)]) | Characters(raw=frozenset(range(0x80, 0x100)))
    ).negated()
    assert takes(printable, "a", "utf-8")
    assert not takes(printable, "\t", "utf-8")
    assert not takes(printable, "Ж", "utf-8")
    assert not takes(printable, "Ж", "utf-16-le")
    latin = Characters(raw=frozenset({0xE9}))
    assert (latin.spelled("utf-8"), latin.spelled("utf-16-le")) == (r"\xe9", r"\xe9\x00")


def test_no_character_cannot_be_spelled() -> None:
    nothing = Characters.all_but_ascii(frozenset()).negated()
    with pytest.raises(ValueError, match="no character"):
        nothing.spelled("utf-8")
