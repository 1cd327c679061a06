#!/usr/bin/env bash
# libfsfat 20260826 gives every time of a file on FAT a month late: what was written in January is
# told as of February, and what was written in December as of January of the year after.
#
# Seen on 2026-11-30:
#   written at            libfsfat
#   2018-01-15 10:20:30   2018-02-15 10:20:30
#   2018-11-14 15:04:08   2018-12-14 15:04:08
#   2018-12-24 18:00:00   2019-01-24 18:00:00
set -euo pipefail
export PATH="$PATH:/usr/sbin:/sbin" TZ=UTC MTOOLS_SKIP_CHECK=1
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet --disable-pip-version-check libfsfat-python==20260826
truncate -s 4M "$room/disk.img"
mkfs.vfat "$room/disk.img" >/dev/null
touch -d '2018-01-15 10:20:30' "$room/january"
touch -d '2018-11-14 15:04:08' "$room/november"
touch -d '2018-12-24 18:00:00' "$room/december"
mcopy -m -i "$room/disk.img" "$room/january" "$room/november" "$room/december" ::/
mdir -i "$room/disk.img" ::/
"$room/venv/bin/python" - "$room/disk.img" <<'PYTHON'
import sys

import pyfsfat

volume = pyfsfat.volume()
volume.open(sys.argv[1])
seen = {}
for entry in volume.root_directory.sub_file_entries:
    seen[entry.name] = str(entry.modification_time)
print(seen)
assert seen == {"january": "2018-02-15 10:20:30", "november": "2018-12-14 15:04:08",
                "december": "2019-01-24 18:00:00"}, seen
PYTHON
