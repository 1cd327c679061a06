"""A DLL loaded into this process by its whole path."""

from __future__ import annotations

import ctypes

from . import dlls, text

_ITS_FOLDER = 0x100
"""LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR: what it imports may lie beside it, or in System32."""


def load(path: str) -> None:
    """Until the process ends. Raises OSError."""
    library = dlls.function(
        "kernel32",
        "LoadLibraryExW",
        ctypes.c_void_p,
        text.Pointer,
        ctypes.c_void_p,
        ctypes.c_uint32,
    )
    if not library(text.wide(path), None, _ITS_FOLDER | dlls.LOAD_LIBRARY_SEARCH_SYSTEM32):
        raise dlls.failure(path)
