"""Matchers and findings for tests: of a few indicators, and of the built-in pack."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import datetime

from agent.findings import chains
from agent.findings.chains import Chain
from agent.findings.finding import finding_of, packs_by_indicator
from agent.indicators import Indicator
from agent.matching.matcher import Match, Matcher
from agent.model.report import Finding
from agent.packs.built_in import built_in_packs
from agent.packs.built_in import matcher_of as of_packs
from agent.packs.loading import Pack


def matcher_of(*indicators: Indicator, thorough: bool = False) -> Matcher:
    """A matcher of these indicators alone."""
    return Matcher(list(indicators), thorough=thorough)


def campaign(*, thorough: bool = False) -> Matcher:
    """A matcher of the built-in pack."""
    return of_packs(packs(), thorough=thorough)


@functools.cache
def packs() -> Sequence[Pack]:
    """The built-in ones."""
    return tuple(built_in_packs())


def chains_of(matches: Sequence[Match]) -> list[Chain]:
    """By the rules of the built-in pack."""
    return chains.build(matches, [rule for pack in packs() for rule in pack.file.chains])


def found(chain: Chain, now: datetime) -> tuple[Finding, int]:
    """What a chain becomes on the host "host"."""
    return finding_of(chain, "host", packs_by_indicator(packs()), now)
