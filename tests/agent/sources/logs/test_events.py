"""What each kind of event says, and nothing that it does not say."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.formats.evtx import EventRecord, records_of
from agent.model.objects import Dns, Hash, Parent, User
from agent.model.observation import Claim, Moment, MomentOf
from agent.sources.logs.events import _READERS, told_by
from agent.sources.logs.told import Told
from agent.sources.logs.windows_events import cleared_log
from tests.evidence.logged_events import (
    CALL,
    CYZFC,
    DLL_SHA1,
    GUID,
    RUNDLL32,
    SYSTEM,
    USER,
    WINDOWS_POWERSHELL,
    audited_process,
    dns_query,
    engine_started,
    log_cleared,
    script_blocks,
    sysmon,
    sysmon_module,
    sysmon_process,
    sysmon_query,
)
from tests.evidence.logs import (
    DNS_CLIENT_SYSTEM,
    EVENTLOG_SYSTEM,
    JO,
    POWERSHELL,
    SECURITY,
    WHEN,
    LoggedEvent,
    event_chunks,
)

MILLISECONDS = WHEN.replace(microsecond=123_000)
"""As exact as Sysmon's own time."""


def read(event: LoggedEvent) -> EventRecord:
    (chunk,) = event_chunks([event])
    (record,) = records_of(chunk)
    return record


def told(event: LoggedEvent) -> Told:
    found = told_by(read(event))
    assert found is not None
    return found


# ---- Processes ----------------------------------------------------------------------------------


def test_an_audited_process_is_told_with_its_line_its_user_and_its_parent() -> None:
    found = told(audited_process())

    assert (found.claim, found.seen) == (Claim.RAN, "event 4688")
    assert found.moments == (Moment(time=WHEN, of=MomentOf.RAN),)
    assert found.process is not None
    assert found.process.pid == 0x10D8
    assert (found.process.name, found.process.executable) == ("rundll32.exe", RUNDLL32)
    assert found.process.command_line == CALL
    assert found.process.start == WHEN
    assert found.process.user == User(name=USER, id=JO)
    assert found.process.parent == [
        Parent(pid=0x1018, name="powershell.exe", executable=WINDOWS_POWERSHELL)
    ]
    assert found.event is not None
    assert (found.event.channel, found.event.id, found.event.record) == ("Security", 4688, 1)


def test_a_process_for_another_account_is_that_accounts() -> None:
    data = dict(audited_process().data)
    data |= {"TargetUserName": "adm", "TargetDomainName": "CORP", "TargetUserSid": SYSTEM}

    found = told(replace(audited_process(), data=list(data.items())))

    assert found.process is not None
    assert found.process.user == User(name=r"CORP\adm", id=SYSTEM)


def test_a_process_without_a_logged_line_has_none() -> None:
    found = told(audited_process(""))

    assert found.process is not None
    assert found.process.command_line == ""


def test_sysmon_tells_a_process_with_hashes_and_its_own_identifier() -> None:
    found = told(sysmon_process())

    assert (found.claim, found.seen) == (Claim.RAN, "Sysmon event 1")
    assert found.process is not None
    assert found.process.entity_id == GUID
    assert (found.process.pid, found.process.start) == (4312, MILLISECONDS)
    assert found.process.command_line == CALL
    assert found.process.original_file_name == "RUNDLL32.EXE"
    assert found.process.hash == Hash(sha1="ab" * 20, md5="cd" * 16, sha256="ef" * 32)
    assert found.process.user == User(name=USER)
    assert found.process.parent[0].command_line == "powershell -noni"


def test_a_hyphen_is_no_value() -> None:
    found = told(sysmon(1, ("OriginalFileName", "-"), ("User", "-"), ("Hashes", "-")))

    assert found.process is not None
    assert found.process.original_file_name == ""
    assert found.process.user is None
    assert found.process.hash is None


