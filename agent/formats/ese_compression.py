"""Values that an ESE database compresses: seven bits a character, or XPRESS.

Format: Microsoft's Extensible Storage Engine as published (MIT), compression.cxx: a byte whose
upper five bits are the kind. 1 and 2, seven bits for each byte or each 16-bit character below 128,
least bit first; the lower three bits are one less than the bits used of the last byte. 3, two bytes
of size, then [MS-XCA] 2.4 (Plain LZ77 Decompression Algorithm). 0, 4: not compressed, scrubbed. 5
and 6 (XPRESS9, XPRESS10) are of Exchange.
"""

from __future__ import annotations

import struct
from functools import cache

from . import FormatError

ASCII, UNICODE, XPRESS = 1, 2, 3
_PLAIN, _SCRUBBED = 0, 4
_FLAGS = 32
"""Of XPRESS, in one word: each tells whether a byte comes or a match."""


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
    size = 1 << (count - 1).bit_length()
    value = int.from_bytes(data[1:], "little") & (1 << 7 * count) - 1
    for shift, low in _steps(size):
        value = value & low | (value & ~low) << shift
    narrow = value.to_bytes(size, "little")[:count]
    if not is_wide:
        return narrow
    wide = bytearray(2 * count)
    wide[::2] = narrow
    return bytes(wide)


@cache
def _steps(size: int) -> tuple[tuple[int, int], ...]:
    """How ``size`` characters (a power of two) of seven bits are moved to eight each: again and
    again the upper half of each group is moved by half a group's characters. Of each step by how
    many bits, and which bits stay."""
    steps: list[tuple[int, int]] = []
    half = size // 2
    while half:
        low = 0
        for at in range(0, 8 * size, 16 * half):
            low |= (1 << 7 * half) - 1 << at
        steps.append((half, low))
        half //= 2
    return tuple(steps)


def decompress_plain(data: bytes, size: int) -> bytes:
    """The ``size`` bytes that XPRESS without Huffman codes made this of ([MS-XCA] 2.4.4); what lies
    behind them is not looked at. Raises FormatError."""
    out = bytearray()
    at = nibble_at = 0
    try:
        while len(out) < size:
            (flags,) = struct.unpack_from("<I", data, at)
            at += 4
            left = _FLAGS
            while left and len(out) < size:
                # As many bytes as there are zeros before the next match.
                run = left - (flags & (1 << left) - 1).bit_length()
                if run:
                    run = min(run, size - len(out))
                    out += data[at : at + run]
                    at += run
                    left -= run
                    continue
                left -= 1
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
                _copy(out, (pair >> 3) + 1, length + 3, size)
            if at > len(data):
                raise _ended()
    except (IndexError, struct.error):
        raise _ended() from None
    return bytes(out)


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


def _copy(out: bytearray, distance: int, length: int, size: int) -> None:
    start = len(out) - distance
    if start < 0 or length > size - len(out):
        raise FormatError("a match outside the data", f"0x{len(out):x} of the output")
    if length <= distance:
        out += out[start : start + length]
    else:
        out += (out[start:] * (length // distance + 1))[:length]


def _ended() -> FormatError:
    return FormatError("compressed data ends early", "value")
