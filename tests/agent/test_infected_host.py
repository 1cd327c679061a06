r"""The campaign's whole afternoon on one host, found again: as it runs, as a folder, as a raw image
and as a volume that ntfs-3g has written tell the same timeline, to the second."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from agent.matching.own_traces import Own
from agent.model.observation import MomentOf
from agent.model.report import Report, State, Strength, Verdict
from agent.output.console import render
from agent.output.mapping.timeline import Row, rows
from agent.sources.catalog import Setup, sources_of
from agent.spelling import fold
from agent.targets import Target
from agent.targets.offline.folder import FolderTarget
from agent.targets.offline.image import ImageTarget
from tests.evidence import infected as host
from tests.evidence.files import STAGE_0
from tests.evidence.hosts import FakeSystem
from tests.evidence.images import laid_down, make, mounted, require_tools
from tests.evidence.infected import infected, journal, times
from tests.evidence.logged_events import CALL, CYZFC
from tests.evidence.sweeping import reported
from tests.evidence.windows_folder import as_folder, as_image, as_live


def _folder(place: Path) -> Target:
    return FolderTarget(str(as_folder(place, infected(), times())), own=Own())


def _image(place: Path) -> Target:
    made = as_image(place, {**infected(), **journal()}, times=times())
    return ImageTarget(str(made), own=Own())


def _running(place: Path) -> Target:
    """Of which nothing runs any more."""
    quiet = FakeSystem({"processes": ()})
    return as_live(place, {**infected(), **journal()}, times=times(), system=quiet)


def _by_ntfs_3g(place: Path) -> Target:
    require_tools()
    image = make(place, 64)
    with mounted(image) as top:
        laid_down(top, infected(), times())
    return ImageTarget(str(image), own=Own())


FORMS: dict[str, Callable[[Path], Target]] = {
    "folder": _folder, "image": _image, "running": _running, "written by ntfs-3g": _by_ntfs_3g,
}  # fmt: skip
JOURNALLED = {"image", "running"}
"""Forms with a change journal, and times of creation: Linux tells none of a folder's files."""


