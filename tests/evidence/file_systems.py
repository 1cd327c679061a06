"""Volumes of FAT, exFAT and ext: made by mkfs.vfat and filled by mtools, made by mkfs.exfat and
filled here from the published format (no tool fills one without mounting it), made and filled by
mke2fs; and what the Sleuth Kit reads of them."""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import pytest

from .windows_folder import as_folder

_TOOLS = {
    "mkfs.vfat": "dosfstools",
    "mcopy": "mtools",
    "mkfs.exfat": "exfatprogs",
    "mke2fs": "e2fsprogs",
    "fls": "sleuthkit",
}
_IN_UTC = {**os.environ, "TZ": "UTC", "LC_ALL": "C.UTF-8", "MTOOLS_SKIP_CHECK": "1"}
_CLUSTER = 4096
"""Bytes, of the volumes of exFAT made here."""
Files = Mapping[str, bytes]
"""Contents by path on ``C:``."""


def needs(*tools: str) -> None:
    """Skips the test where one is not installed."""
    for tool in tools:
        if shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is None:
            pytest.skip(f"needs {tool} (Debian package {_TOOLS[tool]})")


def _run(*command: object) -> str:
    path = f"{_IN_UTC.get('PATH', '')}:/usr/sbin:/sbin"
    done = subprocess.run(
        list(map(str, command)), check=True, capture_output=True, env={**_IN_UTC, "PATH": path}
    )
    return done.stdout.decode("utf-8", "surrogateescape")


