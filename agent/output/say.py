"""What is said beside the result: on stderr, at once."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """One message to whoever started the program."""
    print(f"iocsweep: {text}", file=sys.stderr, flush=True)  # noqa: T201
