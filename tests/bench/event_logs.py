"""The event logs of three real hosts, by our own source and by a full parse.

``python -m tests.bench.event_logs [--runs N] [--logs DIR]``

Printed: reading alone; ``evtx`` giving every record as JSON and looking at none; the same and the
indicators looked for in each record, once in the text of its JSON (what they hold of text is
written as JSON writes it: the quickest way that is known), once in its values, decoded, as a tool
has to that asks for fields; our source, coverage and reach included, with one thread and with two.
By the built-in pack (nothing hits), and by a name that about one record in a thousand holds. A
parse looks for all texts at once, of an expression for what it begins with; our own rules settle
what it finds.

Each run is a process of its own, over files that were read before, and whatever is compiled was
compiled before its clock starts; the best of each counts. Behind the speed stands in how many
records something was found: ours may be more, since it sees records that a log no longer counts,
never fewer. ``peak``: the largest resident set.
"""

from __future__ import annotations

import argparse
import os
from functools import partial
from pathlib import Path

from .engine import CACHE, LOGS, ROOT, Best, in_turn, logs_of, measured

_FILES = """
import pathlib
paths = sorted(pathlib.Path(arguments['host']).rglob('*.evtx'))
"""
_INDICATORS = """
from agent.indicators import FileName
from agent.matching.matcher import Matcher
from agent.model.report import Strength
from agent.packs.built_in import built_in_packs
from agent.sources.logs.event_logs import EventLogs
indicators = [i for p in built_in_packs() for i in p.file.indicators if arguments['built_in']]
if arguments['name']:
    indicators.append(FileName(
        id='often', value=arguments['name'], strength=Strength.WEAK, reference=['r'], status='SRC'))
matcher = Matcher(indicators)
rules = matcher.records(EventLogs.markers)
rules.occurs(b''), rules.mentions(b''), rules.every_offset(b'')
"""
_READ = """
space = memoryview(bytearray(1 << 20))
def read(path):
    with open(path, 'rb', buffering=0) as file:
        while file.readinto(space):
            pass
read(paths[0])
start = time.perf_counter()
for path in paths:
    read(path)
told(time.perf_counter() - start, len(paths))
"""
_PARSE = """
import evtx
def records():
    for path in paths:
        try:
            yield from evtx.PyEvtxParser(str(path), skip_errors=True).records_json()
        except (OSError, RuntimeError):
            pass
start = time.perf_counter()
count = sum(1 for _ in records())
told(time.perf_counter() - start, count)
"""
_LOOK = """
import re
import evtx, msgspec
from agent.engine.patterns import patterns_of
from agent.indicators import FileHash, FilePath
from daachorse import DoubleArrayAhoCorasick
def literal(indicator):
    if isinstance(indicator, FileHash):
        yield indicator.value
    elif isinstance(indicator, FilePath):
        yield indicator.value.replace('/', '\\\\').rpartition('\\\\')[2]
    else:
        for pattern in patterns_of(indicator):
            yield pattern.text or begins(pattern.forms[0])
def begins(form):
    form = re.sub(r'\\\\x(..)', lambda found: chr(int(found[1], 16)), form)
    return re.search('[A-Za-z0-9$=:/.-]{4,}', form.removeprefix('/'))[0]
def written(text):
    text = text.lower()
    return (text if arguments['decoded'] else msgspec.json.encode(text).decode()[1:-1]).encode()
texts = {written(text) for indicator in indicators for text in literal(indicator)}
find = DoubleArrayAhoCorasick(sorted(texts)).find
decode = msgspec.json.Decoder().decode
def values(one, into):
    if isinstance(one, str):
        into.append(one)
    elif isinstance(one, (dict, list)):
        for inner in one.values() if isinstance(one, dict) else one:
            values(inner, into)
def plain(text):
    into = []
    values(decode(text), into)
    return '\\n'.join(into).encode('utf-8', 'surrogatepass')
def holds(text):
    data = plain(text) if arguments['decoded'] else text.encode('utf-8', 'surrogatepass')
    return bool(find(data.lower())) and bool(rules.mentions(plain(text)))
def records():
    for path in paths:
        try:
            yield from evtx.PyEvtxParser(str(path), skip_errors=True).records_json()
        except (OSError, RuntimeError):
            pass
start = time.perf_counter()
count = sum(holds(record['data']) for record in records())
told(time.perf_counter() - start, count)
"""
_OURS = """
from agent.coverage import Ledger
from agent.matching.own_traces import Own
from agent.sources.artefact_source import ArtefactSource
from agent.targets.offline.folder import FolderTarget
target = FolderTarget(arguments['host'], own=Own())
source = ArtefactSource(EventLogs(), threads=arguments['threads'])
ledger = Ledger(source.name, required=True)
start = time.perf_counter()
found = source.observe(target, matcher, ledger)
count = len({(seen.place.path, seen.place.record) for seen in found if matcher.match(seen)})
coverage = ledger.close()
took = time.perf_counter() - start
assert coverage.unread == 0 and coverage.reach is not None, coverage
told(took, count)
"""
_OFTEN = ("taskhostw.exe", "consent.exe", "wermgr.exe", "msiexec.exe", "dllhost.exe", "sc.exe", "whoami.exe",
          "rundll32.exe", "schtasks.exe", "conhost.exe", "mmc.exe", "wsmprovhost.exe")  # fmt: skip


