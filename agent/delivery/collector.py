"""Where the collector is and how it is reached: address, token, certificates, proxy.

All of it is read and checked before the sweep starts: a mistake must not show after an hour.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit

from msgspec import Struct

from ..exit_codes import CannotRun
from ..output.plain import plain

TOKEN_VARIABLE = "IOCSWEEP_TOKEN"  # noqa: S105 - a name, not a token
PROXY_VARIABLE = "IOCSWEEP_PROXY_CREDENTIALS"
_AS_ISSUED = re.compile(r"[A-Za-z0-9_-]{43}")
"""A token as a collector makes it: 32 bytes in base64url."""
_MAX_TOKEN = 4096
_MAX_CERTIFICATES = 1 << 20


class DeliveryError(CannotRun):
    """Nothing was sent, because what was asked for cannot be done safely."""


class Collector(Struct, frozen=True, kw_only=True):
    """A collector, ready to be sent to."""

    url: str
    """Without a last slash."""
    token: str
    ca: str | bytes | None = None
    """The certificates to trust instead of the system's: PEM text, or one in DER."""
    client_cert: Path | None = None
    """PEM with certificate and key."""
    proxies: Mapping[str, str] | None = None
    """By scheme; None for those of the system, empty for none."""

    def __repr__(self) -> str:
        return f"Collector({self.url!r})"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be shown, whoever says it."""
        parts = [urlsplit(url).password or "" for url in (self.proxies or {}).values()]
        return tuple(secret for secret in (self.token, *parts) if len(secret) > 3)


def read_token(path: Path | None, environment: Mapping[str, str]) -> str:
    """From the file, or from IOCSWEEP_TOKEN. Raises DeliveryError."""
    if path is None:
        token, origin = environment.get(TOKEN_VARIABLE, ""), TOKEN_VARIABLE
    else:
        origin = str(path)
        if _AS_ISSUED.fullmatch(origin) and not path.exists():
            raise DeliveryError("a token itself is in the place of its file's name")
        token = _read(path, _MAX_TOKEN).decode("ascii", "replace")
    token = token.strip()
    if not token:
        raise DeliveryError(f"{origin}: no token (give --token-file or set {TOKEN_VARIABLE})")
    if len(token) > _MAX_TOKEN or not all(33 <= ord(c) <= 126 for c in token):
        raise DeliveryError(f"{origin}: a token is at most {_MAX_TOKEN} printable ASCII characters")
    return token


def read_ca(path: Path) -> str | bytes:
    """Certificates in PEM or DER. Raises DeliveryError."""
    data = _read(path, _MAX_CERTIFICATES)
    ca = data.decode("latin-1") if b"-----BEGIN" in data else data
    check_ca(ca, str(path))
    return ca


def check_ca(ca: str | bytes, origin: str) -> None:
    """Raises DeliveryError if these are no certificates."""
    import ssl

    try:
        trusted = ssl.create_default_context(cadata=ca).cert_store_stats()["x509"] if ca else 0
    except (ssl.SSLError, ValueError) as error:
        raise DeliveryError(f"{origin}: no certificates to trust: {plain(error)}") from error
    if not trusted:
        raise DeliveryError(f"{origin}: no certificates to trust")


def check_client_cert(path: Path) -> None:
    """Raises DeliveryError unless it is PEM with a certificate and its key, not encrypted."""
    import ssl

    _read(path, _MAX_CERTIFICATES)
    try:
        load_client_cert(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), path)
    except (OSError, ValueError) as error:
        raise DeliveryError(
            f"{path}: not PEM with a certificate and its unencrypted key: {plain(error)}"
        ) from error


def load_client_cert(context: object, path: Path) -> None:
    """Into an SSLContext, or truststore's. A key that asks for a password is refused: nobody is
    there to give it.
    """
    context.load_cert_chain(str(path), password=_no_password)  # type: ignore[attr-defined]


def _no_password() -> str:
    raise ValueError("the key is encrypted")


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
    if parts.username or parts.password:
        raise DeliveryError("no user name or password in the collector's address")
    if parts.scheme not in ("https", "http") or not host:
        raise DeliveryError(f"{url}: a collector's address begins with https://")
    if parts.query or parts.fragment:
        raise DeliveryError("no ? and no # in the collector's address")
    if parts.scheme == "http" and not is_loopback(host):
        raise DeliveryError(f"{url}: plain http is for loopback only; use https://")
    return url.rstrip("/")


def proxies_of(url: str, environment: Mapping[str, str]) -> dict[str, str]:
    """For ``--proxy``; user and password only from the environment. Raises DeliveryError."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError as error:
        raise DeliveryError(f"--proxy: {error}") from error
    if parts.username or parts.password:
        raise DeliveryError(f"--proxy: user and password come from {PROXY_VARIABLE}=USER:PASSWORD")
    if parts.scheme not in ("https", "http") or not host or parts.path.strip("/"):
        raise DeliveryError(f"{url}: a proxy is given as http://host:port or https://host:port")
    user, colon, password = environment.get(PROXY_VARIABLE, "").partition(":")
    who = f"{quote(user, safe='')}:{quote(password, safe='')}@" if colon else ""
    return {"https": f"{parts.scheme}://{who}{parts.netloc}"}


def is_loopback(host: str) -> bool:
    """Whether a connection there stays on this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise DeliveryError(f"{path}: {error.strerror or error}") from error
    if len(data) > limit:
        raise DeliveryError(f"{path}: larger than {limit} bytes")
    return data
