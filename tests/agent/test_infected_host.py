r"""The campaign's whole afternoon on one host, found again: as it runs, as a folder, as a raw image
and as a volume that ntfs-3g has written tell the same timeline, to the second."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from agent.matching.own_traces import Own
from agent.model.report import Report, State, Strength, Verdict
from agent.output.console import render
from agent.output.mapping.timeline import rows
from agent.sources.catalog import Setup, sources_of
from agent.spelling import fold
from agent.targets import Target
from agent.targets.offline.folder import FolderTarget
from agent.targets.offline.image import ImageTarget
from tests.agent.output.mapping.test_hunting_the_past import QUERIES, hunted
from tests.evidence import infected as host
from tests.evidence.afternoon import CHAIN, JO, out_of_order, timeline, told, untold
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


def test_the_whole_chain_is_told_at_its_times_and_nothing_else(report: Report) -> None:
    assert untold(report) == []
    wanted = {(words, fold(what)) for _, words, what, _, _ in CHAIN}
    more = {(words, what) for _, words, what, *_ in timeline(report)} - wanted
    link, record = fold(host.RECENT_LINK), fold(host.GUARDS_RECORD)
    assert more <= {("accessed", one) for one in map(fold, (host.ZIP, CYZFC, host.PDF))} | {
        ("blocked", record), ("modified", link), ("accessed", link)
    }  # fmt: skip


def test_every_form_tells_the_same_timeline(report: Report, folder: Report) -> None:
    assert timeline(report) == timeline(folder)


def test_what_is_newest_stands_in_logs_alone() -> None:
    files = infected()
    name = "ds7002.zip".encode("utf-16-le")
    assert (name in files[host.NTUSER], name in files[f"{host.NTUSER}.LOG1"]) == (False, True)
    path = host.ZIP.encode()
    assert (path in files[host.BROWSER], path in files[f"{host.BROWSER}-wal"]) == (False, True)


def test_whose_deed_it_was_is_told(report: Report) -> None:
    users = {(one[1], one[2]): one[4] for one in timeline(report) if one[4]}
    assert users[("ran", fold(CALL))] == JO
    assert users[("loaded", fold(CYZFC))] == JO
    assert users[("ran", fold(STAGE_0))] == JO
    assert users[("downloaded", fold(host.ZIP))] == "jo"
    assert users[("was there", fold(host.ZIP))] == "jo"


def test_what_runs_nothing_any_more_is_confirmed_by_what_the_host_remembers(
    report: Report,
) -> None:
    assert report.verdict is Verdict.HIT
    confirmed = [one for one in report.findings if one.strength is Strength.CONFIRMED]
    (ran,) = [one for one in confirmed if one.process is not None and one.process.pid == 4312]
    assert ran.process is not None
    assert ran.process.command_line == CALL
    sources = {one.source for one in ran.evidence}
    assert sources >= {"files", "event_logs", "prefetch", "registry", "firewall_log", "defender"}
    assert host.ZIP in {one.file.path for one in confirmed if one.file is not None}


@pytest.mark.parametrize("query", QUERIES)
def test_each_of_the_campaigns_hunting_queries_finds_it(query: str, report: Report) -> None:
    found = hunted(query, report, now=host.CLEANED + timedelta(days=6))
    times = [datetime.fromisoformat(row["Timestamp"]) for row in found]
    assert any(host.CLICKED <= time <= host.CLEANED for time in times), times


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
    gone = {
        (when, what, fold(path))
        for when, what in ((host.UNPACKED, "was there"), (host.CLEANED, "deleted"))
        for path in (host.LNK, host.LNK.rpartition("\\")[0])
    }
    assert seen == (gone if form in JOURNALLED else set())
    (shortcut,) = [one for one in report.findings if one.dll and fold(one.dll.name) == "DS7002.LNK"]
    told_by = {one.source for one in shortcut.evidence}
    of_journal = {"usn_journal"} if form in JOURNALLED else set()
    assert told_by == {"event_logs", "prefetch"} | of_journal


def test_the_console_tells_the_story_in_its_order(report: Report) -> None:
    assert out_of_order(render(report)) == ""
