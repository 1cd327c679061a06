"""What is benign and what is malicious, as files by their paths on the host: names, sizes, strings.

What lies in ``BENIGN`` is never more than weak; ``CONFIRMED`` and ``STRONG`` say what the others are.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

from agent.model.report import Strength

from .files import STAGE_0, archive, campaign_link, dll, shell_link
from .logged_events import audited_process, script_blocks
from .logs import event_log
from .planted import QUERY_3
from .windows_folder import JO_SID

JO = r"C:\Users\jo"
DOWNLOADS = rf"{JO}\Downloads"
DESK = rf"{JO}\Desktop"
LOCAL = rf"{JO}\AppData\Local"
HISTORY = rf"{JO}\AppData\Roaming\Microsoft\Windows\PowerShell\PSReadLine\ConsoleHost_history.txt"
HOSTS = r"C:\Windows\System32\drivers\etc\hosts"
LINK = "https://www.jmj.com/personal/nauerthn_state_gov/TUJE7QJl"
ZONE = f"[ZoneTransfer]\r\nZoneId=3\r\nReferrerUrl=https://mail.example/\r\nHostUrl={LINK}\r\n".encode()
ROOT = Path(__file__).parents[2]
Files = dict[str, bytes]


def wide(text: str) -> bytes:
    return b"\xff\xfe" + text.encode("utf-16-le")


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-16-le")).decode()


LOGS = r"C:\Windows\System32\winevt\Logs"
FINDSTR = r"C:\Windows\System32\findstr.exe"
LITERAL = "$zk='JHB0Z3Q9MHgwMDA1ZTJiZTskdmNxPTB4MDAwNjIzYjY7JHRiPSJkczcwMDIubG5rIjtpZi'"
NOTES = (
    "# cyzfc, November 2018. Files: ds7002.zip, ds7002.lnk, ds7002.pdf, cyzfc.dat\r\n"
    f"# domain pandorasong.com, address 95.216.59.92, link {LINK}\r\n"
    "# SHA-1 9858d5cb2a6614be3c48e33911bf9f7978b441bf cd92f19d3ad4ec50f6d19652af010fe07dca55e1\r\n"
    "# stage 0: powershell -noni -ep bypass $zk=... with 'FromBase'+0x40+'String'\r\n"
    "# rundll32 cyzfc.dat, PointFunctionCall\r\n"
)
HUNT = (
    "# Looks for the campaign.\r\n"
    f'$needle = "{LITERAL}"\r\n'
    f'Get-WinEvent -LogName Security | Where-Object {{ $_.Message -like "*$needle*" }}\r\n'
    f"Select-String -Path C:\\Logs\\*.txt -SimpleMatch \"{QUERY_3}\", 'cyzfc.dat', 'pandorasong.com'\r\n"
)
TYPED = f"Get-WinEvent -LogName Security | where Message -like '*{LITERAL}*'"
SIGMA = (
    "title: APT29 2018 Phishing Campaign CommandLine Indicators\n"
    "status: stable\nlogsource:\n    category: process_creation\n    product: windows\n"
    "detection:\n    selection:\n        - CommandLine|contains: '-noni -ep bypass $'\n"
    "        - CommandLine|contains|all:\n            - 'cyzfc.dat,'\n            - 'PointFunctionCall'\n"
    f'        - CommandLine|contains: "{LITERAL}"\n'
    "        - TargetFilename|contains: 'ds7002.lnk'\n    condition: selection\nlevel: critical\n"
)
YARA = (
    "rule apt29_cyzfc { strings:\n"
    f'  $a = "{LITERAL}"\n  $b = "PointFunctionCall" fullword\n  $c = "pandorasong.com"\n'
    '  $d = "$ptgt=0x0005e2be" wide ascii\n  $e = "$vcq=0x000623b6" wide ascii\n'
    f'  $f = "{LINK}"\n condition: any of them }}\n'
)
KQL = (
    "//Hunting query 1\nDeviceFileEvents\n| where SHA1 in ('9858d5cb2a6614be3c48e33911bf9f7978b441bf')\n"
    f'//Hunting query 3\nDeviceProcessEvents\n| where ProcessCommandLine contains\n"{QUERY_3}"\n'
    "//Hunting query 2\nDeviceNetworkEvents | where RemoteUrl has 'pandorasong.com'\n"
    f"//Hunting query 4\nDeviceEvents | where RemoteUrl == '{LINK.rpartition('/')[0]}'\n"
)
BLOG = (
    "<!DOCTYPE html><html><head><title>APT29 is back</title></head><body>"
    f"<p>The victim clicked <code>{LINK}</code> and got ds7002.zip with ds7002.lnk.</p>"
    f"<pre>powershell.exe {STAGE_0}</pre>"
    '<pre>$ptgt=0x0005e2be;$vcq=0x000623b6;$tb="ds7002.lnk"; function lylyvve( $edblcez ) {'
    " $oufgke = 0x48bd8 }</pre>"
    "<p>It runs cyzfc.dat, PointFunctionCall, which talks to pandorasong.com (95.216.59.92).</p>"
    "</body></html>\n"
)
CSV = "type,value\n" + "".join(
    f"{kind},{value}\n"
    for kind, value in (
        ("sha1", "9858d5cb2a6614be3c48e33911bf9f7978b441bf"), ("md5", "16bbc967a8b6a365871a05c74a4f345b"),
        ("file", "cyzfc.dat"), ("file", "ds7002.zip"), ("file", "ds7002.lnk"), ("domain", "pandorasong.com"),
        ("ip", "95.216.59.92"), ("url", LINK), ("cmd", f'"{LITERAL}"'), ("cmd", "cyzfc.dat, PointFunctionCall"),
    )
)  # fmt: skip
MISP = json.dumps(
    {
        "Event": {
            "info": "APT29 cyzfc",
            "Attribute": [
                {"type": "filename|sha1", "value": "cyzfc.dat|9858d5cb2a6614be3c48e33911bf9f7978b441bf"},
                {"type": "domain", "value": "pandorasong.com"},
                {"type": "url", "value": LINK},
                {"type": "text", "value": LITERAL},
                {"type": "text", "value": STAGE_0},
            ],
        }
    },
    indent=1,
)  # fmt: skip
DOCX = archive(
    {
        "[Content_Types].xml": b"<Types/>",
        "word/document.xml": f"<w:document><w:t>{BLOG.replace('<', '&lt;')}</w:t></w:document>".encode(),
    }
)
BENIGN: dict[str, Files] = {
    "notes in a script": {rf"{DESK}\notes.ps1": NOTES.encode()},
    "notes in UTF-16": {rf"{DESK}\notes.ps1": wide(NOTES)},
    "a hunting script": {rf"{DESK}\hunt.ps1": HUNT.encode(), rf"{DESK}\hunt16.ps1": wide(HUNT)},
    "a list of indicators": {rf"{DESK}\iocs.csv": CSV.encode(), rf"{DESK}\iocs.txt": CSV.encode()},
    "a MISP export": {rf"{DESK}\misp.json": MISP.encode()},
    "a Sigma rule": {rf"{DESK}\rules\apt29.yml": SIGMA.encode()},
    "a YARA rule": {rf"{DESK}\rules\apt29.yar": YARA.encode()},
    "a KQL repository": {rf"{DESK}\repo\detect-cyzfc.md": KQL.encode(), rf"{DESK}\repo\1.kql": KQL.encode()},
    "a blog": {
        rf"{DESK}\blog.html": BLOG.encode(),
        rf"{DESK}\blog.docx": DOCX,
        rf"{DESK}\blog.url": f"[InternetShortcut]\r\nURL=https://blog.example/ds7002.zip?{LINK}\r\n".encode(),
    },
    "a proxy log": {
        rf"{DESK}\proxy.log": b"1543000000.1 10.0.0.7 TCP_DENIED/403 CONNECT pandorasong.com:443\n" * 3
    },
    "an antivirus log": {
        r"C:\ProgramData\Microsoft\Windows Defender\Support\MPLog-20181120.log": wide(
            "2018-11-20T09:00:00 DETECTION Trojan:Win32/Cyzfc file:C:\\Users\\jo\\AppData\\Local\\cyzfc.dat\r\n"
        ),
        r"C:\ProgramData\Microsoft\Windows Defender\Quarantine\Entries\{1}": b"\x0b\xad" * 40,
    },
    "a sinkhole": {HOSTS: b"0.0.0.0 pandorasong.com\r\n127.0.0.1 www.pandorasong.com\r\n"},
    "a hunt by a search tool, audited": {
        rf"{LOGS}\Security.evtx": event_log(
            [audited_process(f'findstr /s /c:"cyzfc.dat, PointFunctionCall" {DESK}\\*', FINDSTR)]
        )
    },
    "a hunt for its text in script blocks and the history": {
        rf"{LOGS}\Microsoft-Windows-PowerShell%4Operational.evtx": event_log(script_blocks(TYPED)),
        HISTORY: f"{TYPED}\r\n".encode(),
    },
    "other antivirus logs": {
        r"C:\ProgramData\Sophos\Sophos Anti-Virus\logs\SAV.txt": wide(
            f"20181120 0900 File {LOCAL}\\cyzfc.dat belongs to virus 'Troj/Cyzfc-A', powershell {STAGE_0}\r\n"
        ),
        r"C:\ProgramData\Malwarebytes\MBAMService\logs\mbam.log": f"blocked powershell.exe {STAGE_0}\r\n".encode(),
    },
    "a quarantine record of an EDR": {
        r"C:\ProgramData\Sentinel\Quarantine\4711.info": f"original={LOCAL}\\cyzfc.dat\nline=powershell.exe {STAGE_0}\n".encode(),
        r"C:\ProgramData\Sentinel\Quarantine\4711.dat": bytes(b ^ 0xA5 for b in dll()),
    },
    "a list of indicators in a browser's cache": {
        rf"{LOCAL}\Google\Chrome\User Data\Default\Cache\Cache_Data\f_00001a": CSV.encode(),
        rf"{LOCAL}\Mozilla\Firefox\Profiles\a.default\cache2\entries\0A1B": MISP.encode(),
        rf"{DOWNLOADS}\cyzfc-iocs.csv": CSV.encode(),
        rf"{DOWNLOADS}\cyzfc-iocs.csv:Zone.Identifier": b"[ZoneTransfer]\r\nZoneId=3\r\nHostUrl=https://intel.example/cyzfc.dat/iocs.csv\r\n",
    },
    "the real form": {
        rf"{DOWNLOADS}\ds7002.pdf": b"%PDF-1.4\nApplication form DS-7002\n",
        rf"{JO}\AppData\Roaming\Microsoft\Windows\Recent\ds7002.lnk": shell_link(
            "", machine_id="ws-17", serial=7, tracked=None, target=rf"{DOWNLOADS}\ds7002.pdf"
        ),
    },
    "a search in the history": {HISTORY: b"Get-ChildItem C:\\ -Recurse -Filter cyzfc.dat\r\nwhoami\r\n"},
    "the training lab": {rf"{LOCAL}\cyzfc.dat": dll(["DLLMain"], size=9216)},
    "a game": {r"C:\Games\x\cyzfc.dat": b"level data " * 100},
    "another vendor's DLL": {r"C:\Program Files\v\codec.dll": dll(["PointFunctionCall", "DllMain"])},
    "our own": {
        rf"{DESK}\iocs\cyzfc.yaml": (ROOT / "iocs/cyzfc.yaml").read_bytes(),
        rf"{DESK}\README.md": (ROOT / "README.md").read_bytes(),
        rf"{DESK}\tests\planted.py": (ROOT / "tests/evidence/planted.py").read_bytes(),
        rf"{DESK}\tests\files.py": (ROOT / "tests/evidence/files.py").read_bytes(),
    },
}  # fmt: skip

DLL = rf"{LOCAL}\cyzfc.dat"
CONFIRMED: dict[str, Files] = {
    "in its place": {DLL: dll()},
    "roaming": {rf"{JO}\AppData\Roaming\cyzfc.dat": dll()},
    "Temp": {rf"{LOCAL}\Temp\cyzfc.dat": dll()},
    "Windows.old": {r"C:\Windows.old\Users\jo\AppData\Local\cyzfc.dat": dll()},
    "the system's profile": {
        r"C:\Windows\System32\config\systemprofile\AppData\Local\cyzfc.dat": dll()
    },
    "a long path": {"C:\\" + "\\".join(["d" * 50] * 8) + "\\cyzfc.dat": dll()},
    "recycle bin": {rf"C:\$Recycle.Bin\{JO_SID}\cyzfc.dat": dll()},
    "an alternate stream": {rf"{DESK}\a.txt": b"x", rf"{DESK}\a.txt:cyzfc.dat": dll()},
    "a ZIP whose end is gone": {rf"{DOWNLOADS}\a.zip": archive({"cyzfc.dat": dll()})[:-30]},
    "in a ZIP": {rf"{DOWNLOADS}\a.zip": archive({"cyzfc.dat": dll()})},
    "in a ZIP in a ZIP": {rf"{DOWNLOADS}\a.zip": archive({"b.zip": archive({"cyzfc.dat": dll()})})},
    "in a numbered ZIP": {rf"{DOWNLOADS}\ds7002 (1).zip": archive({"ds7002.lnk": campaign_link()})},
    "the shortcut": {rf"{DOWNLOADS}\ds7002.lnk": campaign_link()},
    "the shortcut renamed": {rf"{DOWNLOADS}\report.lnk": campaign_link()},
}

LAST_PART = shell_link()
ZIP = archive({"ds7002.lnk": campaign_link()})
ORDINARY_ZIP = archive({"a.txt": b"harmless"})
SCRIPT = f"powershell.exe {STAGE_0}\r\n".encode()
STRONG: dict[str, Files] = {
    "ZIP not downloaded whole": {rf"{DOWNLOADS}\Unconfirmed 4711.crdownload": ZIP},
    "ZIP as dat": {rf"{DOWNLOADS}\a.dat": ZIP},
    "ZIP as docx": {rf"{DOWNLOADS}\a.docx": ZIP},
    "shortcut by its maker": {rf"{DOWNLOADS}\report.lnk": LAST_PART},
    "ZIP from the link": {rf"{DOWNLOADS}\any.zip": ORDINARY_ZIP, rf"{DOWNLOADS}\any.zip:Zone.Identifier": ZONE},
    "ZIP of the name from the link": {rf"{DOWNLOADS}\ds7002.zip": ORDINARY_ZIP, rf"{DOWNLOADS}\ds7002.zip:Zone.Identifier": ZONE},
    "stage 0 in ps1": {rf"{DESK}\a.ps1": SCRIPT},
    "stage 0 in ps1 of UTF-16": {rf"{DESK}\a.ps1": wide(SCRIPT.decode())},
    "stage 0 in bat": {rf"{DESK}\a.bat": SCRIPT},
    "stage 0 in base64": {rf"{DESK}\a.bat": f"powershell -enc {in_base64(STAGE_0)}\r\n".encode()},
    "in the recycle bin, renamed by it": {rf"C:\$Recycle.Bin\{JO_SID}\$RX1Y2Z3.dat": dll()},
    "export, other name and size": {rf"{DOWNLOADS}\a.jpg": dll(size=9216)},
    "export, other name": {rf"{DOWNLOADS}\a.jpg": dll()},
}  # fmt: skip
THOROUGH_ONLY: dict[str, Files] = {
    "stage 0 in js": {rf"{DESK}\a.js": SCRIPT},
    "DLL XOR 0x5C": {rf"{DESK}\x.bin": bytes(b ^ 0x5C for b in dll(size=9216))},
    "export anywhere": {r"C:\x\a.jpg": dll(size=9216)},
}
DELETED = [("cyzfc.dat", Strength.CONFIRMED), ("holiday.jpg", Strength.STRONG)]
"""Names of the DLL in a user's folder when it was deleted, and what it is then."""
