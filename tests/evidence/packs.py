"""Indicators and matchers: a few that are made up, and those of the built-in packs."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, TypedDict

from agent.findings import chains
from agent.findings.chains import Chain
from agent.findings.exclusions import Exclusions
from agent.findings.finding import finding_of, packs_by_indicator
from agent.indicators import Content, FileHash, FileName, Gate, Indicator
from agent.matching.matcher import Match, Matcher
from agent.model.report import Finding, Strength
from agent.packs.built_in import built_in_exclusions, built_in_packs
from agent.packs.built_in import matcher_of as of_packs
from agent.packs.loading import Pack


def matcher_of(*indicators: Indicator, thorough: bool = False) -> Matcher:
    """A matcher of these indicators alone."""
    return Matcher(list(indicators), thorough=thorough)


def campaign(*, thorough: bool = False) -> Matcher:
    """A matcher of the built-in packs; one for each sweep, since it counts."""
    return of_packs(packs(), thorough=thorough)


@functools.cache
def packs() -> Sequence[Pack]:
    """The built-in ones, read once."""
    return tuple(built_in_packs())


def exclusions() -> Exclusions:
    """The built-in rules of what is harmless."""
    return Exclusions(built_in_exclusions())


def chains_of(matches: Sequence[Match]) -> list[Chain]:
    """What these matches prove together, by the rules of the built-in packs."""
    return chains.build(matches, [rule for pack in packs() for rule in pack.file.chains])


def found(chain: Chain, now: datetime) -> tuple[Finding, int]:
    """What a chain becomes on the host "host"."""
    return finding_of(chain, "host", packs_by_indicator(packs()), now)


# Indicators made up.


class Stated(TypedDict):
    """What every indicator states beside its own fields."""

    strength: Strength
    reference: list[str]
    status: Literal["SRC", "DRV"]


def stated(strength: Strength = Strength.STRONG) -> Stated:
    """Its strength, and a source that is made up."""
    return {"strength": strength, "reference": ["R"], "status": "SRC"}


def named(value: str = "cyzfc.dat", strength: Strength = Strength.WEAK) -> FileName:
    """A file name."""
    return FileName(id="name", strength=strength, reference=["x"], status="SRC", value=value)


def sha256_of(data: bytes, name: str = "hash", **gate: Any) -> FileHash:
    """The SHA-256 of a file that holds this; ``name``: the indicator's."""
    return FileHash(
        id=name,
        strength=Strength.CONFIRMED,
        reference=["x"],
        status="SRC",
        value=hashlib.sha256(data).hexdigest(),
        gate=Gate(**gate),
    )


def content(
    value: str, *extensions: str, strength: Strength = Strength.WEAK, **gate: Any
) -> Content:
    """A text in a file, of these extensions if any are given."""
    return Content(
        id="content",
        strength=strength,
        reference=["x"],
        status="SRC",
        value=value,
        gate=Gate(extensions=list(extensions), **gate),
    )
