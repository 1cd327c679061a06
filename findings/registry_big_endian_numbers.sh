#!/usr/bin/env bash
# A value of type REG_DWORD_BIG_ENDIAN has three answers from four readers. python-registry 1.3.1
# reads it, and its raw bytes, from the wrong place: it gives the type (5) for the data, so that
# each such value is 83886080. regipy 6.5.0 gives an empty text and says that nothing is corrupt.
# libregf 20260526 and dissect.regf 3.14 are right.
#
# Seen on 2026-11-29, of a hive with the bytes 00 00 01 02 and 7F 00 00 01:
#   libregf, dissect.regf   258        2130706433
#   python-registry         83886080   83886080    raw_data() 05 00 00 00
#   regipy                  ''         ''          is_corrupted False
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

NONE, REG_DWORD, REG_DWORD_BIG_ENDIAN = 0xFFFFFFFF, 4, 5
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
path.write_bytes(
    hive(
        [
            (b"little", REG_DWORD, bytes([2, 1, 0, 0])),
            (b"big", REG_DWORD_BIG_ENDIAN, bytes([0, 0, 1, 2])),
            (b"address", REG_DWORD_BIG_ENDIAN, bytes([127, 0, 0, 1])),
        ]
    )
)
file = pyregf.file()
file.open(str(path))
with path.open("rb") as opened:
    by_dissect = [value.value for value in RegistryHive(opened).root().values()]
by_python_registry = list(Registry.Registry(str(path)).root().values())
by_regipy = list(RegipyHive(str(path)).root.iter_values())
told = {
    "libregf": [value.data_as_integer for value in file.root_key.values],
    "dissect.regf": by_dissect,
    "python-registry": [value.value() for value in by_python_registry],
    "regipy": [value.value for value in by_regipy],
}
print(told)
assert told["libregf"] == told["dissect.regf"] == [258, 258, 2_130_706_433]
assert told["python-registry"] == [258, 83_886_080, 83_886_080]
assert [value.raw_data() for value in by_python_registry[1:]] == [b"\5\0\0\0"] * 2
assert told["regipy"] == [258, "", ""]
assert not any(value.is_corrupted for value in by_regipy)
PYTHON
