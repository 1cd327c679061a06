"""WIM: its images are trees of files (``file_systems/wim.py``), so its bytes are the file's."""

from __future__ import annotations

from typing import BinaryIO

from ....formats.kinds import WIM
from ....ntfs import FileSource
from . import Medium


def open_it(path: str, file: BinaryIO, depth: int) -> Medium:  # noqa: ARG001 - rests on no other
    """The whole file."""
    return Medium(WIM.name, FileSource(file), (path,))
