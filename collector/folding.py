"""What a host's reports make of it, read out of their bodies again.

The same as ``store/putting.py`` says in SQL, where one report comes at a time: from here hosts are
judged again when the demand of their sweep changes, and ``verify`` knows what a row must say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct, structs

from agent.model.codec import MAX_BYTES, ReportError, decode
from agent.model.report import Report

from .host_names import name_keys
from .intake import Arrival, bounded_gunzip, new_report
from .records import STATES, HostState, NewReport
from .signatures import verdict_kept

MAX_TIED = 100
"""Reports of a host that ended in the same millisecond, of which any may be what counts."""


class Kept(Struct, frozen=True, kw_only=True):
    """A report's row, as far as its body says it again."""

    report_id: str
    sweep_id: str
    host_key: str
    source: str
    received: int
    body: bytes
    signature: str
    """What was found of it when it came."""


def read_again(kept: Kept) -> tuple[NewReport, Report]:
    """What the intake made of the body, and the report in it. Raises ReportError, Refused."""
    made, report, _ = unpacked_again(kept)
    return made, report


def unpacked_again(kept: Kept) -> tuple[NewReport, Report, bytes]:
    """The same, and the report's JSON. Raises ReportError, Refused."""
    data = bounded_gunzip(kept.body, MAX_BYTES)
    report = decode(data, max_bytes=MAX_BYTES)
    arrival = Arrival(
        report_id=kept.report_id,
        sweep_id=kept.sweep_id,
        body=kept.body,
        encoding="gzip",
        content_type="application/json",
        source=kept.source,
        received=kept.received,
        signature=kept.signature,
    )
    return new_report(report, arrival, data, kept.body), report, data


class Said(Struct, frozen=True):
    """One report of a host, and in what it is less than what was asked for."""

    report: NewReport
    limits: str
    """As :func:`~collector.judging.packed`."""

    @property
    def order(self) -> tuple[int, bool, int]:
        """What is greater counts: what was asked for, else a whole host, else a part; of these
        what is as it was signed; of these the latest."""
        worth = 2 if not self.limits else int(self.report.whole_host)
        verified = verdict_kept(self.report.signature).state == "signed"
        return worth, verified, self.report.finished

    @property
    def worth(self) -> HostState:
        """Hits aside."""
        return "limited" if self.report.base == "clean" and self.limits else self.report.base


class Fold:
    """A host by its reports, added in any order; only the few that count are held."""

    def __init__(self) -> None:
        self.reports = 0
        self.hit = False
        self.trouble: int | None = None
        self.cleared: int | None = None
        self.first_hit: int | None = None
        self.last_received = 0
        self.sources: set[str] = set()
        self.counting: list[Said] = []
        """That which counts, hits aside; several if they ended at one time."""
        self.telling: list[Said] = []
        """That which the state is from, in the same way."""
        self.naming: list[Said] = []
        """That which its whole name is from, or else would be."""

    def add(self, said: Said) -> None:
        """One more report. Its body is let go of."""
        report = said.report
        said = Said(structs.replace(report, body=b""), said.limits)
        self.reports += 1
        self.hit |= report.hit
        if report.hit:
            self.first_hit = min(self.first_hit or report.received, report.received)
        self.last_received = max(self.last_received, report.received)
        self.sources.add(report.source)
        if report.base == "clean" and not report.hit:
            if self.cleared is None or report.finished > self.cleared:
                self.cleared = report.finished
        elif self.trouble is None or report.finished < self.trouble:
            self.trouble = report.finished
        self.counting = _best(self.counting, said, lambda one: one.order)
        self.telling = _best(self.telling, said, lambda one: (one.report.hit, *one.order))
        self.naming = _best(self.naming, said, lambda one: (_knows_domain(one), *one.order))

    def states(self, *, suppressed: bool) -> set[HostState]:
        """The worst that is not suppressed; several if reports that differ ended at one time."""
        return {"hit"} if self.hit and not suppressed else {one.worth for one in self.counting}


def _knows_domain(one: Said) -> bool:
    report = one.report
    return bool(name_keys(report.name, report.fqdn, report.domain)[1])


def worst(tied: Sequence[Said]) -> Said:
    """Of several that ended at one time."""
    return min(tied, key=lambda one: STATES.index(one.worth))


def _best(known: list[Said], said: Said, order: Callable[[Said], tuple[int, ...]]) -> list[Said]:
    if not known or order(said) > order(known[0]):
        return [said]
    if order(said) == order(known[0]):
        return [*known[-MAX_TIED + 1 :], said]
    return known


__all__ = ["Fold", "Kept", "ReportError", "Said", "read_again", "unpacked_again", "worst"]
