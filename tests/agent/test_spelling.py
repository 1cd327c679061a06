"""One text in many spellings."""

from __future__ import annotations

import re
import sys
import time
import unicodedata

import pytest

from agent.spelling import cases_of, command_regex, fold, original_of_copy


@pytest.mark.parametrize(
    ("copy", "original"),
    [
        ("DS7002 (1).ZIP", "DS7002.ZIP"),
        ("DS7002 - COPY.ZIP", "DS7002.ZIP"),
        ("DS7002 - COPY (2).ZIP", "DS7002.ZIP"),
        ("DS7002 (1) (12).ZIP", "DS7002.ZIP"),
        ("DS7002 (1)", "DS7002"),
        ("A.B (1)", "A.B"),
        ("DS7002.ZIP", "DS7002.ZIP"),
        ("DS7002(1).ZIP", "DS7002(1).ZIP"),
        ("DS7002 (1234).ZIP", "DS7002 (1234).ZIP"),
        ("", ""),
        (" (1)", " (1)"),
    ],
)
def test_a_copy_is_told_by_its_name(copy: str, original: str) -> None:
    assert original_of_copy(copy) == original


def test_a_name_as_long_as_an_archive_allows_costs_no_time() -> None:
    started = time.perf_counter()
    for length in (60, 16_000):
        name = "A" + " (1)" * length + " (X"
        assert original_of_copy(name) == name
    assert time.perf_counter() - started < 0.5


GREEK_PAIRS = [
    *zip("ᾀᾁᾂᾃᾄᾅᾆᾇ", "ᾈᾉᾊᾋᾌᾍᾎᾏ", strict=True),
    *zip("ᾐᾑᾒᾓᾔᾕᾖᾗ", "ᾘᾙᾚᾛᾜᾝᾞᾟ", strict=True),
    *zip("ᾠᾡᾢᾣᾤᾥᾦᾧ", "ᾨᾩᾪᾫᾬᾭᾮᾯ", strict=True),
    *zip("ᾳῃῳ", "ᾼῌῼ", strict=True),
]
"""Small and capital letters with an iota subscript (UnicodeData, simple upper case)."""


def test_the_greek_pairs_are_all_that_have_one_capital_and_a_longer_upper_case() -> None:
    assert len(GREEK_PAIRS) == 27
    for small, capital in GREEK_PAIRS:
        assert (
            unicodedata.name(small)
            .replace("SMALL", "CAPITAL")
            .startswith(
                unicodedata.name(capital)
                .partition(" WITH PROSGEGRAMMENI")[0]
                .partition(" AND PROS")[0]
            )
        )
    every = [chr(code) for code in range(sys.maxunicode + 1)]
    with_title = [c for c in every if len(c.upper()) > 1 and len(c.title()) == 1 and c.title() != c]
    assert sorted(with_title) == sorted(small for small, _ in GREEK_PAIRS)


@pytest.mark.parametrize(("small", "capital"), GREEK_PAIRS)
def test_a_greek_letter_with_iota_folds_to_its_own_capital(small: str, capital: str) -> None:
    assert fold(small) == fold(capital) == capital


def test_folding_never_changes_the_number_of_characters() -> None:
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    folded = fold(every)
    assert len(folded) == len(every)
    assert fold(folded) == folded
    outside = folded[0x80:]
    assert not any(character.isascii() for character in outside)


@pytest.mark.parametrize(
    ("letter", "cases"),
    [("a", "aA"), ("Я", "яЯ"), ("é", "éÉ"), ("σ", "σΣς"), ("ᾀ", "ᾀᾈ"), ("ß", "ß"), ("請", "請"),
     ("1", "1"), ("𐐨", "𐐨𐐀"), ("ı", "ı")],
)  # fmt: skip
def test_the_cases_of_a_letter_are_all_that_fold_alike(letter: str, cases: str) -> None:
    assert cases_of(letter) == frozenset(cases)
    assert {cases_of(case) for case in cases} == {frozenset(cases)}


@pytest.mark.parametrize(
    ("piece", "line"),
    [
        ("rundll32 cyzfc.dat", 'rundll32  "cyzfc.dat"'),
        ("открой счёт", "открой\u00a0'счёт'"),
        ("die straße", "die\u3000straße"),
        ("-x «ключ»", "-x ^«ключ»"),
    ],
)
def test_a_piece_of_a_command_line_keeps_its_letters(piece: str, line: str) -> None:
    assert re.search(command_regex(piece), line)
