"""The operator's rule files and folders, as far as a sweep sees them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import boreal
import pytest
import yara
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.engine import rule_files
from agent.engine.errors import RulesError
from agent.engine.externals import EXTERNALS, externals_of
from agent.engine.rule_files import OperatorRules, load_rules
from agent.engine.rule_strength import strength_of
from agent.model.report import Strength

Write = Callable[[str, str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return written


def _engine(rules: OperatorRules) -> boreal.Scanner:
    return boreal.compile(sources=rules.sources, externals=dict(EXTERNALS), includes=False)


def _hits(
    rules: OperatorRules, data: bytes = b"EVILMARK", path: str = "C:\\t\\many.txt"
) -> set[str]:
    matches = _engine(rules).match(data=data, externals=dict(externals_of(path, data)))
    return {f"{match.namespace}:{match.rule}" for match in matches} & rules.rules.keys()


def _left_out(rules: OperatorRules) -> dict[str, str]:
    return {unfit.rule: unfit.why for unfit in rules.unfit}


def _rule(name: str, condition: str = "$s") -> str:
    return f'rule {name} {{ strings: $s = "EVILMARK" condition: {condition} }}\n'


def _unknown(name: str) -> str:
    return f'unknown identifier "{name}": no rule before it, module or variable has this name'


# includes


def test_an_include_lies_beside_the_file_that_asks_for_it(
    write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write("inc/sub/c.yar", _rule("inc_c"))
    write("inc/b.yar", 'include "sub/c.yar"\n' + _rule("inc_b"))
    a = write("inc/a.yar", 'include "b.yar"\nrule inc_a { condition: inc_b and inc_c }')
    monkeypatch.chdir(tmp_path)
    rules = load_rules([a.relative_to(tmp_path)])
    assert _hits(rules) == {"rules/a.yar:inc_a", "rules/a.yar:inc_b", "rules/a.yar:inc_c"}
    assert not rules.unfit


def test_an_include_may_be_written_with_the_separators_of_windows(write: Write) -> None:
    write("sub/b.yar", _rule("b"))
    a = write("a.yar", 'include "sub\\b.yar"\n')
    assert _hits(load_rules([a])) == {"rules/a.yar:b"}


def test_a_missing_include_is_named_where_it_is_asked_for_and_the_rest_runs(write: Write) -> None:
    a = write("a.yar", "\n" + _rule("one") + '  include "nix.yar"\nrule two { condition: of_nix }')
    rules = load_rules([a])
    assert _hits(rules) == {"rules/a.yar:one"}
    assert [unfit.message for unfit in rules.unfit] == [
        f'{a}:3:3: include "nix.yar": no such file; what is in it is left out',
        f"{a}:4:23: rule two: {_unknown('of_nix')}",
    ]


def test_a_circular_include_is_named_and_the_rules_run_once(write: Write) -> None:
    write("b.yar", 'include "a.yar"\n' + _rule("b"))
    a = write("a.yar", 'include "b.yar"\n' + _rule("a"))
    rules = load_rules([a])
    assert _hits(rules) == {"rules/a.yar:a", "rules/a.yar:b"}
    (unfit,) = rules.unfit
    assert unfit.path.endswith("b.yar")
    assert (unfit.line, unfit.column) == (1, 1)
    assert "circular" in unfit.why


def test_a_file_included_on_two_ways_is_there_once(write: Write) -> None:
    write("base.yar", _rule("base"))
    write("b.yar", 'include "base.yar"\nrule b { condition: base }')
    write("c.yar", 'include "base.yar"\nrule c { condition: base }')
    rules = load_rules([write("a.yar", 'include "b.yar"\ninclude "c.yar"\n')])
    assert _hits(rules) == {f"rules/a.yar:{name}" for name in ("base", "b", "c")}
    assert not rules.unfit


def test_a_fault_in_an_included_file_is_told_with_that_files_line(write: Write) -> None:
    b = write("b.yar", "\n\nrule b { condition:\n nix }")
    rules = load_rules([write("a.yar", 'include "b.yar"\n' + _rule("a"))])
    assert [unfit.message.partition(": unknown")[0] for unfit in rules.unfit] == [
        f"{b}:4:2: rule b"
    ]
    assert _hits(rules) == {"rules/a.yar:a"}


def test_includes_within_each_other_end_at_a_depth(write: Write) -> None:
    for number in range(40):
        write(f"{number}.yar", f'include "{number + 1}.yar"\n' + _rule(f"r{number}"))
    rules = load_rules([write("0.yar", 'include "1.yar"\n' + _rule("r0"))])
    assert len(_hits(rules)) == rule_files.MAX_DEPTH
    assert "deeper than 16 files" in next(iter(rules.unfit)).why


@pytest.mark.parametrize("path", ["//host/share/x.yar", "\\\\host\\share\\x.yar"])
def test_an_include_never_asks_another_host(write: Write, path: str) -> None:
    rules = load_rules([write("a.yar", f'include "{path}"\n' + _rule("a"))])
    assert "another host" in rules.unfit[0].why


def test_an_include_that_cannot_be_read_is_a_gap(write: Write, tmp_path: Path) -> None:
    write("b.yar", "rule b { condition: true }".encode("utf-16-le"))
    (tmp_path / "folder").mkdir()
    rules = load_rules([write("a.yar", 'include "b.yar" include "folder"\n' + _rule("a"))])
    assert ["NUL" in unfit.why for unfit in rules.unfit] == [True, False]
    assert "is not a file" in rules.unfit[1].why
    assert _hits(rules) == {"rules/a.yar:a"}


def test_what_is_read_is_bounded(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    a = write("a.yar", _rule("a"))
    monkeypatch.setattr(rule_files, "MAX_FILE_BYTES", 20)
    with pytest.raises(RulesError, match="larger than"):
        load_rules([a])


def test_files_that_include_the_same_large_one_are_bounded_together(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("lib.inc", _rule("lib") + " " * 1_000)
    for number in range(8):
        write(f"d/{number}.yar", 'include "../lib.inc"\n' + _rule("a"))
    monkeypatch.setattr(rule_files, "MAX_TOTAL_BYTES", 5_000)
    rules = load_rules([write("d/9.yar", _rule("a")).parent])
    assert any("one too many" in unfit.why for unfit in rules.unfit)
    assert "rules/9.yar:a" in _hits(rules)


# folders and names


def test_a_folder_is_all_its_rule_files_below_in_order(write: Write, tmp_path: Path) -> None:
    for name in ("yara/b.yar", "yara/deep/er/a.YARA", "yara/c.yara", "yara/readme.txt"):
        write(name, _rule(Path(name).stem))
    rules = load_rules([tmp_path / "yara"])
    assert list(rules.sources) == ["rules/b.yar", "rules/c.yara", "rules/a.YARA"]
    assert _hits(rules) == {"rules/b.yar:b", "rules/c.yara:c", "rules/a.YARA:a"}


def test_a_folder_without_rule_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match=r"no \*\.yar or \*\.yara file"):
        load_rules([tmp_path])


def test_files_of_one_name_are_told_apart_by_their_folders(write: Write) -> None:
    one = write("x/d1/rules.yar", _rule("one"))
    two = write("y/d1/rules.yar", _rule("one"))
    three = write("d2/rules.yar", _rule("three"))
    alone = write("d2/alone.yar", _rule("one"))
    assert _hits(load_rules([one, two, three, alone])) == {
        "rules/x/d1/rules.yar:one",
        "rules/y/d1/rules.yar:one",
        "rules/" + "/".join(three.parts[-3:]) + ":three",
        "rules/alone.yar:one",
    }


def test_two_files_of_one_name_and_one_rule_name_both_run(write: Write) -> None:
    one, two = write("d1/same.yar", _rule("one")), write("d2/same.yar", _rule("one"))
    assert _hits(load_rules([one, two])) == {"rules/d1/same.yar:one", "rules/d2/same.yar:one"}


def test_a_file_given_twice_and_in_a_folder_is_there_once(write: Write) -> None:
    one = write("d1/a.yar", _rule("one"))
    assert _hits(load_rules([one, one.parent, one])) == {"rules/a.yar:one"}


def test_a_part_that_an_index_of_the_folder_includes_is_not_taken_by_itself(write: Write) -> None:
    index = write("index.yar", 'include "parts/one.yar"\n')
    write("parts/one.yar", _rule("one"))
    write("parts/two.yar", _rule("two"))
    assert _hits(load_rules([index.parent])) == {"rules/index.yar:one", "rules/two.yar:two"}


def test_files_of_a_folder_that_include_each_other_do_not_vanish(write: Write) -> None:
    write("a.yar", 'include "b.yar"\n' + _rule("a"))
    b = write("b.yar", 'include "a.yar"\n' + _rule("b"))
    names = {hit.rpartition(":")[2] for hit in _hits(load_rules([b.parent]))}
    assert names == {"a", "b"}


def test_a_part_that_a_global_rule_would_limit_there_runs_by_itself_too(write: Write) -> None:
    write("a.yar", 'include "b.yar"\nglobal rule g { condition: filesize > 1MB }')
    b = write("b.yar", _rule("b"))
    assert _hits(load_rules([b.parent])) == {"rules/b.yar:b"}


def test_a_folder_with_a_file_that_cannot_be_read_runs_the_others(write: Write) -> None:
    write("bad.yar", b"\xff\xfe\0")
    good = write("good.yar", _rule("good"))
    rules = load_rules([good.parent])
    assert _hits(rules) == {"rules/good.yar:good"}
    assert list(_left_out(rules)) == ["rules/bad.yar"]


@pytest.mark.skipif(os.name == "nt", reason="such names cannot be made there")
def test_a_file_name_that_is_no_unicode_is_shown_escaped(write: Write, tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"a\xff.yar")).write_text(_rule("one"))
    assert _hits(load_rules([tmp_path])) == {"rules/a\\udcff.yar:one"}


# what the bytes of a file may look like


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_file_is_read_by_its_byte_order_mark(write: Write, encoding: str) -> None:
    rules = load_rules([write("r.yar", _rule("bom").encode(encoding))])
    assert _hits(rules) == {"rules/r.yar:bom"}


def test_a_comment_in_latin_1_does_not_matter(write: Write) -> None:
    rules = load_rules([write("l1.yar", b"// Autor: J\xf6rg\n" + _rule("l1").encode())])
    assert _hits(rules) == {"rules/l1.yar:l1"}
    assert not rules.unfit


def test_a_description_in_latin_1_is_readable(write: Write) -> None:
    text = b'rule a { meta: description = "J\xf6rgs" condition: true }'
    assert load_rules([write("a.yar", text)]).rules["rules/a.yar:a"].description == "Jörgs"


def test_a_last_comment_needs_no_line_end(write: Write) -> None:
    assert _hits(load_rules([write("a.yar", _rule("a") + "// end")])) == {"rules/a.yar:a"}


def test_lines_are_those_of_a_file_with_line_ends_of_windows(write: Write) -> None:
    a = write("a.yar", "// x\r\n/* y\r\n z */\r\nrule a {\r\n  condition: nix }\r\n")
    (unfit,) = load_rules([a]).unfit
    assert (unfit.line, unfit.column) == (5, 14)


def test_lines_stay_where_unfit_rules_were(write: Write) -> None:
    a = write("a.yar", "rule x {\n condition: nix }\n// c\n" + _rule("a") + "\n" + _rule("b"))
    (text,) = load_rules([a]).sources.values()
    assert [line.strip()[:6] for line in text.split("\n")][:6] == [
        *("", "", ""),
        "rule a",
        "",
        "rule b",
    ]


# what is left out


def test_one_unfit_rule_is_named_and_the_others_run(write: Write) -> None:
    a = write("a.yar", _rule("one") + "rule two { condition: nix }\n" + _rule("three"))
    rules = load_rules([a])
    assert _hits(rules) == {"rules/a.yar:one", "rules/a.yar:three"}
    assert list(_left_out(rules)) == ["rules/a.yar:two"]
    assert "rules/a.yar:two" not in rules.rules


def test_strict_refuses_what_would_be_left_out(write: Write) -> None:
    a = write("a.yar", _rule("one") + "rule two { condition: nix }\nrule c { condition: two }")
    with pytest.raises(RulesError) as refused:
        load_rules([a], strict=True)
    assert str(refused.value).startswith(f"{a}:2:23: rule two: unknown identifier")
    assert "(and 1 more)" in str(refused.value)
    assert load_rules([write("b.yar", _rule("one"))], strict=True).rules


def test_a_file_of_unfit_rules_alone_is_no_error(write: Write) -> None:
    a = write("m.yar", 'import "cuckoo"\nrule m { condition: cuckoo.sync.mutex(/x/) }')
    rules = load_rules([a])
    assert (rules.sources, rules.rules, rules.modules) == ({}, {}, frozenset())
    assert 'needs the module "cuckoo"' in _left_out(rules)["rules/m.yar:m"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'{"not": "a rule file"}', ":1:1: no YARA rule in this file"),
        (b"\n  hello rule", ":2:3: no YARA rule in this file"),
        (b"", "no rules in it"),
        (b"// all commented out", "no rules in it"),
        (b"MZ\x90\0", "NUL bytes"),
    ],
)
def test_a_named_file_without_a_rule_is_an_error(write: Write, content: bytes, why: str) -> None:
    with pytest.raises(RulesError, match=why):
        load_rules([write("a.yar", content)])


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match=r"nowhere\.yar: no such file"):
        load_rules([tmp_path / "nowhere.yar"])


def test_private_and_global_rules_keep_their_meaning(write: Write) -> None:
    text = _rule("p").replace("rule", "private rule") + "rule x { condition: p }\n"
    pg = write("pg.yar", text + "global rule g { condition: filesize < 10 }")
    rules = load_rules([pg, write("other.yar", _rule("o"))])
    assert set(rules.rules) == {"rules/pg.yar:g", "rules/pg.yar:x", "rules/other.yar:o"}
    assert _hits(rules, b"EVILMARK") == set(rules.rules)
    assert _hits(rules, b"EVILMARK EVILMARK") == {"rules/other.yar:o"}


@pytest.mark.parametrize("lost", ["global rule g { condition: nix }", "global rule 1st { true }"])
def test_without_its_global_rule_a_file_does_not_run_and_others_do(write: Write, lost: str) -> None:
    a = write("a.yar", _rule("a") + lost)
    rules = load_rules([a, write("b.yar", _rule("b"))])
    assert _hits(rules) == {"rules/b.yar:b"}
    assert "which limits it, was left out" in _left_out(rules)["rules/a.yar:a"]


def test_a_global_rule_that_comes_by_an_include_limits_the_file(write: Write) -> None:
    write("g.yar", "global rule g { condition: filesize > 1MB }")
    assert _hits(load_rules([write("a.yar", 'include "g.yar"\n' + _rule("a"))])) == set()


# what rules ask for


def test_external_variables_are_those_of_the_file(write: Write) -> None:
    a = write("ext.yar", 'rule e { condition: filename matches /many/ and extension == ".txt" }')
    rules = load_rules([a])
    assert _hits(rules, path="C:\\t\\many.txt") == {"rules/ext.yar:e"}
    assert _hits(rules, path="C:\\t\\few.txt") == set()


def test_only_modules_that_running_rules_ask_for_are_imported(write: Write) -> None:
    rules = load_rules(
        [
            write(
                "a.yar",
                'import "pe"\nimport "hash"\nimport "math"\n'
                "rule a { condition: not pe.is_pe }\nrule b { condition: hash.nix == 1 }",
            )
        ]
    )
    assert rules.modules == {"pe"}
    assert "hash" not in rules.sources["rules/a.yar"]
    assert _hits(rules) == {"rules/a.yar:a"}


def test_four_hundred_rules_that_match_are_four_hundred(write: Write) -> None:
    rules = load_rules([write("many.yar", "".join(_rule(f"r{n}") for n in range(400)))])
    assert len(_hits(rules)) == 400


@pytest.mark.parametrize(
    "text",
    [
        _rule("r", "#s > 16 and #s == 40 and not #s < 20"),
        _rule("r", "@s[20] == 171"),
        _rule("r", "$s and not $a").replace("condition", "$a = /a.*b/ condition"),
        'import "hash" import "math" rule r { condition: hash.md5(0, 9) != "" and math.mean(0, 9) > 1 }',
        'import "time" import "console" rule r { condition: time.now() > 0 and console.log("hi") }',
        "rule r { condition: filesize == 360 }",
    ],
)
def test_rules_without_cap_strings_or_with_modules_run(write: Write, text: str) -> None:
    rules = load_rules([write("r.yar", text)])
    assert _hits(rules, b"EVILMARK " * 40) == {"rules/r.yar:r"}


@pytest.mark.parametrize(
    "change",
    ["rule", "include", "unfit becomes fit", "name"],
)
def test_the_fingerprint_changes_with_what_runs(write: Write, change: str) -> None:
    def written() -> Path:
        write("b.yar", _rule("b"))
        return write("a.yar", 'include "b.yar"\n' + _rule("a") + "rule c { condition: nix }")

    before = load_rules([written()]).fingerprint
    assert load_rules([written()]).fingerprint == before
    a = written()
    if change == "rule":
        a.write_text(a.read_text().replace("EVILMARK", "EVILMARKS"))
    elif change == "include":
        write("b.yar", _rule("b", "#s > 1"))
    elif change == "unfit becomes fit":
        a.write_text(a.read_text().replace("nix", "b"))
    else:
        a = a.rename(a.with_name("other.yar"))
    assert load_rules([a]).fingerprint != before


def test_the_fingerprint_does_not_change_with_a_comment(write: Write) -> None:
    before = load_rules([write("a.yar", "// one\n" + _rule("a"))]).fingerprint
    assert load_rules([write("a.yar", "// two\n" + _rule("a"))]).fingerprint == before


# what a rule says of itself


@pytest.mark.parametrize(
    ("meta", "strength"),
    [
        ({}, Strength.STRONG),
        ({"score": 75}, Strength.STRONG),
        ({"score": 74}, Strength.WEAK),
        ({"score": "60"}, Strength.WEAK),
        ({"score": "high"}, Strength.STRONG),
        ({"score": True}, Strength.STRONG),
        ({"strength": "weak", "score": 90}, Strength.WEAK),
        ({"strength": "confirmed"}, Strength.CONFIRMED),
        ({"strength": "very", "score": 10}, Strength.WEAK),
        ({"severity": "Critical"}, Strength.STRONG),
        ({"severity": "HIGH"}, Strength.STRONG),
        ({"severity": "medium"}, Strength.WEAK),
        ({"severity": "low"}, Strength.WEAK),
        ({"threat_level": "informational"}, Strength.WEAK),
        ({"severity": "low", "score": 80}, Strength.STRONG),
        ({"severity": 100}, Strength.STRONG),
        ({"severity": 50}, Strength.WEAK),
        ({"severity": 2}, Strength.STRONG),
        ({"threat_level": 5}, Strength.STRONG),
    ],
)
def test_strength_is_read_as_the_field_writes_it(
    meta: dict[str, str | int], strength: Strength
) -> None:
    assert strength_of(meta) is strength


def test_a_rule_is_described_by_its_meta(write: Write) -> None:
    a = write(
        "a.yar",
        'rule a { meta: Description = "The \\"tool\\"" Score = 40 condition: true }\n'
        "rule b { meta: score = -1 x = false condition: true }",
    )
    rules = load_rules([a]).rules
    assert rules["rules/a.yar:a"].description == 'The "tool"'
    assert rules["rules/a.yar:a"].strength is Strength.WEAK
    assert rules["rules/a.yar:b"].description == "b"


# anything else


_PIECES = st.sampled_from(
    [
        *(_rule("a"), _rule("b"), "rule c { condition: a and b }\n", "rule a { condition: nix }\n"),
        *("private rule d { condition: any of (a*) }\n", "global rule g { condition: true }\n"),
        *('import "pe"\n', 'import "vt"\n', 'include "b.yar"\n', 'include "a.yar"\n'),
        *("rule ", "e", " { ", " }", "condition:", "strings:", "$a = ", '"', "/", "/x{1,3}/"),
        *("{ 01 ?? }", "/*", "*/", "//", "\n", "true", "pe.is_pe", "vt.x", "(", ")", " of them"),
        *("é", "\udcf6", "\0", "\r\n", "filename", "for any i in (1..2) : (i == 1)", "global "),
    ]
)
_TEXTS = st.lists(_PIECES, max_size=25).map(
    lambda pieces: "".join(pieces).encode("utf-8", "surrogateescape")
)


@settings(max_examples=300)
@given(st.one_of(_TEXTS, st.binary(max_size=200)), st.one_of(_TEXTS, st.binary(max_size=50)))
def test_any_files_end_in_rules_that_run_or_in_an_error(a: bytes, b: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "a.yar").write_bytes(a)
        Path(folder, "b.yar").write_bytes(b)
        try:
            rules = load_rules([Path(folder, "a.yar")])
        except RulesError:
            return
    assert rules.sources or rules.unfit
    public = {
        f"{rule.namespace}:{rule.identifier}" for rule in _engine(rules) if not rule.is_private
    }
    assert public == set(rules.rules)
    assert not {unfit.rule for unfit in rules.unfit if "twice" not in unfit.why} & public


@settings(max_examples=50)
@given(st.lists(st.sampled_from(["fit", "unfit", "needs"]), min_size=1, max_size=80))
def test_exactly_the_unfit_rules_are_left_out(kinds: list[str]) -> None:
    conditions = {"fit": "true", "unfit": "nix", "needs": "r0"}
    text = "\n".join(f"rule r{n} {{ condition: {conditions[k]} }}" for n, k in enumerate(kinds))
    fit = {
        f"rules/a.yar:r{n}"
        for n, kind in enumerate(kinds)
        if kind == "fit" or (kind == "needs" and n and kinds[0] == "fit")
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.yar")
        path.write_text(text)
        rules = load_rules([path])
    assert set(rules.rules) == fit
    assert len(rules.unfit) == len(kinds) - len(fit)


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b"MARK", True), (b"MARK" + bytes(96), True), (b"MARK" + bytes(97), False), (b"none", False)],
)
@pytest.mark.parametrize("number", ["100", "0x64"])
def test_a_range_from_the_end_is_what_it_is_to_yara(
    tmp_path: Path, number: str, data: bytes, *, expected: bool
) -> None:
    path = tmp_path / "range.yar"
    path.write_text(
        'rule r { strings: $a = "MARK" $b = "condition: $a in (filesize-9..filesize)"'
        f" condition: $a in (filesize - {number} .. filesize) and not $b }}"
    )
    loaded = load_rules([path])
    scanner = boreal.compile(sources=loaded.sources, externals=dict(EXTERNALS))
    assert bool(scanner.match(data=data)) is expected
    assert bool(yara.compile(str(path)).match(data=data)) is expected
