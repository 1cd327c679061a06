"""What is said: the result on stdout, all else on stderr, both at once."""

from __future__ import annotations

import errno
import os
import sys


def tell(text: str) -> None:
    """A part of the result. Whoever read it may have gone (``| head``): that takes nothing from the
    exit code."""
    try:
        print(text, flush=True)  # noqa: T201
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.EINVAL):  # Windows says the latter of a pipe.
            raise
        # What is still in the buffer would raise again when the program ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(text: str) -> None:
    """One message to whoever started the program."""
    print(f"iocsweep: {text}", file=sys.stderr, flush=True)  # noqa: T201
