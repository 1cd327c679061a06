"""This process's own access token."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

from . import dlls


@contextmanager
def process_token(access: int) -> Iterator[int]:
    """Its handle, with these rights (``TOKEN_…``). Raises OSError."""
    current = dlls.function("kernel32", "GetCurrentProcess", ctypes.c_void_p)()
    open_token = dlls.function(
        "advapi32",
        "OpenProcessToken",
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.POINTER(ctypes.c_void_p),
    )
    token = ctypes.c_void_p()
    if not open_token(current, access, ctypes.byref(token)):
        raise dlls.failure("process token")
    assert token.value
    try:
        yield token.value
    finally:
        dlls.close(token.value)
