"""A named pipe of our own, that nobody is let into."""

from __future__ import annotations

import ctypes

from . import dlls, text

_INBOUND, _FIRST = 0x1, 0x0008_0000
"""PIPE_ACCESS_INBOUND, FILE_FLAG_FIRST_PIPE_INSTANCE."""
_REJECT_REMOTE = 0x8
_BYTES = 512


class OwnPipe:
    """Exists while it is open; a context manager. Nothing is ever read from it."""

    def __init__(self, name: str) -> None:
        r"""``name``: without ``\\.\pipe\``. Raises OSError, also where there is such a pipe."""
        create = dlls.function(
            "kernel32",
            "CreateNamedPipeW",
            ctypes.c_void_p,
            text.Pointer,
            *([ctypes.c_uint32] * 6),
            ctypes.c_void_p,
        )
        path = rf"\\.\pipe\{name}"
        handle = create(
            text.wide(path), _INBOUND | _FIRST, _REJECT_REMOTE, 1, _BYTES, _BYTES, 0, None
        )
        if handle in (None, dlls.INVALID_HANDLE):
            raise dlls.failure(path)
        self._handle = handle

    def __enter__(self) -> OwnPipe:
        return self

    def __exit__(self, *_: object) -> None:
        dlls.close(self._handle)