@pytest.mark.parametrize("number", [400, 403, 600])
def test_the_classic_log_of_powershell_has_the_whole_command_line(number: int) -> None:
    found = told(engine_started("powershell.exe -noni -ep bypass $zk='JHB0'", number))

    assert found.claim is Claim.RAN
    assert found.process is not None
    assert found.process.command_line == "powershell.exe -noni -ep bypass $zk='JHB0'"
    assert found.process.pid is None


def test_a_host_of_powershell_without_a_command_line_only_logged() -> None:
    event = replace(engine_started("x"), data=[("", "Available"), ("", "HostName=ConsoleHost")])

    assert told(event).claim is Claim.LOGGED
    assert told(event).process is None


def test_a_command_of_module_logging_has_the_line_of_its_host() -> None:
    context = "        Severity = Informational\r\n        Host Application = powershell -e x\r\n"
    data = [("ContextInfo", context), ("UserData", ""), ("Payload", "CommandInvocation(x)")]
    found = told(LoggedEvent(source=POWERSHELL, id=4103, sid=JO, process=4120, data=data))

    assert found.claim is Claim.RAN
    assert found.process is not None
    assert (found.process.pid, found.process.command_line) == (4120, "powershell -e x")
    assert found.process.user == User(id=JO)


def test_a_script_block_ran() -> None:
    (event,) = script_blocks("iex $rhia", path=r"C:\x\a.ps1")
    found = told(event)

    assert (found.claim, found.seen) == (Claim.RAN, "PowerShell event 4104")
    assert found.process is not None
    assert found.process.command_line == "iex $rhia"
    assert found.file is not None
    assert found.file.path == r"C:\x\a.ps1"
    assert found.remarks == ()


def test_a_part_of_a_script_says_which() -> None:
    _, second, _ = script_blocks("x" * 2500, size=1000)

    assert told(second).remarks == ("part 2 of 3 of a script",)


# ---- Modules, files, pipes ----------------------------------------------------------------------


def test_a_module_is_told_with_its_process_hash_and_signature() -> None:
    found = told(sysmon_module())

    assert (found.claim, found.seen) == (Claim.LOADED, "Sysmon event 7")
    assert found.dll is not None
    assert (found.dll.path, found.dll.name) == (CYZFC, "cyzfc.dat")
    assert found.dll.hash == Hash(sha1=DLL_SHA1)
    assert found.process is not None
    assert (found.process.name, found.process.entity_id) == ("rundll32.exe", GUID)
    assert found.remarks == ("not signed",)


def test_a_file_that_was_written_was_there() -> None:
    found = told(
        sysmon(11, ("TargetFilename", CYZFC), ("CreationUtcTime", "2018-11-02 10:00:00.000"))
    )

    assert found.claim is Claim.WAS_THERE
    assert found.file is not None
    assert found.file.path == CYZFC
    assert found.file.created == datetime(2018, 11, 2, 10, tzinfo=timezone.utc)
    assert found.moments == (Moment(time=MILLISECONDS, of=MomentOf.CREATED),)


@pytest.mark.parametrize("number", [23, 26])
def test_a_file_that_was_deleted_was_there_until_then(number: int) -> None:
    found = told(sysmon(number, ("TargetFilename", CYZFC), ("Hashes", f"SHA1={DLL_SHA1}")))

    assert found.claim is Claim.WAS_THERE
    assert found.file is not None
    assert found.file.hash == Hash(sha1=DLL_SHA1)
    assert found.moments == (Moment(time=MILLISECONDS, of=MomentOf.DELETED),)


def test_a_script_is_known_whole_where_it_was_logged_in_one_piece() -> None:
    (whole,) = script_blocks("Get-ChildItem cyzfc.dat")
    assert told(whole).text == "Get-ChildItem cyzfc.dat"
    assert [told(part).text for part in script_blocks("Get-ChildItem cyzfc.dat", size=12)] == [
        "",
        "",
    ]


