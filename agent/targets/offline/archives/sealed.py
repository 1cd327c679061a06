"""Collections that are encrypted as a whole, by a password or to a certificate.

Velociraptor (offline collector, 0.6.7 and later; ``accessors/collector/collector.go``,
``crypto/utils/utils.go``) writes ``data.zip``, encrypted by AES, and ``metadata.json``: a list of
objects, of which one has ``Scheme`` (``X509``, ``PGP`` or ``Password``), ``EncryptedPass`` (the
password of ``data.zip``, by OAEP with SHA-512, in base64) and ``PublicKey`` (the certificate, in
PEM). Generaptor, which wraps it, writes ``b64_enc_secret`` and ``fingerprint_hex`` instead.

acquire encrypts the archive itself: :mod:`agent.formats.acquire_encrypted`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from typing import BinaryIO, NamedTuple, cast

import msgspec

from ....formats import FormatError, zip_aes
from ....formats.acquire_encrypted import NO_KEY_FITS, Deciphered, Front, read_front
from ....formats.certificate import certificate_hashes
from ....formats.kinds import Kind, kind_of
from ....formats.private_key import PrivateKey
from ....reading.opening import read_up_to, reason_of
from ...volume_keys import Sort, VolumeKey
from . import Archive, Node, Problem
from .unpacking import SharedReading, spooled
from .zip_listing import ENCRYPTED, ZipListing

OPENED = "its private key opens it"
DAMAGED = "what its private key opens is damaged"
NO_LIBRARY = "pycryptodomex, which opens it, is not installed"
BY_ACQUIRE = "collection encrypted by acquire"
NO_ARCHIVE = f"{BY_ACQUIRE}: opened, but what is in it is no archive that is read"
WAITING = (ENCRYPTED, f"archive: {ENCRYPTED}", f"{BY_ACQUIRE} to ")
"""How reasons begin that a key may do away with."""
_HOW = "metadata.json"
_SEALED = "data.zip"
_MAX_HOW = 1 << 20
_HEAD = 4096
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


class Secrets(NamedTuple):
    """The operator's keys, as collections ask for them."""

    passwords: tuple[str, ...] = ()
    private_keys: tuple[str, ...] = ()
    """In PEM."""

    @classmethod
    def of(cls, keys: Iterable[VolumeKey]) -> Secrets:
        """Those that are of use."""
        by_sort: dict[Sort, list[str]] = {}
        for key in keys:
            by_sort.setdefault(key.sort, []).append(key.secret)
        return cls(tuple(by_sort.get(Sort.PASSWORD, ())), tuple(by_sort.get(Sort.PRIVATE_KEY, ())))

    def keys(self) -> list[PrivateKey]:
        """The private keys; pycryptodomex is there. Those that are none of RSA were refused."""
        return list(map(PrivateKey, self.private_keys))


class Closed:
    """An archive that cannot be opened, and why."""

    def __init__(self, why: str) -> None:
        self.top = Node()
        self.problems = [Problem(why, "")]

    def open(self, node: Node) -> BinaryIO:  # noqa: ARG002 - the protocol's
        """As :class:`Archive`; it has no members."""
        raise OSError(self.problems[0].reason)


class _Row(msgspec.Struct):
    scheme: str | None = msgspec.field(name="Scheme", default=None)
    password: str | None = msgspec.field(name="EncryptedPass", default=None)
    certificate: str | None = msgspec.field(name="PublicKey", default=None)
    secret: str | None = msgspec.field(name="b64_enc_secret", default=None)
    fingerprint: str | None = msgspec.field(name="fingerprint_hex", default=None)


_ROWS = msgspec.json.Decoder(list[_Row] | _Row)


class How(NamedTuple):
    """By what the password of a collection is kept."""

    scheme: str = ""
    """``X509``, ``PGP``, or empty: by nothing that is known."""
    password: str = ""
    """Encrypted, in base64."""
    certificate: str = ""
    """In PEM; empty: it is not told."""
    fingerprint: str = ""
    """SHA-256 of the certificate in DER; empty: it is not told."""

    def told(self) -> str:
        """As a part of a reason."""
        if not self.scheme:
            return ""
        to = f", to the certificate with SHA-256 {self.fingerprint}" if self.fingerprint else ""
        return f"its password is encrypted by {self.scheme}{to}"


def read_how(data: bytes) -> How:
    """From ``metadata.json``; of what makes no sense, nothing."""
    try:
        rows = _ROWS.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return How()
    for row in rows if isinstance(rows, list) else [rows]:
        scheme = (row.scheme or "").upper()
        if row.secret:
            told = row.fingerprint or ""
            return How("X509", row.secret, "", told.lower() if _SHA256.fullmatch(told) else "")
        if scheme in ("X509", "PGP"):
            pem = row.certificate or ""
            hashes = certificate_hashes(pem.encode(errors="replace"))
            return How(scheme, row.password or "", pem, hashes[0][1] if hashes else "")
    return How()


