"""What a PE file says of itself: machine, exports, compile time, original file name.

Headers and sections are read by pefile, with ``fast_load``; exports are read here. The bounds are
ours, because the files are hostile: pefile looks sections up one by one for every export. Format:
Microsoft PE Format, "COFF File Header", "Export Directory Table"; VS_VERSIONINFO.

At rest the file is read into memory and never mapped: a file that shrinks under a mapping ends the
process (SIGBUS), and whoever owns the file could shrink it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, BinaryIO

import pefile

from ..model.objects import Pe
from ..reading.opening import open_quietly, read_up_to
from . import FormatError

MAX_PE_BYTES = 64 << 20
"""Of a larger file only this much is parsed: headers and exports of real files lie well within."""
MAX_EXPORTS = 1 << 16
"""An ordinal in the table of names has 16 bits."""
MAX_NAME = 4096
"""Bytes of an export's name."""
MAX_SECTIONS = 65_535
"""What the field holds and the loader takes since Windows Vista; it was 96 before."""
MAX_LOOK_UPS = 30_000_000
"""Sections gone through for one file, a few seconds: many sections and many exports could buy
hours."""
_RECENT = 8
"""Sections remembered; names, ordinals and functions of an export may lie in three."""

pefile.MAX_SECTIONS = MAX_SECTIONS  # it would leave out those beyond 2,048 without a word

_MACHINES = {0x8664: "amd64", 0x14C: "x86", 0xAA64: "arm64"}
_IS_DLL = 0x2000
_EXPORT = 0
_RESOURCE = 2
_EXPORTS = struct.Struct("<16x6I")
"""Of the directory: base of the ordinals, how many functions and names; where the table of the
functions' addresses, that of the names' and that of the ordinals of the names lie."""
_FEW = 64
"""Names that are read one by one."""
_MOST_NAMES = 4 << 20
"""Bytes from the first name to the last that are looked through; farther apart, they are parsed."""
_HEADERS = struct.Struct("<6xH12xH2xH30xII")
"""From the signature on: sections, size of the optional header; its magic, and the alignment of
sections in memory and in the file."""
_SECTION = struct.Struct("<8x4I16x")
"""Size and address in memory, size and place in the file."""
_STRING_HEADER = struct.Struct("<HHH")
_ORIGINAL_NAME = "OriginalFilename\0".encode("utf-16-le")

_MALFORMED = (
    pefile.PEFormatError,
    struct.error,
    AttributeError,
    IndexError,
    KeyError,
    OverflowError,
    TypeError,
    ValueError,
)
"""pefile's own error, and those that it lets through for a malformed file."""


class _Image(pefile.PE):  # type: ignore[misc]
    """A PE file whose sections are looked up within a bound."""

    _recent: tuple[Any, ...] = ()
    _look_ups = 0

    def get_section_by_rva(self, rva: int) -> Any:
        """The section that holds an address, or None. Raises FormatError beyond the bound."""
        for section in self._recent:
            if section.contains_rva(rva):
                return section
        self._look_ups += len(self.sections)
        if self._look_ups > MAX_LOOK_UPS:
            raise FormatError(
                f"PE file with {len(self.sections)} sections and too much to look up in them",
                f"RVA 0x{rva:x}",
            )
        found = next((section for section in self.sections if section.contains_rva(rva)), None)
        if found is not None:
            self._recent = (found, *self._recent[: _RECENT - 1])
        return found


def machine_of(at: Callable[[int, int], bytes]) -> str | None:
    """The machine that a PE file's header names; None if it is no PE file.

    ``at`` gives the bytes of the file at an offset and of a length, fewer at its end.
    """
    start = at(0, 64)
    if len(start) < 64 or not start.startswith(b"MZ"):
        return None
    (offset,) = struct.unpack_from("<I", start, 60)
    header = at(offset, 6)
    if len(header) < 6 or not header.startswith(b"PE\0\0"):
        return None
    (machine,) = struct.unpack_from("<H", header, 4)
    return _MACHINES.get(machine, f"0x{machine:x}")


def holds_export(at: Callable[[int, int], bytes], names: frozenset[str]) -> bool:
    """Whether a PE file has an export of one of these names: sooner than :func:`read_pe`, and of
    files that the loader would refuse never. ``at``: as of :func:`machine_of`."""
    start = at(0, 64)
    (offset,) = struct.unpack_from("<I", start.ljust(64, b"\0"), 60)
    head = at(offset, _HEADERS.size)
    if len(head) < _HEADERS.size:
        return False
    sections, size_of_optional, magic, in_memory, alignment = _HEADERS.unpack(head)
    start_of_raw = ~0x1FF if alignment >= 0x200 else ~0
    pages = (in_memory if in_memory >= 0x1000 else alignment) or 1
    directory = at(offset + 24 + {0x10B: 96, 0x20B: 112}.get(magic, 0), 8)
    rva = int.from_bytes(directory[:4], "little")
    table = at(offset + 24 + size_of_optional, 40 * sections)
    where = [
        _SECTION.unpack_from(table, place) for place in range(0, len(table) - 39, _SECTION.size)
    ]

    def loaded(rva: int, length: int) -> bytes:
        for virtual, stated, raw, pointer in where:
            address = stated // pages * pages
            if address <= rva < address + max(virtual, raw):
                held = max(0, min(length, raw - (rva - address)))
                return at((pointer & start_of_raw) + rva - address, held) if held else b""
        return at(rva, length)

    if magic not in (0x10B, 0x20B) or not rva:
        return False
    own = loaded(rva, _EXPORTS.size)
    if len(own) < _EXPORTS.size:
        return False
    count, pointers = _EXPORTS.unpack(own)[2], _EXPORTS.unpack(own)[4]
    if count > MAX_EXPORTS:
        return True
    told = loaded(pointers, 4 * count)
    places = [place for (place,) in struct.iter_unpack("<I", told[: len(told) & ~3])]
    wanted = [name.encode() + b"\0" for name in names]
    longest = max(map(len, wanted))
    if len(places) <= _FEW:
        return any(loaded(place, longest).startswith(tuple(wanted)) for place in places)
    first, end = min(places), max(places) + longest
    if end - first > _MOST_NAMES:
        return True
    data = loaded(first, end - first)
    return any(name in data for name in wanted)


