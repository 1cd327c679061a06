"""What a sweep asks for: changed by people, and held against all reports again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from agent.model.codec import MAX_BYTES, ReportError, decode

from ..folding import Fold, Kept, Said, read_again, worst
from ..intake import Refused, bounded_gunzip, key_text
from ..judging import limits_of, packed
from ..records import Demand
from .database import Row, Statement, StoreError, Value
from .putting import demand_kept, name_keys, rank
from .rows import Rows
from .same_host import seen_again

AT_ONCE = 20
"""Bodies held at once: each may be of many megabytes."""
HOSTS_AT_ONCE = 50
_ATTEMPTS = 20
"""At one host, whose reports come while it is judged."""
_FIRST = 5
"""Reports that may propose a pack."""
_KEPT = "report_id, sweep_id, host_key, source, received, body, signature"


class JudgingAgain(Rows):
    """Demands."""

    async def proposal(self, sweep_id: str) -> Demand | None:
        """The pack of the first report with one that has indicators, as a demand for nothing else;
        None while there is no such report among the first few. Raises StoreError.
        """
        rows = await self.database.fetch(
            "SELECT body FROM report WHERE sweep_id = ? ORDER BY received, report_id LIMIT ?",
            sweep_id, _FIRST,
        )  # fmt: skip
        for (body,) in rows:
            demand = await asyncio.to_thread(_proposed, bytes(body))
            if demand is not None:
                return demand
        return None

    async def to_judge(self) -> list[str]:
        """Sweeps whose demand was changed, and whose reports are not all judged by it yet."""
        rows = await self.database.fetch("SELECT sweep_id FROM sweep WHERE judged < demanded")
        return [str(sweep_id) for (sweep_id,) in rows]

    async def judge_again(self, sweep_id: str) -> AsyncIterator[int]:
        """Hold the demand of a sweep against every report that was kept, a few hosts at a time;
        gives how many hosts that were. Safe to repeat, to break off and to run in several
        processes. Raises StoreError.
        """
        rows = await self.database.fetch(
            "SELECT demand, demanded FROM sweep WHERE sweep_id = ?", sweep_id
        )
        if not rows:
            return
        demand, number, last = demand_kept(str(rows[0][0])), int(rows[0][1]), ""
        while hosts := await self.database.fetch(
            "SELECT host_key FROM host WHERE sweep_id = ? AND host_key > ? ORDER BY host_key"
            " LIMIT ?",
            sweep_id, last, HOSTS_AT_ONCE,
        ):  # fmt: skip
            for (host_key,) in hosts:
                await self._judge_host(sweep_id, str(host_key), demand)
            last = str(hosts[-1][0])
            yield len(hosts)
        await self.database.transact(
            [
                *seen_again(sweep_id),
                (
                    "UPDATE sweep SET judged = ? WHERE sweep_id = ? AND judged < ?",
                    (number, sweep_id, number),
                ),
            ]
        )

    async def kept_of(self, sweep_id: str, host_key: str) -> AsyncIterator[tuple[Kept, Row]]:
        """Every report of a host with its body and its other columns, a few at a time."""
        last = ""
        while rows := await self.database.fetch(
            f"SELECT {_KEPT}, digest, size, state, strong, weak, excluded, finished, name, indexed,"
            " limits FROM report WHERE sweep_id = ? AND host_key = ? AND report_id > ?"
            " ORDER BY report_id LIMIT ?",
            sweep_id, host_key, last, AT_ONCE,
        ):  # fmt: skip
            for row in rows:
                kept = Kept(
                    report_id=str(row[0]), sweep_id=sweep_id, host_key=host_key,
                    source=str(row[3]), received=int(row[4]), body=bytes(row[5]),
                    signature=str(row[6]),
                )  # fmt: skip
                yield kept, row[7:]
            last = str(rows[-1][0])

    async def _judge_host(self, sweep_id: str, host_key: str, demand: Demand) -> None:
        for _ in range(_ATTEMPTS):
            fold, changed = Fold(), list[Statement]()
            async for kept, row in self.kept_of(sweep_id, host_key):
                said = await asyncio.to_thread(_said, kept, demand)
                if said is None:  # for `verify` to tell; the row stays as it was
                    return
                fold.add(said)
                if said.limits != str(row[-1]):
                    changed.append(
                        (
                            "UPDATE report SET limits = ? WHERE report_id = ?",
                            (said.limits, kept.report_id),
                        )
                    )
            if not fold.reports:
                return
            touched = await self.database.transact(
                [_host_again(sweep_id, host_key, fold), *changed]
            )
            if touched[0]:
                return
        raise StoreError(f"{sweep_id} {host_key}: its reports come faster than they are judged")


def _proposed(body: bytes) -> Demand | None:
    try:
        report = decode(bounded_gunzip(body, MAX_BYTES), max_bytes=MAX_BYTES)
    except (ReportError, Refused):
        return None
    return next(
        (
            Demand(pack=key_text(one.id), pack_version=key_text(one.version))
            for one in report.packs
            if one.indicators and one.id
        ),
        None,
    )


def _said(kept: Kept, demand: Demand) -> Said | None:
    try:
        report, _ = read_again(kept)
    except (ReportError, Refused):
        return None
    return Said(report, packed(limits_of(report, demand)))


def _host_again(sweep_id: str, host_key: str, fold: Fold) -> Statement:
    """Unless a report came meanwhile."""
    counts, tells, names = worst(fold.counting), worst(fold.telling), worst(fold.naming)
    base: dict[str, Value] = {
        "base": counts.report.base,
        "limited": rank(counts.report, counts.limits),
        "limits": counts.limits,
        "finished": counts.report.finished,
        "fqdn": names.report.fqdn,
        "fqdn_key": name_keys(names.report)[1],
        "domain": names.report.domain,
        "os": counts.report.os,
        "ip": counts.report.ip,
        "agent": counts.report.agent,
        "elevated": counts.report.elevated,
        "kind": counts.report.kind,
        "worth": counts.report.worth,
        "signature": counts.report.signature,
        "users": tells.report.users,
        "reasons": tells.report.reasons,
        "strong": tells.report.strong,
        "weak": tells.report.weak,
        "report_id": tells.report.report_id,
        "hit_limits": tells.limits if tells.report.hit else "",
        "hit_signature": tells.report.signature if tells.report.hit else "",
    }
    return (
        f"UPDATE host SET {', '.join(f'{name} = ?' for name in base)},"
        " state = CASE WHEN hit = 1 AND suppressed = 0 THEN 'hit' ELSE ? END"
        " WHERE sweep_id = ? AND host_key = ? AND reports = ?",
        [*base.values(), counts.worth, sweep_id, host_key, fold.reports],
    )
