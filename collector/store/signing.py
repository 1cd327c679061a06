"""The public keys of sweeps."""

from __future__ import annotations

from msgspec import Struct

from agent.model.attestation import key_id

from .rows import Rows, audit, now_ms


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
