"""Partitions of a disk: a master boot record with its logical drives, or a GPT.

UEFI Specification 2.10, 5.2.3 (protective and legacy MBR).
How Windows keeps which of them has which drive letter: winreg-kb, "Mounted devices".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from . import FormatError
from .gpt import copy_of_gpt, gpt
from .kinds import Read
from .partition_types import Partition, by_byte

MAX_LOGICAL = 128
_FIRST_LOGICAL = 5
_ENTRY = struct.Struct("<B3xB3xII")
_EXTENDED = (0x05, 0x0F, 0x85)
_PROTECTIVE = 0xEE
_SIGNATURE = 0x1B8
"""Where a disk's is, in its master boot record."""


def partitions(read: Read, size: int | None = None) -> Iterator[Partition]:
    """Those in use, in the order of the table: of a GPT and, beside it, of a master boot record
    that does more than protect it. Which of the two is in force, not every system sees alike.
    ``size``: bytes of the disk, at whose end a copy of a GPT lies.

    Raises:
        FormatError: there is no table, or some of it makes no sense; what does was given.
        OSError: the disk cannot be read.
    """
    known: set[tuple[int, int]] = set()
    damage: FormatError | None = None
    for table in _tables(read, size):
        try:
            for one in table:
                if (place := (one.start, one.size)) not in known:
                    known.add(place)
                    yield one
        except FormatError as error:
            damage = damage or error
    if damage is not None:
        raise damage
    if not known:
        raise FormatError("no partitions in the table", "sector 0")


def _tables(read: Read, size: int | None) -> Iterator[Iterator[Partition]]:
    found = gpt(read, size)
    if found is None and size is not None and _is_free(read):
        found = copy_of_gpt(read, size)
    if found is None:
        yield _mbr(read)
        return
    yield found
    yield (one._replace(beside_gpt=True, device=b"") for one in _mbr(read))


def _is_free(read: Read) -> bool:
    """Whether the master boot record tells of nothing: a copy of a GPT behind one that does may be
    what the disk was before."""
    return not any(kind not in (0, _PROTECTIVE) for kind, _, _ in _entries(read))


def _entries(read: Read) -> Iterator[tuple[int, int, int]]:
    """Type, first sector and sectors of the four; none where there is no such record."""
    table = read(0, 512)
    if table[510:512] == b"\x55\xaa":
        for number in range(4):
            yield _ENTRY.unpack_from(table, 446 + 16 * number)[1:]


def _mbr(read: Read) -> Iterator[Partition]:
    """Raises FormatError when all that makes sense was given."""
    signature = read(_SIGNATURE, 4)
    for one in _of_mbr(read):
        device = signature + struct.pack("<Q", one.start) if any(signature) else b""
        yield one._replace(device=device)


def _of_mbr(read: Read) -> Iterator[Partition]:
    extended: list[int] = []
    for number, (kind, first, sectors) in enumerate(_entries(read), 1):
        if kind in _EXTENDED:
            extended.append(first)
        elif kind and kind != _PROTECTIVE and first and sectors:
            yield Partition(number, first * 512, sectors * 512, of_type=by_byte(kind))
    damage: FormatError | None = None
    number = _FIRST_LOGICAL
    for first in extended:
        try:
            for one in _logical(read, first, number):
                yield one
                number = one.number + 1
        except FormatError as error:
            damage = damage or error
    if damage is not None:
        raise damage


def _logical(read: Read, extended: int, least: int) -> Iterator[Partition]:
    """Each has a table with itself and the place of the next, from the extended one's start."""
    at = extended
    for number in range(least, least + MAX_LOGICAL):
        table = read(at * 512, 512)
        if table[510:512] != b"\x55\xaa":
            raise FormatError("damaged table of a logical drive", f"sector {at}")
        _, kind, first, sectors = _ENTRY.unpack_from(table, 446)
        if kind and first and sectors:
            yield Partition(number, (at + first) * 512, sectors * 512, of_type=by_byte(kind))
        following = _ENTRY.unpack_from(table, 462)
        if following[1] not in _EXTENDED:
            return
        if following[2] == 0 or extended + following[2] <= at:
            raise FormatError("tables of logical drives that go round", f"sector {at}")
        at = extended + following[2]
    raise FormatError(f"more than {MAX_LOGICAL} logical drives", f"sector {at}")


__all__ = ["Partition", "partitions"]
