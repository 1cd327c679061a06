"""Where rules begin and end."""

from __future__ import annotations

import boreal
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.engine.rule_text import (
    Import,
    Include,
    Item,
    Place,
    Rule,
    Stray,
    TextError,
    decoded,
    rules_in,
)


def _rules(text: str) -> list[Rule]:
    return [item for item in rules_in(text) if isinstance(item, Rule)]


def _names(text: str) -> list[str]:
    return [rule.name for rule in _rules(text)]


@pytest.mark.parametrize(
    "inside",
    [
        'strings: $a = "}" condition: $a',
        'strings: $a = "\\"}" condition: $a',
        'strings: $a = "\\\\" $b = "{" condition: any of them',
        'strings: $a = "// rule x {" condition: $a',
        'strings: $a = "/*" condition: $a',
        "strings: $a = /a}b\\/\\}{1,2}/ condition: $a",
        'strings: $a = /"}/i condition: $a',
        "strings: $a = /[^\\/}]{2}x/ condition: $a",
        "strings: $a = { 01 /* } */ 02 } condition: $a",
        "strings: $a = { 01 // }\n 02 } condition: $a",
        "strings: $a = { 4D [2-4] ( 5A | 5B ?? ) } condition: $a",
        "/* } rule x { */ condition: true // }\n",
        'meta: a = "rule x { condition: true }" condition: true',
        'condition: "a" matches /}"/',
    ],
)
def test_a_brace_in_a_string_regex_or_comment_ends_no_rule(inside: str) -> None:
    text = f"rule one {{ {inside} }}\nrule two {{ condition: one }}\n"
    assert _names(text) == ["one", "two"]
    assert not any(rule.fault for rule in _rules(text))
    assert [rule.identifier for rule in boreal.compile(source=text)] == ["one", "two"]


def test_a_head_may_have_modifiers_tags_comments_and_line_breaks() -> None:
    text = "global /* x */ private\nrule // y\n one\n : tag_a tag_b\n{ condition: true }"
    (rule,) = _rules(text)
    assert (rule.name, rule.is_global, rule.is_private) == ("one", True, True)
    assert rule.place == Place(1, 1)
    assert boreal.compile(source=rule.text)


def test_imports_and_includes_are_told_with_their_places() -> None:
    items = rules_in('import "pe"\n  include ".\\sub\\b.yar" import "hash"')
    assert items == [
        Import("pe", Place(1, 1)),
        Include(".\\sub\\b.yar", Place(2, 3)),
        Import("hash", Place(2, 25)),
    ]


def test_words_of_the_language_in_a_string_or_a_comment_are_nothing() -> None:
    assert rules_in('// include "a"\n/* import "pe"\nrule x { condition: true } */') == []


def test_a_rule_without_its_end_leaves_the_next_one_whole() -> None:
    first, second = _rules(
        "rule one { strings: $a = { 01 condition: $a\nprivate rule two { condition: true }"
    )
    assert first.fault == (Place(2, 9), "a closing brace is missing before this rule")
    assert (second.name, second.is_private, second.fault) == ("two", True, None)
    assert second.text == "private rule two { condition: true }"


def test_the_last_rule_without_its_end_is_named() -> None:
    (rule,) = _rules("\nrule one { condition: true")
    assert rule.fault == (Place(2, 1), "its closing brace is missing")


@pytest.mark.parametrize("literal", ['"abc', "/abc", '"abc\\"'])
def test_a_literal_that_is_not_closed_ends_with_its_line(literal: str) -> None:
    text = f"rule one {{ strings: $a = {literal}\n condition: $a }}\nrule two {{ condition: true }}"
    first, second = _rules(text)
    assert first.fault == (
        Place(1, 26),
        "the string or regular expression is not closed on its line",
    )
    assert (second.name, second.fault) == ("two", None)


@pytest.mark.parametrize(
    ("text", "place", "why"),
    [
        ("rule one { condition: true } }\nrule two { condition: true }", (1, 30), "is no rule"),
        ("rule 1st { condition: true }\n rule two { condition: true }", (1, 1), "is no rule"),
        ("rule two { condition: true }\n/* rule", (2, 1), "the comment is not closed"),
        ('rule two { condition: true }\n"', (2, 1), "the string or regular expression is not"),
        ("#include <x>\nrule two { condition: true }", (1, 1), "is no rule"),
    ],
)
def test_text_that_is_no_rule_is_told_once(text: str, place: tuple[int, int], why: str) -> None:
    (stray,) = [item for item in rules_in(text) if isinstance(item, Stray)]
    assert stray.place == Place(*place)
    assert stray.why.startswith(why)
    assert "two" in _names(text)


def test_text_that_may_have_been_a_global_rule_says_so() -> None:
    (stray,) = rules_in("global rule 1st { condition: true }")
    assert isinstance(stray, Stray)
    assert stray.may_be_global


def test_a_condition_tells_what_it_asks_for() -> None:
    (rule,) = _rules(
        'rule r { strings: $s = "own" meta: x = "other" condition: base and pe.sections[0].name =='
        ' "a" and 2 of (apt_*, tool) and for any s, t in hash.x : ( s == filesize * 2 ) }'
    )
    assert {"base", "tool", "filesize", "s"} <= rule.names
    assert not {"own", "other", "sections", "name", "apt_"} & rule.names
    assert rule.roots == {"pe", "hash"}
    assert rule.rule_sets == {"apt_"}
    assert {"s", "t"} <= rule.variables
    assert not {"base", "tool"} & rule.variables


