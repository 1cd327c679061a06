"""The commands ``live`` and ``offline``: one sweep from its options to its exit code."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from ..delivery.config import with_settings
from ..delivery.route import Route, route_of
from ..delivery.splay import splay_s
from ..exit_codes import CLEAN, HIT, INCOMPLETE, UNDELIVERED, CannotRun
from ..findings.exclusions import Exclusions
from ..home import DEEP, HASHES, OneSweep, home
from ..indicators import ExclusionsFile
from ..matching.byte_rules import wild
from ..matching.matcher import Matcher
from ..matching.own_traces import Own
from ..model.codec import ReportError
from ..model.custody import Custody
from ..model.journal_record import Header
from ..model.report import BUILT_IN, ExclusionsRef, Report, Verdict
from ..options import Options
from ..output.console import render
from ..output.plain import plain
from ..output.progress import Progress
from ..output.say import say, tell
from ..output.summary import summary_line
from ..output.telling import Telling
from ..packs.built_in import exclusions_in_use, load_packs, matcher_of
from ..packs.drill import drill_pack
from ..packs.loading import Pack
from ..sources import Source
from ..sources.catalog import NAMES, ON_REQUEST, Setup, sources_of
from ..sources.files.hash_cache import HashCache, HashCacheError
from ..sources.stored_hash import NAME as STORED_HASH
from ..sources.stored_hash import StoredHashSource
from ..sweep.course import Course
from ..sweep.custody import custody_of
from ..sweep.identity import running_agent
from ..sweep.journal import Journal
from ..sweep.loop import Plan, Sweep
from ..sweep.publish import report_at
from ..targets import Target
from ..targets.offline.bitlocker import must_be_there
from ..targets.offline.recognise import offline_target
from ..targets.volume_keys import Sort, VolumeKey, read_keys
from ..windows import security
from .alone import be_alone
from .bounds import take_bounds, waits_of
from .delivering import Delivered, deliver, is_safe, note_unsent, open_spool
from .destination import Destination, Recovered, destination_of, finish_interrupted
from .exports import exports_of, write_exports
from .given_paths import refuse_missing
from .notes import notes_from
from .own_marks import own_marks
from .packs_signing import pack_keys, signed_rules
from .resuming import RULES
from .run_once import finished_before, mark_finished
from .unsent import keep, take_up
from .written_once import promised

if TYPE_CHECKING:
    from ..matching.own_rules import OwnRules


def sweep(options: Options) -> int:
    """Sweep, write, deliver, show; gives the exit code (DESIGN, section 4).

    Raises CannotRun before anything is swept.
    """
    refuse_missing(options.paths)
    options, settings = with_settings(options)
    route = route_of(options, os.environ, say)
    if settings is not None and route is not None:
        where = " and ".join(str(p) for p in (options.collector, options.share) if p is not None)
        say(f"{settings}: reports go to {where}")
    keys = pack_keys(options)
    packs = load_packs(options.packs, options.only_packs, NAMES, keys)
    if _is_live(options):
        packs.append(drill_pack())
    with _own_rules(options, packs) as own_rules:
        matcher = matcher_of(packs, own_rules, thorough=options.thorough)
        return _sweep(options, route, packs, matcher)


def _rules_of(matcher: Matcher) -> dict[str, object]:
    """What the report keeps of the operator's own rules, beside their paths."""
    rules = matcher.own_rules
    return {RULES: rules.fingerprint} if rules is not None and rules.rules else {}


@contextmanager
def _own_rules(options: Options, packs: Sequence[Pack]) -> Iterator[OwnRules | None]:
    """With ``--rules``, or with packs that have to be guarded like them; rules that cannot run are
    said. Raises RulesError, and PackError for one that no pinned key signed."""
    indicators = [indicator for pack in packs for indicator in pack.file.indicators]
    if not options.rules and not wild(indicators):
        yield None
        return
    from ..matching.own_rules import OwnRules

    own_rules = OwnRules(
        options.rules,
        indicators,
        strict=options.strict_rules,
        vouched=signed_rules(pack_keys(options)),
        timeout_s=options.rules_timeout,
    )
    for place in own_rules.left_out():
        say(f"own rule left out: {place}")
    try:
        yield own_rules
    finally:
        own_rules.close()


