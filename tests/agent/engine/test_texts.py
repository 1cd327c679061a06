"""Many exact texts are found as the engine finds few of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.engine import texts
from agent.engine.scanner import PatternScanner
from agent.engine.texts import ExactText, TextSearcher

LONG = "0123456789abcdef0123456789abcdef"
WORDS = [
    *("a.b", "data.exe", "a.exe", "A.EXE", "ab", "b.a", "1.2.3.4", "x", "aa", "a b", 'q"\\'),
    *(LONG, LONG[:16], LONG[:20], "very-long-name-of-a-file.exe"),
]
PIECES = [
    *(word.encode() for word in WORDS),
    *(word.encode("utf-16-le") for word in WORDS),
    *(word.upper().encode("utf-16-le") for word in WORDS),
    *(b" ", b"\0", b"a", b"1", b"_", b"\xe9", "Ж".encode("utf-16-le"), b"a\0", b"\0a"),
]


def by_the_engine(wanted: list[ExactText], data: bytes) -> dict[int, tuple[int, int]]:
    declared = {}
    for one in wanted:
        word = " fullword" if one.whole_word else ""
        text = one.text.replace("\\", "\\\\").replace('"', '\\"')
        declared[str(one.key)] = (f'"{text}" nocase ascii wide{word}',)
    return {int(one.name): min(one.places) for one in PatternScanner(declared).scan(data)}


WANTED = st.lists(st.tuples(st.sampled_from(WORDS), st.booleans()), max_size=6).map(
    lambda words: [ExactText(key, text, whole) for key, (text, whole) in enumerate(words)]
)
DATA = st.lists(st.sampled_from(PIECES), max_size=14).map(b"".join)


@given(WANTED, DATA)
def test_texts_are_found_where_the_engine_finds_them(wanted: list[ExactText], data: bytes) -> None:
    assert TextSearcher(wanted).scan(data) == by_the_engine(wanted, data)


@given(WANTED, DATA)
def test_texts_are_found_wherever_the_bytes_are_cut(wanted: list[ExactText], data: bytes) -> None:
    searcher = TextSearcher(wanted)
    whole = searcher.scan(data)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(texts, "PIECE", 7)
        assert searcher.scan(data) == whole


@given(WANTED, DATA, st.integers(0, 30))
def test_from_a_place_on_the_first_is_told_that_begins_there_or_later(
    wanted: list[ExactText], data: bytes, begin: int
) -> None:
    # One place a key: what begins before is hidden, its last byte alone stays as a neighbour.
    searcher = TextSearcher(wanted)
    told = searcher.scan(data, begin)
    from_start = searcher.scan(data)
    assert all(begin <= at <= len(data) - length for at, length in told.values())
    assert {key: place for key, place in from_start.items() if place[0] >= begin}.items() <= (
        told.items()
    )


def test_after_the_beginning_the_next_occurrence_is_told() -> None:
    searcher = TextSearcher([ExactText(3, "needle.exe", whole_word=True)])
    data = b"needle.exe " + "needle.exe".encode("utf-16-le") + b" xneedle.exe needle.exe"
    assert searcher.scan(data) == {3: (0, 10)}
    assert searcher.scan(data, 1) == {3: (11, 20)}
    assert searcher.scan(data, 12) == {3: (44, 10)}


@pytest.mark.parametrize("encoding", ["ascii", "utf-16-le"])
def test_nothing_is_lost_at_the_end_of_a_piece(encoding: str) -> None:
    searcher = TextSearcher([ExactText(7, "needle.exe", whole_word=True)])
    needle = "needle.exe".encode(encoding)
    for at in range(texts.PIECE - 30, texts.PIECE + 10):
        data = b"-" * at + needle + b"-" * 40
        assert searcher.scan(data) == {7: (at, len(needle))}


def test_every_owner_of_a_text_is_told() -> None:
    wanted = [
        ExactText(1, "Evil.exe", whole_word=True),
        ExactText(2, "evil.EXE", whole_word=False),
        ExactText(3, "evil.exe", whole_word=True),
    ]
    assert TextSearcher(wanted).scan(b"anevil.exe evil.exe") == {1: (11, 8), 2: (2, 8), 3: (11, 8)}


@pytest.mark.parametrize("encoding", ["ascii", "utf-16-le"])
def test_hashes_that_begin_alike_are_told_apart(encoding: str) -> None:
    hashes = [f"{LONG}{number:08x}" for number in range(300)]
    searcher = TextSearcher([ExactText(n, text, whole_word=True) for n, text in enumerate(hashes)])
    known = hashes[17].upper().encode(encoding)
    assert searcher.scan(known) == {17: (0, len(known))}
    assert searcher.scan(f"{LONG}ffffffff".encode(encoding)) == {}
    alone = TextSearcher([ExactText(0, hashes[17], whole_word=True)])
    assert alone.scan(known) == {0: (0, len(known))}
    assert alone.scan(hashes[18].encode(encoding)) == {}


@pytest.mark.parametrize("text", ["счёт.exe", "", "a\0b"])
def test_what_is_not_plain_ascii_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a text of ASCII"):
        TextSearcher([ExactText(0, text, whole_word=False)])
