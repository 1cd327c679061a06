"""``python -m agent`` and the exe's entry."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable

from agent.command_line.manners import manners_of
from agent.exit_codes import FAILED, does_not_load
from agent.output.plain import failure_line

RULES_WORKER = "--rules-worker"
"""How this program starts itself to run the operator's rules (``engine/guard.py``)."""

SLEEPER = "--sleeper"
"""How it starts itself to be looked for (``selftest/sleeper.py``)."""

_NEW_THINGS = 50_000
"""After so many more the collector of garbage looks through them: with Python's own 700, a tenth of
a short sweep goes into looking at what lives as long as it does."""


def _command() -> Callable[[], int]:
    if sys.argv[1:2] == [RULES_WORKER]:
        from agent.engine.worker import main as work

        return work
    if sys.argv[1:2] == [SLEEPER]:
        from agent.selftest.sleeper import main as sleep

        return sleep
    from agent.cli import main

    return main


def run() -> int:
    """The exit code, also when a part of the program itself is missing or kept from loading."""
    gc.set_threshold(_NEW_THINGS)
    try:
        main = _command()
    except Exception as error:  # noqa: BLE001 - whatever it is: Python's own 1 would mean a hit
        _tell(does_not_load(error))
        return FAILED
    try:
        return main()
    finally:
        # Or Python looks through all that there is once more before it ends: what is written was
        # closed, and what is left goes with the process.
        gc.freeze()


def _tell(why: str) -> None:
    manners = manners_of(sys.argv[1:], os.environ)
    if sys.stderr is not None and not manners.silent:
        sys.stderr.write(f"iocsweep: {why}\n")
    if sys.stdout is not None and manners.one_line:
        sys.stdout.write(f"{failure_line(why, FAILED)}\n")


if __name__ == "__main__":
    sys.exit(run())
