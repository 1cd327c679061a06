"""A pack for what really occurs in files of real hosts: found in each with its time, its user and its
path, and as a mention at least when the file is shifted, cut or damaged.

Times and paths: as libevtx, python-registry, plaso's tests, SQLite and a hex editor have them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from agent.indicators import Domain, FileName, Indicator
from agent.model.observation import Claim, Observation
from agent.model.report import State
from agent.sources.artefact import Artefact
from agent.sources.artefact_source import ArtefactSource
from agent.sources.execution.prefetch import PrefetchArtefact
from agent.sources.execution.scheduled_tasks import ScheduledTasks
from agent.sources.execution.srum import Srum
from agent.sources.logs.defender import Defender
from agent.sources.logs.event_logs import EventLogs
from agent.sources.network.browsers import Browsers
from agent.sources.past_files.change_journal import UsnJournalSource
from agent.sources.past_files.opened_files import OpenedFiles
from agent.sources.registry.hives import Hives
from tests.evidence.hosts import disk
from tests.evidence.journals import with_journal
from tests.evidence.packs import matcher_of, stated
from tests.evidence.samples import sample
from tests.evidence.sweeping import Swept, swept
from tests.evidence.windows_folder import CONFIG, as_folder, windows

LOGS = r"C:\Windows\System32\winevt\Logs"
JO = r"C:\Users\jo"
SYSMON = rf"{LOGS}\Microsoft-Windows-Sysmon%4Operational.evtx"
WINSCP = "NTUSER_with_winscp.DAT.xz"


class Trace(NamedTuple):
    """``time``: as far as it is stated; ``user``: by name or SID."""

    artefact: type[Artefact]
    sample: str
    path: str
    wanted: str
    claim: Claim
    seen: str
    time: str
    user: str
    of: str
    """The path or line, or its end."""


TRACES = {
    "a process, Sysmon": Trace(
        EventLogs, "evtx/sysmon.evtx", SYSMON, "PING.EXE", Claim.RAN, "Sysmon event 1",
        "2017-12-26 13:10:29.134", r"NT AUTHORITY\SYSTEM", r"C:\Windows\SysWOW64\PING.EXE",
    ),
    "a download, Sysmon": Trace(
        EventLogs, "evtx/sysmon.evtx", SYSMON, "ProcessMonitor.zip", Claim.WAS_THERE,
        "Sysmon event 15", "2017-12-26 13:17:52.891", "",
        r"C:\Users\tony\Downloads\ProcessMonitor.zip",
    ),
    "a name that was asked for": Trace(
        EventLogs, "evtx/System.evtx", rf"{LOGS}\System.evtx", "internal.greendale.edu",
        Claim.RESOLVED, "DNS client event 1014", "2015-08-08 09:35:13.595686", "", "greendale.edu",
    ),
    "a module, Windows 8": Trace(
        PrefetchArtefact, "prefetch/win8-RUNDLL32.EXE-A5F400ED.pf",
        r"C:\Windows\Prefetch\RUNDLL32.EXE-A5F400ED.pf", "ICMP.DLL", Claim.RAN, "prefetch file",
        "2022-05-13 20:36:54.830753", "", r"C:\WINDOWS\SYSTEM32\ICMP.DLL",
    ),
    "a program, XP": Trace(
        PrefetchArtefact, "prefetch/xp-CMD.EXE-087B4001.pf",
        r"C:\Windows\Prefetch\CMD.EXE-087B4001.pf", "CMD.EXE", Claim.RAN, "prefetch file",
        "2013-03-10 10:11:49.281250", "", r"C:\WINDOWS\SYSTEM32\CMD.EXE",
    ),
    "a module, Windows 10": Trace(
        PrefetchArtefact, "prefetch/win10-RUNDLL32.EXE-2CC598BD.pf",
        r"C:\Windows\Prefetch\RUNDLL32.EXE-2CC598BD.pf", "ATL.DLL", Claim.RAN, "prefetch file",
        "2022-03-10 16:34:49.171951", "", r"C:\WINDOWS\SYSTEM32\ATL.DLL",
    ),
    "a Run key": Trace(
        Hives, f"registry/{WINSCP}", rf"{JO}\NTUSER.DAT", "Ditto.exe", Claim.RAN, "Run key", "",
        "jo", r"C:\Program Files\Ditto\Ditto.exe",
    ),
    "a program of Explorer": Trace(
        Hives, f"registry/{WINSCP}", rf"{JO}\NTUSER.DAT", "Command Prompt.lnk", Claim.RAN,
        "UserAssist", "2022-05-30 11:26:22.119", "jo", "Command Prompt.lnk",
    ),
    "a folder": Trace(
        Hives, "registry/UsrClass.dat.xz", rf"{JO}\AppData\Local\Microsoft\Windows\UsrClass.dat",
        "Box Sync", Claim.WAS_THERE, "shellbag", "2018-03-28 00:53:58", "jo", r"\Box Sync",
    ),
    "a program, BAM": Trace(
        Hives, "registry/SYSTEM_WIN_10_1709.xz", rf"{CONFIG}\SYSTEM", "dwm.exe", Claim.RAN, "BAM",
        "2019-05-16 07:36:44.219471", "S-1-5-90-0-1", r"\Windows\System32\dwm.exe",
    ),
    "a program, Amcache": Trace(
        Hives, "registry/win10-Amcache.hve", r"C:\Windows\AppCompat\Programs\Amcache.hve",
        "7z.exe", Claim.WAS_THERE, "Amcache", "2019-12-16 21:01:12.793908", "", r"\7z.exe",
    ),
    "a program, SRUM": Trace(
        Srum, "srum/SRUDB-win10-clean.dat.xz", r"C:\Windows\System32\sru\SRUDB.dat",
        "MicrosoftEdgeUpdate.exe", Claim.RAN, "SRUM", "2022-02-05 22:19", "S-1-5-18",
        r"\MicrosoftEdgeUpdate.exe",
    ),
    "a task": Trace(
        ScheduledTasks, "tasks/wintask.job", r"C:\Windows\Tasks\GoogleUpdate.job",
        "GoogleUpdate.exe", Claim.RAN, "scheduled task", "", "",
        r"C:\Program Files (x86)\Google\Update\GoogleUpdate.exe /ua /installsource scheduler",
    ),
    "a link": Trace(
        OpenedFiles, "lnk/example.lnk",
        rf"{JO}\AppData\Roaming\Microsoft\Windows\Recent\example.lnk", "migwiz.exe",
        Claim.WAS_THERE, "opened file", "2009-07-13 23:29:02.849131", "jo",
        r"%windir%\system32\migwiz\migwiz.exe",
    ),
    "a download, Chrome": Trace(
        Browsers, "browser/History-59.0.3071.86",
        rf"{JO}\AppData\Local\Google\Chrome\User Data\Default\History",
        "raw.githubusercontent.com", Claim.DOWNLOADED, "browser's download",
        "2018-01-21 14:08:51.811123", "jo", "plaso-20171231.1.win32.msi",
    ),
    "a visit, Firefox": Trace(
        Browsers, "browser/places.sqlite",
        rf"{JO}\AppData\Roaming\Mozilla\Firefox\Profiles\a.default\places.sqlite",
        "news.google.com", Claim.VISITED, "browser history", "2011-07-01 11:16:21.371935", "jo",
        "http://news.google.com/",
    ),
    "a detection": Trace(
        Defender, "defender/6AFE33A0-19BA-4FFF-892F-B700539D7D63",
        r"C:\ProgramData\Microsoft\Windows Defender\Scans\History\Service\DetectionHistory\05"
        r"\6AFE33A0-19BA-4FFF-892F-B700539D7D63", "eicar_com.zip", Claim.BLOCKED,
        "Defender's detection", "2022-07-22 05:36:18.909442", "", r"C:\Users\testuser\Downloads\eicar_com.zip",
    ),
}  # fmt: skip
COMPRESSED = "a module, Windows 10"
"""Where its compression is broken, nothing is left to read."""


def indicator(value: str) -> Indicator:
    is_domain = value.endswith((".com", ".edu"))
    kind = Domain if is_domain else FileName
    return kind(id="wanted", value=value, **stated())


def look(place: Path, trace: Trace, data: bytes) -> Swept:
    target = as_folder(place / "c", windows({trace.path: data}))
    return swept(
        target, ArtefactSource(trace.artefact()), matcher=matcher_of(indicator(trace.wanted))
    )


def who(seen: Observation) -> set[str]:
    users = (seen.user, seen.process.user if seen.process is not None else None)
    named = {text for user in users if user is not None for text in (user.name, user.id)}
    return named | {seen.place.owner}


def what(seen: Observation) -> list[str]:
    told = [part.path for part in (seen.file, seen.dll) if part is not None]
    if seen.process is not None:
        told += [seen.process.executable, seen.process.command_line]
    told += [seen.dns.question] if seen.dns is not None else []
    return told + ([seen.url.full] if seen.url is not None else [])


def times(seen: Observation) -> list[str]:
    return [f"{moment.time:%Y-%m-%d %H:%M:%S.%f}" for moment in seen.moments]


@pytest.mark.parametrize("name", TRACES)
def test_what_really_occurs_is_found_with_its_time_user_and_path(name: str, tmp_path: Path) -> None:
    trace = TRACES[name]
    found = look(tmp_path, trace, sample(trace.sample))

    told = [match.observation for match in found.matches() if match.observation.seen == trace.seen]
    assert trace.claim in {one.claim for one in told}, [m.observation for m in found.matches()]
    fitting = [
        one
        for one in told
        if one.claim is trace.claim
        and any(path.lower().endswith(trace.of.lower()) for path in what(one))
        and (not trace.user or trace.user in who(one))
        and (not trace.time or any(time.startswith(trace.time) for time in times(one)))
    ]
    assert fitting, [(what(one), who(one), times(one)) for one in told]
    assert all(one.place.path.endswith(trace.path.rpartition("\\")[2]) for one in fitting)


def shifted(data: bytes, _: int) -> bytes:
    return bytes(100) + data


def cut(data: bytes, last: int) -> bytes:
    return data[: last + 64]


def without_its_head(data: bytes, _: int) -> bytes:
    return b"\xee" * 64 + data[64:]


def torn(data: bytes, last: int) -> bytes:
    """Ones and zeros before and behind the name."""
    return data[: last - 600] + b"\xff\0" * 150 + data[last - 300 : last + 64] + b"\xff\0" * 99


DAMAGES: dict[str, Callable[[bytes, int], bytes]] = {
    "shifted": shifted, "cut": cut, "without its head": without_its_head, "torn": torn,
}  # fmt: skip


def last_place(data: bytes, name: str) -> int:
    """Behind the last place where a name stands."""
    folded = data.lower()
    text = name.lower()
    turned = text.translate(ROT13)
    forms = [form for one in (text, turned) for form in (one.encode(), one.encode("utf-16-le"))]
    return max((folded.rfind(form) + len(form) for form in forms if form in folded), default=2000)


ROT13 = str.maketrans("abcdefghijklmnopqrstuvwxyz", "nopqrstuvwxyzabcdefghijklm")


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", TRACES)
def test_what_is_left_of_it_in_a_damaged_file_is_found(
    name: str, damage: str, tmp_path: Path
) -> None:
    trace = TRACES[name]
    data = sample(trace.sample)
    found = look(tmp_path, trace, DAMAGES[damage](data, last_place(data, trace.wanted)))

    if name == COMPRESSED:
        assert found.coverage.state is State.PARTIAL
    else:
        assert found.matches(), (found.coverage.state, found.reasons, found.notes)


def test_a_change_that_really_happened_is_found_with_its_time_and_in_a_torn_journal(
    tmp_path: Path,
) -> None:
    matcher = matcher_of(indicator("second.txt"))
    data = sample("usn/UsnJrnl.raw")
    torn_one = b"\xff" * 64 + data[64:]
    for place, journal in (("whole", data), ("torn", torn_one)):
        (tmp_path / place).mkdir()
        target = disk(tmp_path / place, with_journal(journal.ljust(4096, b"\0")))
        found = swept(target, UsnJournalSource(), matcher=matcher)
        (seen,) = {id(match.observation): match.observation for match in found.matches()}.values()
        assert seen.file is not None
        assert seen.file.name == "second.txt"
        assert {time[:19] for time in times(seen)} == {"2015-11-30 21:15:54"}
