"""Decompression of XPRESS with Huffman codes: prefetch of Windows 10, WIM, WOF, hibernation.

Format: [MS-XCA] 2.2 (LZ77+Huffman Compression Algorithm): blocks of 65,536 bytes of output, each
behind a table of 512 code lengths of four bits (2.2.2); codes come in words of 16 bits, and the
bytes of a long match lie between these words, where the reader of words stands (2.2.4).
"""

from __future__ import annotations

from . import FormatError

_BLOCK = 1 << 16
"""Bytes of output behind one table."""
_TABLE = 256
"""Bytes of a table: two code lengths each."""
_LONGEST = 15
"""Bits of the longest code, and of what is looked up at once."""
_READ_AHEAD = 4
"""A reader is up to two words ahead of the last code, where the data may have ended: so many bytes
of padding are read, but never used."""
_MIN_MATCH = 3
_ENDS_EARLY = "compressed data ends early"


def decompress_huffman(data: bytes, size: int) -> bytes:
    """The ``size`` bytes that this data was made of; what lies behind them is not looked at.

    Memory is bounded by ``size``, which a caller takes from the data and must bound; time by both.

    Raises:
        FormatError: no such data, or it ends before ``size`` bytes are there.
    """
    out = bytearray()
    padded = data + bytes(_READ_AHEAD)
    at = 0
    while len(out) < size:
        codes = _codes(padded[at : at + _TABLE], at)
        try:
            at = _read_block(padded, at + _TABLE, codes, out, size)
        except IndexError:
            raise _ended(padded) from None
    return bytes(out)


def _codes(lengths: bytes, at: int) -> list[int]:
    """For each 15 bits that may come next: the symbol they begin with, times 16, and its length.

    Codes are canonical: shorter ones first, those of one length in the order of their symbols.
    """
    if len(lengths) < _TABLE:
        raise FormatError(_ENDS_EARLY, f"0x{at:x}")
    symbols: list[list[int]] = [[] for _ in range(_LONGEST + 1)]
    for number, pair in enumerate(lengths):
        symbols[pair & 15].append(2 * number)
        symbols[pair >> 4].append(2 * number + 1)
    codes: list[int] = []
    for length in range(1, _LONGEST + 1):
        for symbol in symbols[length]:
            codes += [symbol << 4 | length] * (1 << _LONGEST - length)
        if len(codes) > 1 << _LONGEST:
            break
    if len(codes) != 1 << _LONGEST:
        raise FormatError("a table of codes that is not whole", f"0x{at:x}")
    return codes


def _read_block(data: bytes, at: int, codes: list[int], out: bytearray, size: int) -> int:
    """Where the next block begins. Raises IndexError where the data ends, and FormatError.

    One loop without calls: it runs once for each symbol of the file.
    """
    bits = (data[at] | data[at + 1] << 8) << 16 | data[at + 2] | data[at + 3] << 8
    at += 4
    have = 32  # bits of ``bits`` that are still to come; at least 16 whenever codes are looked up
    append = out.append
    end = min(len(out) + _BLOCK, size)
    while len(out) < end:
        code = codes[bits >> have - 15 & 0x7FFF]
        have -= code & 15
        if have < 16:
            bits = (bits & 0xFFFF) << 16 | data[at] | data[at + 1] << 8
            at += 2
            have += 16
        if code < 0x1000:  # a symbol below 256
            append(code >> 4)
            continue
        length = code >> 4 & 15
        if length == 15:
            length, at = _long_length(data, at)
        distance_bits = code >> 8 & 15
        distance = 1 << distance_bits | bits >> have - distance_bits & (1 << distance_bits) - 1
        have -= distance_bits
        if have < 16:
            bits = (bits & 0xFFFF) << 16 | data[at] | data[at + 1] << 8
            at += 2
            have += 16
        _copy(out, distance, length + _MIN_MATCH, size)
    if at - have // 8 > len(data) - _READ_AHEAD:
        raise _ended(data)
    return at


def _long_length(data: bytes, at: int) -> tuple[int, int]:
    """The length of a long match, less three, and where its bytes end."""
    length = data[at]
    if length < 0xFF:
        return length + 15, at + 1
    length = data[at + 1] | data[at + 2] << 8
    at += 3
    if length == 0:
        length = int.from_bytes(data[at : at + 4], "little")
        at += 4
    if at > len(data) - _READ_AHEAD:
        raise _ended(data)
    if length < 15:
        raise FormatError("a length of a match that is none", f"0x{at:x}")
    return length, at


def _ended(padded: bytes) -> FormatError:
    return FormatError(_ENDS_EARLY, f"0x{len(padded) - _READ_AHEAD:x}")


def _copy(out: bytearray, distance: int, length: int, size: int) -> None:
    start = len(out) - distance
    if start < 0 or length > size - len(out):
        raise FormatError("a match outside the data", f"0x{len(out):x} of the output")
    if length <= distance:
        out += out[start : start + length]
    else:
        out += (out[start:] * (length // distance + 1))[:length]
