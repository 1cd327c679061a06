"""Alternate data streams of a file or folder, by FindFirstStreamW."""

from __future__ import annotations

import ctypes

from . import dlls, files, text

MAX_STREAMS = 10_000
_TYPE = ":$DATA"


class StreamsUnsupported(OSError):
    """The file system has no alternate streams, so there is nothing to find in them."""


class _StreamData(ctypes.Structure):
    """WIN32_FIND_STREAM_DATA, 600 bytes."""

    _fields_ = (("size", ctypes.c_int64), ("name", text.Unit * 296))


def streams(path: str) -> list[tuple[str, int]]:
    """Name and size in bytes of every named stream, the unnamed main stream left out.

    Raises StreamsUnsupported where the file system has none, TooMany (with those read) beyond
    10,000, OSError otherwise.
    """
    first = dlls.function(
        "kernel32",
        "FindFirstStreamW",
        ctypes.c_void_p,
        text.Pointer,
        ctypes.c_int32,
        ctypes.POINTER(_StreamData),
        ctypes.c_uint32,
    )
    following = dlls.function(
        "kernel32", "FindNextStreamW", ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(_StreamData)
    )
    close = dlls.function("kernel32", "FindClose", ctypes.c_int, ctypes.c_void_p)
    data = _StreamData()
    handle = first(text.wide(files.extended(path)), 0, ctypes.byref(data), 0)
    if handle in (None, dlls.INVALID_HANDLE):
        return _none(path, dlls.last_error())
    found: list[tuple[str, int]] = []
    try:
        for _ in range(MAX_STREAMS):
            name = text.narrow(data.name).removeprefix(":")
            if name != _TYPE:
                found.append((name.removesuffix(_TYPE), data.size))
            if not following(handle, ctypes.byref(data)):
                if dlls.last_error() == dlls.ERROR_HANDLE_EOF:
                    return found
                raise dlls.failure(path)
    finally:
        close(handle)
    raise dlls.TooMany(path, MAX_STREAMS, found)


def _none(path: str, code: int) -> list[tuple[str, int]]:
    """Why no first stream was found. A folder has no main stream: there, none is an answer."""
    if code == dlls.ERROR_HANDLE_EOF and files.attributes(path) & files.FILE_ATTRIBUTE_DIRECTORY:
        return []
    error = dlls.failure(path, code)
    # "End of file" is what network redirectors and Wine say, "invalid parameter" what FAT does.
    if code in (dlls.ERROR_HANDLE_EOF, dlls.ERROR_INVALID_PARAMETER, dlls.ERROR_NOT_SUPPORTED, 1):
        raise StreamsUnsupported(error.errno, "no alternate streams here", path)
    raise error
