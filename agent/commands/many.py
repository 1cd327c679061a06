"""Several hosts in one run of ``offline``: a sweep, a process and a report each, here or on the
workers of a cluster."""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from msgspec import structs

from ..delivery.route import route_of
from ..exit_codes import CLEAN, FAILED, HIT, INCOMPLETE, UNDELIVERED, UsageError
from ..home import home
from ..model.custody import Exhibit
from ..model.report import ExclusionsRef, PackRef, Report, Verdict
from ..options import Options
from ..output.plain import plain
from ..output.say import say, tell
from ..output.several import Row, SeveralProgress, several_line, short_name, table, worst
from ..output.summary import summary_line
from ..packs.built_in import exclusions_in_use, load_packs
from ..sources.catalog import CATALOG, NAMES
from .delivering import deliver_recovered, open_spool
from .destination import Destination, destination_of, finish_interrupted
from .given_paths import refuse_missing
from .one_of_many import STOPPED, OneOfMany, Running
from .packs_signing import pack_keys
from .resuming import (
    Question,
    code_of,
    exhibits_of,
    identity_of,
    is_answer,
    question,
    rules_in,
    whole_reports,
)
from .unsent import take_up
from .written_once import once_of

Start = Callable[[Options, Callable[[str], None]], Running]
MOST_TASKS = 1000
"""That wait for their workers at once."""
_DRAWN_S = 0.2
_SOURCES = sum(1 for entry in CATALOG if entry.by_default)
"""As many as are told of evidence at rest."""


def sweep_many(options: Options, hosts: Sequence[Sequence[str]]) -> int:
    """The worst exit code of all (DESIGN, section 4). ``hosts``: the paths of each.

    Raises CannotRun before anything is swept.
    """
    refuse_missing([path for paths in hosts for path in paths])
    _refuse_one_file(options)
    if options.scheduler is not None and options.out is None:
        raise UsageError("--scheduler: give --out DIR, on storage that all workers reach")
    route = route_of(options, os.environ, say)
    where = destination_of(options, home())
    if where.file is not None:
        raise UsageError(f"--out {where.file}: of several hosts there are several; name a folder")
    spool = None if route is None else open_spool(where.home)
    recovered = finish_interrupted(where, spool)
    if spool is not None:
        take_up(where.folder, spool)
    many = _Many(options, hosts)
    if options.resume or options.scheduler is not None:
        many.ask(where)
    if options.resume:
        many.resume()
    if options.scheduler is None:
        many.run(OneOfMany, at_once=options.jobs or 1)
    else:
        from .cluster import cluster_at

        with cluster_at(options.scheduler) as cluster:
            many.run(cluster.start, at_once=options.jobs or MOST_TASKS, waits=True)
    codes = many.codes()
    later = finish_interrupted(where, spool)
    codes += [HIT for one in later if one.report.verdict is Verdict.HIT]
    if route is not None and not deliver_recovered([*recovered, *later], spool, route):
        codes.append(UNDELIVERED)
    code = worst(codes)
    many.tell(code)
    return CLEAN if options.exit_zero and code in (HIT, INCOMPLETE, UNDELIVERED) else code


def _refuse_one_file(options: Options) -> None:
    """Raises UsageError for what names one file that all would write."""
    for name in ("timeline", "csv", "defender", "html"):
        if getattr(options, name) is not None:
            raise UsageError(f"--{name}: one file, and several hosts: sweep one after the other")


