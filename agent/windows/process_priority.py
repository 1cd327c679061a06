"""Standing back behind the host's own work.

PROCESS_MODE_BACKGROUND_BEGIN is not used: besides lowering priorities it limits the working set to
32 MiB, undocumented, which makes a process that scans large buffers fault on every page (Bruce
Dawson, "32 MiB Working Sets on a 64 GiB machine", 2023). The same I/O and CPU priorities are set
one by one.
"""

from __future__ import annotations

import ctypes

from . import dlls

_IDLE_PRIORITY_CLASS = 0x40
_ProcessIoPriority = 33
_IO_PRIORITY_VERY_LOW = 0


def stand_back() -> list[str]:
    """Set idle CPU and very low I/O priority for this process; what could not be set, and why."""
    current = dlls.function("kernel32", "GetCurrentProcess", ctypes.c_void_p)()
    failed = []
    set_class = dlls.function(
        "kernel32", "SetPriorityClass", ctypes.c_int, ctypes.c_void_p, ctypes.c_uint32
    )
    if not set_class(current, _IDLE_PRIORITY_CLASS):
        failed.append(str(dlls.failure("CPU priority")))
    set_information = dlls.function(
        "ntdll",
        "NtSetInformationProcess",
        ctypes.c_int32,
        ctypes.c_void_p,
        ctypes.c_int32,
        ctypes.c_void_p,
        ctypes.c_uint32,
    )
    level = ctypes.c_uint32(_IO_PRIORITY_VERY_LOW)
    status = set_information(current, _ProcessIoPriority, ctypes.addressof(level), 4)
    if status < 0:
        failed.append(f"I/O priority: NTSTATUS {status & 0xFFFFFFFF:#010x}")
    return failed
