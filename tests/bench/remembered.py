"""What a host remembers: how long it takes to look at it, and how much memory.

``python -m tests.bench.remembered [--parts logs,hives,host,big] [--runs N] [--samples DIR]``

``logs``: the event logs of three real hosts, reach and ``remembered`` included, with one thread and
with two, against reading alone, ``evtx`` giving every record as JSON, a full parse that looks for
the same, and python-evtx. ``hives``: seven real ones with their logs against libregf walking their
keys and values. ``host``: all that lies in files of a made host (``made_host.py``) when nothing
hits, against a plain loop that reads each of these files into one reused buffer; then its parts.
``big``: the largest resident set for one file of 200 or 300 MB, by the source that reads it, once
when nothing hits and once when its end does.

Each run is a process of its own, over files that were read before; ratios are of the best of each,
by the clock and in processor time. The clock of ``host`` begins when packs are loaded and holds
everything behind: modules, rules, the search for the files, the reach, what ``clean`` is worth. Of
``logs`` and ``hives`` nobody's clock holds modules and rules; what those cost is a line of its own.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from .engine import CACHE, LOGS, ROOT, Best, Run, in_turn, logs_of, measured
from .event_logs import _FILES, _INDICATORS, _LOOK, _PARSE, _READ, host_of
from .made_host import NAME, big_files, made_host, seven_hives

SAMPLES = LOGS.parent
_CLOCK = """
import os, threading
class Clock:
    def __init__(self):
        self.wall, self.cpu = time.perf_counter(), time.process_time()
    def so_far(self):
        return time.perf_counter() - self.wall, time.process_time() - self.cpu
def peak():
    # What getrusage tells may be of the program that started this one.
    with open('/proc/self/status') as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith('VmHWM'))
"""
_LOOP = (
    _CLOCK
    + """
paths = [os.path.join(top, name) for top, _, names in os.walk(arguments['host']) for name in names]
space = memoryview(bytearray(1 << 20))
def read(path):
    with open(path, 'rb', buffering=0) as file:
        while file.readinto(space):
            pass
for _ in range(2):
    clock = Clock()
    for path in paths:
        read(path)
wall, cpu = clock.so_far()
told(wall, {'cpu': cpu, 'peak': peak(), 'parts': {}})
"""
)
_PACKS = (
    _CLOCK
    + """
from agent.packs.built_in import built_in_packs
from agent.matching.matcher import Matcher
matcher = Matcher([i for p in built_in_packs() for i in p.file.indicators])
"""
)
_MODULES = """
from agent.coverage import Ledger
from agent.matching.own_traces import Own
from agent.model.host_facts import HostFacts
from agent.model.report import State
from agent.sources.artefact_source import ArtefactSource
from agent.sources.catalog import CATALOG, Setup
from agent.sweep.remembered import remembered_of
from agent.targets.offline.folder import FolderTarget
"""
_RULES = """
from agent.sources.logs.event_logs import EventLogs
rules = matcher.records(EventLogs.markers)
rules.occurs(b''), rules.mentions(b''), rules.every_offset(b'')
"""
_START = "clock = Clock()\n"
_LOOK_AT_ALL = """
target = FolderTarget(arguments['host'], own=Own())
facts, coverages, parts, found = HostFacts(), [], {}, 0
for entry in CATALOG:
    if arguments['only'] and entry.name not in arguments['only']:
        continue
    part = Clock()
    source = entry.make(Setup(64 << 20, lambda _: None))
    if not isinstance(source, ArtefactSource):
        continue
    source.threads = arguments['threads']
    ledger = Ledger(source.name, required=True, facts=facts)
    found += sum(bool(matcher.match(seen)) for seen in source.observe(target, matcher, ledger))
    coverages.append(ledger.close())
    parts[source.name] = (*part.so_far(), coverages[-1].examined)
