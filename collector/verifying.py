"""Whether the database still says what it was told: every report is read again, and what is said of
reports, hosts and sweeps is worked out from them anew.

Nothing is taken from a column that a body tells. Signatures are verified over the bytes as they lie
there, by the keys that the sweep had when each report came. A server may go on meanwhile: a host
whose reports came while it was looked at is looked at again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import NamedTuple

from msgspec import MsgspecError

from agent.model.codec import ReportError

from .folding import Fold, Kept, Said, unpacked_again
from .intake import Refused
from .judging import limits_of, packed, unpacked_limits
from .listing import rows_of
from .records import STATES, Demand, HostRow, Sweep
from .signatures import Status, Verdict, judged_anew, verdict_kept
from .store.checking import MUST_BE_NONE, Names
from .store.checking_terms import HostTerms, KeptTerms
from .store.database import Row
from .store.putting import MAX_SOURCES
from .store.signing import SweepKey
from .store.sqlite import SqliteDatabase
from .store.store import Store
from .sweep_keys import keys_then
from .terms import Term, terms_of

Line = tuple[str, bool]
"""What to tell, and whether it is a problem."""
MAX_NUMBERED = 1 << 20
"""Reports that have no number yet, and get it as for an output."""
_ATTEMPTS = 5
"""At a host whose reports come meanwhile."""


async def verify(store: Store) -> AsyncIterator[Line]:
    """Lines to tell, each with whether it is a problem. Raises StoreError."""
    if isinstance(store.database, SqliteDatabase):
        for (answer,) in await store.database.fetch("PRAGMA integrity_check"):
            yield f"integrity_check: {answer}", answer != "ok"
    run = _Run(store)
    for sweep_id in await _sweep_ids(store):
        async for line in run.sweep(sweep_id):
            yield line
    yield f"{run.read:,} reports read again, {run.broken:,} broken", False
    signed = ", ".join(f"{status} {count:,}" for status, count in sorted(run.signatures.items()))
    yield f"signatures verified again: {signed or 'none'}", False
    ((unlisted,),) = await store.database.fetch("SELECT COUNT(*) FROM report WHERE indexed = 0")
    yield f"{unlisted:,} reports wait for their findings to be listed", False
    await store.database.number(MAX_NUMBERED)
    for words, sql in MUST_BE_NONE.items():
        ((count,),) = await store.database.fetch(sql)
        yield f"{int(count):,} {words}", bool(count)
    async for line in _sequence(store):
        yield line


async def _sweep_ids(store: Store) -> list[str]:
    """Of sweeps, and of hosts that are of none."""
    rows = await store.database.fetch(
        "SELECT sweep_id FROM sweep UNION SELECT DISTINCT sweep_id FROM host ORDER BY 1"
    )
    return [str(sweep_id) for (sweep_id,) in rows]


async def _sequence(store: Store) -> AsyncIterator[Line]:
    """Outputs go by the numbers of reports: one that is missing was never sent, or is gone."""
    ((first, last, there),) = await store.database.fetch(
        "SELECT MIN(seq), MAX(seq), COUNT(seq) FROM report"
    )
    if first is None:
        return
    gaps = int(last) - int(there)
    ((removed,),) = await store.database.fetch(
        "SELECT COUNT(*) FROM audit WHERE action = 'remove sweep'"
    )
    why = ", of sweeps that were removed" if gaps and removed else ""
    yield f"{gaps:,} numbers of reports are missing{why}", bool(gaps and not removed)


class _Read(NamedTuple):
    """What a body says."""

    said: Said
    findings: dict[str, str]
    """Their strengths, by their ids."""
    terms: list[Term]
    left_out: int
    """Values more than are kept."""
    signature: Status
    """As its bytes are now."""


class _Run:
    """One reading of everything."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.read = self.broken = 0
        self.signatures: Counter[Status] = Counter()
        self._keys: list[SweepKey] | None = None
        """That the sweep ever had; None: there is no such sweep."""
        self._ever_suppressed = False
        """Whether anything of the sweep was set aside at any time."""

    async def sweep(self, sweep_id: str) -> AsyncIterator[Line]:
        """All hosts of a sweep, then its counters."""
        store = self._store
        sweep = await store.sweep(sweep_id)
        if sweep is None:
            yield f"sweep {sweep_id}: hosts of a sweep that is not there", True
        self._keys = None if sweep is None else await store.sweep_keys(sweep_id)
        before = await store.counts(sweep_id)
        self._ever_suppressed = bool(await store.suppressions(sweep_id))
        names = Names(store, sweep_id)
        await names.begin()
        terms = KeptTerms(store, sweep_id)
        await terms.begin()
        states: Counter[str] = Counter()
        last, sure = "", True
        while keys := await store.database.fetch(
            "SELECT host_key FROM host WHERE sweep_id = ? AND host_key > ? ORDER BY host_key"
            " LIMIT 100",
            sweep_id, last,
        ):  # fmt: skip
            for (host_key,) in keys:
                state, lines = await self._host(sweep_id, str(host_key), sweep, names, terms)
                states[state] += 1
                sure &= state != ""
                for line in lines:
                    yield line
            last = str(keys[-1][0])
        after = await store.counts(sweep_id)
        said: dict[str, int] = {state: int(getattr(after, state)) for state in STATES}
        found: dict[str, int] = {state: states[state] for state in STATES}
        if sure and before.reports == after.reports and said != found:
            yield (
                f"sweep {sweep_id}: counted as {_told(said)}; the reports say {_told(found)}",
                True,
            )
        if sweep is None or sweep.judged == sweep.demanded:
            for wrong in await names.end():
                yield f"sweep {sweep_id}: {wrong}", True

    async def _host(
        self, sweep_id: str, host_key: str, sweep: Sweep | None, names: Names, terms: KeptTerms
    ) -> tuple[str, list[Line]]:
        """Its state (empty: not known, as a body cannot be read), and what is wrong."""
        row = await self._store.host(sweep_id, host_key)
        for _ in range(_ATTEMPTS):
            if row is None:
                return "", []
            searched = await terms.of_host(host_key)
            fold, lines, whole = await self._folded(row, sweep, names, searched)
            later = await self._store.host(sweep_id, host_key)
            if later == row or later is None:
                break
            row = later
        else:  # it is never at rest
            return "", []
        if not whole or not fold.reports:
            return "", lines
        flaws = [*_host_flaws(row, fold, ever_suppressed=self._ever_suppressed)]
        flaws += searched.too_many()
        lines += [(f"host {row.name} ({sweep_id}): {why}", True) for why in flaws]
        states = fold.states(suppressed=row.suppressed)
        return row.state if row.state in states else min(states), lines

    async def _folded(
        self, row: HostRow, sweep: Sweep | None, names: Names, searched: HostTerms
    ) -> tuple[Fold, list[Line], bool]:
        fold, lines, whole = Fold(), list[Line](), True
        # while a demand is being held against reports again, rows may be by the one before
        demand = sweep.demand if sweep is not None and sweep.judged == sweep.demanded else None
        read = broken = 0
        async for kept, columns in self._store.kept_of(row.sweep_id, row.host_key):
            report, whys = await asyncio.to_thread(_report_flaws, kept, columns, demand, self._keys)
            listed = int(columns[8])
            if report is not None:
                if listed:
                    whys += await self._listed(kept, report.findings)
                whys += await searched.of_report(kept.report_id, report.terms, report.left_out)
                self.signatures[report.signature] += 1
            read += 1
            broken += bool(whys)
            lines += [(f"report {kept.report_id}: {why}", True) for why in whys]
            if report is None:
                whole = False
            else:
                fold.add(report.said)
                names.seen(report.said.report, report.said.limits)
        self.read += read
        self.broken += broken
        return fold, lines, whole

    async def _listed(self, kept: Kept, findings: dict[str, str]) -> list[str]:
        """Whether the lists have the findings of the report in their strengths."""
        rows = await self._store.database.fetch(
            "SELECT finding_id, strength FROM finding WHERE report_id = ?", kept.report_id
        )
        said = {str(finding): str(strength) for finding, strength in rows}
        if said == findings:
            return []
        wrong = sum(said.get(one) != strength for one, strength in findings.items())
        more = len(said.keys() - findings.keys())
        return [f"{wrong + more:,} findings are not listed as they are"]


