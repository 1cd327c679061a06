"""A pack's expression takes letters of every script, and bytes of ASCII as the engine does."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.engine.characters import ENCODINGS
from agent.engine.expressions import written
from agent.engine.scanner import PatternScanner

ATOMS = ["a", "b", "ab", r"\.", r"\\", " ", "[ab]", "[^a]", "[^ab]", r"[^\\]", ".", r"\s", r"\S", r"\d",
         r"\w", r"\W", r"[^\s]", r"[\Sx]", r"[a-c0-9]", "(a|b)", "(ab|b.)", r"\x61", r"[\x20-\x7e]", r"[^\x00-\x1f]"]  # fmt: skip
WIDE_ATOMS = ["ж", "[а-я]", "[^а-я]", "請", "[一-龥]", "(ж|é)", "😀", "[^ж]"]
REPEATS = ["", "", "?", "*", "+", "{2}", "{1,3}", "{0,5}", "{2,}"]
LETTERS = st.text("abAB .\\\t01ЖжéЯ請😀", max_size=12)


def expressions(atoms: list[str]) -> st.SearchStrategy[str]:
    pieces = st.tuples(st.sampled_from(atoms), st.sampled_from(REPEATS)).map("".join)
    return st.lists(pieces, min_size=1, max_size=4).map("".join)


def offsets(forms: tuple[str, ...], data: bytes) -> set[int]:
    scanner = PatternScanner({"p": forms})
    return {at for one in scanner.scan(data) for at, _ in one.places}


LONG_OR_LAZY = re.compile(r"[*+]|[?}]\?|,\}|[0-9]{2}\}")
"""Long repeats at the ends occur as often as they must; the engine loses places of lazy ones."""


@given(expressions(ATOMS + WIDE_ATOMS), LETTERS)
def test_what_an_expression_finds_in_a_text_it_finds_in_both_encodings(
    value: str, text: str
) -> None:
    if (found := re.search(value, text, re.ASCII)) and found[0]:
        for encoding in ENCODINGS:
            for before in (b"", b"\n"):
                data = before + text.encode(encoding)
                assert offsets(written(value, any_case=False).forms, data), encoding


@given(expressions(ATOMS), st.booleans(), st.text("abAB .\\\t01\n", max_size=12))
def test_in_ascii_an_expression_finds_what_the_engine_finds(
    value: str, any_case: bool, text: str
) -> None:
    # With a letter of ASCII in it, as two bytes of ASCII are a letter of UTF-16 too.
    value += "b"
    own = f"/{value}/{' nocase' if any_case else ''} ascii wide"
    for encoding in ENCODINGS:
        data = text.encode(encoding)
        found, expected = (
            offsets(written(value, any_case=any_case).forms, data),
            offsets((own,), data),
        )
        assert bool(found) == bool(expected)
        if not LONG_OR_LAZY.search(value):
            assert found == expected


@given(expressions(ATOMS), st.binary(max_size=20))
def test_of_other_bytes_an_expression_finds_no_less_than_the_engine(
    value: str, data: bytes
) -> None:
    if offsets((f"/{value}/ ascii wide",), data):
        assert offsets(written(value, any_case=False).forms, data)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (r"Users\\[^\\]{1,20}\\", "C:\\Users\\Жора\\x"),
        (r"Users\\[^\\]{20}\\", "C:\\Users\\абвгдежзийклмнопрсту\\x"),
        (r"key=\S{8};", "key=пароль12;"),
        (r"a.{3}b", "a請求書b"),
        (r"a.?b", "a😀b"),
        ("счёт [0-9]+", "СЧЁТ 17"),
        ("[а-я]{4}!", "ПИСЬ!"),
        ("[^x]ключ$", "мой ключ"),
        (r"\bключ\b", "(ключ)"),
        (r"a\W{2}b", "aжжb"),
    ],
)
def test_letters_of_every_script_are_crossed(value: str, text: str, encoding: str) -> None:
    assert offsets(written(value, any_case=True).forms, b"\n" + text.encode(encoding))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (r"Users\\[^\\]{1,20}\\x", "Users\\Жора\\Жора\\x"),
        ("a[^жя]b", "aЖb"),
        ("a[а-я]b", "aéb"),
        (r"a[^\x00-\x1f\x7f-\xff]{1,9}b", "aжb"),
        (r"aя\d", "aяж"),
        ("a.b", "a\nb"),
    ],
)
def test_what_an_expression_excludes_is_not_crossed(value: str, text: str, encoding: str) -> None:
    assert not offsets(written(value, any_case=True).forms, text.encode(encoding))


@pytest.mark.parametrize(
    "value",
    [
        "MSSE-([0-9]|x{2})-server",
        r"\bevil.{0,5}x",
        r"evil\xe9\xff[\x20-\xff]{4}",
        r"abc[[:alpha:]]",
        r"evil\0.",
        r"evil\u0416.",
        "evil.{0,9000}x",
        "evil[^\\s\\S].",
    ],
)
def test_what_is_of_ascii_or_cannot_be_written_stays_the_engines_own(value: str) -> None:
    assert written(value, any_case=True).forms == (f"/{value}/ nocase ascii wide",)


@pytest.mark.parametrize("value", ["(?i)a.b", "(?:a.)b", "(?<=a).b", "a.++b", "(a.b"])
def test_what_yara_refuses_is_still_refused(value: str) -> None:
    assert written(value, any_case=True) == ((f"/{value}/ nocase ascii wide",), None, False)


@pytest.mark.parametrize(
    ("value", "longest"),
    [
        ("abc", 3),
        ("a.{0,5}c", 7),
        ("(ab|c){1,3}", 6),
        ("ab.*", 2),
        ("ab.*c", None),
        ("a{20000}", None),
    ],
)
def test_the_longest_match_is_known_in_characters(value: str, longest: int | None) -> None:
    assert written(value, any_case=False).longest == longest
