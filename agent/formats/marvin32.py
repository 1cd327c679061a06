"""Marvin32, the hash with which Windows guards the entries of a registry transaction log.

Algorithm: .NET runtime, ``System.Marvin`` (blocks of four bytes, the last padded by 0x80, one more
of zeros). The registry's seed: M. Suhanov, "Windows registry file format specification", New
format, Log entries, note 3; what is called bytes there is a number in the usual notation.
"""

from __future__ import annotations

import struct
from hashlib import blake2b

SEED_OF_HIVE_LOGS = 0x82EF4D887A4E55C5
_WORTH_KEEPING = 4096
"""Bytes of which the hash takes a millisecond, a hundred times as long as finding it again."""
_MOST_KEPT = 4096
"""Hashes; of the logs of all hives of a host some hundred."""


class _Known:
    """What was hashed before: the hives that say who a host is are read again for what else is in
    them. Hashes of hashes, so that no bytes are kept."""

    def __init__(self) -> None:
        self._by_digest: dict[tuple[bytes, int], bytes] = {}

    def of(self, data: bytes | memoryview, seed: int) -> bytes:
        key = blake2b(data, digest_size=32).digest(), seed
        known = self._by_digest.get(key)
        if known is None:
            if len(self._by_digest) >= _MOST_KEPT:
                self._by_digest.clear()
            known = self._by_digest[key] = _hash(data, seed)
        return known


_KNOWN = _Known()


def marvin32(data: bytes | memoryview, seed: int = SEED_OF_HIVE_LOGS) -> bytes:
    """The hash of ``data`` under a seed of 64 bits: eight bytes, the low half first. What is long
    is hashed once, however often it is asked."""
    return _hash(data, seed) if len(data) < _WORTH_KEEPING else _KNOWN.of(data, seed)


def _hash(data: bytes | memoryview, seed: int) -> bytes:
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
