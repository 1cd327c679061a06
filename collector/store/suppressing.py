"""Findings set aside by a person, and what that does to the states of hosts.

Nothing is set aside that nobody has seen, unless it was asked for in so many words. Confirmed
findings are set aside one by one, each on its host; weak and strong ones by what they have in
common. What covers which is a question of rows that never change (:func:`covering`), so that it can
be asked again at any time, in any order of arrival.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timezone

from msgspec import Struct

from ..records import RANKS, AuditRow
from ..suppression import Suppression
from .database import Statement, Value
from .putting import worth
from .rows import SUPPRESSION, Rows, audit, now_ms
from .traces import traces_again

MAX_OBJECTS = 50
"""Paths and hashes of an indicator that are offered for choice."""
_STRONG = "('strong', 'confirmed')"


def _when(ms: int) -> str:
    """A time for whoever reads the log."""
    return f"{datetime.fromtimestamp(ms / 1000, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"


def _rank(finding: str) -> str:
    whens = " ".join(f"WHEN '{name}' THEN {rank}" for name, rank in RANKS.items())
    return f"CASE {finding}.strength {whens} ELSE {max(RANKS.values())} END"


def _told(finding: str, until: str) -> str:
    """SQL: whether a report that came until then tells of it, as no less than it is now."""
    return (
        f"((SELECT r.received FROM report r WHERE r.report_id = {finding}.report_id) <= {until}"
        f" OR EXISTS (SELECT 1 FROM report r JOIN finding e ON e.report_id = r.report_id"
        f" AND e.finding_id = {finding}.finding_id WHERE r.sweep_id = {finding}.sweep_id"
        f" AND r.host_key = {finding}.host_key AND e.indicator_id = {finding}.indicator_id"
        f" AND {_rank('e')} >= {_rank(finding)} AND r.received <= {until}))"
    )


def covering(finding: str) -> str:
    """SQL: whether a suppression ``s`` covers a finding, which is called so in the statement."""
    return (
        f"s.sweep_id = {finding}.sweep_id AND s.indicator_id = {finding}.indicator_id"
        f" AND s.lifted IS NULL AND (s.host_key IS NULL OR s.host_key = {finding}.host_key)"
        f" AND (s.finding_id IS NULL OR s.finding_id = {finding}.finding_id)"
        f" AND (s.path = '' OR s.path = {finding}.object_path)"
        f" AND (s.hash = '' OR s.hash = {finding}.object_hash)"
        f" AND CASE WHEN {_rank(finding)} = {RANKS['confirmed']} THEN"
        f" s.confirmed_until IS NOT NULL AND {_told(finding, 's.confirmed_until')}"
        f" ELSE {_rank(finding)} <= s.strongest"
        f" AND (s.until IS NULL OR {_told(finding, 's.until')}) END"
    )


def tells_open_hit(report: str) -> str:
    """SQL: whether a report, which is called so in the statement and is listed, tells of a hit that
    is not suppressed. What no list has room for is open."""
    strong = f"FROM finding f WHERE f.report_id = {report}.report_id AND f.strength IN {_STRONG}"
    return (
        f"(EXISTS (SELECT 1 {strong} AND f.suppression_id IS NULL)"
        f" OR {report}.strong > (SELECT COUNT(*) {strong}))"
    )


COVERED_BY = f"SELECT MIN(s.suppression_id) FROM suppression s WHERE {covering('finding')}"
_OPEN_HIT = (
    "SELECT 1 FROM report r JOIN finding f ON f.report_id = r.report_id"
    " WHERE r.sweep_id = host.sweep_id AND r.host_key = host.host_key"
    f" AND f.strength IN {_STRONG} AND f.suppression_id IS NULL LIMIT 1"
)
_UNLISTED = (
    # not listed yet, beyond what is listed of a report, or in a body that cannot be read any more
    "SELECT 1 FROM report r WHERE r.sweep_id = host.sweep_id AND r.host_key = host.host_key"
    " AND r.strong > (SELECT COUNT(*) FROM finding f WHERE f.report_id = r.report_id"
    f" AND f.strength IN {_STRONG}) LIMIT 1"
)
_WORTH = worth("base", "limited")
_FORCED = "EXISTS (SELECT 1 FROM suppression WHERE sweep_id = ? AND lifted IS NULL)"


def states_again(
    sweep_id: str, indicator_id: str | None = None, *, host_keys: Sequence[str] | None = None
) -> list[Statement]:
    """Hosts whose hits are all suppressed, and those that have an open one (again), which is one
    since now: whoever looked meanwhile has not seen it.

    A hit that is not listed cannot be suppressed, and stays open.
    """
    which: str = "sweep_id = ? AND hit = 1"
    values: list[Value] = [sweep_id]
    if host_keys is not None:
        which = f"{which} AND host_key IN ({', '.join('?' * len(host_keys))})"
        values += host_keys
    if indicator_id is not None:
        which += " AND host_key IN (SELECT host_key FROM finding WHERE sweep_id = ?"
        which += " AND indicator_id = ?)"
        values += [sweep_id, indicator_id]
    return [
        (
            f"UPDATE host SET suppressed = 1, first_hit = NULL, state = {_WORTH} WHERE {which}"
            " AND suppressed = 0"
            f" AND {_FORCED} AND ({_OPEN_HIT}) IS NULL AND ({_UNLISTED}) IS NULL",
            [*values, sweep_id],
        ),
        (
            f"UPDATE host SET suppressed = 0, first_hit = ?, state = 'hit' WHERE {which}"
            f" AND suppressed = 1 AND COALESCE(({_OPEN_HIT}), ({_UNLISTED})) IS NOT NULL",
            [now_ms(), *values],
        ),
    ]


class Part(Struct, frozen=True, kw_only=True):
    """Which findings of an indicator; to the letter."""

    finding_id: str | None = None
    """Of one thing on one host."""
    path: str = ""
    """Of what was found; empty: any."""
    hash: str = ""


WHOLE = Part()


class Covered(Struct, frozen=True):
    """What a suppression sets aside now."""

    findings: int
    hosts: int


def _these(
    sweep_id: str, indicator_id: str, host_key: str | None, part: Part
) -> tuple[str, list[Value]]:
    """SQL on ``finding f``: those that something would set aside."""
    where, values = "f.sweep_id = ? AND f.indicator_id = ?", list[Value]([sweep_id, indicator_id])
    for column, value in (
        ("host_key", host_key), ("finding_id", part.finding_id), ("object_path", part.path),
        ("object_hash", part.hash),
    ):  # fmt: skip
        if value:
            where, values = f"{where} AND f.{column} = ?", [*values, value]
    return where, values


class Suppressing(Rows):
    """What people change."""

    async def suppress(
        self,
        sweep_id: str,
        indicator_id: str,
        host_key: str | None,
        *,
        reason: str,
        who: str,
        part: Part = WHOLE,
        until: int | None = None,
    ) -> str:
        """Set findings of an indicator aside, on one host or on all. Gives the id.

        A part that is no single finding covers no confirmed one; with ``until`` (milliseconds) only
        what had come until then, without it all that is to come as well. A single one is covered as
        what it is now: when it becomes more, it counts again.
        """
        made = str(uuid.uuid4())
        found = await self._found(sweep_id, indicator_id, host_key, part)
        confirmed_until, strongest = None, RANKS["strong"]
        if part.finding_id is not None:
            # what was seen counts as come, whatever the clock of the server that took it
            until = max([until or now_ms(), *(received for _, received in found.values())])
            if "confirmed" in found:
                confirmed_until = until
        if until is not None:
            ranks = (RANKS[one] for one in found if one != "confirmed")
            strongest = max(ranks, default=RANKS["strong"] if confirmed_until else 0)
        values = (
            made, sweep_id, indicator_id, host_key, reason, who, now_ms(), None,
            part.finding_id, part.path, part.hash, until, confirmed_until, strongest,
        )  # fmt: skip
        marks = ", ".join("?" * len(values))
        named = {"finding": part.finding_id, "path": part.path, "hash": part.hash}
        asked = [f"{name} {value}" for name, value in named.items() if value]
        asked.append("those to come, too" if until is None else f"what came until {_when(until)}")
        await self.database.transact(
            [
                (f"INSERT INTO suppression ({SUPPRESSION}) VALUES ({marks})", values),
                (
                    "UPDATE finding SET suppression_id = ? WHERE sweep_id = ? AND indicator_id = ?"
                    " AND suppression_id IS NULL AND EXISTS (SELECT 1 FROM suppression s"
                    f" WHERE s.suppression_id = ? AND {covering('finding')})",
                    (made, sweep_id, indicator_id, made),
                ),
                *states_again(sweep_id, indicator_id),
                traces_again(sweep_id, indicator_id, host_key),
                audit(
                    who,
                    "suppress",
                    f"{sweep_id} {indicator_id} {host_key or '*'}",
                    f"{reason} ({', '.join(asked)})",
                ),
            ]
        )
        return made

    async def coverable(
        self,
        sweep_id: str,
        indicator_id: str,
        host_key: str | None = None,
        part: Part = WHOLE,
    ) -> dict[str, int]:
        """How many findings of each strength are so, whoever may set them aside."""
        where, values = _these(sweep_id, indicator_id, host_key, part)
        rows = await self.database.fetch(
            f"SELECT f.strength, COUNT(*) FROM finding f WHERE {where} GROUP BY f.strength", *values
        )
        return {str(strength): int(count) for strength, count in rows}

    async def _found(
        self,
        sweep_id: str,
        indicator_id: str,
        host_key: str | None,
        part: Part,
    ) -> dict[str, tuple[int, int]]:
        """By strength: how many, and when the last report with one came."""
        where, values = _these(sweep_id, indicator_id, host_key, part)
        rows = await self.database.fetch(
            "SELECT f.strength, COUNT(*), MAX(r.received) FROM finding f JOIN report r"
            f" ON r.report_id = f.report_id WHERE {where} GROUP BY f.strength",
            *values,
        )
        return {str(name): (int(count), int(last)) for name, count, last in rows}

    async def objects_of(self, sweep_id: str, indicator_id: str) -> tuple[list[str], list[str]]:
        """Paths and hashes of what the weak and strong findings of an indicator are about, those of
        most findings first."""
        found: list[list[str]] = []
        for column in ("object_path", "object_hash"):
            rows = await self.database.fetch(
                f"SELECT {column}, COUNT(*) FROM finding WHERE sweep_id = ? AND indicator_id = ?"
                f" AND strength IN ('weak', 'strong') AND {column} <> '' GROUP BY {column}"
                " ORDER BY 2 DESC, 1 LIMIT ?",
                sweep_id, indicator_id, MAX_OBJECTS,
            )  # fmt: skip
            found.append([str(row[0]) for row in rows])
        return found[0], found[1]

    async def covered(self, sweep_id: str, indicator_id: str) -> dict[str, Covered]:
        """What each suppression of an indicator sets aside, by its id."""
        rows = await self.database.fetch(
            "SELECT suppression_id, COUNT(*), COUNT(DISTINCT host_key) FROM finding"
            " WHERE sweep_id = ? AND indicator_id = ? AND suppression_id IS NOT NULL"
            " GROUP BY suppression_id",
            sweep_id, indicator_id,
        )  # fmt: skip
        return {str(one): Covered(int(findings), int(hosts)) for one, findings, hosts in rows}

    async def suppressed_on(self, sweep_id: str, host_keys: Sequence[str]) -> dict[str, int]:
        """Findings that are suppressed on these hosts, once each; without those that have none."""
        if not host_keys:
            return {}
        rows = await self.database.fetch(
            "SELECT host_key, COUNT(DISTINCT finding_id) FROM finding WHERE sweep_id = ?"
            f" AND host_key IN ({', '.join('?' * len(host_keys))})"
            " AND suppression_id IS NOT NULL AND strength <> 'excluded' GROUP BY host_key",
            sweep_id, *host_keys,
        )  # fmt: skip
        return {str(key): int(count) for key, count in rows}

    async def lift(self, suppression_id: str, *, who: str) -> bool:
        """Undo a suppression; whether there was one."""
        rows = await self.database.fetch(
            "SELECT sweep_id, indicator_id, host_key FROM suppression WHERE suppression_id = ?"
            " AND lifted IS NULL",
            suppression_id,
        )
        if not rows:
            return False
        sweep_id, indicator_id = map(str, rows[0][:2])
        await self.database.transact(
            [
                (
                    "UPDATE suppression SET lifted = ? WHERE suppression_id = ?",
                    (now_ms(), suppression_id),
                ),
                (
                    # another suppression may cover them still
                    f"UPDATE finding SET suppression_id = ({COVERED_BY}) WHERE sweep_id = ?"
                    " AND indicator_id = ? AND suppression_id = ?",
                    (sweep_id, indicator_id, suppression_id),
                ),
                *states_again(sweep_id, indicator_id),
                traces_again(sweep_id, indicator_id),
                audit(
                    who,
                    "lift suppression",
                    f"{sweep_id} {indicator_id} {rows[0][2] or '*'}",
                    suppression_id,
                ),
            ]
        )
        return True

    async def suppressions(
        self, sweep_id: str, *, indicator_id: str | None = None
    ) -> list[Suppression]:
        """Those in force first, then the lifted ones, each latest first."""
        where, values = "sweep_id = ?", [sweep_id]
        if indicator_id is not None:
            where, values = f"{where} AND indicator_id = ?", [*values, indicator_id]
        return await self._all(
            Suppression,
            f"SELECT {SUPPRESSION} FROM suppression WHERE {where}"
            " ORDER BY CASE WHEN lifted IS NULL THEN 0 ELSE 1 END, created DESC LIMIT 1000",
            *values,
        )

    async def suppression(self, suppression_id: str) -> Suppression | None:
        rows = await self._all(
            Suppression,
            f"SELECT {SUPPRESSION} FROM suppression WHERE suppression_id = ?",
            suppression_id,
        )
        return rows[0] if rows else None

    async def why_suppressed(self, sweep_id: str) -> dict[str, str]:
        """The reasons of the suppressions in force, by their ids."""
        rows = await self.database.fetch(
            "SELECT suppression_id, reason FROM suppression WHERE sweep_id = ? AND lifted IS NULL",
            sweep_id,
        )
        return {str(one): str(reason) for one, reason in rows}

    async def refused_by_role(self, sweep_id: str, what: str, *, who: str) -> None:
        """Write down what somebody tried whose token does not do that."""
        await self.database.transact([audit(who, "refused by role", sweep_id, what)])

    async def audit_log(self, limit: int = 500, *, sweep_id: str | None = None) -> list[AuditRow]:
        """Latest first; of one sweep if given."""
        where, values = "", list[Value]()
        if sweep_id is not None:
            where = "WHERE subject = ? OR substr(subject, 1, ?) = ?"
            values = [sweep_id, len(sweep_id) + 1, sweep_id + " "]
        return await self._all(
            AuditRow,
            f"SELECT at, who, action, subject, detail FROM audit {where} ORDER BY at DESC LIMIT ?",
            *values, limit,
        )  # fmt: skip
