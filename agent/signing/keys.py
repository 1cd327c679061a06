"""Key files: what ``openssl genpkey -algorithm ed25519`` writes, and its public half.

A private key is PKCS #8, a public one SubjectPublicKeyInfo, both with the encoding of RFC 8410
(sections 4, 7 and 10) and no other, as PEM or as the one line of base64 inside it.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from ..exit_codes import CannotRun
from ..model.attestation import key_id
from ..output.plain import plain
from . import ed25519

VARIABLE = "IOCSWEEP_SIGNING_KEY"
_PRIVATE = bytes.fromhex("302e020100300506032b657004220420")
_PUBLIC = bytes.fromhex("302a300506032b6570032100")
_BEGINS_SECRET = base64.b64encode(_PRIVATE[:15]).decode("ascii")
_MAX_FILE = 64 << 10
MAX_KEYS = 64
_BEGINS = "-----BEGIN "
_BLOCK = re.compile(r"-----BEGIN ([A-Z ]+)-----([A-Za-z0-9+/=\s]*)-----END \1-----")
_LINE = re.compile(r"[A-Za-z0-9+/]+={0,2}")


class KeyFileError(CannotRun):
    """A key cannot be had; the message says whose and why."""


class PublicKey(Struct, frozen=True):
    """Whoever has it can verify."""

    raw: bytes
    """32 bytes."""

    @property
    def id(self) -> str:
        return key_id(self.raw)

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Whether the private key signed this message."""
        return ed25519.verify(self.raw, signature, message)

    def pem(self) -> str:
        return _pem("PUBLIC KEY", _PUBLIC + self.raw)


class PrivateKey(Struct, frozen=True):
    """Whoever has it can sign."""

    seed: bytes
    """32 bytes."""

    def __repr__(self) -> str:
        return f"PrivateKey(of {self.public.id})"

    @property
    def public(self) -> PublicKey:
        return PublicKey(ed25519.public_of(self.seed))

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return ed25519.sign(self.seed, message)

    def pem(self) -> str:
        return _pem("PRIVATE KEY", _PRIVATE + self.seed)


def new_key() -> PrivateKey:
    """Of the system's randomness."""
    return PrivateKey(os.urandom(ed25519.SEED_BYTES))


def read_private_key(path: Path) -> PrivateKey:
    """Raises KeyFileError."""
    return _private(_text(path), str(path))


def signing_key(path: Path | None, environment: Mapping[str, str]) -> PrivateKey | None:
    """From the file, or from IOCSWEEP_SIGNING_KEY; None: nothing is signed. Raises KeyFileError."""
    if path is not None:
        return read_private_key(path)
    text = environment.get(VARIABLE, "")
    return _private(text, VARIABLE) if text.strip() else None


def read_public_keys(path: Path) -> list[PublicKey]:
    """All keys of a file, at least one. Raises KeyFileError."""
    return public_keys(_text(path), str(path))


def public_keys(text: str, origin: str) -> list[PublicKey]:
    """The same of a text. Raises KeyFileError."""
    keys = []
    for _, der in _ders(text, origin):
        if len(der) != len(_PUBLIC) + ed25519.PUBLIC_BYTES or not der.startswith(_PUBLIC):
            private = der.startswith(_PRIVATE)
            more = ", but a private one, which only who signs may have" if private else ""
            raise KeyFileError(f"{origin}: is no public key of Ed25519{more}")
        keys.append(PublicKey(der[len(_PUBLIC) :]))
    if len(keys) > MAX_KEYS:
        raise KeyFileError(f"{origin}: more than {MAX_KEYS} keys")
    return keys


def _private(text: str, origin: str) -> PrivateKey:
    found = _ders(text, origin)
    kind, der = found[0]
    if len(found) > 1:
        raise KeyFileError(f"{origin}: more than one key")
    if kind == "ENCRYPTED PRIVATE KEY":
        raise KeyFileError(f"{origin}: the key is encrypted; nobody is there to give its password")
    fits = len(der) == len(_PRIVATE) + ed25519.SEED_BYTES and der.startswith(_PRIVATE)
    if kind not in ("", "PRIVATE KEY") or not fits:
        raise KeyFileError(f"{origin}: is no private key of Ed25519 (PKCS #8)")
    return PrivateKey(der[len(_PRIVATE) :])


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE + 1)
    except OSError as error:
        if _is_secret(str(path)):
            raise KeyFileError("a private key itself is in the place of its file's name") from None
        raise KeyFileError(f"{path}: {plain(error)}") from error
    if len(data) > _MAX_FILE:
        raise KeyFileError(f"{path}: is no key, larger than {_MAX_FILE} bytes")
    return data.decode("ascii", "replace")


def _is_secret(text: str) -> bool:
    """Whether what should be a path is a key: it must not be told on."""
    return _BEGINS_SECRET in text or "PRIVATE KEY" in text


def _ders(text: str, origin: str) -> list[tuple[str, bytes]]:
    """Kind (empty: one line without) and bytes of each. Raises KeyFileError."""
    bare = text.strip()
    blocks = [("", bare)] if _LINE.fullmatch(bare) else _BLOCK.findall(text)
    if not blocks:
        raise KeyFileError(f"{origin}: no key is there (PEM, or its line of base64)")
    if text.count(_BEGINS) > len(blocks):
        raise KeyFileError(
            f"{origin}: only {len(blocks)} of {text.count(_BEGINS)} keys can be read"
        )
    try:
        return [(kind, base64.b64decode("".join(b.split()), validate=True)) for kind, b in blocks]
    except binascii.Error as error:
        raise KeyFileError(f"{origin}: broken base64: {error}") from error


def _pem(kind: str, der: bytes) -> str:
    return f"-----BEGIN {kind}-----\n{base64.b64encode(der).decode()}\n-----END {kind}-----\n"
