"""Benign situations are never more than weak, malicious ones are found at their strength."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agent.matching.own_traces import Own
from agent.model.objects import Pe
from agent.model.report import Finding, Report, Strength
from agent.sources import Source
from agent.sources.artefact_source import ArtefactSource
from agent.sources.execution.prefetch import PrefetchArtefact
from agent.sources.files.source import FilesSource
from agent.sources.logs.console_history import ConsoleHistory
from agent.sources.logs.event_logs import EventLogs
from agent.sources.network.hosts_file import HostsFile
from agent.sources.registry.hives import Hives
from agent.sources.running.modules import ModulesSource
from agent.sources.running.processes import ProcessesSource
from agent.targets.live.system import ProcessInfo, Vanished
from agent.targets.offline.image import ImageTarget
from tests.evidence.files import DLL_SIZE, STAGE_0, archive, dll
from tests.evidence.hosts import START, FakeSystem, installed
from tests.evidence.images import (
    CLUSTER,
    file_name,
    folders,
    image,
    non_resident,
    record,
    resident,
    run,
    standard,
)
from tests.evidence.logged_events import audited_process
from tests.evidence.logs import WHEN, LoggedEvent, event_log
from tests.evidence.situations import (
    BENIGN,
    BLOG,
    CONFIRMED,
    DELETED,
    DESK,
    DLL,
    DOWNLOADS,
    HUNT,
    LINK,
    LITERAL,
    NOTES,
    STRONG,
    THOROUGH_ONLY,
    ZONE,
    Files,
    in_base64,
)
from tests.evidence.sweeping import reported
from tests.evidence.windows_folder import FORMS, RunningWindows, windows

THOROUGH = pytest.mark.parametrize("thorough", [False, True], ids=["default", "thorough"])


def at_rest() -> list[Source]:
    artefacts = (EventLogs(), PrefetchArtefact(), Hives(), ConsoleHistory(), HostsFile())
    return [FilesSource(), *(ArtefactSource(one) for one in artefacts)]


def swept(place: Path, files: Files, *, thorough: bool, form: str = "image") -> Report:
    place.mkdir(exist_ok=True)
    return reported(FORMS[form](place / "c", windows(files)), *at_rest(), thorough=thorough)


def strongest(report: Report | Iterable[Finding]) -> Strength | None:
    found = report.findings if isinstance(report, Report) else list(report)
    return max((one.strength for one in found), key=lambda one: one.rank, default=None)


# ---- Benign -------------------------------------------------------------------------------------


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
CHILD_START = START + timedelta(minutes=4312)
SECOND = timedelta(seconds=1)
TRAITS = Pe(machine="amd64", dll=True, exports=["PointFunctionCall"])
CALL = "PointFunctionCall"


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
@pytest.mark.parametrize("spelled", [DLL, r"%LOCALAPPDATA%\cyzfc.dat"])
@pytest.mark.parametrize("parent", ["cmd.exe", "powershell.exe", "WmiPrvSE.exe"])
def test_who_started_it_is_told(parent: str, spelled: str, thorough: bool) -> None:
    starter = ProcessInfo(
        pid=77, name=parent, executable=rf"C:\Windows\{parent}", start=CHILD_START - SECOND,
        command_line=f"{parent} /c rundll32 {spelled},{CALL}",
    )  # fmt: skip
    made = running(f"rundll32 {DLL},{CALL}", by=77)
    (found,) = live((starter, {}), made, thorough=thorough).findings
    assert found.strength is Strength.CONFIRMED
    assert found.process is not None
    assert (found.process.pid, found.process.parent[0].name) == (4312, parent)


def audited(line: str, image: str, pid: int, by: tuple[int, str], second: int) -> LoggedEvent:
    """As 4688 tells it."""
    event = audited_process(line, image, time=WHEN + second * SECOND)
    told = {"NewProcessId": hex(pid), "ProcessId": hex(by[0]), "ParentProcessName": by[1]}
    return replace(event, data=[(name, told.get(name, value)) for name, value in event.data])


CMD = r"C:\Windows\System32\cmd.exe"
SECURITY_LOG = r"C:\Windows\System32\winevt\Logs\Security.evtx"
SHELL_LINE = rf"cmd /c rundll32 %LOCALAPPDATA%\cyzfc.dat,{CALL}"


@pytest.mark.parametrize(
    ("second", "parent", "findings"),
    [(1, CMD, 1), (1, r"C:\x\other.exe", 2), (7200, CMD, 2), (-1, CMD, 2)],
)
def test_a_shell_and_what_it_started_are_one_finding_unless_its_pid_was_anothers(
    second: int, parent: str, findings: int, tmp_path: Path
) -> None:
    log = event_log(
        [
            audited(SHELL_LINE, CMD, 77, (4, r"C:\Windows\explorer.exe"), 0),
            audited(f"rundll32 {DLL},{CALL}", RUNDLL32, 78, (77, parent), second),
        ]
    )
    found = swept(tmp_path, {SECURITY_LOG: log}, thorough=False).findings
    strong = [one for one in found if one.strength is Strength.STRONG]
    assert len(strong) == findings
    shown = {one.process.pid: one.process.name for one in strong if one.process is not None}
    assert shown[78] == "rundll32.exe"


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


@THOROUGH
@pytest.mark.parametrize("what", CONFIRMED)
def test_the_campaigns_own_file_is_confirmed(what: str, thorough: bool, tmp_path: Path) -> None:
    report = swept(tmp_path, CONFIRMED[what], thorough=thorough)
    assert strongest(report) is Strength.CONFIRMED


@THOROUGH
@pytest.mark.parametrize("what", STRONG)
def test_what_is_the_campaigns_is_strong(what: str, thorough: bool, tmp_path: Path) -> None:
    found = strongest(swept(tmp_path, STRONG[what], thorough=thorough))
    assert found is not None
    assert found.rank >= Strength.STRONG.rank


@THOROUGH
@pytest.mark.parametrize(("name", "strength"), DELETED)
def test_a_deleted_file_whose_bytes_are_left_is_found(
    name: str, strength: Strength, thorough: bool, tmp_path: Path
) -> None:
    place, length = 100, DLL_SIZE // CLUSTER + 1
    deleted = record(
        standard(),
        file_name(name, 43, 5),
        non_resident(0x80, DLL_SIZE, run(length, place), last=length - 1),
        flags=0,
    )
    free = record(standard(), file_name("$Bitmap"), resident(0x80, bytes(32)))
    records = {6: free, **folders("Users", "jo", "AppData", "Local"), 50: deleted}
    path = tmp_path / "disk.img"
    path.write_bytes(image(records, contents={place: dll()}))
    report = reported(ImageTarget(str(path), own=Own()), *at_rest(), thorough=thorough)
    (found,) = report.findings
    assert found.strength is strength
    (found,) = report.findings
    assert found.strength is strength
    assert any(reason.startswith("deleted") for reason in found.reasons)


@pytest.mark.parametrize("what", THOROUGH_ONLY)
def test_what_only_thorough_reads_is_strong_then(what: str, tmp_path: Path) -> None:
    assert strongest(swept(tmp_path, THOROUGH_ONLY[what], thorough=True)) is Strength.STRONG


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
    "another program under a search tool's name, audited": {
        SECURITY_LOG: event_log(
            [audited_process(f"findstr {DLL}, {CALL}", rf"{DOWNLOADS}\findstr.exe")]
        )
    },
    "a log of an antivirus that is a script": {
        r"C:\ProgramData\Malwarebytes\logs\mbam.ps1": f"# blocked\r\n{STAGE_0}\r\n".encode()
    },
    "stage 0 in a folder of an antivirus": {
        r"C:\ProgramData\Malwarebytes\logs\mbam.log": f"powershell {STAGE_0}\r\n".encode()
    },
    "stage 0 in a folder called quarantine": {
        rf"{DESK}\Quarantine\4711.info": f"original=a\r\npowershell {STAGE_0}\r\n".encode()
    },
    "stage 0 in a browser's cache": {
        rf"{DLL[:-10]}\Google\Chrome\User Data\Default\Cache\Cache_Data\f_1a": STAGE_0.encode()
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
