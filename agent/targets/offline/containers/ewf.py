"""EnCase and SMART images: E01 and S01, in one file or in many.

J. Metz, "Expert Witness Compression Format" (libewf): sections, tables of chunks, their checksums.
All numbers are little-endian. Read here, and not by libewf, because that gives zeros for a chunk
that is damaged, and opens a set whose last files are missing, both without a word.
"""

from __future__ import annotations

import os
import re
import struct
import sys
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import ExitStack
from typing import BinaryIO, NamedTuple

from msgspec import Struct, field

from ....ntfs import ByteSource, FileSource
from ....reading.opening import open_quietly, reason_of
from . import MAX_FILES, Lacking, Medium, MediumError
from .mapped import Empty, Mapped

KIND = "EnCase image (E01)"
_SIGNATURE = b"EVF\t\r\n\xff\0"
_FILE_HEAD = struct.Struct("<8sBHH")
_SECTION = struct.Struct("<16sQQ40xI")
_VOLUME = struct.Struct("<4xIIIQ")
_SMALL_VOLUME = struct.Struct("<4xIIII")
_VOLUME_SIZE, _SET_ID = 1052, 64
_SMART_SIZE = 94
"""Bytes of what SMART says of the volume."""
_TABLE = struct.Struct("<I4xQ4xI")
_ERRORS = struct.Struct("<I512xI")
_COMPRESSED = 1 << 31
_MAX_SECTIONS = 100_000
_MAX_ENTRIES = 1 << 24
_MAX_CHUNK = 4 << 20
_MAX_ERRORS = 1000
_NAME = re.compile(r"(?i)(.*)\.([es])([0-9]{2}|[a-z]{2})")
_MISSING = f"{KIND}: a file of the set is missing"
_CUT = f"{KIND}: a file of the set is cut off"
_DAMAGED = f"{KIND}: damaged chunk"
_UNREAD = f"{KIND}: could not be read when the image was made"


class _Table(NamedTuple):
    """Where some chunks lie."""

    first: int
    """Number of the first of them."""
    file: int
    base: int
    entries: array[int]
    end: int
    """Of the last one."""


class _Set(Struct):
    """What the files of an image say together."""

    files: list[FileSource] = field(default_factory=list)
    chunks: int = 0
    """Of the disk."""
    chunk: int = 0
    """Bytes of one."""
    size: int = 0
    smart: bool = False
    id: bytes = b""
    """Of the set; empty where it has none."""
    sector: int = 512
    """Bytes."""
    tables: list[_Table] = field(default_factory=list)
    known: int = 0
    """Chunks in the tables so far."""
    errors: list[tuple[int, int]] = field(default_factory=list)
    """First byte and bytes of what could not be read when it was made."""
    hashes: dict[str, str] = field(default_factory=dict)
    done: bool = False
    """Whether the last file says that it is the last."""
    cut: str = ""
    """The file that ends too early."""


def open_it(path: str, file: BinaryIO, depth: int = 0) -> Medium:  # noqa: ARG001 - as all kinds
    """Raises MediumError, OSError."""
    with ExitStack() as held:
        paths, opened = [path], [FileSource(file)]
        number = _number(opened[0], path)
        if number != 1:
            raise MediumError(f"{KIND}: file {number} of a set; give the first", path)
        problems: list[tuple[str, str]] = []
        for place in _others(path, problems):
            try:
                opened.append(FileSource(open_quietly(place)))
            except OSError as error:
                problems.append((f"{KIND}: {reason_of(error)}", os.path.basename(place)))
                break
            held.callback(opened[-1].close)
            paths.append(place)
        made = _Set(files=opened)
        for index, source in enumerate(opened):
            _read_file(made, index, source, paths[index])
        if not made.chunk:
            raise MediumError(f"{KIND}: does not say how large the disk is", path)
        disk = _Disk(made)
        lacking = [*_lacking(made)]
        held.pop_all()
    return Medium(
        KIND, disk, tuple(paths), tuple(lacking), tuple(problems), tuple(made.hashes.items())
    )


def _number(source: ByteSource, path: str) -> int:
    data = source.read_at(0, _FILE_HEAD.size)
    if len(data) < _FILE_HEAD.size or not data.startswith(_SIGNATURE):
        raise MediumError(f"{KIND}: no such file", path)
    return int(_FILE_HEAD.unpack(data)[2])


