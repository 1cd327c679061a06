#!/usr/bin/env bash
# The Sleuth Kit 4.11.1's fls -u ("undeleted entries only") lists names that were deleted: those in
# blocks of a folder's index that its bitmap calls free. istat calls the same records not allocated.
# As an oracle it tells what must be in a folder, not what must not.
#
# Seen on 2026-11-28, in a folder of 1,500 files of which ntfs-3g deleted all but five: the folder
# lists 5 names, fls -u 114.
set -euo pipefail
room=$(mktemp -d)
trap 'umount "$room/mounted" 2>/dev/null || true; rm -rf "$room"' EXIT
mkdir "$room/mounted"
truncate -s 32M "$room/disk.img"
mkntfs -qFQ "$room/disk.img" 2> /dev/null
ntfs-3g "$room/disk.img" "$room/mounted"
mkdir "$room/mounted/emptied"
for number in $(seq 1500); do
    : > "$room/mounted/emptied/a name of some length, number $number.txt"
done
for number in $(seq 1495); do
    rm "$room/mounted/emptied/a name of some length, number $number.txt"
done
there=$(ls "$room/mounted/emptied" | wc -l)
umount "$room/mounted"
fls -f ntfs -u -r -p "$room/disk.img" | grep 'emptied/' > "$room/listed"
listed=$(wc -l < "$room/listed")
record=$(grep -vE 'number 1(49[6-9]|500)' "$room/listed" | sed -nE '1s/^[^ ]+ ([0-9]+)-.*/\1/p')
echo "the folder lists $there names, fls -u $listed"
test "$there" = 5
test "$listed" -gt 5
istat -f ntfs "$room/disk.img" "$record" | grep 'Not Allocated File'
