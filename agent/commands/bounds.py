"""What a sweep may take of its host: priority, memory, and when it waits."""

from __future__ import annotations

import os
import sys
import time

from ..options import Options
from ..output.plain import plain
from ..output.say import say
from ..sweep.course import Waiting
from ..sweep.host_load import HostLoad
from ..sweep.pacing import Pacing
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


def waits_of(options: Options, *, starts: bool = False) -> list[Waiting]:
    """``--pause``, and the part of a processor that ``--nice`` keeps to. ``starts``: the sweep
    starts processes, for rules."""
    waits: list[Waiting] = []
    if options.pause is not None:
        waits.append(Pausing(_load("--pause", options, starts=starts), options.pause))
    if options.nice:
        began = time.monotonic() - _age_s()
        waits.append(Pacing(_load("--nice", options, starts=starts), began))
    return waits


def _load(option: str, options: Options, *, starts: bool) -> HostLoad:
    if not (options.part or starts):
        return HostLoad(option, say)
    root = os.getppid() if options.part else os.getpid()
    return HostLoad(option, say, Helpers(root).cpu_s)


def _age_s() -> float:
    """Of this process."""
    import psutil

    try:
        return max(0.0, time.time() - psutil.Process().create_time())
    except (psutil.Error, OSError):
        return time.process_time()  # it is not younger than what it used of one processor


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