def _others(path: str, problems: list[tuple[str, str]]) -> Iterator[str]:
    """The files behind the first, as far as they follow one another."""
    told = _NAME.fullmatch(os.path.basename(path))
    if told is None:
        return
    stem, letter, _ = told.groups()
    folder = os.path.dirname(path)
    # Of names that Windows takes for one, that which is spelt as the first file's.
    names = sorted(os.listdir(folder), key=lambda name: name.startswith(stem))
    here = {name.casefold(): name for name in names}
    for number in range(2, MAX_FILES):
        name = here.pop(f"{stem}.{_extension(letter, number)}".casefold(), None)
        if name is None:
            break
        yield os.path.join(folder, name)
    later = [
        name for key, name in here.items()
        if (one := _NAME.fullmatch(key)) and one[1] == stem.casefold()
        and name != os.path.basename(path)
    ]  # fmt: skip
    problems += [(_MISSING, f"before {name}") for name in sorted(later)[:1]]


def _extension(letter: str, number: int) -> str:
    """``E02`` … ``E99``, ``EAA`` … ``EZZ``, ``FAA`` …"""
    if number < 100:
        return f"{letter}{number:02}"
    rest, last = divmod(number - 100, 26)
    first, middle = divmod(rest, 26)
    return f"{chr(ord(letter.casefold()) + first)}{chr(97 + middle)}{chr(97 + last)}"


def _read_file(made: _Set, index: int, source: FileSource, path: str) -> None:
    number = _number(source, path)
    if number != index + 1:
        raise MediumError(f"{KIND}: file {number} where {index + 1} should be", path)
    tables = _Tables(made, index, source)
    made.done = False
    for name, start, size in _sections(made, source, path):
        begin = start + _SECTION.size
        if name in ("volume", "disk") and not made.chunk:
            _read_volume(made, source.read_at(begin, min(size, _VOLUME_SIZE)), path)
        elif name == "sectors":
            tables.sectors = (start, begin + size)
        elif name in ("table", "table2"):
            tables.met(begin, size, is_copy=name == "table2")
        elif name == "error2":
            made.errors += _read_errors(made, source.read_at(begin, min(size, 8 << 20)))
        elif name == "data" and index:
            _must_be_of(made, source.read_at(begin, min(size, _VOLUME_SIZE)), path)
        elif name in ("hash", "digest"):
            _read_hashes(made, source.read_at(begin, 36), both=name == "digest")
        made.done = made.done or name == "done"
    if tables.owed:
        raise MediumError(f"{KIND}: a table of chunks and its copy are damaged", path)


def _read_hashes(made: _Set, data: bytes, *, both: bool) -> None:
    made.hashes["md5"] = data[:16].hex()
    if both and any(data[16:]):
        made.hashes["sha1"] = data[16:].hex()


class _Tables:
    """Those of one file; each has a copy behind it, for when it is damaged."""

    def __init__(self, made: _Set, index: int, source: ByteSource) -> None:
        self._made, self._index, self._source = made, index, source
        self.sectors = (0, 0)
        """Place and end of the section of the chunks."""
        self.owed = False
        """Whether the last one was damaged, and so was its copy, or there was none."""

    def met(self, begin: int, size: int, *, is_copy: bool) -> None:
        """A section of this content."""
        if not is_copy or self.owed:
            self.owed = not self._read(begin, size)

    def _read(self, begin: int, size: int) -> bool:
        """False for one that is damaged."""
        made = self._made
        head = self._source.read_at(begin, _TABLE.size)
        if len(head) < _TABLE.size:
            return False
        count, base, check = _TABLE.unpack(head)
        if count > _MAX_ENTRIES or _TABLE.size + 4 * count > size:
            return False
        data = self._source.read_at(begin + _TABLE.size, 4 * count)
        kept = self._source.read_at(begin + _TABLE.size + 4 * count, 4)
        if len(data) < 4 * count or (
            not made.smart
            and (zlib.adler32(head[:-4]), zlib.adler32(data).to_bytes(4, "little")) != (check, kept)
        ):
            return False
        entries = array("I", data)
        if sys.byteorder == "big":
            entries.byteswap()
        # Of early images the chunks follow their table in its own section.
        start, end = self.sectors
        if count and not start <= base + (entries[0] & _COMPRESSED - 1) < end:
            end = begin + size
        made.tables.append(_Table(made.known, self._index, base, entries, end))
        made.known += count
        return True


def _sections(made: _Set, source: ByteSource, path: str) -> Iterator[tuple[str, int, int]]:
    """Name, place, and bytes behind the descriptor."""
    place = _FILE_HEAD.size
    for _ in range(_MAX_SECTIONS):
        data = source.read_at(place, _SECTION.size)
        if len(data) < _SECTION.size:
            made.cut = path
            return
        kind, following, size, check = _SECTION.unpack(data)
        if zlib.adler32(data[:-4]) != check:
            raise MediumError(f"{KIND}: damaged list of its sections", f"{path}, byte {place:,}")
        name = kind.partition(b"\0")[0].decode("ascii", "replace")
        behind = (size or following - place) - _SECTION.size
        yield name, place, max(0, behind)
        if name in ("next", "done") or following <= place:
            return
        place = following


