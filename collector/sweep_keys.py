"""Which keys a sweep's reports may be signed by, remembered briefly."""

from __future__ import annotations

import time
from collections.abc import Callable

from .store.store import Store

REMEMBERED_S = 2.0
"""A key that was issued or revoked counts after this."""
_MAX_REMEMBERED = 1000


class KeysOfSweeps:
    """Those that count, remembered briefly."""

    def __init__(self, store: Store, timer: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._timer = timer
        self._known: dict[str, tuple[float, tuple[bytes, ...]]] = {}

    async def of(self, sweep_id: str) -> tuple[bytes, ...]:
        """Raises StoreError."""
        known = self._known.get(sweep_id)
        if known is None or self._timer() - known[0] > REMEMBERED_S:
            found = await self._store.sweep_keys(sweep_id)
            if len(self._known) >= _MAX_REMEMBERED:
                self._known.clear()
            valid = tuple(one.public_key for one in found if one.revoked is None)
            known = self._known[sweep_id] = (self._timer(), valid)
        return known[1]
