"""Whether evidence is as it was: its files' bytes, sizes and times, and what lies beside them."""

from __future__ import annotations

import ctypes
import hashlib
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_EVENT = struct.Struct("iIII")
_WRITES = {
    0x2: "written to",
    0x4: "its times or rights changed",
    0x8: "opened for writing",
    0x40: "moved away",
    0x80: "moved here",
    0x100: "made",
    0x200: "removed",
}
"""inotify(7)."""
_NONBLOCK = 0o4000


def aged(folder: Path) -> None:
    """Times at which the next plain read would change that of the last access (``relatime``)."""
    for path in sorted(folder.rglob("*")):
        os.utime(path, (1_000_000_000, 1_100_000_000))
    os.utime(folder, (1_000_000_000, 1_100_000_000))


def snapshot(folder: Path) -> dict[str, tuple[object, ...]]:
    """All that lies below; the snapshot itself leaves no time of access behind."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(folder.rglob("*")):
        told = path.lstat()
        digest = ""
        if path.is_file():
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOATIME), "rb") as file:
                digest = hashlib.sha256(file.read()).hexdigest()
        times = (told.st_mtime_ns, told.st_ctime_ns)
        accessed = told.st_atime_ns if path.is_file() else 0
        found[str(path.relative_to(folder))] = (digest, told.st_size, times, accessed, told.st_mode)
    return found


@contextmanager
def watched(folder: Path) -> Iterator[list[str]]:
    """What the kernel says was written, made, moved or removed below meanwhile, filled in at the
    end."""
    libc = ctypes.CDLL(None, use_errno=True)
    number = libc.inotify_init1(_NONBLOCK)
    assert number >= 0, os.strerror(ctypes.get_errno())
    told: list[str] = []
    try:
        places = {}
        for path in (folder, *(one for one in folder.rglob("*") if one.is_dir())):
            places[libc.inotify_add_watch(number, os.fsencode(path), sum(_WRITES))] = path
        assert -1 not in places
        yield told
        told += _events(number, places)
    finally:
        os.close(number)


def _events(number: int, places: dict[int, Path]) -> Iterator[str]:
    while True:
        try:
            data = os.read(number, 1 << 16)
        except BlockingIOError:
            return
        place = 0
        while place < len(data):
            watch, mask, _, length = _EVENT.unpack_from(data, place)
            name = data[place + _EVENT.size :][:length].rstrip(b"\0")
            what = [word for flag, word in _WRITES.items() if mask & flag]
            yield f"{places[watch] / os.fsdecode(name)}: {', '.join(what)}"
            place += _EVENT.size + length
