"""One live sweep at a time on a host."""

from __future__ import annotations

from ..exit_codes import AnotherSweep, busy_code
from ..home import OneSweep
from ..options import Options
from ..output.plain import plain
from ..output.say import say


def be_alone(lock: OneSweep, options: Options) -> None:
    """Raises AnotherSweep. Where there can be no lock, nothing says that there is another."""
    try:
        alone = lock.acquire()
    except OSError as error:
        say(f"no lock can be had, so that another sweep may be running: {plain(error)}")
        return
    if not alone:
        code = busy_code(exit_zero=options.exit_zero)
        raise AnotherSweep("another sweep is running on this host", code)
