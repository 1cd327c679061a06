"""Which reader a file system has."""

from __future__ import annotations

import importlib

from ....formats.kinds import EXFAT, EXT, FAT, WIM, Kind
from ....ntfs import ByteSource
from . import FileSystem

_READERS = {FAT: "fat", EXFAT: "exfat", EXT: "ext", WIM: "wim"}
"""Whose function ``read`` opens it; loaded when there is one."""


def is_read(kind: Kind | None) -> bool:
    """Whether it is one, and has a reader."""
    return kind in _READERS


def open_file_system(kind: Kind, source: ByteSource, number: int = 0) -> FileSystem:
    """``number``: of several in one medium. Raises FormatError, OSError."""
    module = importlib.import_module(f".{_READERS[kind]}", __package__)
    made: FileSystem = module.read(source, number)
    return made


__all__ = ["is_read", "open_file_system"]