def _sweep(options: Options, route: Route | None, packs: Sequence[Pack], matcher: Matcher) -> int:
    rules, exclusions = exclusions_in_use(NAMES, pack_keys(options))
    _say_what_replaces(packs, exclusions, options)
    notes = notes_from(options.notes)
    where, exports = destination_of(options, home()), exports_of(options)
    take_bounds(options)
    _take_rights(options)
    target = _target(options, own_marks(options, where.home))
    if not _is_live(options):
        target.host()  # raises SeveralHosts, before anything has begun
    custody = custody_of(target, examiner=options.examiner, case=options.case, notes=notes)
    references = [pack.reference() for pack in packs]
    once = promised(options, custody.exhibits if custody else (), references, exclusions)
    where = structs.replace(where, once=once)
    with OneSweep(where.home) as lock:
        if _is_live(options):
            be_alone(lock, options)
        if (code := finished_before(options, where, route)) is not None:
            return code
        recorded = {**_after_splay(options, target), **_rules_of(matcher)}
        spool = open_spool(where.home) if route is not None else None
        # Whoever sweeps many finishes those of all.
        recovered = [] if options.part else finish_interrupted(where, spool)
        if spool is not None:
            take_up(where.folder, spool)
        _show_recovered(recovered, options)
        there = None if once is None else next(once.there(where.folder), None)
        path: Path | None
        if there is not None:
            (path, report), kept = there, True
        else:
            this = _This(options, where, target, packs, matcher, rules, exclusions, custody)
            report, journal = this.swept(recorded)
            made = report

            def is_kept(there: Path) -> bool:
                if once is not None:
                    nonlocal report
                    report = report_at(there) or made  # another one's, if that was faster
                return route is None or keep(report, spool, there)

            path = _write(made, journal, is_kept)
            kept = write_exports(made, exports) and path is not None
        delivered = deliver(report, spool, route, path)
        note_unsent(report, path, delivered, spool)
        if is_safe(report, path, delivered, spool):
            mark_finished(options, where.home, report, recovered)
    _show(report, path, options, delivered, recovered)
    if not options.exit_zero and any(one.report.verdict is Verdict.HIT for one in recovered):
        return HIT
    return exit_code(report, kept=kept, delivered=delivered.done, options=options)


class _This(NamedTuple):
    """One sweep, all that it needs found."""

    options: Options
    where: Destination
    target: Target
    packs: Sequence[Pack]
    matcher: Matcher
    rules: ExclusionsFile
    exclusions: ExclusionsRef
    custody: Custody | None

    def swept(self, recorded: dict[str, object]) -> tuple[Report, Journal | None]:
        """``recorded``: the options as the report keeps them."""
        options, custody = self.options, self.custody
        with (
            Telling()
            if options.part
            else Progress(enabled=False if options.quiet else None) as progress,
            _cache(options, self.where.home, self.matcher) as cache,
        ):
            starts = self.matcher.own_rules is not None
            course = Course(progress, options.max_runtime, waits_of(options, starts=starts))
            hashes = StoredHashSource(progress=course.at) if options.check_hash else None
            plan = Plan(
                target=self.target,
                packs=self.packs,
                matcher=self.matcher,
                exclusions=Exclusions(self.rules),
                sources=[
                    *_sources(options, self.target, course, cache, self.where.home),
                    *([] if hashes is None else [hashes]),
                ],
                skip=options.skip,
                only=[*options.only, *([STORED_HASH] if options.only and hashes else [])],
                agent=running_agent(),
                options=recorded,
                sweep_id=options.sweep_id,
                since_s=options.since,
            )
            run = Sweep(plan, self._start_journal)
            report = _run(run, course, options)
            if custody is not None and hashes is not None:
                exhibits = [hashes.told(one) for one in custody.exhibits]
                custody = structs.replace(custody, exhibits=exhibits)
            report = structs.replace(report, exclusions=self.exclusions, custody=custody)
            report = self.where.signed(report, run.journal.last if run.journal else "")
        return report, run.journal

    def _start_journal(self, header: Header) -> Journal | None:
        known = structs.replace(header, exclusions=self.exclusions, custody=self.custody)
        return self.where.start_journal(known)


def _is_live(options: Options) -> bool:
    return options.command == "live"


def _take_rights(options: Options) -> None:
    if _is_live(options) and sys.platform == "win32":
        for problem in security.take_administrators_rights():
            say(problem)


def _target(options: Options, own: Own) -> Target:
    if _is_live(options):
        from ..targets.live.host import LiveHost

        return LiveHost(own, paths=options.paths, walk=options.walk)
    return offline_target(
        *options.paths,
        own=own,
        keys=_keys(options),
        installation=options.installation,
        called=options.host,
        given_as=options.given_as,
    )


def _keys(options: Options) -> Sequence[VolumeKey]:
    """Raises CannotRun."""
    if options.bitlocker_keys is None:
        return ()
    keys = read_keys(options.bitlocker_keys)
    if any(key.sort is not Sort.PRIVATE_KEY for key in keys):
        must_be_there()
    return keys


