"""Which kind of container a file is, and its bytes."""

from __future__ import annotations

import importlib
import os
from functools import partial
from typing import BinaryIO, NamedTuple

from ....formats.kinds import WIM, Holds, Kind, kind_of
from ....ntfs import FileSource
from ....reading.block_device import is_device, name_of, open_device, real_path
from ....reading.opening import open_quietly, read_at
from . import Medium, MediumError
from .split import joined

RAW = "raw image"
DEVICE = "disk or volume by its device"
_HEAD = 4096


class _Reader(NamedTuple):
    """Whose function ``open_it`` reads a kind; loaded when there is one."""

    module: str
    refused: str = ""
    """Why there is none."""


_READERS: dict[str, _Reader] = {
    "EnCase image (E01)": _Reader("ewf"),
    "QCOW disk": _Reader("qcow"),
    "VDI disk": _Reader("vdi"),
    "VHD disk": _Reader("vhd"),
    "VMDK disk": _Reader("vmdk"),
    "VMDK description": _Reader("vmdk"),
    "VHDX disk": _Reader("vhdx"),
    WIM.name: _Reader("wim"),
    "AFF4 image": _Reader(
        "", "AFF4 image: not read: no library that is kept up can; export it as raw"
    ),
}
"""By the name that :mod:`agent.formats.kinds` has for it."""
_ITSELF = (Holds.NTFS, Holds.VOLUME, Holds.DISK)


def is_medium(path: str) -> bool:
    """Whether a file is a disk or a volume, or holds one, that is read here or refused with a
    reason; False if it cannot be read. A device is nothing else, whatever lies on it."""
    if is_device(path):
        return True
    kind = _kind_at(path)
    return kind is not None and (kind.holds in _ITSELF or kind.name in _READERS)


def is_container(kind: Kind) -> bool:
    """Whether disks come in it, and it is read here or refused with a reason."""
    return kind.name in _READERS


def _kind_at(path: str) -> Kind | None:
    """None too for what cannot be read."""
    real = real_path(path)
    try:
        with _open(real) as file:
            return _kind(real, file)
    except OSError:
        return None


def open_medium(path: str, depth: int = 0, *, raw: bool = False) -> Medium:
    """``depth``: how many disks rest on this one; ``raw``: whatever is none of the kinds is taken
    for the bytes of a disk. Raises MediumError, OSError."""
    real = real_path(path)
    file = _open(real)
    try:
        kind = _kind(real, file)
        reader = None if kind is None else _READERS.get(kind.name)
        itself = raw or (kind is not None and kind.holds in _ITSELF)
        if reader is None and not itself:
            raise MediumError("no image of a disk or of a volume", path)
        if reader is None and is_device(real):
            return Medium(DEVICE, FileSource(file), (real,))
        if reader is None:
            return joined(real, file) or Medium(RAW, FileSource(file), (real,))
        if reader.refused:
            raise MediumError(reader.refused, path)
        module = importlib.import_module(f".{reader.module}", __package__)
        made = module.open_it(real, file, depth)
        assert isinstance(made, Medium)
        return made
    except BaseException:
        file.close()
        raise


def _open(path: str) -> BinaryIO:
    """A regular file, or the device of a disk. Raises OSError."""
    return open_device(path) if is_device(path) else open_quietly(path)


def _kind(path: str, file: BinaryIO) -> Kind | None:
    size = file.seek(0, os.SEEK_END)
    return kind_of(read_at(file, 0, _HEAD), size, name_of(path), partial(read_at, file), given=True)


__all__ = ["DEVICE", "RAW", "is_container", "is_medium", "open_medium"]
