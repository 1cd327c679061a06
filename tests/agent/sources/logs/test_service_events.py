r"""What Sysmon's other events, and Windows' services and guards, say: tasks, downloads, the firewall,
Defender, errors. The field names are those of real logs or, for Security, AppLocker and Sysmon 8,
of their documents."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.formats.evtx import records_of
from agent.matching.own_traces import Own
from agent.model.objects import Dll, File, Process, Registry, Service, Task, User
from agent.model.observation import Claim, MomentOf, moments
from agent.model.report import Strength
from agent.sources.artefact_source import ArtefactSource
from agent.sources.logs.event_logs import EventLogs
from agent.sources.logs.events import told_by
from agent.sources.logs.told import Told
from agent.targets.offline.folder import FolderTarget
from tests.evidence.logged_events import CALL, CYZFC, GUID, RUNDLL32, USER
from tests.evidence.logs import (
    CLASSIC_POWERSHELL,
    JO,
    POWERSHELL,
    SECURITY,
    SYSMON,
    WHEN,
    LoggedEvent,
    event_chunks,
    event_log,
)
from tests.evidence.sweeping import swept
from tests.evidence.windows_folder import as_folder, windows

BITS = ("Microsoft-Windows-Bits-Client", "Microsoft-Windows-Bits-Client/Operational")
TASKS = ("Microsoft-Windows-TaskScheduler", "Microsoft-Windows-TaskScheduler/Operational")
DEFENDER = ("Microsoft-Windows-Windows Defender", "Microsoft-Windows-Windows Defender/Operational")
CODE = ("Microsoft-Windows-CodeIntegrity", "Microsoft-Windows-CodeIntegrity/Operational")
APPLOCKER = ("Microsoft-Windows-AppLocker", "Microsoft-Windows-AppLocker/EXE and DLL")
WER = ("Windows Error Reporting", "Application")
APPLICATION_ERROR = ("Application Error", "Application")
LSASS = r"C:\Windows\System32\lsass.exe"
LINK = "https://files.example/ds7002.zip"
ZIP = r"C:\Users\jo\Downloads\ds7002.zip"
SYSTEM_TIME = f"{WHEN:%Y-%m-%d %H:%M:%S}.{WHEN.microsecond // 1000:03d}"


def told(source: tuple[str, str], number: int, *data: tuple[str, str | int]) -> Told:
    (chunk,) = event_chunks([LoggedEvent(source=source, id=number, data=data)])
    (record,) = records_of(chunk)
    found = told_by(record)
    assert found is not None
    assert found.event is not None
    assert found.event.id == number
    return found


def test_a_process_that_ended_had_run() -> None:
    found = told(
        SYSMON, 5, ("UtcTime", SYSTEM_TIME), ("ProcessGuid", GUID), ("ProcessId", 4312),
        ("Image", RUNDLL32), ("User", USER),
    )  # fmt: skip
    assert found.claim is Claim.RAN
    assert found.process == Process(
        pid=4312, entity_id=GUID, name="rundll32.exe", executable=RUNDLL32, user=User(name=USER)
    )
    assert found.remarks == ("it ended",)


BETWEEN = (
    ("SourceProcessGuid", GUID), ("SourceProcessId", 4312), ("SourceImage", RUNDLL32),
    ("TargetProcessGuid", "{00000000-0000-0000-0000-000000000000}"), ("TargetProcessId", 644),
    ("TargetImage", LSASS),
)  # fmt: skip


def test_a_thread_in_another_process_says_who_and_where() -> None:
    found = told(SYSMON, 8, *BETWEEN, ("StartModule", "-"))
    assert found.claim is Claim.LOGGED
    assert found.process is not None
    assert (found.process.pid, found.process.entity_id) == (4312, GUID)
    assert found.remarks == (f"a thread was started in {LSASS} (pid 644)",)


def test_a_thread_that_begins_in_a_module_says_who_has_it_loaded() -> None:
    found = told(SYSMON, 8, *BETWEEN, ("StartModule", CYZFC))
    assert found.claim is Claim.LOADED
    assert found.dll == Dll(path=CYZFC, name="cyzfc.dat")
    assert found.process == Process(pid=644, name="lsass.exe", executable=LSASS)
    assert found.remarks == (f"a thread was started in it by {RUNDLL32} (pid 4312)",)


OF_WINDOWS = r"C:\Windows\SYSTEM32\ntdll.dll+a5874|C:\Windows\System32\KERNELBASE.dll+61ff4"


@pytest.mark.parametrize(
    ("trace", "module"),
    [
        (OF_WINDOWS, None),
        (f"{OF_WINDOWS}|{CYZFC}+12a4|C:\\x\\other.dll+1", CYZFC),
        (f"{OF_WINDOWS}|UNKNOWN(00000000035D0042)|{CYZFC}+12a4", CYZFC),
        ("", None),
    ],
)
def test_a_process_that_opened_another_says_by_code_of_which_module(
    trace: str, module: str | None
) -> None:
    found = told(SYSMON, 10, *BETWEEN, ("GrantedAccess", "0x1410"), ("CallTrace", trace))
    assert found.process is not None
    assert found.process.pid == 4312
    assert (found.dll.path if found.dll else None) == module
    assert found.claim is (Claim.LOADED if module else Claim.LOGGED)
    assert found.remarks == (f"opened {LSASS} (pid 644) with 0x1410",)


@pytest.mark.parametrize("direction", ["%%14593", "%%14592"])
def test_the_firewall_tells_the_far_end_whoever_began(direction: str) -> None:
    found = told(
        SECURITY, 5156, ("ProcessID", 4312),
        ("Application", r"\device\harddiskvolume2\windows\system32\rundll32.exe"),
        ("Direction", direction), ("SourceAddress", "10.0.0.10"), ("SourcePort", 49278),
        ("DestAddress", "95.216.59.92"), ("DestPort", 443), ("Protocol", 6),
    )  # fmt: skip
    assert found.claim is Claim.CONNECTED
    assert found.destination is not None
    assert (found.destination.ip, found.destination.port) == ("95.216.59.92", 443)
    assert found.destination.local == "10.0.0.10:49278"
    assert found.process is not None
    assert (found.process.pid, found.process.name) == (4312, "rundll32.exe")
    assert found.remarks == (("inbound",) if direction == "%%14592" else ())


def test_an_object_that_was_accessed_is_a_file_a_key_or_neither() -> None:
    who = (("SubjectUserSid", JO), ("SubjectUserName", "jo"), ("SubjectDomainName", "CORP"),
           ("ProcessId", "0x10d8"), ("ProcessName", RUNDLL32))  # fmt: skip
    file = told(SECURITY, 4663, *who, ("ObjectType", "File"), ("ObjectName", CYZFC))
    assert file.claim is Claim.WAS_THERE
    assert file.file == File(path=CYZFC, name="cyzfc.dat")
    assert file.moments == moments(accessed=WHEN)
    assert file.process is not None
    assert file.process.user == User(name=USER, id=JO)
    run = r"\REGISTRY\MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Run"
    key = told(SECURITY, 4663, *who, ("ObjectType", "Key"), ("ObjectName", run))
    assert key.registry == Registry(path=run)
    assert told(SECURITY, 4663, *who, ("ObjectType", "SAM_USER")).claim is Claim.LOGGED


def test_a_task_that_was_created_has_its_command() -> None:
    xml = (
        "<Task><Actions><Exec><Command>rundll32.exe</Command><Arguments>&quot;"
        f"{CYZFC}&quot; &amp; x</Arguments></Exec></Actions></Task>"
    )
    found = told(
        SECURITY, 4698, ("SubjectUserName", "jo"), ("SubjectDomainName", "CORP"),
        ("TaskName", r"\Update"), ("TaskContent", xml),
    )  # fmt: skip
    assert found.task == Task(name=r"\Update", command=f'rundll32.exe "{CYZFC}" & x')
    assert found.user == User(name=USER)


def test_the_task_scheduler_tells_who_registered_and_what_was_started() -> None:
    registered = told(TASKS, 106, ("TaskName", r"\Update"), ("UserContext", USER))
    assert (registered.task, registered.user) == (Task(name=r"\Update"), User(name=USER))
    started = told(TASKS, 129, ("TaskName", r"\Update"), ("Path", RUNDLL32), ("ProcessID", 4312))
    assert started.claim is Claim.RAN
    assert started.process == Process(
        pid=4312, name="rundll32.exe", executable=RUNDLL32, start=WHEN
    )
    action = told(TASKS, 200, ("TaskName", r"\Update"), ("ActionName", RUNDLL32))
    assert action.claim is Claim.RAN
    handler = told(TASKS, 200, ("TaskName", r"\TPM"), ("ActionName", "TPM Maintenance Handler"))
    assert (handler.claim, handler.process) == (Claim.LOGGED, None)


def test_a_service_that_was_installed_is_told_by_its_command() -> None:
    found = told(
        ("Service Control Manager", "System"), 7045, ("ServiceName", "upd"), ("ImagePath", CALL)
    )
    assert found.service == Service(name="upd", executable=CALL)


def transfer(number: int, result: int | None) -> Told:
    end = () if result is None else (("hr", str(result)),)
    return told(BITS, number, ("name", ZIP), ("url", LINK), *end)


def test_a_download_in_the_background_is_one_when_it_ended_well() -> None:
    begun, done = transfer(59, None), transfer(60, 262152)
    assert (begun.claim, begun.file) == (Claim.VISITED, None)
    assert done.claim is Claim.DOWNLOADED
    assert done.file == File(path=ZIP, name="ds7002.zip", zone_url=[LINK])
    assert [one.of for one in done.moments] == [MomentOf.DOWNLOADED]
    for failed in (transfer(61, 2149580817), transfer(60, 0x80190194)):
        assert failed.claim is Claim.VISITED
        assert failed.file is None
        assert failed.remarks[0].startswith("it failed: 21")


def test_a_job_says_who_ordered_it() -> None:
    found = told(
        BITS, 3, ("jobTitle", ZIP), ("jobOwner", USER), ("processPath", RUNDLL32),
        ("processId", 4312),
    )  # fmt: skip
    assert found.user == User(name=USER)
    assert found.process == Process(pid=4312, name="rundll32.exe", executable=RUNDLL32)


@pytest.mark.parametrize(
    ("path", "file"),
    [
        (f"file:_{CYZFC}", File(path=CYZFC, name="cyzfc.dat")),
        (
            f"containerfile:_{ZIP}; file:_{ZIP}->(ds7002.lnk)",
            File(path="ds7002.lnk", name="ds7002.lnk", member_of=ZIP),
        ),
        (f"containerfile:_{ZIP}", File(path=ZIP, name="ds7002.zip")),
        (
            f"webfile:_{ZIP}|{LINK}|pid:4012,ProcessStart:131",
            File(path=ZIP, name="ds7002.zip"),
        ),
        ("behavior:_pid:4012:1", None),
    ],
)
def test_defender_tells_what_it_met_and_where(path: str, file: File | None) -> None:
    found = told(
        DEFENDER, 1116, ("Threat Name", "Trojan:Win32/X"), ("Process Name", "Unknown"),
        ("Detection User", USER), ("Path", path), ("Action Name", "Quarantine"),
    )  # fmt: skip
    assert found.file == file
    assert found.process is None
    assert found.user == User(name=USER)
    assert found.remarks == ("Defender calls it Trojan:Win32/X, action: Quarantine",)


def test_a_defenders_record_alone_is_no_hit(tmp_path: Path) -> None:
    """It may be a download that it stopped."""
    event = LoggedEvent(source=DEFENDER, id=1117, data=[("Path", f"file:_{CYZFC}")])
    path = rf"C:\Windows\System32\winevt\Logs\{DEFENDER[1].replace('/', '%4')}.evtx"
    folder = as_folder(tmp_path / "c", windows({path: event_log([event])}))
    sweep = swept(FolderTarget(str(folder), own=Own()), ArtefactSource(EventLogs()))

    assert {match.strength for match in sweep.matches()} == {Strength.WEAK}


def test_a_changed_setting_of_defender_is_told() -> None:
    key = r"HKLM\SOFTWARE\Microsoft\Windows Defender\Exclusions\Paths\C:\Users"
    found = told(DEFENDER, 5007, ("Old Value", ""), ("New Value", f"{key} = 0x0"))
    assert found.registry == Registry(path=key, data="0x0")


def test_a_file_that_code_integrity_refused_was_there() -> None:
    path = r"\Device\HarddiskVolume2\Users\jo\AppData\Local\cyzfc.dat"
    found = told(CODE, 3033, ("FileNameBuffer", path), ("ProcessNameBuffer", RUNDLL32))
    assert found.claim is Claim.WAS_THERE
    assert found.file == File(path=path, name="cyzfc.dat")


def test_applocker_tells_the_file_its_rule_was_about() -> None:
    found = told(
        APPLOCKER, 8004, ("FilePath", r"%OSDRIVE%\USERS\JO\CYZFC.DAT"), ("FullFilePath", CYZFC),
        ("FileHash", "A" * 64), ("TargetUser", JO),
    )  # fmt: skip
    assert found.file == File(path=CYZFC, name="cyzfc.dat")
    assert found.user == User(id=JO)
    assert found.remarks == ("stopped by AppLocker", f"Authenticode SHA-256 {'a' * 64}")


def report(kind: str, module: str) -> Told:
    values = ["1", "5", kind, "Not available", "0", "rundll32.exe", "10.0", "5b", module, "0.0"]
    return told(WER, 1001, *[("", value) for value in values])


def test_a_program_that_failed_in_a_module_had_it_loaded() -> None:
    crash = report("APPCRASH", "cyzfc.dat")
    assert crash.claim is Claim.LOADED
    assert crash.dll == Dll(path="cyzfc.dat", name="cyzfc.dat")
    assert crash.process == Process(name="rundll32.exe", executable="rundll32.exe")
    assert report("APPCRASH", "rundll32.exe").dll is None
    driver = report("PnPGenericDriverFound", "cyzfc.dat")
    assert (driver.claim, driver.process, driver.dll) == (Claim.LOGGED, None, None)

    values = ["rundll32.exe", "10.0", "5b", "cyzfc.dat", "0.0", "5b", "c0000005", "42", "10d8",
              "01d47c", RUNDLL32, CYZFC]  # fmt: skip
    error = told(APPLICATION_ERROR, 1000, *[("", value) for value in values])
    assert error.process is not None
    assert (error.process.executable, error.dll) == (RUNDLL32, Dll(path=CYZFC, name="cyzfc.dat"))


def test_powershells_pipeline_and_errors_have_the_line_of_their_host() -> None:
    context = f"Severity = Warning\r\n        Host Application = {CALL}\r\n  Engine Version = 5.1"
    error = told(POWERSHELL, 4100, ("ContextInfo", context))
    assert error.claim is Claim.RAN
    assert error.seen == "PowerShell event 4100"
    details = f"\tHostName=ConsoleHost\n\tHostApplication={CALL}\n\tEngineVersion=5.1\n"
    pipeline = told(CLASSIC_POWERSHELL, 800, ("", "Add-Type x"), ("", details), ("", ""))
    for found in (error, pipeline):
        assert found.process is not None
        assert found.process.command_line == CALL
