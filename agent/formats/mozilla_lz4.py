"""Firefox's compressed files: sessions and bookmarks, as ``*.jsonlz4`` and ``*.baklz4``.

Format: Mozilla, toolkit/components/lz4/lz4.js: ``mozLz40`` and a zero, the size of what is
compressed in 32 bits, and a block of LZ4 (lz4/doc/lz4_Block_format.md).
"""

from __future__ import annotations

import struct

from . import FormatError

MAGIC = b"mozLz40\0"
MAX_PLAIN = 64 << 20
_SHORTEST = 4


def unpacked(data: bytes) -> bytes:
    """The bytes in the clear; those of other files as they are.

    Raises FormatError: damaged, or larger than 64 MiB.
    """
    if not data.startswith(MAGIC):
        return data
    if len(data) < 12:
        raise FormatError("damaged LZ4", "header")
    (size,) = struct.unpack_from("<I", data, 8)
    if size > MAX_PLAIN:
        raise FormatError("LZ4 of more than 64 MiB", "size")
    try:
        made = _block(data, 12, size)
    except IndexError as error:
        raise FormatError("damaged LZ4", "end of the data") from error
    if len(made) != size:
        raise FormatError("damaged LZ4", "size")
    return bytes(made)


def _block(data: bytes, at: int, size: int) -> bytearray:
    """Raises IndexError: it goes on behind the end."""
    made = bytearray()
    while at < len(data) and len(made) <= size:
        token = data[at]
        length, at = _length(data, at + 1, token >> 4)
        made += data[at : at + length]
        at += length
        if at >= len(data):
            break
        back = data[at] | data[at + 1] << 8
        length, at = _length(data, at + 2, token & 15)
        length += _SHORTEST
        begin = len(made) - back
        if begin < 0 or not back or len(made) + length > size:
            raise FormatError("damaged LZ4", "distance")
        if back >= length:
            made += made[begin : begin + length]
        else:
            pattern = bytes(made[begin:])
            made += (pattern * (length // back + 1))[:length]
    return made


def _length(data: bytes, at: int, begun: int) -> tuple[int, int]:
    if begun < 15:
        return begun, at
    while True:
        more = data[at]
        begun, at = begun + more, at + 1
        if more < 255:
            return begun, at
