"""The sweeps of a self-test: the loop, the matcher and the sources of any sweep, and a pack that is
made at run time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from ..findings.exclusions import Exclusions
from ..indicators import ExclusionsFile, FileName, Indicator, PackFile
from ..matching.own_traces import Own
from ..model.report import Coverage, Report, State, Strength
from ..model.self_test import Attempt
from ..packs.built_in import matcher_of
from ..packs.loading import Pack, parse_pack
from ..reading.opening import reason_of
from ..sources import Source
from ..sources.catalog import NAMES, Setup, sources_of
from ..spelling import lies_below
from ..sweep.course import Course, Watcher
from ..sweep.identity import running_agent
from ..sweep.loop import NOTHING_EXAMINED, STOPPED, Plan, Sweep
from ..targets import Target
from ..targets.live.host import LiveHost
from ..targets.live.system import NOT_THIS_PLATFORM, LiveSystem
from .existing import NONE
from .probe import REFERENCE, Probe

TRIES: Final = 3
PAUSE_S: Final = 2.0
"""Before what was not found is looked for again: logs and journals are written after a while."""
NOT_FOUND = "it was there, and was not found"
GONE = "its file was removed by something on this host: antivirus?"
NOT_PLANTED = "nothing can be planted for it; it was looked at, and has no gap"
_WALKED = "walked: "
_MAX_FILE = 64 << 20
_NOTHING = FileName(
    id="selftest/nothing",
    value="no-file-is-called-so",
    strength=Strength.WEAK,
    reference=[REFERENCE],
    status="DRV",
)
"""A pack is never empty: sources are asked, too, when nothing could be planted."""
WHOLE = "the source as a whole"
_BY_RECORDS = ("files", "usn_journal", "ntfs_log", "shadow_copies")


class Stopped(Exception):
    """The operator ended it."""


class Sweeps:
    """Looks for what was set up, and tells what was found."""

    def __init__(
        self,
        folder: Path,
        watcher: Watcher,
        *,
        system: LiveSystem | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """``folder``: in which the files lie; the only one that is walked."""
        self._folder, self._watcher, self._system, self._pause = folder, watcher, system, pause

    def target(self, *paths: str) -> LiveHost:
        """This host: all that is its own is looked at, the self-test's process as well."""
        return LiveHost(Own(), paths=paths, system=self._system)

    def sources(self) -> list[Source]:
        """As a sweep without options asks them."""
        course = Course(self._watcher)
        return sources_of(self.target().describe().kind, Setup(_MAX_FILE, course.at))

    def attempts(self, probes: Sequence[Probe]) -> list[Attempt]:
        """What came of each; a source without a probe is told by how it was looked at. Raises
        Stopped."""
        plain = [probe for probe in probes if not probe.by_record]
        recorded = [probe for probe in probes if probe.by_record]
        recorded.append(Probe(source="shadow_copies", what=WHOLE, by_record=True))
        here = _Answers(plain, self._folder, everything=True)
        self._ask(here, self.target(str(self._folder)), ())
        volume, why, nothing = self._volume()
        if volume:
            there = _Answers(recorded, self._folder)
            self._ask(there, self.target(volume), _BY_RECORDS)
        else:
            put = [one.absent(why) if nothing else one.failed(why) for one in recorded]
            there = _Answers(put, self._folder)
        return [*here.told(), *there.told()]

    def _volume(self) -> tuple[str, str, bool]:
        """The volume of the folder, if its records can be read; else why not, and whether no sweep
        of this host would want them."""
        target = self.target()
        if target.platform != "windows":
            return "", NOT_THIS_PLATFORM, True
        roots = target.roots()[0]
        by_records = [root.path for root in roots if root.raw or root.description.upper() == "NTFS"]
        for root in roots:
            if not lies_below(str(self._folder), root.path):
                continue
            if root.raw is None:
                return _elsewhere(f"{root.path}: {root.why_walked}", by_records)
            try:
                with closing(root.raw.open()):
                    return root.path, "", False
            except OSError as error:
                return "", f"{root.path}: the raw volume: {reason_of(error)}", False
        why = "the folder lies on no volume that a sweep reads by its records"
        return _elsewhere(why, by_records)

    def _ask(self, answers: _Answers, target: LiveHost, only: Collection[str]) -> None:
        """Several times, as long as something is missing that may still come."""
        for number in range(TRIES):
            if number:
                self._pause(PAUSE_S)
            report = self._swept(answers.indicators, target, only)
            answers.add(report)
            only = answers.missing()
            if not only:
                return

    def _swept(
        self, indicators: Sequence[Indicator], target: Target, only: Collection[str]
    ) -> Report:
        packs = [pack_of(indicators)]
        course = Course(self._watcher)
        plan = Plan(
            target=target,
            packs=packs,
            matcher=matcher_of(packs),
            exclusions=Exclusions(
                ExclusionsFile(exclusions="iocsweep.exclusions/1", version="none", rules=[])
            ),
            sources=sources_of(target.describe().kind, Setup(_MAX_FILE, course.at)),
            only=only,
            agent=running_agent(),
            options={},
        )
        report = Sweep(plan, lambda _: None).run(course)
        if any(reason.reason == STOPPED for one in report.coverage for reason in one.reasons):
            raise Stopped
        return report


def _elsewhere(why: str, by_records: Sequence[str]) -> tuple[str, str, bool]:
    """No volume, and why; whether no other is read by its records, either."""
    if not by_records or why.startswith(tuple(by_records)):
        return "", why, not by_records
    there = f"{', '.join(by_records)} would be: set IOCSWEEP_HOME to a folder there"
    return "", f"{why}; {there}", False


