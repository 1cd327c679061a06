"""Handles of files, folders and volumes: opening one without hindering anybody, and asking it.

Sources: CreateFileW, DeviceIoControl, GetFileInformationByHandleEx (Microsoft Learn).
"""

from __future__ import annotations

import ctypes
from typing import NamedTuple

from . import dlls, text

GENERIC_READ = 0x80000000
FILE_READ_ATTRIBUTES = 0x80
SHARE_ALL = 0x7
"""Others may read, write and delete meanwhile."""
_OPEN_EXISTING = 3
_FileAttributeTagInfo = 9


class _AttributeTag(ctypes.Structure):
    _fields_ = (("attributes", ctypes.c_uint32), ("tag", ctypes.c_uint32))


class AttributeTag(NamedTuple):
    """``FILE_ATTRIBUTE_…`` bits, and the reparse tag if they say that there is one."""

    attributes: int
    tag: int


def open_existing(path: str, access: int, flags: int) -> int:
    """A handle; the caller closes it. ``path``: as it is handed to the system; ``flags``:
    ``FILE_FLAG_…``. Raises OSError."""
    create = dlls.function(
        "kernel32",
        "CreateFileW",
        ctypes.c_void_p,
        text.Pointer,
        ctypes.c_uint32,
        ctypes.c_uint32,
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_uint32,
        ctypes.c_void_p,
    )
    handle: int | None = create(
        text.wide(path), access, SHARE_ALL, None, _OPEN_EXISTING, flags, None
    )
    if handle is None or handle == dlls.INVALID_HANDLE:
        raise dlls.failure(path)
    return handle


def control(handle: int, code: int, asked: bytes, size: int, place: str) -> bytes:
    """What a device or file system answers, at most ``size`` bytes, a multiple of eight.
    ``place``: for the error. Raises OSError."""
    ask = dlls.function(
        "kernel32",
        "DeviceIoControl",
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.POINTER(ctypes.c_uint32),
        ctypes.c_void_p,
    )
    given = ctypes.create_string_buffer(asked, len(asked)) if asked else None
    answer = (ctypes.c_uint64 * (size // 8))()
    count = ctypes.c_uint32()
    done = ask(
        handle,
        code,
        ctypes.addressof(given) if given is not None else None,
        len(asked),
        ctypes.addressof(answer),
        size,
        ctypes.byref(count),
        None,
    )
    if not done:
        raise dlls.failure(place)
    return bytes(memoryview(answer).cast("B")[: min(count.value, size)])


def attribute_tag(handle: int, place: str) -> AttributeTag:
    """Of what the handle stands for. Raises OSError, also where a file system lacks this
    question."""
    ask = dlls.function(
        "kernel32",
        "GetFileInformationByHandleEx",
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_int32,
        ctypes.c_void_p,
        ctypes.c_uint32,
    )
    found = _AttributeTag()
    if not ask(handle, _FileAttributeTagInfo, ctypes.addressof(found), ctypes.sizeof(found)):
        raise dlls.failure(place)
    return AttributeTag(found.attributes, found.tag)
