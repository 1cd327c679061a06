"""What of the packs is looked for in the records that a host keeps: logs, hives, prefetch.

There a hash stands as text, and a path may be all that there is of a file. So there is more to look
for than in the contents of files; what of it is no mention by itself (the name of a path, the
beginning of a block of addresses) only says where a record is worth parsing.

Values lie side by side there, often with nothing between them: an address and its port are one word
(of real logs' strings one in eight, of the Security log's one in four). So whole words are asked
for in what a parser took apart, and not in the bytes.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Container, Sequence
from functools import cached_property

from ..engine.patterns import (
    BytePattern,
    beside_anything,
    name_pattern,
    patterns_of,
    text_pattern,
)
from ..formats import user_assist
from ..indicators import Address, Domain, FileHash, FileName, FilePath, Indicator
from ..model.observation import ByteHit
from ..spelling import base_name, is_glob
from .byte_rules import ByteRules, Marks

LEAST_STEM = 5
"""Characters in front of a name's last dot; shorter ones stand before a bracket too often."""
COPY_BEGINS = (" (", "(", "[", " - ")
"""What stands behind the stem in a copy's name, as Explorer and browsers number them."""


def marker(form: str, longest: int) -> BytePattern:
    """A declaration in the rule language; ``longest``: bytes of its longest occurrence."""
    return BytePattern((form,), longest)


class RecordRules:
    """By any thread. Building takes as long as :class:`ByteRules`."""

    def __init__(
        self,
        indicators: Sequence[Indicator],
        left_out: Container[str] = frozenset(),
        markers: Sequence[BytePattern] = (),
        *,
        turned: bool = False,
    ) -> None:
        """``markers``: what makes a record worth parsing whatever it holds. ``turned``: names may
        stand in ROT13.

        Raises RulesError, with the indicator's id.
        """
        self._indicators, self._left_out = indicators, left_out
        turned_patterns = [p for i in indicators for p in _turned_of(i)] if turned else []
        copies = [p for i in indicators for p in _copies_of(i)]
        if turned:
            copies += [p for i in indicators for p in _copies_of(i, in_rot13=True)]
        self._candidates = ByteRules(
            indicators,
            left_out,
            patterns_of=_candidates_of,
            markers=(*markers, *turned_patterns, *copies),
        )
        self._markers = len(markers)
        self._only_candidates = frozenset(i.id for i in indicators if _is_only_candidate(i))
        self.overlap = self._candidates.overlap
        """As :attr:`ByteRules.overlap`."""

    @cached_property
    def _rules(self) -> ByteRules:
        """Asked where something occurs."""
        return ByteRules(self._indicators, self._left_out, patterns_of=_recorded_patterns_of)

    @cached_property
    def _turned(self) -> ByteRules:
        return ByteRules(self._indicators, self._left_out, patterns_of=_turned_of)

    def occurs(self, data: bytes) -> bool:
        """Whether there is anything in these bytes that is worth a closer look.

        Raises ScanFailed.
        """
        return self._candidates.occurs(data)

    def marked(self, data: bytes) -> Marks | None:
        """Where markers stand in bytes in which nothing else occurs; None: something does, or a
        marker stands at more places than are told.

        Raises ScanFailed.
        """
        return self._candidates.marked(data, self._markers)

    def every_offset(self, data: bytes) -> list[int] | None:
        """Where it is, in order; None: at more places than are told.

        Raises ScanFailed.
        """
        return self._candidates.every_offset(data)

    def mentions(self, data: bytes, *, whole_words: bool = True) -> list[ByteHit]:
        """The indicators that these bytes mention, each at its first place.

        ``whole_words``: not so for bytes in which values lie side by side.

        Raises ScanFailed.
        """
        rules = self._rules if whole_words else self._candidates
        return [hit for hit in rules.scan(data) if hit.indicator not in self._only_candidates]

    def candidates(self, data: bytes) -> list[ByteHit]:
        """As :meth:`mentions` of no whole words, and what only says where a record is worth
        parsing.

        Raises ScanFailed.
        """
        return self._candidates.scan(data)

    @cached_property
    def _copies(self) -> ByteRules:
        return ByteRules(self._indicators, self._left_out, patterns_of=_copy_of)

    def copies(self, data: bytes) -> list[ByteHit]:
        """Where the names of numbered copies begin (``ds7002 (1).zip``), each at its first place:
        the matcher takes them for the name, which itself does not stand there.

        Raises ScanFailed.
        """
        return self._copies.scan(data)

    def turned(self, data: bytes) -> list[ByteHit]:
        """The names that stand in these bytes in ROT13, each at its first place, whatever stands
        beside it; the excerpts are turned back.

        Raises ScanFailed.
        """
        return [
            ByteHit(hit.indicator, hit.offset, user_assist.turned(hit.excerpt))
            for hit in self._turned.scan(data)
        ]


