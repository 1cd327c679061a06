"""ZIP archives: what they hold, within bounds. Members are unpacked by ``zip_unpacking.py``.

Not by the standard library's zipfile, which reads a central directory of any size into an object
per member: here members are read one at a time, memory is bounded by the caller, and what is left
of a damaged archive can still be looked at. Format: APPNOTE.TXT (PKWARE), 4.3.7 local header,
4.3.12 central directory header, 4.3.14-16 end of central directory, 4.5.3 Zip64 extra field.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

from ..reading.opening import read_at
from . import FormatError, zip_aes
from .zip_aes import Sealed, sealed_by

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

_DESCRIPTOR = b"PK\7\x08"
_ENCRYPTED = 0x1
_DESCRIBED_LATER = 0x8
"""Sizes follow the data, in a descriptor (APPNOTE 4.3.9)."""
_UTF8 = 0x800
_MASKED = 0x2000
_DEFLATED = 8
_ALL_32 = 0xFFFF_FFFF
_NEWEST_VERSION = 63
_LAST_METHOD = 99
_NOTHING = 2
"""Bytes that nothing takes when it is deflated."""
_ZIP64, _UNICODE_PATH = 1, 0x7075
"""Extra fields (APPNOTE, 4.5.3 and 4.6.9)."""
_NTFS_TIMES, _UNIX_TIMES = 0x000A, 0x5455
"""The same (4.5.5; Info-ZIP's ``extrafld.txt``)."""
_NTFS_FIRST = b"\1\0\x18\0"
_SECONDS_TO_1970 = 11_644_473_600
_UNIX = 3
"""Who made it (4.4.2): then the upper half of its attributes is what POSIX tells of a file."""


class Member(NamedTuple):
    """One entry of the central directory; sizes are what it says, not what is there."""

    name: str
    size: int
    packed: int
    method: int
    encrypted: bool
    header: int
    """Offset of the local header in the file."""
    listed: bool = True
    """Whether the central directory tells of it; else only its local header does."""
    second: str = ""
    """Another name that it has; empty if it has none."""
    crc: int | None = None
    """CRC-32 of its bytes; None where nothing tells it."""
    modified: float | None = None
    """When it was written last, in seconds since 1970, UTC; None: told without its zone, or not."""
    unix_mode: int = 0
    """Type and rights as POSIX has them; 0 where the archive does not tell."""
    sealed: Sealed | None = None
    """How it is encrypted, where that is by AES; the method is then that of compression."""

    @property
    def base_name(self) -> str:
        """The last part of its path; empty for a folder, which has no content."""
        name = self.name.rstrip("/\\") if self.size or self.packed > _NOTHING else self.name
        return _last_part(name)

    @property
    def folder_name(self) -> str:
        """The name of a folder's entry; empty for a file."""
        return "" if self.base_name else _last_part(self.name.rstrip("/\\"))

    @property
    def path(self) -> str:
        """Its path, which ends in its name, a folder's too."""
        whole = self.name.rstrip("/\\")
        folders = max(whole.rfind("/"), whole.rfind("\\")) + 1
        return whole[:folders] + (self.base_name or self.folder_name)


def _last_part(path: str) -> str:
    """As Windows has it when it is unpacked: no name there ends in a blank or a dot, and none goes
    on behind a zero (Microsoft, "Naming Files, Paths, and Namespaces")."""
    name = path[max(path.rfind("/"), path.rfind("\\")) + 1 :]
    return name.partition("\0")[0].rstrip(" .") or name


class Directory(NamedTuple):
    """Where the central directory lies."""

    offset: int
    length: int
    shift: int
    """Bytes that something else occupies before the archive; all its offsets are less by this."""
    rest: int = _END_RECORD.size
    """Bytes of the records that end an archive without a comment."""


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
    end, rest = tail_start + at, _END_RECORD.size
    if at >= _LOCATOR64.size and tail.startswith(_END64_LOCATOR, at - _LOCATOR64.size):
        length, offset, end = _zip64(file, tail, tail_start, at)
        rest += _LOCATOR64.size + _END64_RECORD.size
    shift = end - length - offset
    if shift < 0 and not _is_directory(file, end - length):
        # acquire 3.22 counts the front of its encryption in.
        raise FormatError("the central directory would overlap its end", f"0x{offset:x}")
    return Directory(offset + shift, length, shift, rest)


def _is_directory(file: BinaryIO, at: int) -> bool:
    return at >= 0 and read_at(file, at, len(_CENTRAL)) == _CENTRAL


def _zip64(file: BinaryIO, tail: bytes, tail_start: int, at: int) -> tuple[int, int, int]:
    """Behind something else its place is not where the locator says, but before the locator."""
    (_, _, where, _) = _LOCATOR64.unpack_from(tail, at - _LOCATOR64.size)
    locator = tail_start + at - _LOCATOR64.size
    before = tail.rfind(_END64, 0, at - _LOCATOR64.size)
    for place in (where, locator - _END64_RECORD.size, tail_start + before if before >= 0 else -1):
        record = read_at(file, place, _END64_RECORD.size) if 0 <= place <= locator else b""
        if len(record) == _END64_RECORD.size and record.startswith(_END64):
            length, offset = _END64_RECORD.unpack(record)[8:10]
            return length, offset, place
    raise FormatError("no Zip64 end of central directory", f"0x{where:x}")


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
        sealed = sealed_by(_extra(extra, zip_aes.EXTRA)) if method == zip_aes.METHOD else None
        yield Member(
            name=member_name(name, utf8=bool(flags & _UTF8)),
            size=size,
            packed=packed,
            method=method if sealed is None else sealed.method,
            encrypted=bool(flags & _ENCRYPTED),
            header=header + directory.shift,
            second=_second_name(extra),
            crc=fields[7] if sealed is None or sealed.version == 1 else None,
            sealed=sealed,
            modified=_modified(extra),
            unix_mode=fields[15] >> 16 if fields[1] >> 8 == _UNIX else 0,
        )
    raise FormatError(f"more than {MAX_MEMBERS:,} members", "central directory")


def unlisted(
    file: BinaryIO, size: int, directory: Directory, listed: Iterable[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """Where the file of this size holds what its directory does not account for: start and end of
    each stretch. ``listed``: local header's offset and packed size of each member.

    Raises:
        OSError: the archive cannot be read.
    """
    at = 0
    for header, packed in sorted(listed):
        if at < min(header, directory.offset):
            yield at, min(header, directory.offset)
        at = max(at, _end_of_member(file, header, packed))
    if at < directory.offset:
        yield at, directory.offset
    end = directory.offset + directory.length
    if size - end > directory.rest:
        yield end, size


def _end_of_member(file: BinaryIO, offset: int, packed: int) -> int:
    """Where the next may begin; the header's own offset if there is no header."""
    header = read_at(file, offset, _LOCAL_HEADER.size) if 0 <= offset < 1 << 62 else b""
    if len(header) < _LOCAL_HEADER.size or not header.startswith(_LOCAL):
        return offset
    fields = _LOCAL_HEADER.unpack(header)
    end: int = offset + _LOCAL_HEADER.size + fields[9] + fields[10] + packed
    if not fields[2] & _DESCRIBED_LATER or end >= 1 << 62:
        return end
    tail = read_at(file, end, 26)
    for length in (16, 24, 12, 20):  # with and without a signature, 32 and 64 bits
        if tail.startswith(b"PK", length):
            return end + length
    return end + 16 if tail.startswith(_DESCRIPTOR) else end


def hidden_members(data: bytes, offset: int) -> Iterator[Member]:
    """What the local headers in these bytes tell of, which lie at this offset of the file."""
    at = data.find(_LOCAL)
    while at >= 0:
        found = _hidden_member(data, at, offset)
        if found is not None:
            yield found[0]
        at = data.find(_LOCAL, at + len(_LOCAL) if found is None else found[1])


def _hidden_member(data: bytes, at: int, offset: int) -> tuple[Member, int] | None:
    """With the place where the next may begin; None for bytes that only look like a header."""
    if len(data) - at < _LOCAL_HEADER.size:
        return None
    fields = _LOCAL_HEADER.unpack_from(data, at)
    version, flags, method = fields[1:4]
    name_length, extra_length = fields[9:11]
    name_at = at + _LOCAL_HEADER.size
    start = name_at + name_length + extra_length
    name = data[name_at : name_at + name_length]
    if version & 0xFF > _NEWEST_VERSION or method > _LAST_METHOD or start > len(data):
        return None
    if not name or b"\0" in name:
        return None
    size, packed, _ = _wide(data[start - extra_length : start], fields[8], fields[7], 0)
    left = len(data) - start
    known = not flags & _DESCRIBED_LATER and packed <= left
    member = Member(
        name=member_name(name, utf8=bool(flags & _UTF8)),
        size=size,
        packed=packed if known else left,
        method=method,
        encrypted=bool(flags & _ENCRYPTED),
        header=offset + at,
        listed=False,
        second=_second_name(data[start - extra_length : start]),
    )
    return member, start + packed if known else start


def directory_bytes(file: BinaryIO, directory: Directory) -> bytes:
    """The central directory as it is, at most 32 MiB of it."""
    return read_at(file, directory.offset, min(directory.length, MAX_DIRECTORY_BYTES))


def true_sizes(file: BinaryIO, size: int, member: Member) -> Member:
    """A member that the directory calls empty, as its local header tells it: unpackers go by that.
    ``size``: of the archive. Raises OSError."""
    header = (
        read_at(file, member.header, _LOCAL_HEADER.size) if 0 <= member.header < 1 << 62 else b""
    )
    if len(header) < _LOCAL_HEADER.size or not header.startswith(_LOCAL):
        return member
    fields = _LOCAL_HEADER.unpack(header)
    start = member.header + _LOCAL_HEADER.size + fields[9]
    extra = read_at(file, start, fields[10]) if fields[10] else b""
    real, packed, _ = _wide(extra, fields[8], fields[7], 0)
    if fields[2] & _DESCRIBED_LATER and not packed and fields[3] == _DEFLATED:
        packed = max(0, size - start - fields[10])
    return member._replace(size=real, packed=packed)


def _extra(extra: bytes, wanted: int) -> bytes:
    """The first extra field of this kind; empty if there is none."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == wanted:
            return extra[at + 4 : at + 4 + length]
        at += 4 + length
    return b""


def _wide(extra: bytes, size: int, packed: int, header: int) -> tuple[int, int, int]:
    """Size, packed size and header offset, from the Zip64 extra field where 32 bits do not hold
    them."""
    field = _extra(extra, _ZIP64)
    wide = iter(struct.unpack_from(f"<{len(field) // 8}Q", field))
    size = next(wide, size) if size == _ALL_32 else size
    packed = next(wide, packed) if packed == _ALL_32 else packed
    header = next(wide, header) if header == _ALL_32 else header
    return size, packed, header


def _modified(extra: bytes) -> float | None:
    """By the extra field of NTFS (100 ns since 1601) or the extended timestamp (seconds)."""
    told = _extra(extra, _NTFS_TIMES)
    if len(told) >= 16 and told[4:8] == _NTFS_FIRST:
        ticks: int = struct.unpack_from("<Q", told, 8)[0]
        return ticks / 10_000_000 - _SECONDS_TO_1970
    told = _extra(extra, _UNIX_TIMES)
    if len(told) >= 5 and told[0] & 1:
        seconds: int = struct.unpack_from("<i", told, 1)[0]
        return float(seconds)
    return None


def _second_name(extra: bytes) -> str:
    """The Unicode Path: a version, the CRC-32 of the other name, and the name."""
    return _extra(extra, _UNICODE_PATH)[5:].decode("utf-8", "surrogateescape")


def member_name(raw: bytes, *, utf8: bool) -> str:
    """As stored: UTF-8 if the flag says so or it is, else code page 437 (APPNOTE, appendix D)."""
    if utf8:
        return raw.decode("utf-8", "surrogateescape")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp437")


def content_of(file: BinaryIO, member: Member) -> tuple[int, int]:
    """Where the packed bytes of a member begin, and the flags of its local header.

    Raises:
        OSError: the archive cannot be read.
        FormatError: there is no local header.
    """
    if not 0 <= member.header < 1 << 62:
        raise FormatError("damaged archive member", member.name)
    header = read_at(file, member.header, _LOCAL_HEADER.size)
    if len(header) < _LOCAL_HEADER.size or not header.startswith(_LOCAL):
        raise FormatError("no local header", f"0x{member.header:x}")
    fields = _LOCAL_HEADER.unpack(header)
    return member.header + _LOCAL_HEADER.size + fields[9] + fields[10], fields[2]
