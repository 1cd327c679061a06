"""What would record what the campaign does: one table, each line with its source.

An event is known to be recorded by the events of its kind that are there. ``mark`` is a text that
stands in the template of that event, which each chunk that holds one has in it (libyal, "Windows
XML Event Log (EVTX)", 5.2), and in few others: by it the chunks are found that are worth parsing.
"""

from __future__ import annotations

from typing import NamedTuple

from .remembered import Behaviour

SYSMON = "microsoft-windows-sysmon%4operational.evtx"
SECURITY = "security.evtx"
SYSTEM = "system.evtx"
DNS_CLIENT = "microsoft-windows-dns-client%4operational.evtx"
_SYSMON = "Microsoft-Windows-Sysmon"
_AUDIT = "Microsoft-Windows-Security-Auditing"
_DNS = "Microsoft-Windows-DNS-Client"
_NO_SYSMON = "Sysmon has no log here"


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
    by_default: bool = False
    """Recorded wherever its log is, however rarely it happens."""
    by_prefetch: bool = False
    """Whether it is where Prefetch is switched on."""
    each_part: bool = False
    """Told of each part of its source: a journal of each volume, a history of each user."""
    absent: str = ""
    """Why there is none."""
    limits: str = ""
    """What it cannot tell."""
    reference: str = ""


RECORDERS = (
    Recorder(
        Behaviour.RAN, "Prefetch", "prefetch", by_prefetch=True,
        absent="no prefetch file is there",
        limits="at most 1,024 programs",
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
        absent=_NO_SYSMON, reference="Microsoft, Sysmon: Event ID 1: Process creation",
    ),
    Recorder(
        Behaviour.LOADED, "Prefetch", "prefetch", by_prefetch=True,
        absent="no prefetch file is there",
        limits="the first ten seconds of a program",
        reference="libyal, Prefetch format",
    ),
    Recorder(
        Behaviour.LOADED, "Sysmon 7", "event_logs", SYSMON, _SYSMON, 7, "ImageLoaded",
        absent=_NO_SYSMON, reference="Microsoft, Sysmon: Event ID 7: Image loaded (off by default)",
    ),
    Recorder(
        Behaviour.ON_DISK, "change journal", "usn_journal", each_part=True,
        absent="no change journal was read",
        reference="Microsoft Learn, Change Journals",
    ),
    Recorder(
        Behaviour.ON_DISK, "Sysmon 11", "event_logs", SYSMON, _SYSMON, 11, "CreationUtcTime",
        absent=_NO_SYSMON, reference="Microsoft, Sysmon: Event ID 11: FileCreate",
    ),
    Recorder(
        Behaviour.DOWNLOADED, "Sysmon 15", "event_logs", SYSMON, _SYSMON, 15, "CreationUtcTime",
        absent=_NO_SYSMON, reference="Microsoft, Sysmon: Event ID 15: FileCreateStreamHash",
    ),
    Recorder(
        Behaviour.RESOLVED, "Sysmon 22", "event_logs", SYSMON, _SYSMON, 22, "QueryResults",
        absent=_NO_SYSMON, reference="Microsoft, Sysmon: Event ID 22: DNSEvent (version 10)",
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
        limits="names that no server answered",
        reference="manifest of Microsoft-Windows-DNS-Client: 1014 goes to System",
    ),
    Recorder(
        Behaviour.CONNECTED, "Sysmon 3", "event_logs", SYSMON, _SYSMON, 3, "DestinationIp",
        absent=_NO_SYSMON,
        reference="Microsoft, Sysmon: Event ID 3: Network connection (off by default)",
    ),
    Recorder(
        Behaviour.CONNECTED, "Security 5156", "event_logs", SECURITY, _AUDIT, 5156, "DestAddress",
        audited="Filtering Platform Connection",
        absent="there is no Security log",
        reference="Microsoft Learn, Audit Filtering Platform Connection: off by default",
    ),
)  # fmt: skip
LOGS = frozenset(one.log for one in RECORDERS if one.log)