def _report_flaws(
    kept: Kept, columns: Row, demand: Demand | None, keys: Sequence[SweepKey] | None
) -> tuple[_Read | None, list[str]]:
    """The report (None: it cannot be read), and what is wrong."""
    digest, size, state, strong, weak, excluded, finished, name, _, limits = columns
    try:
        report, whole, data = unpacked_again(kept)
    except (ReportError, Refused) as error:
        return None, [str(error)]
    why = []
    if report.digest != bytes(digest) or report.size != int(size):
        why.append("is not what was acknowledged")
    if whole.report_id != kept.report_id:
        why.append(f"says that it is {whole.report_id}")
    if report.host_key != kept.host_key or report.name != str(name):
        why.append(f"is of {report.name}, and listed as of {name}")
    why += _differences(
        ("state", str(state), "hit" if report.hit else report.base),
        ("strong findings", int(strong), report.strong),
        ("weak findings", int(weak), report.weak),
        ("excluded findings", int(excluded), report.excluded),
        ("end", int(finished), report.finished),
    )
    now = str(limits) if demand is None else packed(limits_of(report, demand))
    if _kinds(now) != _kinds(str(limits)):
        why.append(f"is limited by {_kinds(str(limits))}, and should be by {_kinds(now)}")
    listed = rows_of(whole, kept.sweep_id, kept.host_key, report.name)
    strengths = {one.finding_id: one.strength for one in listed}
    signature = verdict_kept(kept.signature)
    if keys is not None:
        was = signature
        signature, agreed = judged_anew(data, whole, kept.signature, keys_then(keys, kept.received))
        if not agreed:
            why.append(f"signature: recorded as {_named(was)}, and is {_named(signature)}")
    terms, left_out = terms_of(whole, kept.source)
    return _Read(Said(report, now), strengths, terms, left_out, signature.status), why


