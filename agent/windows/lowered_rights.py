"""A process that reads hostile bytes: bounded from outside, and with the rights that it gives up.

Sources: "Job Objects", JOBOBJECT_EXTENDED_LIMIT_INFORMATION, SetProcessMitigationPolicy,
AdjustTokenPrivileges, TOKEN_MANDATORY_LABEL and "Mandatory Integrity Control" (Microsoft Learn);
numbers from winnt.h.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import partial
from typing import Any

from . import dlls, text
from .process_token import process_token

_SYNCHRONIZE = 0x00100000
_PROCESS_TERMINATE, _PROCESS_SET_QUOTA = 0x1, 0x100
_INFINITE = 0xFFFFFFFF
_WAIT_OBJECT_0 = 0

_JobObjectExtendedLimitInformation = 9
_LIMIT_ACTIVE_PROCESS = 0x8
_LIMIT_PROCESS_MEMORY = 0x100
_LIMIT_DIE_ON_UNHANDLED_EXCEPTION = 0x400
_LIMIT_KILL_ON_JOB_CLOSE = 0x2000

_TOKEN_QUERY, _TOKEN_ADJUST_PRIVILEGES, _TOKEN_ADJUST_DEFAULT = 0x8, 0x20, 0x80
_TokenPrivileges, _TokenIntegrityLevel = 3, 25
_SE_PRIVILEGE_REMOVED = 0x4
_SE_GROUP_INTEGRITY = 0x20
_LOW_INTEGRITY = "S-1-16-4096"

# Policy numbers, and their flags (PROCESS_MITIGATION_*_POLICY).
_MITIGATIONS = (
    ("strict handle checks", 3, 0x3),
    ("no extension points", 6, 0x1),
    ("no DLLs from the network or of low integrity", 10, 0x3),
    ("no processes of its own", 13, 0x1),
    ("no code made at run time", 2, 0x1),
)


class _BasicLimits(ctypes.Structure):
    _fields_ = (
        ("process_time", ctypes.c_int64),
        ("job_time", ctypes.c_int64),
        ("flags", ctypes.c_uint32),
        ("least_working_set", ctypes.c_size_t),
        ("most_working_set", ctypes.c_size_t),
        ("processes", ctypes.c_uint32),
        ("affinity", ctypes.c_size_t),
        ("priority", ctypes.c_uint32),
        ("scheduling", ctypes.c_uint32),
    )


class _ExtendedLimits(ctypes.Structure):
    _fields_ = (
        ("basic", _BasicLimits),
        ("io", ctypes.c_uint64 * 6),
        ("process_memory", ctypes.c_size_t),
        ("job_memory", ctypes.c_size_t),
        ("peak_process_memory", ctypes.c_size_t),
        ("peak_job_memory", ctypes.c_size_t),
    )


class _Label(ctypes.Structure):
    _fields_ = (("sid", ctypes.c_void_p), ("attributes", ctypes.c_uint32))


def _opened(pid: int, access: int) -> int:
    open_process = dlls.function(
        "kernel32",
        "OpenProcess",
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_int,
        ctypes.c_uint32,
    )
    handle: int | None = open_process(access, 0, pid)
    if not handle:
        raise dlls.failure(f"process {pid}")
    return handle


class Job:
    """Holds a process that ends when this is closed, and so when its owner ends."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    @classmethod
    def around(cls, pid: int, memory: int | None, *, alone: bool) -> Job:
        """Bound a process of ours: at most ``memory`` bytes committed, None for any number;
        ``alone``: it starts none. What it starts from now on is in it, too.

        Raises OSError; then it is not bounded.
        """
        create = dlls.function(
            "kernel32", "CreateJobObjectW", ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p
        )
        handle: int | None = create(None, None)
        if not handle:
            raise dlls.failure("job")
        job = cls(handle)
        try:
            job._limit(memory, alone=alone)
            job._take(pid)
        except OSError:
            job.close()
            raise
        return job

    def _limit(self, memory: int | None, *, alone: bool) -> None:
        limit = dlls.function(
            "kernel32",
            "SetInformationJobObject",
            ctypes.c_int,
            ctypes.c_void_p,
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint32,
        )
        limits = _ExtendedLimits()
        limits.basic.flags = _LIMIT_KILL_ON_JOB_CLOSE | _LIMIT_DIE_ON_UNHANDLED_EXCEPTION
        if memory is not None:
            limits.basic.flags |= _LIMIT_PROCESS_MEMORY
            limits.process_memory = memory
        if alone:
            limits.basic.flags |= _LIMIT_ACTIVE_PROCESS
            limits.basic.processes = 1
        if not limit(
            self._handle,
            _JobObjectExtendedLimitInformation,
            ctypes.addressof(limits),
            ctypes.sizeof(limits),
        ):
            raise dlls.failure("job limits")

    def _take(self, pid: int) -> None:
        assign = dlls.function(
            "kernel32",
            "AssignProcessToJobObject",
            ctypes.c_int,
            ctypes.c_void_p,
            ctypes.c_void_p,
        )
        process = _opened(pid, _PROCESS_SET_QUOTA | _PROCESS_TERMINATE)
        try:
            if not assign(self._handle, process):
                raise dlls.failure(f"process {pid} into a job")
        finally:
            dlls.close(process)

    def close(self) -> None:
        """End what is still in it."""
        handle, self._handle = self._handle, 0
        if handle:
            dlls.close(handle)


