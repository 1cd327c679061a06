"""What a BitLocker volume says of itself in the clear: how far it is encrypted, and by what its key
is protected; and what a recovery password must look like.

"BitLocker Drive Encryption (BDE) format specification" of libbde (J. Metz): 2 (volume header), 4.1
and 4.2 (FVE metadata), 5.3 (volume master key), 2.4.2 (recovery password); ``lib/bitlk/bitlk.c`` of
cryptsetup 2.6 for the identifier of encrypt-on-write.
"""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

from . import FormatError
from .kinds import BITLOCKER_IS, BITLOCKER_ON_WRITE, BITLOCKER_TO_GO, Read

SIGNATURE = b"-FVE-FS-"
CLEAR_KEY, STARTUP_KEY, RECOVERY_PASSWORD, PASSWORD = 0x0000, 0x0200, 0x0800, 0x2000
GROUPS, FACTOR, GROUP_LIMIT = 8, 11, 720_896
_ENCRYPTED = 4
_SECTORS = (512, 1024, 2048, 4096)
_AT = 160
_FURTHEST = 1 << 62
_BLOCK = struct.Struct("<8sHHHHQ")
_BLOCK_SIZE, _HEADER_SIZE = 64, 48
_LARGEST = 64 << 10
_ENTRY = struct.Struct("<HHHH")
_MASTER_KEY = 2
_VISTA = 1


class BitLockerVolume(NamedTuple):
    """As the first sound copy of its metadata tells it."""

    encrypted: bool
    """All of it, and nothing is being changed about that."""
    sector: int
    """Bytes; each is encrypted by itself."""
    protectors: frozenset[int]
    """By what the volume's key is protected: :data:`PASSWORD` and others."""


def read_bitlocker(read: Read) -> BitLockerVolume:
    """Raises FormatError: there is no metadata where it should be; OSError."""
    head = read(0, 512)
    if len(head) < 512:
        raise FormatError("no volume header", f"{len(head)} bytes")
    sector = int.from_bytes(head[11:13], "little")
    if sector not in _SECTORS:
        raise FormatError("impossible size of a sector", str(sector))
    on_write, places = _places(head)
    for place in places:
        block = read(place, _LARGEST) if place < _FURTHEST else b""
        if len(block) > _BLOCK_SIZE + _HEADER_SIZE and block.startswith(SIGNATURE):
            _, _, _, now, then, _ = _BLOCK.unpack_from(block)
            whole = not on_write and now == then == _ENCRYPTED
            return BitLockerVolume(whole, sector, frozenset(_protectors(block)))
    raise FormatError("no metadata of BitLocker", f"{len(places)} places")


def _places(head: bytes) -> tuple[bool, tuple[int, ...]]:
    """Whether it is encrypted as it is written to, and where copies of the metadata lie."""
    for at in (_AT, BITLOCKER_TO_GO):
        identifier = head[at : at + 16]
        if identifier in (BITLOCKER_IS, BITLOCKER_ON_WRITE):
            return identifier == BITLOCKER_ON_WRITE, struct.unpack_from("<3Q", head, at + 16)
    if head[3:11] != SIGNATURE:
        raise FormatError("no volume of BitLocker", "header")
    sector, cluster = struct.unpack_from("<HB", head, 11)
    (first,) = struct.unpack_from("<Q", head, 56)  # Of Vista: a cluster.
    return False, (first * sector * cluster,)


def _protectors(block: bytes) -> list[int]:
    size, _, header = struct.unpack_from("<III", block, _BLOCK_SIZE)
    at, end = _BLOCK_SIZE + max(header, _HEADER_SIZE), min(_BLOCK_SIZE + size, len(block))
    found = []
    while at + _ENTRY.size <= end:
        length, kind, _, _ = _ENTRY.unpack_from(block, at)
        if length < _ENTRY.size:
            break
        if kind == _MASTER_KEY and at + 36 <= end:
            found.append(int.from_bytes(block[at + 34 : at + 36], "little"))
        at += length
    return found


def recovery_password(text: str) -> str | None:
    """Its 48 digits in groups, as Windows writes them; None for what is none and does not try to
    be. Raises FormatError, which names a group and not what is in it, for one that is mistyped."""
    groups = re.split(r"[-\u2010-\u2014\u2212\s]+", text)
    if not all(re.fullmatch(r"[0-9]+", group) for group in groups):
        return None
    if len(groups) == 1 and len(text) == 6 * GROUPS:
        groups = [text[at : at + 6] for at in range(0, len(text), 6)]
    elif len(groups) < GROUPS - 1 and sum(map(len, groups)) < 6 * (GROUPS - 1):
        return None
    if len(groups) != GROUPS:
        raise FormatError(f"a recovery password has {GROUPS} groups, and not {len(groups)}")
    for number, group in enumerate(groups, 1):
        if len(group) != 6:
            raise FormatError(f"group {number} of the recovery password has not 6 digits")
        if int(group) % FACTOR or int(group) >= GROUP_LIMIT:
            raise FormatError(f"group {number} of the recovery password is mistyped")
    return "-".join(groups)


__all__ = [
    "CLEAR_KEY",
    "PASSWORD",
    "RECOVERY_PASSWORD",
    "STARTUP_KEY",
    "BitLockerVolume",
    "read_bitlocker",
    "recovery_password",
]
