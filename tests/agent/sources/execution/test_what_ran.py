"""What Windows' own files remember of programs: tasks, logons, the Compatibility Assistant, errors,
WMI.
"""

from __future__ import annotations

import struct
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from agent.indicators import FileName
from agent.model.observation import Claim, Moment, MomentOf, Observation, moments
from agent.model.report import Reach, State, Strength
from agent.sources.artefact import Artefact
from agent.sources.artefact_source import ArtefactSource
from agent.sources.execution.compatibility_assistant import CompatibilityAssistant
from agent.sources.execution.error_reports import ErrorReports
from agent.sources.execution.scheduled_tasks import ScheduledTasks
from agent.sources.execution.srum import Srum
from agent.sources.execution.startup_info import StartupInfo
from agent.sources.execution.wmi_repository import WmiRepository
from tests.evidence.ese_files import (
    LONG,
    LONG_BINARY,
    LONG_LONG,
    Made,
    Packed,
    ese_file,
    seven_bits,
)
from tests.evidence.execution import (
    OBJECTS,
    PCA,
    STARTUP,
    TASKS,
    WER,
    consumer,
    error_report,
    recent_files,
    srum,
    startup_info,
    task,
    wide,
)
from tests.evidence.packs import matcher_of
from tests.evidence.samples import sample
from tests.evidence.sweeping import Swept, reported, swept
from tests.evidence.windows_folder import FORMS, as_folder, windows

DAT = r"C:\Users\jo\AppData\Local\cyzfc.dat"
CALL = f"{DAT}, PointFunctionCall"
ON_DEVICE = r"\Device\HarddiskVolume3\Users\jo\AppData\Local\cyzfc.dat"
SID = struct.pack("<BB6s4I", 1, 3, b"\0\0\0\0\0\5", 21, 7, 1001, 0)[:-4]
MIDDAY = datetime(2018, 11, 14, 12, tzinfo=timezone.utc)
RAN = datetime(2018, 11, 14, 18, 4, 2, 123456, tzinfo=timezone.utc)
NOON = datetime(2018, 11, 14, 12, 0, 2, tzinfo=timezone.utc)
LAUNCHED = f"C:\\a.exe|2022-12-24 05:29:08.123\r\n{DAT}|2018-11-14 12:00:02.000\r\n".encode()
GENERAL = wide(
    "2018-11-14 12:00:02.000|2|C:\\a.exe|x|y|1|0006|0x0\r\n"
    f"2018-11-14 12:00:02.000|2|{DAT}|x|y|1|0006|Abnormal process exit with code 0x1\r\n"
)
SIGHTINGS: dict[
    str, tuple[type[Artefact], str, bytes, Claim, Strength, str, str, tuple[Moment, ...]]
] = {
    "task": (ScheduledTasks, rf"{TASKS}\Updater", task("rundll32.exe", CALL), Claim.RAN,
             Strength.STRONG, "S-1-5-18", f"rundll32.exe {CALL}", ()),
    "task in a folder": (ScheduledTasks, rf"{TASKS}\a\b\Updater", task(DAT, ""), Claim.RAN,
                         Strength.STRONG, "S-1-5-18", DAT, ()),
    "logon": (StartupInfo, STARTUP, startup_info(r"C:\Windows\rundll32.exe", f"rundll32 {CALL}"),
              Claim.RAN, Strength.STRONG, "S-1-5-21-7-1001", f"rundll32 {CALL}", moments(ran=RAN)),
    "launch": (CompatibilityAssistant, rf"{PCA}\PcaAppLaunchDic.txt", LAUNCHED, Claim.RAN,
               Strength.STRONG, "", DAT, moments(ran=NOON)),
    "unusual end": (CompatibilityAssistant, rf"{PCA}\PcaGeneralDb1.txt", GENERAL, Claim.RAN,
                    Strength.STRONG, "", DAT, moments(ran=NOON)),
    "new file": (CompatibilityAssistant, r"C:\Windows\AppCompat\Programs\RecentFileCache.bcf",
                 recent_files([r"c:\a.exe", DAT]), Claim.WAS_THERE, Strength.STRONG, "", DAT, ()),
    "crash": (ErrorReports, rf"C:\ProgramData\{WER}", error_report(), Claim.RAN,
              Strength.CONFIRMED, "", r"C:\Windows\System32\rundll32.exe", moments(ran=NOON)),
    "module of a user's crash": (ErrorReports, rf"C:\Users\jo\AppData\Local\{WER}",
                                 error_report().replace("9858".encode("utf-16-le"), b"1\0001\0001\0001\0"),
                                 Claim.LOADED, Strength.STRONG, "jo", DAT, moments(happened=NOON)),
    "SRUM": (Srum, r"C:\Windows\System32\sru\SRUDB.dat", srum(ON_DEVICE, SID, [43418.5, 43419.5]),
             Claim.RAN, Strength.STRONG, "S-1-5-21-7-1001", ON_DEVICE,
             tuple(Moment(time=time, of=MomentOf.RAN) for time in (MIDDAY, MIDDAY + timedelta(1)))),
    "consumer": (WmiRepository, OBJECTS, consumer("x") + consumer(f"rundll32 {CALL}"), Claim.RAN,
                 Strength.STRONG, "", f"rundll32 {CALL}", ()),
}  # fmt: skip