def _named(signature: Verdict) -> str:
    return f"{signature.status} ({signature.detail})" if signature.detail else signature.status


def _kinds(limits: str) -> str:
    """What of; the words are those of the version that judged."""
    try:
        return ", ".join(sorted({one.what for one in unpacked_limits(limits)})) or "nothing"
    except MsgspecError:
        return "what cannot be read"


def _host_flaws(row: HostRow, fold: Fold, *, ever_suppressed: bool) -> Iterator[str]:
    """What the reports say otherwise. Of several that ended at one time any may be what counts."""
    states = fold.states(suppressed=row.suppressed)
    if row.state not in states:
        yield f"is listed as {row.state}, and its reports say {' or '.join(sorted(states))}"
    if row.report_id not in {one.report.report_id for one in fold.telling}:
        yield f"report {row.report_id} is not the one that its state is from"
    if (row.strong, row.weak) not in {(s.report.strong, s.report.weak) for s in fold.telling}:
        yield f"{row.strong} strong and {row.weak} weak findings are not what that report has"
    if row.users not in {one.report.users for one in fold.telling}:
        yield f"its users, {row.users or 'none'}, are not those of that report"
    if row.signature not in {one.report.signature for one in fold.counting}:
        yield "its signature is not that of the report that counts"
    if row.hit_signature not in {s.report.signature if row.hit else "" for s in fold.telling}:
        yield "the signature of its hit is not that of the report that has it"
    rests = {(s.report.elevated, s.report.kind, s.report.worth) for s in fold.counting}
    if (row.elevated, row.kind, row.worth) not in rests:
        yield "what its answer rests on is not what its report says"
    yield from _differences(
        ("hit", row.hit, fold.hit),
        ("limited", row.limited, bool(fold.counting[-1].limits)),
        ("number of reports", row.reports, fold.reports),
        ("end", row.finished, fold.counting[-1].report.finished),
        ("first hit or gap", row.trouble, fold.trouble),
        ("last clean", row.cleared, fold.cleared),
        ("last received", row.last_received, fold.last_received),
    )
    if row.first_hit != fold.first_hit and not (ever_suppressed and _later_hit(row, fold)):
        yield from _differences(("first hit", row.first_hit, fold.first_hit))
    if len(row.sources) < MAX_SOURCES and set(row.sources.split(" ")) != fold.sources:
        yield f"its senders are not those of its reports, {', '.join(sorted(fold.sources))}"
    if len(fold.sources) > 1 and not row.flagged:
        yield f"has {len(fold.sources)} senders and is not flagged"


def _later_hit(row: HostRow, fold: Fold) -> bool:
    """Whether it may be one since then, or none: by what was suppressed meanwhile, or lifted."""
    if row.first_hit is None or fold.first_hit is None:
        return row.suppressed
    return not row.suppressed and row.first_hit > fold.first_hit


def _differences(*facts: tuple[str, object, object]) -> list[str]:
    return [f"{what}: listed as {said}, and is {is_}" for what, said, is_ in facts if said != is_]


def _told(states: dict[str, int]) -> str:
    return ", ".join(f"{state} {count:,}" for state, count in states.items())
