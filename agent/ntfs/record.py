"""One record of the $MFT. Layout: [Russon] "FILE Record"; [layout.h] MFT_RECORD."""

from __future__ import annotations

import struct

from .attributes import Attribute, AttributesDamaged, read_attributes
from .fixups import mend_record
from .reference import Reference

HEADER = struct.Struct("<4sHHQHHHHIIQ")
"""Signature, update sequence's offset and count, log's number, sequence, links, first attribute,
flags, bytes used, bytes allocated, base record."""
_NO_BASE = Reference(0, 0)
IN_USE, FOLDER = 1, 2
SIGNATURE = b"FILE"
BAAD = b"BAAD"
"""In place of the signature of a record that was found torn ([layout.h] magic_BAAD)."""


class Record:
    """A record, mended."""

    __slots__ = ("_first", "_used", "base", "data", "flags", "links", "number", "sequence", "torn")

    def __init__(self, number: int, data: bytes, *, torn: bool = False) -> None:
        """``torn``: its strides come from different writes, or its update sequence makes no
        sense."""
        self.number, self.data, self.torn = number, data, torn
        self.sequence = self.links = self.flags = self._first = self._used = 0
        self.base = _NO_BASE
        """Of the record that this one extends; zeros: it stands for itself."""
        if data[:4] == SIGNATURE:
            told = HEADER.unpack_from(data)
            self.sequence, self.links, self._first, self.flags, self._used, _, base = told[4:]
            if base:
                self.base = Reference.of(base)

    @classmethod
    def raw(cls, number: int, data: bytes) -> Record:
        """From the bytes on the disk."""
        own = bytearray(data)
        whole = mend_record(own, 0, len(own)) if own[:4] == SIGNATURE else True
        return cls(number, bytes(own), torn=not whole)

    @property
    def signed(self) -> bool:
        """Whether it carries the signature of a record; never used ones may not."""
        return self.data[:4] == SIGNATURE

    @property
    def in_use(self) -> bool:
        return bool(self.flags & IN_USE)

    @property
    def is_folder(self) -> bool:
        return bool(self.flags & FOLDER)

    @property
    def extends(self) -> bool:
        """Whether it only holds attributes of another record."""
        return bool(self.base.number or self.base.sequence)

    def attributes(self) -> list[Attribute]:
        """In the order of the record. Raises AttributesDamaged, with those before the damage."""
        if not self.signed:
            raise AttributesDamaged("record damaged: no signature", str(self.number), [])
        first, used = self._first, self._used
        if first < HEADER.size or first & 7:
            raise AttributesDamaged("record damaged: first attribute", f"{first}", [])
        # What follows the used bytes is slack; a length that cannot be is not believed.
        end = used if first < used <= len(self.data) else len(self.data)
        try:
            return read_attributes(self.data, first, end)
        except AttributesDamaged as error:
            return self._beyond(first, error)

    def _beyond(self, first: int, cut: AttributesDamaged) -> list[Attribute]:
        """The used bytes of a deleted file's record may end before its attributes do: those behind
        are as good as the others where they lead to an end. A live one is damaged all the same."""
        try:
            found = read_attributes(self.data, first, len(self.data))
        except AttributesDamaged as error:
            found = error.kept
        else:
            if not self.in_use:
                return found
        raise AttributesDamaged(cut.what, cut.where, found)

    def sound_attributes(self) -> tuple[list[Attribute], str]:
        """Those that can be read, and what is wrong with the rest."""
        try:
            return self.attributes(), ""
        except AttributesDamaged as error:
            return error.kept, error.what
