"""Decompression of LZX as WIM and WOF ("CompactOS") use it: one chunk of up to 32 KiB at a time.

Format: [MS-PATCH] "LZX DELTA Compression and Decompression" 2.1 to 2.6, with what WIM changes: no
header of the E8 translation, which is always done as if for a file of 12,000,000 bytes; a block's
size is one bit for 32 KiB, or 16 bits. Bits come in words of 16, the highest first.

libfwnt does it five times as fast, but it translates calls at a chunk's end too, refuses a code
with one symbol or none, and takes some damaged data for sound. So it is asked where a hash tells
whether it was right, and its answer counts if no call is at the end.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import pyfwnt

from . import FormatError
from .xpress import sure_answer

MAX_CHUNK = 1 << 15
"""Bytes of output; the window is as large."""
_BLOCK = 1 << 15
_VERBATIM, _ALIGNED, _PLAIN = 1, 2, 3
_SLOTS = 30
"""Of distances, for a window of 32 KiB."""
_LENGTHS = 249
_MAIN = 256 + 8 * _SLOTS
_PRECODE = 20
_LONGEST = 16
"""Bits of the longest code."""
_EXTRA = tuple(max(0, slot // 2 - 1) for slot in range(_SLOTS))
"""Bits that follow a slot. [MS-PATCH] 2.5: Position Slot."""
_BASE = tuple(sum(1 << extra for extra in _EXTRA[:slot]) - 2 for slot in range(_SLOTS))
_FILE_SIZE = 12_000_000
_CALL = 0xE8
_UNTRANSLATED = 10
"""Bytes at the end of a chunk, where no call is translated."""
_RECENT = struct.Struct("<III")
_READ_AHEAD = 8
"""Bytes of padding: the last symbol is looked up in as many bits as the longest has."""
_ENDS_EARLY = "compressed data ends early"


class _Codes(NamedTuple):
    """How symbols are told from the bits that come next."""

    of: list[int]
    """For each value of ``width`` bits: the symbol they begin with, times 32, and its length."""
    width: int


_NONE = _Codes([], 0)


def decompress_lzx(data: bytes, size: int) -> bytes:
    """The ``size`` bytes, at most 32 KiB, that this chunk was made of.

    Raises:
        FormatError: no such data, or it ends before ``size`` bytes are there.
    """
    if size > MAX_CHUNK:
        raise FormatError("a chunk larger than its window", str(size))
    chunk = _Chunk(data, size)
    try:
        while len(chunk.out) < size:
            chunk.block()
    except IndexError:
        raise FormatError(_ENDS_EARLY, f"0x{len(data):x}") from None
    _undo_calls(chunk.out)
    return bytes(chunk.out)


def decompress_hashed_lzx(data: bytes, size: int) -> bytes:
    """The same of a chunk of what has a hash, which the caller compares.

    Raises:
        FormatError: as :func:`decompress_lzx`; not of all damaged data.
    """
    made = sure_answer(pyfwnt.lzx_decompress, data, size) if 0 < size <= MAX_CHUNK else None
    if made is None or _CALL in made[-_UNTRANSLATED:]:
        return decompress_lzx(data, size)
    return made


class _Chunk:
    """What is read, and what has been made of it."""

    def __init__(self, data: bytes, size: int) -> None:
        self.out = bytearray()
        self._data = data + bytes(_READ_AHEAD)
        self._there = len(data)
        self._size = size
        self._at = 0
        self._bits = 0
        self._have = 0
        self._main = [0] * _MAIN
        self._lengths = [0] * _LENGTHS
        self._recent = 1, 1, 1

    def block(self) -> None:
        """One block. Raises FormatError."""
        kind = self._read(3)
        size = _BLOCK if self._read(1) else self._read(16)
        if not 0 < size <= self._size - len(self.out):
            raise FormatError("a block larger than its chunk", f"{size} bytes")
        if kind == _PLAIN:
            self._plain(size)
        elif kind in (_VERBATIM, _ALIGNED):
            aligned = _codes([self._read(3) for _ in range(8)]) if kind == _ALIGNED else _NONE
            self._read_lengths(self._main, 0, 256)
            self._read_lengths(self._main, 256, _MAIN)
            self._read_lengths(self._lengths, 0, _LENGTHS)
            self._symbols(size, _codes(self._main), _codes(self._lengths), aligned)
        else:
            raise FormatError("a block of no known kind", str(kind))

    # ---- Bits

    def _more(self) -> None:
        """So that there are 16 bits at least."""
        while self._have < _LONGEST:
            word = self._data[self._at] | self._data[self._at + 1] << 8
            self._bits = (self._bits & 0xFFFF) << 16 | word
            self._at += 2
            self._have += 16

    def _took(self, count: int) -> None:
        self._have -= count
        if self._at - self._have // 8 > self._there + self._there % 2:
            raise self._ended()

    def _ended(self) -> FormatError:
        return FormatError(_ENDS_EARLY, f"0x{self._there:x}")

    def _read(self, count: int) -> int:
        self._more()
        self._took(count)
        return self._bits >> self._have & (1 << count) - 1

    def _symbol(self, codes: _Codes) -> int:
        self._more()
        code = codes.of[self._bits >> self._have - codes.width & (1 << codes.width) - 1]
        self._took(code & 31)
        return code >> 5

    # ---- Blocks

    def _plain(self, size: int) -> None:
        # From the next word on; where that begins at once, a whole one is left out.
        self._more()
        self._at -= 2 * ((self._have - 1) // 16)
        self._have = self._bits = 0
        start = self._at + _RECENT.size
        if start + size > self._there:
            raise self._ended()
        self._recent = _RECENT.unpack_from(self._data, self._at)
        self.out += self._data[start : start + size]
        self._at = start + size + size % 2

    def _read_lengths(self, lengths: list[int], at: int, end: int) -> None:
        """Lengths of codes, told as what they differ by from those of the block before."""
        precode = _codes([self._read(4) for _ in range(_PRECODE)])
        while at < end:
            symbol, count = self._symbol(precode), 1
            if symbol == 17:
                count, value = 4 + self._read(4), 0
            elif symbol == 18:
                count, value = 20 + self._read(5), 0
            else:
                if symbol == 19:
                    count = 4 + self._read(1)
                    symbol = self._symbol(precode)
                    if symbol > 16:
                        raise FormatError("a length of a code that is none", str(symbol))
                value = (lengths[at] - symbol) % 17
            count = min(count, end - at)
            lengths[at : at + count] = [value] * count
            at += count

    def _symbols(self, size: int, main: _Codes, lengths: _Codes, aligned: _Codes) -> None:
        """The literals and matches of a block. One loop without calls: it runs once for each."""
        out, end, data = self.out, len(self.out) + size, self._data
        append, (newest, middle, oldest) = out.append, self._recent
        at, bits, have = self._at, self._bits, self._have
        mains, width = main
        mask = (1 << width) - 1
        while len(out) < end:
            while have < 32:
                bits = (bits & 0xFFFF_FFFF) << 16 | data[at] | data[at + 1] << 8
                at += 2
                have += 16
            code = mains[bits >> have - width & mask]
            have -= code & 31
            symbol = code >> 5
            if symbol < 256:
                append(symbol)
                continue
            slot, length = symbol - 256 >> 3, symbol & 7
            if length == 7:
                code = lengths.of[bits >> have - lengths.width & (1 << lengths.width) - 1]
                have -= code & 31
                length += code >> 5
                while have < 32:
                    bits = (bits & 0xFFFF_FFFF) << 16 | data[at] | data[at + 1] << 8
                    at += 2
                    have += 16
            if slot > 2:
                extra, distance = _EXTRA[slot], _BASE[slot]
                if aligned.width and extra > 2:
                    have -= extra - 3
                    distance += (bits >> have & (1 << extra - 3) - 1) << 3
                    while have < 16:
                        bits = (bits & 0xFFFF_FFFF) << 16 | data[at] | data[at + 1] << 8
                        at += 2
                        have += 16
                    code = aligned.of[bits >> have - aligned.width & (1 << aligned.width) - 1]
                    have -= code & 31
                    distance += code >> 5
                else:
                    have -= extra
                    distance += bits >> have & (1 << extra) - 1
                newest, middle, oldest = distance, newest, middle
            elif slot == 1:
                newest, middle = middle, newest
            elif slot:
                newest, oldest = oldest, newest
            _copy(out, newest, length + 2, end)
        self._at, self._bits, self._have = at, bits & (1 << have) - 1, have
        self._recent = newest, middle, oldest
        self._took(0)


def _codes(lengths: list[int]) -> _Codes:
    """Canonical codes: shorter ones first, those of one length in the order of their symbols. A
    code without any symbol is one that is never asked for."""
    width = max(lengths)
    symbols: list[list[int]] = [[] for _ in range(width + 1)]
    for symbol, length in enumerate(lengths):
        symbols[length].append(symbol)
    codes: list[int] = []
    for length in range(1, width + 1):
        for symbol in symbols[length]:
            codes += [symbol << 5 | length] * (1 << width - length)
        if len(codes) > 1 << width:
            break
    if codes and len(codes) != 1 << width:
        raise FormatError("a table of codes that is not whole")
    return _Codes(codes, width)


def _copy(out: bytearray, distance: int, length: int, end: int) -> None:
    start = len(out) - distance
    if start < 0 or distance < 1 or length > end - len(out):
        raise FormatError("a match outside the data", f"0x{len(out):x} of the output")
    if length <= distance:
        out += out[start : start + length]
    else:
        out += (out[start:] * (length // distance + 1))[:length]


def _undo_calls(data: bytearray) -> None:
    """Calls of x86 are kept with the place they go to, instead of its distance."""
    if len(data) <= _UNTRANSLATED:
        return
    at, end = data.find(_CALL), len(data) - _UNTRANSLATED
    while 0 <= at < end:
        value = int.from_bytes(data[at + 1 : at + 5], "little", signed=True)
        if -at <= value < _FILE_SIZE:
            value += -at if value >= 0 else _FILE_SIZE
            data[at + 1 : at + 5] = value.to_bytes(4, "little", signed=True)
        at = data.find(_CALL, at + 5)
