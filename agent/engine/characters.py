"""Characters as the bytes that encode them, in the syntax of the engine's regular expressions.

The engine's expressions are over bytes: its classes end at a byte, its ``nocase`` at ASCII. A set
of characters outside ASCII is written here as an alternative of sequences of byte classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal

from msgspec import Struct

from ..spelling import same_folded

Encoding = Literal["utf-8", "utf-16-le"]
ENCODINGS: Final[tuple[Encoding, ...]] = ("utf-8", "utf-16-le")
MOST_BYTES: Final = 4
"""Of a character in UTF-8 or UTF-16."""
Ranges = tuple[tuple[int, int], ...]
"""Code points, first and last of each range; ascending, never touching."""

_ASCII: Final = frozenset(range(0x80))
_HIGH_BYTES: Final = frozenset(range(0x80, 0x100))
_OUTSIDE_ASCII: Final[Ranges] = ((0x80, 0x10FFFF),)
_WHOLE: Final[dict[Encoding, str]] = {
    "utf-8": r"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf][\x80-\xbf]"
    r"|[\xf0-\xf4][\x80-\xbf][\x80-\xbf][\x80-\xbf]",
    # Half a pair is let through as well: names on Windows are units, not characters.
    "utf-16-le": r"[\x00-\xff][\x01-\xff]|[\x00-\xff][\xd8-\xdb][\x00-\xff][\xdc-\xdf]",
}
"""All that is encoded in several bytes, or with a high byte that is not zero."""


class _Block(Struct, frozen=True):
    """Code points whose encodings have one shape."""

    first: int
    last: int
    base: int
    """What is taken off a code point before it is cut into the bits of its bytes."""
    masks: tuple[int, ...]
    """The bits of the last byte, of the last two, ... in the order in which they count."""


_BLOCKS: Final[dict[Encoding, tuple[_Block, ...]]] = {
    "utf-8": (
        _Block(0x80, 0x7FF, 0, (0x3F,)),
        _Block(0x800, 0xD7FF, 0, (0x3F, 0xFFF)),
        _Block(0xE000, 0xFFFF, 0, (0x3F, 0xFFF)),
        _Block(0x10000, 0x10FFFF, 0, (0x3F, 0xFFF, 0x3FFFF)),
    ),
    "utf-16-le": (
        _Block(0x80, 0xD7FF, 0, (0xFF,)),
        _Block(0xE000, 0xFFFF, 0, (0xFF,)),
        _Block(0x10000, 0x10FFFF, 0x10000, (0xFF, 0x3FF, 0x3FFFF)),
    ),
}


class Characters(Struct, frozen=True):
    """A set of characters, and of single bytes that are none."""

    ascii: frozenset[int] = frozenset()
    outside: Ranges = ()
    """Those outside ASCII."""
    raw: frozenset[int] = frozenset()
    """Bytes from 0x80 on that stand for themselves, in UTF-16 with a zero behind them, as ``wide``
    has it."""

    @classmethod
    def of(cls, codes: Iterable[tuple[int, int]], *, any_case: bool = False) -> Characters:
        """From ranges of code points; ``any_case``: with all that fold alike."""
        ranges = _merged(codes)
        if any_case:
            ranges = _merged([*ranges, *_folded_alike(ranges)])
        ascii_part = {c for first, last in ranges for c in range(first, min(last, 0x7F) + 1)}
        outside = ((max(first, 0x80), last) for first, last in ranges if last > 0x7F)
        return cls(frozenset(ascii_part), tuple(outside))

    @classmethod
    def all_but_ascii(cls, these: frozenset[int]) -> Characters:
        """Any character but these of ASCII."""
        return cls(_ASCII - these, _OUTSIDE_ASCII)

    def __or__(self, other: Characters) -> Characters:
        outside = _merged((*self.outside, *other.outside))
        return Characters(self.ascii | other.ascii, outside, self.raw | other.raw)

    def negated(self) -> Characters:
        """All others. A set that names high bytes is one of bytes: ``[^\\x7f-\\xff]`` means ASCII,
        and so do the others of it."""
        if self.raw:
            return Characters(_ASCII - self.ascii, (), _HIGH_BYTES - self.raw)
        return Characters(_ASCII - self.ascii, _others(self.outside))

    def spelled(self, encoding: Encoding) -> str:
        """One of them in an encoding. Raises ValueError if there is none.

        Where all that is outside ASCII belongs to the set, a high byte alone does too, as in the
        code pages of one byte.
        """
        zero = "" if encoding == "utf-8" else r"\x00"
        single, whole = self.ascii | self.raw, self.outside == _OUTSIDE_ASCII
        if whole:
            single |= _HIGH_BYTES
        choices = [_byte_class(_ranges_of(single)) + zero] if single else []
        if whole:
            choices.append(_WHOLE[encoding])
        else:
            for first, last in self.outside:
                choices += _sequences(first, last, encoding)
        if not choices:
            raise ValueError("no character")
        return choices[0] if len(choices) == 1 and not whole else "(" + "|".join(choices) + ")"


def _merged(codes: Iterable[tuple[int, int]]) -> Ranges:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(codes):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)


def _others(outside: Ranges) -> Ranges:
    """Of the code points outside ASCII."""
    others, at = [], 0x80
    for first, last in outside:
        if first > at:
            others.append((at, first - 1))
        at = last + 1
    return (*others, (at, 0x10FFFF)) if at <= 0x10FFFF else tuple(others)


def _ranges_of(values: Iterable[int]) -> Ranges:
    return _merged((value, value) for value in values)


def _folded_alike(ranges: Ranges) -> Iterator[tuple[int, int]]:
    if not ranges or ranges[-1][1] < 0x80:
        # No letter outside ASCII folds to one of it, and the table of all is not for free.
        for code in range(0x41, 0x5B):
            if _holds(ranges, code) or _holds(ranges, code + 0x20):
                yield from ((code, code), (code + 0x20, code + 0x20))
        return
    for folded, others in same_folded().items():
        codes = [ord(folded), *map(ord, others)]
        if any(_holds(ranges, code) for code in codes):
            yield from ((code, code) for code in codes)


def _holds(ranges: Ranges, code: int) -> bool:
    return any(first <= code <= last for first, last in ranges)


def _sequences(first: int, last: int, encoding: Encoding) -> Iterator[str]:
    """Byte classes whose product is the encodings of a range of code points."""
    for block in _BLOCKS[encoding]:
        low, high = max(first, block.first), min(last, block.last)
        if low <= high:
            for one, other in _cut(low - block.base, high - block.base, block.masks):
                ends = (chr(code + block.base).encode(encoding) for code in (one, other))
                yield "".join(_byte_class(((a, b),)) for a, b in zip(*ends, strict=True))


def _cut(first: int, last: int, masks: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Ranges between whose ends each byte takes every value, whatever the others are."""
    for mask in masks:
        if first & ~mask == last & ~mask:
            continue
        if first & mask:
            yield from _cut(first, first | mask, masks)
            yield from _cut((first | mask) + 1, last, masks)
            return
        if last & mask != mask:
            yield from _cut(first, (last & ~mask) - 1, masks)
            yield from _cut(last & ~mask, last, masks)
            return
    yield first, last


def _byte_class(ranges: Ranges) -> str:
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return spelled_byte(ranges[0][0])
    inner = "".join(
        spelled_byte(a) if a == b else f"{spelled_byte(a)}-{spelled_byte(b)}" for a, b in ranges
    )
    return f"[{inner}]"


def spelled_byte(value: int) -> str:
    """A byte as an expression has it."""
    character = chr(value)
    return character if value < 0x80 and character.isalnum() else f"\\x{value:02x}"
