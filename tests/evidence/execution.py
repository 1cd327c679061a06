"""Files in which Windows remembers what ran, as it writes them."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from .logged_events import CYZFC

TASKS = "C:\\Windows\\System32\\Tasks"
STARTUP = "C:\\Windows\\System32\\WDI\\LogFiles\\StartupInfo\\S-1-5-21-7-1001_StartupInfo1.xml"
PCA = "C:\\Windows\\appcompat\\pca"
WER = "Microsoft\\Windows\\WER\\ReportArchive\\AppCrash_rundll32.exe_1\\Report.wer"
OBJECTS = "C:\\Windows\\System32\\wbem\\Repository\\OBJECTS.DATA"


def wide(text: str) -> bytes:
    """UTF-16 with its mark."""
    return b"\xff\xfe" + text.encode("utf-16-le")


def task(command: str, arguments: str, *, uri: str = "\\Updater") -> bytes:
    """A task's XML, as Windows writes it."""
    return wide(
        '<?xml version="1.0" encoding="UTF-16"?>\r\n'
        '<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">\r\n'
        "  <RegistrationInfo><Date>2018-11-14T12:00:00</Date><Author>CORP\\jo</Author>"
        f"<URI>{uri}</URI></RegistrationInfo>\r\n"
        '  <Principals><Principal id="Author"><UserId>S-1-5-18</UserId></Principal></Principals>\r\n'
        '  <Triggers /><Actions Context="Author">\r\n'
        f"    <Exec><Command>{command}</Command><Arguments>{arguments}</Arguments></Exec>\r\n"
        "  </Actions></Task>"
    )


def startup_info(path: str, line: str) -> bytes:
    """Of a logon; two processes."""
    process = (
        '<Process Name="{0}" PID="{1}" StartedInTraceSec="48.500">'
        "<StartTime>2018/11/14:18:04:02.1234567</StartTime>"
        "<CommandLine><![CDATA[{2}]]></CommandLine><ParentPID>6016</ParentPID>"
        "<ParentStartTime>2018/11/14:18:03:00.0</ParentStartTime>"
        "<ParentName>C:\\Windows\\explorer.exe</ParentName></Process>"
    )
    return wide(
        '<?xml version="1.0" encoding="UTF-16"?><StartupData>'
        + process.format("C:\\Windows\\notepad.exe", 1, "notepad.exe")
        + process.format(path, 6208, line)
        + "</StartupData>"
    )


def error_report(path: str = "C:\\Windows\\System32\\rundll32.exe", module: str = CYZFC) -> bytes:
    """Of a program that crashed with a module; the time is 2018-11-14 12:00:02."""
    return wide(
        "Version=1\r\nEventType=APPCRASH\r\nEventTime=131866704020000000\r\n"
        "Sig[0].Name=Application Name\r\nSig[0].Value=rundll32.exe\r\n"
        f"LoadedModule[0]={path}\r\nLoadedModule[1]={module}\r\n"
        f"AppPath={path}\r\nTargetAppId=W:0006{'a' * 40}0904!0000{'9858d5cb2a6614be3c48e33911bf'}"
        "9f7978b441bf!rundll32.exe\r\n"
    )


def recent_files(paths: Sequence[str]) -> bytes:
    """RecentFileCache.bcf"""
    entries = b"".join(
        struct.pack("<I", len(path)) + (path + "\0").encode("utf-16-le") for path in paths
    )
    return bytes.fromhex("feffeeff") + bytes(16) + entries


def consumer(command: str, kind: str = "CommandLineEventConsumer") -> bytes:
    """A page of OBJECTS.DATA with a consumer of events."""
    body = f"\0{kind}\0\0{command}\0\0Updater\0\0".encode("cp1252")
    return (bytes(300) + body).ljust(8192, b"\0")
