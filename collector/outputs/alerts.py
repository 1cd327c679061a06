"""What somebody should look at now, beside a host's first hit: for outputs that call people.

``second_sender``: another address sends reports for a host. ``bad_signature``: a report is not as
it was signed, once for a host, or once for a key that is none of the sweep's. Told of the report
that shows it, so the order of commits decides and a restart changes nothing. ``deadline_passed``
and ``output_fails`` come from the clock: what was told is remembered in the store.
"""

from __future__ import annotations

import uuid
from abc import abstractmethod
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any, Final, Literal
from urllib.parse import quote

import msgspec
from msgspec import Struct

from agent.output.escape import shown
from agent.output.mapping.document import stamp

from ..records import ReportRow, Sweep
from ..signatures import verdict_kept
from ..store.store import Store, now_ms
from .output import Output
from .state import OutputState, keep_value, output_states, value_of

Event = Literal["first_hit", "second_sender", "output_fails", "deadline_passed", "bad_signature"]
EVENTS: Final[tuple[Event, ...]] = (
    "first_hit", "second_sender", "output_fails", "deadline_passed", "bad_signature",
)  # fmt: skip
FAILS_AFTER_MS = 120_000
"""How long an output fails before somebody is called: a restart of the other end is nothing."""
STALE_MS = 2 * 3_600_000
"""The state of an output that nobody runs any more says nothing; pauses last an hour at most."""
DEADLINE_FOR_MS = 7 * 86_400_000
"""A deadline that passed longer ago is history."""
LOOK_EVERY_MS = 15_000
_TOLD_FOR_MS = 30 * 86_400_000
_TOLD = msgspec.json.Decoder(dict[str, int])
_NAMESPACE = uuid.UUID("3a1d7b1e-8c56-5c0e-9f57-7a55a1f0c2de")


class Alert(Struct, frozen=True, kw_only=True):
    """One call."""

    event: Event
    key: str
    """The same for the same thing, however often it is told."""
    text: str
    """One line for a person."""
    path: tuple[str, ...] = ()
    """Of the page that shows it, in parts."""
    sweep_id: str = ""
    facts: dict[str, Any] = {}
    remembered: bool = False
    """Whether that it was told is to be remembered, as its report does not show it."""

    @property
    def id(self) -> str:
        """The same on every attempt."""
        return str(uuid.uuid5(_NAMESPACE, self.key))


class Alerting(Output):
    """An output that wants the first hit of each host and sweep, and alerts, and nothing else."""

    events: frozenset[Event]

    @abstractmethod
    async def alert(self, alert: Alert) -> None:
        """Returns when the receiver has it. Raises TryAgain with nothing left."""


def link(public_url: str, *path: str) -> str:
    """To a page of the collector; empty when nobody said where it is."""
    if not public_url:
        return ""
    parts = (quote(part, safe="", errors="replace") for part in path)
    return "/".join([public_url.rstrip("/"), *parts])


async def second_sender(store: Store, row: ReportRow) -> Alert | None:
    """If this report is the first of its host and sweep that another address brought."""
    earlier = await store.database.fetch(
        "SELECT DISTINCT e.source FROM report r JOIN report e ON e.sweep_id = r.sweep_id"
        " AND e.host_key = r.host_key AND e.seq < r.seq WHERE r.report_id = ? LIMIT 2",
        row.report_id,
    )
    if len(earlier) != 1 or earlier[0][0] == row.source:
        return None
    first = str(earlier[0][0])
    return Alert(
        event="second_sender",
        key=f"second_sender/{row.sweep_id}/{row.host_key}",
        text=f"two senders for {row.name}: {first}, and now {row.source}",
        path=("sweeps", row.sweep_id, "hosts", row.host_key),
        sweep_id=row.sweep_id,
        facts={
            "host": row.name, "report_id": row.report_id, "state": row.state,
            "senders": [first, row.source],
        },
    )  # fmt: skip


