"""Which records of a buffer hold a live file with a wanted extension.

No pattern can say where a name ends, so names are cut out by their length: for records in the usual
form (one name, right behind the $STANDARD_INFORMATION) by one comprehension over
columns of the buffer, for the others attribute by attribute.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterable

from . import attributes as kinds
from .fixups import STRIDE

_DOT = b".\0"
_STANDARD_LENGTHS = (0x60, 0x48)
"""Of a $STANDARD_INFORMATION: since NTFS 3.0, and before; ntfs-3g writes both."""
_VALUE = 0x18
"""Where a resident attribute's value usually begins."""
_NAME_LENGTH, _NAME_SPACE, _NAME = 0x40, 0x41, 0x42
"""Within a $FILE_NAME."""
_LIVE_FILE = 1
_TYPE = struct.Struct("<II")
_WORD = struct.Struct("<I")
_PLACE = struct.Struct("<HH")
_DOS = 2
_OTHERS = {"k": "\N{KELVIN SIGN}"}
"""The one character outside ASCII whose lower case is a letter of it."""


class Extensions:
    """Looks for extensions in buffers of records of one size."""

    def __init__(self, extensions: Iterable[str], record_size: int) -> None:
        """``extensions``: lower case with the dot; the empty one for names without."""
        self._wanted = frozenset(
            form.encode("utf-16-le") for extension in extensions for form in _forms(extension)
        )
        self._size = record_size
        # The update sequence array ends there, rounded up to eight bytes.
        self._first = 0x30 + (2 * (record_size // STRIDE + 1) + 7 & ~7)

    def __bool__(self) -> bool:
        return bool(self._wanted)

    def candidates(self, data: bytes, count: int) -> set[int]:
        """Records of a mended buffer, by their place in it, that hold such a name: of a live file,
        or of a record that extends another."""
        size, wanted, find = self._size, self._wanted, data.rfind
        masks = [self._unusual(data, count, length) for length in _STANDARD_LENGTHS]
        found: set[int] = set()
        for length, mask in zip(_STANDARD_LENGTHS, masks, strict=True):
            if 0 not in mask:
                continue
            place = self._first + length + _VALUE + _NAME
            starts = range(place, count * size, size)
            ends = [at + 2 * n for at, n in zip(starts, data[place - 2 :: size])]  # noqa: B905
            # A find of -1 is odd, like one that begins in the middle of a unit: both are looked at.
            usual = [
                index
                for index, odd, at, end in zip(itertools.count(), mask, starts, ends)
                if not odd and ((dot := find(_DOT, at, end)) & 1 or data[dot:end].lower() in wanted)
            ]
            if b"" not in wanted:
                usual = [index for index in usual if self._holds(data, index * size)]
            found.update(usual)
        if masks[0].count(0) + masks[1].count(0) < count:
            holds = self._holds
            found.update(
                index
                for index, one, other in zip(itertools.count(), *masks)
                if one and other and holds(data, index * size)
            )
        return found

    def _unusual(self, data: bytes, count: int, standard: int) -> bytes:
        """A byte for each record: zero for a live file with one name where it usually lies."""
        size, first = self._size, self._first
        name = first + standard
        with memoryview(data)[: count * size] as view, view.cast("Q") as wide, view.cast("I") as w:
            columns = (
                (w[first // 4 + 1 :: size // 4], _WORD.pack(standard)),
                (w[name // 4 :: size // 4], _WORD.pack(kinds.FILE_NAME)),
                (w[(name + 0x14) // 4 :: size // 4], None),
                (w[0x14 // 4 :: size // 4], struct.pack("<HH", first, _LIVE_FILE)),
                (wide[0x20 // 8 :: size // 8], bytes(8)),
                (wide[0x10 // 8 :: size // 8], None),
            )
            mask = 0
            for column, usual in columns:
                data_of = column.tobytes()
                if usual is None:  # Only the half that tells: links; place of the value.
                    width = len(data_of) // count
                    half = 2 if width == 8 else 0
                    for byte in range(2):
                        own = int.from_bytes(data_of[half + byte :: width], "little")
                        told = (1 if width == 8 else _VALUE) >> 8 * byte & 0xFF
                        mask |= own ^ int.from_bytes(bytes([told]) * count, "little")
                else:
                    mask |= _folded(data_of, usual, count)
        return mask.to_bytes(count, "little")

    def _holds(self, data: bytes, start: int) -> bool:
        """Whether one record holds such a name, attribute by attribute."""
        if data[start : start + 4] != b"FILE":
            return False
        end = start + self._size
        first, flags = _PLACE.unpack_from(data, start + 0x14)
        if flags & 3 != _LIVE_FILE and data[start + 0x20 : start + 0x28] == bytes(8):
            return False
        at = start + first
        while at + 16 <= end:
            kind, length = _TYPE.unpack_from(data, at)
            if kind > kinds.FILE_NAME or length < 16 or at + length > end:
                return False
            if kind == kinds.FILE_NAME and self._ends_so(data, at, at + length):
                return True
            at += length
        return False

    def _ends_so(self, data: bytes, at: int, end: int) -> bool:
        value = at + int.from_bytes(data[at + 0x14 : at + 0x16], "little")
        if value + _NAME > end or data[value + _NAME_SPACE] == _DOS:
            return False
        text = data[value + _NAME : value + _NAME + 2 * data[value + _NAME_LENGTH]]
        dot = text.rfind(_DOT)
        while dot & 1 and dot > 0:
            dot = text.rfind(_DOT, 0, dot + 1)
        return (text[dot:].lower() if dot >= 0 else b"") in self._wanted


def _folded(column: bytes, usual: bytes, count: int) -> int:
    """A byte for each item of a column, as one number: zero where it is as usual."""
    both = int.from_bytes(column, "little") ^ int.from_bytes(usual * count, "little")
    if not both:
        return 0
    width, data = len(usual), both.to_bytes(len(column), "little")
    mask = 0
    for byte in range(width):
        mask |= int.from_bytes(data[byte::width], "little")
    return mask


def _forms(extension: str) -> Iterable[str]:
    """An extension in all characters whose lower case is its: the Kelvin sign is a ``k``."""
    choices = [(c, *_OTHERS.get(c, "")) for c in extension]
    return ("".join(form) for form in itertools.product(*choices))
