r"""Named pipes, by listing the directory ``\\.\pipe\``: no pipe is opened or connected to."""

from __future__ import annotations

import ctypes

from . import dlls, text

MAX_PIPES = 100_000
_PATTERN = "\\\\.\\pipe\\*"


class _FindData(ctypes.Structure):
    """WIN32_FIND_DATAW, 592 bytes."""

    _fields_ = (
        ("attributes", ctypes.c_uint32),
        ("times", ctypes.c_uint32 * 6),
        ("size", ctypes.c_uint32 * 2),
        ("reserved", ctypes.c_uint32 * 2),
        ("name", text.Unit * 260),
        ("short_name", text.Unit * 14),
    )


def list_pipes() -> list[str]:
    r"""The names of all named pipes, without ``\\.\pipe\``.

    Raises OSError if they cannot be listed, TooMany (with those read) beyond 100,000.
    """
    first = dlls.function(
        "kernel32", "FindFirstFileW", ctypes.c_void_p, text.Pointer, ctypes.POINTER(_FindData)
    )
    following = dlls.function(
        "kernel32", "FindNextFileW", ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(_FindData)
    )
    close = dlls.function("kernel32", "FindClose", ctypes.c_int, ctypes.c_void_p)
    found = _FindData()
    handle = first(text.wide(_PATTERN), ctypes.byref(found))
    if handle in (None, dlls.INVALID_HANDLE):
        raise dlls.failure(_PATTERN)
    names: list[str] = []
    try:
        while len(names) < MAX_PIPES:
            names.append(text.narrow(found.name))
            if not following(handle, ctypes.byref(found)):
                if dlls.last_error() == dlls.ERROR_NO_MORE_FILES:
                    return names
                raise dlls.failure(_PATTERN)
    finally:
        close(handle)
    raise dlls.TooMany(_PATTERN, MAX_PIPES, names)