def sweep(
    place: Path, artefact: type[Artefact], path: str, data: bytes, form: str = "folder"
) -> Swept:
    return swept(FORMS[form](place / "c", windows({path: data})), ArtefactSource(artefact()))


def told(seen: Observation) -> tuple[str, str]:
    """Who, and what."""
    user = seen.process.user if seen.process is not None else seen.user
    who = "" if user is None else user.name or user.id
    if seen.file is not None or seen.dll is not None:
        part = seen.file or seen.dll
        return who, part.path if part is not None else ""
    assert seen.process is not None
    return who, seen.process.command_line or seen.process.executable


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", SIGHTINGS)
def test_each_says_what_who_and_when_in_every_form(name: str, form: str, tmp_path: Path) -> None:
    artefact, path, data, claim, strength, who, what, when = SIGHTINGS[name]
    found = sweep(tmp_path, artefact, path, data, form)

    best = max(found.matches(), key=lambda match: match.strength.rank)
    assert (best.strength, best.observation.claim) == (strength, claim)
    assert told(best.observation) == (who, what)
    assert best.observation.moments == when
    assert best.observation.place.path.casefold() == path.casefold()
    assert (found.coverage.state, found.reasons) == (State.COMPLETE, {})


@pytest.mark.parametrize("name", SIGHTINGS)
def test_what_is_cut_or_damaged_is_a_mention_still(name: str, tmp_path: Path) -> None:
    artefact, path, data, *_ = SIGHTINGS[name]
    at = max(data.rfind(b"c\0y\0z\0f\0c\0"), data.rfind(b"cyzfc"))
    size = 18 if data[at + 1 : at + 2] == b"\0" else 9
    cut = data[: at + size]
    shifted = b"\xff" * 7 + bytes(3) + cut
    for number, damaged in enumerate((cut, shifted)):
        found = sweep(tmp_path / str(number), artefact, path, damaged)
        assert "name-cyzfc-dat" in {match.indicator.id for match in found.matches()}


def test_a_real_job_of_before_vista_tells_its_command_and_last_run(tmp_path: Path) -> None:
    job = sample("tasks/wintask.job")
    target = as_folder(tmp_path / "c", windows({r"C:\Windows\Tasks\Google.job": job}))
    wanted = matcher_of(_name("GoogleUpdate.exe"))
    (match,) = swept(target, ArtefactSource(ScheduledTasks()), matcher=wanted).matches()

    seen = match.observation
    assert told(seen)[1] == (
        r"C:\Program Files (x86)\Google\Update\GoogleUpdate.exe /ua /installsource scheduler"
    )
    assert seen.remarks == ("last ran 2013-08-24 12:42:00, local time", "author Brian")


def _name(value: str) -> FileName:
    return FileName(id="n", value=value, strength=Strength.STRONG, reference=["S"], status="SRC")


@pytest.mark.parametrize("hidden", ["cyz&#x66;c.dat", "cyz<!-- -->fc.dat", "cyz<![CDATA[fc]]>.dat"])
def test_a_name_that_xml_hides_is_found(hidden: str, tmp_path: Path) -> None:
    found = sweep(
        tmp_path, ScheduledTasks, rf"{TASKS}\x", task(rf"C:\Users\jo\AppData\Local\{hidden}", "")
    )

    best = max(found.matches(), key=lambda match: match.strength.rank)
    assert (told(best.observation)[1], best.strength) == (DAT, Strength.STRONG)


