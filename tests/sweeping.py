"""Matchers for tests: of a few indicators, and of the built-in pack."""

from __future__ import annotations

from agent.indicators import Indicator
from agent.matching.matcher import Matcher
from agent.packs.built_in import built_in_packs
from agent.packs.built_in import matcher_of as of_packs


def matcher_of(*indicators: Indicator, thorough: bool = False) -> Matcher:
    """A matcher of these indicators alone."""
    return Matcher(list(indicators), thorough=thorough)


def campaign(*, thorough: bool = False) -> Matcher:
    """A matcher of the built-in pack."""
    return of_packs(built_in_packs(), thorough=thorough)
