#!/usr/bin/env bash
# PyInstaller 6.22.3 with pyinstaller-hooks-contrib 2026.9 and PyNaCl 1.6.2: an executable of a program
# that imports nacl.bindings is built without a warning, and ends at that import: PyNaCl's binary
# imports _cffi_backend from C, which no line of Python names, and the hook for nacl looks for files
# of PyNaCl 0.3. --hidden-import _cffi_backend brings it in.
#
# Seen on 2026-11-30:
#   as it is                              ModuleNotFoundError: No module named '_cffi_backend'
#   with --hidden-import _cffi_backend    signs
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet --disable-pip-version-check \
  pyinstaller==6.22.3 pyinstaller-hooks-contrib==2026.9 pynacl==1.6.2 cffi==2.1.1
cat > "$room/signs.py" <<'PYTHON'
from nacl.bindings import crypto_sign, crypto_sign_seed_keypair

print(len(crypto_sign(b"", crypto_sign_seed_keypair(bytes(32))[1])), "bytes")
PYTHON
cd "$room"
build() {
  "$room/venv/bin/pyinstaller" --log-level ERROR --onefile --name "$@" signs.py
}
build as-it-is
if said=$(dist/as-it-is 2>&1); then
  echo "as it is: $said: no longer so"
  exit 1
fi
echo "as it is: $(grep "No module named '_cffi_backend'" <<< "$said")"
build named --hidden-import _cffi_backend
test "$(dist/named)" = "64 bytes"
echo "with --hidden-import _cffi_backend: signs"
