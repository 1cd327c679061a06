"""Which rules of a namespace run, and why the others do not."""

from __future__ import annotations

import pytest

from agent.engine import rule_check
from agent.engine.rule_check import checked
from agent.engine.rule_text import Import, Rule, rules_in


def _checked(text: str) -> tuple[list[str], dict[str, str]]:
    """Names of the rules that run, and why each of the others does not."""
    items = rules_in(text)
    rules = [item for item in items if isinstance(item, Rule)]
    result = checked(rules, [item.module for item in items if isinstance(item, Import)])
    return (
        [rule.identifier for rule in result.compiled],
        {rules[index].name: fault.why for index, fault in result.faults.items()},
    )


def test_one_rule_that_does_not_compile_is_left_out_alone() -> None:
    running, faults = _checked(
        "rule a { condition: true } rule b { condition: nix } rule c { condition: a }"
    )
    assert running == ["a", "c"]
    assert list(faults) == ["b"]
    assert faults["b"].startswith('unknown identifier "nix": no rule before it')


def test_what_needs_a_left_out_rule_is_left_out_too_however_far() -> None:
    running, faults = _checked(
        "private rule a { condition: nix } rule b { condition: a } rule c { condition: not b }"
        " rule d { condition: true }"
    )
    assert running == ["d"]
    assert faults["b"] == "needs rule a, which was left out"
    assert faults["c"] == "needs rule b, which was left out"


def test_a_set_of_rules_with_a_left_out_one_is_not_counted_without_it() -> None:
    running, faults = _checked(
        "rule a1 { condition: true } rule a2 { condition: nix } rule s { condition: all of (a*) }"
    )
    assert running == ["a1"]
    assert faults["s"] == "needs rule a2, which was left out"


def test_a_rule_that_has_the_name_of_a_variable_is_not_replaced_by_it() -> None:
    _, faults = _checked('rule filename { condition: nix } rule b { condition: filename == "x" }')
    assert faults["b"] == "needs rule filename, which was left out"


def test_a_loop_variable_is_not_the_left_out_rule_of_its_name() -> None:
    running, _ = _checked(
        "rule i { condition: nix } rule b { condition: for any i in (1, 2) : ( i == filesize ) }"
    )
    assert running == ["b"]


def test_a_rule_that_comes_too_late_for_a_set_is_named() -> None:
    running, faults = _checked(
        "rule a1 { condition: true } rule s { condition: any of (a*) } rule a2 { condition: true }"
    )
    assert running == ["a1", "s"]
    assert "a*, a set that rule s before it has already counted" in faults["a2"]


def test_a_name_declared_twice_means_the_first() -> None:
    running, faults = _checked(
        "rule a { condition: true } rule b { condition: a }\nrule a { condition: false }"
    )
    assert running == ["a", "b"]
    assert faults == {"a": "is declared twice (first in line 1)"}


@pytest.mark.parametrize("condition", ["nix", "late"])
def test_without_its_global_rule_none_of_a_namespace_runs(condition: str) -> None:
    running, faults = _checked(
        f"rule a {{ condition: true }} global rule g {{ condition: {condition} }}"
        " rule late { condition: true }"
    )
    assert running == []
    assert faults["a"] == faults["late"] == "global rule g, which limits it, was left out"


def test_a_global_rule_that_runs_limits_the_others_as_before() -> None:
    running, faults = _checked(
        "global private rule g { condition: filesize < 10 } rule a { condition: true }"
        " rule b { condition: nix }"
    )
    assert running == ["g", "a"]
    assert list(faults) == ["b"]


