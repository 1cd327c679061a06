"""Members of ZIP archives that are encrypted by AES, as WinZip, 7-Zip and Velociraptor do it.

WinZip, "AES Encryption Information: Encryption Specification AE-1 and AE-2": a salt, two bytes by
which a password is known for a wrong one, the bytes by AES in counter mode, and ten bytes of
HMAC-SHA1 over these. By pycryptodomex, where that is installed.
"""

from __future__ import annotations

import hashlib
import hmac
import importlib.util
from typing import Any, NamedTuple

from . import FormatError

METHOD = 99
""": In place of the compression method, which the extra field tells."""
EXTRA = 0x9901
_SALT = {1: 8, 2: 12, 3: 16}
"""Bytes, by the strength of the key; the key has twice as many."""
_ROUNDS = 1000
_VERIFIER = 2
TRAILER = 10
"""Bytes of the checksum behind a member."""
CHANGED = "encrypted archive member whose checksum differs"


class Sealed(NamedTuple):
    """How a member is encrypted."""

    version: int
    """2: the directory tells no CRC-32 of it."""
    strength: int
    method: int
    """Of compression."""

    @property
    def head(self) -> int:
        """Bytes in front of the encrypted ones."""
        return _SALT[self.strength] + _VERIFIER


def sealed_by(extra: bytes) -> Sealed | None:
    """From the extra field 0x9901; None for what cannot be."""
    if len(extra) < 7 or extra[2:4] != b"AE" or extra[4] not in _SALT:
        return None
    return Sealed(
        int.from_bytes(extra[:2], "little"), extra[4], int.from_bytes(extra[5:7], "little")
    )


def is_readable() -> bool:
    """Whether pycryptodomex is there."""
    return importlib.util.find_spec("Cryptodome") is not None


class Opener:
    """Deciphers one member, from its first byte to its last."""

    def __init__(self, sealed: Sealed, head: bytes, password: str) -> None:
        """``head``: what stands in front of the bytes. Raises ValueError for a wrong password."""
        from Cryptodome.Cipher import AES
        from Cryptodome.Util import Counter

        salt, size = head[: _SALT[sealed.strength]], 2 * _SALT[sealed.strength]
        made = hashlib.pbkdf2_hmac("sha1", password.encode(), salt, _ROUNDS, 2 * size + _VERIFIER)
        if made[2 * size :] != head[len(salt) :]:
            raise ValueError("wrong password")
        counter = Counter.new(128, initial_value=1, little_endian=True)
        self._cipher: Any = AES.new(made[:size], AES.MODE_CTR, counter=counter)
        self._sum = hmac.new(made[size : 2 * size], digestmod=hashlib.sha1)

    def open(self, data: bytes) -> bytes:
        """The next bytes, in the clear."""
        self._sum.update(data)
        opened: bytes = self._cipher.decrypt(data)
        return opened

    def end(self, trailer: bytes) -> None:
        """Raises FormatError if they were not what was encrypted."""
        if not hmac.compare_digest(self._sum.digest()[:TRAILER], trailer):
            raise FormatError(CHANGED)


__all__ = ["CHANGED", "METHOD", "Opener", "Sealed", "is_readable", "sealed_by"]
