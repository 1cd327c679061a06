"""How the program ends (DESIGN, section 4), and what ends it before it has begun."""

from __future__ import annotations

import sys

CLEAN = 0
HIT = 1
FAILED = 2
INCOMPLETE = 3
UNDELIVERED = 4
BUSY = 5
RETRY_LATER = 1618
"""ERROR_INSTALL_ALREADY_RUNNING (winerror.h): Intune and Configuration Manager try again."""


class CannotRun(Exception):
    """What was asked for cannot be done; the message says why."""

    code = FAILED


class AnotherSweep(CannotRun):
    """One is running on this host."""

    def __init__(self, message: str, code: int = BUSY) -> None:
        super().__init__(message)
        self.code = code


def busy_code(*, exit_zero: bool, windows: bool = sys.platform == "win32") -> int:
    """Where another sweep is running: for a deployment tool of Windows, "later". Elsewhere a code
    is one byte."""
    return RETRY_LATER if exit_zero and windows else BUSY


def does_not_load(error: Exception) -> str:
    """The words for a part of the program that is missing or kept from loading, on one line."""
    why = " ".join(f"{type(error).__name__}: {error}".split())
    return f"could not run, a part of it does not load: {why}"


class UsageError(CannotRun):
    """The arguments do not fit; the message says which and why."""
