"""Evidence at rest is clean where all is there that every Windows has, and nowhere else: what only
a running host can be asked is skipped, and what stands in for it is required."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.matching.own_traces import Own
from agent.model.report import OFFLINE, Report, State, TargetKind, Verdict
from agent.output.console import render
from agent.sources.catalog import CATALOG, Setup, sources_of
from agent.targets import Target
from agent.targets.every_windows import NOT_HERE
from agent.targets.offline.image import ImageTarget
from tests.evidence.hives import Tree
from tests.evidence.hosts import FakeSystem
from tests.evidence.infected import quiet
from tests.evidence.journals import change
from tests.evidence.sweeping import reported
from tests.evidence.windows_folder import (
    CONFIG,
    FORMS,
    Files,
    as_image,
    as_live,
    system,
)

AT_REST = sorted(set(FORMS) - {"running"})
LOGS = r"C:\Windows\System32\winevt\Logs"
PREFETCH = r"C:\Windows\Prefetch"
JOURNAL = {r"C:\$Extend\$UsnJrnl:$J": change("NTUSER.DAT")}
RUNNING_ONLY = {"processes", "modules", "memory", "connections", "dns_cache", "pipes"}
LACKS = [
    ("event_logs", rf"{LOGS}\System.evtx"),
    ("event_logs", rf"{LOGS}\Security.evtx"),
    ("event_logs", rf"{LOGS}\Application.evtx"),
    ("prefetch", PREFETCH),
    ("registry", rf"{CONFIG}\SYSTEM"),
    ("registry", rf"{CONFIG}\SOFTWARE"),
    ("registry", r"C:\Users\jo\NTUSER.DAT"),
    ("scheduled_tasks", r"C:\Windows\System32\Tasks"),
    ("wmi_repository", r"C:\Windows\System32\wbem\Repository"),
    ("hosts_file", r"C:\Windows\System32\drivers\etc"),
    ("browsers", r"C:\Users"),
    ("console_history", r"C:\Users"),
]
"""A source, and what of every Windows it cannot be whole without."""


def without(files: Files, path: str) -> dict[str, bytes]:
    return {
        one: content
        for one, content in files.items()
        if one.rstrip("\\") != path and not one.startswith(f"{path}\\")
    }


def asked(target: Target) -> Report:
    return reported(target, *sources_of(target.describe().kind, Setup(64 << 20, lambda _: None)))


def at_rest(place: Path, files: Files, form: str = "folder") -> Report:
    if form == "image":
        files = {**files, **JOURNAL}
    return asked(FORMS[form](place / "c", files))


def not_here(report: Report) -> set[tuple[str, str]]:
    return {
        (one.source, place)
        for one in report.coverage
        for reason in one.reasons
        if reason.reason == NOT_HERE
        for place in reason.samples
    }


@pytest.mark.parametrize("form", AT_REST)
def test_a_windows_of_which_all_is_there_is_clean(form: str, tmp_path: Path) -> None:
    report = at_rest(tmp_path, quiet(), form)
    assert [one.source for one in report.coverage if one.is_gap] == []
    assert report.verdict is Verdict.CLEAN


@pytest.mark.parametrize("form", AT_REST)
def test_what_only_a_running_host_tells_is_skipped_and_not_required(
    form: str, tmp_path: Path
) -> None:
    report = at_rest(tmp_path, quiet(), form)
    skipped = {one.source: one for one in report.coverage if one.state is State.SKIPPED}
    assert set(skipped) == RUNNING_ONLY
    for one in skipped.values():
        assert (one.required, one.examined) == (False, 0)
        assert [reason.reason for reason in one.reasons] == [OFFLINE]
    told = " ".join(render(report).split())
    assert "skipped processes, modules, memory, connections, dns_cache, pipes: offline" in told


def test_every_source_of_a_running_host_is_told_of_at_rest_too() -> None:
    names = {
        kind: [one.name for one in sources_of(kind, Setup(1, lambda _: None))]
        for kind in TargetKind
    }
    assert all(told == names[TargetKind.LIVE] for told in names.values())
    assert set(names[TargetKind.LIVE]) == {one.name for one in CATALOG if one.by_default}


@pytest.mark.parametrize(("source", "path"), LACKS)
@pytest.mark.parametrize("form", ["image", "folder"])
def test_without_it_nothing_is_clean(form: str, source: str, path: str, tmp_path: Path) -> None:
    report = at_rest(tmp_path, without(quiet(), path), form)
    assert report.verdict is Verdict.INCOMPLETE
    (told,) = (one for one in report.coverage if one.source == source)
    assert (told.required, told.state) == (True, State.PARTIAL)
    assert (source, path) in not_here(report)


@pytest.mark.parametrize("form", AT_REST)
def test_each_form_of_a_copy_without_event_logs_lacks_the_same(form: str, tmp_path: Path) -> None:
    report = at_rest(tmp_path, without(quiet(), LOGS), form)
    assert report.verdict is Verdict.INCOMPLETE
    names = ("System", "Security", "Application")
    assert not_here(report) == {("event_logs", rf"{LOGS}\{name}.evtx") for name in names}


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("event_logs", rf"{LOGS}\Security.evtx"),
        ("registry", rf"{CONFIG}\SOFTWARE"),
        ("registry", r"C:\Users\jo\NTUSER.DAT"),
        ("prefetch", rf"{PREFETCH}\RUNDLL32.EXE-12345678.pf"),
    ],
)
def test_what_is_there_and_blank_is_no_more(source: str, path: str, tmp_path: Path) -> None:
    report = at_rest(tmp_path, {**quiet(), path: bytes(8192)}, "image")
    assert report.verdict is Verdict.INCOMPLETE
    (told,) = (one for one in report.coverage if one.source == source)
    assert (told.required, told.state) == (True, State.PARTIAL)
    assert "blank, nothing of it is there" in str(told.reasons)


@pytest.mark.parametrize(
    "control",
    [
        {"ProductOptions": {"ProductType": "ServerNT"}},
        {
            "ProductOptions": {"ProductType": "WinNT"},
            "Session Manager": {
                "Memory Management": {"PrefetchParameters": {"EnablePrefetcher": 0}}
            },
        },
    ],
    ids=["server", "switched off"],
)
def test_where_no_prefetch_is_kept_its_folder_need_not_be_there(
    control: Tree, tmp_path: Path
) -> None:
    files = {**without(quiet(), PREFETCH), rf"{CONFIG}\SYSTEM": system(control=control)}
    report = at_rest(tmp_path, files, "image")
    assert not_here(report) == set()
    assert report.verdict is Verdict.CLEAN


def test_a_server_that_keeps_prefetch_files_has_their_folder(tmp_path: Path) -> None:
    parameters: Tree = {"PrefetchParameters": {"EnablePrefetcher": 3}}
    control: Tree = {
        "ProductOptions": {"ProductType": "ServerNT"},
        "Session Manager": {"Memory Management": parameters},
    }
    files = {**without(quiet(), PREFETCH), rf"{CONFIG}\SYSTEM": system(control=control)}
    assert not_here(at_rest(tmp_path, files, "image")) == {("prefetch", PREFETCH)}


@pytest.mark.parametrize("form", ["image", "collection"])
def test_profiles_alone_lack_their_windows(form: str, tmp_path: Path) -> None:
    report = at_rest(tmp_path, {r"C:\Users\jo\notes.txt": b"x"}, form)
    assert report.verdict is Verdict.INCOMPLETE
    lacking = not_here(report)
    assert ("event_logs", r"%EventLogs%\System.evtx") in lacking
    assert ("registry", r"%SystemRoot%\System32\config\SYSTEM") in lacking
    assert ("prefetch", r"%SystemRoot%\Prefetch") in lacking


def test_a_disk_of_data_has_no_windows_to_lack(tmp_path: Path) -> None:
    files = {r"C:\archive\notes.txt": b"x", **JOURNAL}
    report = asked(ImageTarget(str(as_image(tmp_path / "c", files)), own=Own()))
    assert not_here(report) == set()
    assert report.verdict is Verdict.CLEAN


def test_a_profile_that_is_listed_and_gone_lacks_nothing(tmp_path: Path) -> None:
    files = without(quiet(), r"C:\Users\jo")
    assert not_here(at_rest(tmp_path, {**files, "C:\\Users\\": b""}, "image")) == set()


def test_what_is_not_on_a_running_host_was_not_left_behind(tmp_path: Path) -> None:
    files = {**without(quiet(), PREFETCH), **JOURNAL}
    host = as_live(tmp_path / "c", files, system=FakeSystem({"processes": ()}))
    assert not_here(asked(host)) == set()