def _empty(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
    return path


# FAT.


def fat(path: Path, files: Files, *options: object, size: int = 16 << 20) -> Path:
    """``options``: of mkfs.vfat: ``-F 32``."""
    needs("mkfs.vfat", "mcopy")
    _run("mkfs.vfat", "-i", "1A2B3C4D", *options, _empty(path, size))
    copied(path, files)
    return path


def copied(path: Path, files: Files) -> None:
    """More files on a volume of FAT, with the times of now."""
    source = as_folder(path.parent / f"{path.name}.files", files)
    top = sorted(source.iterdir())
    if top:
        _run("mcopy", "-i", path, "-s", "-m", "-Q", "-o", *top, "::/")
    shutil.rmtree(source)


def deleted(path: Path, *names: str) -> None:
    """Files of a volume of FAT, deleted: ``/folder/name``."""
    _run("mdel", "-i", path, *(f"::{name}" for name in names))


# exFAT.


@dataclass
class _Node:
    content: bytes = b""
    inside: dict[str, _Node] | None = None


@dataclass
class Exfat:
    """A volume that is being filled; exFAT file system specification 1.00, 6 and 7."""

    data: bytearray
    when: datetime = datetime(2018, 11, 14, 15, 4, 8, tzinfo=timezone.utc)
    zone: int = 0xF8
    """Two hours west of UTC, in quarters of an hour, and that it is known."""
    chained: bool = False
    """Whether the clusters of each file lie apart, and are in the table."""
    written: Mapping[str, int] = field(default_factory=dict)
    """Bytes that were written of files, by their names."""
    deleted: frozenset[str] = frozenset()
    """Names of files that were deleted."""
    table: int = 0
    heap: int = 0
    root: int = 0
    _next: int = 0
    _bitmap: int = 0

    def fill(self, files: Files) -> None:
        """All at once."""
        self.table, _, self.heap, _, self.root = struct.unpack_from("<5I", self.data, 80)
        top = _Node(inside={})
        for path, content in files.items():
            node = top
            *folders, name = path.split("\\")[1:]
            for folder in folders:
                assert node.inside is not None
                node = node.inside.setdefault(folder, _Node(inside={}))
            assert node.inside is not None
            if name:
                node.inside[name] = _Node(content)
        at = self._offset(self.root)
        used = next(i for i in range(at, at + _CLUSTER, 32) if not self.data[i])
        self._bitmap = next(
            struct.unpack_from("<I", self.data, i + 20)[0]
            for i in range(at, used, 32)
            if self.data[i] == 0x81
        )
        self._next = self.root + 1
        entries = b"".join(self._entries(top))
        assert used - at + len(entries) <= _CLUSTER
        self.data[used : used + len(entries)] = entries

    def _entries(self, folder: _Node) -> Iterator[bytes]:
        for name, node in (folder.inside or {}).items():
            content = node.content
            if node.inside is not None:
                inner = b"".join(self._entries(node))
                content = inner.ljust(-(-(len(inner) + 32) // _CLUSTER) * _CLUSTER, b"\0")
            first, flags = self._put(content)
            yield self._set(name, node, len(content), first, flags)

    def _put(self, content: bytes) -> tuple[int, int]:
        """First cluster, and flags of the stream (7.6.2)."""
        if not content:
            return 0, 1
        pieces = [content[at : at + _CLUSTER] for at in range(0, len(content), _CLUSTER)]
        step = 2 if self.chained else 1
        numbers = [self._next + step * place for place in range(len(pieces))]
        self._next = numbers[-1] + step
        for place, (number, piece) in enumerate(zip(numbers, pieces, strict=True)):
            at = self._offset(number)
            self.data[at : at + len(piece)] = piece
            self.data[self._offset(self._bitmap) + (number - 2) // 8] |= 1 << (number - 2) % 8
            if self.chained:
                following = numbers[place + 1] if place + 1 < len(numbers) else 0xFFFFFFFF
                struct.pack_into("<I", self.data, self.table * 512 + 4 * number, following)
        return numbers[0], 1 if self.chained else 3

    def _set(self, name: str, node: _Node, size: int, first: int, flags: int) -> bytes:
        text = name.encode("utf-16-le", "surrogatepass")
        pieces = [text[at : at + 30] for at in range(0, len(text), 30)]
        stamp = _stamp(self.when)
        head = struct.pack(
            "<BBHHHIIIBBBBB7x", 0x85, 1 + len(pieces), 0, 0x20 if node.inside is None else 0x10, 0,
            stamp, stamp, stamp, 0, 0, self.zone, self.zone, self.zone,
        )  # fmt: skip
        written = self.written.get(name, size)
        stream = struct.pack(
            "<BBBBHHQIIQ", 0xC0, flags, 0, len(text) // 2, _name_hash(text), 0, written, 0,
            first, size,
        )  # fmt: skip
        made = bytearray(head + stream)
        for piece in pieces:
            made += b"\xc1\0" + piece.ljust(30, b"\0")
        struct.pack_into("<H", made, 2, _rotated(16, bytes(made[:2] + made[4:])))
        if name in self.deleted:
            for at in range(0, len(made), 32):
                made[at] &= 0x7F
        return bytes(made)

    def _offset(self, number: int) -> int:
        return self.heap * 512 + (number - 2) * _CLUSTER


def exfat(path: Path, files: Files, *, size: int = 8 << 20, **how: object) -> Path:
    """``how``: as :class:`Exfat`."""
    needs("mkfs.exfat")
    _run("mkfs.exfat", "-c", _CLUSTER, _empty(path, size))
    volume = Exfat(bytearray(path.read_bytes()), **how)  # type: ignore[arg-type]
    volume.fill(files)
    path.write_bytes(volume.data)
    return path


def _stamp(when: datetime) -> int:
    date = when.year - 1980 << 9 | when.month << 5 | when.day
    return date << 16 | when.hour << 11 | when.minute << 5 | when.second // 2


def _rotated(bits: int, data: bytes) -> int:
    total = 0
    mask: int = (1 << bits) - 1
    for byte in data:
        total = (((total & 1) << (bits - 1) | total >> 1) + byte) & mask
    return total


def _name_hash(text: bytes) -> int:
    """7.6.4, of the name in upper case."""
    return _rotated(16, text.decode("utf-16-le", "surrogatepass").upper().encode("utf-16-le"))


# ext.


def ext(path: Path, files: Files, *options: object, size: int = 8 << 20) -> Path:
    """``options``: of mke2fs: ``-t ext4``."""
    needs("mke2fs")
    source = as_folder(path.parent / f"{path.name}.files", files)
    _run("mke2fs", "-q", "-U", "b1946ac9-2481-4b5a-bd63-a1c2f4b5d6e7", *options, "-d", source,
         _empty(path, size))  # fmt: skip
    shutil.rmtree(source)
    return path


# The Sleuth Kit.

_LISTED = re.compile(r"(\S)/(\S) (\* )?(\d+)(?:\(realloc\))?:\t(.*)")


def listed(path: Path, kind: str) -> dict[str, str]:
    """What fls lists: the number of each file and folder that is there, by its path with
    slashes."""
    needs("fls")
    found = {}
    for line in _run("fls", "-f", kind, "-r", "-p", path).splitlines():
        told = _LISTED.fullmatch(line)
        if told is not None and told[1] in "dr" and told[2] in "dr" and not told[3]:
            name = told[5]
            if not name.startswith("$") and "(Volume Label Entry)" not in name:
                found[name] = told[4]
    return found


def read(path: Path, kind: str, number: str) -> bytes:
    """What icat reads of a file."""
    command = ["icat", "-f", kind, str(path), number]
    return subprocess.run(command, check=True, capture_output=True).stdout
