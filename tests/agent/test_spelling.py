"""One text in many spellings."""

from __future__ import annotations

import ipaddress
import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.spelling import (
    cases_of,
    command_regex,
    domain_forms,
    example_path,
    fold,
    fold_domain,
    is_address,
    originals_of_copy,
    path_regex,
    plain_address,
    unbroken,
    url_parts,
)


@given(st.text("0123456789abcdef:.%xz²٣", max_size=18) | st.ip_addresses().map(str))
def test_an_address_is_what_the_standard_library_takes_for_one(text: str) -> None:
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        assert not is_address(text)
    else:
        assert is_address(text)


def furthest(folded: str) -> str:
    return list(originals_of_copy(folded))[-1]


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
        ("DS7002(1).ZIP", "DS7002.ZIP"),
        ("DS7002[1].ZIP", "DS7002.ZIP"),
        ("DS7002 - KOPIE.ZIP", "DS7002.ZIP"),
        ("DS7002 - COPIE (3).ZIP", "DS7002.ZIP"),
        ("DS7002 — КОПИЯ.ZIP", "DS7002.ZIP"),
        ("DS7002 - ΑΝΤΙΓΡΑΦΉ.ZIP", "DS7002.ZIP"),
        ("DS7002 - 副本.ZIP", "DS7002.ZIP"),
        ("DS7002 - FINAL.ZIP", "DS7002 - FINAL.ZIP"),
        ("DS7002[X].ZIP", "DS7002[X].ZIP"),
        ("DS7002 (1234).ZIP", "DS7002 (1234).ZIP"),
        ("", ""),
        (" (1)", " (1)"),
    ],
)
def test_a_copy_is_told_by_its_name(copy: str, original: str) -> None:
    assert furthest(copy) == original


def test_each_mark_of_a_copy_may_be_the_names_own() -> None:
    names = ["INVOICE (2) (1).PDF", "INVOICE (2).PDF", "INVOICE.PDF"]
    assert list(originals_of_copy(names[0])) == names


def test_what_explorer_writes_behind_a_dash_is_folded() -> None:
    for word in ("Copy", "Kopie", "копия", "Αντιγραφή", "Cópia", "másolat", "コピー"):
        assert furthest(fold(f"a - {word}.zip")) == "A.ZIP"


def test_a_name_longer_than_a_file_may_have_is_no_copy() -> None:
    for end in ("", " (X"):
        name = "A" + " (1)" * 16_000 + end
        assert list(originals_of_copy(name)) == [name]


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


@pytest.mark.parametrize(
    ("url", "host", "rest"),
    [
        ("https://pandorasong.com", "pandorasong.com", ""),
        ("https://pandorasong.com?x=1", "pandorasong.com", "?x=1"),
        ("https://pandorasong.com#a", "pandorasong.com", "#a"),
        ("https://pandorasong.com\\a", "pandorasong.com", "/a"),
        ("https:\\\\pandorasong.com/a", "pandorasong.com", "/a"),
        ("https:pandorasong.com/a", "pandorasong.com", "/a"),
        ("pandorasong.com/a", "pandorasong.com", "/a"),
        ("pandorasong.com:443/a", "pandorasong.com", "/a"),
        ("pandorasong.com:443", "pandorasong.com", ""),
        ("//pandorasong.com/a", "pandorasong.com", "/a"),
        ("HTTPS://user:word@PandoraSong.com:8443/A", "pandorasong.com", "/a"),
        ("https://x@y@pandorasong.com/", "pandorasong.com", "/"),
        ("https://pandora%73ong.com/%61", "pandorasong.com", "/a"),
        (" https://pandora\tsong.com/ ", "pandorasong.com", "/"),
        ("https://[2001:db8::1]:443/a", "2001:db8::1", "/a"),
        ("https://evil.example/?u=https://pandorasong.com", "evil.example", None),
        ("https://evil.example#@pandorasong.com", "evil.example", None),
        ("about:blank", "blank", ""),
        ("", "", ""),
    ],
)
def test_the_host_of_a_url_is_the_one_that_a_browser_asks_for(
    url: str, host: str, rest: str | None
) -> None:
    parts = url_parts(url)
    assert parts.host == host
    assert rest is None or parts.rest == rest


