#!/usr/bin/env bash
# Where a folder holds names that differ by case only (a folder of WSL or with the case-sensitive
# flag, which NTFS keeps and lists well), four readers asked for a path open the same file for each
# of the names, even for a name that is there letter by letter: ifind 4.11.1, pytsk3 20260715,
# libfsntfs 20260827 and dissect.ntfs 3.16. It is not even the same file for all four. Only
# ntfs-3g's ntfscat looks for the exact name first. By record number they are all told apart.
#
# Seen on 2026-11-29, of three files that each hold their own name:
#   asked for             Readme.txt   README.TXT   ReadMe.txt
#   ntfscat               Readme.txt   README.TXT   ReadMe.txt
#   ifind, pytsk3, libfsntfs           README.TXT   for all three
#   dissect.ntfs                       ReadMe.txt   for all three
set -euo pipefail
room=$(mktemp -d)
trap 'umount "$room/mounted" 2>/dev/null || true; rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet --disable-pip-version-check pytsk3==20260715 \
    libfsntfs-python==20260827 dissect.ntfs==3.16 dissect.util==3.24 dissect.cstruct==4.7
mkdir "$room/mounted"
truncate -s 32M "$room/disk.img"
mkntfs -qFQ "$room/disk.img" 2> /dev/null
ntfs-3g "$room/disk.img" "$room/mounted"
for name in Readme.txt README.TXT ReadMe.txt; do
    printf '%s' "$name" > "$room/mounted/$name"
done
umount "$room/mounted"
for name in Readme.txt README.TXT ReadMe.txt; do
    test "$(ntfscat "$room/disk.img" "$name")" = "$name"
    record=$(fls -f ntfs "$room/disk.img" | awk -v name="$name" '$3 == name {print $2}' | tr -d :)
    test "$(icat -f ntfs "$room/disk.img" "$record")" = "$name"
    found=$(ifind -f ntfs -n "/$name" "$room/disk.img")
    test "$(icat -f ntfs "$room/disk.img" "$found")" = README.TXT
done
"$room/venv/bin/python" - "$room/disk.img" <<'PYTHON'
import sys

import pyfsntfs
import pytsk3
from dissect.ntfs import NTFS

image = sys.argv[1]
names = ("Readme.txt", "README.TXT", "ReadMe.txt")
volume = pyfsntfs.volume()
volume.open(image)
tsk = pytsk3.FS_Info(pytsk3.Img_Info(image))
with open(image, "rb") as disk:
    mft = NTFS(disk).mft
    told = {
        "pytsk3": [tsk.open("/" + name).read_random(0, 10) for name in names],
        "libfsntfs": [volume.get_file_entry_by_path("\\" + name).read_buffer(99) for name in names],
        "dissect.ntfs": [mft.get(name).open().read() for name in names],
    }
    listed = {name for name in mft.get("").listdir() if name.lower() == "readme.txt"}
print(told)
assert listed == set(names)
assert told["pytsk3"] == told["libfsntfs"] == [b"README.TXT"] * 3
assert told["dissect.ntfs"] == [b"ReadMe.txt"] * 3
PYTHON