class _Many:
    def __init__(self, options: Options, hosts: Sequence[Sequence[str]]) -> None:
        self._options = options
        self._start = time.monotonic()
        self._asked = [
            structs.replace(
                options, paths=[*paths], part=True, quiet=True, exit_zero=False, jobs=None,
                resume=False, scheduler=None,
            )
            for paths in hosts
        ]  # fmt: skip
        self._exhibits = [exhibits_of(one) for one in self._asked]
        self._rows = [
            Row(
                name=" + ".join(map(short_name, paths)),
                weight=sum(file.size for one in exhibits for file in one.files),
            )
            for paths, exhibits in zip(hosts, self._exhibits, strict=True)
        ]
        self._running: set[Running] = set()
        self._start_one: Start = OneOfMany
        self._waits = self._once = False
        self._id = secrets.token_hex(16)
        """Of this run."""
        self._stopped = False
        self._known: dict[tuple[tuple[str, ...], Question], list[tuple[Path, Report]]] = {}
        """Whole reports that are there."""
        self._packs: list[PackRef] = []
        self._exclusions: ExclusionsRef | None = None
        self._rules: dict[str, object] = {}

    def ask(self, where: Destination) -> None:
        """What the question is, and what of it is answered already: of its evidence a report is
        written once then. Raises PackError, RulesError."""
        self._rules = rules_in(self._options)
        keys = pack_keys(self._options)
        packs = load_packs(self._options.packs, self._options.only_packs, NAMES, keys)
        self._packs = [pack.reference() for pack in packs]
        self._exclusions = exclusions_in_use(NAMES, keys)[1]
        self._once = True
        for key, path, report in whole_reports(where.folder):
            self._known.setdefault(key, []).append((path, report))

    def resume(self) -> None:
        """Those whose whole report is there are over."""
        for number, row in enumerate(self._rows):
            self._is_there(row, self._asked[number], self._exhibits[number])

    def _is_there(self, row: Row, asked: Options, exhibits: Sequence[Exhibit]) -> bool:
        found = next(
            (one for one in self._known_of(asked, exhibits) if is_answer(one[1], asked)), None
        )
        if found is not None:
            path, report = found
            row.code, row.resumed = code_of(report), True
            row.summary = _read(summary_line(report, report_path=str(path)))
        return found is not None

    def _known_of(self, asked: Options, exhibits: Sequence[Exhibit]) -> list[tuple[Path, Report]]:
        """Of this evidence and question, the newest first."""
        if not self._known:
            return []
        found = self._known.get((identity_of(exhibits), self._question(asked)), [])
        return sorted(found, key=lambda one: one[1].finished, reverse=True)

    def _question(self, asked: Options) -> Question:
        recorded = {**asked.recorded(), **self._rules}
        return question(recorded, self._packs, self._exclusions)

    def run(self, start: Start, *, at_once: int, waits: bool = False) -> None:
        """All of them, so many at once; ``start``: begins one, which may have to wait for its turn
        wherever it runs (``waits``)."""
        self._start_one, self._waits = start, waits
        quiet = False if self._options.quiet else None
        left = [number for number, row in enumerate(self._rows) if row.code is None]
        progress = SeveralProgress(enabled=quiet)
        with progress, ThreadPoolExecutor(max(1, min(at_once, len(left)))) as pool:
            waiting = {pool.submit(self._one, number): number for number in left}
            while waiting:
                try:
                    self._wait(waiting, progress)
                except KeyboardInterrupt:
                    self._stop(waiting)

    def _wait(self, waiting: dict[Future[list[Row]], int], progress: SeveralProgress) -> None:
        over, _ = wait(waiting, timeout=_DRAWN_S, return_when=FIRST_COMPLETED)
        for future in over:
            row = self._rows[waiting.pop(future)]
            if future.cancelled():
                row.code, row.why = FAILED, STOPPED
            for one in [row] if future.cancelled() else future.result():
                progress.over(one)
                if self._options.quiet and one.summary:
                    tell(_written(one.summary))
        progress.show(self._rows, now=bool(over))

    def _stop(self, waiting: dict[Future[list[Row]], int]) -> None:
        self._stopped = True
        for future in waiting:
            future.cancel()
        for one in [*self._running]:
            one.stop()

    def _one(self, number: int) -> list[Row]:
        """In a thread of its own; waits for the process. What came of it, of each host a row."""
        row, asked = self._rows[number], self._asked[number]
        exhibits = self._exhibits[number]
        given, names, rows = row.name, self._sweep(row, asked, exhibits), [row]
        for name in names:
            # Several hosts on one image: a row each, the first in the place of this one.
            one = row if name == names[0] else Row(name="", weight=row.weight)
            one.name, one.summary, one.code, one.why = f"{given}: {name}", {}, None, ""
            of_it = structs.replace(asked, installation=name)
            if one is not row:
                self._rows.append(one)
                rows.append(one)
            if not self._is_there(one, of_it, exhibits):
                self._sweep(one, of_it, exhibits)
        return rows

    def _sweep(self, row: Row, asked: Options, exhibits: Sequence[Exhibit]) -> list[str]:
        """Gives the names of the hosts, if there are several, and then it was not swept."""
        if self._stopped:
            row.code, row.why = FAILED, STOPPED
            return []
        row.running = not self._waits
        if self._once:
            given = " ".join((self._id, *asked.paths))
            others = (
                one for _, one in self._known_of(asked, exhibits) if not is_answer(one, asked)
            )
            known = sorted(report.report_id for report in others)
            once = once_of(exhibits, self._question(asked), given, known)
            asked = structs.replace(asked, once=[once.evidence, once.question, once.beside])
        try:
            process = self._start_one(asked, lambda line: say(f"{row.name}: {line}"))
        except OSError as error:
            row.code, row.why, row.running = FAILED, plain(error), False
            return []
        self._running.add(process)
        try:
            code, row.why = process.wait(lambda told: _goes(row, told))
        finally:
            self._running.discard(process)
            row.running = False
        row.summary, row.code = process.summary, code
        names = process.summary.get("hosts")
        if asked.installation or not isinstance(names, list):
            return []
        return [str(name) for name in names]

    def codes(self) -> list[int]:
        """Of all."""
        return [FAILED if row.code is None else row.code for row in self._rows]

    def tell(self, code: int) -> None:
        """The table, or the line."""
        if not self._options.quiet:
            tell(table(self._rows))
        if self._options.quiet or not sys.stdout.isatty():
            tell(several_line(self._rows, code, time.monotonic() - self._start))


def _goes(row: Row, told: dict[str, Any]) -> None:
    row.running = True
    source, seen, done = told.get("at"), told.get("seen"), told.get("done")
    row.source = source[:32] if isinstance(source, str) else ""
    row.seen = seen if isinstance(seen, int) else 0
    row.fraction = min(0.99, done / _SOURCES) if isinstance(done, int) else 0.0


def _read(line: str) -> dict[str, Any]:
    made = json.loads(line)
    assert isinstance(made, dict)
    return made


def _written(summary: dict[str, Any]) -> str:
    return json.dumps(summary, separators=(",", ":"))
