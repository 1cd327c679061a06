"""Secrets of outputs: from a file or the environment, never from the settings themselves."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

MAX_BYTES = 16_384


class SecretError(ValueError):
    """A secret cannot be had; says which and where, and never what it is."""


class Secret:
    """Does not show itself: not in a log, a traceback, or a representation."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret, for the request that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"


def read_secret(
    what: str,
    file: str | None,
    env: str | None,
    environment: Mapping[str, str] = os.environ,
    *,
    ascii_only: bool = False,
) -> Secret:
    """From the file or the variable, whichever is named. Raises SecretError.

    ``ascii_only``: it becomes part of an HTTP header as it is.
    """
    if (file is None) == (env is None):
        raise SecretError(f"{what}: name either a file ({what}_file) or a variable ({what}_env)")
    if file is not None:
        try:
            value = Path(file).read_bytes()[: MAX_BYTES + 1].decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise SecretError(f"{what}_file: {file}: {reason}") from None
        origin = file
    else:
        assert env is not None
        value, origin = environment.get(env, ""), f"${env}"
    value = value.strip()
    fit = value.isprintable() and (value.isascii() or not ascii_only)
    if not value or len(value) > MAX_BYTES or not fit:
        raise SecretError(f"{what}: {origin} holds no usable secret")
    return Secret(value)
