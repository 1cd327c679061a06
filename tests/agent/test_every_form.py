r"""One host, swept as it runs, as a folder, by drives, as a raw image and as a collection: the same
findings, with the same claims, users, times and views.

What runs and what was deleted are not part of it: a copy has none of both.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path

import pytest

from agent.model.observation import Claim
from agent.model.report import Evidence, Finding, Report, State, Strength
from agent.sources.catalog import Setup, sources_of
from agent.targets import Target
from tests.evidence.files import dll
from tests.evidence.hive_files import nested
from tests.evidence.hives import hive
from tests.evidence.logged_events import (
    CALL,
    CYZFC,
    audited_process,
    dns_query,
    script_blocks,
    sysmon_module,
    sysmon_process,
    sysmon_query,
)
from tests.evidence.logs import WHEN, event_log
from tests.evidence.prefetch import PlantedVolume, mam, prefetch
from tests.evidence.sweeping import reported
from tests.evidence.windows_folder import FORMS, windows

LOGS = "C:\\Windows\\System32\\winevt\\Logs"
SYSMON = f"{LOGS}\\Microsoft-Windows-Sysmon%4Operational.evtx"
SECURITY = f"{LOGS}\\Security.evtx"
POWERSHELL = f"{LOGS}\\Microsoft-Windows-PowerShell%4Operational.evtx"
DNS_CLIENT = f"{LOGS}\\Microsoft-Windows-DNS-Client%4Operational.evtx"
PREFETCH = "C:\\Windows\\Prefetch\\RUNDLL32.EXE-2CC598BD.pf"
HOSTS = "C:\\Windows\\System32\\drivers\\etc\\hosts"
NTUSER = "C:\\Users\\jo\\NTUSER.DAT"
HISTORY = (
    "C:\\Users\\jo\\AppData\\Roaming\\Microsoft\\Windows\\PowerShell\\PSReadLine\\"
    "ConsoleHost_history.txt"
)
RUN = r"Software\Microsoft\Windows\CurrentVersion\Run"
RAN = datetime(2018, 11, 14, 18, 4, 2, tzinfo=timezone.utc)
ON_VOLUME = r"\VOLUME{01d2bf5a6c6f6d20-c4b2bd1c}"


def evidence() -> dict[str, bytes]:
    """Everything that such a host remembers, in each of its memories once."""
    loaded = f"{ON_VOLUME}{CYZFC[2:].upper()}"
    ntdll, rundll32 = (
        f"{ON_VOLUME}\\WINDOWS\\SYSTEM32\\{n}" for n in ("NTDLL.DLL", "RUNDLL32.EXE")
    )
    return without_broken(
        {
            CYZFC: dll(),
            SECURITY: event_log([audited_process()]),
            SYSMON: event_log([sysmon_process(), sysmon_module(), sysmon_query()]),
            POWERSHELL: event_log(script_blocks("rundll32 cyzfc.dat, PointFunctionCall")),
            DNS_CLIENT: event_log([dns_query()]),
            PREFETCH: mam(
                prefetch(
                    files=[ntdll, rundll32, loaded], runs=[RAN], volumes=[PlantedVolume(ON_VOLUME)]
                )
            ),
            NTUSER: hive(nested(RUN, {"Updater": CALL})),
            HOSTS: b"203.0.113.9 pandorasong.com\n",
            HISTORY: f"Get-Process\n{CALL}\n".encode(),
        }
    )


def without_broken(more: dict[str, bytes]) -> dict[str, bytes]:
    """The kit's host, whose own prefetch file is none."""
    return {path: data for path, data in windows(more).items() if not data.startswith(b"MAM of")}


@cache
def swept_as(form: str, place: Path) -> Report:
    target: Target = FORMS[form](place, evidence())
    kind = target.describe().kind
    setup = Setup(64 << 20, lambda _: None)
    running = {"processes", "modules", "memory", "connections", "dns_cache", "pipes"}
    sources = [source for source in sources_of(kind, setup) if source.name not in running]
    return reported(target, *sources)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    return {form: swept_as(form, tmp_path_factory.mktemp(form) / "c") for form in FORMS}


