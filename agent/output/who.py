"""Who a host was, in words for people: its users, drives and network cards, as its hives told."""

from __future__ import annotations

from collections.abc import Iterable

from ..model.host_parts import Account, NetworkCard
from ..model.report import Host
from .escape import shown
from .layout import when

MOST = 8
"""Of a kind that are told."""
_SERVICES = ("S-1-5-18", "S-1-5-19", "S-1-5-20")


def who_lines(host: Host, *, most: int = MOST) -> list[tuple[str, str]]:
    """What, and the words for it, escaped; of several of a kind only the first says what it is."""
    told = [
        ("installed", when(host.installed) if host.installed is not None else ""),
        ("time zone", ", ".join(filter(None, (host.timezone, _offset(host.utc_offset_minutes))))),
    ]
    people = [_user(one) for one in host.users if one.id not in _SERVICES]
    told += _some("users", people, most)
    told += _some("drives", [f"{one.letter} {one.device}" for one in host.drives], most)
    told += _some("network", [_card(one) for one in host.cards], most)
    return [(what, shown(words)) for what, words in told if words]


def _some(what: str, lines: Iterable[str], most: int) -> list[tuple[str, str]]:
    told = [*lines]
    more = [f"… and {len(told) - most:,} more in the report"] if len(told) > most else []
    return [(what if not n else "", line) for n, line in enumerate([*told[:most], *more])]


def _offset(minutes: int | None) -> str:
    if minutes is None:
        return ""
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"


def _user(user: Account) -> str:
    loaded = f", profile loaded last {when(user.last_loaded)}" if user.last_loaded else ""
    return f"{user.name} ({user.id}): {user.profile}{loaded}"


def _card(card: NetworkCard) -> str:
    addresses = ", ".join(card.ip) or "no address"
    how = {True: " by DHCP", False: " fixed", None: ""}[card.dhcp]
    server = f" from {card.dhcp_server}" if card.dhcp_server else ""
    leased = f", leased {when(card.leased)}" if card.leased is not None else ""
    until = f" until {when(card.lease_expires)}" if card.lease_expires is not None else ""
    domain = f", {card.domain}" if card.domain else ""
    return f"{card.name or card.id}: {addresses}{how}{server}{domain}{leased}{until}"


__all__ = ["MOST", "who_lines"]
