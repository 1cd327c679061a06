"""Events as Windows, Sysmon and PowerShell log them, with the campaign's values."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from .logs import (
    CLASSIC_POWERSHELL,
    DNS_CLIENT,
    EVENTLOG,
    JO,
    POWERSHELL,
    SECURITY,
    SYSMON,
    WHEN,
    LoggedEvent,
)

RUNDLL32 = r"C:\Windows\System32\rundll32.exe"
WINDOWS_POWERSHELL = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe"
CYZFC = r"C:\Users\jo\AppData\Local\cyzfc.dat"
CALL = f'"{RUNDLL32}" {CYZFC}, PointFunctionCall'
DLL_SHA1 = "9858d5cb2a6614be3c48e33911bf9f7978b441bf"
USER = r"CORP\jo"
GUID = "{94F748D5-4A45-5A42-0000-0010D265F20F}"
SYSTEM = "S-1-5-18"


def audited_process(
    command_line: str = CALL,
    image: str = RUNDLL32,
    *,
    time: datetime = WHEN,
    pid: int = 4312,
    parent: str = WINDOWS_POWERSHELL,
    parent_pid: int = 4120,
) -> LoggedEvent:
    """Security 4688."""
    return LoggedEvent(
        source=SECURITY,
        id=4688,
        time=time,
        data=[
            ("SubjectUserSid", JO),
            ("SubjectUserName", "jo"),
            ("SubjectDomainName", "CORP"),
            ("SubjectLogonId", "0x3e7"),
            ("NewProcessId", f"{pid:#x}"),
            ("NewProcessName", image),
            ("TokenElevationType", "%%1936"),
            ("ProcessId", f"{parent_pid:#x}"),
            ("CommandLine", command_line),
            ("TargetUserSid", "S-1-0-0"),
            ("TargetUserName", "-"),
            ("TargetDomainName", "-"),
            ("TargetLogonId", "0x0"),
            ("ParentProcessName", parent),
            ("MandatoryLabel", "S-1-16-8192"),
        ],
    )


def sysmon(
    number: int,
    *data: tuple[str, str],
    image: str = RUNDLL32,
    time: datetime = WHEN,
    pid: int = 4312,
    guid: str = GUID,
) -> LoggedEvent:
    """A Sysmon event of a process; ``data``: what it has beside."""
    return LoggedEvent(
        source=SYSMON,
        id=number,
        sid=SYSTEM,
        time=time,
        data=[
            ("RuleName", "-"),
            ("UtcTime", f"{time:%Y-%m-%d %H:%M:%S}.{time.microsecond // 1000:03d}"),
            ("ProcessGuid", guid),
            ("ProcessId", str(pid)),
            ("Image", image),
            *data,
        ],
    )


def sysmon_process(
    command_line: str = CALL, image: str = RUNDLL32, *, time: datetime = WHEN
) -> LoggedEvent:
    """Sysmon 1."""
    return sysmon(
        1,
        ("OriginalFileName", "RUNDLL32.EXE"),
        ("CommandLine", command_line),
        ("User", USER),
        ("Hashes", f"SHA1={'AB' * 20},MD5={'CD' * 16},SHA256={'EF' * 32},IMPHASH={'01' * 16}"),
        ("ParentProcessGuid", GUID),
        ("ParentProcessId", "4120"),
        ("ParentImage", WINDOWS_POWERSHELL),
        ("ParentCommandLine", "powershell -noni"),
        image=image,
        time=time,
    )


def sysmon_module(*, time: datetime = WHEN) -> LoggedEvent:
    """Sysmon 7: rundll32 has loaded the campaign's DLL."""
    return sysmon(
        7,
        ("ImageLoaded", CYZFC),
        ("Hashes", f"SHA1={DLL_SHA1.upper()}"),
        ("Signed", "false"),
        ("Signature", "-"),
        ("SignatureStatus", "Unavailable"),
        ("User", USER),
        time=time,
    )


def sysmon_query(results: str = "::ffff:95.216.59.92;", *, time: datetime = WHEN) -> LoggedEvent:
    """Sysmon 22."""
    return sysmon(
        22,
        ("QueryName", "pandorasong.com"),
        ("QueryStatus", "0"),
        ("QueryResults", results),
        ("User", USER),
        time=time,
    )


def dns_query(
    number: int = 3008, results: str = "95.216.59.92;", *, time: datetime = WHEN
) -> LoggedEvent:
    """Of the DNS client's own log."""
    return LoggedEvent(
        source=DNS_CLIENT,
        id=number,
        time=time,
        sid=JO,
        process=4312,
        data=[
            ("QueryName", "pandorasong.com"),
            ("QueryType", 1),
            ("QueryOptions", "1073766400"),
            ("QueryStatus", 0),
            ("QueryResults", results),
        ],
    )


def engine_started(command_line: str, number: int = 400, *, time: datetime = WHEN) -> LoggedEvent:
    """Of the classic log "Windows PowerShell": unnamed values."""
    context = (
        "\tNewEngineState=Available\r\n\tPreviousEngineState=None\r\n\r\n\tSequenceNumber=13\r\n"
        "\r\n\tHostName=ConsoleHost\r\n\tHostVersion=5.1.20348.2031\r\n\tHostId=13c46d33\r\n"
        f"\tHostApplication={command_line}\r\n\tEngineVersion=5.1.20348.2031\r\n\tRunspaceId=7dcd7"
        "\r\n\tPipelineId=\r\n\tCommandName=\r\n\tCommandLine="
    )
    data = [("", "Available"), ("", "None"), ("", context)]
    return LoggedEvent(source=CLASSIC_POWERSHELL, id=number, time=time, process=0, data=data)


def script_blocks(
    script: str, *, size: int = 10_745, path: str = "", time: datetime = WHEN
) -> Iterator[LoggedEvent]:
    """PowerShell 4104, in parts of at most ``size`` characters."""
    parts = [script[at : at + size] for at in range(0, len(script), size)]
    for number, part in enumerate(parts, 1):
        yield LoggedEvent(
            source=POWERSHELL,
            id=4104,
            time=time,
            sid=JO,
            process=4120,
            data=[
                ("MessageNumber", number),
                ("MessageTotal", len(parts)),
                ("ScriptBlockText", part),
                ("ScriptBlockId", "e603e1c4-24f7-4539-bc04-5cfe825aaf69"),
                ("Path", path),
            ],
        )


def log_cleared() -> LoggedEvent:
    """Security 1102."""
    return LoggedEvent(
        source=EVENTLOG,
        id=1102,
        user_data="LogFileCleared",
        data=[
            ("SubjectUserSid", JO),
            ("SubjectUserName", "jo"),
            ("SubjectDomainName", "CORP"),
            ("SubjectLogonId", "0x3e7"),
        ],
    )
