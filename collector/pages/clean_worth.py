"""What a sweep's clean is worth: what its clean hosts were asked, when, with which rights, and how
far back they remember."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

from msgspec import Struct

from agent.output.recollection import WORDS

from ..store.standing import CleanGroup
from ..worth import BANDS, UNTOLD, unpacked_worth
from .describe import counted, moment

MAX_LINES = 8
"""Packs and scopes that are named, those of most hosts first."""
BAND_WORDS = (
    "not for sure", "less than a day", "1 to 6 days", "7 to 29 days", "30 to 89 days",
    "90 days and more", "not told",
)  # fmt: skip
"""How far back from its sweep a host remembers: of BANDS, and of UNTOLD."""
NO_PACK = "no pack"
WHOLE = "the whole host"
_T = TypeVar("_T", str, tuple[str, str, int])


def _place(band: str) -> int:
    """Of a band among BAND_WORDS."""
    return BANDS.index(band) if band in BANDS else -1


def worth_words(text: str) -> str:
    """Of one host, as it is kept: ``cyzfc-2018-11 2026.11.29, 82 indicators; the whole host;
    remembers run 1 to 6 days, …``; empty where nothing is kept."""
    if not text:
        return ""
    worth = unpacked_worth(text)
    packs = [f"{one} {version}, {count:,} indicators" for one, version, count in worth.packs]
    if worth.more_packs:
        packs.append(f"{worth.more_packs:,} more packs")
    bands = [BAND_WORDS[_place(one)] for one in worth.remembers]
    deeds = [f"{deed} {band}" for deed, band in zip(WORDS.values(), bands, strict=False)]
    told = ["; ".join(packs) or NO_PACK, worth.scope or WHOLE]
    if deeds:
        told.append(f"remembers {', '.join(deeds)}")
    return "; ".join(told)


class PackUse(Struct, frozen=True, kw_only=True):
    """A pack, and how many clean hosts were asked for it."""

    pack: str
    version: str
    indicators: int
    hosts: int


class ScopeUse(Struct, frozen=True, kw_only=True):
    """How far the question went."""

    scope: str
    """What limited it; empty: nothing."""
    hosts: int


class DeedMemory(Struct, frozen=True, kw_only=True):
    """How far back hosts remember a deed."""

    deed: str
    """``run``, ``look-up`` …"""
    hosts: list[int]
    """Of each of the bands, in their order."""


class CleanWorth(Struct, frozen=True, kw_only=True):
    """Of the clean hosts of a sweep together."""

    hosts: int
    more_hosts: int
    """Clean too, and not looked at here: they are of too many kinds."""
    weak: int
    """Of these, those with weak traces."""
    packs: list[PackUse]
    more_packs: int
    scopes: list[ScopeUse]
    more_scopes: int
    elevated: int
    not_elevated: int
    elevation_unknown: int
    verified: int
    """By reports that are as a key of the sweep signed them."""
    unsigned: int
    unverified: int
    """Signed, and the sweep has no key to verify that by."""
    signature_unchecked: int
    """They came before signatures were asked for."""
    oldest: datetime
    youngest: datetime
    """When the sweeps ended, UTC, by the hosts' clocks."""
    bands: list[str]
    memories: list[DeedMemory]
    """Of deeds that at least one host tells of."""


def unsigned_words(clean: CleanWorth | None) -> str:
    """What "clean" must not be read without, where reports are asked to be signed; empty: each is
    verified."""
    doubtful = clean.unsigned + clean.unverified if clean is not None else 0
    if not doubtful:
        return ""
    hosts = counted(doubtful, "clean host is", "clean hosts are")
    return f"{hosts} so by reports that are not signed, or not verified."


def clean_worth(groups: Iterable[CleanGroup], clean: int) -> CleanWorth | None:
    """``clean``: how many there are; None: none."""
    packs: Counter[tuple[str, str, int]] = Counter()
    scopes: Counter[str] = Counter()
    rights: Counter[bool | None] = Counter()
    signed: Counter[str] = Counter()
    deeds = {words: [0] * len(BAND_WORDS) for words in WORDS.values()}
    hosts = weak = 0
    oldest, youngest = [], []
    for group in groups:
        worth = unpacked_worth(group.worth)
        hosts, weak = hosts + group.hosts, weak + group.weak
        for pack in set(worth.packs) or {(NO_PACK, "", 0)}:
            packs[pack] += group.hosts
        scopes[worth.scope] += group.hosts
        rights[group.elevated] += group.hosts
        signed[group.signature] += group.hosts
        oldest.append(group.oldest)
        youngest.append(group.youngest)
        told = worth.remembers.ljust(len(deeds), UNTOLD)
        for bands, band in zip(deeds.values(), told, strict=False):
            bands[_place(band)] += group.hosts
    if not hosts:
        return None
    return CleanWorth(
        hosts=hosts,
        more_hosts=max(clean - hosts, 0),
        weak=weak,
        packs=[
            PackUse(pack=pack, version=version, indicators=indicators, hosts=count)
            for (pack, version, indicators), count in _most_first(packs)[:MAX_LINES]
        ],
        more_packs=max(len(packs) - MAX_LINES, 0),
        scopes=[
            ScopeUse(scope=scope, hosts=count) for scope, count in _most_first(scopes)[:MAX_LINES]
        ],
        more_scopes=max(len(scopes) - MAX_LINES, 0),
        elevated=rights[True],
        not_elevated=rights[False],
        elevation_unknown=rights[None],
        verified=signed["verified"],
        unsigned=signed["unsigned"],
        unverified=signed["unverified"],
        signature_unchecked=signed["unchecked"],
        oldest=moment(min(oldest)),
        youngest=moment(max(youngest)),
        bands=[*BAND_WORDS],
        memories=[
            DeedMemory(deed=deed, hosts=bands)
            for deed, bands in deeds.items()
            if any(bands[:-1])
        ],
    )  # fmt: skip


def _most_first(counts: Counter[_T]) -> list[tuple[_T, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


__all__ = ["CleanWorth", "clean_worth", "unsigned_words"]
