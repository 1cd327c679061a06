"""Benign situations are never more than weak, malicious ones are found at their strength."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest

from agent.matching.own_traces import Own
from agent.model.objects import Pe
from agent.model.report import Finding, Report, Strength
from agent.sources import Source
from agent.sources.artefact import ArtefactSource
from agent.sources.execution.prefetch import PrefetchArtefact
from agent.sources.files.source import FilesSource
from agent.sources.logs.console_history import ConsoleHistory
from agent.sources.logs.event_logs import EventLogs
from agent.sources.network.hosts_file import HostsFile
from agent.sources.registry.hives import Hives
from agent.sources.running.modules import ModulesSource
from agent.sources.running.processes import ProcessesSource
from agent.targets.live.system import ProcessInfo, Vanished
from tests.evidence.files import DLL_SIZE, STAGE_0, archive, campaign_link, dll, shell_link
from tests.evidence.hosts import START, FakeSystem, installed
from tests.evidence.planted import QUERY_3
from tests.evidence.sweeping import reported
from tests.evidence.windows_folder import FORMS, RunningWindows, windows

JO = r"C:\Users\jo"
DOWNLOADS = rf"{JO}\Downloads"
DESK = rf"{JO}\Desktop"
LOCAL = rf"{JO}\AppData\Local"
HISTORY = rf"{JO}\AppData\Roaming\Microsoft\Windows\PowerShell\PSReadLine\ConsoleHost_history.txt"
HOSTS = r"C:\Windows\System32\drivers\etc\hosts"
LINK = "https://www.jmj.com/personal/nauerthn_state_gov/TUJE7QJl"
ZONE = f"[ZoneTransfer]\r\nZoneId=3\r\nReferrerUrl=https://mail.example/\r\nHostUrl={LINK}\r\n".encode()
ROOT = Path(__file__).parents[2]
THOROUGH = pytest.mark.parametrize("thorough", [False, True], ids=["default", "thorough"])
Files = dict[str, bytes]


def at_rest() -> list[Source]:
    artefacts = (EventLogs(), PrefetchArtefact(), Hives(), ConsoleHistory(), HostsFile())
    return [FilesSource(), *(ArtefactSource(one) for one in artefacts)]


def swept(place: Path, files: Files, *, thorough: bool, form: str = "image") -> Report:
    place.mkdir(exist_ok=True)
    return reported(FORMS[form](place / "c", windows(files)), *at_rest(), thorough=thorough)


def strongest(report: Report | Iterable[Finding]) -> Strength | None:
    found = report.findings if isinstance(report, Report) else list(report)
    return max((one.strength for one in found), key=lambda one: one.rank, default=None)


def wide(text: str) -> bytes:
    return b"\xff\xfe" + text.encode("utf-16-le")


# ---- Benign -------------------------------------------------------------------------------------

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


@THOROUGH
@pytest.mark.parametrize("what", BENIGN)
def test_what_is_benign_is_never_more_than_weak(what: str, thorough: bool, tmp_path: Path) -> None:
    report = swept(tmp_path, BENIGN[what], thorough=thorough)
    told = [(one.strength.value, one.title, one.reasons) for one in report.findings]
    assert [one for one in told if one[0] in ("strong", "confirmed")] == []


@THOROUGH
def test_all_that_is_benign_in_one_archive_is_never_more_than_weak(
    thorough: bool, tmp_path: Path
) -> None:
    members = {
        path[3:].replace("\\", "/"): data
        for files in BENIGN.values()
        for path, data in files.items()
    }
    report = swept(tmp_path, {rf"{DESK}\all.zip": archive(members)}, thorough=thorough)
    told = [(one.strength.value, one.title, one.reasons) for one in report.findings]
    assert [one for one in told if one[0] in ("strong", "confirmed")] == []


# ---- Malicious: what runs -----------------------------------------------------------------------

RUNDLL32 = r"C:\Windows\System32\rundll32.exe"
TRAITS = Pe(machine="amd64", dll=True, exports=["PointFunctionCall"])
DLL = rf"{LOCAL}\cyzfc.dat"
CALL = "PointFunctionCall"


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-16-le")).decode()


def running(
    line: str,
    module: str = DLL,
    *,
    pid: int = 4312,
    image: str = RUNDLL32,
    by: int = 4120,
    gone: bool = False,
) -> tuple[ProcessInfo, dict[str, object]]:
    """A process with a module, and what the system answers about it."""
    name = image.rpartition("\\")[2]
    process = ProcessInfo(
        pid=pid, ppid=by, name=name, executable=image, command_line=line, user="CORP\\jo",
        start=START + timedelta(minutes=pid),
    )  # fmt: skip
    answers: dict[str, object] = {
        f"modules {pid}": [module],
        f"closed {module}": "",
        f"size {module}": Vanished() if gone else DLL_SIZE,
        f"pe {module}": TRAITS,
        f"original {image}": "RUNDLL32.EXE.MUI",
        f"closed {image}": "",
    }
    return process, answers


def live(*made: tuple[ProcessInfo, dict[str, object]], thorough: bool) -> Report:
    answers = {key: answer for _, own in made for key, answer in own.items()}
    processes = (SHELL, *(process for process, _ in made))
    system = FakeSystem({"processes": processes, **answers})
    target = RunningWindows(Own(), system=system, installed=installed)
    return reported(target, ProcessesSource(), ModulesSource(), thorough=thorough)


SHELL = ProcessInfo(
    pid=4120, name="powershell.exe", executable=r"C:\Windows\ps\powershell.exe", start=START
)
LIVE = {
    "plain": running(f"rundll32.exe {DLL},{CALL}"),
    "quotes": running(f'"{RUNDLL32}" "{DLL}",{CALL}'),
    "no comma": running(f"rundll32.exe {DLL} {CALL}"),
    "ordinal": running(f"rundll32.exe {DLL},#1"),
    "upper case": running(f"RUNDLL32.EXE {DLL.upper()},{CALL.upper()}", DLL.upper()),
    "slashes": running(f"rundll32 {DLL.replace(chr(92), '/')},{CALL}"),
    "variable": running(f"rundll32 %LOCALAPPDATA%\\cyzfc.dat,{CALL}"),
    "UNC": running(f"rundll32 \\\\srv\\s\\cyzfc.dat,{CALL}", r"\\srv\s\cyzfc.dat"),
    "long path": running(f"rundll32 \\\\?\\{DLL},{CALL}", f"\\\\?\\{DLL}"),
    "8.3": running(f"rundll32 C:\\Users\\JOHNDO~1\\AppData\\Local\\cyzfc.dat,{CALL}"),
    "comma in the path": running(f'rundll32 "C:\\a,b\\cyzfc.dat",{CALL}', r"C:\a,b\cyzfc.dat"),
    "space in the path": running(f'rundll32 "C:\\a b\\cyzfc.dat",{CALL}', r"C:\a b\cyzfc.dat"),
    "Cyrillic user": running(f"rundll32 C:\\Users\\Ваня\\cyzfc.dat,{CALL}", r"C:\Users\Ваня\cyzfc.dat"),
    "Chinese user": running(f"rundll32 C:\\Users\\小明\\cyzfc.dat,{CALL}", r"C:\Users\小明\cyzfc.dat"),
    "SysWOW64": running(f"rundll32 {DLL},{CALL}", image=r"C:\Windows\SysWOW64\rundll32.exe"),
    "DLL renamed": running(f"rundll32 C:\\x\\a.jpg,{CALL}", r"C:\x\a.jpg"),
    "rundll32 renamed": running(f"svch.exe {DLL},{CALL}", image=r"C:\x\svch.exe"),
    "DLL gone": running(f"rundll32 {DLL},{CALL}", gone=True),
    "carets": running(f"rundll32 c^y^z^f^c.d^a^t,{CALL}"),
}  # fmt: skip


@THOROUGH
@pytest.mark.parametrize("what", LIVE)
def test_rundll32_with_the_dll_is_confirmed(what: str, thorough: bool) -> None:
    found = live(LIVE[what], thorough=thorough).findings
    assert [one.strength for one in found] == [Strength.CONFIRMED]


@THOROUGH
def test_rundll32_with_other_files_is_no_trace(thorough: bool) -> None:
    path = r"C:\Program Files\v\other.dat"
    process, answers = running(f"rundll32 {path},Start", path)
    answers[f"pe {path}"] = Pe(machine="amd64", dll=True, exports=["Start"])
    assert live((process, answers), thorough=thorough).findings == []


@THOROUGH
@pytest.mark.parametrize("parent", ["cmd.exe", "powershell.exe", "WmiPrvSE.exe"])
def test_who_started_it_is_told(parent: str, thorough: bool) -> None:
    starter = ProcessInfo(
        pid=77, name=parent, executable=rf"C:\Windows\{parent}", start=START,
        command_line=f"{parent} /c rundll32 {DLL},{CALL}",
    )  # fmt: skip
    made = running(f"rundll32 {DLL},{CALL}", by=77)
    (found,) = live((starter, {}), made, thorough=thorough).findings
    assert found.strength is Strength.CONFIRMED
    assert found.process is not None
    assert (found.process.pid, found.process.parent[0].name) == (4312, parent)


@THOROUGH
def test_four_at_once_are_four(thorough: bool) -> None:
    four = [running(f"rundll32 {DLL},{CALL}", pid=pid) for pid in (4312, 4313, 4314, 4315)]
    found = live(*four, thorough=thorough).findings
    assert [one.strength for one in found] == [Strength.CONFIRMED] * 4
    assert sorted(one.process.pid or 0 for one in found if one.process) == [4312, 4313, 4314, 4315]


STAGE_0_LINES = {
    "spelled out": STAGE_0.replace("-noni -ep", "-NonInteractive -ExecutionPolicy"),
    "carets": "".join(f"^{c}" if c.isalnum() else c for c in STAGE_0),
    "quotes": STAGE_0.replace("JHB0Z3Q9", 'JH"B0"Z3""Q9'),
    "base64": f"-NoP -e {in_base64(STAGE_0)}",
}


@THOROUGH
@pytest.mark.parametrize("how", STAGE_0_LINES)
def test_stage_0_as_it_runs_is_strong(how: str, thorough: bool) -> None:
    line = f"powershell.exe {STAGE_0_LINES[how]}"
    process = ProcessInfo(pid=9, name="powershell.exe", command_line=line, start=START)
    (found,) = live((process, {}), thorough=thorough).findings
    assert found.strength is Strength.STRONG


# ---- Malicious: what lies on the disk -----------------------------------------------------------

CONFIRMED: dict[str, Files] = {
    "in its place": {DLL: dll()},
    "roaming": {rf"{JO}\AppData\Roaming\cyzfc.dat": dll()},
    "Temp": {rf"{LOCAL}\Temp\cyzfc.dat": dll()},
    "Windows.old": {r"C:\Windows.old\Users\jo\AppData\Local\cyzfc.dat": dll()},
    "the system's profile": {
        r"C:\Windows\System32\config\systemprofile\AppData\Local\cyzfc.dat": dll()
    },
    "a long path": {"C:\\" + "\\".join(["d" * 50] * 8) + "\\cyzfc.dat": dll()},
    "an alternate stream": {rf"{DESK}\a.txt": b"x", rf"{DESK}\a.txt:cyzfc.dat": dll()},
    "a ZIP whose end is gone": {rf"{DOWNLOADS}\a.zip": archive({"cyzfc.dat": dll()})[:-30]},
    "in a ZIP": {rf"{DOWNLOADS}\a.zip": archive({"cyzfc.dat": dll()})},
    "in a ZIP in a ZIP": {rf"{DOWNLOADS}\a.zip": archive({"b.zip": archive({"cyzfc.dat": dll()})})},
    "in a numbered ZIP": {rf"{DOWNLOADS}\ds7002 (1).zip": archive({"ds7002.lnk": campaign_link()})},
    "the shortcut": {rf"{DOWNLOADS}\ds7002.lnk": campaign_link()},
    "the shortcut renamed": {rf"{DOWNLOADS}\report.lnk": campaign_link()},
}


@THOROUGH
@pytest.mark.parametrize("what", CONFIRMED)
def test_the_campaigns_own_file_is_confirmed(what: str, thorough: bool, tmp_path: Path) -> None:
    report = swept(tmp_path, CONFIRMED[what], thorough=thorough)
    assert strongest(report) is Strength.CONFIRMED


LAST_PART = shell_link()
ZIP = archive({"ds7002.lnk": campaign_link()})
ORDINARY_ZIP = archive({"a.txt": b"harmless"})
SCRIPT = f"powershell.exe {STAGE_0}\r\n".encode()
STRONG = [
    pytest.param({rf"{DOWNLOADS}\Unconfirmed 4711.crdownload": ZIP}, id="ZIP not downloaded whole"),
    pytest.param({rf"{DOWNLOADS}\a.dat": ZIP}, id="ZIP as dat"),
    pytest.param({rf"{DOWNLOADS}\a.docx": ZIP}, id="ZIP as docx"),
    pytest.param({rf"{DOWNLOADS}\report.lnk": LAST_PART}, id="shortcut by its maker"),
    pytest.param(
        {rf"{DOWNLOADS}\any.zip": ORDINARY_ZIP, rf"{DOWNLOADS}\any.zip:Zone.Identifier": ZONE},
        id="ZIP from the link",
    ),
    pytest.param(
        {rf"{DOWNLOADS}\ds7002.zip": ORDINARY_ZIP, rf"{DOWNLOADS}\ds7002.zip:Zone.Identifier": ZONE},
        id="ZIP of the name from the link",
    ),
    pytest.param({rf"{DESK}\a.ps1": SCRIPT}, id="stage 0 in ps1"),
    pytest.param({rf"{DESK}\a.ps1": wide(SCRIPT.decode())}, id="stage 0 in ps1 of UTF-16"),
    pytest.param({rf"{DESK}\a.bat": SCRIPT}, id="stage 0 in bat"),
    pytest.param(
        {rf"{DESK}\a.bat": f"powershell -enc {in_base64(STAGE_0)}\r\n".encode()}, id="stage 0 in base64"
    ),
    pytest.param({rf"{DOWNLOADS}\a.jpg": dll(size=9216)}, id="export, other name and size"),
    pytest.param({rf"{DOWNLOADS}\a.jpg": dll()}, id="export, other name"),
]  # fmt: skip


@THOROUGH
@pytest.mark.parametrize("files", STRONG)
def test_what_is_the_campaigns_is_strong(files: Files, thorough: bool, tmp_path: Path) -> None:
    found = strongest(swept(tmp_path, files, thorough=thorough))
    assert found is not None
    assert found.rank >= Strength.STRONG.rank


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({rf"{DESK}\a.js": SCRIPT}, id="stage 0 in js"),
        pytest.param(
            {rf"{DESK}\x.bin": bytes(b ^ 0x5C for b in dll(size=9216))}, id="DLL XOR 0x5C"
        ),
        pytest.param({r"C:\x\a.jpg": dll(size=9216)}, id="export anywhere"),
    ],
)
def test_what_only_thorough_reads_is_strong_then(files: Files, tmp_path: Path) -> None:
    assert strongest(swept(tmp_path, files, thorough=True)) is Strength.STRONG


# ---- Disguised: what looks like the defender's hunt and is none ----------------------------------

DISGUISED: dict[str, Files] = {
    "a hunting script that runs it": {rf"{DESK}\hunt.ps1": f"{HUNT}iex {LITERAL}\r\n".encode()},
    "a hunting script that carries it": {rf"{DESK}\hunt.ps1": f"{HUNT}{STAGE_0}\r\n".encode()},
    "a hunting script that hides what it does": {
        rf"{DESK}\hunt.ps1": f"{HUNT}powers^hell -e {in_base64(STAGE_0)}\r\n".encode()
    },
    "a page that runs it": {
        rf"{DESK}\blog.html": f"{BLOG}<script language=vbscript>CreateObject(...)</script>".encode()
    },
    "a page under a name that runs": {rf"{DESK}\blog.hta": BLOG.encode()},
    "notes under a name that runs": {rf"{DESK}\notes.ps1": f"{NOTES}{STAGE_0}\r\n".encode()},
    "a text that is stage 0 itself": {rf"{DESK}\a.txt": STAGE_0.encode()},
    "a program in Python": {
        rf"{DESK}\a.py": f"import subprocess\nsubprocess.run({STAGE_0!r})\n".encode()
    },
}


@pytest.mark.parametrize("what", DISGUISED)
def test_what_is_disguised_as_a_hunt_stays_strong(what: str, tmp_path: Path) -> None:
    assert strongest(swept(tmp_path, DISGUISED[what], thorough=True)) is Strength.STRONG


def test_a_text_that_only_names_two_things_of_the_campaign_is_weak(tmp_path: Path) -> None:
    text = f"see {LINK} and ds7002.zip; pandorasong.com, 95.216.59.92\r\n".encode()
    report = swept(tmp_path, {rf"{DESK}\note.ps1": text}, thorough=True)
    assert [one.strength for one in report.findings] == [Strength.WEAK]


@pytest.mark.parametrize("name", ["any.zip", "holiday.jpg"])
def test_the_campaigns_link_is_the_origin_of_a_file_whatever_it_is_called(
    name: str, tmp_path: Path
) -> None:
    files = {
        rf"{DOWNLOADS}\{name}": b"PK\x05\x06" + bytes(18),
        rf"{DOWNLOADS}\{name}:Zone.Identifier": ZONE,
    }
    report = swept(tmp_path, files, thorough=True)
    (found,) = [one for one in report.findings if one.strength is Strength.STRONG]
    assert "a file that came from the campaign's link" in found.reasons
    assert found.file is not None
    assert found.file.path == rf"{DOWNLOADS}\{name}"
