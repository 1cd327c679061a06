#!/usr/bin/env bash
# libfwnt 20260602 unpacks LZX of WIM with calls translated that must not be: within the last ten
# bytes of a chunk an 0xE8 is no call ([MS-PATCH] 2.6). Of programs some two of a hundred chunks come
# out with two or three wrong bytes, without an error. It also refuses sound chunks that need no code
# for long matches.
#
# Seen on 2026-11-30, of a chunk of 1,000 bytes with E8 10 02 00 00 at its end:
#   right     ... e8 10 02 00 00 7a 7a
#   libfwnt   ... e8 2f fe ff ff 7a 7a
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet --disable-pip-version-check libfwnt-python==20260602
mkdir "$room/files"
python3 - "$room/files/one" <<'PYTHON'
import pathlib
import sys

text = b"".join(b"%d: a text that is compressed, line by line\r\n" % n for n in range(40))[:993]
pathlib.Path(sys.argv[1]).write_bytes(text + b"\xe8\x10\x02\0\0zz")
PYTHON
wimlib-imagex capture "$room/files" "$room/one.wim" --compress=LZX > /dev/null
wimlib-imagex extract "$room/one.wim" 1 /one --dest-dir="$room/out" > /dev/null
cmp "$room/out/one" "$room/files/one"
"$room/venv/bin/python" - "$room/one.wim" "$room/files/one" <<'PYTHON'
import hashlib
import pathlib
import struct
import sys

import pyfwnt

wim, right = (pathlib.Path(name).read_bytes() for name in sys.argv[1:])
packed, _, table, _ = struct.unpack_from("<7sBQQ", wim, 48)
for at in range(table, table + int.from_bytes(packed, "little"), 50):
    stored, flags, start, size = struct.unpack_from("<7sBQQ", wim, at)
    if wim[at + 30:at + 50] == hashlib.sha1(right).digest():
        assert flags & 4, "stored as it is"
        chunk = wim[start:start + int.from_bytes(stored, "little")]
        made = pyfwnt.lzx_decompress(chunk, size)
        print("right  ", right[-10:].hex(" "))
        print("libfwnt", made[-10:].hex(" "))
        assert made[:-6] == right[:-6]
        assert made != right
PYTHON
