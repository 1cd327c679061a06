"""The smallest DLL for x64 that exports one name: it holds no code, so nothing of it can run.

Source: Microsoft, "PE Format": headers, section table, and the export directory. A DLL without an
entry point is loaded and nothing of it is called, as one that holds resources alone.
"""

from __future__ import annotations

import struct

_SECTION_AT, _SECTION_RVA, _SECTION_SIZE = 0x200, 0x1000, 0x200
_ENTRIES = 16
_AMD64, _PE32_PLUS = 0x8664, 0x20B
_DLL = 0x2022
"""Executable image, large addresses, DLL."""
_NX, _READ_DATA = 0x100, 0x4000_0040


def tiny_dll(name: str, export: str) -> bytes:
    """1,024 bytes of a DLL called ``name`` whose only export, of four bytes of data, is this."""
    section = _exports(name, export)
    if len(section) > _SECTION_SIZE:
        raise ValueError("names too long for one section")
    dos = b"MZ" + bytes(58) + struct.pack("<I", 0x40)
    coff = struct.pack("<HHIIIHH", _AMD64, 1, 0, 0, 0, 112 + 8 * _ENTRIES, _DLL)
    optional = struct.pack(
        "<HBBIIIIIQIIHHHHHHIIIIHHQQQQII",
        _PE32_PLUS, 14, 0, 0, _SECTION_SIZE, 0, 0, 0,
        0x1_8000_0000, 0x1000, 0x200, 6, 0, 0, 0, 6, 0, 0,
        0x2000, 0x200, 0, 2, _NX, 0x10_0000, 0x1000, 0x10_0000, 0x1000, 0, _ENTRIES,
    )  # fmt: skip
    directory = struct.pack("<II", _SECTION_RVA, len(section)) + bytes(8 * (_ENTRIES - 1))
    table = struct.pack(
        "<8sIIIIIIHHI", b".edata", len(section), _SECTION_RVA, _SECTION_SIZE, _SECTION_AT,
        0, 0, 0, 0, _READ_DATA,
    )  # fmt: skip
    headers = dos + b"PE\0\0" + coff + optional + directory + table
    return headers.ljust(_SECTION_AT, b"\0") + section.ljust(_SECTION_SIZE, b"\0")


def _exports(name: str, export: str) -> bytes:
    """Directory, tables of addresses, names and ordinals, the names, and the data."""
    names = name.encode("ascii") + b"\0" + export.encode("ascii") + b"\0"
    addresses, pointers, ordinals, texts = 40, 44, 48, 52
    data = texts + len(names) + -len(names) % 4
    directory = struct.pack(
        "<IIHHIIIIIII", 0, 0, 0, 0, _SECTION_RVA + texts, 1, 1, 1,
        _SECTION_RVA + addresses, _SECTION_RVA + pointers, _SECTION_RVA + ordinals,
    )  # fmt: skip
    tables = struct.pack("<IIHH", _SECTION_RVA + data, _SECTION_RVA + texts + len(name) + 1, 0, 0)
    return (directory + tables + names).ljust(data, b"\0") + bytes(4) + bytes(4)
