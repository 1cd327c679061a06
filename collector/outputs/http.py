"""HTTP for outputs, with httpx: verified TLS, no redirects, bounded waits and bounded answers.

httpx is kept from what it does by itself: no proxy, .netrc or CA bundle from the environment. Plain
http is for loopback only, unless the settings say ``plain_http: true``. Its log lines are silenced:
they would show whole addresses, and the address of a chat's webhook is a secret.
"""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import logging
import ssl
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from agent import __version__
from agent.output.escape import shown

for _chatty in ("httpx", "httpcore"):
    logging.getLogger(_chatty).setLevel(logging.WARNING)

MAX_ANSWER = 16 * 1024 * 1024
"""Bytes of an answer that are read; ``_bulk`` answers a line per document."""
MAX_RETRY_AFTER_S = 3600.0


class Unreachable(Exception):
    """No usable HTTP answer; the message says why."""


class Answer(msgspec.Struct, frozen=True):
    """A status, and the body as JSON if it is that."""

    status: int
    body: Any
    text: str
    """The beginning of the body, safe to show."""
    retry_after_s: float | None = None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def reason(self) -> str:
        """For the log and the status page."""
        return f"HTTP {self.status}" + (f": {self.text}" if self.text else "")


def check_url(url: str, *, plain_http: bool = False) -> str:
    """Without the last slash. Raises ValueError, which does not show the path."""
    parts = urlsplit(url)
    shown_url = f"{parts.scheme or '?'}://{parts.hostname or '?'}"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{shown_url}: an address begins with https://")
    if parts.username or parts.password:
        raise ValueError("no user name or password in an address: use the settings for secrets")
    if parts.scheme == "http" and not plain_http and not _is_loopback(parts.hostname):
        raise ValueError(f"{shown_url}: plain http is for loopback only (or say plain_http: true)")
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Verifies by this file alone, or by the system's certificates. Raises OSError."""
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class Http:
    """One destination's connections."""

    def __init__(
        self, *, ca_file: str | None = None, proxy: str | None = None, timeout_s: float = 30.0
    ) -> None:
        self._client = httpx.AsyncClient(
            verify=tls_context(ca_file),
            proxy=proxy,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, 10.0)),
            limits=httpx.Limits(max_connections=2, keepalive_expiry=50.0),
            headers={"User-Agent": f"iocsweep-collector/{__version__}"},
        )
        self._timeout_s = timeout_s

    async def post(
        self, url: str, body: bytes, headers: dict[str, str], *, compress: bool = False
    ) -> Answer:
        """One request, no retry. Raises Unreachable."""
        return await self.ask("POST", url, body, headers, compress=compress)

    async def ask(
        self,
        method: str,
        url: str,
        body: bytes,
        headers: dict[str, str],
        *,
        compress: bool = False,
    ) -> Answer:
        """As :meth:`post`, by any method. Raises Unreachable."""
        if compress:
            body = await asyncio.to_thread(gzip.compress, body, 5, mtime=0)
            headers = {**headers, "Content-Encoding": "gzip"}
        deadline = self._timeout_s * 4  # a byte now and then meets no timeout of httpx
        try:
            return await asyncio.wait_for(self._exchange(method, url, body, headers), deadline)
        except TimeoutError:
            raise Unreachable(f"no whole answer within {deadline:g} s") from None

    async def _exchange(
        self, method: str, url: str, body: bytes, headers: dict[str, str]
    ) -> Answer:
        try:
            async with self._client.stream(method, url, content=body, headers=headers) as response:
                raw = bytearray()
                async for piece in response.aiter_bytes():
                    raw += piece
                    if len(raw) > MAX_ANSWER:
                        raise Unreachable(f"answer longer than {MAX_ANSWER:,} bytes")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise Unreachable(f"no answer: {_why(error)}") from error
        return Answer(
            response.status_code,
            _json(bytes(raw)),
            shown(bytes(raw[:300]).decode("utf-8", "replace").strip()),
            retry_after(response.headers.get("Retry-After", "")),
        )

    async def close(self) -> None:
        await self._client.aclose()


def _why(error: BaseException) -> str:
    text = shown(str(error)[:300])
    return f"{type(error).__name__} {text}".strip()


def _json(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def retry_after(value: str, now: datetime | None = None) -> float | None:
    """RFC 9110 section 10.2.3: seconds, or a date. At most an hour."""
    value = value.strip()
    if value.isascii() and value.isdecimal() and len(value) < 10:
        return min(float(value), MAX_RETRY_AFTER_S)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=timezone.utc)
    wait = (date - (now or datetime.now(timezone.utc))).total_seconds()
    return min(max(wait, 0.0), MAX_RETRY_AFTER_S)


def existing_file(path: str | None) -> str | None:
    """Raises ValueError for a CA file that is not there."""
    if path is not None and not Path(path).is_file():
        raise ValueError(f"{path}: no such file")
    return path
