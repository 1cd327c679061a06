"""YARA's rules become packs as far as texts and bytes go; the rest is for ``--rules``."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
        ('$a = "evil-loader"', "$a and filesize < 1MB", "the condition at 'filesize'" + AS_IT_IS),
        ('$a = "evil-loader"', "#a > 3", "the condition at '#a'" + AS_IT_IS),
        ('$a = "evil-loader"', "$a at 0", "the condition at '$a'" + AS_IT_IS),
        ('$a = "evil-loader"', "3 of them", "3 of 1 strings" + AS_IT_IS),
        ('$a = "evil-loader"', "not $a", "the condition at 'not'" + AS_IT_IS),
        ("$a = { 4d 5a ?? 90 }", "$a", "bytes with wildcards: --rules takes the rule as it is"),
        ('$a = "evil-loader" xor', "$a", "modifier xor: --rules takes the rule as it is"),
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


PARTS = ["$a", "$b", "any", "all", "of", "them", "(", ")", "and", "or", "not", "2", "$*", ","]


@given(st.lists(st.sampled_from(PARTS), max_size=12), st.text('ab{}"/\\$= ', max_size=12))
def test_whatever_a_rule_says_ends_in_values_or_reasons(parts: list[str], odd: str) -> None:
    text = rule(f"{A_AND_B} {odd}", " ".join(parts)) + odd
    assert all(offer.wanted or offer.why for offer in read_yara(text))
