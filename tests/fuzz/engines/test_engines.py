"""The engines give the same on 2,000 cases; ``run.py`` is for millions.

How many is fixed, not how long, and so is the seed: a busy machine is no defect.
"""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .comparison import OVERLAPPED, Difference, differences, third_opinion
from .counting import Counts, Limit
from .hostile import Hostile, built_in, compiled, shapes, watch
from .inputs import Inputs
from .one_pack import compare_pack
from .packs import Pack, pack, pack_of
from .reference import reference
from .rules import compare_rules
from .scanners import Places, boreal_places, yara_x_places
from .targets import engines, mattering

SEED = 2018
LAZY = "/[^x]+?[ab]/ ascii wide"


def kinds_of(source: str, data: bytes) -> set[str]:
    made = pack_of([[("regex", source)]])
    found = boreal_places(made.source)(data), yara_x_places(made.source)(data)
    return {difference.kind for difference in differences(made, data, *found)}


def test_twelve_hundred_cases_of_packs_have_no_difference_that_matters(tmp_path: Path) -> None:
    counts, chosen = Counts("pack", SEED), random.Random(SEED)
    while counts.cases < 1_200:
        compare_pack(counts, chosen, tmp_path, 60)
    assert counts.mattering == 0, counts.line()
    assert counts.matches > 1_000


@settings(derandomize=True, max_examples=50, deadline=None, database=None)
@given(st.binary(min_size=200, max_size=1500))
def test_four_hundred_cases_that_hypothesis_makes_have_none_either(tape: bytes) -> None:
    engines(tape)


def test_three_hundred_cases_of_rules_differ_by_known_causes_alone(tmp_path: Path) -> None:
    counts, chosen = Counts("rules", SEED), random.Random(SEED)
    while counts.cases < 300:
        compare_rules(counts, chosen, tmp_path, 60)
    assert counts.matches > 100
    assert [kind for kind in counts.differences if "match" in kind] == [], counts.line()


def test_a_hundred_hostile_inputs_come_back() -> None:
    counts = Counts("hostile", SEED)
    watch(counts, Limit(120))
    assert counts.cases == 120
    assert counts.mattering == 0, counts.line()


# ---- What the comparison knows


@pytest.mark.parametrize(
    ("source", "data", "kind"),
    [
        ('"a" ascii wide', b"a\0", "length: ASCII or UTF-16 form"),
        ("/(ab|a)(c|bcd)/", b"abcd", "length: another of several ends"),
        ("/a{1,5}b/", b"aaaaaab", "yara-x: reports a place where nothing matches"),
        ("/^a/ wide", b"xa\0", "yara-x: reports a place where nothing matches"),
        ("/(a..|.)x/s", b"a.xx", OVERLAPPED),
        (LAZY, b"a\0\0a\0", OVERLAPPED),
        (
            "/[^a]/ nocase",
            b"a",
            "boreal: takes the letter that a negated class leaves out, without case",
        ),
    ],
)
def test_a_known_difference_is_still_there(source: str, data: bytes, kind: str) -> None:
    assert kind in kinds_of(source, data)


@pytest.mark.parametrize(
    ("shape", "source", "data"),
    [("heads", "/(a..|.)x/s", b"a.xx"), ("indicator", "/[^a]/ nocase", b"a")],
)
def test_where_the_agent_needs_more_it_matters(shape: str, source: str, data: bytes) -> None:
    assert [one.matters for one in mattering(pack_of([[(shape, source)]]), [data])] == [True]


def test_a_place_that_an_engine_leaves_out_matters_if_it_is_one() -> None:
    made = pack_of([[("literal", '"ab" ascii')]])
    whole: Places = [("r0", "p0", [(1, 2)])]
    none: Places = []
    missed = list(differences(made, b"xab", none, whole))
    assert [(one.kind, one.matters) for one in missed] == [("boreal: misses a pattern", True)]
    invented = list(differences(made, b"xay", whole, none))
    assert [one.matters for one in invented] == [True]
    assert third_opinion(Difference("", made.patterns[0], b"xab", [], [(1, 2)])) == "yara-x"


@pytest.mark.parametrize(
    ("source", "data", "lengths"),
    [
        ('"ab" ascii wide nocase', b"A\0B\0", {4}),
        ('"ab" fullword', b"abc", set()),
        ('"ab" fullword', b"ab.", {2}),
        ('"a\\x00\\"" ascii', b'a\0"', {3}),
        ("{ 61 [1-2] ( 62 | 63 64 ) }", b"axxcd", {5}),
        ("{ ~61 6? }", b"ab", set()),
        ("/a.{0,2}b/", b"axbb", {3, 4}),
        ("/a.b/", b"a\nb", set()),
        ("/a.b/s", b"a\nb", {3}),
        ("/ab$/ wide", b"a\0b\0c", set()),
        ("/[^a]b/ nocase", b"Ab", set()),
        ("/\\Wb/ nocase", b"\xc3b", {2}),
    ],
)
def test_the_reference_knows_all_lengths(source: str, data: bytes, lengths: set[int]) -> None:
    assert reference(source).lengths(data, 0) == lengths


def test_hostile_inputs_are_told_by_their_number_alone() -> None:
    one, other = (Hostile(7, shapes()) for _ in range(2))
    assert [one.make(n) for n in range(60)] == [other.make(n) for n in range(60)]


def test_each_pattern_of_the_built_in_packs_is_found_in_its_samples() -> None:
    forms = built_in()
    scanner = compiled(forms).ours
    found = {one.name for data in Hostile(SEED, forms).samples() for one in scanner.scan(data)}
    assert found == {str(number) for number in range(len(forms))}


def test_inputs_hold_what_their_pack_looks_for() -> None:
    chosen = random.Random(SEED)
    made: Pack = pack(chosen)
    scan = boreal_places(Pack(made.rules).source)
    assert any(scan(data) for data in islice(Inputs(made, chosen), 50))
