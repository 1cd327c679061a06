"""Keys of locked volumes, from a file of the operator's: never shown, never written anywhere."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from ..exit_codes import CannotRun
from ..formats import FormatError
from ..formats.bitlocker import recovery_password

MAX_KEYS = 1000
_LARGEST = 1 << 20
_LARGEST_STARTUP_KEY = 64 << 10
_LONGEST = 256
"""Characters of a password: no more can be given to Windows."""
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


class Sort(Enum):
    """What a key is; the value tells it in the coverage."""

    RECOVERY_PASSWORD = "recovery password"  # noqa: S105 - no password
    PASSWORD = "password"  # noqa: S105 - no password
    STARTUP_KEY = "startup key"


class VolumeKey(NamedTuple):
    """One line of the file."""

    sort: Sort
    secret: str
    """Of a startup key: the path of its file."""

    def __repr__(self) -> str:
        return f"<{self.sort.value}>"


class KeysError(CannotRun):
    """The file of keys cannot be used; the message tells which line, and nothing that is in it."""


def read_keys(path: Path) -> tuple[VolumeKey, ...]:
    """The keys of a text file (UTF-8, or UTF-16 with its mark), one a line: a recovery password, a
    password, or the path of a startup key (``.BEK``), from the file's folder on. Lines that begin
    with ``#`` are for people.

    Raises KeysError, for a recovery password too that is mistyped.
    """
    try:
        data = _bytes_of(path, _LARGEST)
        text = _text(data)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "neither UTF-8 nor UTF-16"
        raise KeysError(f"{path}: {why or 'cannot be read'}") from None
    keys: dict[VolumeKey, None] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if (line := line.strip()) and not line.startswith("#"):
            try:
                keys[_key(line, path.parent)] = None
            except FormatError as error:
                raise KeysError(f"{path}, line {number}: {error.what}") from None
    if not keys:
        raise KeysError(f"{path}: no key in it")
    if len(keys) > MAX_KEYS:
        raise KeysError(f"{path}: more than {MAX_KEYS:,} keys")
    return tuple(keys)


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


def _key(line: str, folder: Path) -> VolumeKey:
    """Raises FormatError, whose words hold nothing of the line."""
    if line.casefold().endswith(".bek"):
        path = folder / line
        try:
            _bytes_of(path, _LARGEST_STARTUP_KEY)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "cannot be read"
            raise FormatError(f"the startup key: {why}") from None
        return VolumeKey(Sort.STARTUP_KEY, os.fspath(path))
    if (recovery := recovery_password(line)) is not None:
        return VolumeKey(Sort.RECOVERY_PASSWORD, recovery)
    if len(line) > _LONGEST or not line.isprintable():
        raise FormatError("no password, no recovery password and no .BEK file")
    return VolumeKey(Sort.PASSWORD, line)


__all__ = ["KeysError", "Sort", "VolumeKey", "read_keys"]
