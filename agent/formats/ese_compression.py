"""Values that an ESE database compresses: seven bits a character, or XPRESS.

Format: Microsoft's Extensible Storage Engine as published (MIT), compression.cxx: a byte whose
upper five bits are the kind. 1 and 2, seven bits for each byte or each 16-bit character below 128,
least bit first; the lower three bits are one less than the bits used of the last byte. 3, two bytes
of size, then [MS-XCA] 2.4 (Plain LZ77 Decompression Algorithm). 0, 4: not compressed, scrubbed. 5
and 6 (XPRESS9, XPRESS10) are of Exchange.

libfwnt reads XPRESS thirty times as fast; its answer counts if it is the same with other bytes
behind the data. All else is left to our own reader, which tells what is wrong.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

import pyfwnt

from . import FormatError
from .xpress import sure_answer

ASCII, UNICODE, XPRESS = 1, 2, 3
_PLAIN, _SCRUBBED = 0, 4
SEVEN_BITS = frozenset(bytes([kind << 3 | bits]) for kind in (ASCII, UNICODE) for bits in range(8))
"""First bytes of values of seven bits a character."""
_HALVES = tuple(
    (half, sum((1 << 7 * half) - 1 << at for at in range(0, 64, 16 * half)).to_bytes(8, "little"))
    for half in (4, 2, 1)
)
"""By how many bits the upper half of each group is moved, and which bits of eight bytes stay."""


def decompressed(data: bytes) -> bytes:
    """What this value was made of; characters of seven bits as UTF-16 if they were.

    At most 64 KiB, or 8/7 and twice that of what there is.

    Raises:
        FormatError: it ends early, or is compressed in a way that is not known.
    """
    kind = data[0] >> 3 if data else _PLAIN
    if kind in (ASCII, UNICODE):
        return _seven_bits(data, is_wide=kind == UNICODE)
    if kind == XPRESS:
        if len(data) < 3:
            raise _ended()
        return decompress_plain(data[3:], int.from_bytes(data[1:3], "little"))
    if kind in (_PLAIN, _SCRUBBED):
        return data
    raise FormatError("compressed in a way that is not known", f"kind {kind}")


def _seven_bits(data: bytes, *, is_wide: bool) -> bytes:
    count = ((len(data) - 2) * 8 + (data[0] & 7) + 1) // 7
    if count <= 0:
        return b""
    narrow = _spread(data[1:])[:count]
    if not is_wide:
        return narrow
    wide = bytearray(2 * count)
    wide[::2] = narrow
    return bytes(wide)


def unpacked(values: Iterable[bytes]) -> bytes:
    """All characters of values of seven bits, each below 128 as a byte, to be searched: eight zeros
    or more between two values, before which one may stand that is none of theirs."""
    return _spread(b"".join(value[1:] + bytes(-(len(value) - 1) % 7 + 7) for value in values))


def _spread(data: bytes) -> bytes:
    """Seven bits to eight each. Seven bytes are eight characters: moved to eight bytes, and in each
    eight at once the upper half of all, of four and of two characters."""
    count = -(-len(data) // 7)
    data += bytes(7 * count - len(data))
    lanes = bytearray(8 * count)
    for place in range(7):
        lanes[place::8] = data[place::7]
    value = int.from_bytes(lanes, "little")
    for shift, low in _HALVES:
        stays = int.from_bytes(low * count, "little")
        value = value & stays | (value & ~stays) << shift
    return value.to_bytes(8 * count, "little")


def decompress_plain(data: bytes, size: int) -> bytes:
    """The ``size`` bytes that XPRESS without Huffman codes made this of ([MS-XCA] 2.4.4); what lies
    behind them is not looked at. Raises FormatError."""
    made = sure_answer(pyfwnt.lzxpress_decompress, data, size)
    return _by_ourselves(data, size) if made is None else made


def _by_ourselves(data: bytes, size: int) -> bytes:
    out = bytearray()
    at = nibble_at = 0
    try:
        while len(out) < size:
            # Each tells whether a byte comes or a match: between matches runs of bytes.
            (flags,) = struct.unpack_from("<I", data, at)
            first, *runs = f"{flags:032b}".split("1")
            at += 4
            out += data[at : at + len(first)]
            at += len(first)
            for run in runs:
                if len(out) >= size:
                    break
                pair = data[at] | data[at + 1] << 8
                at += 2
                length = pair & 7
                if length == 7:
                    if nibble_at:
                        length, nibble_at = data[nibble_at] >> 4, 0
                    else:
                        nibble_at = at
                        length = data[at] & 15
                        at += 1
                    if length == 15:
                        length, at = _long(data, at)
                    length += 7
                    if length > size:
                        raise _outside(out)
                start = len(out) - (pair >> 3) - 1
                if start < 0:
                    raise _outside(out)
                length += 3
                while (here := out[start : start + length]) and len(here) < length:
                    out += here
                    length -= len(here)
                out += here
                if run:
                    out += data[at : at + len(run)]
                    at += len(run)
    except (IndexError, struct.error):
        raise _ended() from None
    return bytes(out[:size])


def _long(data: bytes, at: int) -> tuple[int, int]:
    """The length of a long match, less ten, and where its bytes end."""
    length = data[at]
    at += 1
    if length < 0xFF:
        return length + 15, at
    (length,) = struct.unpack_from("<H", data, at)
    at += 2
    if not length:
        (length,) = struct.unpack_from("<I", data, at)
        at += 4
    if length < 22:
        raise FormatError("a length of a match that is none", f"0x{at:x}")
    return length - 7, at


def _outside(out: bytearray) -> FormatError:
    return FormatError("a match outside the data", f"0x{len(out):x} of the output")


def _ended() -> FormatError:
    return FormatError("compressed data ends early", "value")
