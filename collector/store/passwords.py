"""A database's password from a file: on a command line every user of the machine could read it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from .backup import without_password
from .database import StoreError

MOST = 4096
"""Bytes of a password."""


def with_password_of(url: str, file: Path) -> str:
    """The URL with the password in the file, its last line end apart. Raises StoreError, OSError.

    A second way, which needs nothing of us: libpq's PGPASSFILE, or ``~/.pgpass``.
    """
    if not url.startswith(("postgresql://", "postgres://")):
        raise StoreError("a password's file goes with --database postgresql://…")
    if without_password(url)[1] is not None:
        raise StoreError("there is a password in the database's URL and one in a file")
    with file.open("rb") as opened:
        data = opened.read(MOST + 1)
    try:
        secret = data.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise StoreError(f"{file}: no text") from error
    if not secret or len(data) > MOST or not secret.isprintable():
        raise StoreError(f"{file}: no password, in one line of at most {MOST} bytes")
    base, hash_, fragment = url.partition("#")
    joint = "&" if "?" in base else "?"
    return f"{base}{joint}password={quote(secret, safe='')}{hash_}{fragment}"
