"""The main loop: for each source of the target, observations to findings, and the coverage."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct, structs

from ..coverage import Ledger
from ..findings import chains
from ..findings.exclusions import Exclusions
from ..findings.finding import (
    basis_of,
    evidence_of,
    finding_of,
    packs_by_indicator,
    reference_of,
)
from ..findings.keys import image_of
from ..matching.matcher import Match, Matcher
from ..model.host_facts import HostFacts
from ..model.journal_record import Header, PlannedSource
from ..model.objects import ARROW
from ..model.observation import Observation
from ..model.remembered import Remembered
from ..model.report import (
    COLLECTED,
    Agent,
    Coverage,
    Finding,
    Reason,
    Report,
    Resources,
    Scope,
    State,
    Strength,
    TargetKind,
    Truncation,
    verdict_of,
)
from ..model.window import is_before
from ..packs.loading import Pack
from ..sources import BuffersResults, Source
from ..targets import Target
from .course import Course, Deadline, Watcher
from .identity import new_report_id
from .journal import Journal
from .known_host import known_host
from .remembered import remembered_of
from .spent import cpu_s, peak_rss

MAX_MATCHES = 200_000
"""Matches kept in memory, and as many again of those that are not weak; what is beyond is counted
in ``truncated`` and leaves a gap, since weak ones may prove something together."""
MAX_PER_INDICATOR = 20_000
"""Of them by one indicator in one strength, so that a flood of one displaces no other."""
MAX_PER_ARCHIVE = 2_000
"""Of them in one archive."""
BEYOND = "matches beyond the bound"
MAX_FINDINGS = 10_000
TIME_IS_UP = "--max-runtime was over; not looked at from here on"
NOT_REACHED = "not reached: --max-runtime was over before it began"
STOPPED = "stopped by the operator"
MEMORY = "images of memory alone"
"""What limits a sweep of them: neither files nor what ran are asked."""
NOTHING_EXAMINED = "nothing was there to be examined"


class Plan(Struct, frozen=True, kw_only=True):
    """What to sweep, and how."""

    target: Target
    packs: Sequence[Pack]
    matcher: Matcher
    exclusions: Exclusions
    sources: Sequence[Source]
    skip: Collection[str] = ()
    """Sources that the operator left out."""
    only: Collection[str] = ()
    """Given, the only sources asked. With paths the question was about those alone, and the other
    sources are not required; without paths it was about the host, and they are gaps."""
    agent: Agent
    options: dict[str, Any]
    sweep_id: str | None = None
    since_s: float | None = None
    """Given, the verdict counts what happened in so many seconds before the sweep alone."""


class Sweep:
    """One sweep of one target."""

    def __init__(self, plan: Plan, start_journal: Callable[[Header], Journal | None]) -> None:
        self.plan = plan
        self._started = plan.target.now()
        self._host = plan.target.host()
        self._packs = packs_by_indicator(plan.packs)
        self._matches: list[Match] = []
        self._kept: Counter[tuple[str, ...]] = Counter()
        self._lost: Counter[str] = Counter()
        self._beyond, self._first_beyond = 0, ""
        """Of the source at hand: matches for which there was no room."""
        self._coverage: list[Coverage] = []
        self._facts = HostFacts()
        self.journal_error = ""
        self._stopped = False
        self._watcher: Watcher | None = None
        self._limited_to_paths = bool(plan.target.describe().paths)
        self._header = Header(
            report_id=new_report_id(self._started),
            sweep_id=plan.sweep_id,
            agent=plan.agent,
            host=self._host,
            target=plan.target.describe(),
            scope=_scope(plan),
            packs=[pack.reference() for pack in plan.packs],
            started=self._started,
            since=_since(self._started, plan.since_s),
            options=plan.options,
            sources=[PlannedSource(s.name, self._required(s)) for s in plan.sources],
        )
        self.journal = start_journal(self._header)

    def _required(self, source: Source) -> bool:
        limited = self.plan.only and self._limited_to_paths
        if limited and source.name not in self.plan.only:
            return False
        return source.required(self.plan.target)

    def run(self, course: Course) -> Report:
        """Ask every source, then put together what was seen. Errors become coverage."""
        self._watcher = course.watcher
        for source in self.plan.sources:
            coverage = self._ask(source, course)
            self._coverage.append(coverage)
            self._journal(functools.partial(Journal.coverage, coverage=coverage))
            course.watcher.done(coverage)
        self._examined_something()
        return self._report(course)

    def _examined_something(self) -> None:
        """Where there was nothing for any source, nothing is proved: a required one has a gap."""
        if any(coverage.examined for coverage in self._coverage):
            return
        for number, coverage in enumerate(self._coverage):
            if coverage.required and coverage.state is State.COMPLETE:
                reasons = [*coverage.reasons, Reason(reason=NOTHING_EXAMINED)]
                self._coverage[number] = structs.replace(
                    coverage, state=State.UNAVAILABLE, reasons=reasons
                )
                return

    def _ask(self, source: Source, course: Course) -> Coverage:
        required = self._required(source)
        ledger = Ledger(source.name, required=required, facts=self._facts)
        if source.name in self.plan.skip or (self.plan.only and source.name not in self.plan.only):
            ledger.skipped("left out by the operator")
            return ledger.close()
        if self._stopped:
            ledger.unread(STOPPED)
            return ledger.close()
        if course.is_over:
            ledger.unread(NOT_REACHED)
            return ledger.close()
        self._beyond, self._first_beyond = 0, ""
        course.begins(source.name, lambda: ledger.examined)
        seen = source.observe(self.plan.target, self.plan.matcher, ledger)
        with self._ends_told(ledger, course):
            course.at()
            for observation in seen:
                self._take(observation)
                course.at()
        with self._ends_told(ledger, course):
            if isinstance(seen, Generator):
                seen.close()
            for observation in source.pending() if isinstance(source, BuffersResults) else ():
                self._take(observation)
        if self._beyond:
            # At the end: a source may go back to an earlier account.
            ledger.unread(BEYOND, self._first_beyond, self._beyond)
        return ledger.close()

    @contextmanager
    def _ends_told(self, ledger: Ledger, course: Course) -> Iterator[None]:
        """Whatever ends this is told in the coverage."""
        try:
            yield
        except Deadline:
            ledger.unread(TIME_IS_UP, course.place)
        except KeyboardInterrupt:
            self._stopped = True
            ledger.unread(STOPPED)
        except Exception as error:  # noqa: BLE001 - a source's defect must not end the sweep; it is told
            ledger.unread(f"the source failed: {type(error).__name__}", str(error))

    def _take(self, seen: Observation) -> None:
        observation = self._by_the_host(seen)
        for match in self.plan.matcher.match(observation):
            if not self._keep(match):
                self._beyond += 1
                self._first_beyond = self._first_beyond or observation.place.text

    def _by_the_host(self, seen: Observation) -> Observation:
        """A file of evidence at rest under the path that the host knew: what others say of it (a
        command line, a log) belongs to it. Where it lies here is its place."""
        file = seen.file
        if file is None or self.plan.target.live is not None:
            return seen
        holder, arrow, inner = (file.member_of or file.path).partition(ARROW)
        known = self.plan.target.known_as(holder) + arrow + inner
        if known in (file.member_of, file.path):
            return seen
        changes = {"member_of" if file.member_of else "path": known}
        return structs.replace(seen, file=structs.replace(file, **changes))

    def _keep(self, match: Match) -> bool:
        """False if there is no room for it."""
        if not self._has_room(match):
            self._lost[match.indicator.id] += 1
            return False
        self._matches.append(match)
        if self._watcher is not None and match.strength.rank >= Strength.STRONG.rank:
            self._watcher.found(f"{match.strength.value}, {match.observation.place.text}")
        self._journal(
            lambda journal: journal.evidence(
                evidence_of(match),
                title=f"{match.observation.place.text}: {match.reason}",
                indicator=reference_of(match, self._packs),
            )
        )
        return True

    def _has_room(self, match: Match) -> bool:
        """Whether a match is within the bounds, and then count it."""
        weak = match.strength is Strength.WEAK
        if len(self._matches) >= (MAX_MATCHES if weak else 2 * MAX_MATCHES):
            return False
        kind = (match.indicator.id, match.strength.value)
        file = match.observation.file
        inside = (*kind, file.member_of) if file is not None and file.member_of else None
        if self._kept[kind] >= MAX_PER_INDICATOR:
            return False
        if inside is not None and self._kept[inside] >= MAX_PER_ARCHIVE:
            return False
        self._kept[kind] += 1
        if inside is not None:
            self._kept[inside] += 1
        return True

    def _journal(self, write: Callable[[Journal], None]) -> None:
        """A journal that cannot be written does not end the sweep; the operator is told."""
        if self.journal is None or self.journal_error:
            return
        try:
            write(self.journal)
        except OSError as error:
            self.journal_error = f"{self.journal.path}: {error.strerror or error}"

    def _report(self, course: Course) -> Report:
        findings, truncated = self._findings()
        host, cut = known_host(self._host, self._facts)
        return Report(
            report_id=self._header.report_id,
            sweep_id=self._header.sweep_id,
            agent=self._header.agent,
            host=host,
            target=self._header.target,
            scope=self._header.scope,
            packs=self._header.packs,
            started=self._started,
            finished=self.plan.target.now(),
            since=self._header.since,
            options=self._header.options,
            verdict=verdict_of(findings, self._coverage),
            coverage=self._coverage,
            indicators=self.plan.matcher.counts(),
            findings=findings,
            remembered=self._remembered(),
            truncated=[*truncated, *cut],
            resources=self._resources(course),
        )

    def _remembered(self) -> list[Remembered]:
        if self.plan.target.platform != "windows":
            return []
        return remembered_of(self._coverage, self._facts)

    def _findings(self) -> tuple[list[Finding], list[Truncation]]:
        now = self.plan.target.now()
        findings: list[Finding] = []
        dropped = 0
        rules = [rule for pack in self.plan.packs for rule in pack.file.chains]
        image = image_of(self._host, self._header.target)
        for chain in chains.build(self._matches, rules):
            finding, lost = finding_of(chain, self._host.id, self._packs, now, image)
            dropped += lost
            finding.in_window = not is_before(finding, self._header.since, chain.observations)
            findings.append(self.plan.exclusions.apply(finding, basis_of(chain)))
        findings.sort(key=_by_weight)
        kept = findings[:MAX_FINDINGS]
        evidence = sum(len(finding.evidence) for finding in findings)
        truncated = [
            Truncation(what=what, kept=left, total=left + gone)
            for what, left, gone in (
                ("findings", len(kept), len(findings) - len(kept)),
                ("evidence", evidence, dropped),
                *self._lost_matches(),
            )
            if gone
        ]
        return kept, truncated

    def _lost_matches(self) -> Iterator[tuple[str, int, int]]:
        """Per indicator: what, how many are kept, and how many are not."""
        kept = Counter(match.indicator.id for match in self._matches)
        for indicator, gone in self._lost.most_common():
            yield f"matches of {indicator}", kept[indicator], gone

    def _resources(self, course: Course) -> Resources:
        own_rules = self.plan.matcher.own_rules
        ended_s = own_rules.ended_s if own_rules is not None else 0.0
        return Resources(
            cpu_s=round(cpu_s(starts=own_rules is not None) + ended_s, 3),
            wall_s=round(course.elapsed_s, 3),
            paused_s=round(course.paused_s, 3),
            peak_rss_bytes=peak_rss(),
            read_bytes=sum(coverage.bytes for coverage in self._coverage),
        )


def _since(started: datetime, seconds: float | None) -> datetime | None:
    try:
        return None if seconds is None else started - timedelta(seconds=seconds)
    except OverflowError:
        return None  # longer than there is a calendar: all of it counts


def _by_weight(finding: Finding) -> tuple[object, ...]:
    """What the verdict counts goes first: it is never what there was no room for."""
    counts = finding.in_window or finding.strength.rank < Strength.STRONG.rank
    return (not counts, -finding.strength.rank, -finding.score, finding.title)


def _scope(plan: Plan) -> Scope:
    """How far the question went: of evidence at rest, what was given is the whole of it."""
    described = plan.target.describe()
    asked = (
        ("paths", described.paths if described.kind is TargetKind.LIVE else ()),
        ("text in", [MEMORY] if described.kind is TargetKind.MEMORY else ()),
        ("only", plan.only),
        ("without", plan.skip),
    )
    limits = [COLLECTED] if described.collected else []
    limits += [f"{word} {', '.join(names)}" for word, names in asked if names]
    return Scope(whole_host=not limits, limited_to=limits)
