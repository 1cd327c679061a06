"""One host's files in the shapes in which others collect them, as a folder and as archives of it.

Shapes by the documentation of KAPE, Velociraptor (offline collector, 0.6.7 and later), CyLR, UAC
and acquire."""

from __future__ import annotations

import io
import json
import os
import struct
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from urllib.parse import quote

import py7zr

Files = Mapping[str, bytes]
"""Contents by the host's path."""


def encoded(name: str) -> str:
    """As Velociraptor writes a name."""
    start = "%2E" if name.startswith(".") else ""
    return start + quote(name[1:] if start else name, safe=" $()-_.~")


def _names(path: str) -> list[str]:
    return path.split("\\")[1:]


def plain(path: str) -> str:
    return "/".join(_names(path))


def around(path: str) -> str:
    return f"WS-0421/{plain(path)}"


def kape(path: str) -> str:
    return f"C/{plain(path)}".replace("$UsnJrnl:$J", "$J")


def kape_old(path: str) -> str:
    return f"C/{plain(path)}".replace("$UsnJrnl:$J", "$UsnJrnl$J")


def cylr(path: str) -> str:
    return f"C/{plain(path)}"


def acquire(path: str) -> str:
    return f"fs/c:/{plain(path)}"


def acquire_old(path: str) -> str:
    return f"fs/sysvol/{plain(path)}"


def velociraptor(path: str) -> str:
    """The registry and the journal by the raw volume, the rest by the file system."""
    way, device = "auto", "C:"
    if "config" in path or "\\$" in path:
        way, device = "ntfs", "\\\\.\\C:"
    return "/".join(("uploads", way, *map(encoded, (device, *_names(path)))))


SHAPES: dict[str, Callable[[str], str]] = {
    "plain": plain, "around": around, "kape": kape, "kape_old": kape_old, "cylr": cylr,
    "acquire": acquire, "acquire_old": acquire_old, "velociraptor": velociraptor,
}  # fmt: skip
"""Where each writes a file of the host."""
_BESIDE = {
    "kape": {"2018-11-14T16_00_00_CopyLog.csv": b"CopiedTimestamp,SourceFile\r\n"},
    "velociraptor": {"uploads.json": b"{}\n", "collection_context.json": b"{}"},
}


def laid_out(shape: str, files: Files) -> dict[str, bytes]:
    """Contents by their paths in a collection. Of alternate streams only the journal is copied."""
    written = dict(_BESIDE.get(shape, {}))
    for path, content in files.items():
        if ":" in path[2:] and not path.endswith("$UsnJrnl:$J"):
            continue
        name = SHAPES[shape](path)
        if shape == "velociraptor" and path.endswith(":$J"):
            written |= sparse(name, content)
        else:
            written[name] = content
    return written


def sparse(name: str, content: bytes, hole: int = 1 << 20) -> dict[str, bytes]:
    """A file behind a hole, as Velociraptor keeps it: its runs, and their index."""
    ranges = [
        {"original_offset": 0, "length": hole},
        {"original_offset": hole, "file_length": len(content), "length": len(content)},
    ]
    return {name: content, f"{name}.idx": json.dumps({"ranges": ranges}).encode()}


def as_folder(place: Path, members: Mapping[str, bytes], when: float) -> Path:
    for name, content in members.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (when, when))
    return place


def as_zip(
    path: Path,
    members: Mapping[str, bytes],
    when: float,
    *,
    method: int = zipfile.ZIP_DEFLATED,
    separator: str = "/",
) -> Path:
    """With the extended timestamp."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo("x", (2018, 11, 14, 0, 0, 0))
            info.filename = name.replace("/", separator)
            info.compress_type = method
            info.extra = struct.pack("<HHBi", 0x5455, 5, 1, int(when))
            archive.writestr(info, content)
    return path


def as_tar(path: Path, members: Mapping[str, bytes], when: float, mode: str = "w") -> Path:
    """``mode``: as the standard library has it, ``w:gz``."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), int(when)
            archive.addfile(info, io.BytesIO(content))
    return path


def as_7z(path: Path, members: Mapping[str, bytes], when: float) -> Path:
    with tempfile.TemporaryDirectory() as place, py7zr.SevenZipFile(path, "w") as archive:
        folder = as_folder(Path(place), members, when)
        for name in members:
            archive.write(folder / name, name)
    return path


def as_orc(path: Path, files: Files, when: float) -> Path:
    """By DFIR-ORC: logs, hives and all else in an archive each, with a table, in one."""
    inner: dict[str, dict[str, bytes]] = {}
    rows: dict[str, list[str]] = {}
    written = datetime.fromtimestamp(when, timezone.utc)
    for number, (name, content) in enumerate(files.items()):
        called = next((one for part, one in _OF_ORC.items() if part in name), "Artefacts.7z")
        sample = f"{called[:-3]}/{number:08X}_{_names(name)[-1]}_data".replace(" ", "_")
        sample = sample.replace(":", "_")
        inner.setdefault(called, {})[sample] = content
        rows.setdefault(called, []).append(
            f'WS-0421,0xA1B2,"{name[2:]}","{sample}",{len(content)},data,'
            f"{written:%Y-%m-%d %H:%M:%S.000}"
        )
    outer: dict[str, bytes] = {}
    for called, members in inner.items():
        table = "\r\n".join([_TABLE, *rows[called], ""]).encode("utf-8-sig")
        made = as_7z(path.with_name(called), {**members, "GetThis.csv": table}, when)
        outer[called] = made.read_bytes()
        made.unlink()
    return as_7z(path, outer, when)


_OF_ORC = {"winevt": "Event.7z", "config": "SystemHives.7z"}
_TABLE = "ComputerName,VolumeID,FullName,SampleName,SizeInBytes,ContentType,LastModificationDate"


ARCHIVES: dict[str, Callable[[Path, Mapping[str, bytes], float], Path]] = {
    "deflated.zip": as_zip,
    "stored.zip": partial(as_zip, method=zipfile.ZIP_STORED),
    "backslashes.zip": lambda *made: as_zip(*made, separator="\\"),
    "plain.tar": as_tar,
    "packed.tgz": partial(as_tar, mode="w:gz"),
    "packed.txz": partial(as_tar, mode="w:xz"),
    "packed.7z": as_7z,
}


FORMS = (
    *((shape, "deflated.zip") for shape in ("plain", "around", "kape", "velociraptor")),
    ("plain", "stored.zip"), ("kape_old", "backslashes.zip"), ("cylr", "packed.txz"),
    ("acquire", "plain.tar"), ("acquire_old", "packed.tgz"), ("velociraptor", "packed.tgz"),
    ("velociraptor", "packed.7z"), ("kape", "packed.7z"),
)  # fmt: skip
"""Each shape in some archive, each archive with some shape."""
