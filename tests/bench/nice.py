r"""What the built exe's default sweep takes of the processors beside others that want all of them.

``python -m tests.bench.nice [--runs 2] [--samples DIR]``

The host is that of ``live_host.py``. As many programs as there are processors do nothing but count;
the sweep runs with ``--nice`` and without, in turn. Its processor time is what the system tells of
all processes of the exe, from start to end; Wine's own are not among them. Wine gives no priority:
what is seen is what the sweep keeps to by itself.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.windows.host import Host

from .engine import LOGS
from .live_host import host_of, sweep
from .other_work import load

_COUNT = "while True: pass"
_SAMPLE_S = 0.05


class Used:
    """Processor seconds of the exe's processes, while it is looked."""

    def __init__(self) -> None:
        self._by_process: dict[tuple[int, float], float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Used:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def seconds(self) -> float:
        return sum(self._by_process.values())

    def _watch(self) -> None:
        while not self._over.wait(_SAMPLE_S):
            for process in psutil.process_iter():
                with suppress(psutil.Error):
                    if any("iocsweep.exe" in part for part in process.cmdline()[:2]):
                        times = process.cpu_times()
                        key = (process.pid, process.create_time())
                        self._by_process[key] = times.user + times.system


@contextmanager
def others(count: int) -> Iterator[None]:
    """So many programs that never rest."""
    started = [subprocess.Popen([sys.executable, "-c", _COUNT]) for _ in range(count)]
    try:
        yield
    finally:
        for one in started:
            one.kill()
            one.wait()


def measure(host: Host, runs: int) -> None:
    """In turn, beside as many others as there are processors."""
    sweep(host)
    count = os.cpu_count() or 1
    print(f"the default sweep beside {count} programs on {count} processors; {load()}")
    for options in [(), ("--nice",)] * runs:
        with others(count), Used() as used:
            start = time.perf_counter()
            code, report = sweep(host, *options)
            wall = time.perf_counter() - start
        rested = report.resources.paused_s
        print(
            f"  {' '.join(options) or 'without':8} {wall:6.1f} s, of them rested {rested:5.1f} s;"
            f" {used.seconds:5.1f} s of a processor: {used.seconds / wall:.0%} of one;"
            f" exit code {code}",
            flush=True,
        )


def main() -> None:
    """The bench by the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--samples", type=Path, default=LOGS.parent)
    options = parser.parse_args()
    with host_of(options.samples) as host:
        measure(host, options.runs)


if __name__ == "__main__":
    main()