def read_pe(source: bytes | BinaryIO) -> Pe:
    """Headers and exports of a PE file, given as bytes or as a file open at its beginning.

    Exports without a name are listed as ``#ordinal``, so that "exports only X" stays true.

    Raises:
        FormatError: not a PE file, malformed, or beyond a bound.
    """
    image = _parse(_bytes_of(source))
    header = image.FILE_HEADER
    return Pe(
        machine=_MACHINES.get(header.Machine, f"0x{header.Machine:x}"),
        dll=bool(header.Characteristics & _IS_DLL),
        exports=_exports(image),
        original_file_name=_original_name(image),
        compiled=datetime.fromtimestamp(header.TimeDateStamp, tz=timezone.utc)
        if header.TimeDateStamp
        else None,
    )


def original_file_name(path: str) -> str:
    """OriginalFilename of the version resource, empty if there is none.

    Raises:
        OSError: the file cannot be opened or read.
        FormatError: as :func:`read_pe`.
    """
    with open_quietly(path) as file:
        return _original_name(_parse(_bytes_of(file)))


def _bytes_of(source: bytes | BinaryIO) -> bytes:
    if isinstance(source, bytes):
        return source[:MAX_PE_BYTES]
    return read_up_to(source, MAX_PE_BYTES)


def _parse(data: bytes) -> pefile.PE:
    if machine_of(lambda offset, length: data[offset : offset + length]) is None:
        raise FormatError("not a PE file", "header")
    try:
        return _Image(data=data, fast_load=True)
    except _MALFORMED as error:
        raise FormatError(f"malformed PE file: {error}", "headers") from error


def _directory(image: pefile.PE, index: int) -> tuple[int, int]:
    """RVA and size of a data directory; zeros if the file has none."""
    directories = getattr(getattr(image, "OPTIONAL_HEADER", None), "DATA_DIRECTORY", [])
    if index >= len(directories):
        return 0, 0
    return directories[index].VirtualAddress, directories[index].Size


def _exports(image: pefile.PE) -> list[str]:
    """By the directory's three tables, whatever the names are made of: the loader compares bytes,
    pefile ends its list at one that it takes for no name."""
    rva, _ = _directory(image, _EXPORT)
    if not rva:
        return []
    try:
        base, functions, names, *tables = _EXPORTS.unpack(_at(image, rva, _EXPORTS.size))
        if max(functions, names) > MAX_EXPORTS:
            raise FormatError("PE file with more exports than can be told apart", f"RVA 0x{rva:x}")
        addresses = struct.unpack(f"<{functions}I", _at(image, tables[0], 4 * functions))
        pointers = struct.unpack(f"<{names}I", _at(image, tables[1], 4 * names))
        ordinals = struct.unpack(f"<{names}H", _at(image, tables[2], 2 * names))
        there = {number for number, address in enumerate(addresses) if address}
        found = [
            _name_at(image, pointer) or f"#{base + number}"
            for pointer, number in zip(pointers, ordinals, strict=True)
            if number in there
        ]
    except _MALFORMED as error:
        raise FormatError(f"malformed export directory: {error}", f"RVA 0x{rva:x}") from error
    return [*found, *(f"#{base + number}" for number in sorted(there.difference(ordinals)))]


def _at(image: pefile.PE, rva: int, size: int) -> bytes:
    """So many bytes as the loader puts them at an address: behind what the file holds of a section
    there are zeros. Raises FormatError, and what pefile does."""
    if not size:
        return b""
    data: bytes = image.get_data(rva, size)
    if len(data) < size:
        section = image.get_section_by_rva(rva)
        if section is None or not (
            section.PointerToRawData + section.SizeOfRawData <= len(image.__data__)
            and rva + size <= section.VirtualAddress + section.Misc_VirtualSize
        ):
            raise FormatError("export directory cut off", f"RVA 0x{rva:x}")
    return data.ljust(size, b"\0")


def _name_at(image: pefile.PE, rva: int) -> str:
    """Empty if there is none."""
    try:
        name: bytes = image.get_data(rva, MAX_NAME)
    except pefile.PEFormatError:
        return ""
    return name.partition(b"\0")[0].decode("utf-8", "replace")


def _original_name(image: pefile.PE) -> str:
    """The value of the first ``OriginalFilename`` string in the resource section.

    Found by its key rather than through the resource tree: a String structure is wLength,
    wValueLength (in characters), wType, the key, padding to 32 bits and the value.
    """
    rva, _ = _directory(image, _RESOURCE)
    if not rva:
        return ""
    try:
        section = image.get_section_by_rva(rva)
        data = section.get_data() if section is not None else b""
    except _MALFORMED as error:
        raise FormatError(f"malformed resource section: {error}", f"RVA 0x{rva:x}") from error
    key = data.find(_ORIGINAL_NAME)
    if key < _STRING_HEADER.size:
        return ""
    _, characters, _ = _STRING_HEADER.unpack_from(data, key - _STRING_HEADER.size)
    start = key + len(_ORIGINAL_NAME)
    start += (start - (key - _STRING_HEADER.size)) % 4
    value = data[start : start + 2 * min(characters, 260)]
    text: str = value.decode("utf-16-le", "replace")
    return text.partition("\0")[0]
