"""Every question that the collector asks its database, and every change but the reports' own.

Lists are read page by page behind a key (never by offset), so that the last page of 100,000 hosts
costs what the first does.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, TypeVar

from msgspec import Struct

from ..records import (
    STATES,
    AuditRow,
    Counts,
    FindingRow,
    HostRow,
    HostState,
    IndicatorRow,
    NewReport,
    PutResult,
    ReportRow,
    Suppression,
    Sweep,
    Token,
)
from .database import Database, Row, Statement, Value

PAGE = 100
_T = TypeVar("_T", bound=Struct)

_SWEEP = "sweep_id, title, pack, created, deadline"
_TOKEN = "digest, kind, sweep_id, label, created, expires, revoked"  # noqa: S105 - columns
_HOST = (
    "sweep_id, host_key, host_id, name, fqdn, domain, os, ip, agent, state, hit, suppressed,"
    " reasons, strong, weak, reports, report_id, first_received, last_received, finished, sources,"
    " flagged"
)
_REPORT = (
    "report_id, sweep_id, host_key, name, state, strong, weak, excluded, started, finished,"
    " received, source, size"
)
_FINDING = (
    "finding_id, report_id, sweep_id, host_key, name, indicator_id, indicator_type,"
    " indicator_value, pack, strength, score, title, time, suppression_id"
)
_SUPPRESSION = "suppression_id, sweep_id, indicator_id, host_key, reason, who, created, lifted"


def now_ms() -> int:
    """Now, in milliseconds UTC."""
    return time.time_ns() // 1_000_000


def token_digest(secret: str) -> bytes:
    """What is kept of a token. SHA-256 suffices: the secret has 256 random bits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


class HostFilter(Struct, frozen=True, kw_only=True):
    """Which hosts of a sweep."""

    state: HostState | None = None
    text: str = ""
    """Begins the host's name, in any case."""
    flagged: bool = False
    suppressed: bool = False
    """Only those whose hits are all suppressed."""
    unexpected: bool = False
    """Only those that are not on the list of expected hosts."""


EVERY_HOST = HostFilter()