def _must_be_of(made: _Set, data: bytes, path: str) -> None:
    """Raises MediumError for a file of another set. Its copy of what stands in the first file has
    the set's identifier."""
    told = data[_SET_ID : _SET_ID + 16]
    if len(data) == _VOLUME_SIZE and any(told) and any(made.id) and told != made.id:
        raise MediumError(f"{KIND}: a file of another set", path)


def _read_volume(made: _Set, data: bytes, path: str) -> None:
    made.smart = len(data) <= _SMART_SIZE
    kept = int.from_bytes(data[-4:], "little")
    if kept != zlib.adler32(data[:-4]) and (kept or not made.smart):
        raise MediumError(f"{KIND}: damaged description of the disk", path)
    made.id = b"" if made.smart else data[_SET_ID : _SET_ID + 16]
    kind = _SMALL_VOLUME if made.smart else _VOLUME
    if len(data) < kind.size:
        raise MediumError(f"{KIND}: does not say how large the disk is", path)
    made.chunks, per_chunk, sector, sectors = kind.unpack_from(data)
    made.chunk, made.sector = per_chunk * sector, sector
    made.size = min(sectors * sector, made.chunks * made.chunk) or made.chunks * made.chunk
    if not 0 < made.chunk <= _MAX_CHUNK:
        raise MediumError(f"{KIND}: impossible size of a chunk", path)


def _read_errors(made: _Set, data: bytes) -> Iterator[tuple[int, int]]:
    if len(data) < _ERRORS.size or not made.chunk:
        return
    count = min(_ERRORS.unpack_from(data)[0], (len(data) - _ERRORS.size) // 8)
    for number in range(count):
        first, sectors = struct.unpack_from("<II", data, _ERRORS.size + 8 * number)
        if number == _MAX_ERRORS:  # Whatever lies behind so many is not told from the others.
            yield first * made.sector, max(0, made.size - first * made.sector)
            return
        yield first * made.sector, sectors * made.sector


def _lacking(made: _Set) -> Iterator[Lacking]:
    for first, size in made.errors:
        yield Lacking(first, size, _UNREAD)
    there = made.known * made.chunk
    if there < made.size:
        yield Lacking(there, made.size - there, _CUT if made.cut else _MISSING)
    elif not made.done:
        yield Lacking(made.size, 0, _CUT if made.cut else _MISSING)


class _Disk(Mapped):
    def __init__(self, made: _Set) -> None:
        super().__init__(made.size, made.chunk, made.files[0], None)
        self._set = made
        self._firsts = [table.first for table in made.tables]
        self._why = _CUT if made.cut else _MISSING

    def place(self, index: int) -> int | Empty:  # noqa: ARG002 - all are checked on their way
        return -1

    def read_into(self, offset: int, view: memoryview) -> int:
        end = offset + len(view)
        for first, size in self._set.errors:
            if offset < first + size and first < end:
                raise MediumError(_UNREAD, f"byte {first:,}")
        return super().read_into(offset, view)

    def unpack(self, group: int) -> bytes:
        if group >= self._set.known:
            raise MediumError(self._why, f"chunk {group:,}")
        table = self._set.tables[bisect_right(self._firsts, group) - 1]
        number = group - table.first
        entry = table.entries[number]
        start = table.base + (entry & _COMPRESSED - 1)
        last = number + 1 == len(table.entries)
        end = table.end if last else table.base + (table.entries[number + 1] & _COMPRESSED - 1)
        expected = min(self.block, self._size - group * self.block)
        if not 0 < end - start <= 2 * self.block + 4096:
            raise MediumError(_DAMAGED, f"chunk {group:,}")
        data = self._set.files[table.file].read_at(start, end - start)
        if entry & _COMPRESSED or self._set.smart:
            content = _inflated(data, self.block)
        else:
            content = data[:-4]
            if zlib.adler32(content) != int.from_bytes(data[-4:], "little"):
                content = b""
        if len(content) < expected:
            raise MediumError(_DAMAGED, f"chunk {group:,}")
        return content

    def close(self) -> None:
        for source in self._set.files:
            source.close()


def _inflated(data: bytes, size: int) -> bytes:
    """Empty for what is damaged: zlib's own checksum tells."""
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(data, size + 1)
    except zlib.error:
        return b""
    return content if unpacker.eof and len(content) <= size else b""


__all__ = ["KIND", "open_it"]