@pytest.mark.parametrize("module", ["lnk", "vt", "cuckoo", "magic", "crx"])
def test_a_module_that_the_engine_lacks_is_named(module: str) -> None:
    running, faults = _checked(
        f'import "{module}" rule a {{ condition: {module}.x == 1 }} rule b {{ condition: true }}'
    )
    assert running == ["b"]
    assert faults == {"a": f'needs the module "{module}", which the engine does not have'}


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("rule r { condition: with a = 1 : ( a == 1 ) }", 'the engine does not know "with"'),
        ("rule r { strings: $a = /(?i)abc/ condition: $a }", "no (?…) groups"),
        ("rule r { strings: $a = /(?:ab)c/ condition: $a }", "no (?…) groups"),
        (
            "rule r { strings: $a = { 01 [1-100000] 02 } condition: $a }",
            "$a is too large for the engine: shorten its repetitions",
        ),
        (
            "rule r { strings: $a = /ab{1,90000}c/ condition: $a }",
            "$a is too large for the engine: shorten its repetitions",
        ),
        (f"rule r {{ condition: {'(' * 30}true{')' * 30} }}", "brackets are nested too deeply"),
        (f"rule r {{ condition: {'not ' * 60}true }}", "its condition is nested too deeply"),
        ('rule r { condition: filesize == "a" }', "compares values of different types"),
        ('rule r { condition: md5 == "a" }', 'external variable "md5"'),
        ("rule r { condition: pe.is_pe }", 'uses the module "pe" without import'),
        ('import "macho" rule r { condition: macho.has_dylib("a") }', 'uses "has_dylib"'),
        ("rule r { condition: any of (z*) }", "counts the rules z*, and none before it"),
        ("rule r { condition: for 50% i in (1..4) : ( i == 1 ) }", "syntax error at"),
        ("rule r { meta: a = 1.5 condition: true }", "syntax error at '.5 condition"),
        ('rule r { strings: $a = "abc" condition: true }', "variable $a is unused"),
        ("rule r { condition: int64(0) == 1 }", 'unknown identifier "int64"'),
    ],
)
def test_what_the_engine_lacks_or_refuses_is_said_in_plain_words(rule: str, why: str) -> None:
    running, faults = _checked(rule + " rule other { condition: true }")
    assert running == ["other"]
    assert why in faults["r"]


def test_the_place_of_a_fault_is_told_among_other_faults_and_stubs() -> None:
    text = 'import "pe"\nrule p { condition: pe.is_pe }\n\nrule a {\n  condition:\n    p and nix }'
    rules = [item for item in rules_in(text) if isinstance(item, Rule)]
    (fault,) = checked(rules, ["pe"]).faults.values()
    assert (fault.place.line, fault.place.column) == (6, 11)


def test_many_unfit_rules_do_not_have_the_whole_compiled_for_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = "\n".join(
        f"rule r{number} {{ condition: {'nix' if number % 25 == 0 else 'true'} }}"
        for number in range(2_000)
    )
    asked: list[int] = []
    compiled = rule_check.compiled

    def counting(text: str) -> list[object]:
        asked.append(text.count("rule "))
        return list(compiled(text))

    monkeypatch.setattr(rule_check, "compiled", counting)
    running, faults = _checked(text)
    assert (len(running), len(faults)) == (1_920, 80)
    assert sum(asked) < 2_000 * 8


@pytest.mark.parametrize(
    "hex_string",
    [
        "{ 0a 61 ?? ( 62 ?? | ?? 90 ) ( 61 62 ?? | 00 ?? 90 ) 90 62 }",
        "{ 61 ( 62 | 63 ) ( 6? | 00 ) 62 }",
        "{ 61 ( 62 | 6? ) ?? 62 }",
        "{ 61 [2] ( 62 | ?? 63 ) 62 }",
        "{ 61 ( 62 | ( 63 | 64 [1-2] ) ) 62 }",
    ],
)
def test_a_hex_string_of_which_the_engine_loses_occurrences_is_not_run(hex_string: str) -> None:
    running, faults = _checked(
        f"rule a {{ strings: $a = {hex_string} condition: $a }} rule b {{ condition: true }}"
    )
    assert running == ["b"]
    assert "the engine loses occurrences" in faults["a"]


@pytest.mark.parametrize(
    "hex_string",
    [
        "{ 61 ( 62 ?? | 63 ) 62 }",
        "{ 61 ?? ( 62 ?? | 63 ) 62 ?? }",
        "{ 61 ( ?? 62 | 63 ) ?? }",
        "{ 61 ( 62 | 63 64 ) ( 65 | 66 ) ?? 62 [2] 00 }",
        "{ 61 ~62 }",
    ],
)
def test_other_hex_strings_run(hex_string: str) -> None:
    running, _ = _checked(f"rule a {{ strings: $a = {hex_string} condition: $a }}")
    assert running == ["a"]


def test_a_global_rule_that_asks_an_ordinary_one_takes_its_namespace_with_it() -> None:
    running, faults = _checked(
        "rule a { condition: true } global rule g { condition: a } rule b { condition: true }"
    )
    assert running == []
    assert "asks rule a" in faults["g"]


def test_a_global_rule_may_ask_another_global_one() -> None:
    running, _ = _checked("global rule f { condition: true } global rule g { condition: f }")
    assert running == ["f", "g"]
