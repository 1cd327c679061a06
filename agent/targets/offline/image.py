"""Evidence at rest: raw images, each of one NTFS volume."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from ...matching.own_traces import Own
from ...model import report as model
from ...ntfs import FileSource
from ...ntfs.boot_sector import BOOT_SIZE, read_boot_sector
from ...reading.opening import open_quietly, read_at
from .. import RawNtfs, Root, SkippedVolume
from .at_rest import AtRest, TargetError

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
        """A host that is known by its volume's serial number and the image's place."""
        path = self._paths[0]
        try:
            serial = f"{read_boot_sector(_boot_sector(os.path.realpath(path))).serial:016X}"
        except OSError:
            serial = "unknown"
        return model.Host(id=f"ntfs:{serial}:{path}", name=os.path.basename(path) or path)

    def roots(self) -> tuple[Sequence[Root], Sequence[SkippedVolume]]:
        """The volumes; paths in them are shown behind the image's name, or behind its whole path
        where two images have one name."""
        names = Counter(os.path.basename(path) for path in self._paths)
        roots = []
        for path in self._paths:
            name = os.path.basename(path)
            shown = name if names[name] == 1 else path
            place = os.path.realpath(path)
            raw = RawNtfs(partial(_open, place), f"{shown}:", state=_state(place))
            roots.append(Root(path, "NTFS", raw=raw, mounted=False))
        return roots, []


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
