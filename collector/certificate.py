"""A certificate of one's own, for a collector without a public one.

ECDSA P-256: a fleet of one-shot agents makes a new TLS connection per report, and an RSA-4096
handshake costs seven times as much. The authority's key is kept beside: a new name or a new year
takes a new certificate, and no new ``ca.pem`` on every host. Whoever has that key can make
certificates that agents take: it may be kept elsewhere until it is needed.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CERTIFICATE, KEY, AUTHORITY = "certificate.pem", "key.pem", "ca.pem"
"""The server's chain and its key; what agents are given (``--ca``)."""
AUTHORITY_KEY = "ca-key.pem"
"""What :func:`renew` signs with; homes made by earlier versions have none."""
LIFETIME = timedelta(days=825)
AUTHORITY_LIFETIME = timedelta(days=3652)
WARNED = timedelta(days=60)
"""How long before its end people are told of it."""
_PEM = serialization.Encoding.PEM
_LABEL = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
_NAME = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")
_BEFORE = timedelta(hours=1)
"""Clocks of a fleet run late."""


def make_certificate(folder: Path, names: Sequence[str]) -> None:
    """Write the four files for a server of these names and addresses.

    Raises OSError (files that are there are not replaced), ValueError for something that is no name
    or address.
    """
    for name in (KEY, CERTIFICATE, AUTHORITY, AUTHORITY_KEY):  # all of them, or none
        if (folder / name).exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(folder / name))
    now = datetime.now(timezone.utc)
    authority_key, key = _key(), _key()
    authority = _authority(authority_key, now)
    leaf = _leaf(key, names, authority, authority_key, now)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(folder / KEY, _private(key), 0o600)
    _write(folder / AUTHORITY_KEY, _private(authority_key), 0o600)
    _write(folder / CERTIFICATE, leaf.public_bytes(_PEM), 0o644)
    _write(folder / AUTHORITY, authority.public_bytes(_PEM), 0o644)


def renew(
    folder: Path,
    names: Sequence[str] = (),
    *,
    authority_key: Path | None = None,
    new_authority: bool = False,
) -> None:
    """A new certificate for the same key; ``names``: other ones than those of the present one.

    By the same authority, so that agents need no other ``ca.pem``. With ``new_authority``, by a new
    one, which is put before the earlier one in ``ca.pem``: agents that have that file take both.
    ``authority_key``: where the key is kept, if not in the folder. Each file is replaced whole, and
    in an order that leaves a server that works. Raises OSError, ValueError.
    """
    present = read_chain(folder / CERTIFICATE)[0]
    key = _load(folder / KEY)
    if present.public_key() != key.public_key():
        raise ValueError(f"{folder / CERTIFICATE}: is not for the key in {KEY}")
    now = datetime.now(timezone.utc)
    earlier = read_chain(folder / AUTHORITY)
    if new_authority:
        signing = _key()
        authority = _authority(signing, now)
    else:
        place = authority_key or folder / AUTHORITY_KEY
        if not place.is_file():
            raise ValueError(
                f"{place}: no such file, and earlier versions kept none. With --ca-key FILE it is"
                " elsewhere; with --new-authority a new one is made, whose ca.pem agents need"
            )
        signing = _load(place)
        own = [one for one in earlier if one.public_key() == signing.public_key()]
        if not own:
            raise ValueError(f"{place}: is not the key of {folder / AUTHORITY}")
        authority = own[0]
        if authority.not_valid_after_utc <= now:
            raise ValueError(f"{folder / AUTHORITY}: has ended; --new-authority makes a new one")
    leaf = _leaf(key, names or names_of(present), authority, signing, now)
    if new_authority:
        kept = [authority, *(one for one in earlier if one.not_valid_after_utc > now)]
        _replace(folder / AUTHORITY, b"".join(one.public_bytes(_PEM) for one in kept), 0o644)
        _replace(folder / AUTHORITY_KEY, _private(signing), 0o600)
    _replace(folder / CERTIFICATE, leaf.public_bytes(_PEM), 0o644)


def read_chain(path: Path) -> list[x509.Certificate]:
    """The certificates in a PEM file, the server's own first. Raises OSError, ValueError."""
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: no certificates: {error}") from error


def names_of(certificate: x509.Certificate) -> list[str]:
    """Names and addresses that it is for, in their order."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [str(one.value) for one in found if isinstance(one, (x509.DNSName, x509.IPAddress))]


def end_of(chain: Sequence[x509.Certificate], authorities: Sequence[x509.Certificate]) -> datetime:
    """When the first of a chain ends, or of these authorities the one that signed it (UTC)."""
    signers = [one for one in authorities if _signed(chain[-1], one)]
    return min(one.not_valid_after_utc for one in (*chain, *signers))


def _signed(certificate: x509.Certificate, by: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(by)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _load(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: no usable key: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{path}: no key that `certificate` made")  # noqa: TRY004 - a file's fault
    return key


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _authority(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "iocsweep collector, own authority")])
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    return (
        _begin(name, name, key.public_key(), now, now + AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    key: ec.EllipticCurvePrivateKey,
    names: Sequence[str],
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.Certificate:
    if not names:
        raise ValueError("a certificate needs at least one name or address")
    alternatives = [_alternative(name) for name in names]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    until = min(now + LIFETIME, authority.not_valid_after_utc)
    return (
        _begin(subject, authority.subject, key.public_key(), now, until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
            critical=False,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _begin(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: datetime,
    until: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BEFORE)
        .not_valid_after(until)
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        if not _NAME.fullmatch(name) or len(name) > 253:
            raise ValueError(f"{name!r} is no name or address (IDNs: as xn--…)") from None
        return x509.DNSName(name)


def _write(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _replace(path: Path, data: bytes, mode: int) -> None:
    """The whole file or none of it, on the disk. Raises OSError."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    _write(beside, data, mode)
    handle = os.open(beside, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    beside.replace(path)
