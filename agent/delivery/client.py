"""POST of one report to the collector, and what each answer means.

The report's id in the URL is the idempotency key: sending it twice does no harm, so a report stays
in the spool until the collector says that it has it.

requests is kept from four things it does by itself: trusting certifi's certificates beside those of
the system, trusting what REQUESTS_CA_BUNDLE names, reading .netrc, and sending what is meant for
loopback, with the token in it, through a proxy.
"""

from __future__ import annotations

import contextlib
import ipaddress
import queue
import threading
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec import Struct

from .. import __version__
from ..output.escape import shown
from .spool import Spool, SpoolError

if TYPE_CHECKING:
    import requests

TIMEOUT_S = 30.0
DEADLINE_S = 180.0
_HAVE_IT = range(200, 300)
_MAX_TOKEN = 4096
_MAX_ANSWER = 65536
_MAX_RETRY_AFTER_S = 86400


class DeliveryError(Exception):
    """Nothing was sent, because what was asked for cannot be done safely."""


class Kind(str, Enum):
    """What the collector's answer, or its absence, means."""

    ACKNOWLEDGED = "acknowledged"
    UNREACHABLE = "unreachable"
    TLS = "tls"
    REFUSED = "refused"
    CONFLICT = "conflict"
    TOO_LARGE = "too large"
    REJECTED = "rejected"
    BUSY = "busy"
    SERVER_ERROR = "server error"


_STOPS = frozenset({Kind.UNREACHABLE, Kind.TLS, Kind.REFUSED, Kind.BUSY})
"""What would be the same for the next report."""


class Outcome(Struct, frozen=True):
    """What became of one report."""

    kind: Kind
    reason: str
    status: int | None = None
    retry_after_s: int | None = None

    @property
    def acknowledged(self) -> bool:
        """Whether the collector has the report."""
        return self.kind is Kind.ACKNOWLEDGED


def read_token(path: Path | None, environment: Mapping[str, str]) -> str:
    """From the file, or from IOCSWEEP_TOKEN. Raises DeliveryError."""
    if path is None:
        token, origin = environment.get("IOCSWEEP_TOKEN", ""), "IOCSWEEP_TOKEN"
    else:
        origin = str(path)
        try:
            with path.open("rb") as file:
                token = file.read(_MAX_TOKEN + 1).decode("ascii", "replace")
        except OSError as error:
            raise DeliveryError(f"{path}: {error.strerror or error}") from error
    token = token.strip()
    if not token:
        raise DeliveryError(f"{origin}: no token (give --token-file or set IOCSWEEP_TOKEN)")
    if len(token) > _MAX_TOKEN or not all(33 <= ord(c) <= 126 for c in token):
        raise DeliveryError(f"{origin}: a token is at most {_MAX_TOKEN} printable ASCII characters")
    return token


