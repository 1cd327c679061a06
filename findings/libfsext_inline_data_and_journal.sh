#!/usr/bin/env bash
# libfsext 20260821, without an error or a word: of small files that ext4 keeps in their inodes
# (inline_data, `mke2fs -O inline_data`) it gives other bytes than there are from the 61st on, and it
# reads a volume whose journal was not replayed (needs_recovery) as it was before what that holds.
#
# Seen on 2026-11-30, of files of 100 bytes of "x", and of a journal that holds one block: the one
# with the list of the top folder, in which "before" is called "behind".
#   right       100 times "x"    behind    (debugfs; e2fsck -fy on a copy)
#   libfsext    60 times "x"     before
set -euo pipefail
export PATH="$PATH:/usr/sbin:/sbin"
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet --disable-pip-version-check libfsext-python==20260821
mkdir "$room/files"
printf 'x%.0s' $(seq 100) > "$room/files/small"
printf 'x%.0s' $(seq 100) > "$room/files/before"
truncate -s 8M "$room/inline.img" "$room/journal.img"
mke2fs -q -t ext4 -I 256 -O inline_data -d "$room/files" "$room/inline.img"
mke2fs -q -t ext4 -b 1024 -d "$room/files" -O ^metadata_csum,^64bit "$room/journal.img"
debugfs -R 'cat small' "$room/inline.img" 2>/dev/null | cmp - "$room/files/small"

# A transaction of one block, written by debugfs itself.
block=$(debugfs -R 'blocks /' "$room/journal.img" 2>/dev/null | tr -d ' \n')
dd if="$room/journal.img" of="$room/block" bs=1024 skip="$block" count=1 status=none
sed -i 's/before/behind/' "$room/block"
printf 'jo\njw -b %s %s\njc\n' "$block" "$room/block" > "$room/commands"
debugfs -w -f "$room/commands" "$room/journal.img" > /dev/null 2>&1
dumpe2fs -h "$room/journal.img" 2>/dev/null | grep -o needs_recovery
cp "$room/journal.img" "$room/copy.img"
e2fsck -fy "$room/copy.img" > /dev/null 2>&1 || test $? = 1
debugfs -R 'ls -p /' "$room/copy.img" 2>/dev/null | grep -o behind

"$room/venv/bin/python" - "$room/inline.img" "$room/journal.img" <<'PYTHON'
import sys

import pyfsext

inline, journal = pyfsext.volume(), pyfsext.volume()
inline.open(sys.argv[1])
small = inline.get_file_entry_by_path("/small")
data = small.read_buffer_at_offset(small.size, 0)
right = len(data) - len(data.lstrip(b"x"))
print("inline:", small.size, "bytes, right are", right)
assert small.size == len(data) == 100
assert right == 60, data
journal.open(sys.argv[2])
names = [entry.name for entry in journal.root_directory.sub_file_entries]
print("journal:", names)
assert "before" in names
assert "behind" not in names
PYTHON
