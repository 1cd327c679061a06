"""ZIP archives: what they hold, and single members unpacked, within bounds.

Not by the standard library's zipfile, which reads a central directory of any size into an object
per member: here members are read one at a time, memory is bounded by the caller, and what is left
of a damaged archive can still be looked at. Format: APPNOTE.TXT (PKWARE), 4.3.7 local header,
4.3.12 central directory header, 4.3.14-16 end of central directory, 4.5.3 Zip64 extra field.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from ..reading import read_at, read_up_to
from . import FormatError

MAX_DIRECTORY_BYTES = 32 << 20
"""Of the central directory, for some 300,000 members."""
MAX_MEMBERS = 300_000

_LOCAL = b"PK\3\4"
_CENTRAL = b"PK\1\2"
_END = b"PK\5\6"
_END64_LOCATOR = b"PK\6\7"
_END64 = b"PK\6\6"

_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_CENTRAL_HEADER = struct.Struct("<4s6H3I5H2I")
_END_RECORD = struct.Struct("<4s4H2IH")
_LOCATOR64 = struct.Struct("<4sIQI")
_END64_RECORD = struct.Struct("<4sQ2H2I4Q")

_ENCRYPTED = 0x1
_UTF8 = 0x800
_MASKED = 0x2000
_STORED = 0
_DEFLATED = 8
_ALL_32 = 0xFFFF_FFFF
_CHUNK = 256 << 10


class Member(NamedTuple):
    """One entry of the central directory; sizes are what it says, not what is there."""

    name: str
    size: int
    packed: int
    method: int
    encrypted: bool
    header: int
    """Offset of the local header in the file."""

    @property
    def base_name(self) -> str:
        """The last part of its path; empty for a folder."""
        return self.name[max(self.name.rfind("/"), self.name.rfind("\\")) + 1 :]

    @property
    def folder_name(self) -> str:
        """The name of a folder's entry; empty for a file."""
        trimmed = self.name.rstrip("/\\")
        if trimmed == self.name:
            return ""
        return trimmed[max(trimmed.rfind("/"), trimmed.rfind("\\")) + 1 :]


class Directory(NamedTuple):
    """Where the central directory lies."""

    offset: int
    length: int
    shift: int
    """Bytes that something else occupies before the archive; all its offsets are less by this."""


def looks_like_zip(head: bytes) -> bool:
    """Whether a file that begins so is an archive (of an empty one the end record is all)."""
    return head.startswith((_LOCAL, _END))


def find_directory(file: BinaryIO, size: int) -> Directory:
    """The central directory of an archive of this size in bytes.

    Raises:
        FormatError: there is none, or it does not lie where the end record says.
    """
    tail_start = max(0, size - _END_RECORD.size - 0xFFFF)
    tail = read_at(file, tail_start, size - tail_start)
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_RECORD.size:
        raise FormatError("no end of central directory", "end of archive")
    length, offset = _END_RECORD.unpack_from(tail, at)[5:7]
    end = tail_start + at
    if at >= _LOCATOR64.size and tail.startswith(_END64_LOCATOR, at - _LOCATOR64.size):
        length, offset, end = _zip64(file, tail, at)
    shift = end - length - offset
    if shift < 0:
        raise FormatError("the central directory would overlap its end", f"0x{offset:x}")
    return Directory(offset + shift, length, shift)


def _zip64(file: BinaryIO, tail: bytes, at: int) -> tuple[int, int, int]:
    (_, _, where, _) = _LOCATOR64.unpack_from(tail, at - _LOCATOR64.size)
    record = read_at(file, where, _END64_RECORD.size) if where < 1 << 62 else b""
    if len(record) < _END64_RECORD.size or not record.startswith(_END64):
        raise FormatError("no Zip64 end of central directory", f"0x{where:x}")
    length, offset = _END64_RECORD.unpack(record)[8:10]
    return length, offset, where