def pack_of(indicators: Sequence[Indicator]) -> Pack:
    """Read and proved as any pack is. Raises PackError."""
    file = PackFile(
        pack="iocsweep.pack/1",
        id="selftest",
        version="1",
        title="What a self-test has put there, or found there",
        references={REFERENCE: "made at run time"},
        indicators=[*indicators, _NOTHING],
    )
    return parse_pack(msgspec.json.encode(file), "selftest.json", sources=NAMES)


class _Answers:
    """What the sweeps found of these probes."""

    def __init__(self, probes: Sequence[Probe], folder: Path, *, everything: bool = False) -> None:
        """``folder``: in which files were planted; ``everything``: also sources without a probe
        are told."""
        self._probes, self._folder, self._everything = probes, folder, everything
        self._found: dict[tuple[str, str], str] = {}
        """By source and indicator: where."""
        self._coverage: dict[str, Coverage] = {}

    @property
    def indicators(self) -> list[Indicator]:
        """Of all that is to be looked for, each once."""
        found = {i.id: i for probe in self._probes if probe.is_open for i in probe.indicators}
        return list(found.values())

    def add(self, report: Report) -> None:
        """What one sweep found; a source that was left out this time keeps what is known."""
        for finding in report.findings:
            for one in finding.evidence:
                self._found.setdefault((one.source, one.indicator), one.place.text)
        for coverage in report.coverage:
            if coverage.state is not State.SKIPPED and not _asked_alone(coverage):
                self._coverage[coverage.source] = coverage

    def missing(self) -> list[str]:
        """Sources that have not found all, and could yet."""
        return list(
            dict.fromkeys(
                probe.source
                for probe in self._probes
                if probe.is_open
                and not self._place(probe)
                and not self._is_out_of_reach(probe.source)
            )
        )

    def _is_out_of_reach(self, source: str) -> bool:
        coverage = self._coverage.get(source)
        return coverage is not None and coverage.state is State.UNAVAILABLE

    def _place(self, probe: Probe) -> str:
        places = (self._found.get((probe.source, one.id)) for one in probe.indicators)
        return next((place for place in places if place), "")

    def told(self) -> Iterator[Attempt]:
        """All of them."""
        for probe in self._probes:
            yield self._attempt(probe)
        asked = {probe.source for probe in self._probes}
        for name, coverage in self._coverage.items() if self._everything else ():
            if name not in asked and name not in _BY_RECORDS:
                yield _of_source(Probe(source=name, what=WHOLE), coverage)

    def _attempt(self, probe: Probe) -> Attempt:
        coverage = self._coverage.get(probe.source)
        if probe.nothing:
            gap = _gap(coverage)
            return probe.unproved(gap or probe.nothing, nothing=not gap)
        if probe.problem:
            return probe.unproved(probe.problem)
        if probe.indicator is None and coverage is not None:
            return _of_source(probe, coverage)
        walked = _walked(coverage) if probe.by_record else ""
        place = self._place(probe)
        if place and not walked:
            return probe.proved(place)
        nothing = coverage is not None and _is_foreign(coverage)
        return probe.unproved(
            walked or self._gone(probe) or _reasons(coverage) or NOT_FOUND, nothing=nothing
        )

    def _gone(self, probe: Probe) -> str:
        """Whether somebody else has removed the file that was planted for it."""
        name = probe.file.partition(":")[0]
        return GONE if name and not os.path.lexists(self._folder / name) else ""


def _of_source(probe: Probe, coverage: Coverage) -> Attempt:
    """Where there is nothing to be found: a gap is a failure."""
    complete = coverage.state is State.COMPLETE or is_absent(coverage)
    said = _reasons(coverage) or (NOT_PLANTED if complete else coverage.state.value)
    return probe.unproved(said, nothing=complete)


def _gap(coverage: Coverage | None) -> str:
    """Why it is not sure that there is nothing; empty: it is, or nobody was asked."""
    if coverage is None or coverage.state is State.COMPLETE or _is_foreign(coverage):
        return ""
    return _reasons(coverage) or coverage.state.value


def is_absent(coverage: Coverage) -> bool:
    """Whether this host has no such evidence, or could not have."""
    none = any(one.reason == NONE for one in coverage.notes)
    return _is_foreign(coverage) or (
        coverage.state is State.COMPLETE and not coverage.examined and none
    )


def _is_foreign(coverage: Coverage) -> bool:
    reasons = [one.reason for one in coverage.reasons]
    return coverage.state is State.UNAVAILABLE and reasons == [NOT_THIS_PLATFORM]


def _asked_alone(coverage: Coverage) -> bool:
    """Asked again with nothing beside it, and there was nothing: the first answer says more."""
    return any(one.reason == NOTHING_EXAMINED for one in coverage.reasons)


def _walked(coverage: Coverage | None) -> str:
    """Why a volume was walked that should have been read by its records."""
    notes: Iterable[str] = () if coverage is None else (one.reason for one in coverage.notes)
    return next((note for note in notes if note.startswith(_WALKED)), "")


def _reasons(coverage: Coverage | None) -> str:
    if coverage is None:
        return ""
    told = coverage.reasons or [one for one in coverage.notes if one.reason == NONE]
    return "; ".join(_reason(one.reason, one.samples) for one in told[:3])


def _reason(reason: str, samples: Sequence[str]) -> str:
    return f"{reason} ({samples[0]})" if samples else reason
