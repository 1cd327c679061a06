"""What would record what the campaign does: one table, each line with its source.

An event is known to be recorded by the events of its kind that are there. ``mark`` is a text that
stands in the template of that event, which each chunk that holds one has in it (libyal, "Windows
XML Event Log (EVTX)", 5.2), and in few others: by it the chunks are found that are worth parsing.

Not here is what may hold a trace, and from which nobody can tell since when it would: BAM (entries
leave after seven days, or with their file, and some programs never enter), Amcache and Shimcache
(whatever Windows happened to look at), UserAssist and jump lists (what Explorer started or opened),
recycle bin, tasks, error reports. They are searched all the same.
"""

from __future__ import annotations

from typing import NamedTuple

from .remembered import Behaviour

SYSMON = "microsoft-windows-sysmon%4operational.evtx"
SECURITY = "security.evtx"
SYSTEM = "system.evtx"
DNS_CLIENT = "microsoft-windows-dns-client%4operational.evtx"
POWERSHELL = "microsoft-windows-powershell%4operational.evtx"
CLASSIC_POWERSHELL = "windows powershell.evtx"
LET_THROUGH = "connections that the firewall let through"
BUSY = frozenset({SYSMON, SECURITY})
"""Logs that are written to all the time."""
_SYSMON = "Microsoft-Windows-Sysmon"
_AUDIT = "Microsoft-Windows-Security-Auditing"
_DNS = "Microsoft-Windows-DNS-Client"
_NO_SYSMON = "Sysmon has no log here"
_RULES = "as far as its rules go"
"""Which nobody has documented the form of."""


class Recorder(NamedTuple):
    """One line."""

    behaviour: Behaviour
    name: str
    """What people call it."""
    source: str
    """That reads it."""
    log: str = ""
    """File name of the log, lower case; empty: by how far back the source goes."""
    provider: str = ""
    event: int = 0
    mark: str = ""
    value: str = ""
    """Which of its values must not be empty for it to name the thing."""
    audited: str = ""
    """The subcategory of the audit policy that has to be on."""
    needs: str = ""
    """The setting without which it is not sure to be recorded, though such events are there."""
    without: str = ""
    """What it is without that."""
    by_default: bool = False
    """Recorded wherever its log is, however rarely it happens."""
    by_prefetch: bool = False
    """Whether it is where Prefetch is switched on."""
    goes_on: bool = False
    """Written to all the time, so that what reaches over few hours remembers no more."""
    memory: str = ""
    """By which name its source tells how far back it goes; empty: that of the source."""
    absent: str = ""
    """Why there is none."""
    limits: str = ""
    """Within which it tells all."""
    only: str = ""
    """What alone it tells, where that is less than the deed: nobody can rest on it."""
    reference: str = ""


