"""When a person last looked at a sweep: remembered by their browser, in a cookie.

The server writes nothing down for it. The cookie tells times alone, each under the hash of a sweep
and of the token that looked; whoever forges it deceives themselves. A sitting goes on while the
page is opened again within a quarter of an hour: what was new stays new until it is over.
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from .session import Reader

SITTING_MS = 15 * 60_000
MAX_SWEEPS = 40
"""That are remembered, the latest."""
KEPT_S = 90 * 24 * 3600
_ENTRY = re.compile(r"([0-9a-f]{12})-([0-9a-f]{1,12})-([0-9a-f]{1,12})")


class Visit(NamedTuple):
    """Milliseconds UTC."""

    looked: int
    """The end of the sitting before; 0: there was none."""
    opened: int
    """When the page was last opened."""


class Visits:
    """Reads and writes the cookie."""

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure
        self.cookie = "__Host-iocsweep-looked" if secure else "iocsweep-looked"

    def looked(self, request: Request, reader: Reader, sweep_id: str, now: int) -> int | None:
        """When this person last looked at the sweep; None: not known to this browser."""
        known = self._known(request).get(_key(reader, sweep_id))
        if known is None or not reader.csrf or known.opened > now:
            return None
        return _now(known, now).looked or None

    def opened(
        self, request: Request, response: Response, reader: Reader, sweep_id: str, now: int
    ) -> None:
        """They look at it now. A bearer has no browser."""
        if not reader.csrf:
            return
        known, key = self._known(request), _key(reader, sweep_id)
        before = known.pop(key, None)
        visit = Visit(0, now) if before is None or before.opened > now else _now(before, now)
        entries = [*known.items(), (key, Visit(visit.looked, now))][-MAX_SWEEPS:]
        response.set_cookie(
            self.cookie, ".".join(f"{name}-{one.looked:x}-{one.opened:x}" for name, one in entries),
            max_age=KEPT_S, path="/", secure=self._secure, httponly=True, samesite="strict",
        )  # fmt: skip

    def _known(self, request: Request) -> dict[str, Visit]:
        """By key, those looked at last at the end; what is no entry of ours is left out."""
        entries = request.cookies.get(self.cookie, "").split(".")[:MAX_SWEEPS]
        found = (_ENTRY.fullmatch(one) for one in entries)
        return {one[1]: Visit(int(one[2], 16), int(one[3], 16)) for one in found if one}


def _now(known: Visit, now: int) -> Visit:
    """As it stands at this time: a pause ends a sitting."""
    return known if now - known.opened < SITTING_MS else Visit(known.opened, known.opened)


def _key(reader: Reader, sweep_id: str) -> str:
    whose = reader.token.digest + sweep_id.encode("utf-8", "replace")
    return hashlib.sha256(b"looked\0" + whose).hexdigest()[:12]


__all__ = ["SITTING_MS", "Visits"]
