#!/usr/bin/env bash
# MinGW's linker (Debian 12: binutils 2.40) makes the image base of a DLL of a hash of the path that it
# is told to write to, also with --no-insert-timestamp: the same sources give other bytes in another
# folder. ld's manual says of --enable-auto-image-base that the name of the DLL is hashed, and not that
# it is on without being asked for. --disable-auto-image-base (or --image-base) makes them the same.
#
# Seen on 2026-11-30, one source linked as a/x.dll and as b/x.dll:
#   as it comes                  two files: ImageBase and CheckSum differ
#   --disable-auto-image-base    one file
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
mkdir "$room/a" "$room/b"
echo 'int answer(void) { return 42; }' > "$room/x.c"
for folder in a b; do
    for option in -Wl,--no-insert-timestamp -Wl,--disable-auto-image-base; do
        x86_64-w64-mingw32-gcc -shared -s -Wl,--no-insert-timestamp "$option" "$room/x.c" \
            -o "$room/$folder/x.dll"
        mv "$room/$folder/x.dll" "$room/$folder/$option"
    done
    x86_64-w64-mingw32-objdump -p "$room/$folder/-Wl,--no-insert-timestamp" | grep -E 'ImageBase|CheckSum'
done
! cmp --silent "$room/a/-Wl,--no-insert-timestamp" "$room/b/-Wl,--no-insert-timestamp"
cmp "$room/a/-Wl,--disable-auto-image-base" "$room/b/-Wl,--disable-auto-image-base"
echo "other bytes in another folder, but with --disable-auto-image-base"
