"""What a report is worth where it is clean: which packs it looked for, in what, and how far back
its host remembers.

Kept per host in one text, so that a hundred thousand hosts are a few groups of the same.
"""

from __future__ import annotations

from bisect import bisect_right
from copy import copy
from datetime import datetime, timedelta
from functools import lru_cache
from heapq import nlargest

import msgspec
from msgspec import Struct

from agent.model.observation import utc
from agent.model.remembered import Behaviour, Recorded
from agent.model.report import PackRef, Report, Strength
from agent.output.escape import shown
from agent.output.next_steps import once_each, users_of

DAYS = (1, 7, 30, 90)
"""The ends of the bands of memory."""
MAX_PACKS = 4
MAX_INDICATORS = (1 << 31) - 1
"""That one is believed to have."""
MAX_USERS = 3
MAX_ASKED = 5
"""Findings of a hit whose users are told."""
_NAME, _OCTETS = 60, 120
"""Characters and bytes of a name: the whole text stays below what an index takes."""
_USERS = 300
UNTOLD, UNSURE = "-", "0"
"""Bands: a deed of which the report says nothing, and one that the host is not sure to remember."""
BANDS = ("0", "1", "2", "3", "4", "5")
"""Not for sure; less than a day before the sweep; less than a week, 30 days, 90; more."""
_ORDER = tuple(Behaviour)


class Worth(Struct, frozen=True, kw_only=True, array_like=True):
    """What a host's answer rests on."""

    packs: tuple[tuple[str, str, int], ...] = ()
    """Id, version and number of indicators; at most MAX_PACKS."""
    more_packs: int = 0
    scope: str = ""
    """What limited the question; empty: nothing did."""
    remembers: str = ""
    """A band for each deed, in their order; empty: it tells of none."""


_DECODER = msgspec.json.Decoder(Worth)


def indicators_of(pack: PackRef) -> int:
    """As many as it says, as far as a pack can have them: a report may say any number."""
    return min(pack.indicators, MAX_INDICATORS)


def worth_of(report: Report) -> str:
    """As it is kept."""
    used = [one for one in report.packs if one.indicators] or report.packs
    return _packed(
        tuple(
            [
                (one.id[:_USERS], one.version[:_USERS], indicators_of(one))
                for one in used[:MAX_PACKS]
            ]
        ),
        max(len(used) - MAX_PACKS, 0),
        _scope(report),
        remembers(report),
    )


@lru_cache(1024)
def _packed(packs: tuple[tuple[str, str, int], ...], more: int, scope: str, remembered: str) -> str:
    named = tuple((_name(one), _name(version), count) for one, version, count in packs)
    made = Worth(packs=named, more_packs=more, scope=_name(scope), remembers=remembered)
    return msgspec.json.encode(made).decode()


def unpacked_worth(text: str) -> Worth:
    """What a row says; nothing where it says nothing, or what cannot be read."""
    try:
        return _DECODER.decode(text) if text else Worth()
    except msgspec.MsgspecError:
        return Worth()


def remembers(report: Report) -> str:
    """The band of each deed: since when, before the sweep, the host is sure to have kept it."""
    if not report.remembered:
        return ""
    bands = dict.fromkeys(_ORDER, UNTOLD)
    oldest: dict[Behaviour, datetime] = {}
    for one in report.remembered:
        deed, since = one.behaviour, one.since
        bands[deed] = UNSURE
        if since is not None and one.state is Recorded.RECORDED and not one.only:
            since = utc(since)
            if deed not in oldest or since < oldest[deed]:
                oldest[deed] = since
    if oldest:
        started = utc(report.started)
        for deed, since in oldest.items():
            bands[deed] = band_of(started - since)
    return "".join(bands.values())


def band_of(age: timedelta) -> str:
    """Of BANDS."""
    return BANDS[1 + bisect_right(DAYS, age.days)]


def users_of_hit(report: Report) -> str:
    """Whoever has to do with the strongest of what makes it a hit, comma-separated; empty where
    nobody is named."""
    strong = [one for one in report.findings if one.strength.rank >= Strength.STRONG.rank]
    if not strong:
        return ""
    told = copy(report)  # names are looked for in all of it
    told.findings = nlargest(MAX_ASKED, strong, key=lambda one: (one.strength.rank, one.score))
    users = [shown(one)[:_NAME] for one in once_each(users_of(told, told.findings))]
    more = " and more" if len(users) > MAX_USERS or len(strong) > MAX_ASKED else ""
    return (", ".join(users[:MAX_USERS]) + (more if users else ""))[:_USERS]


def _scope(report: Report) -> str:
    """In few words, and the same for hosts that were asked the same."""
    if report.scope.whole_host and report.since is None:
        return ""
    parts = []
    if not report.scope.whole_host:
        parts.append("; ".join(report.scope.limited_to[:MAX_PACKS])[:_USERS] or "a part")
    if report.since is not None:
        parts.append(f"the last {max((utc(report.started) - utc(report.since)).days, 0):,} days")
    return "; ".join(parts)


@lru_cache(1024)
def _name(text: str) -> str:
    cut = shown(text)[:_NAME]
    while len(cut.encode()) > _OCTETS:
        cut = cut[: len(cut) * 7 // 8]
    return cut


__all__ = ["BANDS", "DAYS", "UNTOLD", "Worth", "unpacked_worth", "users_of_hit", "worth_of"]
