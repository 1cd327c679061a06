"""One rule set, compiled in several ways, of which the fastest on these very bytes is used.

YARA-X looks for few patterns with a vectorised prefilter, whose speed depends on the patterns and
the data: on an $MFT, where every second byte is zero, measured from 15 GB/s down to 0.1 GB/s. With
many patterns it falls back to an automaton of a steady 1.2 GB/s. All ways give the same matches.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence

import yara_x

from .errors import NtfsError

MAX_ALONE = 12
"""Scanners of one pattern each; more would read the bytes too often."""
_PADDING = 96
"""Patterns that do not occur; with them the automaton is taken."""
_RACES = frozenset((1, 4, 16, 64, 256, 1024, 4096))
"""Buffers on which the ways are tried; not the first, on which a scanner makes itself ready."""
_FAST = 8e9
"""Bytes per second at which the first way needs no race, and the others are not even compiled."""
_TIMEOUT_S = 60
_MATCHES = 1 << 20


class RacingScanner:
    """Scans buffer after buffer."""

    def __init__(self, rules: Mapping[str, Sequence[str]]) -> None:
        """``rules``: patterns by the name of the rule that any of them fulfils."""
        self._rules = {name: patterns for name, patterns in rules.items() if patterns}
        self._ways: list[list[yara_x.Scanner]] = []
        if self._rules:
            self._ways.append([_scanner(self._rules)])
        self._alone = sum(map(len, self._rules.values())) <= 1
        """One pattern has but one way."""
        self._best = 0
        self._buffers = 0

    def _others(self) -> Iterator[list[yara_x.Scanner]]:
        rules = self._rules
        yield [_scanner({**rules, "padding": _padding()})]
        alone = [(name, pattern) for name in rules for pattern in rules[name]]
        if len(alone) <= MAX_ALONE:
            yield [_scanner({name: [one]}) for name, one in alone]

    def scan(self, data: bytes) -> list[tuple[int, str]]:
        """Offset and rule of each match.

        Raises:
            NtfsError: the scanner gave up (time).
        """
        if not self._ways:
            return []
        number, self._buffers = self._buffers, self._buffers + 1
        try:
            if number not in _RACES or self._alone:
                return _matches(self._ways[self._best], data)
            return self._race(data)
        except (yara_x.ScanError, yara_x.TimeoutError) as error:
            raise NtfsError(f"scan failed: {error}") from error

    def _race(self, data: bytes) -> list[tuple[int, str]]:
        found, least = _timed(self._ways[0], data)
        self._best = 0
        if len(data) >= _FAST * least:
            return found
        if len(self._ways) == 1:
            self._ways += self._others()
        for index, way in enumerate(self._ways[1:], start=1):
            found, taken = _timed(way, data)
            if taken < least:
                least, self._best = taken, index
        return found


def _timed(way: Sequence[yara_x.Scanner], data: bytes) -> tuple[list[tuple[int, str]], float]:
    start = time.perf_counter()
    found = _matches(way, data)
    return found, time.perf_counter() - start


def _matches(scanners: Sequence[yara_x.Scanner], data: bytes) -> list[tuple[int, str]]:
    return [
        (match.offset, rule.identifier)
        for scanner in scanners
        for rule in scanner.scan(data).matching_rules
        if rule.identifier != "padding"
        for pattern in rule.patterns
        for match in pattern.matches
    ]


def _scanner(rules: Mapping[str, Sequence[str]]) -> yara_x.Scanner:
    compiler = yara_x.Compiler()
    for name, patterns in rules.items():
        strings = "\n".join(f"  $p{n} = {pattern}" for n, pattern in enumerate(patterns))
        compiler.add_source(f"rule {name} {{ strings:\n{strings}\n condition: any of them }}")
    scanner = yara_x.Scanner(compiler.build())
    scanner.set_timeout(_TIMEOUT_S)
    scanner.max_matches_per_pattern(_MATCHES)
    return scanner


def _padding() -> list[str]:
    return [f"{{ {hashlib.sha256(bytes([n])).hexdigest()[:24]} }}" for n in range(_PADDING)]
