"""The attributes of one record.

Layout: [Russon] "Attribute - Header" and each attribute's page; [layout.h] ATTR_RECORD.
"""

from __future__ import annotations

import codecs
import struct
from typing import NamedTuple

from .errors import NtfsError
from .run_list import Run, decode_runs

STANDARD_INFORMATION = 0x10
ATTRIBUTE_LIST = 0x20
FILE_NAME = 0x30
DATA = 0x80
INDEX_ROOT = 0x90
INDEX_ALLOCATION = 0xA0
BITMAP = 0xB0
REPARSE_POINT = 0xC0
END = 0xFFFF_FFFF

COMPRESSED, ENCRYPTED = 0x00FF, 0x4000
"""Flags of an attribute."""
MAX_ATTRIBUTES = 4096
"""In one record; 64 KiB hold no more of the least size."""
_HEADER = struct.Struct("<IIBBHHH")
_RESIDENT = struct.Struct("<IH")
_NON_RESIDENT = struct.Struct("<QQHHI")
_SIZES = struct.Struct("<QQQ")


_made = tuple.__new__
"""Half as long as a call of the class, for what is made for each record."""


class Attribute(NamedTuple):
    """One attribute's header, and where in its record things lie."""

    type: int
    start: int
    """Byte in the record."""
    length: int
    resident: bool
    name: str
    flags: int
    value: int
    """Byte in the record: of the value if resident, else of the run list."""
    value_size: int
    """Bytes: of the value if resident, else of the run list."""
    first_vcn: int
    last_vcn: int
    unit: int
    """Clusters that are compressed together, as a power of two; 0: not compressed."""
    allocated: int
    size: int
    initialized: int
    """Bytes, of the whole attribute; told by its first record alone."""

    def runs(self, record: bytes) -> list[Run]:
        """Where its clusters lie; none if it is resident. Raises
        RunListDamaged."""
        if self.resident:
            return []
        return decode_runs(record[self.value : self.value + self.value_size], self.first_vcn)

    def content(self, record: bytes) -> bytes:
        """The value, if resident."""
        return record[self.value : self.value + self.value_size] if self.resident else b""


class AttributesDamaged(NtfsError):
    """The chain of attributes breaks; ``kept`` holds those before the break."""

    def __init__(self, what: str, where: str, kept: list[Attribute]) -> None:
        super().__init__(what, where)
        self.kept = kept


def read_attributes(record: bytes, start: int, end: int) -> list[Attribute]:
    """The attributes that lie between two bytes of a record.

    Raises:
        AttributesDamaged: a header points outside, or the end is missing.
    """
    found: list[Attribute] = []
    at, end = start, min(end, len(record))
    while at + 4 <= end:
        if record[at : at + 4] == b"\xff\xff\xff\xff":
            return found
        if at + 16 > end:
            break
        kind, length, non_resident, name_length, name_offset, flags, _ = _HEADER.unpack_from(
            record, at
        )
        if length < 24 or length & 7 or at + length > end or len(found) >= MAX_ATTRIBUTES:
            raise AttributesDamaged("record damaged: attribute's length", f"{length}", found)
        name = ""
        if name_length:
            if name_offset + 2 * name_length > length:
                raise AttributesDamaged("record damaged: attribute's name", "", found)
            first = at + name_offset
            name = text_of(record[first : first + 2 * name_length])
        if non_resident:
            found.append(_non_resident(record, (kind, at, length), name, flags, found))
        else:
            size, offset = _RESIDENT.unpack_from(record, at + 16)
            if offset + size > length:
                raise AttributesDamaged("record damaged: attribute's value", f"{size}", found)
            at_value = at + offset
            told = (kind, at, length, True, name, flags, at_value, size, 0, 0, 0, 0, size, size)
            found.append(_made(Attribute, told))
        at += length
    raise AttributesDamaged("record damaged: no end of attributes", "", found)


def _non_resident(
    record: bytes, body: tuple[int, int, int], name: str, flags: int, found: list[Attribute]
) -> Attribute:
    kind, at, length = body
    if length < 64:
        raise AttributesDamaged("record damaged: attribute's length", f"{length}", found)
    first, last, offset, unit, _ = _NON_RESIDENT.unpack_from(record, at + 16)
    if not 64 <= offset <= length:
        raise AttributesDamaged("record damaged: place of a run list", f"{offset}", found)
    allocated, size, initialized = _SIZES.unpack_from(record, at + 40) if not first else (0, 0, 0)
    return Attribute(
        kind, at, length, False, name, flags, at + offset, length - offset,  # noqa: FBT003
        first, last, unit, allocated, size, initialized,
    )  # fmt: skip


def text_of(data: bytes) -> str:
    """UTF-16 as NTFS has it: any unit may stand alone, and is kept."""
    # Half as long as by the name of the encoding, which is looked up.
    return codecs.utf_16_le_decode(data, "surrogatepass", True)[0]  # noqa: FBT003
