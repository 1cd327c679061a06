"""Sigma's rules become packs: selections, conditions and modifiers, and what is said of the rest."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.packs.importing.sigma import read_sigma
from tests.evidence.imported import Importer, importer

DASHES = "-/\u2013\u2014\u2015"
SHA1 = "9858d5cb2a6614be3c48e33911bf9f7978b441bf"


@pytest.fixture
def imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Importer:
    return importer(tmp_path, capsys)


def rule(category: str, detection: str, level: str = "high", title: str = "A test") -> str:
    lines = "\n".join(f"  {line}" for line in detection.strip().splitlines())
    return (
        f"title: {title}\nid: 6c0a7f0e-0000-4000-8000-000000000001\nstatus: test\n"
        f"logsource:\n  product: windows\n  category: {category}\n"
        f"detection:\n{lines}\nlevel: {level}\nreferences: ['https://blog.example/1']\n"
    )


TWENTY = [
    # Processes
    ("process_creation", r"""
sel: {Image|endswith: '\evil_loader.exe'}
condition: sel""", {"evil_loader.exe": ("file_name", "weak")}),
    ("process_creation", r"""
sel: {Image: 'C:\ProgramData\up\date.exe'}
condition: sel""", {r"C:\ProgramData\up\date.exe": ("file_path", "strong")}),
    ("process_creation", r"""
sel: {CommandLine|contains: ['evil.dat,RunMe', '-run evil']}
condition: sel""", {
        "evil.dat,RunMe": ("command_line", "strong"), "-run evil": ("command_line", "strong")}),
    ("process_creation", r"""
sel: {CommandLine|contains|all: [evil.dat, RunMe]}
condition: sel""", {
        "evil.dat … RunMe": ("command_line", "strong"),
        "RunMe … evil.dat": ("command_line", "strong")}),
    ("process_creation", r"""
sel: {CommandLine: '*\evil.ps1 * -key ????'}
condition: sel""", {r"\evil.ps1  …  -key ": ("command_line", "strong")}),
    ("process_creation", r"""
sel: {CommandLine|contains|windash: 'tool -evilparam'}
condition: sel""", {
        f"tool {dash}evilparam": ("command_line", "strong") for dash in DASHES}),
    ("process_creation", f"""
sel: {{Hashes|contains: ['SHA1={SHA1.upper()}', 'IMPHASH={"ab" * 16}']}}
condition: sel""", {SHA1: ("hash", "confirmed")}),
    ("process_creation", r"""
sel: {Image|endswith: ['\Temp\a1b2.exe', '\Public\c3d4.exe']}
condition: sel""", {
        r"Temp\a1b2.exe": ("file_path", "strong"), r"Public\c3d4.exe": ("file_path", "strong")}),
    # Images that are loaded
    ("image_load", r"""
sel: {ImageLoaded|endswith: '\evil.dll'}
condition: sel""", {"evil.dll": ("file_name", "weak")}),
    ("image_load", r"""
