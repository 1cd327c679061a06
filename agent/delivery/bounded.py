"""Waiting for work that may never end: a drip from the network, a share that hangs."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")
_SLICE_S = 0.5
"""On Windows a longer wait would not be ended by Ctrl-C."""


class TooLong(Exception):
    """The work was not done in time; its thread is left behind and ends with the process."""


def within(seconds: float, work: Callable[[], _T]) -> _T:
    """What the work gives or raises. Raises TooLong after ``seconds``."""
    done: queue.SimpleQueue[Callable[[], _T]] = queue.SimpleQueue()

    def run() -> None:
        try:
            value = work()
        except BaseException as error:  # noqa: BLE001 - raised again by who waits
            caught = error

            def raised() -> _T:
                raise caught

            done.put(raised)
        else:
            done.put(lambda: value)

    threading.Thread(target=run, daemon=True).start()
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        try:
            result = done.get(timeout=min(left, _SLICE_S))
        except queue.Empty:
            continue
        return result()
    raise TooLong
