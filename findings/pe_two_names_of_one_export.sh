#!/usr/bin/env bash
# Where two names of a PE's export table stand for one function (two entries of the name table with
# the same index), four of five readers know one name only, and not the same one: yara-python 4.5.4,
# YARA-X 1.23.0 and LIEF 1.0.0 the first, boreal 1.4.0 the last. To a rule that asks
# pe.exports("Beta") the other name is not there. pefile 2024.8.26 tells both, each with ordinal 1.
# The count is of functions: pe.number_of_exports is 1.
#
# Seen on 2026-11-29, of a DLL whose one function is called Alpha and Beta:
#   yara-python, YARA-X, LIEF   Alpha
#   boreal                      Beta
#   pefile                      Alpha, Beta
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet --disable-pip-version-check yara-x==1.23.0 \
    yara-python==4.5.4 boreal-python==1.4.0 pefile==2024.8.26 lief==1.0.0
"$room/venv/bin/python" - <<'PYTHON'
import struct

import boreal
import lief
import pefile
import yara
import yara_x

SECTION, TEXT = 0x1000, 0x400


def dll(names):
    """A DLL of one section whose one function has these names."""
    count = len(names)
    functions, pointers = 40, 44
    indexes = pointers + 4 * count
    strings_at = indexes + 2 * count
    strings, places = bytearray(), []
    for name in (b"lib.dll", *names):
        places.append(SECTION + strings_at + len(strings))
        strings += name + b"\0"
    table = struct.pack(
        "<IIHHIIIIIII", 0, 0, 0, 0, places[0], 1, 1, count,
        SECTION + functions, SECTION + pointers, SECTION + indexes,
    )
    table += struct.pack("<I", SECTION + 0x800)
    table += struct.pack(f"<{count}I", *places[1:]) + bytes(2 * count) + strings
    section = (table.ljust(0x800, b"\0") + b"\xc3").ljust(0x1000, b"\0")
    coff = struct.pack("<HHIIIHH", 0x8664, 1, 0x5F000000, 0, 0, 240, 0x2022)
    optional = struct.pack(
        "<HBBIIIIIQIIHHHHHHIIIIHHQQQQII", 0x20B, 14, 0, 0x1000, 0, 0, SECTION + 0x800, SECTION,
        0x180000000, 0x1000, 0x200, 6, 0, 0, 0, 6, 0, 0, 0x2000, TEXT, 0, 3, 0x160,
        0x100000, 0x1000, 0x100000, 0x1000, 0, 16,
    )
    optional += struct.pack("<II", SECTION, len(table)) + bytes(8 * 15)
    header = struct.pack(
        "<8sIIIIIIHHI", b".text", 0x1000, SECTION, 0x1000, TEXT, 0, 0, 0, 0, 0x60000020
    )
    dos = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)
    return (dos + b"PE\0\0" + coff + optional + header).ljust(TEXT, b"\0") + section


def asked(holds):
    assert holds("pe.is_dll() and pe.number_of_exports == 1")
    return [name for name in ("Alpha", "Beta") if holds(f'pe.exports("{name}")')]


def rule(condition):
    return f'import "pe" rule r {{ condition: {condition} }}'


data = dll([b"Alpha", b"Beta"])
by_lief, by_pefile = lief.PE.parse(list(data)), pefile.PE(data=data)
told = {
    "yara-python": asked(lambda c: bool(yara.compile(source=rule(c)).match(data=data))),
    "YARA-X": asked(lambda c: bool(list(yara_x.compile(rule(c)).scan(data).matching_rules))),
    "boreal": asked(lambda c: bool(boreal.compile(source=rule(c)).match(data=data))),
    "LIEF": [entry.name for entry in by_lief.get_export().entries],
    "pefile": [symbol.name.decode() for symbol in by_pefile.DIRECTORY_ENTRY_EXPORT.symbols],
}
print(told)
assert told == {
    "yara-python": ["Alpha"],
    "YARA-X": ["Alpha"],
    "boreal": ["Beta"],
    "LIEF": ["Alpha"],
    "pefile": ["Alpha", "Beta"],
}
PYTHON