sel: {ImageLoaded|startswith: 'C:\ProgramData\', ImageLoaded|endswith: '\evil.dll'}
condition: sel""", {r"C:\ProgramData\**\evil.dll": ("file_path", "strong")}),
    ("image_load", f"""
sel:
  - ImageLoaded|endswith: '\\evil_two.dll'
  - sha1: {SHA1}
condition: sel""", {"evil_two.dll": ("file_name", "weak"), SHA1: ("hash", "confirmed")}),
    # DNS
    ("dns_query", r"""
sel: {QueryName: evil-one.net}
condition: sel""", {"evil-one.net": ("domain", "strong")}),
    ("dns_query", r"""
sel: {QueryName|endswith: ['.evil-two.net', 'evil-three.net']}
condition: sel""", {
        "evil-two.net": ("domain", "strong"), "evil-three.net": ("domain", "strong")}),
    ("dns_query", r"""
a: {QueryName: '*.evil-four.net'}
b: {QueryResults: 95.216.1.1}
condition: 1 of them""", {
        "evil-four.net": ("domain", "strong"), "95.216.1.1": ("address", "weak")}),
    ("dns", r"""
sel: {query: evil-five.net}
condition: sel""", {"evil-five.net": ("domain", "strong")}),
    # Files
    ("file_event", r"""
sel: {TargetFilename|endswith: '\evil.lnk'}
condition: sel""", {"evil.lnk": ("file_name", "weak")}),
    ("file_event", r"""
sel: {TargetFilename: 'C:\\Users\\*\\evil_drop.dat'}
condition: sel""", {r"C:\Users\**\evil_drop.dat": ("file_path", "strong")}),
    ("file_event", r"""
sel: {TargetFilename|contains: '\AppData\Local\EvilCorp\'}
condition: sel""", {r"AppData\Local\EvilCorp\**\*": ("file_path", "strong")}),
    ("file_delete", r"""
sel: {TargetFilename|endswith: '\Temp\evil?.tmp'}
condition: sel""", {r"Temp\evil?.tmp": ("file_path", "strong")}),
    ("pipe_created", r"""
sel: {PipeName: '\evilpipe'}
condition: sel""", {r"[Ee][Vv][Ii][Ll][Pp][Ii][Pp][Ee]": ("pipe", "strong")}),
]  # fmt: skip


@pytest.mark.parametrize(("category", "detection", "became"), TWENTY)
def test_twenty_rules_of_the_named_kinds(
    imported: Importer, category: str, detection: str, became: dict[str, tuple[str, str]]
) -> None:
    made = imported({"rule.yml": rule(category, detection)})
    assert made.became() == became
    assert all(row["kind"] == f"Sigma {category}" for row in made.rows)


def test_the_twenty_are_one_file_as_well(imported: Importer) -> None:
    text = "---\n".join(rule(category, detection) for category, detection, _ in TWENTY)
    made = imported({"rules.yml": text})
    assert made.became() == {value: one for *_, some in TWENTY for value, one in some.items()}
    assert made.pack is not None
    assert any("https://blog.example/1" in text for text in made.pack.references.values())


def test_the_image_beside_other_values_is_the_process_of_their_chain(imported: Importer) -> None:
    made = imported({"rule.yml": rule("process_creation", r"""
img: {Image|endswith: '\rundll32.exe'}
cli: {CommandLine|contains: 'evil.dat'}
condition: img and cli""")})  # fmt: skip
    assert made.became() == {"evil.dat": ("command_line", "weak")}
    assert made.pack is not None
    (chain,) = made.pack.chains
    assert (chain.process, chain.strength.value, len(chain.all)) == (["rundll32.exe"], "strong", 1)


def test_of_all_parameters_each_may_begin_with_either_dash(imported: Importer) -> None:
    made = imported({"rule.yml": rule("process_creation", """
sel: {CommandLine|contains|all|windash: [' -evilone', ' -eviltwo']}
condition: sel""")})  # fmt: skip
    assert set(made.became().values()) == {("command_line", "strong")}
    assert set(made.became()) == {
        f"{first} … {second}"
        for one in (f"{dash}evilone" for dash in DASHES)
        for two in (f"{dash}eviltwo" for dash in DASHES)
        for first, second in ((one, two), (two, one))
    }


def test_each_parameter_of_one_value_has_its_own_dash(imported: Importer) -> None:
    made = imported({"rule.yml": rule("process_creation", """
sel: {CommandLine|contains|windash: 'evil-tool -one http://x'}
condition: sel""")})  # fmt: skip
    assert set(made.became()) == {
        f"evil-tool {one}one http:/{slash}x" for one, slash in product(DASHES, repeat=2)
    }
    assert made.told() == {}


def test_before_three_parameters_the_two_common_dashes_are_asked_and_it_is_told(
    imported: Importer,
) -> None:
    made = imported({"rule.yml": rule("process_creation", """
sel: {CommandLine|contains|windash: 'evil -one /two -three'}
condition: sel""")})  # fmt: skip
    assert set(made.became()) == {
        f"evil {one}one {two}two {three}three" for one, two, three in product("-/", repeat=3)
    }
    assert all("longer dashes would be too many choices" in one for one in made.told().values())


def test_where_all_dashes_are_too_many_the_two_common_ones_are_asked_and_it_is_told(
    imported: Importer,
) -> None:
    made = imported({"rule.yml": rule("process_creation", """
sel: {CommandLine|contains|all|windash: [-one, -two, -three, -four]}
condition: sel""")})  # fmt: skip
    assert {line.count("\u2013") for line in made.became()} == {0}
    assert any("/one" in line for line in made.became())
    assert all("longer dashes would be too many choices" in one for one in made.told().values())


def test_what_cannot_be_asked_makes_what_is_left_weak_and_is_named(imported: Importer) -> None:
    made = imported({"rule.yml": rule("process_creation", r"""
sel: {CommandLine|contains: 'evil.dat', ParentImage|endswith: '\winword.exe'}
filter_good: {User: SYSTEM}
condition: sel and not 1 of filter_*""")})  # fmt: skip
    assert made.became() == {"evil.dat": ("command_line", "weak")}
    (told,) = made.told().values()
    assert "ParentImage is not asked: wider, weak" in told
    assert "what it excludes is not asked (not 1 of filter_*): wider, weak" in told


@pytest.mark.parametrize("level", ["medium", "low", "informational", ""])
def test_a_rule_that_is_not_high_is_weak(imported: Importer, level: str) -> None:
    detection = "sel: {QueryName: evil-one.net}\ncondition: sel"
    assert imported({"rule.yml": rule("dns_query", detection, level)}).became() == {
        "evil-one.net": ("domain", "weak")
    }


@pytest.mark.parametrize(
    ("category", "detection", "why"),
    [
        ("registry_set", "sel: {Details: x}\ncondition: sel",
         "log source registry_set: no such evidence"),
        ("process_creation", "sel: {CommandLine|re: 'evil.*'}\ncondition: sel",
         "CommandLine, modifier re, is not asked"),
        ("process_creation", "sel: {CommandLine|base64offset|contains: evil}\ncondition: sel",
         "CommandLine, modifier base64offset, is not asked"),
        ("process_creation", "sel: {OriginalFileName: evil.exe}\ncondition: sel",
         "OriginalFileName is not asked"),
        ("process_creation", "sel: {Image: null}\ncondition: sel",
         "Image, a field that is empty, is not asked"),
        ("process_creation", "sel: {CommandLine|contains: {evil: one}}\ncondition: sel",
         "CommandLine, a value that is no text, is not asked"),
        ("process_creation", "sel: {CommandLine|contains: [[evil]]}\ncondition: sel",
         "CommandLine, a value that is no text, is not asked"),
        ("process_creation",
         "sel: {CommandLine|startswith: null, CommandLine|endswith: null}\ncondition: sel",
         "CommandLine, a field that is empty, is not asked"),
        ("process_creation",
         f"sel: {{CommandLine: evil}}\ncondition: {'(' * 300}sel{')' * 300}",
         "nested too deeply"),
        ("process_creation", f"sel: {{CommandLine: evil}}\ncondition: {'not ' * 900}sel",
         "nested too deeply"),
        ("process_creation", "sel: {CommandLine|contains|windash: ' -a -b -c -d'}\ncondition: sel",
         "CommandLine, windash over more than 3 parameters, is not asked"),
        ("process_creation", "keywords: [evil]\ncondition: keywords",
         "a keyword in any field: no indicator type"),
        ("process_creation", "sel: {CommandLine: '*'}\ncondition: sel",
         "CommandLine of nothing but wildcards"),
        ("process_creation", "sel: {CommandLine: evil}\ncondition: sel | count() > 3",
         "a count over events"),
        ("process_creation", "sel: {CommandLine: evil}\ncondition: other",
         "the condition at 'other'"),
        ("process_creation", "sel: {CommandLine: evil}\ncondition: (sel",
         "a condition with brackets that do not close"),
        ("process_creation", "sel: {CommandLine: evil}\ncondition: not sel",
         "what it excludes is not asked (not sel)"),
        ("file_event", "sel: {TargetFilename|endswith: '.exe'}\ncondition: sel",
         "every file of a kind"),
        ("image_load",
         "sel: {ImageLoaded|endswith: '\\ntdll.dll'}\nf: {Image: x}\ncondition: sel and not f",
         "what it excludes is not asked (not f); what is left is a name that every Windows has"),
    ],
)  # fmt: skip
def test_what_cannot_be_carried_over_is_named(
    imported: Importer, category: str, detection: str, why: str
) -> None:
    good = rule("dns_query", "sel: {QueryName: evil-one.net}\ncondition: sel")
    made = imported({"rules.yml": rule(category, detection) + "---\n" + good})
    assert made.became() == {"evil-one.net": ("domain", "strong")}
    assert list(made.left_out().values()) == [why]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("title: x\ndetection: [\n", "no YAML: line 3"),
        ("title: x\ndetection: &a {b: *a}\n", "an alias"),
        ("title: x\ndetection: " + "[" * 50 + "]" * 50, "deeply nested"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_rule_is_said_to_be_none(imported: Importer, text: str, why: str) -> None:
    made = imported({"rule.yml": text})
    assert made.code == 2
    assert made.pack is None
    assert why in made.rows[0]["left_out"]


def test_choices_are_bounded(imported: Importer) -> None:
    many = ", ".join(f"evil{number}" for number in range(20))
    detection = "\n".join(f"s{n}: {{CommandLine|contains: [{many}]}}" for n in range(3))
    made = imported({"rule.yml": rule("process_creation", f"{detection}\ncondition: all of s*")})
    assert list(made.left_out().values()) == ["more than 256 choices"]


@pytest.mark.parametrize("word", ["1", "any", "all"])
def test_a_condition_that_ends_too_soon_is_said(imported: Importer, word: str) -> None:
    detection = f"sel: {{Image|endswith: '\\a.exe'}}\ncondition: sel or {word} of"
    made = imported({"rule.yml": rule("process_creation", detection)})
    assert list(made.left_out().values()) == [f"a condition that ends behind {word} of"]


WORDS = ["sel", "other", "and", "or", "not", "(", ")", "1", "all", "of", "them", "s*", "|"]


@given(st.lists(st.sampled_from(WORDS), max_size=12), st.text("ab*?\\\\./-", max_size=12))
def test_whatever_a_rule_says_ends_in_values_or_reasons(words: list[str], value: str) -> None:
    detection = f"sel: {{Image|endswith: {json.dumps(value)}}}\nother: {{User: x}}\n"
    text = rule("process_creation", f"{detection}condition: {json.dumps(' '.join(words))}")
    offers = list(read_sigma(text))
    assert offers
    assert all(offer.wanted or offer.why for offer in offers)
