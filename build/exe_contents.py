"""What is inside an exe that PyInstaller made.

Standard library only, so that a test can look without PyInstaller.

Format: `CArchiveWriter` of PyInstaller 6 (PyInstaller/archive/writers.py): a cookie near the file's
end says where the table of contents lies; its entries hold offset, sizes, a type and a name.
"""

from __future__ import annotations

import marshal
import re
import struct
import zlib
from dataclasses import dataclass

_MAGIC = b"MEI\x0c\x0b\x0a\x0b\x0e"
_COOKIE = struct.Struct("!8sIIII64s")
_ENTRY = struct.Struct("!IIIIBc")

_FILES = ("b", "x")
_SCRIPTS = ("m", "M", "s")
_PACKAGES = (1, 3)
"""Kinds of entries of the archive, and of its modules: packages with and without `__init__`."""


@dataclass(frozen=True)
class Entry:
    """One packed file. offset and sizes are bytes; offset counts from the archive's start."""

    name: str
    kind: str
    offset: int
    packed: int
    unpacked: int
    compressed: bool


class NotAnArchiveError(Exception):
    """The file has no PyInstaller archive."""


def _cookie(data: bytes) -> tuple[int, int, int]:
    """Where the archive starts, and where its table lies: start, table's offset and size."""
    at = data.rfind(_MAGIC)
    if at < 0 or at + _COOKIE.size > len(data):
        raise NotAnArchiveError("no PyInstaller cookie")
    _, length, table, size, _, _ = _COOKIE.unpack_from(data, at)
    start = at + _COOKIE.size - length
    if start < 0 or start + table + size > len(data):
        raise NotAnArchiveError("the cookie points outside the file")
    return start, table, size


def entries(data: bytes) -> list[Entry]:
    """The table of contents of an exe's bytes; raises `NotAnArchiveError`."""
    start, table, size = _cookie(data)
    found = []
    position, end = start + table, start + table + size
    while position + _ENTRY.size <= end:
        length, offset, packed, unpacked, flag, kind = _ENTRY.unpack_from(data, position)
        if length < _ENTRY.size:
            raise NotAnArchiveError("an entry shorter than its head")
        name = data[position + _ENTRY.size : position + length].rstrip(b"\0").decode("utf-8")
        found.append(Entry(name, kind.decode("latin-1"), offset, packed, unpacked, bool(flag)))
        position += length
    return found


def read(data: bytes, name: str) -> bytes:
    """The content of one packed file; KeyError if there is none of that name."""
    start, _, _ = _cookie(data)
    for entry in entries(data):
        if entry.name == name:
            return _content(data, start, entry)
    raise KeyError(name)


def _content(data: bytes, start: int, entry: Entry) -> bytes:
    raw = data[start + entry.offset : start + entry.offset + entry.packed]
    return zlib.decompress(raw) if entry.compressed else raw


def files(data: bytes) -> dict[str, bytes]:
    """Every file inside by its path (`boreal/boreal.pyd`), unpacked; without Python's modules."""
    start, _, _ = _cookie(data)
    return {
        entry.name.replace("\\", "/"): _content(data, start, entry)
        for entry in entries(data)
        if entry.kind in _FILES
    }


def scripts(data: bytes) -> dict[str, bytes]:
    """What the loader runs before and as the program, by name: code, marshalled."""
    start, _, _ = _cookie(data)
    return {
        entry.name: _content(data, start, entry)
        for entry in entries(data)
        if entry.kind in _SCRIPTS
    }


def pure_modules(data: bytes) -> dict[str, bytes]:
    """Python's modules by their path without ending (`requests/__init__`): code, marshalled.

    Reads the table of a `PYZ.pyz` (PyInstaller/archive/writers.py: at byte 8 its offset, then a
    marshalled list of names and places), so only by the minor version of Python that is inside.
    """
    archive = read(data, "PYZ.pyz")
    (table,) = struct.unpack_from("!I", archive, 8)
    found = {}
    for name, (kind, offset, length) in marshal.loads(archive[table:]):
        path = name.replace(".", "/") + ("/__init__" if kind in _PACKAGES else "")
        found[path] = zlib.decompress(archive[offset : offset + length])
    return found


def modules(data: bytes) -> set[str]:
    """The packages and top modules inside, of Python and of machine code."""
    machine_code = (name for name in files(data) if name.lower().endswith(".pyd"))
    return {re.split(r"[./]", name)[0] for name in (*pure_modules(data), *machine_code)}
