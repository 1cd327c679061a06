"""Whether a request may come in: its bearer token, looked up by digest, remembered briefly."""

from __future__ import annotations

import time
from collections.abc import Callable

from .records import Token
from .store.store import Store, now_ms

REMEMBERED_S = 2.0
"""A revoked token opens nothing after this."""
MAX_REMEMBERED = 10_000
_MAX_TOKEN = 4096


def bearer(value: bytes | None) -> str | None:
    """The secret in an Authorization header; None for anything else."""
    if value is None or len(value) > _MAX_TOKEN:
        return None
    scheme, _, secret = value.decode("latin-1").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" and secret.strip() else None


class Tokens:
    """Valid tokens of one kind."""

    def __init__(
        self,
        store: Store,
        kind: str,
        *,
        clock: Callable[[], int] = now_ms,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._kind = kind
        self._clock = clock
        self._timer = timer
        self._known: dict[str, tuple[float, Token]] = {}

    async def of(self, secret: str | None) -> Token | None:
        """The token, if there is one of this kind and it is valid now. Raises StoreError."""
        if secret is None:
            return None
        known = self._known.get(secret)
        if known is None or self._timer() - known[0] > REMEMBERED_S:
            token = await self._store.token(secret)
            if token is None or token.kind != self._kind:
                self._known.pop(secret, None)  # the unknown are not remembered: they are unbounded
                return None
            if len(self._known) >= MAX_REMEMBERED:
                self._known.clear()
            known = self._known[secret] = (self._timer(), token)
        return known[1] if known[1].valid(self._clock()) else None
