#!/usr/bin/env bash
# Two readers of VMDK that know nothing of each other pass over the offset of a FLAT extent (the
# last number of 'RW 128 FLAT "f.bin" 128', the sector of the file where the extent begins): libvmdk
# 20260714 and dissect.hypervisor 3.21 both read from the file's begin. That they agree is no proof.
# dissect.hypervisor also leaves a ZERO extent out, so that all behind it moves towards the front
# and the disk is shorter than its description says; libvmdk does not open such a disk.
#
# Seen on 2026-11-29, of a file with 64 KiB of "ONE_" and 64 KiB of "TWO_":
#   extents at 128, at 0        right TWO_ ONE_        both  ONE_ ONE_
#   extents at 0, ZERO, at 0    right ONE_ zeros ONE_  dissect  ONE_ ONE_, 131,072 bytes of 196,608
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet --disable-pip-version-check libvmdk-python==20260714 \
    dissect.hypervisor==3.21 dissect.util==3.24 dissect.cstruct==4.7
"$room/venv/bin/python" - "$room" <<'PYTHON'
import pathlib
import sys

import pyvmdk
from dissect.hypervisor.disk.vmdk import VMDK

PIECE = 65_536
HEAD = """# Disk DescriptorFile
version=1
CID=12345678
parentCID=ffffffff
createType="twoGbMaxExtentFlat"

# Extent description
"""
TAIL = """
# The Disk Data Base
#DDB

ddb.virtualHWVersion = "4"
ddb.geometry.cylinders = "1"
ddb.geometry.heads = "16"
ddb.geometry.sectors = "63"
ddb.adapterType = "ide"
"""
room = pathlib.Path(sys.argv[1])
(room / "f.bin").write_bytes(b"ONE_" * (PIECE // 4) + b"TWO_" * (PIECE // 4))


def described(name, *extents):
    path = room / name
    path.write_text(HEAD + "\n".join(extents) + "\n" + TAIL)
    return path


def pieces(data):
    return [data[at : at + 4] for at in range(0, len(data), PIECE)]


def by_libvmdk(path):
    handle = pyvmdk.handle()
    handle.open(str(path))
    handle.open_extent_data_files()
    return pieces(handle.read_buffer(handle.media_size))


def by_dissect(path):
    return pieces(VMDK(path).read(-1))


whole = described("whole.vmdk", 'RW 256 FLAT "f.bin" 0')
assert by_libvmdk(whole) == by_dissect(whole) == [b"ONE_", b"TWO_"]
swapped = described("swapped.vmdk", 'RW 128 FLAT "f.bin" 128', 'RW 128 FLAT "f.bin" 0')
print("at 128, at 0:", by_libvmdk(swapped), by_dissect(swapped))
assert by_libvmdk(swapped) == by_dissect(swapped) == [b"ONE_", b"ONE_"]
gapped = described("gap.vmdk", 'RW 128 FLAT "f.bin" 0', "RW 128 ZERO", 'RW 128 FLAT "f.bin" 0')
print("at 0, ZERO, at 0:", by_dissect(gapped))
assert by_dissect(gapped) == [b"ONE_", b"ONE_"]
assert VMDK(gapped).size == 2 * PIECE
try:
    by_libvmdk(gapped)
except OSError:
    print("libvmdk does not open it")
else:
    raise SystemExit("libvmdk opens a disk with a ZERO extent now")
PYTHON