@pytest.mark.parametrize("between", ["\r\n", "  "], ids=["lines", "as Sysmon flattens them"])
def test_the_origin_of_a_download_is_about_the_file_and_not_about_its_stream(between: str) -> None:
    link = "https://www.jmj.com/personal/nauerthn_state_gov/x"
    zone = between.join(("[ZoneTransfer]", "ZoneId=3", f"HostUrl={link}", ""))
    found = told(
        sysmon(
            15,
            ("TargetFilename", r"C:\Users\jo\Downloads\ds7002.zip:Zone.Identifier"),
            ("Hash", f"SHA1={'A' * 40}"),
            ("Contents", zone),
        )
    )

    assert found.claim is Claim.DOWNLOADED
    assert found.file is not None
    assert (found.file.path, found.file.stream) == (r"C:\Users\jo\Downloads\ds7002.zip", "")
    assert found.file.hash is None
    assert found.file.zone_url == [link]
    assert found.url is not None
    assert found.url.full.startswith("https://www.jmj.com/")


def test_a_file_whose_main_stream_was_hashed_was_there_with_that_hash() -> None:
    found = told(sysmon(15, ("TargetFilename", CYZFC), ("Hash", f"SHA1={DLL_SHA1}")))

    assert found.claim is Claim.WAS_THERE
    assert found.file is not None
    assert (found.file.path, found.file.stream) == (CYZFC, "")
    assert found.file.hash == Hash(sha1=DLL_SHA1)


def test_a_pipe_is_told_by_its_name_alone() -> None:
    found = told(sysmon(17, ("PipeName", r"\MSSE-1234-server")))

    assert found.pipe is not None
    assert found.pipe.name == "MSSE-1234-server"


# ---- The network --------------------------------------------------------------------------------


@pytest.mark.parametrize(("initiated", "far", "near"), [("true", "9.9.9.9", "10.0.0.5"),
                                                        ("false", "10.0.0.5", "9.9.9.9")])  # fmt: skip
def test_the_far_end_of_a_connection_is_whoever_is_not_this_host(
    initiated: str, far: str, near: str
) -> None:
    found = told(
        sysmon(
            3,
            ("Initiated", initiated),
            ("SourceIp", "10.0.0.5"),
            ("SourcePort", "50000"),
            ("DestinationIp", "9.9.9.9"),
            ("DestinationHostname", "-"),
            ("DestinationPort", "443"),
        )
    )

    assert found.claim is Claim.CONNECTED
    assert found.destination is not None
    assert found.destination.ip == far
    assert found.destination.local.startswith(near)
    assert found.destination.domain == ""


@pytest.mark.parametrize(
    ("results", "answers"),
    [
        ("-", []),
        ("", []),
        ("10.23.42.38;", ["10.23.42.38"]),
        ("::ffff:95.216.59.92;", ["95.216.59.92"]),
        ("type:  5 cdn.example.net;::ffff:1.2.3.4;", ["cdn.example.net", "1.2.3.4"]),
        ("fe80::1;2001:db8::5;", ["fe80::1", "2001:db8::5"]),
    ],
)
def test_answers_are_told_in_each_of_their_forms(results: str, answers: list[str]) -> None:
    for event in (sysmon_query(results), dns_query(results=results)):
        found = told(event)
        assert found.claim is Claim.RESOLVED
        assert found.dns is not None
        assert (found.dns.question, found.dns.answers) == ("pandorasong.com", answers)


@pytest.mark.parametrize("number", [3006, 3008, 3018, 3020])
def test_the_dns_client_tells_the_name_its_type_and_the_account(number: int) -> None:
    found = told(dns_query(number))

    assert found.seen == f"DNS client event {number}"
    assert found.dns == Dns(question="pandorasong.com", type="A", answers=["95.216.59.92"])
    assert found.user == User(id=JO)


