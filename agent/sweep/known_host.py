"""From what the hives told to the host of the report: its users, drives and network cards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from msgspec import structs

from ..model.host_facts import HostFacts
from ..model.host_parts import MAX_TOLD
from ..model.report import Host, Truncation
from ..sources.registry.recording import INSTALLED

_T = TypeVar("_T")


def known_host(host: Host, facts: HostFacts) -> tuple[Host, list[Truncation]]:
    """The host with what its hives tell, and what there was no room for. What it told of itself
    (its clock's zone while it runs) stands."""
    cut: list[Truncation] = []

    def some(told: Sequence[_T], what: str) -> list[_T]:
        if len(told) > MAX_TOLD:
            cut.append(Truncation(what=f"{what} of the host", kept=MAX_TOLD, total=len(told)))
        return [*told[:MAX_TOLD]]

    offset = host.utc_offset_minutes
    made = structs.replace(
        host,
        installed=facts.settings.get(INSTALLED),
        timezone=facts.time_zone,
        utc_offset_minutes=facts.utc_offset_minutes if offset is None else offset,
        users=some(facts.accounts, "users"),
        drives=some(facts.drives, "drives"),
        cards=some(facts.cards, "network cards"),
    )
    return made, cut