class Store:
    """All of it, on one database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    # ---- Reports

    async def put(self, report: NewReport) -> PutResult:
        """See Database.put."""
        return await self.database.put(report)

    async def report(self, report_id: str) -> ReportRow | None:
        rows = await self._all(
            ReportRow, f"SELECT {_REPORT} FROM report WHERE report_id = ?", report_id
        )
        return rows[0] if rows else None

    async def body(self, report_id: str) -> bytes | None:
        """The gzip body as it came."""
        rows = await self.database.fetch("SELECT body FROM report WHERE report_id = ?", report_id)
        return bytes(rows[0][0]) if rows else None

    async def reports_of_host(self, sweep_id: str, host_key: str) -> list[ReportRow]:
        """Latest first."""
        return await self._all(
            ReportRow,
            f"SELECT {_REPORT} FROM report WHERE sweep_id = ? AND host_key = ?"
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

    # ---- Sweeps and tokens

    async def sweeps(self) -> list[Sweep]:
        """Latest first."""
        return await self._all(Sweep, f"SELECT {_SWEEP} FROM sweep ORDER BY created DESC")

    async def sweep(self, sweep_id: str) -> Sweep | None:
        rows = await self._all(Sweep, f"SELECT {_SWEEP} FROM sweep WHERE sweep_id = ?", sweep_id)
        return rows[0] if rows else None

    async def create_sweep(self, sweep: Sweep, *, who: str) -> None:
        """Raises StoreError if the id is taken."""
        await self.database.transact(
            [
                (
                    f"INSERT INTO sweep ({_SWEEP}) VALUES (?, ?, ?, ?, ?)",
                    (sweep.sweep_id, sweep.title, sweep.pack, sweep.created, sweep.deadline),
                ),
                audit(who, "create sweep", sweep.sweep_id, sweep.title),
            ]
        )

    async def create_token(
        self,
        kind: str,
        *,
        sweep_id: str | None = None,
        label: str = "",
        expires: int | None = None,
        who: str,
    ) -> str:
        """A new secret, told this once: the store keeps its digest."""
        secret = secrets.token_urlsafe(32)
        await self.database.transact(
            [
                (
                    f"INSERT INTO token ({_TOKEN}) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (token_digest(secret), kind, sweep_id, label, now_ms(), expires, None),
                ),
                audit(who, f"create {kind} token", sweep_id or "", label),
            ]
        )
        return secret

    async def token(self, secret: str) -> Token | None:
        """By its digest: a look-up whose time tells nothing of the secret."""
        return await self.token_of(token_digest(secret))

    async def token_of(self, digest: bytes) -> Token | None:
        rows = await self._all(Token, f"SELECT {_TOKEN} FROM token WHERE digest = ?", digest)
        return rows[0] if rows else None

    async def tokens(self) -> list[Token]:
        return await self._all(Token, f"SELECT {_TOKEN} FROM token ORDER BY created")

    async def revoke(self, digest: bytes, *, who: str) -> bool:
        """Whether there was such a token to revoke."""
        touched = await self.database.transact(
            [
                (
                    "UPDATE token SET revoked = ? WHERE digest = ? AND revoked IS NULL",
                    (now_ms(), digest),
                ),
                audit(who, "revoke token", digest.hex()[:16], ""),
            ]
        )
        return touched[0] > 0

    # ---- Expected hosts

    async def expect(self, sweep_id: str, names: Iterable[str], *, who: str) -> int:
        """Add names to the list; gives how many are new. Those that reported already are seen."""
        rows: list[Value] = []
        for name in dict.fromkeys(names):
            key = name.casefold().rstrip(".")
            if key:
                rows += [sweep_id, key, key.partition(".")[0], name]
        statements: list[Statement] = []
        for start in range(0, len(rows), 4 * 500):
            piece = rows[start : start + 4 * 500]
            marks = ", ".join(["(?, ?, ?, ?, 0)"] * (len(piece) // 4))
            statements.append(
                (
                    "INSERT INTO expected (sweep_id, name_key, short_key, name, seen)"
                    f" VALUES {marks} ON CONFLICT (sweep_id, name_key) DO NOTHING",
                    piece,
                )
            )
        added = 0
        for start in range(0, len(statements), 10):
            added += sum(await self.database.transact(statements[start : start + 10]))
        await self.database.transact(
            [
                (
                    "UPDATE expected SET seen = 1 WHERE sweep_id = ? AND seen = 0 AND ("
                    " name_key IN (SELECT name_key FROM host WHERE sweep_id = ?)"
                    " OR name_key IN (SELECT fqdn_key FROM host WHERE sweep_id = ?)"
                    " OR short_key IN"
                    " (SELECT name_key FROM host WHERE sweep_id = ? AND fqdn_key = ''))",
                    (sweep_id, sweep_id, sweep_id, sweep_id),
                ),
                audit(who, "import expected hosts", sweep_id, f"{added} new"),
            ]
        )
        return added

    async def missing(self, sweep_id: str, *, after: str = "", text: str = "") -> list[str]:
        """A page of the names that have not reported, by name."""
        low, high = _prefix(text)
        where, values = "sweep_id = ? AND seen = 0 AND name_key > ? AND name_key >= ?", [
            sweep_id, after.casefold().rstrip("."), low,
        ]  # fmt: skip
        if high:
            where, values = f"{where} AND name_key < ?", [*values, high]
        rows = await self.database.fetch(
            f"SELECT name FROM expected WHERE {where} ORDER BY name_key LIMIT ?", *values, PAGE
        )
        return [str(name) for (name,) in rows]

    # ---- The answer

    async def counts(self, sweep_id: str) -> Counts:
        """The counters of a sweep."""
        # Each is answered by an index alone: together in 50 ms on 95,000 hosts.
        states, expected, marked, came, unexpected = await asyncio.gather(
            self.database.fetch(
                "SELECT state, COUNT(*) FROM host WHERE sweep_id = ? GROUP BY state", sweep_id
            ),
            self.database.fetch(
                "SELECT seen, COUNT(*) FROM expected WHERE sweep_id = ? GROUP BY seen", sweep_id
            ),
            self.database.fetch(
                # the range leads SQLite to the partial indexes
                "SELECT (SELECT COUNT(*) FROM host WHERE sweep_id = ? AND suppressed = 1"
                " AND name_key >= ''), (SELECT COUNT(*) FROM host WHERE sweep_id = ?"
                " AND flagged = 1 AND name_key >= '')",
                sweep_id, sweep_id,
            ),
            self.database.fetch(
                "SELECT (SELECT COUNT(*) FROM report WHERE sweep_id = ?),"
                " (SELECT MAX(received) FROM report WHERE sweep_id = ?)",
                sweep_id, sweep_id,
            ),
            self.database.fetch(
                f"SELECT COUNT(*) FROM host WHERE sweep_id = ? AND {_UNEXPECTED}", sweep_id
            ),
        )  # fmt: skip
        by_state = {str(state): int(count) for state, count in states}
        by_seen = {int(seen): int(count) for seen, count in expected}
        listed = sum(by_seen.values())
        ((suppressed, flagged),) = marked
        ((reports, last_received),) = came
        return Counts(
            **{state: by_state.get(state, 0) for state in STATES},
            not_reported=by_seen.get(0, 0),
            expected=listed,
            unexpected=int(unexpected[0][0]) if listed else 0,
            suppressed=int(suppressed),
            flagged=int(flagged),
            reports=int(reports),
            last_received=None if last_received is None else int(last_received),
        )

    async def arrivals(self, sweep_id: str, bucket_ms: int) -> list[tuple[int, int]]:
        """Reports per bucket of time: its start and how many, in order, empty ones left out."""
        rows = await self.database.fetch(
            "SELECT bucket, COUNT(*) FROM (SELECT received / ? AS bucket FROM report"
            " WHERE sweep_id = ?) AS arrived GROUP BY bucket ORDER BY bucket",
            bucket_ms, sweep_id,
        )  # fmt: skip
        return [(int(bucket) * bucket_ms, int(count)) for bucket, count in rows]

    async def arrival_span(self, sweep_id: str) -> tuple[int, int] | None:
        """When the first and the latest report came in."""
        ((first, last),) = await self.database.fetch(
            "SELECT (SELECT MIN(received) FROM report WHERE sweep_id = ?),"
            " (SELECT MAX(received) FROM report WHERE sweep_id = ?)",
            sweep_id, sweep_id,
        )  # fmt: skip
        return None if first is None else (int(first), int(last))

    async def arrived_since(self, sweep_id: str, since: int) -> int:
        """Reports that came in at this time or later."""
        ((count,),) = await self.database.fetch(
            "SELECT COUNT(*) FROM report WHERE sweep_id = ? AND received >= ?", sweep_id, since
        )
        return int(count)

    async def reasons(self, sweep_id: str, limit: int) -> list[tuple[str, int]]:
        """Why hosts are incomplete or failed, with how many; the most frequent first."""
        rows = await self.database.fetch(
            "SELECT reasons, COUNT(*) FROM host WHERE sweep_id = ? AND state IN"
            " ('incomplete', 'failed') GROUP BY reasons ORDER BY 2 DESC, 1 LIMIT ?",
            sweep_id, limit,
        )  # fmt: skip
        return [(str(reasons), int(count)) for reasons, count in rows]

    async def hosts(
        self, sweep_id: str, chosen: HostFilter = EVERY_HOST, *, after: tuple[str, str] = ("", "")
    ) -> list[HostRow]:
        """A page by name; ``after``: name (any case) and key of the last row of the page before."""
        low, high = _prefix(chosen.text)
        where = "sweep_id = ? AND name_key >= ?"
        values: list[Value] = [sweep_id, max(low, after[0].casefold())]
        if high:
            where, values = f"{where} AND name_key < ?", [*values, high]
        if after[1]:
            where += " AND (name_key > ? OR host_key > ?)"
            values += [after[0].casefold(), after[1]]
        if chosen.state is not None:
            where += " AND state = ?"
            values.append(chosen.state)
        if chosen.flagged:
            where += " AND flagged = 1"
        if chosen.suppressed:
            where += " AND suppressed = 1"
        if chosen.unexpected:
            where += f" AND {_UNEXPECTED}"
        return await self._all(
            HostRow,
            f"SELECT {_HOST} FROM host WHERE {where} ORDER BY name_key, host_key LIMIT ?",
            *values, PAGE,
        )  # fmt: skip

    async def host(self, sweep_id: str, host_key: str) -> HostRow | None:
        rows = await self._all(
            HostRow,
            f"SELECT {_HOST} FROM host WHERE sweep_id = ? AND host_key = ?",
            sweep_id, host_key,
        )  # fmt: skip
        return rows[0] if rows else None

    async def indicators(self, sweep_id: str) -> list[IndicatorRow]:
        """Findings grouped by indicator, strongest first, then by hosts."""
        rows = await self._all(
            IndicatorRow,
            "SELECT indicator_id, MIN(indicator_type), MIN(indicator_value), MIN(pack),"
            " MIN(CASE strength WHEN 'confirmed' THEN '0confirmed' WHEN 'strong' THEN '1strong'"
            " WHEN 'weak' THEN '2weak' ELSE '3excluded' END),"
            " COUNT(DISTINCT host_key), COUNT(*),"
            " SUM(CASE WHEN suppression_id IS NULL THEN 0 ELSE 1 END), MIN(time), MAX(time)"
            " FROM finding WHERE sweep_id = ? GROUP BY indicator_id"
            " ORDER BY 5, 6 DESC, indicator_id LIMIT 1000",
            sweep_id,
        )
        return [_renamed(row) for row in rows]

    async def findings(
        self,
        sweep_id: str,
        *,
        indicator_id: str | None = None,
        host_key: str | None = None,
        after: tuple[str, str] = ("", ""),
    ) -> list[FindingRow]:
        """A page by host and finding; ``after``: host key and finding id of the last row before."""
        where, values = "sweep_id = ?", [sweep_id]
        if indicator_id is not None:
            where, values = f"{where} AND indicator_id = ?", [*values, indicator_id]
        if host_key is not None:
            where, values = f"{where} AND host_key = ?", [*values, host_key]
        where += " AND host_key >= ? AND (host_key > ? OR finding_id > ?)"
        return await self._all(
            FindingRow,
            f"SELECT {_FINDING} FROM finding WHERE {where} ORDER BY host_key, finding_id LIMIT ?",
            *values, after[0], after[0], after[1], PAGE,
        )  # fmt: skip

    # ---- Exports, in pieces

    async def all_hosts(self, sweep_id: str) -> AsyncIterator[HostRow]:
        """Every host of a sweep, by name."""
        async for row in self._stream(
            HostRow, f"SELECT {_HOST} FROM host WHERE sweep_id = ? ORDER BY name_key", sweep_id
        ):
            yield row

    async def all_missing(self, sweep_id: str) -> AsyncIterator[str]:
        """Every expected name that has not reported."""
        async for rows in self.database.stream(
            "SELECT name FROM expected WHERE sweep_id = ? AND seen = 0 ORDER BY name_key", sweep_id
        ):
            for (name,) in rows:
                yield str(name)

    async def all_findings(self, sweep_id: str) -> AsyncIterator[FindingRow]:
        """Every finding of a sweep, by host."""
        async for row in self._stream(
            FindingRow,
            f"SELECT {_FINDING} FROM finding WHERE sweep_id = ? ORDER BY host_key, finding_id",
            sweep_id,
        ):
            yield row

    # ---- Suppressing

    async def suppress(
        self, sweep_id: str, indicator_id: str, host_key: str | None, *, reason: str, who: str
    ) -> str:
        """Set findings aside, on one host or on all, those to come included. Gives the id."""
        made = str(uuid.uuid4())
        which, values = "sweep_id = ? AND indicator_id = ?", [sweep_id, indicator_id]
        if host_key is not None:
            which, values = f"{which} AND host_key = ?", [*values, host_key]
        await self.database.transact(
            [
                (
                    f"INSERT INTO suppression ({_SUPPRESSION}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (made, sweep_id, indicator_id, host_key, reason, who, now_ms(), None),
                ),
                (
                    f"UPDATE finding SET suppression_id = ? WHERE {which}"
                    " AND suppression_id IS NULL",
                    (made, *values),
                ),
                *_states_again(sweep_id, indicator_id),
                audit(who, "suppress", f"{sweep_id} {indicator_id} {host_key or '*'}", reason),
            ]
        )
        return made

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
                    f"UPDATE finding SET suppression_id = ({_COVERED_BY}) WHERE sweep_id = ?"
                    " AND indicator_id = ? AND suppression_id = ?",
                    (sweep_id, indicator_id, suppression_id),
                ),
                *_states_again(sweep_id, indicator_id),
                audit(
                    who,
                    "lift suppression",
                    f"{sweep_id} {indicator_id} {rows[0][2] or '*'}",
                    suppression_id,
                ),
            ]
        )
        return True

    async def suppressions(self, sweep_id: str) -> list[Suppression]:
        """Latest first, lifted ones included."""
        return await self._all(
            Suppression,
            f"SELECT {_SUPPRESSION} FROM suppression WHERE sweep_id = ? ORDER BY created DESC"
            " LIMIT 1000",
            sweep_id,
        )

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
        marks = ", ".join("?" * len(FindingRow.__struct_fields__))
        await self.database.transact(
            [
                *(
                    (
                        f"INSERT INTO finding ({_FINDING}) VALUES ({marks})"
                        " ON CONFLICT (report_id, finding_id) DO NOTHING",
                        _values(finding),
                    )
                    for finding in findings
                ),
                (
                    f"UPDATE finding SET suppression_id = ({_COVERED_BY})"
                    " WHERE report_id = ? AND suppression_id IS NULL",
                    (report_id,),
                ),
                ("UPDATE report SET indexed = 1 WHERE report_id = ?", (report_id,)),
                *_states_again(sweep_id, host_key=host_key),
            ]
        )

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

    async def forget(self, before: int, *, who: str) -> int:
        """Retention: remove the sweeps created before this time, with all of theirs."""
        rows = await self.database.fetch("SELECT sweep_id FROM sweep WHERE created < ?", before)
        for (sweep_id,) in rows:
            tables = ("finding", "suppression", "report", "host", "expected", "token", "sweep")
            await self.database.transact(
                [
                    *((f"DELETE FROM {table} WHERE sweep_id = ?", (sweep_id,)) for table in tables),
                    audit(who, "remove sweep", str(sweep_id), "retention"),
                ]
            )
        return len(rows)

    # ---- Rows to records

    async def _all(self, kind: type[_T], sql: str, *parameters: Value) -> list[_T]:
        return [_record(kind, row) for row in await self.database.fetch(sql, *parameters)]

    async def _stream(self, kind: type[_T], sql: str, *parameters: Value) -> AsyncIterator[_T]:
        async for rows in self.database.stream(sql, *parameters):
            for row in rows:
                yield _record(kind, row)


def audit(who: str, action: str, subject: str, detail: str) -> Statement:
    """The statement that writes down who did what."""
    return (
        "INSERT INTO audit (audit_id, at, who, action, subject, detail) VALUES (?, ?, ?, ?, ?, ?)",
        (str(uuid.uuid4()), now_ms(), who[:200], action, subject[:500], detail[:2000]),
    )


_EXPECTED_AS = "EXISTS (SELECT 1 FROM expected e WHERE e.sweep_id = host.sweep_id AND"
_UNEXPECTED = (
    f"NOT {_EXPECTED_AS} e.name_key = host.name_key)"
    f" AND (host.fqdn_key = '' OR NOT {_EXPECTED_AS} e.name_key = host.fqdn_key))"
    f" AND (host.fqdn_key <> '' OR NOT {_EXPECTED_AS} e.short_key = host.name_key))"
)
_COVERED_BY = (
    "SELECT MIN(s.suppression_id) FROM suppression s WHERE s.sweep_id = finding.sweep_id"
    " AND s.indicator_id = finding.indicator_id AND s.lifted IS NULL"
    " AND (s.host_key IS NULL OR s.host_key = finding.host_key)"
)
_OPEN_HIT = (
    "SELECT 1 FROM finding f WHERE f.sweep_id = host.sweep_id AND f.host_key = host.host_key"
    " AND f.strength IN ('strong', 'confirmed') AND f.suppression_id IS NULL"
)
_UNINDEXED = (
    "SELECT 1 FROM report r WHERE r.sweep_id = host.sweep_id AND r.host_key = host.host_key"
    " AND r.indexed = 0 AND r.strong > 0"
)


def _states_again(
    sweep_id: str, indicator_id: str | None = None, *, host_key: str | None = None
) -> list[Statement]:
    """Hosts whose hits are all suppressed, and those that have an open one (again)."""
    which: str = "sweep_id = ? AND hit = 1"
    values: list[Value] = [sweep_id]
    if host_key is not None:
        which, values = f"{which} AND host_key = ?", [*values, host_key]
    if indicator_id is not None:
        which += " AND host_key IN (SELECT host_key FROM finding WHERE sweep_id = ?"
        which += " AND indicator_id = ?)"
        values += [sweep_id, indicator_id]
    return [
        (
            f"UPDATE host SET suppressed = 1, state = base WHERE {which} AND suppressed = 0"
            f" AND NOT EXISTS ({_OPEN_HIT}) AND NOT EXISTS ({_UNINDEXED})",
            values,
        ),
        (
            f"UPDATE host SET suppressed = 0, state = 'hit' WHERE {which} AND suppressed = 1"
            f" AND EXISTS ({_OPEN_HIT})",
            values,
        ),
    ]


def _prefix(text: str) -> tuple[str, str]:
    """The range of keys that begin so: the first, and the first after them (empty: no end)."""
    low = text.casefold()
    head = low.rstrip("\U0010ffff")
    if not head:
        return low, ""
    after = ord(head[-1]) + 1
    return low, head[:-1] + chr(0xE000 if after == 0xD800 else after)


def _record(kind: type[_T], row: Row) -> _T:
    values = dict(zip(kind.__struct_fields__, row, strict=True))
    for flag in ("hit", "suppressed", "flagged"):
        if flag in values and kind is HostRow:
            values[flag] = bool(values[flag])
    return kind(**values)


def _values(record: Struct) -> list[Value]:
    return [getattr(record, field) for field in record.__struct_fields__]


def _renamed(row: IndicatorRow) -> IndicatorRow:
    from msgspec import structs

    return structs.replace(row, strength=row.strength[1:])


__all__: list[Any] = ["EVERY_HOST", "HostFilter", "Store", "audit", "now_ms", "token_digest"]
