"""Indicators as patterns of bytes, and what their matches say.

Names, domains, addresses, URLs, command lines, contents and pipes are looked for in raw bytes in
ASCII, UTF-8 and UTF-16. What stands behind it is in :mod:`agent.engine`; nothing above this module
knows which engine that is.
"""

from __future__ import annotations

import re
import threading
import time
from array import array
from collections.abc import Callable, Container, Iterable, Mapping, Sequence

from ..engine.errors import RulesError
from ..engine.patterns import BytePattern, patterns_of
from ..engine.scanner import (
    ALL_MATCHES,
    SCAN_TIMEOUT_S,
    Occurrences,
    PatternError,
    PatternScanner,
    ScanFailed,
)
from ..engine.texts import LOOKED_UP_FROM, ExactText, TextSearcher
from ..indicators import Content, Indicator, Pipe
from ..model.observation import ByteHit
from .any_of import AnyOf

__all__ = ["ByteRules", "Marks", "RulesError", "ScanFailed", "WindowedScan", "excerpt"]

_EXCERPT = 98
"""Bytes on either side: those of a word at its edge are cut."""
_MAX_EXCERPT = 256
_BORDER = re.compile(r"[\x00-\x08\x0a-\x1f]")
"""Of lines and fields."""
_CUT_START, _CUT_END = re.compile(r"\A[\w.\-\ufffd]+"), re.compile(r"[\w.\-\ufffd]+\Z")
_FEW = 16
"""Places of one pattern, where the first that is one is enough."""
_EDGE = 4
"""Bytes beside an occurrence that may decide whether it is one: a character in UTF-8."""
_Place = tuple[int, int]
"""Offset and length."""
Marks = dict[int, list[_Place]]
"""Where markers stand, by their numbers as they were given."""


