"""The logs that hold what a program did, by the names of their files."""

from __future__ import annotations

_TELLING = {
    "microsoft-windows-sysmon%4operational.evtx": "Sysmon",
    "security.evtx": "Security",
    "microsoft-windows-powershell%4operational.evtx": "PowerShell",
    "powershellcore%4operational.evtx": "PowerShell 7",
    "windows powershell.evtx": "Windows PowerShell",
    "microsoft-windows-dns-client%4operational.evtx": "DNS client",
}


def telling_log(path: str) -> str:
    """What people call the log of this file; "" for one that would not hold the deed."""
    name = path.replace("/", "\\").rpartition("\\")[2]
    return _TELLING.get(name.casefold(), "")
