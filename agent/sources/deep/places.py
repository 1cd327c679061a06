r"""Where raw bytes of the past lie, and which of them hide text.

Memory that was written to the disk: ``pagefile.sys`` (every Windows), ``swapfile.sys`` (since 8),
``hiberfil.sys``; dumps of the system and of programs (``*.dmp``, ``*.mdmp``, ``*.hdmp``); trace
files of Event Tracing (``*.etl``).
"""

from __future__ import annotations

from ...coverage import Part
from ...spelling import base_name, fold

_DUMPS = ("dmp", "mdmp", "hdmp")
_CRASHES = "AppData\\Local\\CrashDumps"
_SYSTEMS = "%SystemRoot%\\System32\\config\\systemprofile"
_SERVICES = "%SystemRoot%\\ServiceProfiles\\*"
_TRACES = (
    "%SystemRoot%",
    "%SystemRoot%\\debug\\**",
    "%SystemRoot%\\INF",
    "%SystemRoot%\\Logs\\**",
    "%SystemRoot%\\Panther\\**",
    "%SystemRoot%\\Performance\\**",
    "%SystemRoot%\\Prefetch\\**",
    "%SystemRoot%\\SoftwareDistribution\\**",
    "%SystemRoot%\\System32\\LogFiles\\**",
    "%SystemRoot%\\System32\\SleepStudy\\**",
    "%SystemRoot%\\System32\\WDI\\**",
    "%SystemRoot%\\System32\\winevt\\Logs",
    "%SystemRoot%\\Temp",
    f"{_SYSTEMS}\\AppData\\**",
    f"{_SERVICES}\\AppData\\**",
    "%ProgramData%\\Microsoft\\**",
    "%ProgramData%\\USOPrivate\\**",
    "%ProgramData%\\USOShared\\**",
    "%Profile%\\AppData\\Local\\Diagnostics\\**",
    "%Profile%\\AppData\\Local\\Microsoft\\**",
    "%Profile%\\AppData\\Local\\Temp",
    "%Loose%",
)
WHERE = (
    *(
        f"{top}\\{name}"
        for top in ("%Volume%", "%Loose%")
        for name in ("pagefile.sys", "swapfile.sys", "hiberfil.sys")
    ),
    *(
        f"{folder}\\*.{ending}"
        for folder in (
            "%SystemRoot%",
            "%SystemRoot%\\Minidump",
            "%SystemRoot%\\LiveKernelReports\\**",
            "%ProgramData%\\Microsoft\\Windows\\WER\\**",
            f"%Profile%\\{_CRASHES}",
            f"{_SYSTEMS}\\{_CRASHES}",
            f"{_SERVICES}\\{_CRASHES}",
            "%Profile%\\AppData\\Local\\Temp",
            "%Loose%",
        )
        for ending in _DUMPS
    ),
    *(f"{folder}\\*.etl" for folder in _TRACES),
)
"""Patterns in the host's language."""
HIBERNATED = "hiberfil.sys: compressed memory (XPRESS), searched only as it stands"
TRACED = "trace file: compressed buffers (XPRESS), searched only as they stand"
PAGED = "pages that Windows compressed in memory before it wrote them are not in the clear"
_COMPRESSED, _COMPRESSED_MODE = 0x40, 0x0400_0000
_FLAGS, _HEADER, _MODE = 0x34, 0x48, 0x88
"""Of a trace: where a buffer's flags are, how long its header is, and where the mode of the whole
is in the first one, behind the headers of the buffer and of its first event."""


def tell_hidden(path: str, start: bytes, part: Part) -> None:
    """Tell the account what of a file is not in the clear. ``start``: its first bytes.

    Nearly all of a hibernation is compressed, also behind a header that was wiped on resume. A
    trace tells by its mode (TRACE_LOGFILE_HEADER.LogFileMode, EVENT_TRACE_COMPRESSED_MODE of
    evntrace.h) and by each buffer's flags (WMI_BUFFER_HEADER.BufferFlag, ETW_BUFFER_FLAG_COMPRESSED
    of ntwmi.h).
    """
    name = fold(base_name(path))
    if name == "HIBERFIL.SYS" and start:
        part.unread(HIBERNATED, path)
    elif name in ("PAGEFILE.SYS", "SWAPFILE.SYS"):
        part.note(PAGED, path)
    elif name.endswith(".ETL") and _is_compressed(start):
        part.unread(TRACED, path)


def _is_compressed(start: bytes) -> bool:
    """Whether a trace says so, or one of its first buffers."""
    if int.from_bytes(start[_MODE : _MODE + 4], "little") & _COMPRESSED_MODE:
        return True
    at = 0
    while at + _HEADER <= len(start):
        if int.from_bytes(start[at + _FLAGS : at + _FLAGS + 2], "little") & _COMPRESSED:
            return True
        at += max(_HEADER, int.from_bytes(start[at : at + 4], "little"))
    return False
