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


def ese(tables: dict[str, tuple[Sequence[tuple[str, int]], Sequence[Sequence[object]]]]) -> bytes:
    """An ESE database: of each table columns (name and type; 11, LongBinary, is tagged) and rows.

    Pages of 4,096 bytes; each table's rows lie in one page.
    """
    catalog: list[bytes] = []
    pages: list[bytes] = []
    for number, (name, (columns, rows)) in enumerate(tables.items(), start=10):
        catalog.append(_catalogued(number, 1, number, 0, 0, name))
        fixed, tagged = 0, 255
        for column, kind in columns:
            tagged, fixed = (tagged + 1, fixed) if kind == 11 else (tagged, fixed + 1)
            catalog.append(
                _catalogued(number, 2, tagged if kind == 11 else fixed, kind, _SIZES[kind], column)
            )
        pages.append(_page(number, [_row(columns, row) for row in rows]))
    head = bytearray(4096)
    struct.pack_into("<I", head, 4, 0x89ABCDEF)
    struct.pack_into("<I", head, 52, 3)
    struct.pack_into("<I", head, 236, 4096)
    return bytes(head) * 2 + _page(2, catalog) + b"".join(pages) + bytes(4096)


_SIZES = {1: 1, 2: 1, 4: 4, 8: 8, 11: 0, 15: 8}


def _catalogued(table: int, kind: int, number: int, of: int, size: int, name: str) -> bytes:
    fixed = struct.pack("<ihiii", table, kind, number, of, size)
    nulls = b"\0"
    text = name.encode()
    head = struct.pack("<BBH", 5, 128, 4 + len(fixed) + len(nulls))
    return head + fixed + nulls + struct.pack("<H", len(text)) + text


def _row(columns: Sequence[tuple[str, int]], row: Sequence[object]) -> bytes:
    fixed, null, tagged, last = b"", 0, b"", 0
    for (_, kind), value in zip(columns, row, strict=True):
        if kind == 11:
            assert isinstance(value, bytes)
            tagged = struct.pack("<HH", 256, 4) + value
            continue
        null |= (value is None) << last
        last += 1
        fixed += struct.pack({1: "B", 2: "B", 4: "<i", 8: "<d", 15: "<q"}[kind], value or 0)
    nulls = null.to_bytes(-(-last // 8), "little")
    return struct.pack("<BBH", last, 127, 4 + len(fixed) + len(nulls)) + fixed + nulls + tagged


def _page(table: int, records: Sequence[bytes]) -> bytes:
    page = bytearray(4096)
    struct.pack_into("<I", page, 24, table)
    struct.pack_into("<H", page, 34, len(records) + 1)
    struct.pack_into("<I", page, 36, 0x2)
    at = 0
    for number, record in enumerate(records, start=1):
        entry = struct.pack("<H", 1) + b"k" + record
        page[40 + at : 40 + at + len(entry)] = entry
        struct.pack_into("<HH", page, 4096 - 4 * (number + 1), len(entry), at)
        at += len(entry)
    return bytes(page)


def srum(program: str, sid: bytes, days: Sequence[float]) -> bytes:
    """SRUDB.dat: a program's network use by a user, a row for each of these times (days since
    1899-12-30)."""
    usage = [("AutoIncId", 4), ("TimeStamp", 8), ("AppId", 4), ("UserId", 4), ("BytesSent", 15),
             ("BytesRecvd", 15)]  # fmt: skip
    return ese(
        {
            "SruDbIdMapTable": (
                [("IdType", 2), ("IdIndex", 4), ("IdBlob", 11)],
                [(0, 7, (program + "\0").encode("utf-16-le")), (3, 8, sid)],
            ),
            "{973F5D5C-1D90-4944-BE8E-24B94231A174}": (
                usage,
                [(number, day, 7, 8, 1000, None) for number, day in enumerate(days)],
            ),
        }
    )
