"""POST of one report to the collector, once.

The report's id in the URL is the idempotency key: sending it twice does no harm, so a report stays
in the spool until the collector says that it has it.

requests is kept from four things it does by itself: trusting certifi's certificates beside those of
the system, trusting what REQUESTS_CA_BUNDLE names, reading .netrc, and sending what is meant for
loopback, with the token in it, through a proxy.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .. import __version__
from ..output.plain import plain
from .bounded import TooLong, within
from .collector import Collector, check_url, is_loopback, load_client_cert
from .outcome import Kind, Outcome, meaning

if TYPE_CHECKING:
    import requests

TIMEOUT_S = 30.0
DEADLINE_S = 180.0
_MAX_ANSWER = 65536
_PERMANENT = ("CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE_FAILURE", "ACCESS_DENIED")
"""Parts of the names of TLS alerts that come again however often one asks."""
_OTHER_NAMES = {62, 64}
"""X509_V_ERR_HOSTNAME_MISMATCH and _IP_ADDRESS_MISMATCH of OpenSSL's x509_vfy.h."""
_OTHER_TIMES = {9, 10}
"""X509_V_ERR_CERT_NOT_YET_VALID and _CERT_HAS_EXPIRED."""


def post(
    collector: Collector,
    report_id: str,
    body: bytes,
    *,
    gzipped: bool = True,
    timeout: float = TIMEOUT_S,
    deadline: float = DEADLINE_S,
) -> Outcome:
    """Send one report once, and be back within ``deadline`` seconds whatever the other end does.

    ``timeout`` bounds each wait for the network, in seconds. Raises DeliveryError for an address
    that must not be used.
    """
    check_url(collector.url)
    headers = {
        "Authorization": f"Bearer {collector.token}",
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": f"iocsweep/{__version__}",
    }
    if gzipped:
        headers["Content-Encoding"] = "gzip"
    wait = min(timeout, deadline)
    try:
        # A collector that sends a byte now and then meets no timeout: its thread is left behind.
        return within(deadline, lambda: _post(collector, report_id, headers, body, wait))
    except TooLong:
        return Outcome(Kind.UNREACHABLE, f"no whole answer within {deadline:g} s")


def _post(
    collector: Collector, report_id: str, headers: dict[str, str], body: bytes, timeout: float
) -> Outcome:
    import requests
    import urllib3

    address = f"{check_url(collector.url)}/v1/reports/{report_id}"

    def told(error: BaseException) -> str:
        return _without(_innermost(error)[:300], collector.secrets)

    sent = io.BytesIO(body)
    try:
        with _session(collector, address) as session:
            answer = session.post(
                address,
                data=sent,
                headers=headers,
                timeout=(timeout, timeout),
                allow_redirects=False,
                stream=True,
            )
            text = b""
            # A body that is cut or stalls leaves a refusal what it is, and no acknowledgement.
            with contextlib.suppress(urllib3.exceptions.HTTPError, OSError):
                text = answer.raw.read(_MAX_ANSWER, decode_content=False)
            said = _without(text.decode("utf-8", "replace"), collector.secrets)
            return meaning(answer.status_code, answer.headers, said, report_id)
    except requests.exceptions.SSLError as error:
        return _tls(error, told(error))
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
        if 0 < sent.tell() < len(body) and not any(map(_is_timeout, _causes(error))):
            return Outcome(Kind.CUT, f"cut off while sending: {told(error)}")
        if any(_is_permanent(cause) for cause in _causes(error)):
            return _tls(error, told(error))
        return Outcome(Kind.UNREACHABLE, f"no answer: {told(error)}")
    except (OSError, ImportError) as error:
        hint = " (--ca FILE names the certificates to trust)" if collector.ca is None else ""
        return Outcome(Kind.TLS, f"TLS: {told(error)}{hint}")


def _tls(error: BaseException, told: str) -> Outcome:
    """A certificate that is refused stays refused; a handshake that breaks off may do better."""
    if not any(_is_permanent(cause) for cause in _causes(error)):
        return Outcome(Kind.UNREACHABLE, f"no answer, TLS broke off: {told}")
    hint = "--ca FILE trusts a certificate of your own"
    codes = {getattr(cause, "verify_code", 0) for cause in _causes(error)}
    if codes & _OTHER_NAMES:
        hint = "--collector takes a name that the certificate has"
    elif codes & _OTHER_TIMES:
        hint = "this host's clock is wrong, or the certificate has to be renewed"
    if "ALERT" in told.upper():
        hint = "the collector refuses this client: --client-cert FILE"
    return Outcome(Kind.TLS, f"TLS: {told} ({hint})")


def _is_permanent(error: BaseException) -> bool:
    import ssl

    if isinstance(error, ssl.SSLCertVerificationError):
        return True
    reason = str(getattr(error, "reason", "") or "").upper()
    return (
        isinstance(error, ssl.SSLError)
        and "ALERT" in reason
        and any(part in reason for part in _PERMANENT)
    )


def _is_timeout(error: BaseException) -> bool:
    return isinstance(error, TimeoutError)


def _innermost(error: BaseException) -> str:
    """Why, without those that only wrap it."""
    import socket

    causes = list(_causes(error))
    if any(map(_is_timeout, causes)):
        return "timed out"
    own = [e for e in causes if type(e).__module__.partition(".")[0] not in ("requests", "urllib3")]
    cause = (own or causes)[-1]
    name = "the name is not found: " if isinstance(cause, socket.gaierror) else ""
    return name + plain(cause)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it wraps; requests and urllib3 do it in ``args`` and ``reason``."""
    found: list[BaseException] = [error]
    for outer in found:
        yield outer
        inner = (*outer.args, getattr(outer, "reason", None), outer.__cause__, outer.__context__)
        found += [e for e in inner if isinstance(e, BaseException) and e not in found][:16]
        if len(found) > 64:
            return


def _without(text: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def _session(collector: Collector, address: str) -> requests.Session:
    import requests

    session = requests.Session()
    session.trust_env = False
    if address.startswith("https://"):
        session.proxies = _proxies(collector, address)
        session.mount("https://", _verifying_adapter(collector))
    return session


def _proxies(collector: Collector, address: str) -> dict[str, str]:
    """Never one for loopback."""
    import requests

    if is_loopback(urlsplit(address).hostname or ""):
        return {}
    if collector.proxies is not None:
        return dict(collector.proxies)
    return dict(requests.utils.get_environ_proxies(address))


def _verifying_adapter(collector: Collector) -> requests.adapters.HTTPAdapter:
    """Verifies by the given certificates alone, or else by the operating system's alone."""
    import ssl

    import requests
    import truststore

    def of_system() -> ssl.SSLContext:
        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    context = (
        of_system() if collector.ca is None else ssl.create_default_context(cadata=collector.ca)
    )
    if collector.client_cert is not None:
        load_client_cert(context, collector.client_cert)

    class Verifying(requests.adapters.HTTPAdapter):
        def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
            super().init_poolmanager(*arguments, ssl_context=context, **named)

        def proxy_manager_for(self, proxy: Any, **named: Any) -> Any:
            if proxy.lower().startswith("https:"):
                # The proxy is not the collector: neither its authority nor our key is for it.
                named["proxy_ssl_context"] = of_system()
            return super().proxy_manager_for(proxy, ssl_context=context, **named)

        def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
            """The context verifies; requests would add certifi's certificates to it here."""

    return Verifying()