def _recorded_patterns_of(indicator: Indicator) -> list[BytePattern]:
    if isinstance(indicator, FileHash):
        return [text_pattern(indicator.value, whole_word=True)]
    if isinstance(indicator, FilePath):
        return _last_of(indicator)
    if isinstance(indicator, Address) and "/" in indicator.value:
        return _beginning_of(indicator.value)
    return patterns_of(indicator)


def _candidates_of(indicator: Indicator) -> list[BytePattern]:
    return [beside_anything(pattern) for pattern in _recorded_patterns_of(indicator)]


def _copies_of(indicator: Indicator, *, in_rot13: bool = False) -> list[BytePattern]:
    """One for each way in which a copy's name may go on behind the stem."""
    if not isinstance(indicator, (FileName, FilePath)):
        return []
    stem, dot, _ = base_name(indicator.value).rpartition(".")
    if not dot or len(stem) < LEAST_STEM or is_glob(stem) or "%" in stem:
        return []
    stem = user_assist.turned(stem) if in_rot13 else stem
    return [text_pattern(stem + begin) for begin in COPY_BEGINS]


def _copy_of(indicator: Indicator) -> list[BytePattern]:
    """All of these ways in one, and as ROT13 turns them."""
    ways = [*_copies_of(indicator), *_copies_of(indicator, in_rot13=True)]
    if not ways:
        return []
    forms = tuple(form for way in ways for form in way.forms)
    return [BytePattern(forms, max(way.longest or 0 for way in ways))]


def _turned_of(indicator: Indicator) -> list[BytePattern]:
    """Of names and hashes as ROT13 turns them: each letter of ASCII, and nothing else."""
    if isinstance(indicator, FilePath):
        return [beside_anything(pattern) for pattern in _last_of(indicator, in_rot13=True)]
    if not isinstance(indicator, (FileName, FileHash, Domain)):
        return []
    value = user_assist.turned(indicator.value)
    made = name_pattern(value) if isinstance(indicator, FileName) else text_pattern(value)
    return [beside_anything(made)]


def _is_only_candidate(indicator: Indicator) -> bool:
    return isinstance(indicator, FilePath) or (
        isinstance(indicator, Address) and "/" in indicator.value
    )


def _last_of(path: FilePath, *, in_rot13: bool = False) -> list[BytePattern]:
    """Of the name at a path's end; without any letter there, of the last folder that has one."""
    for part in reversed(path.value.replace("/", "\\").split("\\")):
        if any(character.isalnum() for character in part) and "%" not in part:
            return [name_pattern(user_assist.turned(part) if in_rot13 else part)]
    return []


def _beginning_of(block: str) -> list[BytePattern]:
    """Of a block of IPv4 addresses: its whole octets and the dot behind them."""
    network = ipaddress.ip_network(block, strict=False)
    octets = str(network.network_address).split(".")[: network.prefixlen // 8]
    if network.version != 4 or not octets:
        return []
    return [text_pattern(".".join(octets) + ("." if len(octets) < 4 else ""))]
