"""The hosts of a sweep in any order, a page at a time.

Worst first is a walk through the states, each by an index. Of the others some are found by what few
hosts have (``few_told.py``), and the rest keep the first hundred of one reading of the sweep's
hosts, whose rows are small: no order has an index of its own, which each report would have to
write.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import structs

from ..host_names import name_key
from ..records import RANKS, STATES, HostRow, HostState
from .answers import EVERY_HOST, Filters, HostFilter, conditions
from .casework import listed_cases
from .database import Value
from .expecting import ANY_COLUMN, listed_first
from .few_told import FEW_KEYS, IN_STATE, NEVER, FewTold
from .rows import HOST, PAGE

WORST = "worst"


class _Few(NamedTuple):
    """How few hosts are chosen."""

    where: str
    """SQL: by all conditions."""
    values: list[Value]
    beside: str = ""
    """SQL of what ``host`` is joined to from the left."""
    given: Sequence[Value] = ()
    """For that."""


class _Order(NamedTuple):
    key: str
    """SQL."""
    falling: bool = False
    text: bool = False


_ORDERS = {
    "name": _Order("name_key", text=True),
    "found": _Order("strong * 1000000000 + weak", falling=True),
    "trace": _Order(f"COALESCE(first_trace, {NEVER})"),
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
_GROUP = "".join(
    ["CASE"]
    + [f" WHEN state = '{state}'{more} THEN {at}" for at, (state, more) in enumerate(_GROUPS)]
    + [f" ELSE {len(_GROUPS)} END"]
)
"""SQL: the place of a host's group."""


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
        return Place(f"{_group_of(row)}:{name_key(row.name)}", row.host_key)
    values: dict[str, str | int] = {
        "name": name_key(row.name), "found": row.strong * 1000000000 + row.weak,
        "trace": NEVER if row.first_trace is None else row.first_trace,
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


class HostOrder(Filters, FewTold):
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
        falling ^= back
        by = f"ORDER BY {key}{' DESC' if falling else ''}, host_key"
        few = chosen.state is not None and await self.few_in(sweep_id, chosen.state)
        if not few and structs.replace(chosen, state=None) == EVERY_HOST:
            place = (_number(after.value), after.key)
            keys = await self.keys_in_order(sweep_id, name, chosen.state, place, most, back=back)
            if keys is not None:
                return await self._of_keys(sweep_id, keys, by)
        names = await self.names(sweep_id, chosen)
        some = await self._few(sweep_id, chosen) if names is None else None
        if some is None:
            first = after.value if after.key and not falling else ""
            some = _Few(
                *conditions(
                    sweep_id,
                    structs.replace(chosen, state=None),
                    from_name=first if name == "name" else None,
                    names=names,
                )
            )
            if chosen.state is not None:
                # of many by no index: to read all costs less than to look up
                in_state = "state = ?" if few or name == "name" else IN_STATE
                some = some._replace(
                    where=f"{some.where} AND {in_state}", values=[*some.values, chosen.state]
                )
        where, values = some.where, some.values
        if after.key:
            value: Value = after.value if text else _number(after.value)
            where += f" AND ({key} {'<' if falling else '>'} ? OR ({key} = ? AND host_key > ?))"
            values = [*values, value, value, after.key]
        return await self._keys_first(
            sweep_id, f"{some.beside}host WHERE {where} {by} LIMIT ?", by,
            *some.given, *values, most,
        )  # fmt: skip

    async def _of_keys(self, sweep_id: str, keys: Sequence[str], by: str) -> list[HostRow]:
        if not keys:
            return []
        return await self._all(
            HostRow,
            f"SELECT {HOST} FROM host WHERE sweep_id = ?"
            f" AND host_key IN ({', '.join('?' * len(keys))}) {by}",
            sweep_id, *keys,
        )  # fmt: skip

    async def _keys_first(
        self, sweep_id: str, chosen: str, by: str, *values: Value
    ) -> list[HostRow]:
        """Keys alone are sorted: whole rows would be written down and thrown away again."""
        # A cross join is done from left to right. An index in this order would have SQLite go
        # through the whole sweep for those that were chosen.
        return await self._all(
            HostRow,
            f"SELECT {HOST} FROM (SELECT host_key AS chosen_key FROM {chosen}) AS chosen"
            f" CROSS JOIN host WHERE sweep_id = ? AND host_key = chosen_key {by}",
            *values, sweep_id,
        )  # fmt: skip

    async def _worst_first(
        self, sweep_id: str, chosen: HostFilter, after: Place, most: int, *, back: bool
    ) -> list[HostRow]:
        number, _, name = after.value.partition(":")
        first = _number(number)
        names = await self.names(sweep_id, chosen)
        if names is None and (few := await self._few(sweep_id, chosen)) is not None:
            return await self._few_worst_first(sweep_id, few, after, most, back=back)
        rows: list[HostRow] = []
        groups = [*enumerate(_GROUPS)]
        for at, (state, more) in groups[::-1] if back else groups:
            passed = after.key and (at > first if back else at < first)
            if passed or chosen.state not in (None, state):
                continue
            here = after.key and at == first
            where, values = conditions(
                sweep_id,
                structs.replace(chosen, state=None),
                from_name=name if here else "",
                names=names,
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

    async def _few(self, sweep_id: str, chosen: HostFilter) -> _Few | None:
        """By the first condition that not many have; None: there is no such."""
        for sql, values, few in few_where(sweep_id, chosen):
            rows = await self.database.fetch(
                f"SELECT COUNT(*) FROM (SELECT 1 {sql} LIMIT ?) AS listed", *values, FEW_KEYS + 1
            )
            if int(rows[0][0]) <= FEW_KEYS:
                return few
        return None

    async def _few_worst_first(
        self,
        sweep_id: str,
        few: _Few,
        after: Place,
        most: int,
        *,
        back: bool,
    ) -> list[HostRow]:
        """All that are chosen are sorted: of few, none may be in the first state, and each walk
        through a state would ask all its hosts whether they are among them."""
        number, _, name = after.value.partition(":")
        where, values = few.where, few.values
        if after.key:
            where += (
                f" AND ({_GROUP} {'<' if back else '>'} ? OR ({_GROUP} = ? AND"
                " (name_key > ? OR (name_key = ? AND host_key > ?))))"
            )
            first = _number(number)
            values = [*values, first, first, name, name, after.key]
        by = f"ORDER BY {_GROUP}{' DESC' if back else ''}, name_key, host_key"
        return await self._keys_first(
            sweep_id, f"{few.beside}host WHERE {where} {by} LIMIT ?", by,
            *few.given, *values, most,
        )  # fmt: skip


def few_where(sweep_id: str, chosen: HostFilter) -> list[tuple[str, list[Value], _Few]]:
    """Each condition that an index lists the hosts of: SQL from FROM on, a row for each at least,
    its values, and how hosts are then chosen by all conditions."""
    plain = _Few(*conditions(sweep_id, chosen))
    by_name = _Few(*conditions(sweep_id, chosen, from_name=""))
    found = [(*listed, plain) for listed in listed_cases(sweep_id, chosen.case)]
    marks = {"flagged = 1": chosen.flagged, "suppressed = 1": chosen.suppressed,
             "cleared > trouble": chosen.turned}  # fmt: skip
    for marked, on in marks.items():
        if on:
            sql = f"FROM host WHERE sweep_id = ? AND {marked} AND name_key >= ''"
            found.append((sql, [sweep_id], by_name))
    if chosen.column.name and chosen.column.value:
        sql = "FROM expected_column WHERE sweep_id = ? AND name = ? AND value = ?"
        where, values = conditions(sweep_id, structs.replace(chosen, column=ANY_COLUMN))
        beside, given, more, others = listed_first(sweep_id, chosen.column)
        few = _Few(f"{where}{more}", [*values, *others], beside, given)
        found.append((sql, [sweep_id, chosen.column.name, chosen.column.value], few))
    return found


def _number(text: str) -> int:
    """What is none is before all."""
    number = int(text) if text.isascii() and text.removeprefix("-").isdecimal() else 0
    return min(max(number, -NEVER), NEVER)


__all__ = ["ORDERS", "START", "WORST", "HostOrder", "Place", "is_order", "place_of"]
