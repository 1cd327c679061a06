#!/usr/bin/env bash
# dissect.ntfs 3.16 reads a file past the size that NTFS calls initialised: instead of the zeros
# that ntfs-3g, The Sleuth Kit and libfsntfs give, it gives what the clusters held before, which is
# some other, deleted file. The hash of a preallocated file (a download, a disk image, a log that
# grows by blocks) is then another one, and what is "found in" the file may never have been its own.
#
# Seen on 2026-11-29, of a file of 262,144 bytes, 15 of them initialised, on a disk that was once
# full of "STALE___":
#   ntfs-3g, icat, pyfsntfs 20260827   0 times STALE
#   dissect.ntfs 3.16                  32,256 times STALE
set -euo pipefail
room=$(mktemp -d)
trap 'umount "$room/mounted" 2>/dev/null || true; rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet --disable-pip-version-check \
    dissect.ntfs==3.16 dissect.util==3.24 dissect.cstruct==4.7 libfsntfs-python==20260827
mkdir "$room/mounted"
python3 -c 'import sys; open(sys.argv[1], "wb").write(b"STALE___" * (4 << 20))' "$room/disk.img"
mkntfs -qFQ "$room/disk.img" 2> /dev/null
ntfs-3g "$room/disk.img" "$room/mounted"
printf 'the first bytes' > "$room/mounted/grown.bin"
umount "$room/mounted"
ntfsfallocate -l 262144 "$room/disk.img" grown.bin > /dev/null 2>&1
ntfs-3g "$room/disk.img" "$room/mounted"
cp "$room/mounted/grown.bin" "$room/by_ntfs_3g"
umount "$room/mounted"
record=$(ifind -f ntfs -n /grown.bin "$room/disk.img")
istat -f ntfs "$room/disk.img" "$record" | grep 'size: 262144  init_size: 15'
icat -f ntfs "$room/disk.img" "$record" > "$room/by_icat"
cmp "$room/by_icat" "$room/by_ntfs_3g"
"$room/venv/bin/python" - "$room" <<'PYTHON'
import pathlib
import sys

import pyfsntfs
from dissect.ntfs import NTFS

room = pathlib.Path(sys.argv[1])
right = b"the first bytes".ljust(262_144, b"\0")
assert (room / "by_ntfs_3g").read_bytes() == right
volume = pyfsntfs.volume()
volume.open(str(room / "disk.img"))
assert volume.get_file_entry_by_path("\\grown.bin").read_buffer(1 << 20) == right
with (room / "disk.img").open("rb") as disk:
    told = NTFS(disk).mft.get("grown.bin").open().read()
print("ntfs-3g, icat and pyfsntfs:", right.count(b"STALE"), "dissect.ntfs:", told.count(b"STALE"))
assert len(told) == len(right) and told[:15] == right[:15]
assert told.count(b"STALE") == 32_256
PYTHON
