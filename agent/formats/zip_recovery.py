"""Members of a ZIP archive whose directory is lost, such as one whose making was broken off: by
their local headers, from the beginning on.

Where a header does not tell how large its member is (APPNOTE, 4.4.4, bit 3: told behind it), it is
unpacked to see where it ends.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from ..reading.opening import read_at
from . import FormatError
from .zip_archive import MAX_MEMBERS, Member, hidden_members

MAX_RATIO = 400
_LEAST_BOMB = 64 << 20
_HEADER = 30
_LONGEST = 2 * 0xFFFF
_LOCAL, _DESCRIPTOR = b"PK\3\4", b"PK\7\x08"
_DESCRIBED_LATER = 0x8
_DEFLATED = 8
_INPUT, _OUTPUT = 256 << 10, 1 << 20


def recovered_members(file: BinaryIO, size: int) -> Iterator[Member]:
    """Those that are whole, of an archive of this size in bytes.

    Raises:
        FormatError: at the first that is not, or whose end cannot be told.
        OSError: the archive cannot be read.
    """
    at = 0
    for _ in range(MAX_MEMBERS):
        head = read_at(file, at, _HEADER + _LONGEST)
        if not head.startswith(_LOCAL):
            if head and at and not head.startswith(b"PK"):
                raise FormatError("archive goes on with something else", f"0x{at:x}")
            return
        member = next(hidden_members(head, at), None)
        if member is None or member.header != at:
            raise FormatError("damaged local header", f"0x{at:x}")
        flags, name, extra = struct.unpack_from("<6xH18xHH", head)
        start = at + _HEADER + name + extra
        if flags & _DESCRIBED_LATER:
            if member.method != _DEFLATED or member.encrypted:
                raise FormatError("archive member whose end is not known", member.name)
            member, at = _measured(file, start, member)
        else:
            packed = _told(head, member)
            member, at = member._replace(packed=packed), start + packed
        if at > size:
            raise FormatError("archive is cut short", member.name)
        yield member
    raise FormatError(f"more than {MAX_MEMBERS:,} members", "local headers")


def _told(head: bytes, member: Member) -> int:
    """The packed size that the header tells: what is known of the member is cut to the bytes that
    were looked at."""
    packed: int = struct.unpack_from("<I", head, 18)[0]
    if packed == 0xFFFF_FFFF:
        raise FormatError("archive member whose end is not known", member.name)
    return packed


def _measured(file: BinaryIO, start: int, member: Member) -> tuple[Member, int]:
    """With its sizes and checksum, and where the next one begins. Raises FormatError."""
    decoder = zlib.decompressobj(-zlib.MAX_WBITS)
    at, made, checked = start, 0, 0
    while not decoder.eof:
        data = read_at(file, at, _INPUT)
        try:
            found = decoder.decompress(data, _OUTPUT)
        except zlib.error as error:
            raise FormatError(f"damaged archive member: {error}", member.name) from error
        at += len(data) - len(decoder.unconsumed_tail or decoder.unused_data)
        if not data and not found:
            raise FormatError("archive is cut short", member.name)
        made += len(found)
        checked = zlib.crc32(found, checked)
        if made > _LEAST_BOMB and made > MAX_RATIO * (at - start):
            raise FormatError("archive member that unpacks to far more than it takes", member.name)
    tail = read_at(file, at, 24)
    told = struct.pack("<I", checked)
    behind = at
    if tail.startswith((_DESCRIPTOR + told, told)):
        behind += 4 if tail.startswith(_DESCRIPTOR) else 0
        for length in (12, 20):
            if read_at(file, behind + length, 2) == b"PK":
                behind += length
                break
        else:
            behind += 12
    return member._replace(size=made, packed=at - start, crc=checked), behind


__all__ = ["recovered_members"]
