"""Files of real hosts, from the samples folder beside the project, where it is there."""

from __future__ import annotations

import lzma
import shutil
import subprocess
import zlib
from functools import cache
from pathlib import Path

import pytest

_FOLDER = Path(__file__).parents[3] / "shared/samples"


def sample(name: str) -> bytes:
    """The bytes of one (``evtx/system.evtx``), unpacked; a test whose sample is not there is
    skipped."""
    if not (_FOLDER / name).exists():
        pytest.skip(f"the sample {name} is not here")
    return _read(name)


def samples(pattern: str) -> list[str]:
    """The names of those that are there."""
    return sorted(str(path.relative_to(_FOLDER)) for path in _FOLDER.glob(pattern))


def qcow2(name: str, path: Path) -> Path:
    """The disk in an image of QEMU's (its ``docs/interop/qcow2.rst``; of version 2, without
    another image behind it), as a sparse file."""
    data = sample(name)
    bits, tables = int.from_bytes(data[20:24], "big"), int.from_bytes(data[40:48], "big")
    cluster, per_table = 1 << bits, 1 << bits - 3
    with path.open("wb") as disk:
        disk.truncate(int.from_bytes(data[24:32], "big"))
        for number in range(int.from_bytes(data[36:40], "big")):
            table = _entry(data, tables + 8 * number) & _OFFSET
            for index in range(per_table if table else 0):
                if entry := _entry(data, table + 8 * index):
                    disk.seek((number * per_table + index) * cluster)
                    disk.write(_cluster(data, entry, bits))
    return path


_OFFSET, _COMPRESSED = 0xFF_FFFF_FFFF_FE00, 1 << 62


def _entry(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "big")


def _cluster(data: bytes, entry: int, bits: int) -> bytes:
    if not entry & _COMPRESSED:
        return data[entry & _OFFSET :][: 1 << bits]
    start = entry & (1 << 70 - bits) - 1
    return zlib.decompressobj(-15).decompress(data[start : start + (2 << bits)], 1 << bits)


@cache
def _read(name: str) -> bytes:
    data = (_FOLDER / name).read_bytes()
    return lzma.decompress(data) if name.endswith(".xz") else data


def unpacked(name: str, place: Path) -> list[Path]:
    """The files of a sample that is a 7z archive, unpacked into a folder; a test is skipped where
    the sample or 7z is not there."""
    sample(name)
    program = shutil.which("7z") or shutil.which("7zz")
    if program is None:
        pytest.skip("7z (Debian package p7zip-full) is not installed")
    command = [program, "x", "-y", f"-o{place}", str(_FOLDER / name)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=300)
    return sorted(path for path in place.rglob("*") if path.is_file())
