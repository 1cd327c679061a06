"""What was given to be swept, as a chain of custody names it: every file of it, and its hashes."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta, timezone
from functools import partial

from msgspec import structs

from ...model.custody import MAX_FILES, Exhibit, HeldFile
from ...model.objects import Hash
from ...ntfs import ByteSource
from ...reading.opening import open_quietly, read_at
from .containers import Medium
from .containers.opening import DEVICE
from .media import SharedMedium

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_SAMPLES = 64
"""Pages of an image that its identity knows, at least two of each file."""
_PAGE = 4096
_HASHES = frozenset(one.name for one in structs.fields(Hash))


def exhibits_at(paths: Iterable[str]) -> Iterator[Exhibit]:
    """Of folders and files."""
    for path in paths:
        if os.path.isdir(path):
            yield Exhibit(path=path, kind="folder")
        else:
            yield _exhibit(path, Exhibit(path=path, kind="file"), [os.path.realpath(path)])


def exhibits_of(media: Iterable[SharedMedium]) -> Iterator[Exhibit]:
    """Of images. One that cannot be opened is told without what it would say."""
    for shared in media:
        try:
            medium = shared.opened()
        except OSError:
            yield Exhibit(path=shared.path, kind="image that cannot be opened")
            continue
        stored = stored_hashes(medium)
        made = Exhibit(path=shared.path, kind=medium.kind, size=medium.source.size, stored=stored)
        if medium.kind == DEVICE:
            yield _device(made, medium.source)
        else:
            yield _exhibit(shared.path, made, medium.files)


def stored_hashes(medium: Medium) -> Hash | None:
    """None if it has none of a kind that is known here."""
    known = {name: value.lower() for name, value in medium.hashes if name in _HASHES and value}
    return Hash(**known) if known else None


def _device(made: Exhibit, source: ByteSource) -> Exhibit:
    """It lies in no file, and is the same disk whatever it is attached as."""
    digest = hashlib.sha256(f"{made.kind}\0{made.size}\n".encode())
    try:
        digest.update(_sampled(source.read_at, source.size, _SAMPLES))
    except OSError:
        return made
    return structs.replace(made, identity=digest.hexdigest())


def _exhibit(path: str, made: Exhibit, files: Iterable[str]) -> Exhibit:
    """``made`` with its files."""
    held, lines = list[HeldFile](), list[str]()
    names = dict.fromkeys((*files,))
    for file in names:
        try:
            told = os.stat(file)
        except OSError:
            continue
        line = f"{os.path.basename(file)}\0{told.st_size}\0{told.st_mtime_ns}"
        lines.append(f"{line}\0{_sampled_file(file, told, max(2, _SAMPLES // len(names)))}")
        held.append(HeldFile(path=file, size=told.st_size, mtime=_time(told.st_mtime_ns)))
    digest = hashlib.sha256(f"{made.kind}\0{made.size}\0{made.stored}\n".encode())
    digest.update("\n".join(sorted(lines)).encode("utf-8", "surrogatepass"))
    return structs.replace(
        made,
        path=path,
        files=held[:MAX_FILES],
        more_files=max(0, len(held) - MAX_FILES),
        identity=digest.hexdigest() if held else "",
    )


def _sampled_file(path: str, told: os.stat_result, count: int) -> str:
    """Empty where it cannot be read."""
    if not stat.S_ISREG(told.st_mode):
        return ""
    try:
        with open_quietly(path) as file:
            return _sampled(partial(read_at, file), told.st_size, count).hex()
    except OSError:
        return ""


def _sampled(read: Callable[[int, int], bytes], size: int, count: int) -> bytes:
    """Hash of so many pages, spread over all: disks of two hosts that were made in one way may have
    names, sizes and times alike. ``read``: at an offset, so many bytes. Raises OSError."""
    digest = hashlib.sha256()
    last = max(0, size - _PAGE)
    for number in range(count):
        digest.update(read(last * number // (count - 1), _PAGE))
    return digest.digest()


def _time(nanoseconds: int) -> datetime:
    """UTC; as far as there is a calendar."""
    try:
        return _EPOCH + timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:
        return _EPOCH


__all__ = ["exhibits_at", "exhibits_of", "stored_hashes"]