def test_a_task_with_a_document_type_is_a_gap_and_a_mention(tmp_path: Path) -> None:
    data = wide('<!DOCTYPE x [<!ENTITY a "b">]><Task>cyzfc.dat</Task>')
    found = sweep(tmp_path, ScheduledTasks, rf"{TASKS}\x", data)

    assert {match.observation.claim for match in found.matches()} == {Claim.MENTIONED}
    assert found.reasons == {"scheduled task: XML with a document type": 1}


def test_a_program_of_a_real_database_is_told_with_its_user_and_its_bytes(tmp_path: Path) -> None:
    database = sample("srum/SRUDB-win10-clean.dat.xz")
    target = as_folder(tmp_path / "c", windows({r"C:\Windows\System32\sru\SRUDB.dat": database}))
    wanted = matcher_of(_name("MicrosoftEdgeUpdate.exe"))
    seen = [m.observation for m in swept(target, ArtefactSource(Srum()), matcher=wanted).matches()]

    (of_jo,) = [one for one in seen if told(one)[0].endswith("-505560459-1000")]
    when = datetime(2022, 2, 5, 22, 19, tzinfo=timezone.utc)
    assert of_jo.moments == moments(ran=when)
    assert "sent 247,897 and received 7,163,701 bytes by the network" in of_jo.remarks


def test_what_only_a_log_of_srum_holds_is_a_mention(tmp_path: Path) -> None:
    log = bytes(600) + "cyzfc.dat".encode("utf-16-le") + bytes(100)
    found = sweep(tmp_path, Srum, r"C:\Windows\System32\sru\SRU0001F.log", log)

    assert {match.observation.claim for match in found.matches()} == {Claim.MENTIONED}
    assert found.coverage.state is State.COMPLETE


def test_a_line_that_is_none_hides_no_other(tmp_path: Path) -> None:
    found = sweep(
        tmp_path, CompatibilityAssistant, rf"{PCA}\PcaAppLaunchDic.txt", b"odd\r\n" + LAUNCHED
    )

    assert Strength.STRONG in {match.strength for match in found.matches()}
    reason = "record of the Compatibility Assistant: no line of the Compatibility Assistant"
    assert found.reasons == {reason: 1}


def test_the_process_of_a_logon_has_its_parent(tmp_path: Path) -> None:
    artefact, path, data, *_ = SIGHTINGS["logon"]
    seen = sweep(tmp_path, artefact, path, data).matches()[0].observation

    assert seen.process is not None
    (parent,) = seen.process.parent
    assert (seen.process.pid, parent.pid, parent.name) == (6208, 6016, "explorer.exe")
    assert seen.process.start == RAN


def test_a_script_of_wmi_and_text_beside_consumers_are_mentions(tmp_path: Path) -> None:
    script = consumer("see cyzfc.dat", "ActiveScriptEventConsumer")
    text = bytes(8192) + b"\0see cyzfc.dat\0\0\0\0" + "see pandorasong.com\0".encode("utf-16-le")
    found = sweep(tmp_path, WmiRepository, OBJECTS, script + text)

    mentioned = [(match.observation.seen, match.indicator.id) for match in found.matches()]
    assert mentioned == [
        ("consumer of WMI", "name-cyzfc-dat"),
        ("WMI repository", "name-cyzfc-dat"),
        ("WMI repository", "c2-domain"),
    ]
    assert {match.observation.claim for match in found.matches()} == {Claim.MENTIONED}


def test_the_crashes_of_two_users_are_findings_of_their_own(tmp_path: Path) -> None:
    files = {rf"C:\Users\{user}\AppData\Local\{WER}": error_report() for user in ("jo", "Ann")}
    target = as_folder(tmp_path / "c", windows(files))
    findings = reported(target, ArtefactSource(ErrorReports())).findings

    users = {one.process.user.name for one in findings if one.process and one.process.user}
    assert users == {"jo", "Ann"}
    assert len({finding.id for finding in findings}) == len(findings)


