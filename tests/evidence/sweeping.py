"""Sweeps in a test: of one source alone, of all as the agent sweeps, by the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.cli import main
from agent.coverage import Ledger
from agent.indicators import Indicator
from agent.matching.matcher import Match, Matcher
from agent.matching.own_traces import Own
from agent.model.codec import decode
from agent.model.objects import File
from agent.model.observation import Observation
from agent.model.report import Coverage, Report, State
from agent.sources import Source
from agent.sources.files.hash_cache import HashCache
from agent.sources.files.source import FilesSource
from agent.sweep.course import Course
from agent.sweep.identity import running_agent
from agent.sweep.loop import Plan, Sweep
from agent.targets import Target
from agent.targets.offline.folder import FolderTarget
from agent.targets.offline.image import ImageTarget

from .hosts import Mounted, host
from .packs import campaign, exclusions, matcher_of, packs

READ_AGAIN = "not read again: as it was when an earlier sweep read it"


# One source alone.


@dataclass
class Swept:
    """What a source saw of a target, and its account."""

    matcher: Matcher
    seen: list[Observation]
    coverage: Coverage

    def at(self, place: Path | str) -> list[Observation]:
        return [found for found in self.seen if found.place.text == str(place)]

    def only(self) -> Observation:
        (found,) = self.seen
        return found

    def only_file(self) -> File:
        """The file of the only thing seen."""
        file = self.only().file
        assert file is not None
        return file

    def matches(self, place: Path | str | None = None) -> list[Match]:
        """Of what was seen there; of all, if no place is given."""
        seen = self.seen if place is None else self.at(place)
        return [match for found in seen for match in self.matcher.match(found)]

    @property
    def reasons(self) -> dict[str, int]:
        return {reason.reason: reason.count for reason in self.coverage.reasons}

    @property
    def notes(self) -> dict[str, int]:
        return {note.reason: note.count for note in self.coverage.notes}


def swept(
    target: Target | Path,
    source: Source | None = None,
    *,
    matcher: Matcher | None = None,
    thorough: bool = False,
) -> Swept:
    """What the source (of files) sees of the target (this folder); it raises what the source does.

    By the built-in packs, if there is no matcher."""
    target = FolderTarget(str(target), own=Own()) if isinstance(target, Path) else target
    source = FilesSource() if source is None else source
    matcher = campaign(thorough=thorough) if matcher is None else matcher
    ledger = Ledger(source.name, required=source.required(target))
    seen = list(source.observe(target, matcher, ledger))
    return Swept(matcher, seen, ledger.close())


def swept_mounted(
    target: Mounted, *, verify_walk: bool = False, matcher: Matcher | None = None
) -> Swept:
    """What the files source sees of a volume that is mounted, its files opened as that says."""
    source = FilesSource(open_file=target.open_file, verify_walk=verify_walk)
    return swept(target, source, matcher=matcher)


def observed(
    source: Source, own: Own | None = None, **answers: Any
) -> tuple[list[Observation], Coverage, set[str]]:
    """What a live source sees of a made-up host, and the ids of the indicators that match."""
    sweep = swept(host(own, **answers), source)
    return sweep.seen, sweep.coverage, {match.indicator.id for match in sweep.matches()}


def cached(
    path: Path, folder: Path, *indicators: Indicator, thorough: bool = True
) -> tuple[list[Match], Coverage]:
    """What matches in an image, swept with the cache that is kept in the folder."""
    matcher = matcher_of(*indicators, thorough=thorough)
    cache = HashCache(folder / "hashes.sqlite", matcher.looks_for())
    try:
        target = ImageTarget(str(path), own=Own())
        sweep = swept(target, FilesSource(cache=cache), matcher=matcher)
    finally:
        cache.close()
    return sweep.matches(), sweep.coverage


def was_read(coverage: Coverage) -> bool:
    """Whether nothing was left to an earlier sweep with the same cache."""
    assert coverage.state is State.COMPLETE
    return not any(note.reason == READ_AGAIN for note in coverage.notes)


# As the agent sweeps.


class Silent:
    """Nobody watches."""

    def source(self, name: str) -> None:
        pass

    def at(self, place: str, examined: int) -> None:
        pass

    def found(self, what: str) -> None:
        pass

    def done(self, coverage: Coverage) -> None:
        pass


def plan_of(
    target: Target | Path, *sources: Source, thorough: bool = False, **options: Any
) -> Plan:
    """To sweep the target (this folder) by the built-in packs for these sources (that of files)."""
    return Plan(
        target=FolderTarget(str(target), own=Own()) if isinstance(target, Path) else target,
        packs=packs(),
        matcher=campaign(thorough=thorough),
        exclusions=exclusions(),
        sources=sources or (FilesSource(),),
        agent=running_agent(),
        options={},
        **options,
    )


def reported(
    target: Target | Path, *sources: Source, max_runtime_s: float | None = None, **options: Any
) -> Report:
    """The report of a whole sweep, in which a source that fails is a gap; as ``plan_of``."""
    course = Course(Silent(), max_runtime_s)
    return Sweep(plan_of(target, *sources, **options), lambda _: None).run(course)


def commanded(out: Path, *arguments: str) -> tuple[int, Report]:
    """The exit code and the one report of a command that writes it into ``out``."""
    code = main([*arguments, "--out", str(out)])
    (path,) = out.glob("*.json")
    return code, decode(path.read_bytes())
