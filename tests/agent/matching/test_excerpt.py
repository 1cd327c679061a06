"""What stands around a hit, as a person reads it: whole words of its own line and field."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.matching.byte_rules import excerpt

NAME = "cyzfc.dat"
ENCODINGS = pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])


def around(text: str, encoding: str, hit: str = NAME) -> str:
    at = len(text[: text.index(hit)].encode(encoding))
    return excerpt(text.encode(encoding), at, len(hit.encode(encoding)))


@ENCODINGS
def test_a_short_line_is_whole_and_has_no_mark(encoding: str) -> None:
    assert around(f"one\nGet-Item {NAME} -Force\ntwo", encoding) == f"Get-Item {NAME} -Force"


@ENCODINGS
def test_a_long_line_is_cut_between_words_and_marked(encoding: str) -> None:
    shown = around(f"{'alpha beta ' * 30}{NAME}{' gamma delta' * 30}", encoding)
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    words = set(shown.strip("…").split())
    assert words == {"alpha", "beta", NAME, "gamma", "delta"}


@ENCODINGS
def test_a_long_path_is_cut_between_its_folders(encoding: str) -> None:
    shown = around("C:\\" + "folder\\" * 40 + NAME, encoding)
    assert shown.startswith("…\\folder\\")
    assert shown.endswith(f"\\folder\\{NAME}")


@ENCODINGS
@pytest.mark.parametrize("border", ["\n", "\0", "\x01"])
def test_the_field_beside_it_is_not_shown(border: str, encoding: str) -> None:
    assert around(f"other{border}run {NAME} now{border}next", encoding) == f"run {NAME} now"


@ENCODINGS
def test_one_word_without_end_is_shown_as_far_as_there_is_room(encoding: str) -> None:
    shown = around(f"{'A' * 500}{NAME}{'B' * 500}", encoding)
    assert shown.startswith("…AAA")
    assert f"A{NAME}B" in shown
    assert shown.endswith("BBB…")


def test_letters_before_it_that_take_several_bytes_do_not_move_its_line() -> None:
    assert around(f"é\nüüüüüüüüüü {NAME}\nnext line", "utf-8") == f"üüüüüüüüüü {NAME}"


def test_a_hit_of_many_letters_is_cut_and_marked() -> None:
    shown = excerpt(b"A" * 1000, 0, 1000)
    assert shown.endswith("A…")
    assert len(shown) == 256


@given(st.binary(max_size=900), st.integers(0, 900), st.integers(0, 900))
def test_any_bytes_have_a_short_excerpt(data: bytes, offset: int, length: int) -> None:
    shown = excerpt(data, min(offset, len(data)), length)
    assert len(shown) <= 256
    assert not any(ord(character) < 32 and character != "\t" for character in shown)