@cache
def swept_as(form: str, place: Path) -> Report:
    target = FORMS[form](place)
    return reported(target, *sources_of(target.describe().kind, Setup(64 << 20, lambda _: None)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return swept_as("folder", tmp_path_factory.mktemp("folder") / "c")


@pytest.fixture(scope="module", params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def report(form: str, tmp_path_factory: pytest.TempPathFactory) -> Report:
    return swept_as(form, tmp_path_factory.mktemp("host") / "c")


Told = tuple[datetime, str, str, str, str, str]


def told(row: Row) -> Told:
    """To the second: when, what happened, to what, by what, for whom, says which source."""
    second = (row.time + timedelta(milliseconds=500)).replace(microsecond=0)
    return second, row.words, fold(row.thing), fold(row.by), row.user, row.source


def timeline(report: Report) -> set[Told]:
    """Without what only some forms can have."""
    return {
        told(row)
        for row in rows(report)
        if row.source != "usn_journal" and (row.source, row.of) != ("files", MomentOf.CREATED)
    }


JO = r"CORP\jo"
DOMAIN = host.DOMAIN
AT_C2 = f"{host.ADDRESS}:443"
CHAIN: list[tuple[datetime, str, str, str, str]] = [
    (host.CLICKED, "ran", f'"{host.CHROME}" --single-argument {host.LINK}', "", "event_logs"),
    (host.VISITED, "visited", host.LINK, "", "browsers"),
    (host.BEGUN, "created", host.ZIP, "chrome.exe", "browsers"),
    (host.BEGUN, "created", host.ZIP, "chrome.exe", "event_logs"),
    (host.DOWNLOADED, "downloaded", host.ZIP, "chrome.exe", "browsers"),
    (host.DOWNLOADED, "downloaded", host.ZIP, "chrome.exe", "event_logs"),
    (host.DOWNLOADED, "modified", host.ZIP, "", "files"),
    (host.OPENED, "was there", host.ZIP, "", "opened_files"),
    (host.OPENED, "was there", host.ZIP, "", "registry"),
    (host.OPENED, "was there", "ds7002.zip", "", "registry"),
    (host.UNPACKED, "created", host.LNK, "explorer.exe", "event_logs"),
    (host.STAGE_0_RAN, "ran", host.LNK, "", "registry"),
    (host.STAGE_0_RAN, "ran", host.LNK, "powershell.exe", "prefetch"),
    (host.STAGE_0_RAN, "ran", host.POWERSHELL_LINE, "", "event_logs"),
    (host.ENGINE_STARTED, "ran", host.POWERSHELL_LINE, "", "event_logs"),
    (host.SCRIPT_LOGGED, "ran", STAGE_0, "", "event_logs"),
    (host.SHOWN, "created", host.PDF, "powershell.exe", "event_logs"),
    (host.SHOWN, "modified", host.PDF, "", "files"),
    (host.DROPPED, "created", CYZFC, "powershell.exe", "event_logs"),
    (host.DROPPED, "modified", CYZFC, "", "files"),
    (host.DROPPED, "modified", CYZFC, "", "registry"),
    (host.CALLED, "ran", CALL, "", "event_logs"),
    (host.CALLED, "loaded", CYZFC, "rundll32.exe", "event_logs"),
    (host.CALLED, "ran", CYZFC, "rundll32.exe", "prefetch"),
    (host.PIPED, "was there", "MSSE-4242-server", "rundll32.exe", "event_logs"),
    (host.ASKED, "resolved", DOMAIN, "", "event_logs"),
    (host.ASKED, "resolved", DOMAIN, "rundll32.exe", "event_logs"),
    (host.CONNECTED, "connected", AT_C2, "rundll32.exe", "event_logs"),
    (host.CONNECTED, "connected", AT_C2, "", "firewall_log"),
    (host.INVENTORIED, "was there", CYZFC, "", "registry"),
    (host.DETECTED, "blocked", CYZFC, "", "defender"),
    (host.DETECTED, "logged", CYZFC, "rundll32.exe", "event_logs"),
]
"""What the host remembers, in its order: when, what happened, to what, by what, says which source."""


def test_the_whole_chain_is_told_at_its_times_and_nothing_else(report: Report) -> None:
    wanted = {
        (when, words, fold(what), fold(by), source) for when, words, what, by, source in CHAIN
    }
    seen = {(one[0], one[1], one[2], one[3], one[5]) for one in timeline(report)}
    assert wanted - seen == set()
    more = {(words, what) for _, words, what, _, _ in seen - wanted}
    record = fold(host.GUARDS_RECORD)
    link = fold(host.RECENT_LINK)
    assert more <= {("accessed", one) for one in map(fold, (host.ZIP, CYZFC, host.PDF))} | {
        ("blocked", record), ("modified", link), ("accessed", link)
    }  # fmt: skip


def test_every_form_tells_the_same_timeline(report: Report, folder: Report) -> None:
    assert timeline(report) == timeline(folder)


def test_whose_deed_it_was_is_told(report: Report) -> None:
    users = {(one[1], one[2]): one[4] for one in timeline(report) if one[4]}
    assert users[("ran", fold(CALL))] == JO
    assert users[("loaded", fold(CYZFC))] == JO
    assert users[("downloaded", fold(host.ZIP))] == "jo"
    assert users[("was there", fold(host.ZIP))] == "jo"


def test_what_runs_nothing_any_more_is_confirmed_by_what_the_host_remembers(
    report: Report,
) -> None:
    assert report.verdict is Verdict.HIT
    (ran,) = [
        one for one in report.findings
        if one.strength is Strength.CONFIRMED and one.process is not None
    ]  # fmt: skip
    assert ran.process is not None
    assert (ran.process.pid, ran.process.command_line) == (4312, CALL)
    sources = {one.source for one in ran.evidence}
    assert sources >= {"files", "event_logs", "prefetch", "registry", "firewall_log", "defender"}
    downloaded = [one for one in report.findings if one.file and one.file.path == host.ZIP]
    assert Strength.STRONG in {one.strength for one in downloaded}


def test_no_memory_was_left_out(report: Report, form: str) -> None:
    gaps = {
        one.source: one.reasons
        for one in report.coverage
        if one.state is not State.COMPLETE and one.required
    }
    assert gaps == {}
    parts = {one.source: one for one in report.coverage}
    for source in (
        "event_logs", "registry", "prefetch", "browsers", "opened_files", "srum", "defender",
        "firewall_log",
    ):  # fmt: skip
        assert parts[source].examined, source
    assert bool(parts["usn_journal"].examined) is (form in JOURNALLED)
    reach = parts["srum"].reach
    assert reach is not None
    assert reach.oldest == host.BY_THE_HOUR


def test_what_the_folder_that_was_deleted_held_is_told_by_the_journal(
    report: Report, form: str
) -> None:
    seen = {told(row)[:3] for row in rows(report) if row.source == "usn_journal"}
    folder = fold(host.LNK.rpartition("\\")[0])
    gone = {(when, "was there", folder) for when in (host.UNPACKED, host.CLEANED)}
    assert (gone <= seen) is (form in JOURNALLED)


def test_the_console_tells_the_story_in_its_order(report: Report) -> None:
    part = render(report).split("\nTimeline\n")[1].split("\n\n")[0].splitlines()
    steps = [
        ("15:02:05", "downloaded", host.ZIP, "chrome.exe (jo)"),
        ("15:03:10", "was there", host.ZIP, "shellbag"),
        ("15:04:07", "ran", "powershell.exe -noni -ep bypass $zk=", "4688"),
        ("15:04:12", "ran", CALL, JO),
        ("15:04:12", "loaded", CYZFC, "rundll32.exe"),
        ("15:04:14", "resolved", DOMAIN, "rundll32.exe"),
        ("15:04:15", "connected", AT_C2, "rundll32.exe"),
    ]
    places = [
        [at for at, line in enumerate(part) if all(text in line for text in step)] for step in steps
    ]
    assert all(places), list(zip(steps, places, strict=True))
    first = [found[0] for found in places]
    assert first == sorted(first)
