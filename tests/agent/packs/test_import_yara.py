"""YARA's rules become packs as far as texts and bytes go; the rest is for ``--rules``."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import boreal
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.cli import main
from agent.engine.hex_string import read_hex_string
from agent.indicators import Content, Layout
from agent.matching.matcher import Matcher
from agent.packs.importing.yara_rules import read_yara
from tests.evidence.imported import Importer, importer

AS_IT_IS = "; --rules takes the rule as it is"


@pytest.fixture
def imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Importer:
    return importer(tmp_path, capsys)


def rule(strings: str, condition: str, meta: str = 'description = "Evil loader"') -> str:
    return (
        f"rule evil : apt {{\n  meta:\n    {meta}\n  strings:\n    {strings}\n"
        f"  condition: // what it asks\n    {condition}\n}}\n"
    )


LOST = "de ad be ef ( ?? 01 | 02 ) [2-4] ( ?? | 03 ) 04"
A_AND_B = '$a = "evil-loader-one" $b = "evil-loader-two" wide'


@pytest.mark.parametrize(
    ("strings", "condition", "became"),
    [
        ('$a = "evil-loader-one"', "$a", {"evil-loader-one": ("content", "strong")}),
        (A_AND_B, "any of them",
         {"evil-loader-one": ("content", "strong"), "evil-loader-two": ("content", "strong")}),
        ('$ = "say \\"evil\\" \\\\ now"', "all of them",
         {'say "evil" \\ now': ("content", "strong")}),
        ("$h = { 4d 5A 90\n 00 /* a */ DE AD BE EF }", "$h",
         {"4d5a9000deadbeef": ("content", "strong")}),
        ('$a = "evil\\x00\\xff-loader"', "$a",
         {"6576696c00ff2d6c6f61646572": ("content", "strong")}),
        ('$a = "\\xe4vil" wide', "$a", {"e400760069006c00": ("content", "strong")}),
        ('$a = "\\xe4vil" wide ascii', "$a",
         {"e476696c": ("content", "strong"),
          "e400760069006c00": ("content", "strong")}),
        ("$r = /evil-[0-9]{4}\\/loader/i", "$r", {"evil-[0-9]{4}/loader": ("content", "strong")}),
    ],
)  # fmt: skip
def test_texts_and_bytes_become_contents(
    imported: Importer, strings: str, condition: str, became: dict[str, tuple[str, str]]
) -> None:
    made = imported({"rules.yar": rule(strings, condition)})
    assert made.became() == became
    assert made.pack is not None
    assert made.pack.chains == []


@pytest.mark.parametrize("condition", ["$a and $b", "all of ($*)", "2 of them", "($a) and ($b)"])
def test_what_is_to_be_there_at_once_is_a_chain_in_one_file(
    imported: Importer, condition: str
) -> None:
    made = imported({"rules.yar": rule(A_AND_B, condition)})
    assert made.became() == {
        "evil-loader-one": ("content", "weak"), "evil-loader-two": ("content", "weak"),
    }  # fmt: skip
    assert made.pack is not None
    (chain,) = made.pack.chains
    assert (len(chain.all), chain.same_file, chain.strength.value) == (2, True, "strong")


def test_a_low_score_is_weak_and_the_case_is_told(imported: Importer) -> None:
    made = imported({"rules.yar": rule('$a = "evil-loader-one" fullword', "$a", "score = 40")})
    assert made.became() == {"evil-loader-one": ("content", "weak")}
    (told,) = made.told().values()
    assert "in any case, in ASCII and UTF-16" in told
    assert "not as a whole word alone" in told


def test_of_bytes_that_are_no_ascii_other_cases_are_not_looked_for(imported: Importer) -> None:
    made = imported({"rules.yar": rule('$a = "\\xe4vil-loader" nocase', "$a")})
    assert made.became() == {"e476696c2d6c6f61646572": ("content", "strong")}
    assert list(made.told().values()) == ["in no other case"]


def test_a_private_rule_proves_nothing_and_a_global_one_limits_the_others(
    imported: Importer,
) -> None:
    text = (
        rule('$p = "helper-text"', "$p").replace("rule evil", "private rule helper")
        + rule('$g = "every-document"', "$g").replace("rule evil", "global rule limit")
        + rule('$a = "evil-loader-one"', "$a")
    )
    made = imported({"rules.yar": text})
    assert made.became() == {"evil-loader-one": ("content", "weak")}
    assert made.left_out() == {
        "helper": "a private rule: proves nothing by itself",
        "limit": "a global rule: proves nothing by itself",
    }
    assert "the global rule limit is not asked: wider, weak" in made.told().popitem()[1]


@pytest.mark.parametrize(
    ("strings", "condition", "why"),
    [
        ('$a = "evil-loader"', "filesize < 1MB", "the size or the beginning of a file alone"),
        ('$a = "evil-loader"', "$a at 0", "the size or the beginning of a file alone"),
        ('$a = "evil-loader"', "pe.is_dll()", "pe . is_dll ( ) is not asked, --rules asks it"),
        (
            '$a = "evil-loader"',
            "$a and filesize > 2MB and filesize < 1MB",
            "no file is so: filesize > 2MB and filesize < 1MB",
        ),
        (
            '$a = "evil-loader"',
            "$a and uint16(0) == 0x5A4D and uint32be(0) == 0x504B0304",
            "no file is so: uint16 ( 0 ) == 0x5A4D and uint32be ( 0 ) == 0x504B0304",
        ),
        ('$a = "evil-loader"', "3 of them", "3 of 1 strings" + AS_IT_IS),
        ('$a = "evil-loader"', "not $a", "not $a is not asked, --rules asks it"),
        ('$a = "evil-loader"', "($a", "the condition at ''" + AS_IT_IS),
        (
            "$a = { 4d 5a ?? 90 }",
            "$a",
            "bytes: fewer than 4 bytes of it are fixed: --rules takes the rule as it is",
        ),
        (
            "$a = { de ad be ef [4-] 90 }",
            "$a",
            "bytes: a jump without an end: --rules takes the rule as it is",
        ),
        (
            "$a = { de ad be ef ~00 90 }",
            "$a",
            "bytes: no bytes at '~00 90': --rules takes the rule as it is",
        ),
        (
            "$a = { de ad be ef ( 00 | ( 01 | 02 ) ) }",
            "$a",
            "bytes: a group in a group, or one that is not closed: --rules takes the rule as it is",
        ),
        (
            f"$a = {{ {LOST} }}",
            "$a",
            f"bytes: the engine would lose occurrences of {{{LOST}}}: --rules takes the rule as it is",
        ),
        (
            '$a = "evil-loader" xor',
            "$a",
            "modifier xor of more than 32 keys: --rules takes the rule as it is",
        ),
        (
            '$a = "evil-loader" base64("' + "x" * 64 + '")',
            "$a",
            "modifier base64 with an alphabet of its own: --rules takes the rule as it is",
        ),
        ('$a = "e"', "$a", "matches harmless text: it matches everything"),
    ],
)
def test_what_cannot_be_carried_over_is_named(
    imported: Importer, strings: str, condition: str, why: str
) -> None:
    text = rule(strings, condition) + rule('$x = "evil-other"', "$x").replace("evil :", "two :")
    made = imported({"rules.yar": text})
    assert made.became() == {"evil-other": ("content", "strong")}
    assert list(made.left_out().values()) == [why]


LOADER = '$a = "evil-loader-one" $m = { 4d 5a } $l = "MZ evil at the beginning"'


@pytest.mark.parametrize(
    ("condition", "gate"),
    [
        ("$a and filesize < 1MB", {"max_size": (1 << 20) - 1}),
        ("filesize <= 100KB and $a", {"max_size": 102_400}),
        ("$a and 2KB < filesize", {"min_size": 2_049}),
        ("$a and filesize >= 10 and filesize < 20", {"min_size": 10, "max_size": 19}),
        ("$a and filesize == 4711", {"size": 4711}),
        ("uint16(0) == 0x5A4D and $a", {"magic": "4d5a"}),
        ("0x4D5A == uint16be(0) and $a and filesize < 2KB", {"magic": "4d5a", "max_size": 2_047}),
        ("uint32(0) == 0x04034b50 and $a", {"magic": "504b0304"}),
        ("$m at 0 and $a", {"magic": "4d5a"}),
        ("(uint16(0) == 0x5A4D and uint8(0) == 77) and $a", {"magic": "4d5a"}),
    ],
)
def test_the_size_and_the_beginning_of_a_file_are_a_gate(
    imported: Importer, condition: str, gate: dict[str, object]
) -> None:
    made = imported({"rules.yar": rule(LOADER, condition)})
    assert made.became() == {"evil-loader-one": ("content", "weak")}
    assert made.pack is not None
    (one,) = made.pack.indicators
    assert isinstance(one, Content)
    assert msgspec.to_builtins(one.gate) == gate
    (told,) = made.told().values()
    assert "what is opened anyway, memory and texts are not asked for it, --rules asks it" in told
    assert ("is read for it" in told) == ("min_size" in gate)


def test_bytes_at_a_place_are_a_layout_and_a_hash_is_a_hash(imported: Importer) -> None:
    digest = "16bbc967a8b6a365871a05c74a4f345b"
    made = imported(
        {
            "b.yar": rule(LOADER, "$l at 16"),
            "c.yar": rule(LOADER, f'hash.md5(0, filesize) == "{digest.upper()}"'),
            "d.yar": rule(LOADER, "$l at 0 and $a"),
        }
    )
    assert made.pack is not None
    parts = [one.parts for one in made.pack.indicators if isinstance(one, Layout)]
    text = b"MZ evil at the beginning".hex()
    assert parts == [{"16": text}, {"0": text}]
    assert made.became()[digest] == ("hash", "confirmed")
    (chain,) = made.pack.chains
    assert (chain.same_file, len(chain.all), chain.strength.value) == (True, 2, "strong")


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("$a and not $m", "not $m is not asked, --rules asks it: wider, weak"),
        ("$a and #a > 3", "#a > 3 is not asked, --rules asks it: wider, weak"),
        ('$a and pe.imphash() == "x"',
         'pe . imphash ( ) == "x" is not asked, --rules asks it: wider, weak'),
        ("$a and for any i in (1..#a) : (@a[i] < 100)",
         "for any i in ( 1 .. #a ) : ( @a [ i ] < 100 ) is not asked, --rules asks it: wider, weak"),
        ("$a in (0..100)", "$a in ( 0 .. 100 ) is not asked, --rules asks it"),
        ("$a and filesize != 3", "filesize != 3 is not asked, --rules asks it: wider, weak"),
        ("$a and uint32(0x3c) == 0x80",
         "uint32 ( 0x3c ) == 0x80 is not asked, --rules asks it: wider, weak"),
        ("$a and uint16(0) > 3", "uint16 ( 0 ) > 3 is not asked, --rules asks it: wider, weak"),
        ("$a and uint16(uint32(0x3c)) == 0x4550",
         "uint16 ( uint32 ( 0x3c ) ) == 0x4550 is not asked, --rules asks it: wider, weak"),
    ],
)  # fmt: skip
def test_what_a_condition_asks_besides_is_named_and_what_is_left_is_weak(
    imported: Importer, condition: str, told: str
) -> None:
    text = rule(LOADER, condition) + rule('$x = "evil-other"', "$x").replace("evil :", "two :")
    made = imported({"rules.yar": text})
    weak = {"evil-loader-one": ("content", "weak")} if condition.startswith("$a and") else {}
    assert made.became() == {**weak, "evil-other": ("content", "strong")}
    assert told in "; ".join([*made.told().values(), *made.left_out().values()])


def test_a_rule_without_strings_is_named(imported: Importer) -> None:
    text = rule(LOADER, "$a") + "rule two { condition: filesize < 10 }"
    made = imported({"rules.yar": text})
    assert made.became() == {"evil-loader-one": ("content", "strong")}
    assert list(made.left_out().values()) == ["the size or the beginning of a file alone"]


def test_once_or_more_is_that_it_is_there(imported: Importer) -> None:
    made = imported({"rules.yar": rule(LOADER, "#a > 0 or #a >= 1")})
    assert made.became() == {"evil-loader-one": ("content", "strong")}


EXACT = [
    "{ de ad ?? be ef }", "{ de ad 4? ?f be ef }", "{ de ad [1-3] be ef }", "{ de [2] ad be ef }",
    "{ de ad ( be ef | ca fe 00 ) 01 }", '"evil" xor(1-16)', '"evil" xor(0x20)',
    '"evil" wide xor(3)', '"evil-loader" base64', '"evil-load" base64', '"evil-loade" base64wide',
    '"evil-loader" wide base64',
]  # fmt: skip


@pytest.mark.parametrize("declared", EXACT)
@given(data=st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bytes_that_are_written_out_match_what_the_rule_matches(
    declared: str, data: st.DataObject
) -> None:
    text = rule(f"$a = {declared}", "$a")
    wanted = [one for offer in read_yara(text) for one in offer.wanted]
    assert wanted
    content = _content_for(declared, data)
    engine = boreal.compile(source=text)
    matcher = Matcher(
        [
            Content(
                id=f"i{number}", strength=one.strength, reference=["R"], status="SRC",
                value=one.value, match=one.fields["match"],
            )
            for number, one in enumerate(wanted)
        ]
    )  # fmt: skip
    assert bool(matcher.scan(content)) == bool(engine.match(data=content))


def _content_for(declared: str, data: st.DataObject) -> bytes:
    """Bytes of which about half hold it."""
    near = st.sampled_from([0xDE, 0xAD, 0xBE, 0xEF, 0xCA, 0xFE, 0x00, 0x01, 0x4F, 0x41])
    if declared[0] == "{":
        return b"\xde\xad" + bytes(data.draw(st.lists(near, max_size=9))) + b"\xbe\xef"
    around = data.draw(st.binary(max_size=4))
    plain = declared.split('"')[1].encode()
    if data.draw(st.booleans()):
        plain = bytes(part for one in plain for part in (one, 0))
    if "xor" in declared:
        key = data.draw(st.sampled_from([0, 1, 3, 16, 17, 32]))
        return around + bytes(one ^ key for one in plain) + around
    encoded = base64.b64encode(around + plain + data.draw(st.binary(max_size=3)))
    wide = bytes(part for one in encoded for part in (one, 0))
    return wide if data.draw(st.booleans()) else encoded


def swept(folder: Path, files: dict[str, bytes], *more: str) -> dict[str, str]:
    """Names of the files that a sweep by ``feed.yaml`` finds something in, with the strength."""
    home, out = folder / "home", folder / "report.json"
    home.mkdir()
    for name, data in files.items():
        (home / name).write_bytes(data)
    main(["offline", str(home), "--only", "files", "--quiet", "--only-pack",
          str(folder / "feed.yaml"), "--out", str(out), *more])  # fmt: skip
    return {
        evidence["place"]["text"].rpartition("/")[2].partition(",")[0]: finding["strength"]
        for finding in json.loads(out.read_bytes())["findings"]
        for evidence in finding["evidence"]
    }


def test_a_layout_behind_a_gate_is_found_where_the_rule_finds_it(
    tmp_path: Path, imported: Importer
) -> None:
    condition = "$l at 8 and uint16(0) == 0x5A4D and filesize < 1KB"
    made = imported({"rules.yar": rule(LOADER, condition)})
    assert [one for one, _ in made.became().values()] == ["layout"]
    good = b"MZ" + bytes(6) + b"MZ evil at the beginning"
    files = {"small": good, "large": good + bytes(2_000), "other": b"Z" + good[1:]}
    assert swept(tmp_path, files, "--thorough") == {"small": "strong"}


def test_by_the_gate_of_a_rule_files_are_opened(tmp_path: Path, imported: Importer) -> None:
    text = b"MZ evil-loader-one"
    imported({"rules.yar": rule(LOADER, f"$a and filesize == {len(text)}")})
    assert swept(tmp_path, {"same": text, "longer": text + b"."}) == {"same": "weak"}


@given(st.text("0123456789abcdefABCDEF ?[]()|-~", max_size=30))
def test_any_text_as_bytes_with_wildcards_is_bytes_or_a_reason(text: str) -> None:
    try:
        found = read_hex_string(text)
    except ValueError as error:
        assert str(error)
    else:
        assert len(found.example) <= found.longest


PARTS = [
    "filesize",
    "<",
    "==",
    "1MB",
    "0x5A4D",
    "uint16",
    "at",
    "0",
    "#a",
    "$a",
    "$b",
    "any",
    "all",
    "of",
    "them",
    "(",
    ")",
    "and",
    "or",
    "not",
    "2",
    "$*",
    ",",
]


@given(st.lists(st.sampled_from(PARTS), max_size=12), st.text('ab{}"/\\$= ', max_size=12))
def test_whatever_a_rule_says_ends_in_values_or_reasons(parts: list[str], odd: str) -> None:
    text = rule(f"{A_AND_B} {odd}", " ".join(parts)) + odd
    assert all(offer.wanted or offer.why for offer in read_yara(text))
