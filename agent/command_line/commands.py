"""What the program can be asked to do. It loads nothing of it."""

from __future__ import annotations

from collections.abc import Sequence

COMMANDS = ("live", "offline", "send", "packs", "render", "verify", "clean", "selftest")
OF_A_DESK = ("packs", "render")
"""Commands that no variable means: ``--out`` is another one there than that of a sweep."""


def command_of(words: Sequence[str]) -> str:
    """Bare ``iocsweep`` is ``iocsweep live``."""
    return words[0] if words and words[0] in COMMANDS else "live"
