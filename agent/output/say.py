"""What is said: the result on stdout, all else on stderr, both at once.

Whoever reads it may have gone (``| head``), the disk it goes to may be full, or there may be
nothing to write to. That takes nothing from the exit code: Python would make it 120, or 1, which is
a hit.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from pathlib import Path
from typing import TextIO

from .escape import shown
from .plain import plain

_GONE = (errno.EPIPE, errno.EINVAL)  # Windows says the latter of a pipe.


def use_safe_streams() -> None:
    """Never fail on a character that the console does not have; UTF-8 wherever there is no
    console. A stream that this program was started without leads nowhere.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            nowhere = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - until the end
            setattr(sys, name, nowhere)
        elif mode == "w" and isinstance(stream, io.TextIOWrapper):
            encoding = None if stream.isatty() else "utf-8"
            stream.reconfigure(encoding=encoding, errors="backslashreplace")


def tell(text: str) -> None:
    """A part of the result."""
    try:
        print(text, flush=True)  # noqa: T201
    except OSError as error:
        lead_nowhere(sys.stdout)
        if error.errno not in _GONE:
            say(f"the result cannot be shown: {plain(error)}")


def say(text: str) -> None:
    """One message to whoever started the program. Paths and names of evidence may be in it: line
    by line it is shown as it is, and nothing in it is active."""
    safe = "\n".join(shown(line) for line in text.split("\n"))
    try:
        print(f"iocsweep: {safe}", file=sys.stderr, flush=True)  # noqa: T201
    except OSError:
        lead_nowhere(sys.stderr)


def lead_to(log: Path) -> None:
    """Both streams, from now on. Raises OSError."""
    file = log.open("a", encoding="utf-8", errors="backslashreplace", buffering=1)
    sys.stdout = sys.stderr = file


def lead_nowhere(stream: TextIO) -> None:
    """What is still in its buffer would raise again when more is written, or the program ends."""
    try:
        number = stream.fileno()
    except OSError:
        return  # None of the system's: in a test.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
