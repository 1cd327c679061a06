"""Making reports searchable: after they were kept and listed, and with what time that leaves.

Reports are gone through in the order of their commit, from the first that was ever kept, so that
those of an earlier collector are found too. Safe to repeat and to run in several processes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from agent.model.codec import MAX_BYTES, ReportError, decode

from .indexing import Fresh
from .intake import Refused, bounded_gunzip
from .store.database import StoreError
from .store.keeping_terms import Unsearched
from .store.store import Store
from .terms import Term, terms_of

_AT_ONCE = 200
"""Reports that are read in one go."""
_BYTES_AT_ONCE = 256 << 10
"""Of their bodies, packed, in memory."""
_TERMS_AT_ONCE = 2000
"""Per transaction: reports are not kept while it runs."""
_IDLE_S = 1.0
_BUSY_S = 5.0
"""Between two goes while reports come, or wait to be listed: that comes first."""
_FEW = 500
"""Terms of one go meanwhile."""
_FEW_REPORTS = 40
"""That are read for them: those without findings have about a dozen each."""
_AFTER_ERROR_S = 5.0
_LOG = logging.getLogger("collector.searching")

_Read = tuple[int, str, list[Term], int, str]
"""Number, id, terms, how many were left out, and why it cannot be read (empty: it can)."""


class Searchable:
    """Runs beside the server until it is cancelled."""

    def __init__(self, store: Store, fresh: Fresh | None = None) -> None:
        self._store = store
        self._fresh = fresh

    async def run(self) -> None:
        """For ever; an error is logged and tried again."""
        while True:
            try:
                busy = self._fresh is not None and self._fresh.busy
                worked = await self.once(few=busy)
            except StoreError as error:
                _LOG.error("making reports searchable waits: %s", error)
                await asyncio.sleep(_AFTER_ERROR_S)
            except Exception:  # noqa: BLE001 - a task that ended would find nothing, and say nothing
                _LOG.exception("making reports searchable failed")
                await asyncio.sleep(_AFTER_ERROR_S)
            else:
                await asyncio.sleep(_BUSY_S if busy else 0 if worked else _IDLE_S)

    async def once(self, *, few: bool = False) -> bool:
        """Some more reports; whether there were any."""
        at_once = _FEW if few else _TERMS_AT_ONCE
        waiting = await self._store.unsearched(_FEW_REPORTS if few else _AT_ONCE)
        if not waiting:
            return await self._store.drop_leftovers()
        ready: list[_Read] = []
        for piece in _by_size(waiting):
            bodies = await self._store.bodies([one.report_id for one in piece])
            for one in await asyncio.to_thread(_read, piece, bodies):
                ready.append(one)
                if sum(len(terms) for _, _, terms, _, _ in ready) >= at_once:
                    await self._keep(ready)
                    if few:
                        return True
                    ready = []
        if ready:
            await self._keep(ready)
        return True

    async def _keep(self, ready: Sequence[_Read]) -> None:
        await self._store.make_searchable(
            [(report_id, terms, more) for _, report_id, terms, more, why in ready if not why],
            [(report_id, why) for _, report_id, _, _, why in ready if why],
            up_to=ready[-1][0],
        )


def _by_size(waiting: Sequence[Unsearched]) -> list[list[Unsearched]]:
    """In pieces that are held at once."""
    pieces: list[list[Unsearched]] = [[]]
    held = 0
    for one in waiting:
        if pieces[-1] and held + one.packed > _BYTES_AT_ONCE:
            pieces.append([])
            held = 0
        pieces[-1].append(one)
        held += one.packed
    return pieces


def _read(waiting: Sequence[Unsearched], bodies: dict[str, bytes]) -> list[_Read]:
    return [_terms(one, bodies.get(one.report_id, b"")) for one in waiting]


def _terms(one: Unsearched, body: bytes) -> _Read:
    try:
        report = decode(bounded_gunzip(body, MAX_BYTES), max_bytes=MAX_BYTES)
    except (ReportError, Refused) as error:
        # It was decoded when it came, unless it is gone now: what changed it since is for `verify`
        # to find out, and what is gone is not kept.
        _LOG.warning("report %s cannot be read again: %s", one.report_id, error)
        return one.seq, one.report_id, [], 0, f"cannot be read again: {error}"[:500]
    terms, more = terms_of(report, one.source)
    return one.seq, one.report_id, terms, more, ""


__all__ = ["Searchable"]
