"""Arguments to a sweep, and the report to an exit code."""

from __future__ import annotations

import io
import os
import re
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import psutil
from msgspec import structs

from .byte_rules import RulesError
from .delivery.client import DeliveryError, check_url, read_token, send_pending
from .delivery.spool import Spool, SpoolError
from .exclusions import Exclusions
from .identity import running_agent
from .journal import Header, Journal, JournalError, find_interrupted, recover, settle
from .model import BUILT_IN, Coverage, ExclusionsRef, Report, Verdict
from .options import Options, UsageError, parse
from .output.console import Progress, render
from .output.summary import summary_line
from .own import Own
from .packs import Pack, PackError, exclusions_in_use, load_pack, load_packs, matcher_of
from .report_codec import ReportError, encode
from .sources.registry import live_sources, offline_sources
from .state import OneSweep, home, make_home
from .sweep import Plan, Sweep
from .targets.folder import TargetError
from .targets.live import LiveHost
from .targets.offline import offline_target
from .windows import security

CLEAN, HIT, FAILED, INCOMPLETE, UNDELIVERED, BUSY = range(6)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit code (DESIGN, section 4)."""
    try:
        _use_safe_streams()
        if sys.platform == "win32":
            from .windows.security import harden_dll_search

            harden_dll_search(getattr(sys, "_MEIPASS", ""))
        options = parse(list(sys.argv[1:] if arguments is None else arguments))
        if options.command == "packs":
            return _packs(options)
        return _sweep(options)
    except (UsageError, PackError, RulesError, TargetError, DeliveryError) as error:
        print(f"iocsweep: {error}", file=sys.stderr)  # noqa: T201
        return FAILED
    except Exception:  # noqa: BLE001 - a defect must never look like the exit code of a hit
        _say(f"could not run, this is a defect:\n{traceback.format_exc()}")
        return FAILED


def _use_safe_streams() -> None:
    """Never fail on a character that the console does not have; UTF-8 wherever there is no
    console.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            encoding = None if stream.isatty() else "utf-8"
            stream.reconfigure(encoding=encoding, errors="backslashreplace")


def _say(text: str) -> None:
    print(f"iocsweep: {text}", file=sys.stderr, flush=True)  # noqa: T201


# ---- packs
# -------------------------------------------------------------------------------------------


def _packs(options: Options) -> int:
    if options.action == "list":
        for pack in load_packs():
            _print_pack(pack)
        return CLEAN
    code = CLEAN
    for path in options.paths:
        try:
            pack = load_pack(Path(path))
        except PackError as error:
            _say(str(error))
            code = FAILED
        else:
            print(f"{path}: ok, {len(pack.file.indicators)} indicators")  # noqa: T201
    return code


def _print_pack(pack: Pack) -> None:
    file = pack.file
    lines = [f"{file.id} {file.version}   {file.title}   {len(file.indicators)} indicators"]
    from .matching import type_of, value_of

    lines += [
        f"  {i.strength.value:9}  {type_of(i):12}  {value_of(i)[:90]}  [{', '.join(i.reference)}]"
        for i in file.indicators
    ]
    print("\n".join(lines))  # noqa: T201


# ---- sweep
# -------------------------------------------------------------------------------------------


def _sweep(options: Options) -> int:
    token = ""
    if options.collector:
        check_url(options.collector)
        token = read_token(options.token_file, os.environ)
    packs = load_packs(options.packs, options.only_packs)
    matcher = matcher_of(packs, options.rules, thorough=options.thorough)
    rules, exclusions = exclusions_in_use()
    _say_what_replaces(packs, exclusions, options)
    folder = home()
    out = _out_folder(options, folder)
    _make_folders(folder, out)
    if options.nice:
        _be_nice()
    live = options.command == "live"
    if live and sys.platform == "win32":
        for problem in security.take_administrators_rights():
            _say(problem)
    own = _own(options, folder)
    target = (
        LiveHost(own, paths=options.paths, walk=options.walk)
        if live
        else offline_target(*options.paths, own=own)
    )
    with OneSweep(folder) as lock:
        if live and not lock.acquire():
            _say("another sweep is running on this host")
            return BUSY
        spool = _open_spool(folder) if options.collector else None
        _finish_interrupted(out, spool)
        with Progress() as progress:
            watcher = _Watcher(progress)
            sources = (
                live_sources(
                    options.memory,
                    options.max_file_size,
                    watcher.folder,
                    verify_walk=options.verify_walk,
                )
                if live
                else offline_sources(target.describe().kind, options.max_file_size, watcher.folder)
            )
            plan = Plan(
                target=target,
                matcher=matcher,
                exclusions=Exclusions(rules),
                sources=sources,
                skip=options.skip,
                only=options.only,
                agent=running_agent(),
                options=options.recorded(),
                sweep_id=options.sweep_id,
                max_runtime_s=options.max_runtime,
            )
            sweep = Sweep(
                plan,
                lambda header: _start_journal(
                    options, out, structs.replace(header, exclusions=exclusions)
                ),
            )
            watcher.sweep = sweep
            report = structs.replace(sweep.run(watcher), exclusions=exclusions)
        if sweep.journal_error:
            _say(f"the journal could not be kept: {sweep.journal_error}")
        path = _write(report, sweep.journal)
        delivered = _deliver(report, spool, options, token)
    _show(report, path, options, delivered=delivered)
    return _exit_code(report, kept=path is not None, delivered=delivered, options=options)


