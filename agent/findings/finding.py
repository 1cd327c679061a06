"""A chain becomes one finding: its strength, its reasons, its objects and its evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import PureWindowsPath
from typing import NamedTuple

from msgspec import Struct

from ..matching.matcher import MENTIONED, Match, UserRuleHit, type_of, value_of
from ..model.codec import to_json
from ..model.objects import Dll, File, Objects, Process, objects_of
from ..model.observation import Claim, Observation, telling_of
from ..model.report import DRILL, Evidence, Finding, IndicatorRef, Strength
from ..model.shared_objects import leave_out_shared
from ..packs.loading import Pack
from ..spelling import base_name
from .chains import Chain
from .keys import finding_id
from .main_object import is_its, shown_objects

MAX_EVIDENCE = 200
"""Sightings kept per finding."""
MAX_DETAIL = 512
MAX_REASONS = 16
_DRILL = "drill: "
"""Begins the title of a canary's finding, so that every reader of it sees what it is."""


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


class Text(NamedTuple):
    """What a file says, or a script or command that ran."""

    name: str
    """Of the file; empty: it was typed, or lay in none."""
    text: str


class Basis(Struct, frozen=True, kw_only=True):
    """What a finding rests on. The finding itself shows one object of each kind and the first of
    its evidence; known-benign rules are judged by all of it."""

    sources: frozenset[str]
    """Of every sighting."""
    parts: tuple[File | Dll | None, ...]
    """The file or module behind each sighting that gives the finding its strength; None for what
    is neither, or is no more than its content."""
    texts: tuple[Text | None, ...] = ()
    """What the file, the script or the command behind each such sighting says; None where that is
    not what was seen."""
    files: tuple[str | None, ...] = ()
    """The path of the file that says it; None where that is not what was seen."""
    claims: frozenset[Claim] = frozenset()
    """Of every sighting."""
    processes: tuple[Process, ...] = ()
    """Of every sighting that is of one."""


def basis_of(chain: Chain) -> Basis:
    """Of the finding that this chain becomes."""
    seen = [match.observation for match in _carriers(chain)]
    parts = {id(one): None if one.mention else one.file or one.dll for one in seen}
    processes = (match.observation.process for match in chain.matches)
    return Basis(
        sources=frozenset(match.observation.source for match in chain.matches),
        parts=tuple(parts.values()),
        texts=tuple({id(one): _text_of(one) for one in seen}.values()),
        files=tuple(dict.fromkeys(map(_file_of, seen))),
        claims=frozenset(match.observation.claim for match in chain.matches),
        processes=tuple({id(one): one for one in processes if one is not None}.values()),
    )


def _file_of(seen: Observation) -> str | None:
    return seen.file.path if seen.mention and seen.file is not None else None


def _text_of(seen: Observation) -> Text | None:
    file = seen.file
    if not seen.text or not (seen.claim is Claim.RAN or (seen.mention and file is not None)):
        return None
    name = "" if file is None else base_name(file.stream or file.name or file.path)
    return Text(name, seen.text)


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
    detail = "; ".join((match.detail, *seen.remarks))
    if len(detail) > MAX_DETAIL:
        detail = f"{detail[: MAX_DETAIL - 1]}…"
    return Evidence(
        source=seen.source,
        seen=match.reason,
        indicator=match.indicator.id,
        strength=match.strength,
        claim=seen.claim,
        place=seen.place,
        moments=list(seen.moments),
        detail=detail,
        **objects_of(seen),  # type: ignore[arg-type]
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
    chain: Chain, host: str, packs: Mapping[str, str], now: datetime, image: str = ""
) -> tuple[Finding, int]:
    """The finding, and how many sightings it had no room for; ``packs``: as
    :func:`packs_by_indicator`, ``image``: as of :func:`~agent.findings.keys.finding_id`."""
    # What a drill is found by gives its name to nothing else.
    matches = sorted(
        chain.matches,
        key=lambda match: (-match.strength.rank, packs.get(match.indicator.id) == DRILL),
    )
    top = matches[0]
    strength = max(
        [top.strength, *(rule.strength for rule in chain.rules)], key=lambda one: one.rank
    )
    indicators = len({match.indicator.id for match in matches})
    times = telling_of(chain.observations)
    scores = SCORES[strength]
    observations = chain.observations
    is_drill = packs.get(top.indicator.id) == DRILL
    objects = shown_objects(observations)
    evidence, more = _sightings(matches, objects)
    finding = Finding(
        id=finding_id(host, chain.key, image),
        time=now,
        first_seen=times[0] if times else None,
        last_seen=times[-1] if times else None,
        strength=strength,
        score=min(scores.least + _PER_INDICATOR * (indicators - 1), scores.most),
        title=f"{_DRILL if is_drill else ''}{_title(matches, objects, observations)}",
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
        **objects_of(objects),  # type: ignore[arg-type]
    )
    return finding, more


