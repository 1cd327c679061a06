r"""Hosts that remember what only looks like the campaign, in each of their memories: the training
lab, the form itself, an analyst at work, a scanner that stopped it."""

from __future__ import annotations

from .databases import HISTORY, Statement, chromium_download, chromium_page, database
from .files import archive, dll
from .hive_files import nested
from .hives import Tree, hive
from .infected import (
    BROWSER,
    CALLED,
    CLICKED,
    DEFENDER_LOG,
    DOWNLOADED,
    EXPLORER,
    JO,
    JUMP_LIST,
    LOCAL,
    NTUSER,
    ON_VOLUME,
    OPENED,
    PREFETCH,
    RECENT,
    RUN_OF_RUNDLL32,
    SCRIPTS_LOG,
    SECURITY_LOG,
    SYSMON_LOG,
    VISITED,
    ZIP,
    detected,
    guarded,
    link_to,
    quiet,
    webkit,
)
from .jump_lists import Listed, compound, dest_list
from .logged_events import (
    CYZFC,
    RUNDLL32,
    WINDOWS_POWERSHELL,
    audited_process,
    script_blocks,
    sysmon,
    sysmon_process,
)
from .logs import event_log
from .prefetch import PlantedVolume, mam, prefetch
from .shell_items import entry
from .situations import BLOG, CSV, HUNT, LITERAL, NOTES, in_base64
from .situations import HISTORY as CONSOLE

_EXPLORER = r"Software\Microsoft\Windows\CurrentVersion\Explorer"
LAB_CALL = f"rundll32.exe {CYZFC},DLLMain"
LAB_LOADER = (
    '$ptgt=0x0005e2be;$vcq=0x0005edee;$tb="ds7002.lnk";if (-not(Test-Path $tb)){$oe='
    "Get-ChildItem -Path $Env:temp -Filter $tb -Recurse;if (-not $oe) {exit}}"
)
READER = r"C:\Program Files\Adobe\Acrobat DC\Acrobat\Acrobat.exe"
FORM = rf"{JO}\Downloads\ds7002.pdf"


def lab() -> dict[str, bytes]:
    """The training lab of ATT&CK Defender was fetched and unpacked here, and its loader tried."""
    line = f"powershell.exe -noni -noe -WindowStyle hidden -e {in_base64(LAB_LOADER)}"
    listed = Listed(0x1F, ZIP, OPENED)
    return {
        **quiet(),
        CYZFC: dll(["DLLMain"], size=9216),
        ZIP: archive({"lab/ds7002.lnk": link_to(WINDOWS_POWERSHELL), "lab/readme.md": b"Lab 4.2"}),
        JUMP_LIST: compound({"1f": link_to(ZIP), "DestList": dest_list(listed)}),
        rf"{RECENT}\ds7002.zip.lnk": link_to(ZIP),
        SECURITY_LOG: event_log(
            [audited_process(line, WINDOWS_POWERSHELL, parent=EXPLORER, time=OPENED)]
        ),
        SYSMON_LOG: event_log([sysmon_process(line, WINDOWS_POWERSHELL, time=OPENED)]),
        SCRIPTS_LOG: event_log(script_blocks(LAB_LOADER, time=OPENED)),
        **_downloaded(ZIP, "https://github.com/maddev-engenuity/AdversaryEmulation/ds7002.zip"),
    }


def lab_that_ran() -> dict[str, bytes]:
    """The same, and its DLL was run: a Meterpreter of somebody's."""
    loaded = [f"{ON_VOLUME}{path[2:].upper()}" for path in (RUNDLL32, CYZFC)]
    run = prefetch(files=loaded, runs=[CALLED], volumes=[PlantedVolume(ON_VOLUME)])
    return {
        **lab(),
        SECURITY_LOG: event_log([audited_process(LAB_CALL, time=CALLED)]),
        RUN_OF_RUNDLL32: mam(run),
    }