@pytest.mark.parametrize(
    ("name", "oldest", "newest"),
    [
        ("SRUM", MIDDAY, MIDDAY),
        ("launch", NOON, datetime(2022, 12, 24, 5, 29, 8, 123000, tzinfo=timezone.utc)),
        ("unusual end", NOON, NOON),
    ],
)
def test_the_coverage_says_how_far_back_it_reaches(
    name: str, oldest: datetime, newest: datetime, tmp_path: Path
) -> None:
    artefact, path, data, *_ = SIGHTINGS[name]
    quiet = data.replace(b"cyzfc", b"other").replace(
        "cyzfc".encode("utf-16-le"), "other".encode("utf-16-le")
    )
    found = sweep(tmp_path, artefact, path, quiet)

    assert found.seen == []
    (part,) = found.coverage.parts
    assert part.reach is not None
    assert (part.reach.oldest, part.reach.newest) == (oldest, newest)


def test_a_crash_of_which_nothing_is_looked_for_tells_its_time_all_the_same(tmp_path: Path) -> None:
    data = error_report(module="C:\\x.dll").replace("9858".encode("utf-16-le"), b"1\0" * 4)
    found = sweep(tmp_path, ErrorReports, rf"C:\ProgramData\{WER}", data)
    assert found.seen == []
    assert found.coverage.reach == Reach(oldest=NOON, newest=NOON)


def test_the_reach_of_a_real_database_is_told(tmp_path: Path) -> None:
    database = sample("srum/SRUDB-win10-clean.dat.xz")
    found = sweep(tmp_path, Srum, r"C:\Windows\System32\sru\SRUDB.dat", database)
    (part,) = found.coverage.parts
    assert part.reach is not None
    assert part.reach.oldest == datetime(2022, 2, 5, 22, 19, tzinfo=timezone.utc)


def test_a_database_that_cannot_be_read_says_so_and_is_searched(tmp_path: Path) -> None:
    data = bytearray(srum("x", SID, [1.0]))
    data[236:240] = b"\1\0\0\0"
    found = sweep(tmp_path, Srum, r"C:\Windows\System32\sru\SRUDB.dat", bytes(data))

    assert found.coverage.state is State.PARTIAL
    assert found.reasons == {"SRUM database: no page size of an ESE database": 1}
    assert found.notes == {"how far back it reaches is unknown: no page size of an ESE database": 1}


def _packed_srum(value: Packed, page_size: int) -> bytes:
    """A database whose names of programs are compressed."""
    names = Made(
        {"IdType": LONG, "IdIndex": LONG, "IdBlob": LONG_BINARY},
        [
            {"IdType": 0, "IdIndex": 7, "IdBlob": value},
            {"IdType": 3, "IdIndex": 8, "IdBlob": SID},
        ],
    )
    (noon,) = struct.unpack("<q", struct.pack("<d", 43418.5))
    usage = Made(
        {"TimeStamp": LONG_LONG, "AppId": LONG, "UserId": LONG},
        [{"TimeStamp": noon, "AppId": 7, "UserId": 8}],
    )
    tables = {"SruDbIdMapTable": names, "{973F5D5C-1D90-4944-BE8E-24B94231A174}": usage}
    return ese_file(tables, page_size=page_size)


@pytest.mark.parametrize("page_size", [4096, 32_768])
@pytest.mark.parametrize("form", FORMS)
def test_a_program_that_a_compressed_column_alone_holds_is_found(
    form: str, page_size: int, tmp_path: Path
) -> None:
    database = _packed_srum(seven_bits(ON_DEVICE), page_size)
    assert b"cyzfc" not in database.replace(b"\0", b"")
    found = sweep(tmp_path, Srum, r"C:\Windows\System32\sru\SRUDB.dat", database, form)

    (match,) = (one for one in found.matches() if one.strength is Strength.STRONG)
    assert told(match.observation) == ("S-1-5-21-7-1001", ON_DEVICE)
    assert match.observation.moments == moments(ran=MIDDAY)
    assert found.coverage.state is State.COMPLETE


def test_a_column_that_cannot_be_decompressed_is_a_gap(tmp_path: Path) -> None:
    database = _packed_srum(Packed(b"\x28" + bytes(20)), 4096)
    found = sweep(tmp_path, Srum, r"C:\Windows\System32\sru\SRUDB.dat", database)
    assert found.reasons == {"SRUM database: compressed values that cannot be read": 1}
