#!/usr/bin/env bash
# libevtx 20260705 tells two kinds of numbers of an event wrong, in its XML and in its strings.
# A negative one keeps its sign and loses its complement: -1 is -127, -32767, -2147483647 or
# -9223372036854775807 by its width, and status 0xC0000135 (-1073741515) is -1073742133, which is
# none. A SizeT is 0x0 whatever it holds. evtx 0.14.0 (Rust) and python-evtx 0.8.1 are right.
#
# Seen on 2026-11-29, of a log of one event whose template names the types Int8 to Int64 and SizeT:
#   evtx      -1    -1      -1          -1073741515  -1                    0x1234
#   libevtx   -127  -32767  -2147483647 -1073742133  -9223372036854775807  0x0000000000000000
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet --disable-pip-version-check \
    libevtx-python==20260705 evtx==0.14.0 python-evtx==0.8.1
"$room/venv/bin/python" - "$room/one.evtx" <<'PYTHON'
import re
import struct
import sys
import zlib

import Evtx.Evtx
import evtx
import pyevtx

INT8, INT16, INT32, INT64, SIZE_T = 0x03, 0x05, 0x07, 0x09, 0x10
RECORD_AT, TEMPLATE_ID = 512, 0x11223344


def name(text):
    number = 0
    for letter in text:
        number = (number * 65599 + ord(letter)) & 0xFFFFFFFF
    return struct.pack("<IHH", 0, number & 0xFFFF, len(text)) + text.encode("utf-16-le") + b"\0\0"


def element(at, text, *content):
    """An element without attributes at this place of the chunk; each content by its place."""
    body = name(text) + b"\x02"
    for part in content:
        body += part(at + 11 + len(body))
    body += b"\x04"
    return struct.pack("<BHII", 1, 0xFFFF, 4 + len(body), at + 11) + body


def child(text, *content):
    return lambda at: element(at, text, *content)


def text_value(text):
    return lambda at: struct.pack("<BBH", 5, 1, len(text)) + text.encode("utf-16-le")


def substitution(number, kind):
    return lambda at: struct.pack("<BHB", 0x0D, number, kind)


def log(values):
    """A log of one record whose template holds one Data for each (type, bytes)."""
    instance_at = RECORD_AT + 24 + 4
    definition_at = instance_at + 10
    data = [child("Data", substitution(at, kind)) for at, (kind, _) in enumerate(values)]
    system = child("System", child("EventID", text_value("1")))
    event = element(definition_at + 28, "Event", system, child("EventData", *data))
    template = b"\x0f\x01\x01\x00" + event + b"\0"
    body = b"\x0f\x01\x01\x00" + struct.pack("<BBII", 0x0C, 1, TEMPLATE_ID, definition_at)
    body += struct.pack("<I16sI", 0, bytes(range(16)), len(template)) + template
    body += struct.pack("<I", len(values))
    body += b"".join(struct.pack("<HBB", len(value), kind, 0) for kind, value in values)
    body += b"".join(value for _, value in values) + b"\0"
    body += bytes(-(28 + len(body)) % 8)
    size = 28 + len(body)
    record = struct.pack("<4sIQQ", b"**\0\0", size, 1, 132_000_000_000_000_000) + body
    record += struct.pack("<I", size)
    end = RECORD_AT + size
    chunk = bytearray(65_536)
    chunk[RECORD_AT:end] = record
    struct.pack_into(
        "<8s4Q4I", chunk, 0, b"ElfChnk\0", 1, 1, 1, 1, 128, RECORD_AT, end, zlib.crc32(record)
    )
    struct.pack_into("<I", chunk, 384 + 4 * (TEMPLATE_ID % 32), definition_at)
    struct.pack_into("<I", chunk, 124, zlib.crc32(chunk[:120] + chunk[128:512]))
    header = bytearray(4096)
    struct.pack_into("<8s3QIHHHH", header, 0, b"ElfFile\0", 0, 0, 2, 128, 1, 3, 4096, 1)
    struct.pack_into("<I", header, 124, zlib.crc32(header[:120]))
    return bytes(header + chunk)


path = sys.argv[1]
values = [
    (INT8, struct.pack("<b", -1)),
    (INT16, struct.pack("<h", -1)),
    (INT32, struct.pack("<i", -1)),
    (INT32, struct.pack("<I", 0xC0000135)),
    (INT64, struct.pack("<q", -1)),
    (INT32, struct.pack("<i", 7)),
    (SIZE_T, struct.pack("<Q", 0x1234)),
]
with open(path, "wb") as file:
    file.write(log(values))


def told(xml):
    return re.findall("<Data>([^<]*)</Data>", xml)


by_evtx = told(next(iter(evtx.PyEvtxParser(path).records()))["data"])
with Evtx.Evtx.Evtx(path) as opened:
    by_python_evtx = told(next(opened.records()).xml())
file = pyevtx.file()
file.open(path)
record = file.get_record(0)
by_libevtx = told(record.xml_string)
print("evtx       ", by_evtx)
print("python-evtx", by_python_evtx)
print("libevtx    ", by_libevtx)
right = ["-1", "-1", "-1", "-1073741515", "-1", "7"]
assert by_evtx == [*right, "0x1234"]
assert by_python_evtx == [*right, "4660"]
assert by_libevtx == list(record.strings) == [
    "-127", "-32767", "-2147483647", "-1073742133", "-9223372036854775807", "7",
    "0x0000000000000000",
]
PYTHON
