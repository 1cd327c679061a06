"""Whether anything of what is looked for occurs in bytes at all, and nothing else: the question
that is asked of most of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..engine.patterns import BytePattern, text_pattern
from ..engine.rare_pieces import RarePiece, rare_pieces
from ..engine.scanner import Occurrences, PatternScanner

Compile = Callable[[Mapping[str, Sequence[str]], int], PatternScanner]
Places = dict[int, list[tuple[int, int]]]
"""Offset and length, by number."""
_MARKS = 4096
"""Places of one marker that are told."""
_FEW = 16
"""Places of one pattern, where the first that is one is enough."""


class AnyOf:
    """Patterns, of the texts among them the rare pieces alone. By any thread."""

    def __init__(
        self,
        patterns: Mapping[int, BytePattern],
        compiled: Compile,
        *,
        markers: range = range(0),
    ) -> None:
        """``compiled``: makes a scanner of declarations by the numbers of their patterns, and of so
        many places of each that it tells; what it raises is raised. ``markers``: the numbers of
        those of which :meth:`marked` tells the places."""
        self._patterns, self._markers = patterns, markers
        held = [one.holds for part, one in patterns.items() if one.holds and part not in markers]
        self._pieces = rare_pieces(held)
        self._plain = {
            pattern.text.lower()
            for pattern in patterns.values()
            if pattern.text is not None and pattern.check is None and not pattern.whole_word
        }
        """Texts that occur wherever they stand."""
        declared = {
            str(part): one.forms
            for part, one in patterns.items()
            if part in markers or not one.holds
        }
        for number, piece in enumerate(self._pieces):
            # No pattern has a number below zero.
            declared[str(-1 - number)] = text_pattern(piece.text).forms
        self._scanner = compiled(declared, _MARKS if markers else _FEW)

    def occurs(self, data: bytes) -> bool | None:
        """None: something may, and has to be asked for in full.

        Raises ScanFailed.
        """
        answer: bool | None = False
        for one in self._scanner.scan(data):
            number = int(one.name)
            is_there = (
                self._is_text(self._pieces[-1 - number], one, data)
                if number < 0
                else self._is_one(self._patterns[number], one, data)
            )
            if is_there:
                return True
            answer = answer if is_there is False else None
        return answer

    def marked(self, data: bytes) -> tuple[Places | None, bool]:
        """Where the markers stand, by their number among them, and whether it is sure that nothing
        else occurs; None: something does, or a marker stands at more places than are told.

        Raises ScanFailed.
        """
        found: Places = {}
        is_sure = True
        for one in self._scanner.scan(data):
            number = int(one.name)
            if number in self._markers:
                if one.more:
                    return None, True
                found.setdefault(number - self._markers.start, []).extend(one.places)
                continue
            is_there = (
                self._is_text(self._pieces[-1 - number], one, data)
                if number < 0
                else self._is_one(self._patterns[number], one, data)
            )
            if is_there:
                return None, True
            is_sure = is_sure and is_there is False
        return found, is_sure

    def _is_text(self, piece: RarePiece, one: Occurrences, data: bytes) -> bool | None:
        """Whether the text of a piece occurs."""
        if piece.whole in self._plain:
            if any(_stands_there(piece, place, data) for place in one.places):
                return True
            return None if one.more else False
        return None

    def _is_one(self, pattern: BytePattern, one: Occurrences, data: bytes) -> bool | None:
        check = pattern.check
        if check is None or any(check(data, at, length) for at, length in one.places):
            return True
        return None if one.more else False


def _stands_there(piece: RarePiece, place: tuple[int, int], data: bytes) -> bool:
    at, length = place
    is_wide = length > len(piece.text)
    start = at - piece.at * (1 + is_wide)
    text = piece.whole.encode("utf-16-le" if is_wide else "ascii")
    return start >= 0 and data[start : start + len(text)].lower() == text
