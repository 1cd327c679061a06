#!/usr/bin/env bash
# acquire 3.22 counts the front of its own encryption into the offsets of a ZIP that it encrypts
# (--output-type zip --encrypt): what acquire-decrypt gives back, with "File verified OK!", says that
# its central directory and its members lie later than they do, by the 60 bytes of the front and the
# size of the RSA key (316 bytes for a key of 2,048 bits, 572 for one of 4,096). Python's zipfile,
# which dissect reads it with, makes up for it without a word; Info-ZIP's unzip calls it a possible
# bomb and unpacks nothing, and a reader that takes the offset at its word finds no directory.
#
# Seen on 2026-11-30, for a member that is stored and for one that is deflated:
#   acquire-decrypt    File verified OK!
#   zipfile            the member's 5,000 bytes
#   unzip 6.00         missing 316 bytes in zipfile ... overlapped components (possible zip bomb)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet --disable-pip-version-check \
    acquire==3.22 pycryptodome==4.4.0
cd "$room"
"$room/venv/bin/python" - <<'PYTHON'
import io
from pathlib import Path

from acquire.outputs.zip import ZipOutput
from Crypto.PublicKey import RSA

key = RSA.generate(2048)
Path("key.pem").write_bytes(key.export_key())
for name, compress in (("stored", False), ("deflated", True)):
    public = key.public_key().export_key().decode()
    output = ZipOutput(Path(name), compress=compress, encrypt=True, public_key=public)
    output.write("fs/c:/a.txt", io.BytesIO(b"a" * 5000), size=5000)
    output.close()
PYTHON
for name in stored deflated; do
    "$room/venv/bin/acquire-decrypt" -k key.pem "$name.zip.enc" 2>&1 | grep -o 'File verified OK!'
    if unzip -t "$name.zip" > told 2>&1; then
        exit 1
    fi
    grep -o 'missing 316 bytes in zipfile' told
    grep -o 'possible zip bomb' told
done
"$room/venv/bin/python" - <<'PYTHON'
import zipfile
from pathlib import Path

for name in ("stored", "deflated"):
    data = Path(f"{name}.zip").read_bytes()
    told, there = int.from_bytes(data[-6:-2], "little"), data.find(b"PK\1\2")
    front = Path(f"{name}.zip.enc").stat().st_size - len(data) - 16 - 8
    print(f"{name}: the directory lies at {there}, the end record says {told}; front {front}")
    assert told - there == front == 60 + 256
    with zipfile.ZipFile(f"{name}.zip") as archive:
        assert archive.read("fs/c:/a.txt") == b"a" * 5000
PYTHON