@given(st.text(max_size=80))
def test_any_url_has_parts(text: str) -> None:
    parts = url_parts(text)
    assert not set("/\\?#").intersection(parts.scheme)


@pytest.mark.parametrize(
    ("name", "forms"),
    [
        ("straße.example", ("xn--strae-oqa.example", "strasse.example")),
        ("STRASSE.example.", ("strasse.example",)),
        ("βόλος.com", ("xn--nxasmm1c.com", "xn--nxasmq6b.com")),
        ("пример。рф", ("xn--e1afmkfd.xn--p1ai",)),
        ("ｐａｎｄｏｒａｓｏｎｇ.com", ("pandorasong.com",)),
        ("_x.пример.рф", ("_x.xn--e1afmkfd.xn--p1ai",)),
    ],
)
def test_a_domain_has_a_form_by_each_idna(name: str, forms: tuple[str, ...]) -> None:
    assert domain_forms(name) == forms
    assert fold_domain(name) == forms[0]


@given(st.text(max_size=70))
def test_any_domain_has_a_form(name: str) -> None:
    assert 1 <= len(domain_forms(name)) <= 2


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("c^y^z^f^c.d^a^t", "cyzfc.dat"),
        ('"cyz"fc.dat', '"cyzfc.dat'),
        ('cyz""fc.d"a"t', "cyzfc.dat"),
        ("c`yzfc.dat", "cyzfc.dat"),
        ("'cyz'+'fc.dat'", "'cyzfc.dat'"),
        ('"cyz" + "fc.dat"', '"cyzfc.dat"'),
        ("'FromBase'+0x40+'String'", "'FromBase'+0x40+'String'"),
        ('"a b" "c d"', '"a b" "c d"'),
        ('"a","b"', '"a","b"'),
    ],
)
def test_words_are_put_together_again(text: str, plain: str) -> None:
    assert unbroken(text) == plain


@pytest.mark.parametrize(
    ("value", "path", "holds"),
    [
        (r"**\evil.exe", r"C:\Users\jo\evil.exe", True),
        (r"**\**\evil.exe", r"C:\evil.exe", True),
        (r"**\evil.exe", r"C:\Users\noevil.exe", False),
        (r"?:\Users\*\evil.exe", r"D:\Users\jo\evil.exe", True),
        (r"*:\evil.exe", r"D:\a\evil.exe", False),
        (r"Prog*\evil.exe", r"C:\ProgramData\evil.exe", True),
        (r"Prog*\evil.exe", r"C:\ProgramData\a\evil.exe", False),
        ("evil*.exe", r"C:\a\evil-2.exe", True),
    ],
)
def test_the_first_step_of_a_path_may_have_wildcards(value: str, path: str, holds: bool) -> None:
    assert (path_regex(value).search(fold(path)) is not None) == holds
    assert path_regex(value).search(fold(example_path(value)))


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("::ffff:95.216.59.92", "95.216.59.92"), ("::FFFF:5fd8:3b5c", "95.216.59.92"),
        ("::ffff:0:0/96", "0.0.0.0/0"), ("::ffff:0:0/95", "::ffff:0:0/95"),
        ("::ffff:10.0.0.1/104", "::ffff:10.0.0.1/104"), ("::1", "::1"), ("95.216.59.92", "95.216.59.92"),
        ("fe80::1%eth0", "fe80::1%eth0"), ("a:b", "a:b"), ("", ""),
    ],
)  # fmt: skip
def test_an_address_of_version_4_in_the_form_of_6_is_that_of_4(written: str, plain: str) -> None:
    assert plain_address(written) == plain
