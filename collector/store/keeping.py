"""Reports, the lists made of them after the acknowledgement, and how far the outputs are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import astuple

from ..records import FindingRow, NewReport, PutResult, ReportRow
from .database import Insert, Packed, Statement
from .packing import packed
from .rows import FINDING, REPORT, Rows, audit, now_ms, record_of
from .suppressing import COVERED_BY, states_again
from .traces import traces_added

Kept = PutResult | Literal["elsewhere"]

_AT_ONCE = 50
"""Reports per statement: to a database beyond the network each is a way there and back."""
_COLUMNS = tuple(FINDING.split(", "))
_NUMBERS = frozenset({"score", "time", "first_seen", "last_seen"})
"""Columns of a finding."""


class OldSweep(Struct, frozen=True, kw_only=True):
    """A sweep that may go, and what goes with it."""

    sweep_id: str
    title: str
    created: int
    reports: int
    hosts: int
    last_received: int | None
    cases: int = 0
    """Of hosts and findings, that somebody has touched."""
    notes: int = 0
    """In these."""


class Keeping(Rows):
    """What is kept."""

    async def put(self, report: NewReport) -> Kept:
        """See Database.put. ``elsewhere``: it is kept, but does not count for this sweep."""
        result = await self.database.put(report)
        if result == "known":
            kept = await self.report(report.report_id)
            if kept is not None and kept.sweep_id != report.sweep_id:
                return "elsewhere"
        return result

    async def report(self, report_id: str) -> ReportRow | None:
        rows = await self._all(
            ReportRow, f"SELECT {REPORT} FROM report WHERE report_id = ?", report_id
        )
        return rows[0] if rows else None

    async def body(self, report_id: str) -> bytes | None:
        """The gzip body as it came."""
        rows = await self.database.fetch("SELECT body FROM report WHERE report_id = ?", report_id)
        return bytes(rows[0][0]) if rows else None

    async def digest(self, report_id: str) -> bytes | None:
        """SHA-256 of its JSON, as it was acknowledged."""
        rows = await self.database.fetch("SELECT digest FROM report WHERE report_id = ?", report_id)
        return bytes(rows[0][0]) if rows else None

    async def reports_of_host(self, sweep_id: str, host_key: str) -> list[ReportRow]:
        """Latest first."""
        return await self._all(
            ReportRow,
            f"SELECT {REPORT} FROM report WHERE sweep_id = ? AND host_key = ?"
            " ORDER BY finished DESC, report_id DESC LIMIT 500",
            sweep_id, host_key,
        )  # fmt: skip

    async def reports_after(self, seq: int, limit: int) -> list[tuple[int, str, bytes]]:
        """Number, id and body of the next reports in the order of their commit, for outputs."""
        await self.database.number(limit)
        rows = await self.database.fetch(
            "SELECT seq, report_id, body FROM report WHERE seq > ? ORDER BY seq LIMIT ?", seq, limit
        )
        return [(int(n), str(i), bytes(b)) for n, i, b in rows]

    # ---- Indexing, after the acknowledgement

    async def unindexed(self, limit: int) -> list[tuple[str, str, str, bytes]]:
        """Report id, sweep, host key and body of reports whose findings are not listed yet."""
        rows = await self.database.fetch(
            "SELECT report_id, sweep_id, host_key, body FROM report WHERE indexed = 0 LIMIT ?",
            limit,
        )
        return [(str(a), str(b), str(c), bytes(d)) for a, b, c, d in rows]

    async def index(
        self, report_id: str, sweep_id: str, host_key: str, findings: Sequence[FindingRow]
    ) -> None:
        """List the findings of a report; safe to repeat."""
        rows = packed([*map(astuple, findings)], self.database.form)
        await self.index_all([(report_id, sweep_id, host_key, rows)])

    async def index_all(self, reports: Sequence[tuple[str, str, str, Packed]]) -> None:
        """List the findings of several reports (id, sweep, host key, and the rows in the order of
        FINDING, in the form of the database) in one transaction."""
        pieces = [rows for _, _, _, rows in reports if rows.count]
        insert = Insert("finding", _COLUMNS, _NUMBERS, ("report_id", "finding_id"), pieces)
        await self.database.transact(_listed(reports), insert)

    async def flag_shared_ids(self, sweep_id: str) -> None:
        """Mark hosts that share their id with another name: cloned machines, or a thief's."""
        await self.database.transact(
            [
                (
                    "UPDATE host SET flagged = 1 WHERE sweep_id = ? AND flagged = 0 AND host_id IN"
                    " (SELECT host_id FROM host WHERE sweep_id = ? GROUP BY host_id"
                    " HAVING COUNT(*) > 1)",
                    (sweep_id, sweep_id),
                )
            ]
        )

    # ---- Outputs' places, settings, retention

    async def cursor(self, sink: str) -> int:
        """Up to which report an output has delivered; 0 at first."""
        rows = await self.database.fetch("SELECT seq FROM sink WHERE name = ?", sink)
        return int(rows[0][0]) if rows else 0

    async def move_cursor(self, sink: str, seq: int, error: str = "") -> None:
        """Remember it, with the last error of the output (empty: none)."""
        await self.database.transact(
            [
                (
                    "INSERT INTO sink (name, seq, updated, error) VALUES (?, ?, ?, ?)"
                    " ON CONFLICT (name) DO UPDATE SET seq = excluded.seq,"
                    " updated = excluded.updated, error = excluded.error",
                    (sink, seq, now_ms(), error[:500]),
                )
            ]
        )

    async def sinks(self) -> list[tuple[str, int, int, str]]:
        """Name, place, time of the last move (ms) and last error of each output."""
        rows = await self.database.fetch("SELECT name, seq, updated, error FROM sink ORDER BY name")
        return [(str(n), int(s), int(u), str(e)) for n, s, u, e in rows]

    async def last_seq(self) -> int:
        """The number of the latest report."""
        ((seq,),) = await self.database.fetch("SELECT MAX(seq) FROM report")
        return int(seq or 0)

    async def setting(self, name: str, make: bytes) -> bytes:
        """A value that is made once and then the same for everyone."""
        await self.database.transact(
            [
                (
                    "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
                    (name, make),
                )
            ]
        )
        ((value,),) = await self.database.fetch("SELECT value FROM setting WHERE name = ?", name)
        return bytes(value)

    async def old_sweeps(self, before: int) -> list[OldSweep]:
        """Sweeps created before this time, with what each holds; the earliest first."""
        return [
            await self.holdings(str(sweep_id))
            for (sweep_id,) in await self.database.fetch(
                "SELECT sweep_id FROM sweep WHERE created < ? ORDER BY created", before
            )
        ]

    async def holdings(self, sweep_id: str) -> OldSweep:
        """What a sweep that is there holds."""
        rows = await self.database.fetch(
            "SELECT sweep_id, title, created,"
            " (SELECT COUNT(*) FROM report WHERE report.sweep_id = sweep.sweep_id),"
            " (SELECT COUNT(*) FROM host WHERE host.sweep_id = sweep.sweep_id),"
            " (SELECT MAX(received) FROM report WHERE report.sweep_id = sweep.sweep_id),"
            " (SELECT COUNT(*) FROM casework c WHERE c.sweep_id = sweep.sweep_id),"
            " (SELECT COUNT(*) FROM case_note n WHERE n.sweep_id = sweep.sweep_id)"
            " FROM sweep WHERE sweep_id = ?",
            sweep_id,
        )
        return record_of(OldSweep, rows[0])

    async def remove_sweep(self, sweep_id: str, *, who: str, why: str) -> None:
        """With all of its own: reports, hosts, findings, cases, search, tokens."""
        tables = (
            "finding", "suppression", "casework", "case_note", "case_tag", "occurrence", "spread",
            "unsearchable", "report", "host", "expected_column", "expected", "list_change", "token",
            "sweep_key", "sweep",
        )  # fmt: skip
        await self.database.transact(
            [
                *((f"DELETE FROM {table} WHERE sweep_id = ?", (sweep_id,)) for table in tables),
                # the values that no other sweep has go after it, a few at a time
                ("UPDATE searching SET place = 0 WHERE name = 'leftovers'", ()),
                audit(who, "remove sweep", sweep_id, why),
            ]
        )