def host_of(logs: Path) -> Path:
    """The logs as they lie on one host, under names that tell the three apart."""
    host = CACHE / "event-log-host"
    folder = host / "Windows" / "System32" / "winevt" / "Logs"
    if not folder.is_dir():
        folder.mkdir(parents=True)
        for number, path in enumerate(sorted(logs_of(logs).rglob("*.evtx"))):
            os.link(path, folder / f"{number:03} {path.name}")
    return host


class Bench:
    """One set of logs."""

    def __init__(self, logs: Path, runs: int) -> None:
        self.host, self.runs = host_of(logs), runs
        self.size = sum(path.stat().st_size for path in self.host.rglob("*.evtx"))
        self.records = 0

    def best(self, code: str, **arguments: object) -> Best:
        """Of several runs."""
        way = partial(measured, ROOT, _FILES + code, host=str(self.host), **arguments)
        return in_turn(self.runs, way=way)["way"]

    def told(self, what: str, run: Best, *against: Best) -> None:
        """One line; ``against``: how many times faster than these."""
        ratios = "".join(f"  {other.seconds / run.seconds:6.2f}x" for other in against)
        speed = self.size / run.seconds / 1e6
        print(
            f"  {what:44} {run.seconds:7.3f} s {speed:7,.0f} MB/s {_count(run):8,} {run.peak_mb:6.0f} MiB{ratios}"
        )

    def run(self) -> None:
        print(f"{self.size / 1e6:,.0f} MB of event logs; then seconds, speed, count, peak, and")
        print("  how many times faster than evtx's JSON alone, its text and its values looked at")
        self.told("reading alone", self.best(_READ))
        bare = self.best(_PARSE)
        self.told("evtx, every record as JSON", bare)
        for name in ("", self.often(_count(bare))):
            asked = {"built_in": True, "name": name}
            text, values = (
                self.best(_INDICATORS + _LOOK, decoded=decoded, **asked)
                for decoded in (False, True)
            )
            print(f"{name or 'built-in pack'}: in {_count(text):,} of {_count(bare):,} records")
            self.told("evtx, the text of its JSON looked at", text, bare)
            self.told("evtx, the values of its JSON looked at", values, bare)
            for threads in (1, 2):
                ours = self.best(_INDICATORS + _OURS, threads=threads, **asked)
                what = f"our source, {threads} thread{'s' * (threads > 1)}"
                self.told(what, ours, bare, text, values)
                if _count(ours) < max(_count(text), _count(values)):
                    raise SystemExit("our source finds less than a full parse")

    def often(self, records: int) -> str:
        """A name that is in about one record in a thousand."""
        counts = {}
        for name in _OFTEN:
            code = _FILES + _INDICATORS + _LOOK
            run = measured(
                ROOT, code, host=str(self.host), built_in=False, decoded=False, name=name
            )
            counts[name] = int(str(run.count))
        return min(counts, key=lambda name: abs(counts[name] - records / 1000))


def _count(run: Best) -> int:
    return int(str(run.count))


def main() -> None:
    """The bench by the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--logs", type=Path, default=LOGS)
    arguments = parser.parse_args()
    Bench(arguments.logs, arguments.runs).run()


if __name__ == "__main__":
    main()