def test_a_name_that_no_server_answered_was_asked_for() -> None:
    event = LoggedEvent(
        source=DNS_CLIENT_SYSTEM, id=1014, data=[("QueryName", "pandorasong.com"), ("Address", "")]
    )

    assert told(event).claim is Claim.RESOLVED
    assert told(event).dns == Dns(question="pandorasong.com")
    assert told(event).remarks == ("no server answered",)


# ---- Logs, and all the others -------------------------------------------------------------------


def test_a_cleared_log_says_which_and_by_whom() -> None:
    record = read(log_cleared())
    other = LoggedEvent(
        source=EVENTLOG_SYSTEM, id=104, user_data="LogFileCleared",
        data=[("SubjectUserName", "jo"), ("Channel", "Microsoft-Windows-Sysmon/Operational")],
    )  # fmt: skip

    assert cleared_log(record) == "Security"
    assert cleared_log(read(other)) == "Microsoft-Windows-Sysmon/Operational"
    assert told(log_cleared()).user == User(name=USER, id=JO)
    assert cleared_log(read(audited_process())) == ""


def test_an_event_of_another_kind_means_nothing_here() -> None:
    for event in (
        LoggedEvent(source=SECURITY, id=4624),
        LoggedEvent(source=("Somebody's", "Security"), id=4688),
    ):
        assert told_by(read(event)) is None


VALUES = st.sampled_from(
    ["", "-", "0x", "-1", "9" * 30, "\ud800", "::ffff:", "a:b:c", "x=y,=,z", ";"]
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(_READERS)), st.lists(VALUES, min_size=60, max_size=60))
def test_any_values_end_in_what_they_say(kind: tuple[str, int], values: list[str]) -> None:
    names = [
        "UtcTime", "ProcessId", "ProcessGuid", "Image", "CommandLine", "Hashes", "Hash", "User",
        "ParentImage", "ParentProcessId", "Initiated", "SourceIp", "SourcePort", "DestinationIp",
        "DestinationPort", "ImageLoaded", "Signed", "TargetFilename", "CreationUtcTime", "Contents",
        "PipeName", "QueryName", "QueryType", "QueryResults", "NewProcessId", "NewProcessName",
        "TargetUserName", "SubjectUserSid", "ContextInfo", "ScriptBlockText", "MessageTotal", "Path",
        "SourceImage", "TargetImage", "StartModule", "CallTrace", "Application", "DestAddress",
        "DestPort", "ObjectName", "ObjectType", "TaskContent", "TaskName", "ActionName", "ImagePath",
        "name", "url", "hr", "jobTitle", "processPath", "Process Name", "Threat Name", "New Value",
        "FileNameBuffer", "FullFilePath", "FileHash",
    ]  # fmt: skip
    record = EventRecord(
        offset=512, size=600, id=1, time=WHEN + timedelta(1), provider=kind[0], event=kind[1],
        channel="c", data=tuple(zip(names, values, strict=False)),
    )  # fmt: skip

    found = told_by(record)

    assert found is not None
    assert found.event is not None
    assert found.event.record == 1


BLANK = ["\n", " ", "\n \t", "\r\n"]


@pytest.mark.parametrize("blank", BLANK)
def test_a_command_line_of_blank_space_takes_linear_time(blank: str) -> None:
    line = f"powershell{blank * (20_000 // len(blank))}-e x"
    process = told(engine_started(line)).process
    assert process is not None
    assert process.command_line == line

    context = f"Severity = x\r\n{blank * 4_000}x\r\n  Host Application = a{' ' * 9_000}b\r\n"
    process = told(LoggedEvent(source=POWERSHELL, id=4103, data=[("ContextInfo", context)])).process
    assert process is not None
    assert process.command_line == f"a{' ' * 9_000}b"


@pytest.mark.parametrize("event", [sysmon_process(), sysmon_module(), sysmon_query()])
def test_the_account_of_sysmon_itself_is_nobodys_who_did_it(event: LoggedEvent) -> None:
    found = told(event)
    assert event.sid == SYSTEM
    assert found.user is None
    assert found.process is not None
    assert found.process.user == User(name=USER)
