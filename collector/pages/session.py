"""Who reads: a reader token, shown once for a signed cookie, or sent as a bearer with each request.

The cookie holds the token's digest and when it ends, signed; the server keeps no sessions. Each
request asks the store (at most five seconds ago) whether the token still opens anything.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import logging
import secrets
from collections.abc import Callable

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from agent.output.escape import shown

from ..records import Token
from ..store.database import StoreError
from ..store.store import Store, token_digest

LIFETIME_MS = 12 * 3600 * 1000
RECHECK_MS = 5000
"""How long a revoked token may still read."""
FAILURE_DELAY_S = 0.5
REFUSED_EVERY_MS = 10_000
"""Between two lines of the audit log about refused log-ins."""
MAX_DELAYED = 200
"""Failed log-ins that wait at once; beyond, they are answered without the wait."""
MAX_SECRET = 512
_MAX_KNOWN = 1000
_LOG = logging.getLogger("collector.pages")
_DIGEST, _EXPIRY, _NONCE, _MAC = 32, 8, 16, 32


class Reader(Struct, frozen=True, kw_only=True):
    """Someone whose token was found good for this request."""

    token: Token
    csrf: str
    """What a form of this session carries; empty with a bearer, which sends no forms."""

    @property
    def who(self) -> str:
        """For the audit log."""
        return self.token.label or f"reader {self.token.digest.hex()[:8]}"

    def may(self, role: str) -> bool:
        """Whether the token has this role or one beyond it."""
        return self.token.may(role)

    def may_read(self, sweep_id: str) -> bool:
        """A token that was made for one sweep reads that one only."""
        return self.token.sweep_id in (None, sweep_id)


class Sessions:
    """Signs and checks cookies and forms."""

    def __init__(
        self,
        store: Store,
        key: bytes,
        *,
        secure: bool,
        clock: Callable[[], int],
        refused: Callable[[], object] = str,
    ) -> None:
        self._store = store
        self._refused = refused
        self._unsaid = 0
        self._said: int | None = None
        self._secure = secure
        self._clock = clock
        self._cookie_key = hmac.digest(key, b"iocsweep-collector: session cookie", "sha256")
        self._form_key = hmac.digest(key, b"iocsweep-collector: form", "sha256")
        self._known: dict[bytes, tuple[int, Token]] = {}
        self._ended: dict[bytes, int] = {}
        self._delayed = 0
        self.cookie = "__Host-iocsweep" if secure else "iocsweep"

    async def reader(self, request: Request) -> Reader | None:
        """Whose request it is. A bearer that is no good is not made up for by a cookie."""
        authorization = request.headers.get("authorization")
        if authorization is None:
            return await self._by_cookie(request.cookies.get(self.cookie, ""))
        return await self.bearer(request) if request.method in ("GET", "HEAD") else None

    async def bearer(self, request: Request) -> Reader | None:
        """Whose request it is by its bearer alone."""
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        token = await self._valid(token_digest(secret.strip()[:MAX_SECRET]))
        if token is None:
            await self._refuse(address_of(request))
        return Reader(token=token, csrf="") if token else None

    async def log_in(self, secret: str, address: str) -> Token | None:
        """The reader token of this secret. Whatever is wrong with it takes the same while.

        Written down either way, with the address that it came from.
        """
        token = await self._valid(token_digest(secret.strip()[:MAX_SECRET]))
        if token is not None:
            await self.note(Reader(token=token, csrf="").who, "log in", address)
            return token
        await self._refuse(address)
        if self._delayed < MAX_DELAYED:
            self._delayed += 1
            try:
                await asyncio.sleep(FAILURE_DELAY_S)
            finally:
                self._delayed -= 1
        return None

    async def _refuse(self, address: str) -> None:
        """Counted each, written down now and then: whoever asks need not be known."""
        self._refused()
        self._unsaid += 1
        now = self._clock()
        if self._said is not None and 0 <= now - self._said < REFUSED_EVERY_MS:
            return
        count, self._unsaid, self._said = self._unsaid, 0, now
        more = f", {count:,} since the last such line" if count > 1 else ""
        await self.note("nobody", "refuse log-in", address + more)

    async def note(self, who: str, action: str, address: str) -> None:
        """In the audit log. A full disk keeps nobody from reading: then the server's log has it."""
        try:
            await self._store.note(who, action, "", f"from {address}")
        except StoreError as error:
            _LOG.error("%s by %s from %s is not in the audit log: %s", action, who, address, error)

    def begin(self, response: Response, token: Token) -> None:
        """Give the browser its cookie."""
        ends = self._clock() + LIFETIME_MS
        payload = token.digest + ends.to_bytes(_EXPIRY, "big") + secrets.token_bytes(_NONCE)
        value = base64.urlsafe_b64encode(payload + self._sign(payload)).rstrip(b"=").decode()
        response.set_cookie(
            self.cookie, value, max_age=LIFETIME_MS // 1000, path="/", secure=self._secure,
            httponly=True, samesite="strict",
        )  # fmt: skip

    def end(self, request: Request, response: Response) -> None:
        """Take the cookie back, and refuse it from now on wherever it was copied to."""
        now = self._clock()
        self._ended = {one: ends for one, ends in self._ended.items() if ends > now}
        payload = self._opened(request.cookies.get(self.cookie, ""))
        if payload is not None:
            self._ended[payload] = _ends(payload)
        response.delete_cookie(
            self.cookie, path="/", secure=self._secure, httponly=True, samesite="strict"
        )

    def genuine(self, reader: Reader, sent: str) -> bool:
        """Whether a form came from a page of this very session."""
        return bool(reader.csrf) and hmac.compare_digest(
            reader.csrf.encode(), sent.encode("utf-8", "replace")
        )

    async def _by_cookie(self, value: str) -> Reader | None:
        payload = self._opened(value)
        if payload is None or payload in self._ended or _ends(payload) <= self._clock():
            return None
        token = await self._valid(payload[:_DIGEST])
        if token is None:
            return None
        return Reader(
            token=token, csrf=hmac.new(self._form_key, payload, hashlib.sha256).hexdigest()
        )

    def _opened(self, value: str) -> bytes | None:
        """What a cookie holds if it is one of ours."""
        try:
            whole = base64.b64decode(value + "=" * (-len(value) % 4), b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        payload, mac = whole[:-_MAC], whole[-_MAC:]
        if len(payload) != _DIGEST + _EXPIRY + _NONCE:
            return None
        return payload if hmac.compare_digest(mac, self._sign(payload)) else None

    def _sign(self, payload: bytes) -> bytes:
        return hmac.digest(self._cookie_key, payload, "sha256")

    async def _valid(self, digest: bytes) -> Token | None:
        now = self._clock()
        asked, token = self._known.get(digest, (0, None))
        if token is None or not 0 <= now - asked < RECHECK_MS:
            token = await self._store.token_of(digest)
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            if token is not None:
                self._known[digest] = (now, token)
        return token if token and token.kind == "reader" and token.valid(now) else None


def address_of(request: Request) -> str:
    """Where it came from, made printable."""
    return shown(request.client.host)[:100] if request.client else "nowhere"


def _ends(payload: bytes) -> int:
    return int.from_bytes(payload[_DIGEST : _DIGEST + _EXPIRY], "big")


__all__ = ["Reader", "Sessions", "address_of"]
