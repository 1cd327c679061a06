"""In which order findings are told: what goes on now, then by strength."""

from __future__ import annotations

from collections.abc import Iterable

from ..model.observation import Claim
from ..model.report import Evidence, Finding, Strength

_NOW = frozenset({Claim.RUNNING, Claim.LOADED, Claim.CONNECTED})


def is_live(finding: Finding) -> bool:
    """Whether it was seen to run, to be loaded or to be connected during the sweep."""
    return any(map(_is_live, finding.evidence))


def _is_live(evidence: Evidence) -> bool:
    """What a log remembers has a record there."""
    return evidence.claim in _NOW and not (evidence.place.record or evidence.place.view)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Those that make a hit, weak ones, excluded ones; of each the live ones first, of weak ones
    bare mentions last, and for the rest as they come."""
    return sorted(findings, key=lambda one: (_group(one), not is_live(one), _is_mention(one)))


def _is_mention(finding: Finding) -> bool:
    """Whether it is weak and no more than a text: raw bytes can have hundreds of them."""
    claims = {one.claim for one in finding.evidence}
    return finding.strength is Strength.WEAK and claims == {Claim.MENTIONED}


def _group(finding: Finding) -> int:
    return max(Strength.STRONG.rank - finding.strength.rank, 0)
