r"""Named pipes, by listing the directory ``\\.\pipe\`` or by asking for a name: no pipe is opened
or connected to."""

from __future__ import annotations

import ctypes

from . import dlls, text

MAX_PIPES = 100_000
_FOLDER = "\\\\.\\pipe\\"
_PATTERN = f"{_FOLDER}*"
_SHORTEST_WAIT_MS = 1
"""0 is the time that the pipe's server chose."""


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


def is_there(name: str) -> bool:
    r"""Whether there is a pipe of this name, without ``\\.\pipe\``.

    WaitNamedPipe waits until an instance could be connected to, and connects to none: of a pipe
    whose instances are all taken it tells that its time is over. Raises OSError.
    """
    wait = dlls.function("kernel32", "WaitNamedPipeW", ctypes.c_int, text.Pointer, ctypes.c_uint32)
    path = f"{_FOLDER}{name}"
    if wait(text.wide(path), _SHORTEST_WAIT_MS):
        return True
    error = dlls.last_error()
    if error in (dlls.ERROR_FILE_NOT_FOUND, dlls.ERROR_SEM_TIMEOUT):
        return error == dlls.ERROR_SEM_TIMEOUT
    raise dlls.failure(path, error)