class ByteRules:
    """Compiled indicators. Building takes about a millisecond per hundred."""

    def __init__(
        self,
        indicators: Sequence[Indicator],
        left_out: Container[str] = frozenset(),
        *,
        patterns_of: Callable[[Indicator], list[BytePattern]] = patterns_of,
        markers: Sequence[BytePattern] = (),
    ) -> None:
        """``left_out``: ids of indicators that are looked for elsewhere, behind the guard;
        ``markers``: what is told by :meth:`occurs` alone.

        Raises RulesError, with the indicator's id.
        """
        self._ids: list[str] = []
        self._owners = array("L")
        """Of each pattern the place of its indicator among the ids; all of one must occur."""
        self._count: list[int] = []
        """Of each indicator's patterns."""
        parts: list[BytePattern] = []
        for indicator in indicators:
            if indicator.id not in left_out and (patterns := patterns_of(indicator)):
                parts += patterns
                self._owners.extend(len(self._ids) for _ in patterns)
                self._ids.append(indicator.id)
                self._count.append(len(patterns))
        self.scanned = frozenset(self._ids)
        """Ids of the indicators that bytes can tell of."""
        self._first_marker = len(parts)
        parts += markers
        self._owners.extend(len(self._ids) for _ in markers)
        lengths = [pattern.longest for pattern in parts]
        known = [length for length in lengths if length is not None]
        self.overlap = None if len(known) < len(parts) else max(known, default=0) + 2 * _EDGE
        """Bytes by which windows have to overlap, so that each occurrence lies in one of them with
        what decides about its ends; None: there is no bound."""
        texts = [
            ExactText(part, pattern.text, pattern.whole_word)
            for part, pattern in enumerate(parts)
            if pattern.text is not None
        ]
        looked_up = texts if len(texts) >= LOOKED_UP_FROM else []
        self._parts = dict(enumerate(parts))
        """Patterns by their numbers; of thousands of texts nothing more than them is kept."""
        for text in looked_up:
            del self._parts[text.key]
        del parts  # So that it does not take its room while what follows is made.
        self._texts = TextSearcher(looked_up) if looked_up else None
        self._declared = {str(part): pattern.forms for part, pattern in self._parts.items()}
        self._scanner = self._compiled(self._declared, _FEW)
        self._every: PatternScanner | None = None
        """Tells all places; compiled when it is needed first."""
        self._any: AnyOf | None = None
        """Tells whether there is anything; compiled when it is needed first."""
        self._marking: AnyOf | None = None
        """As that, and tells more places; compiled when it is needed first."""
        self._compiling = threading.Lock()

    def _compiled(self, declared: Mapping[str, Sequence[str]], most: int) -> PatternScanner:
        try:
            return PatternScanner(declared, most=most)
        except PatternError as error:
            identifier = self._name(int(error.name))
            raise RulesError(f"indicator {identifier}: {error.why}") from error

    def _name(self, part: int) -> str:
        number = self._owners[part]
        return self._ids[number] if number < len(self._ids) else "of a marker"

    def scan(self, data: bytes) -> list[ByteHit]:
        """Each indicator at its first place; by any thread.

        Raises ScanFailed.
        """
        scan = WindowedScan(self)
        scan.window(data, 0)
        return scan.hits()

    def offsets(self, data: bytes) -> dict[str, int]:
        """The ids of what :meth:`scan` finds, with the places, many times sooner where that is
        much.

        Raises ScanFailed.
        """
        first = {part: min(places) for part, places in self.places(data).items()}
        return {identifier: first[part][0] for identifier, part in self.holds(first)}

    def places(self, data: bytes, begin: int = 0) -> dict[int, list[_Place]]:
        """Of each pattern that occurs at ``begin`` or later, by its number, the first places.

        Raises ScanFailed.
        """
        return self._places(self._scanner, data, begin)

    def _places(self, scanner: PatternScanner, data: bytes, begin: int) -> dict[int, list[_Place]]:
        found: dict[int, list[_Place]] = {}
        unsure = False
        for one in scanner.scan(data):
            unsure |= not self._note(one, data, begin, found) and one.more
        if unsure:
            self._look_further(data, begin, found)
        if self._texts is not None:
            for part, place in self._texts.scan(data, begin).items():
                found.setdefault(part, []).append(place)
        return found

    @property
    def _every_place(self) -> PatternScanner:
        with self._compiling:
            if self._every is None:
                self._every = self._compiled(self._declared, ALL_MATCHES)
        return self._every

    def _any_of(self, markers: range = range(0)) -> AnyOf:
        return AnyOf(self._parts, self._compiled, markers=markers)

    def _note(
        self, one: Occurrences, data: bytes, begin: int, found: dict[int, list[_Place]]
    ) -> bool:
        """Keep the places that are one; whether there is any."""
        part = int(one.name)
        check = self._parts[part].check
        places = [
            (at, length)
            for at, length in one.places
            if at >= begin and (check is None or check(data, at, length))
        ]
        if places:
            found.setdefault(part, []).extend(places)
        return bool(places)

    def _look_further(self, data: bytes, begin: int, found: dict[int, list[_Place]]) -> None:
        """None of the first candidates is an occurrence, and there are more."""
        for one in self._every_place.scan(data):
            if not self._note(one, data, begin, found) and one.more:
                identifier = self._name(int(one.name))
                raise ScanFailed(f"too many candidates for {identifier}")

    def occurs(self, data: bytes) -> bool:
        """Whether any pattern, or marker, occurs in these bytes at all.

        Raises ScanFailed.
        """
        if self._any is None:
            with self._compiling:
                self._any = self._any or self._any_of()
        answer = self._any.occurs(data)
        if answer is None:
            return bool(self.places(data))
        return answer or (self._texts is not None and bool(self._texts.scan(data)))

    def marked(self, data: bytes, markers: int) -> Marks | None:
        """Where the first so many markers stand; None: any pattern, or another marker, occurs too,
        or a marker stands at more places than are told.

        Raises ScanFailed.
        """
        numbers = range(self._first_marker, self._first_marker + markers)
        if self._marking is None:
            with self._compiling:
                self._marking = self._marking or self._any_of(numbers)
        if self._texts is not None and self._texts.scan(data):
            return None
        found, is_sure = self._marking.marked(data)
        if is_sure or all(part in numbers for part in self.places(data)):
            return found
        return None

    def every_offset(self, data: bytes) -> list[int] | None:
        """Where all patterns and markers occur, in order; None: at more places than are told.

        Raises ScanFailed.
        """
        if self._texts is not None and self._texts.scan(data):
            return None
        found: dict[int, list[_Place]] = {}
        for one in self._every_place.scan(data):
            self._note(one, data, 0, found)
            if one.more:
                return None
        return sorted({at for places in found.values() for at, _ in places})

    def holds(self, places: dict[int, _Place]) -> list[tuple[str, int]]:
        """Ids whose patterns all occur, with the number of the pattern that stands first."""
        by_indicator: dict[int, list[int]] = {}
        for part in places:
            by_indicator.setdefault(self._owners[part], []).append(part)
        return [
            (self._ids[number], min(parts, key=places.__getitem__))
            for number, parts in sorted(by_indicator.items())
            if number < len(self._count) and len(parts) == self._count[number]
        ]