def sealed_in(archive: Archive) -> Node | None:
    """The encrypted archive in which Velociraptor puts all, beside what tells how."""
    top = archive.top
    return None if top.folders or top.file(_HOW) is None else top.file(_SEALED)


def unsealed(
    outer: Archive, node: Node, secrets: Secrets, again: Callable[[Secrets], Archive | None]
) -> Archive:
    """What lies in it; if it cannot be opened, the outer archive, which tells why. ``again``:
    lists the outer archive by other secrets; raises OSError, FormatError."""
    how = _how_in(outer)
    password, note = _password(how, secrets)
    told = "; ".join(filter(None, (how.told(), note)))
    try:
        if password:
            listed = again(secrets._replace(passwords=(password, *secrets.passwords)))
            found = None if listed is None else sealed_in(listed)
            if listed is not None and found is not None:
                outer, node = listed, found
        if node.member is None or node.refused:
            raise OSError(node.refused)
        with outer.open(node) as file:
            source = spooled(file, node.member.size)
        inner = ZipListing(lambda: cast("BinaryIO", SharedReading(source)), secrets.passwords)
    except (OSError, FormatError) as error:
        why = error.what if isinstance(error, FormatError) else reason_of(error)
        others = [one for one in outer.problems if one.reason != node.refused]
        node.refused = f"{why} ({told})" if told else why
        outer.problems[:] = [*others, Problem(node.refused, _SEALED)]
        return outer
    inner.problems[:0] = outer.problems
    return inner


def _how_in(outer: Archive) -> How:
    node = outer.top.file(_HOW)
    try:
        if node is None:
            return How()
        with outer.open(node) as file:
            return read_how(read_up_to(file, _MAX_HOW))
    except OSError:
        return How()


def _password(how: How, secrets: Secrets) -> tuple[str, str]:
    """The password, or empty, and what is to be said of it."""
    if how.scheme != "X509" or not secrets.private_keys:
        return "", ""
    if not zip_aes.is_readable():
        return "", NO_LIBRARY
    keys = secrets.keys()
    its = [key for key in keys if how.certificate and key.is_of(how.certificate)]
    try:
        sealed = base64.b64decode(how.password, validate=True)
    except (binascii.Error, ValueError):
        return "", DAMAGED
    for key in keys:
        try:
            return key.opened(sealed, "sha512").decode(), OPENED
        except (FormatError, UnicodeDecodeError):
            continue
    return "", DAMAGED if its else NO_KEY_FITS


class Opened(NamedTuple):
    """An archive that acquire has encrypted."""

    open: Callable[[], BinaryIO]
    kind: Kind | None
    """None: it is none that is known."""
    problems: list[Problem]


def of_acquire(open_it: Callable[[], BinaryIO], secrets: Secrets) -> Opened:
    """What is in it. ``open_it``: opens the file; raises OSError. Raises FormatError, in the words
    of the coverage; OSError."""
    file = open_it()
    try:
        source = _deciphered(file, secrets)
        wrong = source.problem()
    except (FormatError, OSError):
        file.close()
        raise
    kind = kind_of(source.read_at(0, _HEAD), source.size, "", source.read_at)
    problems = [Problem(f"{BY_ACQUIRE}: {wrong}", "")] if wrong else []
    return Opened(lambda: cast("BinaryIO", SharedReading(source)), kind, problems)


def _deciphered(file: BinaryIO, secrets: Secrets) -> Deciphered:
    """Raises FormatError, OSError."""
    front = _front(file)
    if not secrets.private_keys:
        raise FormatError(f"{BY_ACQUIRE} {_to(front)}")
    if not zip_aes.is_readable():
        raise FormatError(f"{BY_ACQUIRE} {_to(front)}; {NO_LIBRARY}")
    try:
        return Deciphered(file, front, secrets.keys())
    except FormatError as error:
        raise FormatError(f"{BY_ACQUIRE} {_to(front)}; {error.what}") from None


def _front(file: BinaryIO) -> Front:
    """Raises FormatError, OSError."""
    try:
        return read_front(file)
    except FormatError as error:
        raise FormatError(f"{BY_ACQUIRE}: {error.what}") from None


def _to(front: Front) -> str:
    return f"to the public key with SHA-256 {front.public_sha256}"


__all__ = [
    "BY_ACQUIRE",
    "NO_ARCHIVE",
    "WAITING",
    "Closed",
    "How",
    "Secrets",
    "of_acquire",
    "read_how",
    "sealed_in",
    "unsealed",
]
