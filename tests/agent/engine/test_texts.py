"""Many exact texts are found as the engine finds few of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.engine import texts
from agent.engine.patterns import BytePattern
from agent.engine.scanner import PatternScanner
from agent.engine.texts import ExactText, TextSearcher

WORDS = ["a.b", "data.exe", "a.exe", "A.EXE", "ab", "b.a", "1.2.3.4", "x", "aa", "a b", 'q"\\']
PIECES = [
    *(word.encode() for word in WORDS),
    *(word.encode("utf-16-le") for word in WORDS),
    *(word.upper().encode("utf-16-le") for word in WORDS),
    b" ", b"\0", b"a", b"1", b"_", b"\xe9", "Ж".encode("utf-16-le"), b"a\0", b"\0a",
]  # fmt: skip


def by_the_engine(wanted: list[ExactText], data: bytes) -> dict[int, tuple[int, int]]:
    found: dict[int, tuple[int, int]] = {}
    for one in wanted:
        word = " fullword" if one.whole_word else ""
        text = one.text.replace("\\", "\\\\").replace('"', '\\"')
        pattern = BytePattern((f'"{text}" nocase ascii wide{word}',), 0)
        places = [p for o in PatternScanner({"x": pattern.forms}).scan(data) for p in o.places]
        if places:
            found[one.key] = min(places)
    return found


WANTED = st.lists(st.tuples(st.sampled_from(WORDS), st.booleans()), max_size=6).map(
    lambda words: [ExactText(key, text, whole) for key, (text, whole) in enumerate(words)]
)


@given(WANTED, st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join))
def test_texts_are_found_where_the_engine_finds_them(wanted: list[ExactText], data: bytes) -> None:
    found = TextSearcher(wanted).scan(data)
    expected = by_the_engine(wanted, data)
    assert {key: at for key, (at, _) in found.items()} == {
        key: at for key, (at, _) in expected.items()
    }


@given(WANTED, st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join), st.integers(0, 30))
def test_what_begins_before_is_left_out(wanted: list[ExactText], data: bytes, begin: int) -> None:
    searcher = TextSearcher(wanted)
    for key, (at, _) in searcher.scan(data, begin).items():
        assert at >= begin
        assert key in searcher.scan(data)


def test_nothing_is_lost_where_the_bytes_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    searcher = TextSearcher([ExactText(7, "needle.exe", whole_word=True)])
    for encoding in ("ascii", "utf-16-le"):
        for at in range(60):
            data = b"-" * at + "needle.exe".encode(encoding) + b"-" * 40
            expected = {7: (at, len("needle.exe".encode(encoding)))}
            assert searcher.scan(data) == expected
            with monkeypatch.context() as patched:
                patched.setattr(texts, "PIECE", 16)
                assert searcher.scan(data) == expected


def test_what_is_not_ascii_or_empty_is_refused() -> None:
    for text in ("счёт.exe", ""):
        with pytest.raises(ValueError, match="not a text of ASCII"):
            TextSearcher([ExactText(0, text, whole_word=False)])
