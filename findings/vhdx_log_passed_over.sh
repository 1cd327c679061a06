#!/usr/bin/env bash
# A VHDX whose host stopped while it wrote has a log: sectors that belong over the file before it is
# read ([MS-VHDX] 2.3). Two readers that know nothing of each other read the disk as it was before,
# without an error and without a word: libvhdi 20260901 and dissect.hypervisor 3.21. That they agree
# is no proof. qemu-img 7.2 refuses such a disk until "check -r all" has replayed its log.
#
# Seen on 2026-11-30, of a disk of 4 MiB whose first 4,096 bytes are "A" in the file and "B" in the
# log (one entry, CRC-32C and sequence numbers right, LogGuid set in the newer header):
#   right     B  (qemu-img, once it has replayed the log)
#   libvhdi   A
#   dissect   A
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet --disable-pip-version-check libvhdi-python==20260901 \
    dissect.hypervisor==3.21 dissect.util==3.24 dissect.cstruct==4.7
"$room/venv/bin/python" - "$room/disk.vhdx" <<'PYTHON'
import pathlib
import struct
import sys
import uuid

MIB = 1 << 20


def crc32c(data):
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def signed(data):
    data[4:8] = bytes(4)
    data[4:8] = struct.pack("<I", crc32c(data))
    return data


def guid(text):
    return uuid.UUID(text).bytes_le


log_id, page = uuid.uuid4().bytes, b"B" * 4096
disk = bytearray(5 * MIB)  # heads; log; metadata; table of blocks; the first block
disk[:8] = b"vhdxfile"
for place, number in ((64 << 10, 1), (128 << 10, 2)):
    head = bytearray(4096)
    struct.pack_into("<4sIQ16s16s16sHHIQ", head, 0, b"head", 0, number, uuid.uuid4().bytes,
                     uuid.uuid4().bytes, log_id, 0, 1, MIB, MIB)
    disk[place:place + 4096] = signed(head)
regions = bytearray(64 << 10)
struct.pack_into("<4sIII", regions, 0, b"regi", 0, 2, 0)
for at, (name, place) in zip((16, 48), (("2dc27766-f623-4200-9d64-115e9bfd4a08", 3 * MIB),
                                        ("8b7ca206-4790-4b9a-b8fe-575f050f886e", 2 * MIB))):
    struct.pack_into("<16sQII", regions, at, guid(name), place, MIB, 1)
for place in (192 << 10, 256 << 10):
    disk[place:place + len(regions)] = signed(regions)
items = {
    "caa16737-fa36-4d43-b3b6-33f0aa44e76b": struct.pack("<II", MIB, 0),
    "2fa54224-cd1b-4876-b211-5dbed83bf4b8": struct.pack("<Q", 4 * MIB),
    "beca12ab-b2e6-4523-93ef-c309e000c746": uuid.uuid4().bytes,
    "8141bf1d-a96f-4709-ba47-f233a8faab5f": struct.pack("<I", 512),
    "cda348c7-445d-4471-9cc9-e9885251c556": struct.pack("<I", 512),
}
struct.pack_into("<8sHH", disk, 2 * MIB, b"metadata", 0, len(items))
for index, (name, content) in enumerate(items.items()):
    at = (64 << 10) + 4096 * index
    # virtual disk properties, but for the file's parameters; all are required
    struct.pack_into("<16sIII", disk, 2 * MIB + 32 + 32 * index, guid(name), at, len(content),
                     4 if index == 0 else 6)
    disk[2 * MIB + at:2 * MIB + at + len(content)] = content
struct.pack_into("<Q", disk, 3 * MIB, 4 * MIB | 6)  # wholly there
disk[4 * MIB:5 * MIB] = b"A" * MIB

entry = bytearray(8192)
struct.pack_into("<4sIIIQII16sQQ", entry, 0, b"loge", 0, len(entry), 0, 7, 1, 0, log_id,
                 len(disk), len(disk))
struct.pack_into("<4s4s8sQQ", entry, 64, b"desc", page[-4:], page[:8], 4 * MIB, 7)
entry[4096:] = b"data" + bytes(4) + page[8:-4] + struct.pack("<I", 7)
disk[MIB:MIB + len(entry)] = signed(entry)
path = pathlib.Path(sys.argv[1])
path.write_bytes(disk)

import pyvhdi
from dissect.hypervisor.disk.vhdx import VHDX

library = pyvhdi.file()
library.open(str(path))
seen = {"libvhdi": library.read_buffer_at_offset(4096, 0)}
with path.open("rb") as file:
    reader = VHDX(file)
    seen["dissect"] = (reader.open() if hasattr(reader, "open") else reader).read(4096)
told = {name: chr(data[0]) if len(set(data)) == 1 else "torn" for name, data in seen.items()}
print(told)
assert told == {"libvhdi": "A", "dissect": "A"}, told
PYTHON
