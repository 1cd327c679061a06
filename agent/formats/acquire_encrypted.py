"""Files that acquire (fox-it) has encrypted to an RSA key: a tar or ZIP archive of a host's files.

Format, all numbers little-endian (acquire 3.22, ``crypt.py``, structures ``file``, ``header`` and
``footer``): 60 bytes (magic, version 1, kind of the header 1, size of the header, seconds since
1970, SHA-256 of the public key in DER); the header, encrypted by OAEP with SHA-1 (magic, kind of
the cipher 1, sizes of key and nonce, key, nonce); the archive by AES-256 in Galois/counter mode,
with all in front of it authenticated too; the tag; and 8 bytes (magic, size of the tag).

Read at any place: the counter of a block follows from its offset (NIST SP 800-38D, 7.1). By
pycryptodomex, where that is installed.
"""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Sequence
from typing import BinaryIO, NamedTuple

from ..reading.opening import read_at
from . import FormatError
from .private_key import PrivateKey

MAGIC = b"ENCRYPTEDACQUIRE"
_FRONT = struct.Struct("<16sBBHQ32s")
_HEADER = struct.Struct("<12sBBBx")
_HEADER_MAGIC = b"KUSJESVANSRT"
_FOOTER = struct.Struct("<6sH")
_FOOTER_MAGIC = b"FOOTER"
_VERSION = _OAEP = _AES_256_GCM = 1
_KEY, _NONCE, _TAG = 32, 12, 16
_BLOCK = 16
_FIRST_COUNTER = 2
"""Of the archive's first block; 1 is the tag's."""
MAX_SIZE = ((1 << 32) - 2) * _BLOCK
"""Bytes that the mode allows (NIST SP 800-38D, 5.2.1.1)."""
_PIECE = 1 << 20

DAMAGED = "damaged front"
OTHER = "written in a way that is not read"
NO_KEY_FITS = "no private key that was given is its"
BAD_HEADER = "the part that its private key opens is damaged"
TOO_LARGE = "larger than AES-GCM allows"
CHANGED = "its checksum differs: bytes of it are damaged"
CUT_SHORT = "is cut short: its end and its checksum are not there"


class Front(NamedTuple):
    """What stands in the clear."""

    public_sha256: str
    """Of the key that it is encrypted to: its SubjectPublicKeyInfo in DER."""
    written: int
    """Seconds since 1970, UTC."""
    sealed: bytes
    """What the private key opens."""
    raw: bytes
    """All that stands in front of the archive."""


def read_front(file: BinaryIO) -> Front:
    """Raises FormatError, OSError."""
    raw = read_at(file, 0, _FRONT.size)
    if len(raw) < _FRONT.size or not raw.startswith(MAGIC):
        raise FormatError(DAMAGED)
    _, version, kind, size, written, digest = _FRONT.unpack(raw)
    if (version, kind) != (_VERSION, _OAEP):
        raise FormatError(OTHER)
    sealed = read_at(file, _FRONT.size, size)
    if not size or len(sealed) < size:
        raise FormatError(DAMAGED)
    return Front(digest.hex(), written, sealed, raw + sealed)


class Deciphered:
    """The archive in such a file, a :class:`~agent.ntfs.ByteSource`; may be asked from any
    thread."""

    def __init__(self, file: BinaryIO, front: Front, keys: Sequence[PrivateKey]) -> None:
        """``file``: is closed with this. Raises FormatError, OSError."""
        self._file = file
        self._key, self._nonce = _opened(front, keys)
        self._front = front.raw
        self._lock = threading.Lock()
        there = file.seek(0, os.SEEK_END)
        self._tag = _tag_at_end(file, there, len(front.raw))
        self.size = there - len(front.raw)
        if self._tag:
            self.size -= len(self._tag) + _FOOTER.size
        if self.size > MAX_SIZE:
            raise FormatError(TOO_LARGE)

    def problem(self) -> str:
        """What is wrong with its bytes, of which all are read for that; empty if nothing is. Raises
        OSError."""
        from Cryptodome.Cipher import AES

        if not self._tag:
            return CUT_SHORT
        cipher = AES.new(self._key, AES.MODE_GCM, nonce=self._nonce)
        cipher.update(self._front)
        plain = bytearray(_PIECE)
        at = 0
        while at < self.size and (data := self._stored(at, min(_PIECE, self.size - at))):
            cipher.decrypt(data, output=memoryview(plain)[: len(data)])
            at += len(data)
        try:
            cipher.verify(self._tag)
        except ValueError:
            return CHANGED
        return ""

    def read_at(self, offset: int, size: int) -> bytes:
        """The bytes there, fewer at the end. Raises OSError."""
        size = min(size, self.size - offset)
        if offset < 0 or size <= 0:
            return b""
        data = bytearray(size)
        with memoryview(data) as view:
            done = self.read_into(offset, view)
        return bytes(data[:done])

    def read_into(self, offset: int, view: memoryview) -> int:
        """The same into a buffer; how many came."""
        from Cryptodome.Cipher import AES

        wanted, done = max(0, min(len(view), self.size - offset)), 0
        if offset < 0 or not wanted:
            return 0
        block, skip = divmod(offset, _BLOCK)
        cipher = AES.new(
            self._key, AES.MODE_CTR, nonce=self._nonce, initial_value=_FIRST_COUNTER + block
        )
        cipher.decrypt(bytes(skip))
        while done < wanted and (data := self._stored(offset + done, min(_PIECE, wanted - done))):
            cipher.decrypt(data, output=view[done : done + len(data)])
            done += len(data)
        return done

    def _stored(self, offset: int, size: int) -> bytes:
        with self._lock:
            return read_at(self._file, len(self._front) + offset, size)

    def close(self) -> None:
        """With the file."""
        self._file.close()


def _opened(front: Front, keys: Sequence[PrivateKey]) -> tuple[bytes, bytes]:
    """Key and nonce. Raises FormatError."""
    for key in keys:
        try:
            header = key.opened(front.sealed, "sha1")
        except FormatError:
            continue
        return _secrets(header)
    its = any(key.public_sha256 == front.public_sha256 for key in keys)
    raise FormatError(BAD_HEADER if its else NO_KEY_FITS)


def _secrets(header: bytes) -> tuple[bytes, bytes]:
    """Raises FormatError."""
    if len(header) < _HEADER.size or not header.startswith(_HEADER_MAGIC):
        raise FormatError(OTHER)
    _, cipher, key, nonce = _HEADER.unpack_from(header)
    rest = header[_HEADER.size :]
    if (cipher, key, nonce, len(rest)) != (_AES_256_GCM, _KEY, _NONCE, _KEY + _NONCE):
        raise FormatError(OTHER)
    return rest[:_KEY], rest[_KEY:]


def _tag_at_end(file: BinaryIO, there: int, front: int) -> bytes:
    """Empty if there is none. Raises OSError."""
    least = _TAG + _FOOTER.size
    if there < front + least:
        return b""
    end = read_at(file, there - least, least)
    whole = end.endswith(_FOOTER.pack(_FOOTER_MAGIC, _TAG))
    return end[:_TAG] if whole else b""


__all__ = ["MAGIC", "Deciphered", "Front", "read_front"]