def _say_what_replaces(packs: Sequence[Pack], exclusions: ExclusionsRef, options: Options) -> None:
    """Files beside the exe that take the place of the built-in ones without being asked for."""
    asked = {str(path) for path in (*options.packs, *options.only_packs)}
    for origin in (*(pack.reference().origin for pack in packs), exclusions.origin):
        if origin != BUILT_IN and origin not in asked:
            _say(f"{origin} takes the place of the built-in file")


class _Watcher:
    """Passes the sweep's course on to the terminal, and the time limit to the walk."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.sweep: Sweep | None = None

    def source(self, name: str) -> None:
        self._progress.source(name)

    def done(self, coverage: Coverage) -> None:
        self._progress.done(coverage)

    def folder(self, path: str) -> None:  # noqa: ARG002 - told for each folder
        """Called for each folder of the walk: lets the time limit end it."""
        if self.sweep is not None:
            self.sweep.check_time()


def _out_folder(options: Options, folder: Path) -> Path:
    if options.out is None:
        return folder / "reports"
    if options.out.is_dir() or options.out.suffix.lower() != ".json":
        return options.out
    return options.out.parent


def _make_folders(folder: Path, out: Path) -> None:
    for path in (folder, out):
        try:
            make_home(path) if path == folder else path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from error


def _open_spool(folder: Path) -> Spool | None:
    try:
        return Spool(folder / "spool")
    except (SpoolError, OSError) as error:
        _say(f"no spool: {error}")
        return None


def _report_name(header: Header) -> str:
    host = re.sub(r"[^A-Za-z0-9._-]", "_", header.host.name)[:64] or "host"
    return f"{host}-{header.report_id}.json"


def _start_journal(options: Options, out: Path, header: Header) -> Journal | None:
    final = out / _report_name(header)
    if options.out is not None and options.out != out:
        final = options.out
    try:
        return Journal.create(final, header)
    except (OSError, ReportError) as error:
        _say(f"{final}: no report can be written there: {error}")
        return None


def _finish_interrupted(out: Path, spool: Spool | None) -> None:
    """Reports of killed sweeps are finished and, with a collector, sent with this one's."""
    try:
        interrupted = find_interrupted(out)
    except OSError as error:
        _say(f"{out}: cannot be searched for interrupted sweeps: {error.strerror or error}")
        return
    for path in interrupted:
        try:
            report = recover(path)
            final = settle(path, report)
            _say(f"finished the report of an interrupted sweep: {final}")
            if spool is not None:
                spool.put(report.report_id, encode(report))
        except (JournalError, ReportError, SpoolError, OSError) as error:
            _say(f"{path}: report of an interrupted sweep, kept as it is: {error}")


def _write(report: Report, journal: Journal | None) -> Path | None:
    if journal is None:
        return None
    try:
        return journal.finish(report)
    except (OSError, ReportError) as error:
        _say(f"{journal.final}: the report could not be written: {error}")
        return None


def _deliver(report: Report, spool: Spool | None, options: Options, token: str) -> bool | None:
    """Whether the collector has it; None when there is none."""
    if options.collector is None:
        return None
    if spool is None:
        return False
    try:
        spool.put(report.report_id, encode(report))
    except (SpoolError, OSError) as error:
        _say(f"the report could not be spooled: {error}")
        return False
    delivered = False
    try:
        outcomes = send_pending(spool, options.collector, token, ca=options.ca)
    except (DeliveryError, SpoolError, OSError) as error:
        # The sweep is over: what it found must not be lost to the state of a folder.
        _say(f"delivery ended early, the report stays in the spool: {error}")
        return False
    for report_id, outcome in outcomes:
        if outcome.acknowledged:
            delivered = delivered or report_id == report.report_id
        else:
            _say(f"report {report_id} stays in the spool: {outcome.reason}")
    return delivered


def _own(options: Options, folder: Path) -> Own:
    """This process and those that started it as iocsweep; its image, packs, rules, reports and
    spool.
    """
    me = psutil.Process()
    pids = {me.pid}
    for parent in me.parents():
        try:
            line = " ".join(parent.cmdline())
        except (psutil.Error, OSError):
            continue
        if Own.has_text(line):
            pids.add(parent.pid)
    files = [*options.packs, *options.only_packs, *options.rules]
    if getattr(sys, "frozen", False):
        files.append(Path(sys.executable))
    folders = [folder / "spool", folder / "reports", _program_folder()]
    return Own.of(pids=pids, files=map(str, files), folders=map(str, folders))


def _program_folder() -> Path:
    """Where the packs lie: the bundle's folder, or the package ``iocs``."""
    bundle = getattr(sys, "_MEIPASS", None)
    if bundle is not None:
        return Path(bundle)
    import iocs

    return Path(iocs.__file__).parent


def _be_nice() -> None:
    if sys.platform == "win32":
        from .windows.process_priority import stand_back

        for problem in stand_back():
            _say(problem)
    else:
        os.nice(19)


def _show(report: Report, path: Path | None, options: Options, *, delivered: bool | None) -> None:
    summary = summary_line(report, report_path=str(path) if path else None, delivered=delivered)
    terminal = sys.stdout.isatty()
    if not options.quiet:
        width = os.get_terminal_size().columns if terminal else 100
        shown = str(path) if path else None
        print(render(report, report_path=shown, delivered=delivered, width=width))  # noqa: T201
    if options.quiet or not terminal:
        print(summary, flush=True)  # noqa: T201


def _exit_code(report: Report, *, kept: bool, delivered: bool | None, options: Options) -> int:
    if options.exit_zero:
        return CLEAN
    if report.verdict is Verdict.HIT:
        return HIT
    if report.verdict is Verdict.INCOMPLETE:
        return INCOMPLETE
    return UNDELIVERED if delivered is False or not kept else CLEAN
