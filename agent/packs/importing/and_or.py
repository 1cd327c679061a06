"""Conditions of ``not``, ``and``, ``or`` and brackets, whatever they are about: ``not`` binds
closest, then ``and``, then ``or``. Sigma, YARA and Kusto have that in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

from .expressions import Unfit
from .terms import Choices, both, either

_MOST_DEEP = 32
_T = TypeVar("_T")


class AndOr(ABC, Generic[_T]):
    """A reader of such conditions; what it makes of them is its own matter."""

    def any_of(self, depth: int = 0) -> _T:
        """What stands between two ``or``, or all of it. Raises Unfit."""
        found = [self._all_of(depth)]
        while self.takes("or"):
            found.append(self._all_of(depth))
        return found[0] if len(found) == 1 else self.either(found)

    def _all_of(self, depth: int) -> _T:
        found = [self.one(depth)]
        while self.takes("and"):
            found.append(self.one(depth))
        return found[0] if len(found) == 1 else self.both(found)

    def one(self, depth: int) -> _T:
        """A part that no ``and`` or ``or`` divides. Raises Unfit."""
        if depth > _MOST_DEEP:
            raise Unfit("nested too deeply")
        if self.takes("not"):
            return self.negated(depth + 1)
        if self.takes("("):
            found = self.any_of(depth + 1)
            if not self.takes(")"):
                raise Unfit(self.unclosed())
            return found
        return self.leaf(depth)

    @abstractmethod
    def takes(self, word: str) -> bool:
        """Whether this word comes next; it is read then."""

    @abstractmethod
    def leaf(self, depth: int) -> _T:
        """What holds no further ``and`` or ``or``. Raises Unfit."""

    @abstractmethod
    def negated(self, depth: int) -> _T:
        """What stands behind a ``not``. Raises Unfit."""

    @abstractmethod
    def either(self, parts: Sequence[_T]) -> _T: ...

    @abstractmethod
    def both(self, parts: Sequence[_T]) -> _T: ...

    @abstractmethod
    def unclosed(self) -> str:
        """What to tell of a bracket that does not close."""


class OverWords(AndOr[Choices]):
    """Of a condition that is a list of words, as choices of indicators."""

    def __init__(self, words: Sequence[str], *, any_case: bool = False) -> None:
        """``any_case``: of the words that mean something by themselves."""
        self.words, self.at = words, 0
        self._read = [word.lower() for word in words] if any_case else words

    def word(self, ahead: int = 0) -> str:
        """The next one; empty at the end."""
        place = self.at + ahead
        return self._read[place] if place < len(self._read) else ""

    def takes(self, word: str) -> bool:
        found = self.word() == word
        self.at += found
        return found

    def either(self, parts: Sequence[Choices]) -> Choices:
        return either(parts)

    def both(self, parts: Sequence[Choices]) -> Choices:
        return both(parts)
