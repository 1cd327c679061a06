"""A chain becomes one finding: its strength, its reasons, its objects and its evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import PureWindowsPath
from typing import NamedTuple, TypeVar

from msgspec import Struct, structs

from ..matching.matcher import Match, UserRuleHit, type_of, value_of
from ..model.objects import Dll, File, Process
from ..model.observation import Claim, Observation
from ..model.report import Evidence, Finding, IndicatorRef, Strength
from ..packs.loading import Pack
from .chains import Chain
from .keys import finding_id

MAX_EVIDENCE = 200
"""Sightings kept per finding."""
MAX_DETAIL = 512
MAX_REASONS = 16


class Scores(NamedTuple):
    """Of one strength: of a finding by one indicator, and however many it has."""

    least: int
    most: int


SCORES = {
    Strength.CONFIRMED: Scores(90, 100),
    Strength.STRONG: Scores(70, 89),
    Strength.WEAK: Scores(20, 69),
}
_PER_INDICATOR = 3
_ITSELF = frozenset({Claim.RUNNING, Claim.RAN})
_WHO_DID_IT = (
    frozenset({Claim.LOADED}),
    frozenset({Claim.CONNECTED}),
    _ITSELF,
    frozenset({Claim.MENTIONED}),
)
"""Whose process a finding is about, best first."""
_T = TypeVar("_T")


class Basis(Struct, frozen=True, kw_only=True):
    """What a finding rests on. The finding itself shows one object of each kind and the first of
    its evidence; known-benign rules are judged by all of it."""

    sources: frozenset[str]
    """Of every sighting."""
    parts: tuple[File | Dll | None, ...]
    """The file or module behind each sighting that gives the finding its strength; None for what
    is neither, or is no more than its content."""


def basis_of(chain: Chain) -> Basis:
    """Of the finding that this chain becomes."""
    seen = [match.observation for match in _carriers(chain)]
    parts = {id(one): None if one.mention else one.file or one.dll for one in seen}
    return Basis(
        sources=frozenset(match.observation.source for match in chain.matches),
        parts=tuple(parts.values()),
    )


def _carriers(chain: Chain) -> list[Match]:
    """The matches that the strength comes from: where a chain rule gives it, all of them."""
    weak = Strength.WEAK.rank
    if any(rule.strength.rank > weak for rule in chain.rules):
        return chain.matches
    strong = [match for match in chain.matches if match.strength.rank > weak]
    return strong or [match for match in chain.matches if not match.observation.mention]


def evidence_of(match: Match) -> Evidence:
    """One match as one sighting."""
    seen = match.observation
    return Evidence(
        source=seen.source,
        seen=match.reason,
        indicator=match.indicator.id,
        strength=match.strength,
        place=seen.place,
        time=seen.time,
        detail="; ".join((match.detail, *seen.remarks))[:MAX_DETAIL],
    )


def packs_by_indicator(packs: Iterable[Pack]) -> dict[str, str]:
    """Of each indicator's id, the id of its pack."""
    return {indicator.id: pack.file.id for pack in packs for indicator in pack.file.indicators}


def reference_of(match: Match, packs: Mapping[str, str]) -> IndicatorRef:
    """The indicator as the report names it; ``packs``: as :func:`packs_by_indicator`."""
    indicator = match.indicator
    own = "own rules" if isinstance(indicator, UserRuleHit) else ""
    return IndicatorRef(
        id=indicator.id,
        type=type_of(indicator),
        value=value_of(indicator),
        pack=packs.get(indicator.id, own),
        reference=list(indicator.reference),
    )


