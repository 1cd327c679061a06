#!/usr/bin/env bash
# LnkParse3 1.6.0 loses the command line of a link whose flags have ForceNoLinkInfo beside
# HasLinkInfo. MS-SHLLINK 2.1.1 says of the first that the LinkInfo is to be ignored, of the second
# that it must follow: it is there, and to be stepped over. LnkParse3 takes its bytes for the first
# of the strings; there is a Python warning, but the answer holds no mark that something is missing.
#
# Seen on 2026-11-29, of a link with a relative path and the arguments "-enc AAAA":
#   flag not set   both tell '.\a.exe' and '-enc AAAA'
#   flag set       liblnk 20260525 the same; LnkParse3 {'relative_path': ''} and no arguments
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet --disable-pip-version-check \
    LnkParse3==1.6.0 liblnk-python==20260525
"$room/venv/bin/python" -W ignore - <<'PYTHON'
import io
import struct

import LnkParse3
import pylnk

HAS_LINK_INFO, HAS_RELATIVE_PATH, HAS_ARGUMENTS, IS_UNICODE = 0x2, 0x8, 0x20, 0x80
FORCE_NO_LINK_INFO = 0x100
SHELL_LINK = bytes.fromhex("0114020000000000c000000000000046")


def text(value):
    return struct.pack("<H", len(value)) + value.encode("utf-16-le")


def link(more_flags):
    flags = HAS_LINK_INFO | HAS_RELATIVE_PATH | HAS_ARGUMENTS | IS_UNICODE | more_flags
    header = struct.pack(
        "<I16sII3QIIIHHII", 76, SHELL_LINK, flags, 0x20, 0, 0, 0, 1234, 0, 1, 0, 0, 0, 0
    )
    volume = struct.pack("<4I", 20, 3, 0x12345678, 16) + b"VOL\0"
    path, suffix = b"C:\\Windows\\a.exe\0", b"\0"
    path_at = 28 + len(volume)
    info = struct.pack(
        "<7I", path_at + len(path) + 1, 28, 1, 28, path_at, 0, path_at + len(path)
    )
    strings = text(".\\a.exe") + text("-enc AAAA")
    return header + info + volume + path + suffix + strings + bytes(4)


def by_liblnk(data):
    file = pylnk.file()
    file.open_file_object(io.BytesIO(data))
    return {
        "relative_path": file.relative_path,
        "command_line_arguments": file.command_line_arguments,
    }


def by_lnkparse3(data):
    return LnkParse3.lnk_file(io.BytesIO(data)).get_json()["data"]


right = {"relative_path": ".\\a.exe", "command_line_arguments": "-enc AAAA"}
assert by_liblnk(link(0)) == by_lnkparse3(link(0)) == right
assert by_liblnk(link(FORCE_NO_LINK_INFO)) == right
told = by_lnkparse3(link(FORCE_NO_LINK_INFO))
print("LnkParse3 with ForceNoLinkInfo:", told)
assert told == {"relative_path": ""}
PYTHON
