#!/usr/bin/env bash
# pe.exports(NUMBER) asks of an ordinal, and ordinals begin where the export table's base says. In
# YARA 4.5.4 it is never true of an ordinal above the number of functions, so of a DLL with four
# functions from 100 on it knows none; pe.exports_index(NUMBER) likewise, there and in boreal 1.4.0,
# whose pe.exports is right. YARA-X 1.23.0 is right in both. With a base of 1 they agree, so that a
# rule proves good on most DLLs. pe.export_details[i].ordinal is right in all three.
#
# Seen on 2026-11-29, the ordinals (of 1 to 110) that the engine says are exported:
#   base 1     all three     1, 2, 3, 4
#   base 2     YARA          2, 3, 4          YARA-X, boreal  2, 3, 4, 5
#   base 100   YARA          none             YARA-X, boreal  100, 101, 102, 103
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet --disable-pip-version-check \
    yara-x==1.23.0 yara-python==4.5.4 boreal-python==1.4.0
"$room/venv/bin/python" - <<'PYTHON'
import struct

import boreal
import yara
import yara_x

SECTION, TEXT = 0x1000, 0x400


def dll(base):
    """A DLL of one section with four functions without names, the first of which is number base."""
    functions, name = 40, 56
    table = struct.pack(
        "<IIHHIIIIIII", 0, 0, 0, 0, SECTION + name, base, 4, 0, SECTION + functions, 0, 0
    )
    table += struct.pack("<4I", *(SECTION + 0x800 + at for at in range(4))) + b"lib.dll\0"
    section = (table.ljust(0x800, b"\0") + b"\xc3" * 4).ljust(0x1000, b"\0")
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


def rule(condition):
    return f'import "pe" rule r {{ condition: {condition} }}'


ENGINES = {
    "YARA": lambda c, data: bool(yara.compile(source=rule(c)).match(data=data)),
    "YARA-X": lambda c, data: bool(list(yara_x.compile(rule(c)).scan(data).matching_rules)),
    "boreal": lambda c, data: bool(boreal.compile(source=rule(c)).match(data=data)),
}


def exported(holds, base, condition):
    data = dll(base)
    assert holds("pe.number_of_exports == 4", data)
    assert holds(f"pe.export_details[3].ordinal == {base + 3}", data)
    return [number for number in range(1, 111) if holds(condition.format(number), data)]


told = {
    (name, base): exported(holds, base, "pe.exports({})")
    for name, holds in ENGINES.items()
    for base in (1, 2, 100)
}
indexed = {
    name: exported(holds, 100, "defined pe.exports_index({})") for name, holds in ENGINES.items()
}
print(told, indexed)
right = {base: list(range(base, base + 4)) for base in (1, 2, 100)}
for base in (1, 2, 100):
    assert told["YARA-X", base] == told["boreal", base] == right[base]
assert [told["YARA", base] for base in (1, 2, 100)] == [[1, 2, 3, 4], [2, 3, 4], []]
assert indexed == {"YARA": [], "YARA-X": right[100], "boreal": []}
PYTHON