def _listed(reports: Sequence[tuple[str, str, str, Packed]]) -> list[Statement]:
    """What follows from findings that are listed: suppressions, traces and states."""
    made: list[Statement] = []
    for start in range(0, len(reports), _AT_ONCE):
        piece = reports[start : start + _AT_ONCE]
        ids = [report_id for report_id, _, _, _ in piece]
        marks = ", ".join("?" * len(ids))
        hosts: dict[str, list[str]] = {}
        for _, sweep_id, host_key, _ in piece:
            hosts.setdefault(sweep_id, []).append(host_key)
        made += [
            (
                # where there is none, no row is written once more
                f"UPDATE finding SET suppression_id = ({COVERED_BY}) WHERE report_id IN ({marks})"
                " AND EXISTS (SELECT 1 FROM suppression WHERE lifted IS NULL AND sweep_id IN"
                f" ({', '.join('?' * len(hosts))}))"
                f" AND suppression_id IS NULL AND ({COVERED_BY}) IS NOT NULL",
                [*ids, *hosts],
            ),
            *(traces_added(*report[:3]) for report in piece),
            (f"UPDATE report SET indexed = 1 WHERE report_id IN ({marks})", ids),
        ]
        for sweep_id, keys in sorted(hosts.items()):
            made += states_again(sweep_id, host_keys=sorted(set(keys)))
    return made
