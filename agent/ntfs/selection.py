"""Why a file is told of."""

from __future__ import annotations

import enum


class Why(enum.IntFlag):
    """Why a file is told of."""

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


NOTHING = Why(0)
SELECTED = Why.SIZE | Why.LEAST_SIZE | Why.EXTENSION
"""What a walk singles files out for, whatever their name."""
STREAMS = Why.STREAM_NAME | Why.STREAM_SIZE | Why.STREAM_EXTENSION
"""What an alternate stream is singled out for, whatever its file."""