def test_comments_are_blanked_and_lines_and_columns_stay() -> None:
    text = "rule r {\n /* a\n b */ condition: // c\n  true }"
    (rule,) = _rules(text)
    assert rule.text == "rule r {\n     \n      condition:     \n  true }"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_tells_the_encoding(encoding: str) -> None:
    text = 'rule r { strings: $a = "Jörg" condition: $a }'
    assert decoded(text.encode(encoding)) == text


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff"])
def test_either_byte_order_of_utf_16_is_read(mark: bytes) -> None:
    encoding = "utf-16-le" if mark == b"\xff\xfe" else "utf-16-be"
    assert decoded(mark + "rule".encode(encoding)) == "rule"


def test_line_ends_of_windows_count_as_one() -> None:
    (rule,) = _rules(decoded(b"\r\n\r\nrule r {\r\n condition: true }\r\n"))
    assert rule.place == Place(3, 1)
    assert "\r" not in rule.text


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("rule r".encode("utf-16-le"), "UTF-16 without a byte order mark"),
        (b"\xff\xfer", "is not the utf-16-le"),
        (b"\xff\xfe\x00\xd8", "is not the utf-16-le"),
        (b"\x7fELF\0\0", "NUL bytes"),
    ],
)
def test_bytes_that_are_no_text_are_refused(data: bytes, why: str) -> None:
    with pytest.raises(TextError, match=why):
        decoded(data)


def test_strings_and_regexes_in_latin_1_match_the_bytes_that_were_written() -> None:
    data = (
        b'// Autor: J\xf6rg\nrule r { meta: author = "J\xf6rg" strings: $a = "J\xf6rg" '
        b"$b = /[\xf6]l+/ $c = /\xfcb\\\xe4/ condition: any of them }"
    )
    (rule,) = _rules(decoded(data))
    scanner = boreal.compile(source=rule.text)
    found = {
        string.identifier: string.instances[0].matched_data
        for match in scanner.match(data=b"J\xf6rg \xf6ll \xfcb\xe4 J\xc3\xb6rg")
        for string in match.strings
    }
    assert found == {"a": b"J\xf6rg", "b": b"\xf6ll", "c": b"\xfcb\xe4"}


def test_a_place_behind_latin_1_bytes_is_that_of_the_file() -> None:
    line = b'  rule r { strings: $a = "J\xf6\xf6rg" condition: $a and nix }'
    (rule,) = _rules(decoded(line))
    assert rule.written(1, rule.text.index("nix") + 1) == Place(1, line.index(b"nix") + 1)


_PIECES = st.sampled_from(
    [
        *('"', "'", "/", "\\", "{", "}", "(", ")", "*", "//", "/*", "*/", "\n", " ", ":", ".", ","),
        *("rule ", "private ", "global ", "import ", "include ", "condition:", "strings:", "$a = "),
        *("one", "two", "é", "\udcf6", "true", " of (a*)", "for any i in (1..2)", '"x"', "/y/"),
        "rule a { condition: true }\n",
    ]
)


@given(st.lists(_PIECES, max_size=60).map("".join))
def test_any_text_is_taken_apart_in_order(text: str) -> None:
    items = rules_in(text)
    places = [(item.place.line, item.place.column) for item in items]
    assert places == sorted(places)
    for rule in _rules(text):
        lines = text.split("\n")
        assert lines[rule.place.line - 1][rule.place.column - 1 :].startswith(
            ("rule", "private", "global")
        )
        rule.text.encode()  # the engine takes no lone surrogates


@given(st.binary(max_size=400))
def test_any_bytes_are_text_or_refused(data: bytes) -> None:
    try:
        items: list[Item] = rules_in(decoded(data))
    except TextError:
        return
    assert isinstance(items, list)


_TEXT = st.text(st.sampled_from("ab/*{}\"\\'()rule :$\té"), min_size=1, max_size=12)
_ESCAPED = _TEXT.map(
    lambda text: text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
)
_REGEX = st.text(st.sampled_from("ab\"'{}/* :rule"), min_size=1, max_size=8).map(
    lambda text: "x" + "".join(c if c.isalnum() or c in "\"' :" else "\\" + c for c in text)
)
_COMMENT = st.one_of(
    st.text(st.sampled_from('ab{}"/ rule'), max_size=8).map(lambda text: f"//{text}\n"),
    st.text(st.sampled_from('ab{}"\n rule'), max_size=8).map(lambda text: f"/*{text}*/"),
    st.just(" "),
)
_BODY = st.one_of(
    _ESCAPED.map('strings: $a = "{}" condition: $a'.format),
    _REGEX.map("strings: $a = /{}/ condition: $a".format),
    _ESCAPED.map('meta: m = "{}" condition: true'.format),
    _COMMENT.map("strings: $a = {{ 01 {} 02 [1-3] 7D }} condition: $a".format),
    _REGEX.map('condition: "a" matches /{}/'.format),
)


@settings(max_examples=200)
@given(st.lists(st.tuples(_COMMENT, _BODY, _COMMENT), min_size=1, max_size=5))
def test_no_boundary_is_lost_in_literals_and_comments(bodies: list[tuple[str, str, str]]) -> None:
    text = "".join(
        f"{before}rule r{number}{before}{{ {body} {after}}}"
        for number, (before, body, after) in enumerate(bodies)
    )
    rules = _rules(text)
    assert [rule.name for rule in rules] == [
        rule.identifier for rule in boreal.compile(source=text + "\n")
    ]
    assert not any(rule.fault for rule in rules)
    assert len(rules_in(text)) == len(rules)
