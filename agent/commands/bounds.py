"""What a sweep may take of its host: priority, memory, and when it waits."""

from __future__ import annotations

import os
import sys

from ..options import Options
from ..output.plain import plain
from ..output.say import say
from ..sweep.host_load import HostLoad
from ..sweep.pausing import Pausing
from ..sweep.spent import Helpers


def take_bounds(options: Options) -> None:
    """``--nice`` and ``--max-memory``, until the process ends; what could not be set is said."""
    if options.nice:
        _be_nice()
    if options.max_memory is not None:
        try:
            _bound_memory(options.max_memory)
        except (OSError, ValueError) as error:
            say(f"--max-memory: the bound could not be set: {plain(error)}")


def pausing_of(options: Options, *, starts: bool = False) -> Pausing | None:
    """``--pause``. ``starts``: the sweep starts processes, for rules."""
    if options.pause is None:
        return None
    if options.part or starts:
        root = os.getppid() if options.part else os.getpid()
        return Pausing(HostLoad(say, Helpers(root).cpu_s), options.pause)
    return Pausing(HostLoad(say), options.pause)


def _be_nice() -> None:
    if sys.platform == "win32":
        from ..windows.process_priority import stand_back

        for problem in stand_back():
            say(problem)
    else:
        os.nice(19)


def _bound_memory(most: int) -> None:
    """What is committed beyond it is refused: a source that needs it fails, and that is its gap.
    Raises OSError, ValueError."""
    if sys.platform == "win32":
        from ..windows.lowered_rights import Job

        Job.around(os.getpid(), most, alone=False)  # its handle is open as long as this process
    else:
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