def end_of(pid: int) -> Callable[[], None]:
    """What waits until a process has ended. Raises OSError."""
    wait = dlls.function(
        "kernel32", "WaitForSingleObject", ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint32
    )
    handle = _opened(pid, _SYNCHRONIZE)

    def until_ended() -> None:
        while wait(handle, _INFINITE) != _WAIT_OBJECT_0:
            pass

    return until_ended


def lower() -> list[str]:
    """Give up this process's privileges, its integrity level, and what mitigations forbid. What
    could not be given up, and why."""
    steps: list[tuple[str, Callable[[], None]]] = [
        ("privileges are kept", _remove_privileges),
        ("the integrity level is kept", _lower_integrity),
    ]
    for what, policy, flags in _MITIGATIONS:
        steps.append((f"{what}: not set", partial(_mitigate, policy, flags)))
    refused = []
    for what, step in steps:
        try:
            step()
        except OSError as error:
            refused.append(f"{what}: {error.strerror or error}")
    return refused


def _remove_privileges() -> None:
    ask = dlls.function(
        "advapi32",
        "GetTokenInformation",
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_int32,
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.POINTER(ctypes.c_uint32),
    )
    adjust = dlls.function(
        "advapi32",
        "AdjustTokenPrivileges",
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_void_p,
        ctypes.c_void_p,
    )
    # TOKEN_PRIVILEGES: their number, then of each its LUID (8 bytes) and its attributes.
    answer = (ctypes.c_uint32 * 1024)()
    length = ctypes.c_uint32()
    with process_token(_TOKEN_QUERY | _TOKEN_ADJUST_PRIVILEGES) as token:
        place, size = ctypes.addressof(answer), ctypes.sizeof(answer)
        if not ask(token, _TokenPrivileges, place, size, ctypes.byref(length)):
            raise dlls.failure("privileges")
        for index in range(min(answer[0], (len(answer) - 1) // 3)):
            answer[3 * index + 3] = _SE_PRIVILEGE_REMOVED
        done = adjust(token, 0, place, 0, None, None)
        if not done or dlls.last_error() == dlls.ERROR_NOT_ALL_ASSIGNED:
            raise dlls.failure("privileges")


def _lower_integrity() -> None:
    parse = dlls.function(
        "advapi32",
        "ConvertStringSidToSidW",
        ctypes.c_int,
        text.Pointer,
        ctypes.POINTER(ctypes.c_void_p),
    )
    free = dlls.function("kernel32", "LocalFree", ctypes.c_void_p, ctypes.c_void_p)
    change = dlls.function(
        "advapi32",
        "SetTokenInformation",
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_int32,
        ctypes.c_void_p,
        ctypes.c_uint32,
    )
    sid = ctypes.c_void_p()
    if not parse(text.wide(_LOW_INTEGRITY), ctypes.byref(sid)):
        raise dlls.failure("integrity level")
    try:
        label = _Label(sid, _SE_GROUP_INTEGRITY)
        with process_token(_TOKEN_QUERY | _TOKEN_ADJUST_DEFAULT) as token:
            size = ctypes.sizeof(label)
            if not change(token, _TokenIntegrityLevel, ctypes.addressof(label), size):
                raise dlls.failure("integrity level")
    finally:
        free(sid)


def _mitigate(policy: int, flags: int) -> None:
    change: Any = dlls.function(
        "kernel32",
        "SetProcessMitigationPolicy",
        ctypes.c_int,
        ctypes.c_int32,
        ctypes.c_void_p,
        ctypes.c_size_t,
    )
    value = ctypes.c_uint32(flags)
    if not change(policy, ctypes.addressof(value), ctypes.sizeof(value)):
        raise dlls.failure(f"mitigation {policy}")
