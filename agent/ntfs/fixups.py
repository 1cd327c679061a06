"""Update sequences: undoing what NTFS does to the last two bytes of each 512-byte stride.

While a record lies on the disk, these bytes hold its update sequence number, and the true ones are
kept in its update sequence array: a write that did not reach all strides shows ([Russon] "Fixup").
All records of a buffer are mended at once by slices with a step, as long as their arrays lie where
NTFS 3.1 puts them; the others one by one.
"""

from __future__ import annotations

import re
import struct

from msgspec import Struct, field

STRIDE = 512
"""Bytes, whatever the size of the disk's sectors ([layout.h] NTFS_BLOCK_SIZE)."""
USUAL_OFFSET = 0x30
BLOCK_OFFSET = 0x28
"""Of the array in a block of an index (``INDX``) and in a page of the log (``RCRD``)."""
_OTHER = re.compile(rb"[^\0]")
_HEAD = struct.Struct("<4sHH")


class Mended(Struct):
    """What the mending of a buffer showed, by the records' places in it."""

    torn: list[int] = field(default_factory=list)
    """Written in part: mended as far as the strides fit."""
    unsigned: list[int] = field(default_factory=list)
    """Without the signature of a record; not touched."""


def mend_record(data: bytearray | memoryview, start: int, size: int) -> bool:
    """Mend one record in place, whichever signature it has. False if it is torn, or if its array
    cannot be one."""
    _, offset, count = _HEAD.unpack_from(data, start)
    strides = size // STRIDE
    if offset & 1 or offset < 8 or count != strides + 1 or offset + 2 * count > STRIDE - 2:
        return False
    at = start + offset
    number, whole = data[at : at + 2], True
    for last in range(start + STRIDE - 2, start + size - 1, STRIDE):
        at += 2
        if data[last : last + 2] == number:
            data[last : last + 2] = data[at : at + 2]
        else:
            whole = False
    return whole


def mend_records(
    data: bytearray, count: int, size: int, kind: bytes = b"FILE", array: int = USUAL_OFFSET
) -> Mended:
    """Mend the first ``count`` records of ``size`` bytes each, in place; ``kind``: their signature,
    ``array``: where their update sequence array usually is."""
    mended = Mended()
    strides = size // STRIDE
    usual = struct.pack("<4sHH", kind, array, strides + 1)
    with memoryview(data)[: count * size] as view, view.cast("Q") as wide, view.cast("H") as units:
        heads = wide[:: size // 8].tobytes()
        numbers = units[array // 2 :: size // 2].tobytes()
        odd = differing(heads, usual * count, 8)
        for stride in range(strides):
            last = (stride + 1) * STRIDE // 2 - 1
            odd |= differing(units[last :: size // 2].tobytes(), numbers, 2)
        kept = [(at, bytes(view[at * size : (at + 1) * size])) for at in odd]
        for stride in range(strides):
            last = (stride + 1) * STRIDE // 2 - 1
            units[last :: size // 2] = units[array // 2 + 1 + stride :: size // 2]
    for at, record in sorted(kept):
        data[at * size : (at + 1) * size] = record
        if record[:4] != kind:
            mended.unsigned.append(at)
        elif not mend_record(data, at * size, size):
            mended.torn.append(at)
    return mended


def differing(one: bytes, other: bytes, width: int) -> set[int]:
    """Where two columns of items of ``width`` bytes differ, compared all at once."""
    if one == other:
        return set()
    both = int.from_bytes(one, "little") ^ int.from_bytes(other, "little")
    return {m.start() // width for m in _OTHER.finditer(both.to_bytes(len(one), "little"))}
