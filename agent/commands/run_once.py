"""``--once SWEEP``: the sweep of a name is not run again where it has finished.

What starts a program at every refresh of a policy would sweep a host for ever. The exit code is the
earlier verdict's: a host with a hit stays one for whoever asks again, and an incomplete answer does
not become a clean one by being asked twice.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from .. import __version__
from ..delivery.parcel import Spooled
from ..delivery.route import BACKLOG, Route
from ..delivery.spool import SpoolError
from ..exit_codes import CLEAN, HIT, INCOMPLETE, UNDELIVERED
from ..model.report import Report, Verdict
from ..options import Options
from ..output.plain import plain
from ..output.say import say, tell
from ..sweep import finished_mark
from ..sweep.finished_mark import Finished
from ..sweep.loop import STOPPED
from .delivering import open_spool
from .destination import Destination, Recovered
from .unsent import take_up

_CODES = {Verdict.HIT: HIT, Verdict.INCOMPLETE: INCOMPLETE, Verdict.CLEAN: CLEAN}


def finished_before(options: Options, place: Destination, route: Route | None) -> int | None:
    """The exit code if the sweep has finished here, which is told; None if it is to be run.

    Its report may still wait in the spool: what waits is sent.
    """
    if options.run_once is None:
        return None
    home = place.home
    try:
        mark = finished_mark.read(home)
    except OSError as error:
        say(f"{finished_mark.where(home)}: {plain(error)}; the sweep is run")
        return None
    if mark is None or mark.sweep != options.run_once:
        return None
    delivered = _send_what_waits(place, route)
    _tell(mark, delivered, options)
    if options.exit_zero:
        return CLEAN
    code = _CODES[mark.verdict]
    return UNDELIVERED if code == CLEAN and delivered is False else code


def mark_finished(
    options: Options, home: Path, report: Report, recovered: Sequence[Recovered]
) -> None:
    """Once the report is safe. A sweep that the operator has stopped has not finished; one whose
    time was over has: its report says what was not reached."""
    reasons = {reason.reason for one in report.coverage for reason in one.reasons}
    if options.run_once is None or STOPPED in reasons:
        return
    verdict = report.verdict
    if any(one.report.verdict is Verdict.HIT for one in recovered):
        verdict = Verdict.HIT  # as this run's exit code
    when = finished_mark.finished_at(report.finished)
    try:
        finished_mark.write(home, Finished(options.run_once, verdict, when))
    except OSError as error:
        say(f"{finished_mark.where(home)}: that the sweep has finished is not kept: {plain(error)}")


def _send_what_waits(place: Destination, route: Route | None) -> bool | None:
    """Whether nothing waits any more; None if nothing did, or nobody was named."""
    if route is None:
        return None
    spool = open_spool(place.home)
    if spool is None:
        return None
    left = take_up(place.folder, spool)
    try:
        waiting = [Spooled(spool, report_id) for report_id, _ in spool.pending()][:BACKLOG]
    except SpoolError as error:
        say(f"the spool cannot be read: {plain(error)}")
        return False
    if not waiting:
        return False if left else None
    return all(fate.via for fate in route.deliver(waiting, spool).values()) and not left


def _tell(mark: Finished, delivered: bool | None, options: Options) -> None:  # noqa: FBT001 - as Delivered has it
    if options.quiet:
        line = {
            "v": 1, "verdict": mark.verdict.value, "once": mark.sweep, "finished": mark.finished,
            "delivered": delivered, "agent": __version__,
        }  # fmt: skip
        tell(json.dumps(line, ensure_ascii=True, separators=(",", ":")))
        return
    tell(
        f"The sweep {mark.sweep} has finished on this host, {mark.finished}:"
        f" {mark.verdict.value.upper()}. It is not run again (--once)."
    )
