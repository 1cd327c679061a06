"""Processes from outside: image, modules, mapped files, memory.

What the loader's list says (:func:`modules`) is written by the process itself and can be forged;
what the kernel maps (:func:`mapped_images`) cannot, and shows images that were unlinked from the
list or deleted from the disk. A process that has ended gives ProcessLookupError, one that Windows
protects (PPL) gives PermissionError even to SYSTEM.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EIO, ESRCH
from typing import Any

from . import devices, dlls, text

MAX_MODULES = 16_384

_LIMITED = 0x1000  # PROCESS_QUERY_LIMITED_INFORMATION
READ_RIGHTS = 0x0400 | 0x0010  # PROCESS_QUERY_INFORMATION | PROCESS_VM_READ
_LIST_MODULES_ALL = 3
_STILL_ACTIVE = 259
_ATTEMPTS = 5


_ProcessBasicInformation = 0
_ProcessProtectionInformation = 61


class _BasicInformation(ctypes.Structure):
    _fields_ = (
        ("exit_status", ctypes.c_int32),
        ("peb", ctypes.c_void_p),
        ("affinity", ctypes.c_void_p),
        ("priority", ctypes.c_int32),
        ("pid", ctypes.c_void_p),
        ("parent", ctypes.c_void_p),
    )


def place_of(pid: int) -> str:
    """What errors call it."""
    return f"process {pid}"


def _gone(pid: int) -> ProcessLookupError:
    return ProcessLookupError(ESRCH, "the process has ended", place_of(pid))


def exited(handle: int) -> bool:
    """Whether it has ended."""
    code = ctypes.c_uint32()
    ask = dlls.function(
        "kernel32",
        "GetExitCodeProcess",
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.POINTER(ctypes.c_uint32),
    )
    return bool(ask(handle, ctypes.byref(code))) and code.value != _STILL_ACTIVE


def failure(handle: int, pid: int, code: int | None = None) -> OSError:
    """The error of a call on a process, told apart from the process having ended meanwhile."""
    if code is None:
        code = dlls.last_error()
    return _gone(pid) if exited(handle) else dlls.failure(place_of(pid), code)


def open_process(pid: int, access: int) -> int:
    """A handle, to be closed. Raises OSError."""
    ask = dlls.function(
        "kernel32",
        "OpenProcess",
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_int,
        ctypes.c_uint32,
    )
    handle: int | None = ask(access, 0, pid)
    if handle:
        return handle
    code = dlls.last_error()
    raise (
        _gone(pid)
        if code == dlls.ERROR_INVALID_PARAMETER and pid
        else dlls.failure(place_of(pid), code)
    )


@contextmanager
def _opened(pid: int, access: int) -> Iterator[int]:
    handle = open_process(pid, access)
    try:
        yield handle
    finally:
        dlls.close(handle)


def _query(handle: int, what: int, answer: Any) -> int:
    """NtQueryInformationProcess into a structure; its NTSTATUS (0 is success)."""
    query = dlls.function(
        "ntdll",
        "NtQueryInformationProcess",
        ctypes.c_int32,
        ctypes.c_void_p,
        ctypes.c_int32,
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_void_p,
    )
    status: int = query(handle, what, ctypes.addressof(answer), ctypes.sizeof(answer), None)
    return status


def _without_peb(handle: int) -> bool:
    basic = _BasicInformation()
    return _query(handle, _ProcessBasicInformation, basic) == 0 and not basic.peb


def is_minimal(pid: int) -> bool:
    """Whether the process has no user-mode loader, so neither image nor module list.

    The kernel's own (Idle, System, Registry, Memory Compression) and WSL 1's have none.
    """
    if pid == 0:
        return True
    with _opened(pid, _LIMITED) as handle:
        return _without_peb(handle)


def is_protected(pid: int) -> bool:
    """Whether Windows keeps even SYSTEM from reading it (PPL); False when it does not tell."""
    level = ctypes.c_uint8()
    try:
        with _opened(pid, _LIMITED) as handle:
            return _query(handle, _ProcessProtectionInformation, level) == 0 and level.value != 0
    except OSError:
        return False


def image_path(pid: int) -> str:
    """The path of the process's image as the kernel knows it.

    Needs limited rights only, so it works for protected processes too. ``""`` for a process that
    has no image file (see :func:`is_minimal`).
    """
    if pid == 0:
        return ""
    query = dlls.function(
        "kernel32",
        "QueryFullProcessImageNameW",
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_uint32,
        text.Pointer,
        ctypes.POINTER(ctypes.c_uint32),
    )
    with _opened(pid, _LIMITED) as handle:
        answer = text.space(text.MAX_PATH_UNITS)
        length = ctypes.c_uint32(len(answer))
        if query(handle, 0, answer, ctypes.byref(length)):
            return text.narrow(answer, min(length.value, len(answer)))
        code = dlls.last_error()
        if code == dlls.ERROR_GEN_FAILURE and not exited(handle) and _without_peb(handle):
            return ""
        raise failure(handle, pid, code)


def modules(pid: int) -> list[str]:
    """The paths in the loader's list of a process, 32-bit modules included.

    A list that changes while it is read is read again; if it never holds still, OSError 299.
    """
    with _opened(pid, READ_RIGHTS) as handle:
        for attempt in range(_ATTEMPTS):
            time.sleep(0.02 * attempt)
            try:
                return [_module_path(handle, pid, module) for module in _module_list(handle, pid)]
            except ProcessLookupError:
                raise
            except OSError as error:
                if dlls.code_of(error) in (dlls.ERROR_ACCESS_DENIED, 0) or attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError  # the loop returns or raises


def _module_list(handle: int, pid: int) -> list[int]:
    enumerate_modules = dlls.function(
        "kernel32",
        "K32EnumProcessModulesEx",
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.POINTER(ctypes.c_void_p),
        ctypes.c_uint32,
        ctypes.POINTER(ctypes.c_uint32),
        ctypes.c_uint32,
    )
    width = ctypes.sizeof(ctypes.c_void_p)
    room = 256
    while True:
        found = (ctypes.c_void_p * room)()
        needed = ctypes.c_uint32()
        size = ctypes.sizeof(found)
        if not enumerate_modules(handle, found, size, ctypes.byref(needed), _LIST_MODULES_ALL):
            raise failure(handle, pid)
        count = needed.value // width
        if count <= room:
            return [module for module in found[:count] if module]
        if count > MAX_MODULES:
            raise OSError(EIO, f"{count:,} modules, more than {MAX_MODULES:,}", place_of(pid))
        room = count + 64


def _module_path(handle: int, pid: int, module: int) -> str:
    file_name = dlls.function(
        "kernel32",
        "K32GetModuleFileNameExW",
        ctypes.c_uint32,
        ctypes.c_void_p,
        ctypes.c_void_p,
        text.Pointer,
        ctypes.c_uint32,
    )
    for units in (520, text.MAX_PATH_UNITS):
        answer = text.space(units)
        length = file_name(handle, module, answer, units)
        if not length:
            raise failure(handle, pid)
        if length < units - 1:
            break
    # The loader's list may hold native paths: \??\C:\…, \SystemRoot\…
    return devices.drive_path(text.narrow(answer, min(length, units)), {})
