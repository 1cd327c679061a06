"""The names in a folder, from its index: sooner than any look through the whole $MFT.

Layout: [Russon] "$INDEX_ROOT", "$INDEX_ALLOCATION", "$BITMAP", "Index Record", "Index Entry";
[layout.h] INDEX_ROOT, INDEX_BLOCK, INDEX_HEADER, INDEX_ENTRY. A small folder keeps its names in its
record, a large one in blocks beside it. All blocks that the bitmap calls used are read, whatever
the tree's branches say: a damaged branch loses no names, and a free block's old names are not told.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from . import attributes as kinds
from .assembly import Parts, stream_of
from .attributes import text_of
from .entry import DOS, Stream
from .errors import NtfsError
from .fixups import STRIDE, mend_record
from .reference import Reference
from .volume import Volume

NAME_INDEX = "$I30"
MAX_INDEX_BYTES = 1 << 28
"""Of one folder's blocks: room for about two million names."""
MAX_BITMAP_BYTES = MAX_INDEX_BYTES // STRIDE // 8
DAMAGED = "folder's index damaged"
_AT_ONCE = 1 << 20
"""Bytes of blocks per read."""
_ROOT_HEADER, _BLOCK_HEADER = 0x10, 0x18
"""Where the header of the entries lies, in a root and in a block."""
_BLOCK_SIZE = slice(8, 12)
_HEADER = struct.Struct("<III")
"""Offset of the first entry and end of the last one, from the header on; bytes allocated."""
_ENTRY = struct.Struct("<QHHH")
"""The file's reference, length of the entry, length of its name's attribute, flags."""
_LAST = 2
_NAME_LENGTH, _NAME_SPACE, _NAME = 0x50, 0x51, 0x52
"""Within an entry, whose key is a $FILE_NAME."""


class FolderEntry(NamedTuple):
    """One name in a folder, and the record of the file that has it."""

    name: str
    reference: Reference


def list_folder(
    volume: Volume, number: int, keep: Callable[[str], bool], problems: list[str]
) -> Iterator[FolderEntry]:
    """Those names of the folder with this record that are to be kept, 8.3 names beside long ones
    left out.

    ``problems`` is told, once each, why names may be missing. Memory: one mebibyte.

    Raises:
        NtfsError: no folder, or one without an index of names.
        OSError: its record cannot be read.
    """
    record = volume.record(number)
    if not (record.signed and record.in_use and record.is_folder):
        raise NtfsError("no folder any more", f"record {number}")
    parts = volume.parts(record)
    for problem in parts.problems:
        _tell(problems, problem)
    roots = [(a, r) for a, r in parts.of(kinds.INDEX_ROOT) if a.name == NAME_INDEX]
    if not roots:
        raise NtfsError("folder without an index of names", f"record {number}")
    attribute, holder = roots[0]
    root = attribute.content(holder.data)
    yield from _entries(root, _ROOT_HEADER, keep, problems)
    blocks = _stream(parts, kinds.INDEX_ALLOCATION)
    if blocks is not None:
        size = int.from_bytes(root[_BLOCK_SIZE], "little")
        used = _used(volume, parts, problems)
        for block in _blocks(volume, blocks, size, used, problems):
            yield from _entries(block, _BLOCK_HEADER, keep, problems)


def _stream(parts: Parts, kind: int) -> Stream | None:
    pieces = [(a, r) for a, r in parts.of(kind) if a.name == NAME_INDEX]
    return stream_of(NAME_INDEX, pieces) if pieces else None


def _used(volume: Volume, parts: Parts, problems: list[str]) -> bytes | None:
    """A bit for each block that is in use; None where that is not known."""
    bitmap = _stream(parts, kinds.BITMAP)
    if bitmap is None:
        return None
    try:
        return volume.content(bitmap).read(MAX_BITMAP_BYTES) or b""
    except OSError:
        _tell(problems, f"{DAMAGED}: which of its blocks are in use")
        return None


def _blocks(
    volume: Volume, stream: Stream, size: int, used: bytes | None, problems: list[str]
) -> Iterator[bytes]:
    """The blocks in use, mended."""
    if size not in (STRIDE << power for power in range(8)):
        _tell(problems, f"{DAMAGED}: size of its blocks")
        return
    if stream.damage:
        _tell(problems, f"{DAMAGED}: {stream.damage}")
    most = min(MAX_INDEX_BYTES, volume.source.size)
    if stream.size > most:
        _tell(problems, "folder with more names than are read")
    content, count = volume.content(stream), min(stream.size, most) // size
    step = max(1, _AT_ONCE // size)
    for first in range(0, count, step):
        wanted = [n for n in range(first, min(first + step, count)) if _is_used(used, n)]
        if not wanted:
            continue
        try:
            content.seek(first * size)
            data = bytearray(content.read(step * size) or b"")
        except OSError as error:
            _tell(problems, f"folder's index cannot be read: {error}")
            continue
        for number in wanted:
            at = (number - first) * size
            if data[at : at + 4] == b"INDX" and at + size <= len(data):
                if not mend_record(data, at, size):
                    _tell(problems, f"{DAMAGED}: block written in part")
                yield bytes(data[at : at + size])
            elif used is not None:
                _tell(problems, f"{DAMAGED}: no block where one is in use")


def _is_used(used: bytes | None, number: int) -> bool:
    if used is None:
        return True
    return number // 8 < len(used) and bool(used[number // 8] >> number % 8 & 1)


def _entries(
    data: bytes, header: int, keep: Callable[[str], bool], problems: list[str]
) -> Iterator[FolderEntry]:
    """The entries of a root or a block, up to its last one or to where it makes no sense."""
    if header + _HEADER.size > len(data):
        _tell(problems, DAMAGED)
        return
    first, used, _ = _HEADER.unpack_from(data, header)
    at, end = header + first, min(header + used, len(data))
    while at + 16 <= end:
        reference, length, key, flags = _ENTRY.unpack_from(data, at)
        if flags & _LAST:
            return
        if length < 16 or length & 7 or at + length > end:
            break
        stop = at + _NAME + 2 * data[at + _NAME_LENGTH] if length > _NAME else end + 1
        if stop > at + 16 + key or stop > at + length:
            break
        if data[at + _NAME_SPACE] != DOS:
            name = text_of(data[at + _NAME : stop])
            if keep(name):
                yield FolderEntry(name, Reference.of(reference))
        at += length
    _tell(problems, DAMAGED)


def _tell(problems: list[str], problem: str) -> None:
    if problem not in problems:
        problems.append(problem)
