"""Under ``--max-runtime`` what vanishes soonest is asked first, and what was not reached is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.coverage import Ledger
from agent.matching.matcher import Matcher
from agent.matching.own_traces import Own
from agent.model.observation import Observation
from agent.model.report import Report, State, TargetKind
from agent.sources.artefact_source import ArtefactSource
from agent.sources.catalog import Setup, sources_of
from agent.sources.logs.event_logs import EventLogs
from agent.sources.not_at_rest import NotAtRest
from agent.sweep.course import Course, Deadline
from agent.sweep.loop import NOT_REACHED, TIME_IS_UP, Sweep
from agent.targets import Target
from agent.targets.offline.folder import FolderTarget
from tests.evidence.logged_events import audited_process
from tests.evidence.logs import event_log
from tests.evidence.memories import LOGS
from tests.evidence.sweeping import Silent, plan_of
from tests.evidence.windows_folder import as_folder

RUNS, FILES, REMEMBERS = range(3)


def stage(source: Any) -> int:
    """Of a source, by the room that it or its artefact comes from."""
    artefact = source.artefact if isinstance(source, ArtefactSource) else source
    room = type(artefact).__module__.split(".")[2]
    return {"running": RUNS, "files": FILES}.get(room, REMEMBERS)


@pytest.mark.parametrize("kind", sorted(set(TargetKind) - {TargetKind.MEMORY}))
def test_what_runs_then_files_then_what_the_host_remembers(kind: TargetKind) -> None:
    asked = sources_of(kind, Setup(64 << 20, lambda _: None))
    stages = [stage(one) for one in asked if not isinstance(one, NotAtRest)]
    assert stages == sorted(stages)
    assert {FILES, REMEMBERS} <= set(stages)
    assert (RUNS in stages) is (kind is TargetKind.LIVE)


class Until:
    """A course whose time is up when the place is reached."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.course = Course(Silent(), 3600.0)

    def at(self, place: str) -> None:
        self.course.at(place)
        if self.place in place:
            self.course._max_runtime_s = 0.0
            self.course.at(place)


class Slow:
    """A source of one place after another."""

    def __init__(self, name: str, until: Until, *places: str) -> None:
        self.name, self._until, self._places = name, until, places

    def required(self, target: Target) -> bool:
        return target is not None

    def observe(self, target: Target, matcher: Matcher, ledger: Ledger) -> Iterator[Observation]:
        assert target is not None
        assert matcher is not None
        for place in self._places:
            self._until.at(place)
            ledger.examined += 1
        yield from ()


def swept(folder: Path, until: Until, *sources: Any) -> Report:
    target = FolderTarget(str(folder), own=Own())
    return Sweep(plan_of(target, *sources), lambda _: None).run(until.course)


def test_each_source_says_what_it_did_not_reach(tmp_path: Path) -> None:
    until = Until("D:\\b")
    told = swept(
        tmp_path, until,
        Slow("first", until, "C:\\a"), Slow("second", until, "D:\\a", "D:\\b", "D:\\c"),
        Slow("third", until, "E:\\a"), Slow("fourth", until, "F:\\a"),
    )  # fmt: skip
    assert [one.state for one in told.coverage] == [State.COMPLETE, *[State.PARTIAL] * 3]
    second, *others = (one.reasons for one in told.coverage[1:])
    assert [(one.reason, one.samples) for one in second] == [(TIME_IS_UP, ["D:\\b"])]
    assert [one.reason for reasons in others for one in reasons] == [NOT_REACHED] * 2


def test_logs_that_were_begun_or_never_told_are_named(tmp_path: Path) -> None:
    names = ("A.evtx", "B.evtx", "C.evtx")
    files = {f"{LOGS}\\{name}": event_log([audited_process()]) for name in names}
    until = Until("C.evtx")
    source = ArtefactSource(EventLogs(), progress=until.at)
    told = swept(as_folder(tmp_path / "c", files), until, source)
    reasons = {one.reason: one.samples for one in told.coverage[0].reasons}
    assert reasons[TIME_IS_UP] == [f"{LOGS}\\C.evtx"]
    ended = reasons["event log: not looked at to its end"]
    assert ended == [f"{LOGS}\\A.evtx", f"{LOGS}\\B.evtx"]
    assert {part.state for part in told.coverage[0].parts} == {State.PARTIAL}


def test_no_time_at_all_reaches_nothing() -> None:
    course = Course(Silent(), -1.0)
    assert course.is_over
    with pytest.raises(Deadline):
        course.at("x")
    assert not Course(Silent()).is_over