RECORDERS = (
    Recorder(
        Behaviour.RAN, "Prefetch", "prefetch", by_prefetch=True,
        absent="no prefetch file is there",
        reference="libyal, Prefetch format; off on servers by default (Microsoft Learn,"
        " Disable Prefetch)",
    ),
    Recorder(
        Behaviour.RAN, "Security 4688", "event_logs", SECURITY, _AUDIT, 4688, "NewProcessName",
        value="CommandLine", audited="Process Creation",
        absent="there is no Security log",
        reference="Microsoft Learn, Command line process auditing: both are off by default",
    ),
    Recorder(
        Behaviour.RAN, "Sysmon 1", "event_logs", SYSMON, _SYSMON, 1, "ParentCommandLine",
        absent=_NO_SYSMON, limits=_RULES,
        reference="Microsoft, Sysmon: Event ID 1: Process creation",
    ),
    Recorder(
        Behaviour.RAN, "PowerShell 4104", "event_logs", POWERSHELL, "Microsoft-Windows-PowerShell",
        4104, "ScriptBlockText",
        needs="EnableScriptBlockLogging",
        without="script block logging is off, and only scripts that look suspicious are logged",
        only="scripts of PowerShell",
        absent="PowerShell's own log is not there",
        reference="Microsoft Learn, about_Logging_Windows: off by default",
    ),
    Recorder(
        Behaviour.RAN, "PowerShell 400", "event_logs", CLASSIC_POWERSHELL, "PowerShell", 400,
        by_default=True,
        only="commands that started PowerShell",
        absent="the log Windows PowerShell is not there",
        reference="Microsoft Learn, about_Eventlogs: LogEngineLifecycleEvent is on by default",
    ),
    Recorder(
        Behaviour.RAN, "SRUM", "srum", goes_on=True,
        only="the hours in which a program ran",
        absent="there is no SRUM database",
        reference="Y. Khatri, Windows SRUM: the last 30 to 60 days, since Windows 8",
    ),
    Recorder(
        Behaviour.LOADED, "Prefetch", "prefetch", by_prefetch=True,
        absent="no prefetch file is there",
        limits="what a program loads in its first ten seconds",
        reference="libyal, Prefetch format",
    ),
    Recorder(
        Behaviour.LOADED, "Sysmon 7", "event_logs", SYSMON, _SYSMON, 7, "ImageLoaded",
        absent=_NO_SYSMON, limits=_RULES,
        reference="Microsoft, Sysmon: Event ID 7: Image loaded (off by default)",
    ),
    Recorder(
        Behaviour.ON_DISK, "change journal", "usn_journal", goes_on=True,
        absent="no change journal was read",
        reference="Microsoft Learn, Change Journals",
    ),
    Recorder(
        Behaviour.ON_DISK, "Sysmon 11", "event_logs", SYSMON, _SYSMON, 11, "CreationUtcTime",
        absent=_NO_SYSMON, limits=_RULES,
        reference="Microsoft, Sysmon: Event ID 11: FileCreate",
    ),
    Recorder(
        Behaviour.DOWNLOADED, "Sysmon 15", "event_logs", SYSMON, _SYSMON, 15, "CreationUtcTime",
        absent=_NO_SYSMON, limits=_RULES,
        reference="Microsoft, Sysmon: Event ID 15: FileCreateStreamHash",
    ),
    Recorder(
        Behaviour.DOWNLOADED, "browser history", "browsers",
        absent="no browser has a history here",
        limits="no private windows",
        reference="Chromium keeps visits for 90 days and downloads longer",
    ),
    Recorder(
        Behaviour.RESOLVED, "Sysmon 22", "event_logs", SYSMON, _SYSMON, 22, "QueryResults",
        absent=_NO_SYSMON, limits=_RULES,
        reference="Microsoft, Sysmon: Event ID 22: DNSEvent (version 10)",
    ),
    Recorder(
        Behaviour.RESOLVED, "DNS client 3008", "event_logs", DNS_CLIENT, _DNS, 3008, "QueryResults",
        absent="the DNS client's own log is not there",
        reference="manifest of Microsoft-Windows-DNS-Client: Operational is off by default",
    ),
    Recorder(
        Behaviour.RESOLVED, "System 1014", "event_logs", SYSTEM, _DNS, 1014, "QueryName",
        by_default=True,
        absent="there is no System log",
        only="names that no server answered",
        reference="manifest of Microsoft-Windows-DNS-Client: 1014 goes to System",
    ),
    Recorder(
        Behaviour.CONNECTED, "Sysmon 3", "event_logs", SYSMON, _SYSMON, 3, "DestinationIp",
        absent=_NO_SYSMON, limits=_RULES,
        reference="Microsoft, Sysmon: Event ID 3: Network connection (off by default)",
    ),
    Recorder(
        Behaviour.CONNECTED, "Security 5156", "event_logs", SECURITY, _AUDIT, 5156, "DestAddress",
        audited="Filtering Platform Connection",
        absent="there is no Security log",
        reference="Microsoft Learn, Audit Filtering Platform Connection: off by default",
    ),
    Recorder(
        Behaviour.CONNECTED, "firewall log", "firewall_log", memory=LET_THROUGH, goes_on=True,
        limits="in the host's own time",
        absent="the firewall has no log here",
        reference="Microsoft Learn, Configure Windows Firewall logging: off by default",
    ),
    Recorder(
        Behaviour.CONNECTED, "SRUM", "srum", goes_on=True,
        only="how much a program sent and received",
        absent="there is no SRUM database",
        reference="Y. Khatri, Windows SRUM: the last 30 to 60 days, since Windows 8",
    ),
)  # fmt: skip
LOGS = frozenset(one.log for one in RECORDERS if one.log)
CLASSIC = frozenset({SECURITY, SYSTEM, CLASSIC_POWERSHELL})
"""Logs of a kind of their own, which Windows sets up as services (``Services\\EventLog``)."""


def channel_of(log: str) -> str:
    """The name of a channel, by that of its log."""
    return log.removesuffix(".evtx").replace("%4", "/")
