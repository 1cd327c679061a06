"""The findings of a report as its page shows them: alike ones together, each with its evidence."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from agent.model.report import Finding, Strength
from agent.output.chain import Step, chain_of, cut

from .coverage import MAX_REASONS
from .describe import counted
from .sightings import Sighting, sightings_of, times_of

MAX_FINDINGS = 200
MAX_EVIDENCE = 40
"""Rows of evidence shown per finding."""
MANY = 3
"""So many weak or excluded findings of one indicator stand behind one line."""


class FindingView(Struct, frozen=True, kw_only=True):
    """A finding with its chain of evidence."""

    finding_id: str
    strength: str
    title: str
    score: int
    reasons: list[str]
    indicator_id: str
    indicator: str
    references: list[str]
    excluded_by: str
    drill: bool
    older: bool
    """Left out of the verdict, which is about a window."""
    times: list[tuple[str, str]]
    seen: str
    """``7 sightings by 6 sources``."""
    chain: list[Step]
    sightings: list[Sighting]
    more: int
    """Sightings that are not shown."""


class Group(Struct, frozen=True, kw_only=True):
    """Findings of one strength and one indicator."""

    indicator: str
    findings: list[FindingView]

    @property
    def is_folded(self) -> bool:
        """Whether they stand behind one line."""
        return len(self.findings) >= MANY and self.findings[0].strength in ("weak", "excluded")


class Rank(Struct, frozen=True, kw_only=True):
    """All findings of one strength."""

    strength: str
    count: int
    """Those that are not shown too."""
    groups: list[Group]


def ranks_of(ordered: Sequence[Finding]) -> list[Rank]:
    """The first MAX_FINDINGS, which come strongest first."""
    ranks = []
    for strength in Strength:
        groups: dict[str, list[FindingView]] = {}
        for one in ordered[:MAX_FINDINGS]:
            if one.strength is strength:
                groups.setdefault(one.indicator.id, []).append(finding_of(one))
        if count := sum(1 for one in ordered if one.strength is strength):
            ranks.append(
                Rank(
                    strength=strength.value,
                    count=count,
                    groups=[Group(indicator=g[0].indicator, findings=g) for g in groups.values()],
                )
            )
    return ranks


def finding_of(finding: Finding) -> FindingView:
    """In words, bounded."""
    indicator = finding.indicator
    shown, more = sightings_of(finding.evidence, MAX_EVIDENCE)
    sources = len({one.source for one in finding.evidence})
    return FindingView(
        finding_id=finding.id,
        strength=finding.strength.value,
        title=cut(finding.title),
        score=finding.score,
        reasons=[cut(reason) for reason in finding.reasons[:MAX_REASONS]],
        indicator_id=indicator.id,
        indicator=cut(f"{indicator.type.replace('_', ' ')} {indicator.value}"),
        references=[cut(one) for one in indicator.reference[:MAX_REASONS]],
        excluded_by=finding.excluded_by or "",
        drill=finding.is_drill,
        older=not finding.in_window,
        times=times_of(finding.first_seen, finding.last_seen, finding.time),
        seen=f"{counted(len(finding.evidence), 'sighting')} by {counted(sources, 'source')}",
        chain=chain_of(finding),
        sightings=shown,
        more=more,
    )


__all__ = ["FindingView", "Group", "Rank", "ranks_of"]