remembered = remembered_of(coverages, facts)
wall, cpu = clock.so_far()
print(*(f'{one.source}: {r.reason} ({r.samples})' for one in coverages for r in one.reasons), sep='\\n', file=sys.stderr)
told(wall, {'cpu': cpu, 'peak': peak(), 'parts': parts, 'found': found, 'states': [c.state.value for c in coverages]})
"""
_SWEEP = _PACKS + _START + _MODULES + _LOOK_AT_ALL
_WARM_SWEEP = _PACKS + _MODULES + _RULES + _START + _LOOK_AT_ALL
_WALK_HIVES = (
    _CLOCK
    + """
import pyregf
def walk(key):
    for at in range(key.number_of_values):
        value = key.get_value(at)
        value.name, value.type
        try:
            value.data
        except OSError:
            pass
    return 1 + sum(walk(key.get_sub_key(at)) for at in range(key.number_of_sub_keys))
sys.setrecursionlimit(10_000)
clock, keys = Clock(), 0
for path in arguments['hives']:
    file = pyregf.file()
    try:
        file.open(path)
        keys += walk(file.get_root_key())
    finally:
        file.close()
wall, cpu = clock.so_far()
told(wall, {'cpu': cpu, 'peak': peak(), 'parts': {}, 'found': keys})
"""
)
_LOOK_AT_HIVES = (
    _INDICATORS.replace("EventLogs.markers", "Hives.markers, turned=True").replace(
        "logs.event_logs import EventLogs", "registry.hives import Hives"
    )
    + _CLOCK
    + """
rules.marked(b'')
from agent.coverage import Ledger
from agent.matching.own_traces import Own
from agent.sources.artefact_source import ArtefactSource
from agent.targets.offline.folder import FolderTarget
source = ArtefactSource(Hives(), threads=arguments['threads'])
ledger = Ledger(source.name, required=True)
clock = Clock()
found = list(source.observe(FolderTarget(arguments['host'], own=Own()), matcher, ledger))
wall, cpu = clock.so_far()
told(wall, {'cpu': cpu, 'peak': peak(), 'parts': {}, 'found': ledger.close().examined})
"""
)
_PYTHON_EVTX = """
import struct
from Evtx.Evtx import Evtx
paths = [path for path in paths if path.stat().st_size < 2 << 20][::20]
start = time.perf_counter()
for path in paths:
    with Evtx(str(path)) as log:
        try:
            for record in log.records():
                record.xml()
        except (KeyError, ValueError, IndexError, RuntimeError, struct.error, AttributeError):
            pass  # Some records are beyond it.
