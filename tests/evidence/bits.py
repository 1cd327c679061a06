"""The queue of BITS, laid out as bits_parser reads it."""

from __future__ import annotations

import struct
from datetime import datetime

from .ese_files import LONG_BINARY, Elsewhere, Made, ese_file, xpress
from .filetime import ticks

_QUEUE = bytes.fromhex("13f72bc84099124a9f1a3aaebd894eea")
_LIST = bytes.fromhex("47445f00a9bdba449851c47bb6c07ace")
_FILES = bytes.fromhex("36da56776f515a43acac44a248fff34d")
_JOB_8 = bytes.fromhex("b346ed3d3b10f944bc2fe8378bd31986")
_JOB_10 = bytes.fromhex("a15609e143afc94292e66f9856eba7f6")
_FILE_10 = bytes.fromhex("e4cf9e5146d997439b3e268513051ab2")
SID = "S-1-5-21-1004336348-1177238915-682003330-1001"


def _text(text: str) -> bytes:
    return struct.pack("<I", len(text) + 1) + (text + "\0").encode("utf-16-le")


def transfer(
    target: str, url: str, *, fetched: int = 294_400, size: int = 294_400,
    created: datetime | None = None,
) -> bytes:  # fmt: skip
    """A file of a job; ``created``: as since Windows 10."""
    made = _text(target) + _text(url) + _text("C:\\Users\\jo\\AppData\\Local\\BIT1A2B.tmp")
    made += struct.pack("<QQB", fetched, size, 0) + _text("C:\\") + _text("\\\\?\\Volume{1}\\")
    return made + (bytes(29) + struct.pack("<Q", ticks(created)) if created is not None else b"")


def job(name: str, command: str = "", arguments: str = "") -> bytes:
    """A job, without its files."""
    made = struct.pack("<IIII", 0, 2, 6, 0) + bytes(range(16))
    for text in (name, "", command, arguments, SID):
        made += _text(text)
    return made + struct.pack("<I", 1) + bytes(20)


def old_queue(*files: bytes, name: str = "Update", command: str = "", arguments: str = "") -> bytes:
    """``qmgr0.dat`` of Windows 8.1, with one job."""
    body = job(name, command, arguments) + _FILES + struct.pack("<I", len(files))
    body += b"".join(one + struct.pack("<I", 3) for one in files) + _FILES
    body += struct.pack("<IIIIQQQ14xQQ", 0, 0, 600, 1209600, *[131866704000000000] * 3, 1, 1)
    head = bytes(16) + _QUEUE + _LIST + struct.pack("<I", 1)
    return head + _JOB_8 + body + _JOB_8 + _LIST + _QUEUE + bytes(64)


def new_queue(*files: bytes, jobs: tuple[bytes, ...] = (), page_size: int = 16_384) -> bytes:
    """``qmgr.db`` of Windows 10; the last file is a long value, in a part that is compressed."""
    columns = {"Id": LONG_BINARY, "Blob": LONG_BINARY}
    blobs = [_FILE_10 + one + bytes(64) for one in files]
    rows = [{"Id": bytes(16), "Blob": blob} for blob in blobs[:-1]]
    tables = {
        "Jobs": Made(columns, [{"Id": bytes(16), "Blob": _JOB_10 + one} for one in jobs]),
        "Files": Made(
            columns,
            [*rows, {"Id": bytes(16), "Blob": Elsewhere(1)}],
            {1: [(xpress(blobs[-1]).data, len(blobs[-1]))]},
        ),
    }
    return ese_file(tables, page_size=page_size)
