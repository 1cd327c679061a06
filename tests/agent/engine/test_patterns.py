"""Names, domains, command lines and contents of any script are found as a host writes them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.engine.patterns import BytePattern, patterns_of
from agent.engine.scanner import PatternScanner
from agent.indicators import (
    Address,
    CommandLine,
    Content,
    Domain,
    FileHash,
    FileName,
    Indicator,
    Pipe,
    Url,
)
from agent.model.report import Strength
from agent.spelling import fold

COMMON: dict[str, Any] = {
    "id": "x",
    "strength": Strength.STRONG,
    "reference": ["R"],
    "status": "SRC",
}
ENCODINGS = ["utf-8", "utf-16-le"]


def places(pattern: BytePattern, data: bytes) -> list[tuple[int, int]]:
    scanner = PatternScanner({"p": pattern.forms})
    return [
        place
        for one in scanner.scan(data)
        for place in one.places
        if pattern.check is None or pattern.check(data, *place)
    ]


def occurs(indicator: Indicator, data: bytes) -> bool:
    patterns = patterns_of(indicator)
    assert patterns
    return all(places(pattern, data) for pattern in patterns)


def named(value: str) -> FileName:
    return FileName(value=value, **COMMON)


def content(value: str, match: Any = "text") -> Content:
    return Content(value=value, match=match, **COMMON)


def lowered(text: str) -> str:
    """Each letter small, where that is the same name to NTFS."""
    return "".join(low if len(low := c.lower()) == 1 and fold(low) == fold(c) else c for c in text)


NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn"], exclude_characters='\\/:*?"<>|'),
    min_size=1,
    max_size=8,
).map(lambda stem: f"{stem}.exe")
SCRIPTS = "abzABZéÉßçñЖжяЁёΣσςᾀᾈαΩİıſK請求書ひらカनीאבعر가ა𐐨𐐀😀𠮷𝒜"
"""With letters whose cases are odd, and some outside the first plane."""
ODD_NAMES = st.text(SCRIPTS, min_size=1, max_size=8).map(lambda stem: f"{stem}.exe")
ALNUM = st.characters(categories=["Lu", "Ll", "Lo", "Nd"])


# Exact names.


@given(
    NAMES | ODD_NAMES,
    st.sampled_from([str, fold, lowered]),
    st.sampled_from(ENCODINGS),
    st.binary(max_size=5),
)
def test_a_name_is_found_in_each_case_and_encoding_at_any_offset(
    name: str, case: Any, encoding: str, before: bytes
) -> None:
    data = before + f" {case(name)} ".encode(encoding)
    (pattern,) = patterns_of(named(name))
    start = len(before) + len(" ".encode(encoding))
    length = len(case(name).encode(encoding))
    assert (start, length) in places(pattern, data)
    assert pattern.longest is not None
    assert length <= pattern.longest


@given(NAMES | ODD_NAMES, st.sampled_from([str, fold, lowered]), ALNUM, st.sampled_from(ENCODINGS))
def test_a_name_outside_ascii_is_not_found_in_a_longer_word(
    name: str, case: Any, neighbour: str, encoding: str
) -> None:
    if name.isascii():
        name = "ж" + name
    for longer in (neighbour + case(name), case(name) + neighbour):
        assert not occurs(named(name), f"({longer})".encode(encoding))


@given(NAMES | ODD_NAMES, st.sampled_from(ENCODINGS), st.sampled_from([str, fold, lowered]))
def test_a_cut_at_any_place_loses_no_name(name: str, encoding: str, case: Any) -> None:
    (pattern,) = patterns_of(named(name))
    scanner = PatternScanner({"p": pattern.forms})
    data = b"\0\0\0" + f" {case(name)} ".encode(encoding) + b"\0\0\0"
    assert pattern.longest is not None
    for cut in range(len(data) + 1):
        first, second = data[:cut], data[max(0, cut - pattern.longest + 1) :]
        assert scanner.scan(first) or scanner.scan(second), cut


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("счёт.exe", "C:\\Users\\Жора\\СЧЁТ.exe,1"),
        ("résumé.exe", "a RÉSUMÉ.EXE b"),
        ("請求書.zip", "\\請求書.zip"),
        ("😀.exe", '"😀.EXE"'),
        ("ᾀβγ.doc", "/ᾈΒΓ.DOC"),
        ("𠮷野家.pdf", "𠮷野家.PDF"),
    ],
)
def test_a_name_of_any_script_is_found(name: str, text: str, encoding: str) -> None:
    assert occurs(named(name), text.encode(encoding))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    "text",
    ["расчёт.exe", "счёт.exeя", "счёт.exe1", "счет.exe", "𐐨счёт.exe", "счёт.exe𠮷", "9счёт.exe"],
)
def test_another_name_or_a_longer_word_is_not(text: str, encoding: str) -> None:
    assert not occurs(named("счёт.exe"), f" {text} ".encode(encoding))


def test_a_name_whose_utf_16_reads_as_ascii_is_judged_by_its_utf_16_neighbours() -> None:
    indicator = named("慢慢")
    assert "慢慢".encode("utf-16-le").isascii()
    assert occurs(indicator, b"1 " + " 慢慢 ".encode("utf-16-le"))
    assert occurs(indicator, "«慢慢»".encode("utf-16-le"))
    assert not occurs(indicator, " 慢慢ж ".encode("utf-16-le"))


# What is of ASCII stays as it was.


@pytest.mark.parametrize(
    ("indicator", "forms"),
    [
        (named("cyzfc.dat"), ['"cyzfc.dat" nocase ascii wide fullword']),
        (content('a "b\\'), ['"a \\"b\\\\" nocase ascii wide']),
        (content("a\tb"), ['"a\\x09b" nocase ascii wide']),
        (content("deadbeef", "hex"), ["{ deadbeef }"]),
        (content("S-1-5-21-[0-9]{4}/x", "regex"), ["/S-1-5-21-[0-9]{4}\\/x/ nocase ascii wide"]),
        (
            Domain(value="pandorasong.com", **COMMON),
            ['"pandorasong.com" nocase ascii wide fullword'],
        ),
        (Url(value="https://a.example/x", **COMMON), ['"https://a.example/x" nocase ascii wide']),
        (Address(value="192.0.2.7", **COMMON), ['"192.0.2.7" nocase ascii wide fullword']),
        (
            CommandLine(value=["a.dat, B", "c"], **COMMON),
            ["/a\\x2edat[\\s\\\"',^`]{1,16}B/ nocase ascii wide", "/c/ nocase ascii wide"],
        ),
        (Pipe(value="MSSE-[0-9]{4}-server", example="x", **COMMON), ["/MSSE-[0-9]{4}-server/ ascii wide"]),
    ],
)  # fmt: skip
def test_of_ascii_the_engine_is_asked_for_plain_patterns(
    indicator: Indicator, forms: list[str]
) -> None:
    patterns = patterns_of(indicator)
    assert [form for pattern in patterns for form in pattern.forms] == forms
    assert all(pattern.check is None for pattern in patterns)


@pytest.mark.parametrize(
    ("indicator", "text", "whole_word"),
    [
        (named("cyzfc.dat"), "cyzfc.dat", True),
        (Domain(value="a.example", **COMMON), "a.example", True),
        (Address(value="192.0.2.7", **COMMON), "192.0.2.7", True),
        (Url(value="https://a.example/x", **COMMON), "https://a.example/x", False),
        (content("two words"), "two words", False),
        (named("*.dat"), None, False),
        (named("счёт.exe"), None, False),
        (Domain(value="bücher.example.com", **COMMON), None, False),
        (content("a.c", "regex"), None, False),
        (content("deadbeef", "hex"), None, False),
    ],
)
def test_exact_texts_of_ascii_may_be_looked_up_instead(
    indicator: Indicator, text: str | None, whole_word: bool
) -> None:
    (pattern,) = patterns_of(indicator)
    assert (pattern.text, pattern.whole_word) == (text, whole_word)


@given(st.text(st.characters(max_codepoint=127), min_size=2, max_size=12))
def test_every_character_of_ascii_may_stand_in_a_text(text: str) -> None:
    assert occurs(content(text), f"<{text}>".encode())
    assert occurs(content(text), f"<{text}>".encode("utf-16-le"))


def test_bytes_cannot_tell_of_hashes_and_blocks_of_addresses() -> None:
    assert patterns_of(FileHash(value="0" * 64, **COMMON)) == []
    assert patterns_of(Address(value="192.0.2.0/24", **COMMON)) == []


# Domains, URLs, contents and command lines.


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("www.bücher.example.com.", True),
        ("BÜCHER.EXAMPLE.COM", True),
        ("https://xn--bcher-kva.example.com/", True),
        ("XN--BCHER-KVA.example.com", True),
        ("abücher.example.com", False),
        ("жbücher.example.com", False),
        ("axn--bcher-kva.example.com", False),
        ("bücher.example.community", False),
        ("bucher.example.com", False),
    ],
)
def test_a_domain_is_found_as_it_is_written_and_as_dns_knows_it(
    text: str, found: bool, encoding: str
) -> None:
    indicator = Domain(value="bücher.example.com", **COMMON)
    assert occurs(indicator, f" {text} ".encode(encoding)) is found


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("indicator", "text"),
    [
        (content("пароль: "), "мойПАРОЛЬ: x"),
        (content("ключ"), "ключи"),
        (Url(value="https://пример.example/вход", **COMMON), "see HTTPS://ПРИМЕР.example/ВХОДx"),
        (CommandLine(value="открой счёт.exe", **COMMON), 'ОТКРОЙ  "Счёт.exe"'),
        (CommandLine(value=["/c straße", "請求書"], **COMMON), "cmd /C STRAßE, 請求書"),
        (Pipe(value="канал-[0-9]{2}", example="x", **COMMON), "канал-17"),
        (content(r"Users\\[^\\]{1,20}\\x", "regex"), "C:\\Users\\Жора\\X"),
        (content(r"ключ=\S{4}/", "regex"), "КЛЮЧ=абвг/"),
    ],
)  # fmt: skip
def test_texts_of_any_script_are_found(indicator: Indicator, text: str, encoding: str) -> None:
    assert occurs(indicator, b"\0" + text.encode(encoding))


def test_a_pipe_is_found_in_its_own_case_alone() -> None:
    pipe = Pipe(value="канал-[0-9]{2}", example="x", **COMMON)
    assert not occurs(pipe, "КАНАЛ-17".encode())


# Wildcards.


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("glob", "text", "found"),
    [
        ("evil*x.dat", "EVILЖX.dat", True),
        ("evil*x.dat", "evil" + "請" * 64 + "x.dat", True),
        ("evil*x.dat", "evil" + "a" * 64 + "x.dat", True),
        ("evil*x.dat", "evil" + "a" * 65 + "x.dat", False),
        ("evil*x.dat", "evilЖ\\x.dat", False),
        ("evil?.dat", "evilЖ.dat", True),
        ("evil?.dat", "evil😀.dat", True),
        ("evil?.dat", "evilabcde.dat", False),
        ("зло*.dat", "ЗЛОba.DAT", True),
        ("зло*.dat", "зла.dat", False),
        ("*[1].dat", "x[1].dat", True),
    ],
)
def test_wildcards_stand_for_letters_of_every_script(
    glob: str, text: str, found: bool, encoding: str
) -> None:
    assert occurs(named(glob), f"\n{text}\n".encode(encoding)) is found


GLOBS = st.text(SCRIPTS + "*?", min_size=1, max_size=6).map(lambda glob: f"{glob}.exe")


@given(GLOBS, st.text(SCRIPTS, max_size=4), st.sampled_from(ENCODINGS), st.data())
def test_what_a_wildcard_name_stands_for_is_found_and_no_longer_than_told(
    glob: str, inner: str, encoding: str, chance: st.DataObject
) -> None:
    one = st.sampled_from(SCRIPTS)
    name = "".join(inner if c == "*" else chance.draw(one) if c == "?" else c for c in glob)
    (pattern,) = patterns_of(named(glob if "*" in glob or "?" in glob else f"*{glob}"))
    data = b"\0" + f"\n{fold(name)}\n".encode(encoding)
    found = places(pattern, data)
    assert found
    assert pattern.longest is not None
    assert max(length for _, length in found) <= pattern.longest


@pytest.mark.parametrize(
    ("indicator", "longest"),
    [
        (named("cyzfc.dat"), 18),
        (named("счёт.exe"), 32),
        (named("a*b.dat"), 4 * (6 + 64)),
        (content("00ff", "hex"), 2),
        (content("a.{3}b", "regex"), 20),
        (content("a.*b", "regex"), None),
        (Domain(value="bücher.example.com", **COMMON), 72),
        (CommandLine(value="a b", **COMMON), 4 * 18),
    ],
)
def test_it_is_known_how_long_an_occurrence_may_be(
    indicator: Indicator, longest: int | None
) -> None:
    assert [pattern.longest for pattern in patterns_of(indicator)] == [longest]