def _sightings(matches: Sequence[Match], shown: Objects) -> tuple[list[Evidence], int]:
    """The distinct ones, strongest first, and how many there was no room for: the first and the
    last in time are kept. ``shown``: what the finding has of them already."""
    distinct: dict[bytes, Evidence] = {}
    for match in matches:
        evidence = evidence_of(match)
        leave_out_shared(evidence, shown)
        distinct.setdefault(to_json(evidence), evidence)
    kept = list(distinct.values())
    if len(kept) > MAX_EVIDENCE:
        dated = sorted((one for one in kept if one.time is not None), key=_time_of)
        ends = dated[:1] + dated[-1:]
        others = [one for one in kept if not any(one is end for end in ends)]
        kept = sorted(
            [*others[: MAX_EVIDENCE - len(ends)], *ends], key=lambda one: -one.strength.rank
        )
    return kept, len(distinct) - len(kept)


def _time_of(one: Evidence) -> datetime:
    assert one.time is not None
    return one.time


def _is_about_process(seen: Observation) -> bool:
    """Whether the process is what was seen, and not who once used a file."""
    return seen.claim in (Claim.RUNNING, Claim.LOADED) or (
        seen.claim is Claim.RAN and seen.file is None
    )


def _title(matches: Sequence[Match], objects: Objects, observations: Sequence[Observation]) -> str:
    """``matches``: strongest first."""
    top, process = matches[0], objects.process
    place = top.observation.place.text
    if process is not None and any(map(_is_about_process, observations)):
        who = f" ({process.user.name})" if process.user and process.user.name else ""
        pid = "" if process.pid is None else f" {process.pid}"
        head = f"{process.name or base_name(process.executable) or 'process'}{pid}{who}"
        its = [one for one in observations if one.dll is not None and is_its(one, process)]
        if its and (dll := its[0].dll) is not None:
            now = any(one.claim is Claim.LOADED and one.event is None for one in its)
            verb = "has" if now else "had"
            return f"{head} {verb} {PureWindowsPath(dll.path).name} loaded: {dll.path}"
        its_own = (m.reason for m in matches if is_its(m.observation, process))
        reason = next((one for one in its_own if not one.endswith(MENTIONED)), "")
        told = ", ".join(filter(None, (reason, _thing(top.observation))))
        return f"{head}: {told or top.reason}"
    if objects.file is not None:
        return _title_of_file(objects.file, top.observation, observations)
    return f"{place}: {top.reason}" if process is not None else f"{place} {top.reason}"


def _title_of_file(file: File, top: Observation, observations: Sequence[Observation]) -> str:
    """Where it lies, else where it is told of, and never the place of a record alone."""
    if not file.path or base_name(file.path).casefold() in top.place.text.casefold():
        return top.place.text
    whole = (file.path, file.stream, file.member_of)
    for seen in observations:
        its = seen.claim is Claim.EXISTS and seen.event is None and seen.file
        if its and (its.path, its.stream, its.member_of) == whole:
            return seen.place.text
    return f"{file.path} in {top.place.text}"


def _thing(seen: Observation) -> str:
    """What a process has to do with; "" if it was seen alone."""
    if seen.file is not None:
        return f"file {seen.file.path}"
    if seen.dns is not None:
        return seen.dns.question
    if seen.destination is not None:
        return seen.destination.ip or seen.destination.domain
    if seen.url is not None:
        return seen.url.full
    return seen.pipe.name if seen.pipe is not None else ""
