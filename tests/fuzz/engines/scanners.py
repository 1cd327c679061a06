"""The engines behind one call: bytes in, (rule, pattern, [(offset, length)]) out.

``Places`` is what is compared: for each rule that matched, in the order of the rules, and each of
its patterns that occurs, every place. Lengths are in bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import boreal
import yara
import yara_x

Places = list[tuple[str, str, list[tuple[int, int]]]]
Scan = Callable[[bytes], Places]
Verdicts = Callable[[bytes], list[str]]
Externals = Mapping[str, "str | int | bool | float"]

ALL = 1 << 20
"""More matches of one pattern than any input of ours can hold."""

Refused = (boreal.Error, yara_x.CompileError, yara.Error)


def boreal_places(source: str, *, cap: int = ALL, fast: bool = True, memory: bool = False) -> Scan:
    """boreal; ``memory``: its smaller and slower profile."""
    profile = boreal.CompilerProfile.Memory if memory else boreal.CompilerProfile.Speed
    scanner = boreal.compile(source=source, profile=profile)
    scanner.set_params(string_max_nb_matches=cap)
    match = scanner.match

    def scan(data: bytes) -> Places:
        return [
            (m.rule, s.identifier, [(i.offset, i.matched_length) for i in s.instances])
            for m in match(data=data, fast=fast)
            for s in m.strings
        ]

    return scan


def yara_x_places(source: str, *, cap: int = ALL) -> Scan:
    """YARA-X."""
    scanner = yara_x.Scanner(yara_x.compile(source))
    scanner.max_matches_per_pattern(cap)
    run = scanner.scan

    def scan(data: bytes) -> Places:
        return [
            (rule.identifier, pattern.identifier[1:], [(m.offset, m.length) for m in found])
            for rule in run(data).matching_rules
            for pattern in rule.patterns
            if (found := pattern.matches)
        ]

    return scan


def yara_places(source: str) -> Scan:
    """YARA by yara-python."""
    match = yara.compile(source=source).match

    def scan(data: bytes) -> Places:
        return [
            (m.rule, s.identifier[1:], [(i.offset, i.matched_length) for i in s.instances])
            for m in match(data=data)
            for s in m.strings
        ]

    return scan


def boreal_verdicts(source: str, externals: Externals) -> Verdicts:
    """Names of the rules that match, by boreal."""
    scanner = boreal.compile(source=source, externals=dict(externals))
    scanner.set_params(string_max_nb_matches=ALL)
    return lambda data: [m.rule for m in scanner.match(data=data)]


def yara_x_verdicts(source: str, externals: Externals) -> Verdicts:
    """Names of the rules that match, by YARA-X."""
    compiler = yara_x.Compiler()
    for name, value in externals.items():
        compiler.define_global(name, value)
    compiler.add_source(source)
    scanner = yara_x.Scanner(compiler.build())
    scanner.max_matches_per_pattern(ALL)
    return lambda data: [rule.identifier for rule in scanner.scan(data).matching_rules]


def yara_verdicts(source: str, externals: Externals) -> Verdicts:
    """Names of the rules that match, by YARA."""
    rules = yara.compile(source=source, externals=dict(externals))
    return lambda data: [m.rule for m in rules.match(data=data)]
