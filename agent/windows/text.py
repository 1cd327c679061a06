"""UTF-16 strings as Windows passes them.

Kept as arrays of 16-bit units: ``wchar_t`` has another size elsewhere, and a lone surrogate in a
file name must come through unharmed.
"""

from __future__ import annotations

import ctypes
import errno
from typing import Any

Unit = ctypes.c_uint16
Pointer = ctypes.POINTER(ctypes.c_uint16)
MAX_PATH_UNITS = 32_768
"""The longest path that the NT kernel knows, in UTF-16 units."""


def wide(text: str) -> ctypes.Array[ctypes.c_uint16]:
    """The string as Windows wants it, ended by a zero. A zero inside would cut it: OSError."""
    if "\0" in text:
        raise OSError(errno.EINVAL, "holds a NUL character", text)
    data = text.encode("utf-16-le", "surrogatepass") + b"\0\0"
    return (Unit * (len(data) // 2)).from_buffer_copy(data)


def space(units: int) -> ctypes.Array[ctypes.c_uint16]:
    """Room for an answer, all zeros."""
    return (Unit * units)()


def narrow(array: ctypes.Array[ctypes.c_uint16], length: int | None = None) -> str:
    """The string in an array: ``length`` units, or up to the first zero."""
    data = bytes(array)
    if length is not None:
        return data[: 2 * length].decode("utf-16-le", "surrogatepass")
    end = 0
    while end < len(data) and data[end : end + 2] != b"\0\0":
        end += 2
    return data[:end].decode("utf-16-le", "surrogatepass")


def at(pointer: Any, limit: int) -> str:
    """The zero-ended string that a pointer points to, at most ``limit`` units; ``""`` for NULL."""
    if not pointer:
        return ""
    units = bytearray()
    for index in range(limit):
        unit = pointer[index]
        if not unit:
            break
        units += unit.to_bytes(2, "little")
    return units.decode("utf-16-le", "surrogatepass")
