"""How an output is doing: kept in the store, so that every page and process can tell."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import msgspec
from msgspec import Struct

from ..store.database import StoreError
from ..store.store import Store, now_ms
from .output import Output

SAVE_MS = 10_000
"""Between two times that a state is written down while all goes well."""
_PREFIX = "output/"
_KEEP = (
    "INSERT INTO setting (name, value) VALUES (?, ?)"
    " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)


class OutputState(Struct, kw_only=True):
    """Of one output. Times are milliseconds UTC."""

    name: str
    last_success: int | None = None
    """When the destination last took something."""
    last_error: str = ""
    last_error_at: int | None = None
    failing_since: int | None = None
    """None: the last attempt went well."""
    lag: int = 0
    """Reports that wait."""
    dead_letters: int = 0
    """Findings that were refused for good and wait to be sent again."""
    dead_since: int | None = None
    """When the first of them came."""
    notice: str = ""
    """What its operator should put right although it works."""
    updated: int = 0
    """When this was written down: long ago means that nobody runs it."""


_DECODER = msgspec.json.Decoder(OutputState)


class StateKeeper:
    """Keeps the state of one output, for its runner."""

    def __init__(self, store: Store, output: Output, name: str) -> None:
        self.state = OutputState(name=name)
        self._store = store
        self._output = output
        self._loaded = False

    async def load(self) -> None:
        """Once: what was known before the last stop."""
        if not self._loaded:
            for known in await _stored(self._store, self.state.name):
                self.state = known
            self._loaded = True

    async def succeeded(self) -> None:
        """The destination took something."""
        self.state.last_success = now_ms()
        await self.rested()

    async def rested(self) -> None:
        """Nothing is left that failed."""
        again = self.state.failing_since is not None
        self.state.failing_since = None
        await self.save(now=again)

    async def failed(self, reason: str) -> None:
        """It did not."""
        self.state.last_error_at = now_ms()
        self.state.last_error = reason[:500]
        if self.state.failing_since is None:
            self.state.failing_since = self.state.last_error_at
        await self.save(now=True)

    async def save(self, *, now: bool = False) -> None:
        """Write it down, if the last time is long ago. A store that fails is left alone: whoever
        runs the output meets it by itself. Before :meth:`load` nothing is known that is worth it.
        """
        if not self._loaded:
            return
        letters = await asyncio.to_thread(self._output.dead_letters.waiting)
        changed = letters != self.state.dead_letters or self._output.notice != self.state.notice
        if not (now or changed) and now_ms() - self.state.updated < SAVE_MS:
            return
        self.state.dead_letters = letters
        if not letters:
            self.state.dead_since = None
        elif self.state.dead_since is None:
            self.state.dead_since = now_ms()
        self.state.notice = self._output.notice
        self.state.updated = now_ms()
        with suppress(StoreError):
            await keep_value(
                self._store, _PREFIX + self.state.name, msgspec.json.encode(self.state)
            )


async def output_states(store: Store) -> list[OutputState]:
    """Of every output that ever ran on this store, by name; how far behind it is now."""
    known = {one.name: one for one in await _stored(store)}
    newest = await store.last_seq()
    for name, seq, updated, error in await store.sinks():
        state = known.setdefault(name, OutputState(name=name, last_error=error, updated=updated))
        state.lag = max(0, newest - seq)
    return [known[name] for name in sorted(known)]


async def keep_value(store: Store, name: str, value: bytes) -> None:
    """Replaces what is there. Raises StoreError."""
    await store.database.transact([(_KEEP, (name, value))])


async def value_of(store: Store, name: str) -> bytes | None:
    """What :func:`keep_value` kept. Raises StoreError."""
    rows = await store.database.fetch("SELECT value FROM setting WHERE name = ?", name)
    return bytes(rows[0][0]) if rows else None


async def _stored(store: Store, name: str | None = None) -> list[OutputState]:
    low, high = (_PREFIX, _PREFIX + "\x7f") if name is None else (_PREFIX + name, _PREFIX + name)
    rows = await store.database.fetch(
        "SELECT value FROM setting WHERE name >= ? AND name <= ? ORDER BY name", low, high
    )
    found = []
    for (value,) in rows:
        with suppress(msgspec.DecodeError):  # of a later version
            found.append(_DECODER.decode(bytes(value)))
    return found
