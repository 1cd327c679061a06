"""Decompression of XPRESS with Huffman codes: prefetch of Windows 10, WIM, WOF, hibernation.

Format: [MS-XCA] 2.2 (LZ77+Huffman Compression Algorithm): blocks of 65,536 bytes of output, each
behind a table of 512 code lengths of four bits (2.2.2); codes come in words of 16 bits, and the
bytes of a long match lie between these words, where the reader of words stands (2.2.4).

libfwnt does it ten times as fast, but takes zeros for what a file lacks at its end, and tables of
codes that are not whole: so its answer counts if it is the same with other bytes behind the file,
and if there are as many whole tables as blocks. All else is left to our own reader, which tells
what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from operator import sub

import pyfwnt

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
_OTHER_BYTES = bytes(37 * number % 251 + 1 for number in range(64))
"""No two alike, and none as what libfwnt takes for bytes that are not there: a run of one byte can
stand for the same as zeros do."""
_WHOLE = 1 << _LONGEST
_SHARES = [
    sum(_WHOLE >> length for length in (pair & 15, pair >> 4) if length) for pair in range(256)
]
"""Of all codes, those that two code lengths take."""
_ENDS_EARLY = "compressed data ends early"


def decompress_huffman(data: bytes, size: int) -> bytes:
    """The ``size`` bytes that this data was made of; what lies behind them is not looked at.

    Memory is bounded by ``size``, which a caller takes from the data and must bound; time by both.

    Raises:
        FormatError: no such data, or it ends before ``size`` bytes are there.
    """
    made = _by_libfwnt(data, size)
    return _by_ourselves(data, size) if made is None else made


def _by_libfwnt(data: bytes, size: int) -> bytes | None:
    """None: not surely all of it."""
    if not _has_whole_tables(data, -(-size // _BLOCK)):
        return None
    return sure_answer(pyfwnt.lzxpress_huffman_decompress, data, size)


def sure_answer(decompress: Callable[[bytes, int], bytes], data: bytes, size: int) -> bytes | None:
    """What libfwnt makes of data, if it is the same with other bytes behind them; else None."""
    found: list[bytes] = []
    for behind in (b"", _OTHER_BYTES):
        try:
            found.append(decompress(data + behind, size))
        except (OSError, ValueError, OverflowError, MemoryError):
            return None
    return found[0] if found[0] == found[1] and len(found[0]) == size else None


def _has_whole_tables(data: bytes, count: int) -> bool:
    """Whether there are so many, one of them at the beginning: where the others are is not known
    before the data are read, and other bytes that would be one are hardly ever met."""
    if count == 1:
        return sum(map(_SHARES.__getitem__, data[:_TABLE])) == _WHOLE
    sums = [0, *accumulate(map(_SHARES.__getitem__, data))]
    shares = map(sub, sums[_TABLE:], sums)
    whole = [at for at, share in enumerate(shares) if share == _WHOLE]
    # Beside a table with zeros at its end may be zeros.
    apart = [at for at, before in zip(whole, [-_TABLE, *whole], strict=False) if at - before > 8]
    return whole[:1] == [0] and len(apart) >= count


def _by_ourselves(data: bytes, size: int) -> bytes:
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
    append, made = out.append, len(out)
    end = min(made + _BLOCK, size)
    while made < end:
        code = codes[bits >> have - 15 & 0x7FFF]
        have -= code & 15
        if have < 16:
            bits = (bits & 0xFFFF) << 16 | data[at] | data[at + 1] << 8
            at += 2
            have += 16
        if code < 0x1000:  # a symbol below 256
            append(code >> 4)
            made += 1
            continue
        length = code >> 4 & 15
        if length == 15:
            length, at = _long_length(data, at)
        length += _MIN_MATCH
        bits_of_distance = code >> 8 & 15
        distance = 1 << bits_of_distance
        if bits_of_distance:
            have -= bits_of_distance
            distance |= bits >> have & distance - 1
            if have < 16:
                bits = (bits & 0xFFFF) << 16 | data[at] | data[at + 1] << 8
                at += 2
                have += 16
        start = made - distance
        made += length
        if start < 0 or made > size:
            raise FormatError("a match outside the data", f"0x{len(out):x} of the output")
        if length <= distance:
            out += out[start : start + length]
        else:
            out += (out[start:] * (length // distance + 1))[:length]
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
