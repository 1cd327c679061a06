"""What singles a file out."""

from __future__ import annotations

import enum


class Selected(enum.IntFlag):
    """What singles a file out."""

    NAME = enum.auto()
    """A file's or folder's name is wanted."""
    STREAM_NAME = enum.auto()
    SIZE = enum.auto()
    """The unnamed stream has an exact size."""
    STREAM_SIZE = enum.auto()
    """An alternate stream has an exact size, or the least one."""
    STREAM_EXTENSION = enum.auto()
    """The name of an alternate stream ends with an extension."""
    LEAST_SIZE = enum.auto()
    EXTENSION = enum.auto()
    PROGRAM = enum.auto()
    """It is a program where users can write."""


NOTHING = Selected(0)
SELECTED = Selected.SIZE | Selected.LEAST_SIZE | Selected.EXTENSION | Selected.PROGRAM
"""What a walk singles files out for, whatever their name."""
STREAMS = Selected.STREAM_NAME | Selected.STREAM_SIZE | Selected.STREAM_EXTENSION
"""What an alternate stream is singled out for, whatever its file."""
