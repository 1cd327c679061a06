"""Rows to records and back: what the store's parts share."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from msgspec import Struct, structs

from ..host_names import folded
from ..records import HostRow, ReportRow, Sweep
from .database import Database, Row, Statement, Value
from .putting import demand_kept, limits_kept

PAGE = 100
"""Rows of a list's page."""
_T = TypeVar("_T", bound=Struct)

SWEEP = "sweep_id, title, pack, created, deadline, demand, demanded, judged"
TOKEN = "digest, kind, sweep_id, label, created, expires, revoked, role"  # noqa: S105 - columns
HOST = (
    "sweep_id, host_key, host_id, name, fqdn, domain, os, ip, agent, state, hit, suppressed,"
    " reasons, strong, weak, reports, report_id, first_received, last_received, finished, sources,"
    " flagged, limited, limits, hit_limits, trouble, cleared, first_hit, users, elevated, kind,"
    " worth, strongest, best, first_trace, last_trace, first_any, last_any, signature,"
    " hit_signature"
)
REPORT = (
    "report_id, sweep_id, host_key, name, state, strong, weak, excluded, started, finished,"
    " received, source, size, schema, whole_host, limits, signature"
)
FINDING = (
    "finding_id, report_id, sweep_id, host_key, name, indicator_id, indicator_type,"
    " indicator_value, pack, strength, score, title, time, suppression_id, first_seen, last_seen,"
    " claims, place, path, record, view, owner, object_path, object_hash"
)
_READ: dict[type[Struct], dict[str, Callable[[Any], Any]]] = {
    HostRow: {
        **dict.fromkeys(("hit", "suppressed", "flagged", "limited"), bool),
        **dict.fromkeys(("limits", "hit_limits"), limits_kept),
        "elevated": lambda value: None if value is None else bool(value),
    },
    ReportRow: {
        "whole_host": lambda value: None if value is None else bool(value),
        "limits": limits_kept,
    },
    Sweep: {"demand": demand_kept},
}
"""What is kept as numbers or text."""
SUPPRESSION = (
    "suppression_id, sweep_id, indicator_id, host_key, reason, who, created, lifted, finding_id,"
    " path, hash, until, confirmed_until, strongest"
)


def now_ms() -> int:
    """Now, in milliseconds UTC."""
    return time.time_ns() // 1_000_000


def token_digest(secret: str) -> bytes:
    """What is kept of a token. SHA-256 suffices: the secret has 256 random bits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def audit(who: str, action: str, subject: str, detail: str) -> Statement:
    """The statement that writes down who did what."""
    return (
        "INSERT INTO audit (audit_id, at, who, action, subject, detail) VALUES (?, ?, ?, ?, ?, ?)",
        (str(uuid.uuid4()), now_ms(), who[:200], action, subject[:500], detail[:2000]),
    )


def prefix(text: str) -> tuple[str, str]:
    """The keys of names that begin so: the first, and the first after them (empty: no end)."""
    # What no engine keeps begins no name, and must not fail the question.
    return key_range(folded(text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")))


def key_range(low: str) -> tuple[str, str]:
    """The same of what is folded."""
    head = low.rstrip("\U0010ffff")
    if not head:
        return low, ""
    after = ord(head[-1]) + 1
    return low, head[:-1] + chr(0xE000 if after == 0xD800 else after)


def record_of(kind: type[_T], row: Row) -> _T:
    """A row whose columns are the record's fields, in their order."""
    values = dict(zip(kind.__struct_fields__, row, strict=True))
    for name, read in _READ.get(kind, {}).items():
        values[name] = read(values[name])
    return kind(**values)


def values_of(record: Struct) -> list[Value]:
    """The fields, in their order."""
    return list(structs.astuple(record))


class Rows:
    """Asks one database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def _all(self, kind: type[_T], sql: str, *parameters: Value) -> list[_T]:
        return [record_of(kind, row) for row in await self.database.fetch(sql, *parameters)]

    async def _stream(self, kind: type[_T], sql: str, *parameters: Value) -> AsyncIterator[_T]:
        async for rows in self.database.stream(sql, *parameters):
            for row in rows:
                yield record_of(kind, row)
