"""The hosts of a sweep in any order, a page at a time.

Worst first is a walk through the states, each by an index. Every other order keeps the first
hundred of one reading of the sweep's hosts, whose rows are small: no order has an index of its own,
which each report would have to write.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec import structs

from ..records import RANKS, STATES, HostRow, HostState
from .answers import EVERY_HOST, HostFilter, conditions
from .database import Value
from .rows import HOST, PAGE, Rows

WORST = "worst"
_NEVER = 1 << 60
"""Stands for a time that is not known: after all others."""


class _Order(NamedTuple):
    key: str
    """SQL."""
    falling: bool = False
    text: bool = False


_ORDERS = {
    "name": _Order("name_key", text=True),
    "found": _Order("strong * 1000000000 + weak", falling=True),
    "trace": _Order(f"COALESCE(first_trace, {_NEVER})"),
    "hit": _Order("COALESCE(first_hit, 0)", falling=True),
    "last": _Order("last_received", falling=True),
    "system": _Order("os", text=True),
    "sender": _Order("sources", text=True),
    "reports": _Order("reports", falling=True),
}
ORDERS = (WORST, *_ORDERS)
"""Each as people want it first; with ``-`` before it the other way round."""


def _groups() -> list[tuple[HostState, str]]:
    """State, and what more is asked of the host: worst first."""
    found: list[tuple[HostState, str]] = []
    for state in STATES:
        if state == "hit":
            found += [(state, f" AND strongest = {rank}") for rank in sorted(RANKS.values())[::-1]]
        elif state == "clean":
            found += [(state, " AND strongest = 1"), (state, " AND strongest <> 1")]
        else:
            found.append((state, ""))
    return found


_GROUPS = _groups()


class Place(NamedTuple):
    """Behind which host a page begins."""

    value: str = ""
    key: str = ""
    """Of the host; empty: at the start."""


START = Place()


def is_order(text: str) -> bool:
    """Whether hosts can be put in it."""
    return text.removeprefix("-") in ORDERS


def place_of(row: HostRow, order: str) -> Place:
    """Of the last host of a page."""
    name = order.removeprefix("-")
    if name == WORST:
        return Place(f"{_group_of(row)}:{row.name.casefold()}", row.host_key)
    values: dict[str, str | int] = {
        "name": row.name.casefold(), "found": row.strong * 1000000000 + row.weak,
        "trace": _NEVER if row.first_trace is None else row.first_trace,
        "hit": row.first_hit or 0, "last": row.last_received, "system": row.os,
        "sender": row.sources, "reports": row.reports,
    }  # fmt: skip
    return Place(str(values[name]), row.host_key)


def _group_of(row: HostRow) -> int:
    if row.state == "hit":
        return max(RANKS.values()) - row.strongest
    return max(
        number
        for number, (state, more) in enumerate(_GROUPS)
        if state == row.state and (state != "clean" or (" = " in more) == (row.strongest == 1))
    )


class HostOrder(Rows):
    """Asks for pages of hosts."""

    async def ordered_hosts(
        self,
        sweep_id: str,
        chosen: HostFilter = EVERY_HOST,
        *,
        order: str = WORST,
        after: Place = START,
        most: int = PAGE,
    ) -> list[HostRow]:
        """A page in one of ORDERS. A place that is none is the start."""
        name, back = order.removeprefix("-"), order.startswith("-")
        if name == WORST:
            return await self._worst_first(sweep_id, chosen, after, most, back=back)
        key, falling, text = _ORDERS[name]
        by_name = "" if name == "name" else None
        where, values = conditions(sweep_id, structs.replace(chosen, state=None), from_name=by_name)
        if chosen.state is not None:  # by no index: to read all costs less than to look many up
            where, values = f"{where} AND COALESCE(state, '') = ?", [*values, chosen.state]
        falling ^= back
        if after.key:
            value: Value = after.value if text else _number(after.value)
            where += f" AND ({key} {'<' if falling else '>'} ? OR ({key} = ? AND host_key > ?))"
            values += [value, value, after.key]
        by = f"ORDER BY {key}{' DESC' if falling else ''}, host_key"
        # keys alone are sorted: whole rows would be written down and thrown away again
        return await self._all(
            HostRow,
            f"SELECT {HOST} FROM host WHERE sweep_id = ? AND host_key IN"
            f" (SELECT host_key FROM host WHERE {where} {by} LIMIT ?) {by}",
            sweep_id, *values, most,
        )  # fmt: skip

    async def _worst_first(
        self, sweep_id: str, chosen: HostFilter, after: Place, most: int, *, back: bool
    ) -> list[HostRow]:
        number, _, name = after.value.partition(":")
        first = _number(number)
        rows: list[HostRow] = []
        groups = [*enumerate(_GROUPS)]
        for at, (state, more) in groups[::-1] if back else groups:
            passed = after.key and (at > first if back else at < first)
            if passed or chosen.state not in (None, state):
                continue
            here = after.key and at == first
            where, values = conditions(
                sweep_id, structs.replace(chosen, state=None), from_name=name if here else ""
            )
            # the state to the letter: a part of an index's own condition
            where += f" AND state = '{state}'{more}"
            if here:
                where += " AND (name_key > ? OR host_key > ?)"
                values += [name, after.key]
            rows += await self._all(
                HostRow,
                f"SELECT {HOST} FROM host WHERE {where} ORDER BY name_key, host_key LIMIT ?",
                *values, most - len(rows),
            )  # fmt: skip
            if len(rows) >= most:
                break
        return rows


def _number(text: str) -> int:
    """What is none is before all."""
    number = int(text) if text.isascii() and text.removeprefix("-").isdecimal() else 0
    return min(max(number, -_NEVER), _NEVER)


__all__ = ["ORDERS", "START", "WORST", "HostOrder", "Place", "is_order", "place_of"]
