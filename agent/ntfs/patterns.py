"""What is wanted, as patterns of the bytes that a record holds for it.

Names are UTF-16 in any case; sizes are told by the header of the $DATA attribute ([Russon]
"Attribute - Header"): resident ``80 00 00 00, length, 00, … size``, else ``…, 01, … size``.
The patterns find at least what is wanted; that it is, is seen in the parsed record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

from msgspec import Struct, field

from ..engine.patterns import any_case
from ..engine.texts import Within, shortest
from ..reading.openings import Selection
from ..spelling import COPY_SIGNS

MAX_RESIDENT = 1 << 12
"""Bytes; a smaller least size would take resident streams too, and so every file."""
_COPY_MARKS = (*COPY_SIGNS, " (")
"""What stands behind the stem in the name of a copy."""
_LEAST_STEM = 4


class Wanted(Struct, frozen=True, dict=True):
    """What the scan looks for."""

    is_wanted: Callable[[Sequence[str]], list[str]]
    """Of these names, those wanted (``Matcher.matching_names``)."""
    names: frozenset[str] = frozenset()
    """All exact names that ``is_wanted`` knows, folded; their numbered copies are found too."""
    pieces: tuple[str, ...] = ()
    """For each wildcard that ``is_wanted`` knows, a text that its names hold, folded. An empty one
    has every name asked for."""
    selection: Selection = field(default_factory=Selection)
    """Which live files are singled out by size or extension; exact sizes count for deleted files
    and for alternate streams too."""

    @property
    def everything(self) -> bool:
        """Whether each record has to be parsed."""
        return "" in self.pieces or self.selection.least_size < MAX_RESIDENT

    def mentioned(self, text: str) -> bool:
        """Whether a wanted name, or the stem of a copy of one, stands in a folded text."""
        return self._texts(text)

    @cached_property
    def _texts(self) -> Within:
        stems = (_stem(name) + mark for name in self.names for mark in _COPY_MARKS)
        return Within([*self.pieces, *self.names, *stems])


def name_patterns(names: Iterable[str], pieces: Iterable[str]) -> list[str]:
    """Patterns for names and for those of their copies, ``NAME (1).ZIP`` or ``NAME - COPY.ZIP``.

    The stem stands for all of them, unless it is so short that it would hit everywhere. A text
    that holds another one is left out.
    """
    texts: set[str] = {piece for piece in pieces if piece}
    for name in names:
        stem = _stem(name)
        if len(stem) >= _LEAST_STEM:
            texts.add(stem)
        else:
            texts.update((name, *(stem + mark for mark in _COPY_MARKS)))
    return [text_pattern(text) for text in shortest(texts)]


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name


def size_patterns(sizes: Iterable[int], record_size: int) -> list[str]:
    """$DATA of exactly these sizes."""
    patterns = []
    for size in sorted(sizes):
        if size < 1 << 63:
            patterns.append(f"{{ 80 00 00 00 ?? ?? 00 00 01 ?? ?? ?? [36] {_hex(size, 8)} }}")
        if size < record_size:
            patterns.append(
                f"{{ 80 00 00 00 ?? ?? 00 00 00 ?? ?? ?? ?? ?? ?? ?? {_hex(size, 4)} }}"
            )
    return patterns


def least_patterns(least: int) -> list[str]:
    """Non-resident $DATA of at least about this size."""
    if not MAX_RESIDENT <= least < 1 << 56:
        return []
    top = (least.bit_length() - 1) // 8
    head = rf"\x80\x00\x00\x00..\x00\x00\x01.{{39}}.{{{top}}}"
    first = least >> 8 * top
    larger = "".join(f"|.{{{n}}}[^\\x00]" for n in range(1, 8 - top))
    return [rf"/{head}([\x{first:02x}-\xff]{larger})/s"]


def stream_patterns() -> list[str]:
    """$DATA with a name."""
    return [r"/\x80\x00\x00\x00..\x00\x00[\x00\x01][\x01-\xff]/s"]


def _hex(value: int, size: int) -> str:
    return value.to_bytes(size, "little").hex(" ")


def text_pattern(text: str) -> str:
    """A text in UTF-16, each character in every case that folds to it."""
    if text.isascii() and text.isprintable():
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}" wide nocase'
    return f"{{ {any_case(text, 'utf-16-le')} }}"
