"""LZNT1, the compression of NTFS. Format: [MS-XCA] 2.5."""

from __future__ import annotations

from .errors import NtfsError

CHUNK = 4096
"""Bytes that one chunk becomes, at most."""


def decompress(data: bytes | memoryview, size: int) -> bytes:
    """At most ``size`` bytes; zeros stand for what the data does not tell.

    Raises:
        NtfsError: the data is none of LZNT1.
    """
    data = bytes(data)
    result = bytearray()
    at, end = 0, len(data)
    while at + 2 <= end and len(result) < size:
        head = data[at] | data[at + 1] << 8
        if not head:
            break
        at += 2
        length = (head & 0xFFF) + 1
        if at + length > end or head & 0x7000 != 0x3000:
            raise NtfsError("compressed data damaged", f"chunk header {head:#06x}")
        chunk = data[at : at + length]
        at += length
        plain = _chunk(chunk) if head & 0x8000 else chunk
        result += plain
        # Every chunk but the last stands for 4,096 bytes.
        if len(plain) < CHUNK and at + 2 <= end:
            result += bytes(min(CHUNK - len(plain), max(0, size - len(result))))
    if len(result) < size:
        result += bytes(size - len(result))
    return bytes(result[:size])


def beginning(data: bytes, size: int) -> bytes:
    """At most ``size`` bytes of what compressed data becomes, from its own first bytes: three for
    each, and three more, are enough.

    Raises:
        NtfsError: the data is none of LZNT1, or ends before.
    """
    head = int.from_bytes(data[:2], "little")
    if not head:
        return bytes(size)
    if head & 0x7000 != 0x3000:
        raise NtfsError("compressed data damaged", f"chunk header {head:#06x}")
    chunk = data[2 : 3 + (head & 0xFFF)]
    return (_chunk(chunk, size) if head & 0x8000 else chunk)[:size]


def _chunk(data: bytes, most: int = CHUNK) -> bytes:
    plain = bytearray()
    at, end = 0, len(data)
    while at < end and len(plain) < most:
        flags = data[at]
        at += 1
        for bit in range(8):
            if at >= end or len(plain) >= most:
                break
            if not flags >> bit & 1:
                plain.append(data[at])
                at += 1
                continue
            if at + 2 > end:
                raise NtfsError("compressed data damaged", "token cut off")
            token = data[at] | data[at + 1] << 8
            at += 2
            if not plain:
                raise NtfsError("compressed data damaged", "copy from before the start")
            # The further in the chunk, the more bits tell the distance and the fewer the length.
            of_length = 12 - max(0, (len(plain) - 1).bit_length() - 4)
            distance = (token >> of_length) + 1
            length = (token & (1 << of_length) - 1) + 3
            start = len(plain) - distance
            if start < 0:
                raise NtfsError("compressed data damaged", "copy from before the start")
            length = min(length, CHUNK - len(plain))
            piece = plain[start : start + length]
            if len(piece) < length:
                piece = (piece * (length // len(piece) + 1))[:length]
            plain += piece
    return bytes(plain)
