"""Patterns compiled once, bytes in, places out: the one module that asks boreal to scan.

The engine lets go of the interpreter while it scans, and one compiled set serves all threads at
once. Its modules (``pe`` and the like) are not for here: what parses foreign bytes runs in a
process of its own (``guard.py``).
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import boreal

_T = TypeVar("_T")
_AHEAD = 2
"""Pieces scanned while one is looked at."""
SCAN_TIMEOUT_S = 60
ALL_MATCHES = 1 << 20
"""Of one declaration in one piece of bytes; that there are more is told."""

TOO_MANY = "more matches of one pattern than are looked at"


class PatternError(Exception):
    """A pattern does not compile: the name that it was given, and the engine's words."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")
        self.name = name
        self.why = why


class ScanFailed(Exception):
    """The engine gave up on these bytes; the reason is for the coverage."""


class Occurrences(NamedTuple):
    """Of one declaration."""

    name: str
    places: list[tuple[int, int]]
    """Offset and length of each, in the order in which the engine met them."""
    more: bool
    """Whether there are more than were asked for."""


class PatternScanner:
    """Named patterns in the rule language of YARA. By any thread, several at once."""

    def __init__(self, patterns: Mapping[str, Sequence[str]], *, most: int = ALL_MATCHES) -> None:
        """``patterns``: by name, declarations any of which is a match; ``most``: matches of each
        declaration that are told.

        Raises PatternError, with the name.
        """
        self._names = [name for name, forms in patterns.items() for _ in forms]
        """Of each declaration."""
        self._most = most
        declarations = [form for forms in patterns.values() for form in forms]
        self._scanner = self._compiled(declarations) if declarations else None

    def _compiled(self, declarations: Sequence[str]) -> boreal.Scanner:
        try:
            return _scanner(tuple(declarations), self._most)
        except boreal.AddRuleError as error:
            raise self._named(declarations, error) from error

    def _named(self, declarations: Sequence[str], error: Exception) -> PatternError:
        """The first that does not compile alone is the one that is wrong."""
        for name, declaration in zip(self._names, declarations, strict=True):
            try:
                boreal.compile(source=_rule([declaration]))
            except boreal.AddRuleError as alone:
                return PatternError(name, words_of(alone))
        return PatternError(self._names[0], words_of(error))

    def __bool__(self) -> bool:
        """Whether there is anything to look for."""
        return self._scanner is not None

    def scan(self, data: bytes) -> list[Occurrences]:
        """Of each declaration that matches.

        Raises ScanFailed.
        """
        if self._scanner is None:
            return []
        try:
            # "Fast" would not tell where the strings are.
            found = self._scanner.match(
                data=data, fast=False, timeout=SCAN_TIMEOUT_S, max_match_data=0
            )
        except (boreal.ScanError, boreal.TimeoutError) as error:
            raise ScanFailed(str(error)) from error
        if not found:
            return []
        names, most = self._names, self._most
        result = []
        for string in found[0].strings:
            places = [(place.offset, place.matched_length) for place in string.instances]
            more = len(places) > most
            result.append(Occurrences(names[int(string.identifier[1:])], places[:most], more))
        return result


def scanned_ahead(
    scanner: PatternScanner, pieces: Iterable[tuple[_T, bytes]]
) -> Iterator[tuple[_T, Callable[[], list[Occurrences]]]]:
    """Each piece with what asks for its matches, in their order; the next ones are scanned
    meanwhile, on the other core. What is asked raises ScanFailed."""
    waiting: deque[tuple[_T, Future[list[Occurrences]]]] = deque()
    with ThreadPoolExecutor(_AHEAD, "scan") as pool:
        for piece, data in pieces:
            waiting.append((piece, pool.submit(scanner.scan, data)))
            if len(waiting) > _AHEAD:
                known, future = waiting.popleft()
                yield known, future.result
        for known, future in waiting:
            yield known, future.result


@functools.lru_cache(maxsize=8)
def _scanner(declarations: tuple[str, ...], most: int) -> boreal.Scanner:
    """The same for a pack that is proved and then looked for. Raises boreal.AddRuleError."""
    scanner = boreal.compile(source=_rule(declarations), max_strings_per_rule=len(declarations))
    # One more tells that there were too many.
    scanner.set_params(string_max_nb_matches=most + 1)
    return scanner


def _rule(declarations: Sequence[str]) -> str:
    strings = "\n".join(f"$p{number} = {text}" for number, text in enumerate(declarations))
    return f"rule any_of {{\nstrings:\n{strings}\ncondition: any of them }}"


def words_of(error: Exception) -> str:
    """The engine's words for what does not compile, without the place and the picture of it."""
    line = next((line for line in str(error).splitlines() if line.strip()), "")
    return line.partition(": error: ")[2] or line
