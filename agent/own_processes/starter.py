"""The process that started this one: when it ends, however that is, this one does as well.

Elsewhere than on Windows it is told by standard input, whose other end the starter holds open.
(``PR_SET_PDEATHSIG`` of Linux goes by the *thread* that started it, prctl(2).)
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import BinaryIO

from ..windows import lowered_rights

if sys.platform != "win32":
    import select


def end_with_it(code: int) -> None:
    """From a thread of its own, with this exit code, whatever else goes on here. What is on
    standard input may be read meanwhile. Raises OSError; then this process goes on alone.
    """
    wait = _end_of_it()

    def watch() -> None:
        wait()
        os._exit(code)

    threading.Thread(target=watch, daemon=True).start()


def until_closed(stream: BinaryIO) -> None:
    """Wait until nobody holds the other end any more; what comes from there is let go of."""
    while stream.read(1):
        pass


def _end_of_it() -> Callable[[], object]:
    """What waits for it. Raises OSError."""
    if sys.platform == "win32":
        # A program hangs here that asks anything of a pipe while it is read from.
        return lowered_rights.end_of(os.getppid())
    # Nothing is asked for but what is always told: that nobody writes any more.
    poll = select.poll()
    poll.register(0, 0)
    return poll.poll


__all__ = ["end_with_it", "until_closed"]