def _sources(
    options: Options, target: Target, course: Course, cache: HashCache | None, folder: Path
) -> list[Source]:
    setup = Setup(
        options.max_file_size,
        course.at,
        options.memory,
        options.verify_walk,
        cache,
        deep=options.deep or not ON_REQUEST.isdisjoint(options.only),
        memories=bool(target.memories),
        kept=folder / DEEP,
    )
    return sources_of(target.describe().kind, setup)


def _run(run: Sweep, course: Course, options: Options) -> Report:
    """The sweep itself; own rules are not asked any more when its time is over."""
    own_rules = run.plan.matcher.own_rules
    if own_rules is not None and options.max_runtime is not None:
        own_rules.end_after(options.max_runtime)
    report = run.run(course)
    for note in own_rules.notes() if own_rules is not None else ():
        say(note)
    if run.journal_error:
        say(f"the journal could not be kept: {run.journal_error}")
    return report


def _after_splay(options: Options, target: Target) -> dict[str, object]:
    """The options as the report keeps them, once this host's turn has come. Raises CannotRun if
    the operator ended the wait."""
    recorded = options.recorded()
    if options.splay is None:
        return recorded
    waits = splay_s(options.splay, target.host().id, options.sweep_id)
    if not options.quiet:
        say(f"waiting {waits:,.0f} s before the sweep (--splay); Ctrl-C ends it")
    try:
        time.sleep(waits)
    except KeyboardInterrupt:
        why = "stopped by the operator before the sweep; nothing was looked at"
        raise CannotRun(why) from None
    return {**recorded, "splay_s": round(waits, 1)}


def _say_what_replaces(packs: Sequence[Pack], exclusions: ExclusionsRef, options: Options) -> None:
    """Files beside the exe that take the place of the built-in ones without being asked for."""
    asked = {str(path) for path in (*options.packs, *options.only_packs)}
    for origin in (*(pack.reference().origin for pack in packs), exclusions.origin):
        if origin != BUILT_IN and origin not in asked:
            say(f"{origin} takes the place of the built-in file")


@contextmanager
def _cache(options: Options, folder: Path, matcher: Matcher) -> Iterator[HashCache | None]:
    """With ``--cache``, if it can be had; what is wrong with it is said, and ends nothing."""
    if not options.cache:
        yield None
        return
    agent = running_agent()
    build = f"{agent.version} {agent.build} {agent.sha256} {options.max_file_size}"
    cache = None
    try:
        cache = HashCache(folder / HASHES, f"{build}\n{matcher.looks_for()}")
    except HashCacheError as error:
        say(f"--cache: {error}")
    try:
        yield cache
    finally:
        if cache is not None:
            try:
                cache.close()
            except HashCacheError as error:
                say(f"--cache: {error}")


def _write(report: Report, journal: Journal | None, kept: Callable[[Path], bool]) -> Path | None:
    if journal is None:
        return None
    try:
        return journal.finish(report, kept)
    except (OSError, ReportError) as error:
        say(f"{journal.final}: the report could not be written: {plain(error)}")
        return None


def _show(
    report: Report,
    path: Path | None,
    options: Options,
    delivered: Delivered,
    recovered: Sequence[Recovered],
) -> None:
    shown = str(path) if path else None
    terminal = sys.stdout.isatty()
    if not options.quiet:
        tell(render(report, report_path=shown, delivered=delivered.done, width=_width()))
    if options.quiet or not terminal:
        line = summary_line(
            report,
            report_path=shown,
            delivered=delivered.done,
            via=delivered.via,
            recovered=[one.report for one in recovered],
        )
        tell(line)


def _show_recovered(recovered: Sequence[Recovered], options: Options) -> None:
    """What a killed sweep found, before this one begins: it may be killed as well."""
    for one in recovered:
        if one.report.verdict is Verdict.HIT and not options.quiet:
            tell("FOUND BY AN INTERRUPTED SWEEP, which is finished now:\n")
            shown = str(one.path) if one.path else None
            tell(render(one.report, report_path=shown, width=_width()) + "\n")


def _width() -> int:
    """Of the terminal, where there is one that knows; some say 0."""
    return (os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else 0) or 100


def exit_code(report: Report, *, kept: bool, delivered: bool | None, options: Options) -> int:
    """A hit wins over all others; ``kept``: the report, and what else was to be written, is on this
    host."""
    if options.exit_zero:
        return CLEAN
    if report.verdict is Verdict.HIT:
        return HIT
    if report.verdict is Verdict.INCOMPLETE:
        return INCOMPLETE
    return UNDELIVERED if delivered is False or not kept else CLEAN