def form() -> dict[str, bytes]:
    """Somebody filled in the form DS-7002."""
    line = f'"{READER}" "{FORM}"'
    loaded = [f"{ON_VOLUME}{path[2:].upper()}" for path in (READER, FORM)]
    document = "ds7002.pdf\0".encode("utf-16-le") + entry("ds7002.pdf.lnk", kind=0x32)
    recent: Tree = {
        "RecentDocs": {".pdf": {"0": document, "MRUListEx": b"\0\0\0\0\xff\xff\xff\xff"}}
    }
    listed = Listed(0x1F, FORM, OPENED)
    return {
        **quiet(),
        FORM: b"%PDF-1.4\nApplication form DS-7002\n",
        ZIP: archive({"ds7002.pdf": b"%PDF-1.4\nform"}),
        rf"{RECENT}\ds7002.lnk": link_to(FORM),
        JUMP_LIST: compound({"1f": link_to(FORM), "DestList": dest_list(listed)}),
        NTUSER: hive(nested(_EXPLORER, recent)),
        SECURITY_LOG: event_log([audited_process(line, READER, parent=EXPLORER, time=OPENED)]),
        SYSMON_LOG: event_log(
            [
                sysmon_process(line, READER, time=OPENED),
                sysmon(11, ("TargetFilename", FORM), image=READER, time=DOWNLOADED),
                sysmon(11, ("TargetFilename", rf"{LOCAL}\Temp\ds7002.pdf"), image=READER),
            ]
        ),
        rf"{PREFETCH}\ACROBAT.EXE-2CC598BD.pf": mam(
            prefetch("ACROBAT.EXE", loaded, runs=[OPENED], volumes=[PlantedVolume(ON_VOLUME)])
        ),
        **_downloaded(ZIP, "https://marylandglobal.umd.edu/forms/ds7002.zip"),
    }


def hunt() -> dict[str, bytes]:
    """An analyst looked for the campaign here, and found nothing."""
    search = "powershell.exe Get-ChildItem C:\\Users -Recurse -Force -Include cyzfc.dat,ds7002.lnk,ds7002.zip"
    asks = f'Get-WinEvent -LogName Security | Where-Object {{ $_.Message -like "*{LITERAL}*" }}'
    script = rf"{JO}\Desktop\hunt.ps1"
    typed = [
        "Get-ChildItem C:\\ -Recurse -Filter cyzfc.dat",
        asks,
        "Select-String -Path C:\\logs\\*.txt -Pattern pandorasong.com,95.216.59.92",
        "Get-FileHash a.dat # 9858d5cb2a6614be3c48e33911bf9f7978b441bf",
    ]
    pages: list[Statement] = [
        *chromium_page(
            1, "https://www.virustotal.com/gui/domain/pandorasong.com", webkit(VISITED),
            title="pandorasong.com",
        ),
        *chromium_page(2, "https://www.google.com/search?q=cyzfc.dat+PointFunctionCall", webkit(VISITED)),
        *chromium_download(
            3, rf"{JO}\Downloads\iocs.csv", "https://intel.example/cyzfc/ds7002.zip.csv",
            start=webkit(CLICKED), end=webkit(DOWNLOADED),
        ),
    ]  # fmt: skip
    return {
        **quiet(),
        script: HUNT.encode(),
        rf"{JO}\Desktop\notes.md": NOTES.encode(),
        rf"{JO}\Downloads\iocs.csv": CSV.encode(),
        rf"{JO}\Downloads\blog.html": BLOG.encode(),
        CONSOLE: "\r\n".join(typed).encode(),
        SCRIPTS_LOG: event_log(
            [*script_blocks(HUNT, path=script, time=OPENED), *script_blocks(asks, time=CALLED)]
        ),
        SECURITY_LOG: event_log(
            [audited_process(search, WINDOWS_POWERSHELL, parent=EXPLORER, time=OPENED)]
        ),
        SYSMON_LOG: event_log([sysmon_process(search, WINDOWS_POWERSHELL, time=OPENED)]),
        BROWSER: database(*HISTORY, *pages),
        rf"{RECENT}\iocs.csv.lnk": link_to(rf"{JO}\Downloads\iocs.csv"),
    }


def scanner() -> dict[str, bytes]:
    """Defender stopped it before it ran."""
    return {
        **quiet(),
        DEFENDER_LOG: event_log([detected()]),
        **guarded(),
    }


def _downloaded(path: str, url: str) -> dict[str, bytes]:
    """What a browser keeps of a download, and of its page."""
    rows = chromium_download(3, path, url, start=webkit(CLICKED), end=webkit(DOWNLOADED))
    zone = f"[ZoneTransfer]\r\nZoneId=3\r\nHostUrl={url}\r\n".encode()
    return {
        BROWSER: database(*HISTORY, *chromium_page(7, url, webkit(VISITED)), *rows),
        f"{path}:Zone.Identifier": zone,
    }


LOOK_ALIKES = {"the training lab": lab, "the form": form, "an analyst": hunt, "a scanner": scanner}
