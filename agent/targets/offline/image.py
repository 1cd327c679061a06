"""Evidence at rest: raw images, each of one NTFS volume."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from msgspec import structs

from ...matching.own_traces import Own
from ...model import report as model
from ...ntfs import FileSource
from ...ntfs.boot_sector import BOOT_SIZE, read_boot_sector
from ...reading.opening import open_quietly, read_at
from .. import RawNtfs, Root, SkippedVolume
from ..record_tree import record_tree
from ..shared_volume import SharedVolume
from .at_rest import AtRest, TargetError
from .windows_at_rest import Volume

_OEM_ID = slice(3, 11)
_VOLUMES = (b"NTFS    ", b"-FVE-FS-")
"""NTFS, in the clear or kept locked by BitLocker: then the report says so."""


def is_ntfs_image(path: str) -> bool:
    """Whether a regular file begins as an NTFS volume does, if only to be told that it is locked;
    False if it cannot be read."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
        return _boot_sector(os.path.realpath(path))[_OEM_ID] in _VOLUMES
    except OSError:
        return False


class ImageTarget(AtRest):
    """The target of ``offline IMAGE…``."""

    def __init__(self, *paths: str, own: Own, now: Callable[[], datetime] | None = None) -> None:
        """Raises TargetError, naming it, for what is no image of an NTFS volume."""
        if not paths:
            raise TargetError("no image given")
        for path in paths:
            if not is_ntfs_image(path):
                raise TargetError(f"{path}: no raw image of an NTFS volume: sweep it on its own")
        super().__init__(*paths, own=own, now=now)

    @property
    def platform(self) -> str:
        """Whoever made the volume, its paths are written as Windows does."""
        return "windows"

    def describe(self) -> model.Target:
        """The images, as absolute paths."""
        return model.Target(kind=model.TargetKind.IMAGE, paths=list(self._paths))

    def host(self) -> model.Host:
        """Who it says it was; else a host that is known by its volume's serial number, or by the
        image's place where that cannot be read."""
        if (known := self._hosts[0].host()) is not None:
            return known
        path = self._paths[0]
        try:
            told = f"{read_boot_sector(_boot_sector(os.path.realpath(path))).serial:016X}"
        except OSError:
            told = f"unknown:{path}"
        return model.Host(id=f"ntfs:{told}", name=os.path.basename(path) or path)

    def roots(self) -> tuple[Sequence[Root], Sequence[SkippedVolume]]:
        """The volumes; paths in them are shown behind the image's name, or behind its whole path
        where two images have one name."""
        roots = []
        for path, prefix in self._prefixes():
            place = os.path.realpath(path)
            raw = RawNtfs(partial(_open, place), prefix, state=_state(place))
            roots.append(Root(path, "NTFS", raw=raw, mounted=False))
        return roots, []

    def _prefixes(self) -> list[tuple[str, str]]:
        """Each image, and what stands before the paths in it."""
        names = Counter(os.path.basename(path) for path in self._paths)
        bases = [(path, os.path.basename(path)) for path in self._paths]
        return [(path, f"{name if names[name] == 1 else path}:") for path, name in bases]

    def _volumes_at_rest(self) -> list[Volume]:
        """Each image is one."""
        found = []
        for path, prefix in self._prefixes():
            source = partial(_open, os.path.realpath(path))
            tree = record_tree(SharedVolume(source, at_rest=True), "")
            found.append(Volume(structs.replace(tree, shown=(prefix,)), prefix))
        return found


def _state(path: str) -> str:
    """Of an image that cannot be asked: the sweep will tell of it."""
    try:
        status = os.stat(path)
    except OSError:
        return ""
    return f"{status.st_dev}/{status.st_ino}/{status.st_size}/{status.st_mtime_ns}"


def _open(path: str) -> FileSource:
    return FileSource(open_quietly(path))


def _boot_sector(path: str) -> bytes:
    with open_quietly(path) as file:
        return read_at(file, 0, BOOT_SIZE)
