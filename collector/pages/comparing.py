"""Two reports of one host beside each other: what is new, gone, changed, and what was looked at.

That a finding is gone is worth as much as the later report looked where the earlier one had seen
it; what it did not look at is said with each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from agent.model.report import Coverage, Finding, Report, State
from agent.output.chain import cut

from .describe import when
from .gist import scope_of, strongest_first

MAX_FINDINGS = 200
"""Of one kind that are shown."""
MAX_TEXTS = 20


class Difference(Struct, frozen=True, kw_only=True):
    """One thing that the reports tell otherwise: ``strength``, ``weak``, ``strong``."""

    what: str
    before: str
    after: str


class Compared(Struct, frozen=True, kw_only=True):
    """A finding of one or both reports."""

    finding_id: str
    strength: str
    title: str
    indicator_id: str
    changes: list[Difference]
    """Empty where it is new or gone."""
    not_looked: list[str]
    """Sources that had seen a finding that is gone, and that the later report did not wholly look
    at: it may be there still."""


class SourceChange(Struct, frozen=True, kw_only=True):
    """A source that the reports looked at differently."""

    source: str
    required: bool
    changes: list[Difference]


class Comparison(Struct, frozen=True, kw_only=True):
    """What two reports of one host differ in; bounded, all texts as the host wrote them."""

    before: str
    """Report id of the one that was swept first."""
    after: str
    host: str
    same: int
    """Findings that both have, with nothing changed."""
    new: list[Compared]
    gone: list[Compared]
    changed: list[Compared]
    more_new: int
    more_gone: int
    more_changed: int
    coverage: list[SourceChange]
    circumstances: list[Difference]
    """Verdict, scope, packs, agent, rights, signature."""
    doubts: list[str]
    """Why what is new or gone may be neither."""


def comparison_of(before: Report, after: Report, signed: tuple[str, str] = ("", "")) -> Comparison:
    """The later report, seen from the earlier one. ``signed``: how each is, for people."""
    old = {one.id: one for one in before.findings}
    new = {one.id: one for one in after.findings}
    unsure = {one.source for one in after.coverage if one.state is not State.COMPLETE}
    asked = {one.source for one in after.coverage}
    appeared = [one for key, one in new.items() if key not in old]
    gone = [one for key, one in old.items() if key not in new]
    both = [(old[key], one) for key, one in new.items() if key in old]
    changes = {one.id: _changes(was, one) for was, one in both}
    changed = [one for _, one in both if changes[one.id]]
    return Comparison(
        before=before.report_id,
        after=after.report_id,
        host=after.host.name,
        same=len(both) - len(changed),
        new=[_compared(one) for one in strongest_first(appeared)[:MAX_FINDINGS]],
        gone=[
            _compared(one, not_looked=_not_looked(one, unsure, asked))
            for one in strongest_first(gone)[:MAX_FINDINGS]
        ],
        changed=[
            _compared(one, changes=changes[one.id])
            for one in strongest_first(changed)[:MAX_FINDINGS]
        ],
        more_new=max(len(appeared) - MAX_FINDINGS, 0),
        more_gone=max(len(gone) - MAX_FINDINGS, 0),
        more_changed=max(len(changed) - MAX_FINDINGS, 0),
        coverage=_coverage(before, after),
        circumstances=[*_circumstances(before, after), *_different([("signature", *signed)])],
        doubts=list(_doubts(before, after)),
    )


def _compared(
    finding: Finding, *, changes: Iterable[Difference] = (), not_looked: Iterable[str] = ()
) -> Compared:
    return Compared(
        finding_id=finding.id,
        strength=finding.strength.value,
        title=cut(finding.title),
        indicator_id=finding.indicator.id,
        changes=[*changes],
        not_looked=[*not_looked][:MAX_TEXTS],
    )


def _not_looked(finding: Finding, unsure: set[str], asked: set[str]) -> list[str]:
    saw = sorted({one.source for one in finding.evidence})
    return [cut(source) for source in saw if source in unsure or source not in asked]


def _changes(was: Finding, now: Finding) -> list[Difference]:
    told: list[tuple[str, Callable[[Finding], str]]] = [
        ("strength", lambda f: f.strength.value),
        ("indicator", lambda f: f.indicator.id),
        ("excluded by", lambda f: f.excluded_by or ""),
        ("first seen", lambda f: when(f.first_seen) if f.first_seen else ""),
        ("last seen", lambda f: when(f.last_seen) if f.last_seen else ""),
        ("seen by", lambda f: ", ".join(sorted({one.source for one in f.evidence}))),
        ("says", lambda f: ", ".join(sorted({one.claim.value for one in f.evidence if one.claim}))),
    ]
    return list(_different((what, tell(was), tell(now)) for what, tell in told))


def _different(told: Iterable[tuple[str, str, str]]) -> Iterator[Difference]:
    for what, before, after in told:
        if before != after:
            yield Difference(what=what, before=cut(before), after=cut(after))


def _coverage(before: Report, after: Report) -> list[SourceChange]:
    """Those first that the verdict hangs on."""
    old = {one.source: one for one in before.coverage}
    new = {one.source: one for one in after.coverage}
    changes = []
    for source in {**old, **new}:
        was, now = old.get(source), new.get(source)
        if different := list(_different(_looked_at(was, now))):
            required = any(one.required for one in (was, now) if one is not None)
            changes.append(SourceChange(source=cut(source), required=required, changes=different))
    return sorted(changes, key=lambda one: (not one.required, one.source))


def _looked_at(was: Coverage | None, now: Coverage | None) -> Iterator[tuple[str, str, str]]:
    yield "state", _state(was), _state(now)
    yield "why", _why(was), _why(now)
    yield "reaches back to", _oldest(was), _oldest(now)


def _state(coverage: Coverage | None) -> str:
    return "not asked" if coverage is None else coverage.state.value


def _why(coverage: Coverage | None) -> str:
    reasons = [] if coverage is None else sorted(one.reason for one in coverage.reasons)
    return "; ".join(cut(one) for one in reasons[:MAX_TEXTS])


def _oldest(coverage: Coverage | None) -> str:
    """To the day: a log that is full loses a record with each that comes."""
    reach = None if coverage is None else coverage.reach
    return when(reach.oldest)[:10] if reach is not None and reach.oldest is not None else ""


def _circumstances(before: Report, after: Report) -> Iterator[Difference]:
    rights = {True: "administrator", False: "no administrator", None: ""}
    told: list[tuple[str, Callable[[Report], str]]] = [
        ("verdict", lambda r: r.verdict.value),
        ("asked about", lambda r: scope_of(r) or "the whole host"),
        ("since", lambda r: when(r.since) if r.since else ""),
        ("packs", lambda r: ", ".join(f"{p.id} {p.version}" for p in r.packs[:MAX_TEXTS])),
        ("rights", lambda r: rights[r.host.elevated]),
        ("target", lambda r: ", ".join([r.target.kind.value, *r.target.paths[:MAX_TEXTS]])),
        ("agent", lambda r: f"{r.agent.version} {r.agent.build} {r.agent.form}"),
        ("system", lambda r: f"{r.host.os.name} {r.host.os.version}" if r.host.os else ""),
        ("name", lambda r: r.host.name),
        ("addresses", lambda r: ", ".join(r.host.ip[:MAX_TEXTS])),
        ("schema", lambda r: r.made_as or r.schema),
    ]
    yield from _different((what, tell(before), tell(after)) for what, tell in told)


def _doubts(before: Report, after: Report) -> Iterator[str]:
    if (before.made_as or before.schema) != (after.made_as or after.schema):
        yield (
            "The reports were made in different versions, which give a finding different ids:"
            " one and the same thing may stand under new and under gone."
        )
    if {(p.id, p.sha256) for p in before.packs} != {(p.id, p.sha256) for p in after.packs}:
        yield "They searched by different packs: what is new may have been there before."
    if any(t.what.startswith("findings") for one in (before, after) for t in one.truncated):
        yield "There was not room for all findings: what is new or gone may have been left out."
    narrowed = scope_of(before) != scope_of(after)
    if narrowed:
        yield "They were asked about different parts of the host."


__all__ = ["Compared", "Comparison", "Difference", "SourceChange", "comparison_of"]
