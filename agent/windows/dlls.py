"""Loading functions of the system's DLLs, and turning their failures into OSError.

DLLs come from System32 alone, so that none planted beside the program or on PATH is ever loaded
with the agent's rights. Source: LoadLibraryExW, LOAD_LIBRARY_SEARCH_SYSTEM32 (Microsoft Learn).
"""

from __future__ import annotations

import ctypes
import errno
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

LOAD_LIBRARY_SEARCH_SYSTEM32 = 0x800
INVALID_HANDLE = ctypes.c_void_p(-1).value

ERROR_FILE_NOT_FOUND = 2
ERROR_PATH_NOT_FOUND = 3
ERROR_ACCESS_DENIED = 5
ERROR_NO_MORE_FILES = 18
ERROR_GEN_FAILURE = 31
ERROR_HANDLE_EOF = 38
ERROR_NOT_SUPPORTED = 50
ERROR_INVALID_PARAMETER = 87
ERROR_SEM_TIMEOUT = 121
ERROR_PROC_NOT_FOUND = 127
ERROR_ALREADY_EXISTS = 183
ERROR_MORE_DATA = 234
ERROR_FILE_INVALID = 1006
ERROR_JOURNAL_DELETE_IN_PROGRESS = 1178
ERROR_JOURNAL_NOT_ACTIVE = 1179
ERROR_JOURNAL_ENTRY_DELETED = 1181
ERROR_NOT_ALL_ASSIGNED = 1300
FVE_E_LOCKED_VOLUME = 0x8031_0000 - (1 << 32)
"""BitLocker's: signed, as Python tells error numbers."""

_ERRNO = {
    ERROR_FILE_NOT_FOUND: errno.ENOENT,
    ERROR_PATH_NOT_FOUND: errno.ENOENT,
    ERROR_ACCESS_DENIED: errno.EACCES,
    32: errno.EACCES,
    ERROR_ALREADY_EXISTS: errno.EEXIST,
}


class TooMany(OSError):
    """More items than the bound of a listing; ``kept`` holds those read before it was reached."""

    def __init__(self, place: str, bound: int, kept: list[Any]) -> None:
        super().__init__(errno.EOVERFLOW, f"more than {bound:,} items", place)
        self.kept = kept


@cache
def _library(library: str) -> Any:
    if sys.platform == "win32":
        return ctypes.WinDLL(
            f"{library}.dll", use_last_error=True, winmode=LOAD_LIBRARY_SEARCH_SYSTEM32
        )
    raise OSError(errno.ENOSYS, "only on Windows", f"{library}.dll")


def _symbol(library: str, name: str) -> Any:
    """The address of an exported function (tests put a Python function in its place)."""
    found = getattr(_library(library), name, None)
    if found is None:
        raise failure(f"{library}.dll!{name}", ERROR_PROC_NOT_FOUND)
    return ctypes.cast(found, ctypes.c_void_p).value


def at_address(address: Any, result: Any, *arguments: Any) -> Callable[..., Any]:
    """The function at an address, for example a method of a COM object."""
    if sys.platform == "win32":
        return ctypes.WINFUNCTYPE(result, *arguments, use_last_error=True)(address)
    return ctypes.CFUNCTYPE(result, *arguments, use_errno=True)(address)


@cache
def function(library: str, name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
    """An exported function with its types; raises OSError if this Windows does not have it."""
    return at_address(_symbol(library, name), result, *arguments)


def last_error() -> int:
    """The error number that the last call left."""
    if sys.platform == "win32":
        return ctypes.get_last_error()
    return ctypes.get_errno()


def failure(place: str, code: int | None = None) -> OSError:
    """An OSError, of the fitting subclass, for a Windows error number (default: the last one)."""
    if code is None:
        code = last_error()
    if sys.platform == "win32":
        return OSError(0, ctypes.FormatError(code).strip(), place, code)
    error = OSError(_ERRNO.get(code, errno.EIO), f"Windows error {code}", place)
    vars(error)["winerror"] = code
    return error


def code_of(error: OSError) -> int:
    """Windows' number of an error, 0 if it has none."""
    return getattr(error, "winerror", None) or 0


def close(handle: int) -> None:
    """Close a kernel handle; a failure leaves nothing to do and is not raised."""
    function("kernel32", "CloseHandle", ctypes.c_int, ctypes.c_void_p)(handle)
