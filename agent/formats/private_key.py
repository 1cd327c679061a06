"""RSA private keys, by which collections are opened that are encrypted to a certificate.

PEM: RFC 7468 (labels ``PRIVATE KEY`` and ``ENCRYPTED PRIVATE KEY``, PKCS #8), and the older
``RSA PRIVATE KEY`` (RFC 8017, A.1.2), which RFC 1421's ``Proc-Type`` says to be encrypted. Padding:
OAEP (RFC 8017, 7.1), the mask by the same hash. By pycryptodomex, where that is installed.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from . import FormatError

_BLOCK = re.compile(
    r"-----BEGIN (?P<label>(?:[A-Z0-9]+ )*)PRIVATE KEY-----(?P<body>[^-]*(?:-(?!----)[^-]*)*)"
    r"-----END (?P=label)PRIVATE KEY-----",
    re.ASCII,
)
_BEGINS = re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----", re.ASCII)
PROTECTED = "private key that is protected by a password: give it without one"
NO_RSA = "private key that is damaged, or none of RSA"
CUT_SHORT = "private key without its end"
NOT_OPENED = "what was encrypted to an RSA key is damaged, or it is another key's"


def has_private_key(text: str) -> bool:
    """Whether one begins in it."""
    return _BEGINS.search(text) is not None


def private_keys(text: str) -> list[str]:
    """The private keys in a text, as PEM: also those of a configuration in YAML, where they are
    indented, and in JSON, where ``\\n`` stands between their lines. Raises FormatError for one that
    has no end, or is protected."""
    text = text.replace("\\n", "\n")
    found = []
    for block in _BLOCK.finditer(text):
        lines = [line.strip() for line in block[0].splitlines()]
        if "ENCRYPTED" in block["label"] or any("ENCRYPTED" in line for line in lines[1:3]):
            raise FormatError(PROTECTED)
        found.append("\n".join(filter(None, lines)))
    if len(found) != len(_BEGINS.findall(text)):
        raise FormatError(CUT_SHORT)
    return found


def is_of_rsa(pem: str) -> bool:
    """Whether a private key can be used. Raises ImportError without pycryptodomex."""
    try:
        PrivateKey(pem)
    except FormatError:
        return False
    return True


class PrivateKey:
    """One key."""

    def __init__(self, pem: str) -> None:
        """Raises FormatError; ImportError without pycryptodomex."""
        from Cryptodome.PublicKey import RSA

        try:
            self._key = RSA.import_key(pem)
        except (ValueError, IndexError, TypeError):
            raise FormatError(NO_RSA) from None
        if not self._key.has_private():
            raise FormatError(NO_RSA)
        public = self._key.public_key()
        self.public_sha256 = hashlib.sha256(public.export_key("DER")).hexdigest()
        """Of its SubjectPublicKeyInfo (RFC 5280, 4.1.2.7) in DER."""

    def is_of(self, certificate: str) -> bool:
        """Whether a certificate, or public key, in PEM is its own; False for what is neither."""
        from Cryptodome.PublicKey import RSA

        try:
            other = RSA.import_key(certificate)
        except (ValueError, IndexError, TypeError):
            return False
        return (other.n, other.e) == (self._key.n, self._key.e)

    def opened(self, sealed: bytes, by: str) -> bytes:
        """What was encrypted to it, by OAEP with this hash (``sha1``, ``sha512``). Raises
        FormatError."""
        from Cryptodome.Cipher import PKCS1_OAEP
        from Cryptodome.Hash import SHA1, SHA512

        hashes: dict[str, Any] = {"sha1": SHA1, "sha512": SHA512}
        try:
            opened: bytes = PKCS1_OAEP.new(self._key, hashAlgo=hashes[by]).decrypt(sealed)
        except ValueError:
            raise FormatError(NOT_OPENED) from None
        return opened


__all__ = ["PrivateKey", "has_private_key", "is_of_rsa", "private_keys"]
