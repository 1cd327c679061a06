"""The public keys of sweeps, and which hosts' reports are signed how."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec import Struct

from agent.model.attestation import key_id
from agent.model.report import DRILL

from ..signatures import ANOTHER_KEY, REVOKED_KEY, Status
from .database import Value
from .rows import Rows, audit, now_ms

SAID = "CASE WHEN state = 'hit' THEN hit_signature ELSE signature END"
"""SQL: the signature of the report that a host's state is from."""
KIND = (
    "CASE WHEN signature = '' THEN 'unchecked' WHEN signature = 'unsigned' THEN 'unsigned'"
    " WHEN substr(signature, 1, 7) = 'signed ' THEN 'verified' ELSE 'unverified' END"
)
"""SQL: as :attr:`collector.signatures.Verdict.status`, of a host that is clean."""
_BEGINNINGS: dict[Status, str] = {
    "verified": "signed ", "unsigned": "unsigned", "unverified": "unknown ", "altered": "wrong",
    "unknown_key": "wrong", "revoked_key": "wrong",
}  # fmt: skip
_KEYS: dict[Status, str] = {"unknown_key": ANOTHER_KEY, "revoked_key": REVOKED_KEY}


def signed_where(status: Status) -> tuple[str, list[Value]]:
    """SQL: whether the report that a host's state is from is so, and the values for it."""
    if status == "unchecked":
        return f"{SAID} = ''", []
    begin = _BEGINNINGS[status]
    where, values = f"substr({SAID}, 1, {len(begin)}) = ?", list[Value]([begin])
    if status in _KEYS:
        return f"{where} AND {SAID} LIKE ?", [*values, f"%{_KEYS[status]}%"]
    if status == "altered":
        for words in _KEYS.values():
            where, values = f"{where} AND {SAID} NOT LIKE ?", [*values, f"%{words}%"]
    return where, values


class SweepKey(Struct, frozen=True, kw_only=True):
    """A key that was issued to a sweep: never its private half."""

    public_key: bytes
    """32 bytes."""
    created: int
    revoked: int | None


class Signing(Rows):
    """Issued, told, revoked."""

    async def add_sweep_key(self, sweep_id: str, public: bytes, *, who: str) -> None:
        """Raises StoreError."""
        await self.database.transact(
            [
                (
                    "INSERT INTO sweep_key (sweep_id, public_key, created, revoked)"
                    " VALUES (?, ?, ?, NULL)",
                    (sweep_id, public, now_ms()),
                ),
                audit(who, "issue key", sweep_id, key_id(public)),
            ]
        )

    async def sweep_keys(self, sweep_id: str) -> list[SweepKey]:
        """All that were ever issued, the oldest first."""
        rows = await self.database.fetch(
            "SELECT public_key, created, revoked FROM sweep_key WHERE sweep_id = ?"
            " ORDER BY created, public_key",
            sweep_id,
        )
        return [
            SweepKey(
                public_key=bytes(row[0]),
                created=int(row[1]),
                revoked=None if row[2] is None else int(row[2]),
            )
            for row in rows
        ]

    async def signatures_of(self, report_ids: Collection[str]) -> dict[str, str]:
        """What is kept of these reports' signatures, by their ids."""
        ids = sorted(set(report_ids))
        if not ids:
            return {}
        marks = ", ".join("?" * len(ids))
        rows = await self.database.fetch(
            f"SELECT report_id, signature FROM report WHERE report_id IN ({marks})", *ids
        )
        return {str(report_id): str(signature) for report_id, signature in rows}

    async def drills_on(self, sweep_id: str, host_keys: Sequence[str]) -> dict[str, int]:
        """Findings of a drill on these hosts, once each; without those that have none."""
        if not host_keys:
            return {}
        rows = await self.database.fetch(
            "SELECT host_key, COUNT(DISTINCT finding_id) FROM finding WHERE sweep_id = ?"
            f" AND host_key IN ({', '.join('?' * len(host_keys))})"
            " AND strength IN ('weak', 'excluded') AND pack = ? GROUP BY host_key",
            sweep_id, *host_keys, DRILL,
        )  # fmt: skip
        return {str(key): int(count) for key, count in rows}

    async def revoke_sweep_key(self, sweep_id: str, public: bytes, *, who: str) -> None:
        """What it signs from now on is wrong; reports that are there stay as they were judged."""
        await self.database.transact(
            [
                (
                    "UPDATE sweep_key SET revoked = ? WHERE sweep_id = ? AND public_key = ?"
                    " AND revoked IS NULL",
                    (now_ms(), sweep_id, public),
                ),
                audit(who, "revoke key", sweep_id, key_id(public)),
            ]
        )