def check_url(url: str) -> str:
    """The collector's address without a last slash. Raises DeliveryError: plain HTTP only to
    loopback.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError as error:
        raise DeliveryError(f"{url}: {error}") from error
    if parts.scheme not in ("https", "http") or not host:
        raise DeliveryError(f"{url}: a collector's address begins with https://")
    if parts.username or parts.password:
        raise DeliveryError("no user name or password in the collector's address")
    if parts.scheme == "http" and not _is_loopback(host):
        raise DeliveryError(f"{url}: plain http is for loopback only; use https://")
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def deliver(
    url: str,
    token: str,
    report_id: str,
    body_gzip: bytes,
    *,
    ca: Path | None = None,
    timeout: float = TIMEOUT_S,
    deadline: float = DEADLINE_S,
) -> Outcome:
    """Send one report once, and be back within ``deadline`` seconds whatever the other end does.

    ``timeout`` bounds each wait for the network, in seconds. Raises DeliveryError for an address
    that must not be used.
    """
    address = f"{check_url(url)}/v1/reports/{report_id}"
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()

    def send() -> None:
        outcome = Outcome(Kind.UNREACHABLE, "sending failed unexpectedly, see the error output")
        try:
            outcome = _post(address, token, body_gzip, ca, timeout)
        finally:
            outcomes.put(outcome)

    # A collector that sends a byte now and then meets no timeout: its thread is left behind.
    threading.Thread(target=send, daemon=True).start()
    try:
        return outcomes.get(timeout=deadline)
    except queue.Empty:
        return Outcome(Kind.UNREACHABLE, f"no whole answer within {deadline:g} s")


def _post(address: str, token: str, body: bytes, ca: Path | None, timeout: float) -> Outcome:
    import requests
    import urllib3

    try:
        with _session(address, ca) as session:
            answer = session.post(
                address,
                data=body,
                headers={
                    "Authorization": f"Bearer {token}",
                    "Content-Type": "application/json",
                    "Content-Encoding": "gzip",
                    "User-Agent": f"iocsweep/{__version__}",
                },
                timeout=(timeout, timeout),
                allow_redirects=False,
                stream=True,
            )
            text = b""
            # The reason is a courtesy: a body that is cut or stalls changes nothing of the status.
            with contextlib.suppress(urllib3.exceptions.HTTPError, OSError):
                if answer.status_code not in _HAVE_IT:
                    text = answer.raw.read(_MAX_ANSWER, decode_content=False)[:200]
            return _meaning(answer.status_code, answer.headers, text.decode("utf-8", "replace"))
    except requests.exceptions.SSLError as error:
        return Outcome(
            Kind.TLS, f"TLS: {_short(error)} (--ca FILE trusts a certificate of your own)"
        )
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
        return Outcome(Kind.UNREACHABLE, f"no answer: {_short(error)}")
    except (OSError, ImportError) as error:
        hint = " (--ca FILE names the certificates to trust)" if ca is None else ""
        return Outcome(Kind.TLS, f"TLS: {_short(error)}{hint}")


def _session(address: str, ca: Path | None) -> requests.Session:
    import requests

    session = requests.Session()
    session.trust_env = False
    if address.startswith("https://"):
        session.proxies = dict(requests.utils.get_environ_proxies(address))
        session.mount("https://", _verifying_adapter(ca))
    return session


def _verifying_adapter(ca: Path | None) -> requests.adapters.HTTPAdapter:
    """Verifies by the CA file alone, or else by the operating system's certificates alone."""
    import ssl

    import requests
    import truststore

    context: ssl.SSLContext
    if ca is not None:
        context = ssl.create_default_context(cafile=str(ca))
    else:
        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    class Verifying(requests.adapters.HTTPAdapter):
        def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
            super().init_poolmanager(*arguments, ssl_context=context, **named)

        def proxy_manager_for(self, *arguments: Any, **named: Any) -> Any:
            return super().proxy_manager_for(*arguments, ssl_context=context, **named)

        def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
            """The context verifies; requests would add certifi's certificates to it here."""

    return Verifying()


def _meaning(status: int, headers: Mapping[str, str], text: str) -> Outcome:
    if status in _HAVE_IT:
        if headers.get("Content-Type", "").lower().startswith("text/html"):
            return Outcome(Kind.UNREACHABLE, "a web page answered, not a collector", status)
        return Outcome(Kind.ACKNOWLEDGED, "acknowledged", status)
    kinds = {
        401: Kind.REFUSED, 403: Kind.REFUSED, 409: Kind.CONFLICT, 413: Kind.TOO_LARGE,
        429: Kind.BUSY, 503: Kind.BUSY,
    }  # fmt: skip
    kind = kinds.get(status, Kind.SERVER_ERROR if status >= 500 else Kind.REJECTED)
    reason = f"HTTP {status}, {kind.value}" + (f": {shown(text.strip())}" if text.strip() else "")
    return Outcome(kind, reason, status, _retry_after(headers) if kind is Kind.BUSY else None)


def _retry_after(headers: Mapping[str, str]) -> int | None:
    value = headers.get("Retry-After", "").strip()
    return min(int(value), _MAX_RETRY_AFTER_S) if value.isdecimal() and len(value) < 10 else None


def _short(error: BaseException) -> str:
    return shown(str(error)[:300])


def send_pending(
    spool: Spool, url: str, token: str, *, ca: Path | None = None, timeout: float = TIMEOUT_S
) -> list[tuple[str, Outcome]]:
    """Send all that the spool holds, newest first, until the collector cannot be had.

    Raises DeliveryError, SpoolError.
    """
    outcomes = []
    for report_id, _ in reversed(spool.pending()):
        try:
            body = spool.read(report_id)
        except SpoolError as error:
            outcomes.append((report_id, Outcome(Kind.REJECTED, str(error))))
            continue
        outcome = deliver(url, token, report_id, body, ca=ca, timeout=timeout)
        outcomes.append((report_id, outcome))
        if outcome.acknowledged:
            spool.done(report_id)
        elif outcome.kind in _STOPS:
            break
    return outcomes
