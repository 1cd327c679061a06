"""Decompression of XPRESS with Huffman codes: prefetch of Windows 10, WIM, WOF, hibernation.

Format: [MS-XCA] 2.2 (LZ77+Huffman Compression Algorithm): blocks of 65,536 bytes of output, each
behind a table of 512 code lengths of four bits (2.2.2); codes come in words of 16 bits, and the
bytes of a long match lie between these words, where the reader of words stands (2.2.4).

libfwnt does it ten times as fast, but takes zeros for what a file lacks at its end, and tables of
codes that are not whole: so its answer counts if there are as many whole tables as blocks, and if
it goes on with what is put behind the end of data that Windows writes, or where that is not there,
if it is the same with other bytes behind the file. All else is left to our own reader, which tells
what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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
_OTHER_BYTES = bytes(37 * number % 251 + 1 for number in range(4, 68))
"""No two alike, and none as what libfwnt takes for bytes that are not there: a run of one byte can
stand for the same as zeros do. The first bit that is read of them is a one, wherever that is."""
_WHOLE = 1 << _LONGEST
_SHARES = [
    sum(_WHOLE >> length for length in (pair & 15, pair >> 4) if length) for pair in range(256)
]
"""Of all codes, those that two code lengths take."""
_MUCH = 8
_TAKES_MUCH = bytes(share * _MUCH >= _WHOLE for share in _SHARES)
"""Of a table no more than so many bytes take an eighth of all codes, or more."""
_LOOK = 64
"""Bytes that are looked at for a table."""
_LITERALS = 8
"""That are put behind data, no two alike: some 50 bits."""
_END_OF_DATA = 256
"""A match of three bytes, if anything were behind it."""
_LOW, _HIGH = bytes(pair & 15 for pair in range(256)), bytes(pair >> 4 for pair in range(256))
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
    table = _last_table(data, -(-size // _BLOCK))
    if table is None:
        return None
    made = _marked_answer(data, size, data[table : table + _TABLE])
    return sure_answer(pyfwnt.lzxpress_huffman_decompress, data, size) if made is None else made


def _marked_answer(data: bytes, size: int, table: bytes) -> bytes | None:
    """What libfwnt makes of data that end as Windows ends them, asked once: it stood at their end
    if it goes on with what is put behind them here, all of it and in its place. Else None.

    ``table``: of the last block.
    """
    codes = _CodesOf(table)
    left = codes.left_behind_end(data)
    literals = [symbol for symbol in range(256) if codes.lengths[symbol]][:_LITERALS]
    first = codes.first
    if left is None or len(literals) < _LITERALS or first & 0x10F == 0x10F:
        return None
    # Zeros up to a whole number of the symbol that they stand for.
    bits_of_distance = first >> 4 & 15 if first >= 256 else 0
    taken = codes.lengths[first] + bits_of_distance
    times = -(-left // taken)
    mark = _words([(0, times * taken - left), *map(codes.code, literals)])
    repeated = times * ((first & 15) + _MIN_MATCH if first >= 256 else 1)
    most = size + _MIN_MATCH + repeated + _LITERALS
    if (most - 1) // _BLOCK != (size - 1) // _BLOCK:
        return None  # Another table would come.
    try:
        found = pyfwnt.lzxpress_huffman_decompress(data + mark, most)
    except (OSError, ValueError, OverflowError, MemoryError):
        return None
    end = size + _MIN_MATCH
    unit = found[end - (1 << bits_of_distance) : end] if first >= 256 else bytes([first])
    behind = found[size - 1 : size] * _MIN_MATCH
    behind += (unit * repeated)[:repeated] + bytes(literals)
    return found[:size] if found[size:] == behind else None


class _CodesOf:
    """The codes that a whole table gives, to write with them."""

    def __init__(self, table: bytes) -> None:
        self.lengths = bytearray(2 * _TABLE)
        self.lengths[::2], self.lengths[1::2] = table.translate(_LOW), table.translate(_HIGH)
        shares = (
            self.lengths.count(length) << _LONGEST - length for length in range(1, _LONGEST + 1)
        )
        self._taken = [0, 0, *accumulate(shares)]
        """By the length of a code: of all codes, what shorter ones take."""

    @property
    def first(self) -> int:
        """The symbol whose code is zeros."""
        return self.lengths.find(next(filter(self.lengths.count, range(1, _LONGEST + 1))))

    def code(self, symbol: int) -> tuple[int, int]:
        """The code of a symbol, and how many bits it has."""
        length = self.lengths[symbol]
        before = self._taken[length] >> _LONGEST - length
        return before + self.lengths.count(length, 0, symbol), length

    def left_behind_end(self, data: bytes) -> int | None:
        """Bits behind the symbol that is the end of data ([MS-XCA] 2.1.4.3), zeros all of them;
        None: data do not end so."""
        code, length = self.code(_END_OF_DATA)
        last = int.from_bytes(_swapped(data[-8:]), "big")
        if not (length and code and last):
            return None
        left = _zeros_behind(last) - _zeros_behind(code)
        return left if left >= 0 and (last >> left) & (1 << length) - 1 == code else None


def _zeros_behind(number: int) -> int:
    return (number & -number).bit_length() - 1


def _words(bits: Iterable[tuple[int, int]]) -> bytes:
    """Numbers of so many bits, as a reader takes them; zeros for what it reads ahead."""
    value = count = 0
    for number, size in bits:
        value, count = value << size | number, count + size
    whole = -(-count // 16) * 16
    return _swapped((value << whole - count).to_bytes(whole // 8, "big")) + bytes(_READ_AHEAD)


def _swapped(words: bytes) -> bytes:
    """The two bytes of each word the other way round."""
    made = bytearray(words)
    made[::2], made[1::2] = words[1::2], words[::2]
    return bytes(made)


def sure_answer(decompress: Callable[[bytes, int], bytes], data: bytes, size: int) -> bytes | None:
    """What libfwnt makes of data, if it is the same with other bytes behind them; else None."""
    found: list[bytes] = []
    for behind in (b"", _OTHER_BYTES):
        try:
            found.append(decompress(data + behind, size))
        except (OSError, ValueError, OverflowError, MemoryError):
            return None
    return found[0] if found[0] == found[1] and len(found[0]) == size else None


def _last_table(data: bytes, count: int) -> int | None:
    """Where the last one begins, if there are so many, one of them at the beginning: where the
    others are is not known before the data are read, and other bytes that would be one are hardly
    ever met. Else None."""
    if len(data) < _TABLE:
        return None
    if count == 1:
        return 0 if sum(map(_SHARES.__getitem__, data[:_TABLE])) == _WHOLE else None
    whole = list(_whole_tables(data))
    # Beside a table with zeros at its end may be zeros.
    apart = [at for at, before in zip(whole, [-_TABLE, *whole], strict=False) if at - before > 8]
    return apart[-1] if whole[:1] == [0] and len(apart) >= count else None


def _whole_tables(data: bytes) -> Iterator[int]:
    """Where there are code lengths that take all codes, in order.

    In each table lies one of the places that are looked at; most places have more short codes than
    a table can.
    """
    short = data.translate(_TAKES_MUCH)
    for place in range(0, len(data) - _LOOK + 1, _TABLE - _LOOK):
        if short.count(1, place, place + _LOOK) <= _MUCH:
            first = max(0, place - (_TABLE - _LOOK) + 1)
            shares = map(_SHARES.__getitem__, data[first : place + _TABLE])
            sums = [0, *accumulate(shares)]
            for at, taken in enumerate(map(sub, sums[_TABLE:], sums), first):
                if taken == _WHOLE:
                    yield at


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