def members(file: BinaryIO, directory: Directory) -> Iterator[Member]:
    """The entries of the central directory in order.

    Raises:
        FormatError: at the first entry that is damaged or beyond the bounds; those before it were
        given.
    """
    data = directory_bytes(file, directory)
    at = 0
    for _ in range(MAX_MEMBERS):
        if at >= directory.length:
            return
        if len(data) - at < _CENTRAL_HEADER.size or not data.startswith(_CENTRAL, at):
            raise FormatError(
                "damaged entry of the central directory", f"0x{directory.offset + at:x}"
            )
        fields = _CENTRAL_HEADER.unpack_from(data, at)
        flags, method, packed, size = fields[3], fields[4], fields[8], fields[9]
        name_length, extra_length, comment_length = fields[10:13]
        start = at + _CENTRAL_HEADER.size
        at = start + name_length + extra_length + comment_length
        if at > len(data):
            raise FormatError(
                "entry beyond the central directory", f"0x{directory.offset + start:x}"
            )
        if flags & _MASKED:
            raise FormatError("encrypted central directory", f"0x{directory.offset + start:x}")
        name = data[start : start + name_length]
        extra = data[start + name_length : start + name_length + extra_length]
        size, packed, header = _wide(extra, size, packed, fields[16])
        yield Member(
            name=_name(name, utf8=bool(flags & _UTF8)),
            size=size,
            packed=packed,
            method=method,
            encrypted=bool(flags & _ENCRYPTED),
            header=header + directory.shift,
        )
    raise FormatError(f"more than {MAX_MEMBERS:,} members", "central directory")


def directory_bytes(file: BinaryIO, directory: Directory) -> bytes:
    """The central directory as it is, at most 32 MiB of it."""
    return read_at(file, directory.offset, min(directory.length, MAX_DIRECTORY_BYTES))


def _wide(extra: bytes, size: int, packed: int, header: int) -> tuple[int, int, int]:
    """Size, packed size and header offset, from the Zip64 extra field where 32 bits do not hold
    them."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            wide = iter(
                struct.unpack_from(f"<{min(length, len(extra) - at - 4) // 8}Q", extra, at + 4)
            )
            size = next(wide, size) if size == _ALL_32 else size
            packed = next(wide, packed) if packed == _ALL_32 else packed
            header = next(wide, header) if header == _ALL_32 else header
            break
        at += 4 + length
    return size, packed, header


def _name(raw: bytes, *, utf8: bool) -> str:
    """As stored: UTF-8 if the flag says so or it is, else code page 437 (APPNOTE, appendix D)."""
    if utf8:
        return raw.decode("utf-8", "surrogateescape")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp437")


def unpack(file: BinaryIO, member: Member, limit: int) -> bytes:
    """The first ``limit`` bytes of a member at most, whatever size it claims.

    Raises:
        OSError: the archive cannot be read.
        FormatError: encrypted, packed by another method than deflate, or damaged.
    """
    if member.encrypted:
        raise FormatError("encrypted archive member", member.name)
    if member.header >= 1 << 62:
        raise FormatError("damaged archive member", member.name)
    header = read_at(file, member.header, _LOCAL_HEADER.size)
    if len(header) < _LOCAL_HEADER.size or not header.startswith(_LOCAL):
        raise FormatError("no local header", f"0x{member.header:x}")
    name_length, extra_length = _LOCAL_HEADER.unpack(header)[9:11]
    file.seek(member.header + _LOCAL_HEADER.size + name_length + extra_length)
    if member.method == _STORED:
        return read_up_to(file, min(limit, member.packed))
    if member.method != _DEFLATED:
        raise FormatError(f"archive member packed by method {member.method}", member.name)
    return _inflate(file, member, limit)


def _inflate(file: BinaryIO, member: Member, limit: int) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    parts: list[bytes] = []
    left, packed = limit, member.packed
    try:
        while left > 0 and not inflater.eof:
            data = inflater.unconsumed_tail
            if not data:
                data = file.read(min(_CHUNK, packed))
                packed -= len(data)
            part = inflater.decompress(data, min(left, _CHUNK * 4))
            if not part and not data:
                raise FormatError("archive member is cut short", member.name)
            left -= len(part)
            parts.append(part)
    except zlib.error as error:
        raise FormatError(f"damaged archive member: {error}", member.name) from error
    return b"".join(parts)
