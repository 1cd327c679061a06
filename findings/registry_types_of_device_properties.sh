#!/usr/bin/env bash
# A registry type is 32 bits wide, and in Enum\...\Properties of a SYSTEM hive the upper half is
# used: a device's property has the type 0xFFFF0000 + its DEVPROP type. python-registry 1.3.1 and
# regipy 6.5.0 look at the lower half only. A number (DEVPROP_TYPE_UINT32 is 7) is to them a
# REG_MULTI_SZ: python-registry gives [''] and no raw bytes, regipy [], and neither calls it corrupt.
# libregf 20260526 and dissect.regf 3.14 give the whole type and the bytes.
#
# Seen on 2026-11-29, of a value of type 0xFFFF0007 that holds the number 0x00410042:
#   libregf, dissect.regf   0xFFFF0007     42 00 41 00
#   python-registry         RegMultiSZ     ['']  raw_data() empty
#   regipy                  REG_MULTI_SZ   []    is_corrupted False
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet --disable-pip-version-check libregf-python==20260526 \
    python-registry==1.3.1 regipy==6.5.0 dissect.regf==3.14 dissect.util==3.24 dissect.cstruct==4.7
"$room/venv/bin/python" - "$room/hive" <<'PYTHON'
import pathlib
import struct
import sys

import pyregf
from dissect.regf import RegistryHive
from regipy.registry import RegistryHive as RegipyHive
from Registry import Registry

NONE, REG_DWORD, PROPERTY_UINT32 = 0xFFFFFFFF, 4, 0xFFFF0007
TIME = 132_000_000_000_000_000


def hive(values):
    """A hive whose root key has these values: (name, type, four bytes)."""
    cells = bytearray()

    def cell(content):
        at = 32 + len(cells)
        size = -(-(len(content) + 4) // 8) * 8
        cells.extend(struct.pack("<i", -size) + content.ljust(size - 4, b"\0"))
        return at

    name = b"ROOT"
    root = cell(bytes(76 + len(name)))
    descriptor = struct.pack("<BBH4I", 1, 0, 0x8004, 0, 0, 0, 0)
    security = 32 + len(cells)
    cell(b"sk\0\0" + struct.pack("<4I", security, security, 1, len(descriptor)) + descriptor)
    listed = [
        cell(
            b"vk" + struct.pack("<HI4sIHH", len(key), 0x80000000 | 4, data, kind, 1, 0) + key
        )
        for key, kind, data in values
    ]
    value_list = cell(struct.pack(f"<{len(listed)}I", *listed))
    key = b"nk" + struct.pack(
        "<HQ15I2H", 0x2C, TIME, 0, NONE, 0, 0, NONE, NONE, len(values), value_list, security,
        NONE, 0, 0, 64, 4, 0, len(name), 0,
    )
    cells[root - 28 : root - 28 + len(key) + len(name)] = key + name
    free = 4096 - 32 - len(cells)
    cells.extend(struct.pack("<i", free).ljust(free, b"\0"))
    bin_header = b"hbin" + struct.pack("<IIQQI", 0, 4096, 0, TIME, 0)
    base = b"regf" + struct.pack("<IIQIIIIIII", 1, 1, TIME, 1, 5, 0, 1, root, 4096, 1)
    base = base.ljust(508, b"\0")
    checksum = 0
    for (word,) in struct.iter_unpack("<I", base):
        checksum ^= word
    return (base + struct.pack("<I", checksum)).ljust(4096, b"\0") + bin_header + bytes(cells)


path = pathlib.Path(sys.argv[1])
number = struct.pack("<I", 0x00410042)
path.write_bytes(hive([(b"plain", REG_DWORD, number), (b"property", PROPERTY_UINT32, number)]))
file = pyregf.file()
file.open(str(path))
with path.open("rb") as opened:
    by_dissect = [(value.type, value.data) for value in RegistryHive(opened).root().values()]
by_python_registry = list(Registry.Registry(str(path)).root().values())
by_regipy = list(RegipyHive(str(path)).root.iter_values())
told = {
    "libregf": [(value.type, value.data) for value in file.root_key.values],
    "dissect.regf": by_dissect,
    "python-registry": [
        (value.value_type_str(), value.value(), value.raw_data()) for value in by_python_registry
    ],
    "regipy": [(str(value.value_type), value.value, value.is_corrupted) for value in by_regipy],
}
print(told)
right = [(REG_DWORD, number), (PROPERTY_UINT32, number)]
assert told["libregf"] == told["dissect.regf"] == right
assert told["python-registry"] == [
    ("RegDWord", 0x00410042, number),
    ("RegMultiSZ", [""], b""),
]
assert told["regipy"] == [("REG_DWORD", 0x00410042, False), ("REG_MULTI_SZ", [], False)]
PYTHON
