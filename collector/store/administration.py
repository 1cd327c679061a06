"""Sweeps and their tokens."""

from __future__ import annotations

import secrets

from msgspec import structs

from ..judging import demand_text
from ..records import NOTHING_ASKED, ROLES, AuditRow, Demand, Sweep, Token
from .database import StoreError
from .judging_again import JudgingAgain
from .rows import SWEEP, TOKEN, audit, now_ms, record_of, token_digest


class Administration(JudgingAgain):
    """What an administrator sets up."""

    async def sweeps(self) -> list[Sweep]:
        """Latest first."""
        return await self._all(Sweep, f"SELECT {SWEEP} FROM sweep ORDER BY created DESC")

    async def sweep(self, sweep_id: str) -> Sweep | None:
        rows = await self._all(Sweep, f"SELECT {SWEEP} FROM sweep WHERE sweep_id = ?", sweep_id)
        return rows[0] if rows else None

    async def create_sweep(self, sweep: Sweep, *, who: str) -> None:
        """Raises StoreError if the id is taken."""
        asked = "" if sweep.demand == NOTHING_ASKED else demand_text(sweep.demand)
        await self.database.transact(
            [
                (
                    f"INSERT INTO sweep ({SWEEP}) VALUES (?, ?, ?, ?, ?, ?, 0, 0)",
                    (sweep.sweep_id, sweep.title, sweep.pack, sweep.created, sweep.deadline, asked),
                ),
                audit(who, "create sweep", sweep.sweep_id, sweep.title),
                *([audit(who, "ask for", sweep.sweep_id, asked)] if asked else []),
            ]
        )

    async def edit_sweep(self, sweep_id: str, demand: Demand, *, who: str) -> bool:
        """Ask for something else; whether that is a change. The reports that are there count by the
        new demand once :meth:`judge_again` has come to them, which a server does by itself.

        Raises StoreError: there is no such sweep.
        """
        sweep = await self.sweep(sweep_id)
        if sweep is None:
            raise StoreError(f"there is no sweep {sweep_id!r}")
        if demand == sweep.demand:
            return False
        await self.database.transact(
            [
                (
                    "UPDATE sweep SET demand = ?, demanded = demanded + 1, pack = ?"
                    " WHERE sweep_id = ?",
                    (demand_text(demand), demand.pack or sweep.pack, sweep_id),
                ),
                audit(who, "ask for", sweep_id, demand_text(demand)),
            ]
        )
        return True

    async def accept_proposal(self, sweep_id: str, *, who: str) -> Demand | None:
        """Pin the pack of the first report, beside all else that is asked for; None: there is none
        to propose, or one is pinned. Raises StoreError.
        """
        sweep, proposed = await self.sweep(sweep_id), await self.proposal(sweep_id)
        if sweep is None or proposed is None or sweep.demand.pack:
            return None
        demand = structs.replace(
            sweep.demand, pack=proposed.pack, pack_version=proposed.pack_version, any_pack=False,
            indicators=max(sweep.demand.indicators, 1),
        )  # fmt: skip
        await self.edit_sweep(sweep_id, demand, who=who)
        return demand

    async def describe_sweep(
        self, sweep_id: str, *, title: str, deadline: int | None, who: str
    ) -> None:
        """Its title and its deadline; the id stays, as addresses name it."""
        await self.database.transact(
            [
                (
                    "UPDATE sweep SET title = ?, deadline = ? WHERE sweep_id = ?",
                    (title, deadline, sweep_id),
                ),
                audit(who, "edit sweep", sweep_id, f"title {title!r}, deadline {deadline}"),
            ]
        )

    async def close_sweep(self, sweep_id: str, *, who: str) -> int:
        """Take no more reports: its tokens open nothing from now on. Gives how many there were."""
        now = now_ms()
        touched = await self.database.transact(
            [
                (
                    "UPDATE token SET revoked = ? WHERE sweep_id = ? AND kind = 'sweep'"
                    " AND revoked IS NULL",
                    (now, sweep_id),
                ),
                audit(who, "close sweep", sweep_id, ""),
            ]
        )
        return touched[0]

    async def create_token(
        self,
        kind: str,
        *,
        role: str = "",
        sweep_id: str | None = None,
        label: str = "",
        expires: int | None = None,
        who: str,
    ) -> str:
        """A new secret, told this once: the store keeps its digest.

        A reader's has one of :data:`~collector.records.ROLES`, the least if none is given.
        """
        role = (role or ROLES[0]) if kind == "reader" else ""
        secret = secrets.token_urlsafe(32)
        await self.database.transact(
            [
                (
                    f"INSERT INTO token ({TOKEN}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (token_digest(secret), kind, sweep_id, label, now_ms(), expires, None, role),
                ),
                audit(who, f"create {role or kind} token", sweep_id or "", label),
            ]
        )
        return secret

    async def token(self, secret: str) -> Token | None:
        """By its digest: a look-up whose time tells nothing of the secret."""
        return await self.token_of(token_digest(secret))

    async def token_of(self, digest: bytes) -> Token | None:
        rows = await self._all(Token, f"SELECT {TOKEN} FROM token WHERE digest = ?", digest)
        return rows[0] if rows else None

    async def tokens(self) -> list[Token]:
        return await self._all(Token, f"SELECT {TOKEN} FROM token ORDER BY created")

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

    # ---- What is written down

    async def note(self, who: str, action: str, subject: str = "", detail: str = "") -> None:
        """In the audit log: what changes nothing else."""
        await self.database.transact([audit(who, action, subject, detail)])

    async def audit_after(self, since: int, limit: int) -> list[tuple[str, AuditRow]]:
        """Lines from this time on with their ids, the earliest first."""
        rows = await self.database.fetch(
            "SELECT audit_id, at, who, action, subject, detail FROM audit WHERE at >= ?"
            " ORDER BY at, audit_id LIMIT ?",
            since, limit,
        )  # fmt: skip
        return [(str(row[0]), record_of(AuditRow, row[1:])) for row in rows]

    async def beat(self) -> None:
        """Write a row, as reports are written. Raises StoreError."""
        await self.database.transact(
            [
                (
                    "INSERT INTO setting (name, value) VALUES ('last-beat', ?)"
                    " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                    (str(now_ms()).encode(),),
                )
            ]
        )