def what(one: Evidence) -> tuple[object, ...]:
    """A sighting without where it lies for whoever reads it."""
    place = "" if one.source == "files" else one.place.text
    return (
        one.source, one.seen, one.claim, one.indicator, one.strength, place,
        one.place.path if one.source != "files" else "", one.place.record, one.place.view,
        one.place.owner, tuple(one.moments) if one.source != "files" else (),
    )  # fmt: skip


def told(finding: Finding) -> tuple[object, ...]:
    """A finding as it is told of every form."""
    return (
        finding.strength, finding.score, finding.indicator.id, sorted(finding.reasons),
        finding.process, finding.dll, finding.dns, finding.registry, finding.event, finding.user,
        finding.file and (finding.file.path, finding.file.hash, finding.file.pe),
        sorted(map(repr, map(what, finding.evidence))),
    )  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_host_gives_the_same_findings(
    form: str, reports: dict[str, Report]
) -> None:
    of_folder = sorted(map(repr, map(told, reports["folder"].findings)))
    assert sorted(map(repr, map(told, reports[form].findings))) == of_folder
    assert {finding.strength for finding in reports[form].findings} >= {Strength.CONFIRMED}


@pytest.mark.parametrize("form", sorted(set(FORMS) - {"running"}))
def test_an_analysts_note_stays_with_its_finding_whatever_form_is_swept(
    form: str, reports: dict[str, Report]
) -> None:
    assert reports[form].host.id == reports["folder"].host.id
    ids = {finding.id for finding in reports[form].findings}
    assert ids == {finding.id for finding in reports["folder"].findings}
    assert len(ids) == len(reports[form].findings)


@pytest.mark.parametrize("form", FORMS)
def test_every_memory_was_looked_at(form: str, reports: dict[str, Report]) -> None:
    states = {one.source: one.state for one in reports[form].coverage}
    for source in ("hosts_file", "event_logs", "prefetch", "registry", "console_history"):
        assert states[source] is State.COMPLETE, source
    logs = next(one for one in reports[form].coverage if one.source == "event_logs")
    reaches = {part.name: part.reach for part in logs.parts}
    assert set(reaches) == {SECURITY, SYSMON, POWERSHELL, DNS_CLIENT}
    security = reaches[SECURITY]
    assert security is not None
    assert security.oldest == WHEN


SIGHTINGS: dict[str, tuple[str, Claim, str, str, datetime | None]] = {
    "Security 4688": ("event_logs", Claim.RAN, SECURITY, "CORP\\jo", WHEN),
    "Sysmon 1": ("event_logs", Claim.RAN, SYSMON, "CORP\\jo", WHEN),
    "Sysmon 7": ("event_logs", Claim.LOADED, SYSMON, "CORP\\jo", WHEN),
    "Sysmon 22": ("event_logs", Claim.RESOLVED, SYSMON, "CORP\\jo", WHEN),
    "DNS client 3008": ("event_logs", Claim.RESOLVED, DNS_CLIENT, "", WHEN),
    "PowerShell 4104": ("event_logs", Claim.RAN, POWERSHELL, "", WHEN),
    "prefetch": ("prefetch", Claim.RAN, PREFETCH, "", RAN),
    "Run key": ("registry", Claim.RAN, NTUSER, "jo", None),
    "history": ("console_history", Claim.RAN, HISTORY, "jo", None),
    "hosts file": ("hosts_file", Claim.RESOLVED, HOSTS, "", None),
    "the file": ("files", Claim.EXISTS, "", "", None),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", SIGHTINGS)
def test_each_memory_says_what_where_who_and_when(
    name: str, form: str, reports: dict[str, Report]
) -> None:
    source, claim, path, user, when = SIGHTINGS[name]
    found = [
        (finding, one)
        for finding in reports[form].findings
        for one in finding.evidence
        if (one.source, one.claim) == (source, claim) and (not path or one.place.path == path)
        and one.strength is not Strength.WEAK
    ]  # fmt: skip
    assert found, name
    if when is not None:
        times = [moment.time for _, one in found for moment in one.moments]
        assert any(abs(time - when) < timedelta(milliseconds=1) for time in times)
    users = {
        who.name
        for finding, one in found
        for who in (
            one.user,
            finding.user,
            *(process.user for process in (one.process or finding.process,) if process),
        )
        if who is not None
    }
    assert not user or user in users
