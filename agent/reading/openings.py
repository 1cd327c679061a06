"""Which files are worth more than their name: by their size, extension and first bytes.

What can be told without opening a file is told so, and from as little as possible: the walk asks
about names and sizes, the NTFS engine about bytes of a record too.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

from msgspec import Struct

MAX_HEAD = 16
"""First bytes that are told; a gate's magic may have more."""
ANY_HEAD = (b"",)
"""As first bytes: whatever they are."""


class Opening(NamedTuple):
    """What calls for a look into a file; all of it has to hold."""

    least: int = 1
    most: int = sys.maxsize
    """Bytes of the file."""
    extensions: frozenset[str] = frozenset()
    """As those of a selection; none: any."""
    head: bytes = b""
    """First bytes of the content, at most ``MAX_HEAD``."""


class Selection(Struct, frozen=True, dict=True):
    """Which files are worth more than their name."""

    exact_sizes: frozenset[int] = frozenset()
    least_size: int = sys.maxsize
    """Every file of at least this size."""
    extensions: frozenset[str] = frozenset()
    """Lower case with the dot; the empty string for names without one."""
    openings: tuple[Opening, ...] = ()
    """Of the files singled out so, those that are to be looked into; none given: all."""

    @cached_property
    def _of_any(self) -> _Steps:
        return _Steps.of([one for one in self.openings if not one.extensions])

    @cached_property
    def _of_extension(self) -> dict[str, _Steps]:
        named = frozenset[str]().union(*(one.extensions for one in self.openings))
        return {
            extension: _Steps.of(
                [
                    *(one for one in self.openings if extension in one.extensions),
                    *(one for one in self.openings if not one.extensions),
                ]
            )
            for extension in named
        }

    def heads(self, extension: str, size: int) -> tuple[bytes, ...]:
        """What a file of this extension and size, in bytes, has to begin with to be looked into:
        one of these; none: it is not, whatever it begins with."""
        if not self.openings:
            return ANY_HEAD
        steps = self._of_extension.get(extension, self._of_any)
        return steps.heads[bisect_right(steps.sizes, size)]

    def heads_of(self, extensions: Sequence[str], size: int) -> tuple[bytes, ...]:
        """As :meth:`heads`, of a file with several names."""
        if len(extensions) == 1:
            return self.heads(extensions[0], size)
        return _joined(head for one in extensions for head in self.heads(one, size))

    def sizes_of(self, extension: str) -> tuple[int, int]:
        """The least and the largest size, in bytes, of a file that is looked into for its
        extension."""
        if not self.openings:
            return 0, sys.maxsize
        own = [one for one in self.openings if extension in one.extensions]
        if not own:
            return 1, 0
        return min(one.least for one in own), max(one.most for one in own)


class _Steps(NamedTuple):
    """First bytes by size: those of a size lie behind all of ``sizes`` up to it."""

    sizes: list[int]
    heads: list[tuple[bytes, ...]]

    @classmethod
    def of(cls, openings: Sequence[Opening]) -> _Steps:
        sizes = sorted({size for one in openings for size in (one.least, one.most + 1)})
        heads = [
            _joined(one.head for one in openings if one.least <= size <= one.most)
            for size in (0, *sizes)
        ]
        return cls(sizes, heads)


def _joined(heads: Iterable[bytes]) -> tuple[bytes, ...]:
    found = dict.fromkeys(heads)
    return ANY_HEAD if b"" in found else tuple(found)
