#!/usr/bin/env bash
# libbde 20260916: of a read that begins within a sector and goes on into the next, all that lies
# behind the first sector's end is wrong, without an error. Reads that begin at a sector's start are
# right, whatever their length, and so are those within one sector. A file system reader that asks for
# a record at byte 100 of a sector gets noise from byte 412 on. Ask from sector boundaries.
#
# Seen on 2026-11-30, of a volume of AES-XTS 128 that its clear key opens (a suspended one):
#   offset   bytes   first wrong byte
#        0   65536   none
#      100     412   none
#      100     413   412
#      511       2   1
#    16484    1000   412
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet --disable-pip-version-check libbde-python==20260916 \
    cryptography==46.0.3
"$room/venv/bin/python" - "$room/volume" <<'PYTHON'
import pathlib
import random
import struct
import sys

import pybde
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

SECTOR, BLOCK, HEAD = 512, 64 << 10, 8192
CLEAR, MASTER, VOLUME = bytes(range(50, 82)), bytes(range(32)), bytes(range(100, 132))


def encrypted(data, at):
    made = b""
    for start in range(0, len(data), SECTOR):
        tweak = ((at + start) // SECTOR).to_bytes(16, "little")
        cipher = Cipher(algorithms.AES(VOLUME), modes.XTS(tweak)).encryptor()
        made += cipher.update(data[start:start + SECTOR])
    return made


def entry(kind, value, data):
    return struct.pack("<HHHH", 8 + len(data), kind, value, 1) + data


def sealed(kind, key, method, secret):
    nonce = struct.pack("<QI", 132 * 10**15, 1 + method)
    plain = entry(0, 1, struct.pack("<I", method) + secret)
    made = AESCCM(key, tag_length=16).encrypt(nonce, plain, None)
    return entry(kind, 5, nonce + made[-16:] + made[:-16])


plain = bytearray(random.Random(1).randbytes(BLOCK))
plain[:90] = b"\xeb\x52\x90NTFS    ".ljust(90, b"\0")
struct.pack_into("<HB", plain, 0x0B, SECTOR, 8)  # bytes of a sector, sectors of a cluster
struct.pack_into("<QQQbxxxb", plain, 0x28, 8192, 4, 2, -10, 1)
plain[510:512] = b"\x55\xaa"
plain = bytes(plain)

places = [len(plain) + number * BLOCK for number in range(3)]
backup, size = len(plain) + 3 * BLOCK, len(plain) + 4 * BLOCK
master = struct.pack("<16sQHH", bytes(16), 132 * 10**15, 0, 0)
master += entry(0, 1, struct.pack("<I", 0x2002) + CLEAR) + sealed(0, CLEAR, 0x2003, MASTER)
entries = entry(2, 8, master) + sealed(3, MASTER, 0x8004, VOLUME)
entries += entry(15, 15, struct.pack("<QQ", backup, HEAD))
length = 48 + len(entries)
block = struct.pack("<8sHHHHQII3QQ", b"-FVE-FS-", (64 + length) // 16, 2, 4, 4, size, 0, 16,
                    *places, backup)
block += struct.pack("<IIII16sIHHQ", length, 1, 48, length, bytes(16), 9, 0x8004, 0x8004, 0)
block += entries
volume = bytearray(size)
volume[:len(plain)] = encrypted(plain, 0)
volume[backup:backup + HEAD] = encrypted(plain[:HEAD], backup)
head = bytearray(HEAD)
head[:13] = b"\xeb\x58\x90-FVE-FS-" + struct.pack("<H", SECTOR)
head[160:176] = bytes.fromhex("3bd66749292ed84a8399f6a339e3d001")  # BitLocker's GUID
struct.pack_into("<3Q", head, 176, *places)
head[510:512] = b"\x55\xaa"
volume[:HEAD] = head
for place in places:
    volume[place:place + len(block)] = block
pathlib.Path(sys.argv[1]).write_bytes(volume)

opened = pybde.volume()
opened.open(sys.argv[1])
assert opened.unlock()
seen = {}
for offset, count in ((0, BLOCK), (100, 412), (100, 413), (511, 2), (16484, 1000)):
    data = opened.read_buffer_at_offset(count, offset)
    right = plain[offset:offset + count]
    seen[offset, count] = next((at for at in range(count) if data[at] != right[at]), None)
print(seen)
assert seen == {(0, BLOCK): None, (100, 412): None, (100, 413): 412, (511, 2): 1,
                (16484, 1000): 412}, seen
PYTHON
