"""BitLocker volumes, written from the published format (libbde's "BitLocker Drive Encryption (BDE)
format specification"; AES-XTS, 128 bits), which libbde then reads; and real ones, out of the tests
in the source of Debian's cryptsetup."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import tarfile
from configparser import ConfigParser
from functools import cache
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from agent.formats.kinds import BITLOCKER_IS, BITLOCKER_ON_WRITE

from .debian_sources import source_member

PASSWORD = "a pass phrase of the test's"
RECOVERY = "471207-278498-422125-177177-561902-537405-468006-693451"
MASTER_KEY, VOLUME_KEY = bytes(range(32)), bytes(range(100, 132))
_SALT, _CLEAR = bytes(range(16)), bytes(range(50, 82))
_METADATA, _HEADER, _SECTOR = 64 << 10, 8192, 512
_ENCRYPTED = 4


def locked(
    plain: bytes,
    *,
    password: str = "",
    recovery: str = "",
    clear: bool = False,
    state: int = _ENCRYPTED,
    on_write: bool = False,
) -> bytes:
    """A volume that begins with these bytes (whole sectors), and has room for what BitLocker says
    of it behind them; with the protectors that are given."""
    first = max(len(plain), _HEADER)
    places = [first + number * _METADATA for number in range(3)]
    backup, size = first + 3 * _METADATA, first + 4 * _METADATA
    block = _block(places, backup, size, state, _protected(password, recovery, clear=clear))
    volume = bytearray(size)
    volume[: len(plain)] = _sectors(plain, 0)
    volume[backup : backup + _HEADER] = _sectors(plain[:_HEADER].ljust(_HEADER, b"\0"), backup)
    head = bytearray(_SECTOR)
    head[:13] = b"\xeb\x58\x90-FVE-FS-" + struct.pack("<H", _SECTOR)
    head[160:200] = (BITLOCKER_ON_WRITE if on_write else BITLOCKER_IS) + struct.pack("<3Q", *places)
    head[510:] = b"\x55\xaa"
    volume[:_HEADER] = bytes(head).ljust(_HEADER, b"\0")
    for place in places:
        volume[place : place + len(block)] = block
    return bytes(volume)


def _sectors(data: bytes, at: int) -> bytes:
    cipher = algorithms.AES(VOLUME_KEY)
    made = []
    for start in range(0, len(data), _SECTOR):
        tweak = ((at + start) // _SECTOR).to_bytes(16, "little")
        made.append(Cipher(cipher, modes.XTS(tweak)).encryptor().update(data[start : start + 512]))
    return b"".join(made)


def _entry(kind: int, value: int, data: bytes) -> bytes:
    return struct.pack("<HHHH", 8 + len(data), kind, value, 1) + data


def _sealed(kind: int, key: bytes, method: int, secret: bytes) -> bytes:
    nonce = struct.pack("<QI", 132_000_000_000_000_000, 1 + method)
    plain = _entry(0, 1, struct.pack("<I", method) + secret)
    made = AESCCM(key, tag_length=16).encrypt(nonce, plain, None)
    return _entry(kind, 5, nonce + made[-16:] + made[:-16])


def _protected(password: str, recovery: str, *, clear: bool) -> bytes:
    made = b""
    if password:
        once = hashlib.sha256(password.encode("utf-16-le")).digest()
        made += _master(0x2000, _stretched(hashlib.sha256(once).digest()))
    if recovery:
        numbers = [int(group) // 11 for group in recovery.split("-")]
        first = hashlib.sha256(struct.pack("<8H", *numbers)).digest()
        made += _master(0x0800, _stretched(first))
    if clear:
        made += _master(0, _CLEAR)
    return made


def _master(protection: int, key: bytes) -> bytes:
    about = struct.pack("<16sQHH", bytes([protection >> 8]) * 16, 132 * 10**15, 0, protection)
    if protection:
        by = _entry(0, 3, struct.pack("<I", 0x1000) + _SALT)
    else:
        by = _entry(0, 1, struct.pack("<I", 0x2002) + key)
    return _entry(2, 8, about + by + _sealed(0, key, 0x2003, MASTER_KEY))


@cache
def _stretched(first: bytes) -> bytes:
    last, rest = bytes(32), first + _SALT
    for count in range(1 << 20):
        last = hashlib.sha256(last + rest + count.to_bytes(8, "little")).digest()
    return last


def _block(places: list[int], backup: int, size: int, state: int, masters: bytes) -> bytes:
    entries = (
        masters
        + _sealed(3, MASTER_KEY, 0x8004, VOLUME_KEY)
        + _entry(15, 15, struct.pack("<QQ", backup, _HEADER))
    )
    length = 48 + len(entries)
    header = struct.pack("<IIII16sIHHQ", length, 1, 48, length, bytes(16), 9, 0x8004, 0x8004, 0)
    of_block = struct.pack(
        "<8sHHHHQII3QQ", b"-FVE-FS-", (64 + length) // 16, 2, state, state, size, 0, 16,
        *places, backup,
    )  # fmt: skip
    return of_block + header + entries


class RealVolume(NamedTuple):
    """One of cryptsetup's."""

    name: str
    password: str
    recovery: str
    startup: str
    """The name of the startup key's file."""
    sha256: str
    """Of the plaintext; empty where cryptsetup does not read it either."""


@cache
def _archive() -> bytes:
    return source_member("cryptsetup", "tests/bitlk-images.tar.xz")


def unpacked_volumes(folder: Path) -> list[RealVolume]:
    """All of them, as ``NAME.img``, and their startup keys; a test is skipped where the source is
    not here."""
    with tarfile.open(fileobj=io.BytesIO(_archive())) as archive:
        for member in archive:
            if member.isfile():
                held = archive.extractfile(member)
                assert held is not None
                (folder / os.path.basename(member.name)).write_bytes(held.read())
    told = ConfigParser(interpolation=None)
    told.read(folder / "images.conf")
    return [
        RealVolume(
            name,
            told[name].get("PW", ""),
            told[name]["RP"],
            f"{key.upper()}.BEK" if (key := told[name].get("SK_VMK_GUID", "")) else "",
            told[name]["SHA256SUM"],
        )
        for name in told.sections()
    ]