count = sum(path.stat().st_size for path in paths)
told(time.perf_counter() - start, count)
"""


def timed(code: str) -> str:
    """A way of ``event_logs.py``, its processor time and peak told too."""
    code = code.replace("start = time.perf_counter()", "clock = Clock(); start = clock.wall")
    told = "{'cpu': clock.so_far()[1], 'peak': peak(), 'parts': {}, 'found': "
    for what in ("count", "len(paths)"):
        code = code.replace(f"- start, {what})", f"- start, {told}{what}}})")
    return _FILES + _CLOCK + code


class Told(NamedTuple):
    """The best of several runs."""

    wall: float
    cpu: float
    peak_mb: float
    parts: dict[str, tuple[float, float, int]]

    def times(self, factor: float) -> Told:
        """Of so many times the work."""
        return self._replace(wall=self.wall * factor, cpu=self.cpu * factor)


def best_of(best: Best) -> Told:
    """By the clock, and in processor time, of whichever run."""
    quickest = min(best.runs, key=lambda run: run.seconds)
    counts = [run.count for run in best.runs if isinstance(run.count, dict)]
    cpu = min((count["cpu"] for count in counts), default=best.seconds)
    peak = max((count["peak"] for count in counts), default=best.peak_mb)
    parts = quickest.count["parts"] if isinstance(quickest.count, dict) else {}
    return Told(best.seconds, cpu, peak, parts)


def line(what: str, told: Told, *against: Told) -> None:
    """Seconds by the clock and of the processors, the peak, and how many times as long as these, by
    the clock and in processor time."""
    ratios = "".join(
        f"  {told.wall / other.wall:6.2f}x {told.cpu / other.cpu:6.2f}x cpu" for other in against
    )
    print(
        f"  {what:62} {told.wall:8.3f} s {told.cpu:8.3f} s cpu {told.peak_mb:6.0f} MiB{ratios}",
        flush=True,
    )


class Bench:
    """Everything, in one run."""

    def __init__(self, samples: Path, runs: int) -> None:
        self.samples, self.runs = samples, runs

    def best(self, code: str, **arguments: object) -> Told:
        """Of several runs of one way."""
        way: Callable[[], Run] = partial(measured, ROOT, code, **arguments)
        return best_of(in_turn(self.runs, way=way)["way"])

    def logs(self) -> None:
        """Three hosts' event logs."""
        host = str(host_of(self.samples / "evtx-hosts"))
        size = sum(path.stat().st_size for path in Path(host).rglob("*.evtx"))
        full = timed(_INDICATORS + _LOOK)
        print("event logs of three hosts; the last columns: in times of the warm read")
        read = self.best(timed(_READ), host=host)
        line("reading alone", read)
        slow = measured(ROOT, timed(_PYTHON_EVTX), host=host)
        bytes_of_it = slow.count["found"] if isinstance(slow.count, dict) else size
        others = {
            "evtx, every record as JSON": self.best(timed(_PARSE), host=host),
            "a full parse that looks for the same": self.best(
                full, host=host, decoded=False, built_in=True, name=""
            ),
            "python-evtx, by its speed over a part": best_of(Best([slow])).times(
                size / bytes_of_it
            ),
        }
        for threads in (1, 2):
            asked = {"host": host, "only": ["event_logs"], "threads": threads}
            ours = self.best(_WARM_SWEEP, **asked)
            line(f"our source, threads: {threads}", ours, read)
            for what, other in others.items():
                line(f"  as many times quicker: {what}", other, ours)
            line("  with its modules and rules", self.best(_SWEEP, **asked), read)

    def hives(self) -> None:
        """Seven hives with their logs."""
        place = CACHE / "seven-hives"
        for name, data in seven_hives(self.samples).items():
            path = place.joinpath(*name.split("\\"))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        hives = [
            str(path) for path in place.rglob("*") if path.is_file() and ".LOG" not in path.name
        ]
        print("seven hives with logs")
        walk = self.best(_WALK_HIVES, hives=hives)
        line("libregf, every key and value", walk)
        for threads in (1, 2):
            ours = self.best(
                _LOOK_AT_HIVES, host=str(place), threads=threads, built_in=True, name=""
            )
            line(f"our source, threads: {threads}", ours)
            line("  as many times quicker: libregf", walk, ours)

    def host(self) -> None:
        """All that lies in files of a made host."""
        logs = logs_of(self.samples / "evtx-hosts")
        host = str(made_host(CACHE / NAME, self.samples, logs))
        loop = self.best(_LOOP, host=host)
        print("a made host when nothing hits; the last column: in times of the plain loop")
        line("a plain loop that reads each file", loop)
        for threads in (1, 2):
            ours = self.best(_SWEEP, host=host, only=[], threads=threads)
            line(f"all sources of files, {threads} thread{'s' * (threads > 1)}", ours, loop)
            for name, (wall, cpu, count) in sorted(ours.parts.items(), key=lambda one: -one[1][0]):
                print(f"    {name:30} {count:8,} {1000 * wall:9.1f} ms {1000 * cpu:9.1f} ms cpu")

    def big(self) -> None:
        """One large file a host."""
        place = CACHE / "remembered-big"
        for word in ("", "cyzfc.dat"):
            print(f"one large file, {'hit at its end' if word else 'nothing hits'}")
            for source, host in big_files(place, word):
                once = partial(measured, ROOT, _SWEEP, host=str(host), only=[source], threads=2)
                line(source, best_of(in_turn(1, way=once)["way"]))


def main() -> None:
    """The bench by the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--parts", default="logs,hives,host,big")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--samples", type=Path, default=SAMPLES)
    arguments = parser.parse_args()
    # Modules are compiled before the clock starts, as they are in the exe.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(CACHE / "compiled")
    bench = Bench(arguments.samples, arguments.runs)
    for part in arguments.parts.split(","):
        getattr(bench, part)()


if __name__ == "__main__":
    main()
