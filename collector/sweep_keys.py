"""Which keys a sweep's reports may be signed by, remembered briefly."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from .store.signing import SweepKey
from .store.store import Store

REMEMBERED_S = 2.0
"""A key that was issued or revoked counts after this."""
_MAX_REMEMBERED = 1000
_DOUBT_MS = 5_000
"""About the moment of an issue or a revocation in which a report may have been judged by the keys
of either side: what is remembered, and clocks of several servers."""


class Keys(NamedTuple):
    """Public ones of a sweep."""

    valid: tuple[bytes, ...]
    revoked: tuple[bytes, ...]


def sorted_out(keys: Sequence[SweepKey]) -> Keys:
    """As they are now."""
    return Keys(
        tuple(one.public_key for one in keys if one.revoked is None),
        tuple(one.public_key for one in keys if one.revoked is not None),
    )


def keys_then(keys: Sequence[SweepKey], received: int) -> list[Keys]:
    """As they were for a report that came at this time; several where that is not sure.

    Among them those that were issued later, by a clock that may be wrong: nobody signs by a key
    that there is not.
    """
    moments = (received, received - _DOUBT_MS, received + _DOUBT_MS)
    strict = [_at([k for k in keys if k.created <= moment], moment) for moment in moments]
    return [*dict.fromkeys([*strict, _at(keys, received)])]


def _at(issued: Sequence[SweepKey], moment: int) -> Keys:
    ended = [one for one in issued if one.revoked is not None and one.revoked <= moment]
    return Keys(
        tuple(one.public_key for one in issued if one not in ended),
        tuple(one.public_key for one in ended),
    )


class KeysOfSweeps:
    """Those that count and those that do not any more, remembered briefly."""

    def __init__(self, store: Store, timer: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._timer = timer
        self._known: dict[str, tuple[float, Keys]] = {}

    async def all_of(self, sweep_id: str) -> Keys:
        """Raises StoreError."""
        known = self._known.get(sweep_id)
        if known is None or self._timer() - known[0] > REMEMBERED_S:
            found = await self._store.sweep_keys(sweep_id)
            if len(self._known) >= _MAX_REMEMBERED:
                self._known.clear()
            known = self._known[sweep_id] = (self._timer(), sorted_out(found))
        return known[1]

    async def of(self, sweep_id: str) -> tuple[bytes, ...]:
        """Those that count. Raises StoreError."""
        return (await self.all_of(sweep_id)).valid
