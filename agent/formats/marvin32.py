"""Marvin32, the hash with which Windows guards the entries of a registry transaction log.

Algorithm: .NET runtime, ``System.Marvin`` (blocks of four bytes, the last padded by 0x80, one more
of zeros). The registry's seed: M. Suhanov, "Windows registry file format specification", New
format, Log entries, note 3; what is called bytes there is a number in the usual notation.
"""

from __future__ import annotations

import struct

SEED_OF_HIVE_LOGS = 0x82EF4D887A4E55C5


def marvin32(data: bytes | memoryview, seed: int = SEED_OF_HIVE_LOGS) -> bytes:
    """The hash of ``data`` under a seed of 64 bits: eight bytes, the low half first."""
    low, high = seed & 0xFFFFFFFF, seed >> 32
    whole = len(data) & ~3
    tail = (bytes(data[whole:]) + b"\x80").ljust(4, b"\0") + bytes(4)
    for words in (data[:whole], tail):
        for (word,) in struct.iter_unpack("<I", words):
            low = low + word & 0xFFFFFFFF
            high ^= low
            low = ((low << 20 | low >> 12) + high) & 0xFFFFFFFF
            high = (high << 9 & 0xFFFFFE00 | high >> 23) ^ low
            low = ((low << 27 | low >> 5) + high) & 0xFFFFFFFF
            high = high << 19 & 0xFFF80000 | high >> 13
    return struct.pack("<II", low, high)
