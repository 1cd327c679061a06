"""What rules are asked about, and what they answer."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final, NamedTuple

Externals = Mapping[str, str | int]


class RuleMatch(NamedTuple):
    """A rule that matches."""

    rule: str
    """``NAMESPACE:RULE``."""
    offset: int
    """Of the earliest place, with its ``length``; both 0 where none of its strings has one."""
    length: int


class ScanAnswer(NamedTuple):
    """What the rules say of one file."""

    matches: list[RuleMatch]
    gaps: tuple[str, ...]
    """What they could not answer."""


NOTHING: Final = ScanAnswer([], ())


class RulesFailed(Exception):
    """The rules gave no answer; ``reason``: for the coverage."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Content(NamedTuple):
    """One file."""

    data: bytes | memoryview
    externals: Externals


class Why(Enum):
    """A process was lost."""

    TIME = auto()
    MEMORY = auto()
    DIED = auto()
    CLOSED = auto()


class Lost(Exception):
    """A process is no more: why, in words if it died, and the index in its batch of the file that
    it had, None if nobody knows."""

    def __init__(self, why: Why, index: int | None, words: str = "") -> None:
        super().__init__(words)
        self.why = why
        self.index = index
        self.words = words
