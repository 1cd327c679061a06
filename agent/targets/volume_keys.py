"""Keys of locked volumes and of encrypted collections, from a file of the operator's: never shown,
never written anywhere."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from ..exit_codes import CannotRun
from ..formats import FormatError, zip_aes
from ..formats.bitlocker import recovery_password
from ..formats.private_key import NO_RSA, has_private_key, is_of_rsa, private_keys

MAX_KEYS = 1000
_LARGEST = 1 << 20
_LARGEST_STARTUP_KEY = 64 << 10
_OF_PRIVATE_KEYS = (".pem", ".key", ".yaml", ".yml")
"""Ends of names of files that hold them: their own, and what Velociraptor's server is set up by."""
_LONGEST = 256
"""Characters of a password: no more can be given to Windows."""
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


class Sort(Enum):
    """What a key is; the value tells it in the coverage."""

    RECOVERY_PASSWORD = "recovery password"  # noqa: S105 - no password
    PASSWORD = "password"  # noqa: S105 - no password
    STARTUP_KEY = "startup key"
    PRIVATE_KEY = "private key"


class VolumeKey(NamedTuple):
    """One line of the file."""

    sort: Sort
    secret: str
    """Of a startup key: the path of its file; of a private key: its PEM."""

    def __repr__(self) -> str:
        return f"<{self.sort.value}>"


class KeysError(CannotRun):
    """The file of keys cannot be used; the message tells which line, and nothing that is in it."""


def read_keys(path: Path) -> tuple[VolumeKey, ...]:
    """The keys of a text file (UTF-8, or UTF-16 with its mark), one a line: a recovery password, a
    password, or the path of a startup key (``.BEK``) or of a file with private keys (``.pem``,
    ``.key``, ``.yaml``), from the file's folder on. Lines that begin with ``#`` are for people. Of
    a file that holds a private key itself, its private keys alone.

    Raises KeysError, for a recovery password too that is mistyped.
    """
    try:
        text = _text(_bytes_of(path, _LARGEST))
    except (OSError, UnicodeDecodeError) as error:
        raise KeysError(f"{path}: {_why(error)}") from None
    keys: dict[VolumeKey, None] = {}
    if has_private_key(text):
        try:
            keys = dict.fromkeys(_private_keys(text))
        except FormatError as error:
            raise KeysError(f"{path}: {error.what}") from None
        text = ""
    for number, line in enumerate(text.splitlines(), 1):
        if (line := line.strip()) and not line.startswith("#"):
            try:
                keys |= dict.fromkeys(_keys(line, path.parent))
            except FormatError as error:
                raise KeysError(f"{path}, line {number}: {error.what}") from None
    if not keys:
        raise KeysError(f"{path}: no key in it")
    if len(keys) > MAX_KEYS:
        raise KeysError(f"{path}: more than {MAX_KEYS:,} keys")
    return tuple(keys)


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "neither UTF-8 nor UTF-16"
    return getattr(error, "strerror", None) or "cannot be read"


def _text(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding)
    return data.decode()


def _bytes_of(path: Path, most: int) -> bytes:
    """Raises OSError."""
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(0, f"larger than {most:,} bytes")
    return data


def _keys(line: str, folder: Path) -> list[VolumeKey]:
    """Raises FormatError, whose words hold nothing of the line."""
    if line.casefold().endswith(".bek"):
        path = folder / line
        try:
            _bytes_of(path, _LARGEST_STARTUP_KEY)
        except (OSError, ValueError) as error:
            raise FormatError(f"the startup key: {_why(error)}") from None
        return [VolumeKey(Sort.STARTUP_KEY, os.fspath(path))]
    if line.casefold().endswith(_OF_PRIVATE_KEYS):
        try:
            text = _text(_bytes_of(folder / line, _LARGEST))
        except (OSError, ValueError) as error:
            raise FormatError(f"the private key: {_why(error)}") from None
        return _private_keys(text)
    if (recovery := recovery_password(line)) is not None:
        return [VolumeKey(Sort.RECOVERY_PASSWORD, recovery)]
    if len(line) > _LONGEST or not line.isprintable():
        raise FormatError("no password, no recovery password and no .BEK file")
    return [VolumeKey(Sort.PASSWORD, line)]


def _private_keys(text: str) -> list[VolumeKey]:
    """Those of RSA, where that can be told. Raises FormatError: none in it, or one that cannot be
    used."""
    found = private_keys(text)
    if found and zip_aes.is_readable():
        found = [pem for pem in found if is_of_rsa(pem)]
        if not found:
            raise FormatError(NO_RSA)
    if not found:
        raise FormatError("no private key in the file")
    return [VolumeKey(Sort.PRIVATE_KEY, pem) for pem in found]


__all__ = ["KeysError", "Sort", "VolumeKey", "read_keys"]