def wild(indicators: Iterable[Indicator]) -> dict[str, str]:
    """Of the indicators with expressions that some bytes make slow, by id, the rule that finds
    them: ``rule NAME { … }``, its name ``i`` and a number."""
    rules = {}
    for number, indicator in enumerate(indicators):
        if not isinstance(indicator, (Content, Pipe)):
            continue
        patterns = patterns_of(indicator)
        if all(pattern.tame for pattern in patterns):
            continue
        strings = "\n".join(
            f"$p{part}_{n} = {form}"
            for part, pattern in enumerate(patterns)
            for n, form in enumerate(pattern.forms)
        )
        condition = " and ".join(f"any of ($p{part}_*)" for part in range(len(patterns)))
        rules[indicator.id] = f"rule i{number} {{ strings:\n{strings}\ncondition: {condition} }}"
    return rules


class WindowedScan:
    """One content, looked at in windows from its beginning on. For one thread."""

    def __init__(self, rules: ByteRules) -> None:
        self._rules = rules
        self._places: dict[int, _Place] = {}
        self._excerpts: dict[int, str] = {}
        self._start: int | None = None
        """Where the first window begins."""
        self._left_s = float(SCAN_TIMEOUT_S)
        """For all windows together."""
        self._at_end: list[tuple[int, _Place, str]] = []
        """Occurrences at the end of the window: the next one shows what stands behind them."""

    def window(self, data: bytes, offset: int) -> None:
        """The bytes at an offset; all but the first begin with the last ``ByteRules.overlap`` of
        the window before.

        Raises ScanFailed.
        """
        self._at_end = []
        end = len(data) - _EDGE
        if self._start is None:
            self._start = offset
        # What begins at the very start of a later window was whole in the one before.
        begin = 0 if offset == self._start else _EDGE
        started = time.monotonic()
        found = self._rules.places(data, begin)
        self._left_s -= time.monotonic() - started
        if self._left_s < 0:
            raise ScanFailed(f"no answer within {SCAN_TIMEOUT_S} s")
        for part, places in found.items():
            if part in self._places:
                continue
            inside = [place for place in places if sum(place) <= end]
            at, length = min(inside or places)
            place, shown = (offset + at, length), excerpt(data, at, length)
            if inside:
                self._places[part], self._excerpts[part] = place, shown
            else:
                self._at_end.append((part, place, shown))

    def hits(self) -> list[ByteHit]:
        """Each indicator that occurred, at its first place; the last window was the last."""
        for part, place, shown in self._at_end:
            self._places[part], self._excerpts[part] = place, shown
        self._at_end = []
        if not self._places:
            return []
        return [
            ByteHit(identifier, self._places[part][0], self._excerpts[part])
            for identifier, part in self._rules.holds(self._places)
        ]


def excerpt(data: bytes, offset: int, length: int) -> str:
    """The line around a hit as text, whichever of UTF-8 and UTF-16 it is in; at most 256
    characters. Where it goes on, it is cut between words if there is a place, and ``…`` says so."""
    hit_end = offset + min(length, _MAX_EXCERPT)
    wide = _is_wide(data[offset:hit_end])
    start = max(0, offset - _EXCERPT)
    if wide and (offset - start) % 2:
        start += 1
    end = min(len(data), hit_end + _EXCERPT)
    before, hit, after = (
        part.decode("utf-16-le" if wide else "utf-8", errors="replace")
        for part in (data[start:offset], data[offset:hit_end], data[hit_end:end])
    )
    fields = _BORDER.split(before)
    before, goes_back = fields[-1], len(fields) == 1 and start > 0
    rest = _BORDER.split(hit + after)
    goes_on = len(rest) == 1 and end < len(data)
    after = rest[0][len(hit) :]
    if goes_back:
        before = "…" + (_CUT_START.sub("", before) or before)
    if goes_on:
        after = (_CUT_END.sub("", after) or after) + "…"
    text = (before + rest[0][: len(hit)] + after).strip()
    return text if len(text) <= _MAX_EXCERPT else text[: _MAX_EXCERPT - 1] + "…"


def _is_wide(occurrence: bytes) -> bool:
    """Whether it is UTF-16: with zeros, with control characters as the half of a letter, or no
    UTF-8 at all."""
    try:
        text = occurrence.decode()
    except UnicodeDecodeError as error:
        return error.start < len(occurrence) - 3
    return any(ord(character) < 32 and character not in "\t\r\n" for character in text)
