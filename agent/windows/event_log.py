"""One record in the log Application, by ReportEventW.

Its source need not be registered: Windows then writes the record to the log Application all the
same, and viewers show its strings without a message (Microsoft Learn, "RegisterEventSourceW").
"""

from __future__ import annotations

import ctypes

from . import dlls, text

_INFORMATION = 4
"""EVENTLOG_INFORMATION_TYPE."""
MAX_UNITS = 31_839
"""Of one string, in UTF-16 units (ReportEventW, ``lpStrings``)."""


def write_record(source: str, event_id: int, message: str) -> None:
    """An information of this source. Raises OSError."""
    if len(message.encode("utf-16-le")) // 2 > MAX_UNITS:
        raise ValueError("a record's string is too long")
    register = dlls.function(
        "advapi32", "RegisterEventSourceW", ctypes.c_void_p, text.Pointer, text.Pointer
    )
    handle = register(None, text.wide(source))
    if not handle:
        raise dlls.failure(f"event source {source}")
    try:
        _report(handle, event_id, message, source)
    finally:
        dlls.function("advapi32", "DeregisterEventSource", ctypes.c_int, ctypes.c_void_p)(handle)


def _report(handle: int, event_id: int, message: str, source: str) -> None:
    report = dlls.function(
        "advapi32",
        "ReportEventW",
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_uint16,
        ctypes.c_uint16,
        ctypes.c_uint32,
        ctypes.c_void_p,
        ctypes.c_uint16,
        ctypes.c_uint32,
        ctypes.c_void_p,
        ctypes.c_void_p,
    )
    string = text.wide(message)
    strings = (ctypes.c_void_p * 1)(ctypes.addressof(string))
    if not report(handle, _INFORMATION, 0, event_id, None, 1, 0, strings, None):
        raise dlls.failure(f"event source {source}")
