"""What is inside an exe that PyInstaller made, and whether it may be shipped.

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
from pathlib import Path

_MAGIC = b"MEI\x0c\x0b\x0a\x0b\x0e"
_COOKIE = struct.Struct("!8sIIII64s")
_ENTRY = struct.Struct("!IIIIBc")

MOST_ONE_FILE = 20 * 1000 * 1000
"""Bytes: what a fleet still downloads without thought."""

_FORBIDDEN = {
    r"bcryptprimitives\.dll": "the lab's stub: a real Windows has its own",
    r"(api-ms-win-.*|ucrtbase|dnsapi)\.dll": "a part of Windows itself, taken from Wine",
    r"_?(pytest|hypothesis|coverage|PyInstaller|setuptools|pip)": "a tool, not the agent",
}


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
            raw = data[start + entry.offset : start + entry.offset + entry.packed]
            return zlib.decompress(raw) if entry.compressed else raw
    raise KeyError(name)


def modules(data: bytes) -> set[str]:
    """The packages and top modules inside, of Python and of machine code.

    Reads the table of a `PYZ.pyz` (PyInstaller/archive/writers.py: at byte 8 its offset, then a
    marshalled list of names and places), so only by the minor version of Python that is inside.
    """
    archive = read(data, "PYZ.pyz")
    (table,) = struct.unpack_from("!I", archive, 8)
    names = [name for name, _ in marshal.loads(archive[table:])]
    names += [entry.name for entry in entries(data) if entry.name.lower().endswith(".pyd")]
    return {re.split(r"[.\\/]", name)[0] for name in names}


def _indicator_strings(packs: Path) -> list[str]:
    """The values of the packs' indicators, long enough that they cannot be there by chance."""
    values: set[str] = set()
    for pack in sorted(packs.glob("*.yaml")):
        for line in pack.read_text(encoding="utf-8").splitlines():
            stated = re.match(r"\s*(?:- )?value: *['\"]?(.{8,}?)['\"]?\s*$", line)
            if stated:
                values.add(stated[1])
    return sorted(values)


def check(exe: Path, packs: Path | None = None) -> list[str]:
    """Why an exe must not be shipped; empty if nothing is wrong.

    exe: the one-file exe, or the exe of a one-dir build (its `_internal` is looked at too).
    packs: the folder `iocs`; none of its indicators may stand in clear in any file.
    """
    data = exe.read_bytes()
    internal = exe.parent / "_internal"
    one_dir = internal.is_dir()
    names = {entry.name.replace("\\", "/"): data for entry in entries(data)}
    files = [exe]
    if one_dir:
        inside = [path for path in sorted(internal.rglob("*")) if path.is_file()]
        names.update({path.relative_to(internal).as_posix(): b"" for path in inside})
        files += inside
    problems = []
    for name in sorted(names):
        for pattern, why in _FORBIDDEN.items():
            if any(re.fullmatch(pattern, part, re.IGNORECASE) for part in name.split("/")):
                problems.append(f"{name} is inside: {why}")
    problems += [
        f"{name} is missing"
        for name in ("build.json", "iocs.zip", "THIRD-PARTY.txt")
        if name not in names
    ]
    if b'level="asInvoker"' not in data:
        problems.append("the manifest does not say asInvoker")
    if "OriginalFilename".encode("utf-16-le") not in data:
        problems.append("no version resource")
    if not one_dir and len(data) > MOST_ONE_FILE:
        problems.append(f"{len(data):,} bytes, more than {MOST_ONE_FILE:,}")
    values = _indicator_strings(packs) if packs else []
    for path in files:
        lower = path.read_bytes().lower()
        for value in values:
            for encoding in ("utf-8", "utf-16-le"):
                if value.lower().encode(encoding) in lower:
                    problems.append(f"{path.name} holds an indicator in clear: {value}")
    return problems