async def bad_signature(store: Store, row: ReportRow) -> Alert | None:
    """If this report is the first of its host and sweep that is not as it was signed.

    One key of another sweep may be on all hosts of a fleet: that is one thing, whichever host's
    report came first.
    """
    verdict = verdict_kept(row.signature)
    if verdict.state != "wrong":
        return None
    earlier = await store.database.fetch(
        "SELECT 1 FROM report r JOIN report e ON e.sweep_id = r.sweep_id"
        " AND e.host_key = r.host_key AND e.seq < r.seq WHERE r.report_id = ?"
        " AND e.signature LIKE 'wrong%' LIMIT 1",
        row.report_id,
    )
    if earlier:
        return None
    one_key = verdict.status in ("unknown_key", "revoked_key")
    whose = verdict.detail.rpartition(" ")[2] if one_key else row.host_key
    return Alert(
        event="bad_signature",
        key=f"bad_signature/{row.sweep_id}/{whose}",
        text=f"a report of {row.name} is not as this sweep's key signed it: {verdict.detail}",
        path=("reports", row.report_id),
        sweep_id=row.sweep_id,
        facts={
            "host": row.name, "report_id": row.report_id, "state": row.state,
            "signature_status": verdict.status, "signature_detail": verdict.detail,
        },
        remembered=one_key,
    )  # fmt: skip


class Watch:
    """What no report tells: deadlines that pass, and outputs that fail. Each is told once."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._name = name
        """Of the output that is to be told: it cannot tell of itself."""
        self._looked = 0
        self._told: dict[str, int] | None = None

    async def due(self) -> list[Alert]:
        """What is to be told now; looks every few seconds. Raises StoreError."""
        now = now_ms()
        if now - self._looked < LOOK_EVERY_MS:
            return []
        self._looked = now
        told = await self._remembered()
        found = [*await self._deadlines(now), *await self._outputs(now)]
        return [alert for alert in found if alert.key not in told]

    async def is_told(self, alert: Alert) -> bool:
        """Whether it was remembered. Raises StoreError."""
        return alert.key in await self._remembered()

    async def told(self, alert: Alert) -> None:
        """Remember it. Raises StoreError."""
        now = now_ms()
        told = {k: at for k, at in (await self._remembered()).items() if now - at < _TOLD_FOR_MS}
        self._told = told | {alert.key: now}
        await keep_value(self._store, f"alerts/{self._name}", msgspec.json.encode(self._told))

    async def _remembered(self) -> dict[str, int]:
        if self._told is None:
            value = await value_of(self._store, f"alerts/{self._name}")
            self._told = {}
            with suppress(msgspec.DecodeError):  # of a later version: rather twice than never
                self._told = _TOLD.decode(value or b"{}")
        return self._told

    async def _deadlines(self, now: int) -> list[Alert]:
        return [
            await self._passed(sweep, sweep.deadline)
            for sweep in await self._store.sweeps()
            if sweep.deadline is not None and 0 <= now - sweep.deadline < DEADLINE_FOR_MS
        ]

    async def _passed(self, sweep: Sweep, deadline: int) -> Alert:
        counts = await self._store.counts(sweep.sweep_id)
        silent = (
            f"{counts.not_reported:,} of {counts.expected:,} expected hosts have not reported"
            if counts.expected
            else f"{counts.reported:,} hosts have reported; nobody said how many are expected"
        )
        return Alert(
            event="deadline_passed",
            key=f"deadline_passed/{sweep.sweep_id}/{deadline}",
            text=f"deadline of {shown(sweep.title)} has passed: {silent}",
            path=("sweeps", sweep.sweep_id),
            sweep_id=sweep.sweep_id,
            facts={"deadline": _iso(deadline), "counts": msgspec.to_builtins(counts)},
        )

    async def _outputs(self, now: int) -> list[Alert]:
        states = [
            one
            for one in await output_states(self._store)
            if one.name != self._name and now - one.updated < STALE_MS
        ]
        failing = [
            _fails(one, f"since/{one.failing_since}", f"{one.last_error}; {one.lag:,} reports wait")
            for one in states
            if one.failing_since is not None and now - one.failing_since >= FAILS_AFTER_MS
        ]
        refusing = [
            _fails(
                one,
                f"dead/{one.dead_since}",
                f"the other end refused findings for good; {one.dead_letters:,} wait: see"
                f" `iocsweep-collector dead-letters list {one.name}`",
            )
            for one in states
            if one.dead_since is not None
        ]
        return [*failing, *refusing]


def _iso(milliseconds: int) -> str | None:
    return stamp(datetime.fromtimestamp(milliseconds / 1000, timezone.utc))


def _fails(state: OutputState, key: str, why: str) -> Alert:
    return Alert(
        event="output_fails",
        key=f"output_fails/{state.name}/{key}",
        text=f"output {state.name} fails: {shown(why)}",
        facts={"output": msgspec.to_builtins(state)},
    )