def finding_of(
    chain: Chain, host: str, packs: Mapping[str, str], now: datetime
) -> tuple[Finding, int]:
    """The finding, and how many sightings it had no room for; ``packs``: as
    :func:`packs_by_indicator`."""
    matches = sorted(chain.matches, key=lambda match: -match.strength.rank)
    top = matches[0]
    strength = max(
        [top.strength, *(rule.strength for rule in chain.rules)], key=lambda one: one.rank
    )
    evidence, more = _sightings(matches)
    indicators = len({match.indicator.id for match in matches})
    times = [match.observation.time for match in matches if match.observation.time is not None]
    scores = SCORES[strength]
    observations = chain.observations
    process = _main_process(observations)
    file = _best_file(observations)
    finding = Finding(
        id=finding_id(host, top.indicator.id, top.observation.place),
        time=now,
        first_seen=min(times, default=None),
        last_seen=max(times, default=None),
        strength=strength,
        score=min(scores.least + _PER_INDICATOR * (indicators - 1), scores.most),
        title=_title(top, process, file, observations),
        reasons=list(
            dict.fromkeys(
                [
                    *(rule.title for rule in chain.rules),
                    *(m.reason for m in matches),
                    *(remark for seen in observations for remark in seen.remarks),
                ]
            )
        )[:MAX_REASONS],
        indicator=reference_of(top, packs),
        evidence=evidence,
        file=file,
        process=process,
        dll=_first(observations, lambda o: o.dll),
        dns=_first(observations, lambda o: o.dns),
        destination=_first(observations, lambda o: o.destination),
        url=_first(observations, lambda o: o.url),
    )
    return finding, more


def _sightings(matches: Iterable[Match]) -> tuple[list[Evidence], int]:
    """The first distinct ones, and how many more there are."""
    known: set[tuple[object, ...]] = set()
    kept: list[Evidence] = []
    for match in matches:
        evidence = evidence_of(match)
        key = structs.astuple(evidence)
        if key in known:
            continue
        known.add(key)
        if len(kept) < MAX_EVIDENCE:
            kept.append(evidence)
    return kept, len(known) - len(kept)


def _main_process(observations: Sequence[Observation]) -> Process | None:
    """The one that has the module, or the connection; not one that only names it, such as the shell
    that started it. As the processes source describes it, if that saw it too.
    """
    seen = [(one.claim, one.process) for one in observations if one.process is not None]
    for claims in _WHO_DID_IT:
        first = next((process for claim, process in seen if claim in claims), None)
        if first is not None:
            own = [pair for pair in seen if _is_same(pair[1], first)]
            return min(own, key=lambda pair: pair[0] not in _ITSELF)[1]
    return seen[0][1] if seen else None


def _is_its(seen: Observation, process: Process) -> bool:
    return seen.process is not None and _is_same(seen.process, process)


def _is_same(one: Process, other: Process) -> bool:
    """One pid may have been two processes'."""
    return one.pid == other.pid and (None in (one.start, other.start) or one.start == other.start)


def _first(
    observations: Sequence[Observation], of: Callable[[Observation], _T | None]
) -> _T | None:
    return next((part for seen in observations if (part := of(seen)) is not None), None)


def _best_file(observations: Sequence[Observation]) -> File | None:
    """The file that is known best: with hashes, not the member of an archive."""
    files = [seen.file for seen in observations if seen.file is not None]
    return max(files, key=lambda f: (f.hash is not None, not f.member_of), default=None)


def _is_about_process(seen: Observation) -> bool:
    """Whether the process is what was seen, and not who once used a file."""
    return seen.claim in (Claim.RUNNING, Claim.LOADED) or (
        seen.claim is Claim.RAN and seen.file is None
    )


def _title(
    top: Match, process: Process | None, file: File | None, observations: Sequence[Observation]
) -> str:
    if process is not None and any(map(_is_about_process, observations)):
        who = f" ({process.user.name})" if process.user and process.user.name else ""
        head = f"{process.name or 'process'} {process.pid}{who}"
        dll = _first([o for o in observations if _is_its(o, process)], lambda o: o.dll)
        if dll is not None:
            return f"{head} has {PureWindowsPath(dll.path).name} loaded: {dll.path}"
        return f"{head}: {top.reason}"
    if file is not None:
        return top.observation.place
    if process is not None:
        return f"{top.observation.place}: {top.reason}"
    return f"{top.observation.place} {top.reason}"
