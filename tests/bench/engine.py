"""The scan engine beside an earlier build, bare engines and a full parse, in one run.

    python -m tests.bench.engine [--parts logs,packs,mft,thorough,rules,start] [--runs 5]
                                 [--against 965b161] [--logs DIR] [--exes OLD NEW]

``logs``: the built-in pack over real event logs, read before. ``packs``: 1 to 4,000 names and hashes
over the same logs, beside what ``evtx`` needs to give the records as JSON. ``mft``: the byte scan of a
synthetic $MFT alone, and the whole sweep of it. ``thorough``: every file of a tree, of sizes as on a
system drive and of small ones, with the built-in pack and with hashes alone. ``rules``: 500 rules of
the operator's with the guard and with the engine in this process. ``start``: ``--version``, from
source and, with ``--exes``, of two exes under Wine.

Each run is a process of its own; both builds in turn, the best of each counts (start-up of Python and
compiling left out). The earlier build is taken out of the repository into ``.cache/``. Trees and images
are made once and kept there too, 11 GB together. ``peak``: the largest resident set.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import random
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.files import SMALL, make_tree
from tests.bench.hashing import SYSTEM_DRIVE
from tests.bench.ntfs import synthetic_volume
from tests.bench.other_work import load

if TYPE_CHECKING:
    from agent.engine.guard import ScanAnswer
    from agent.engine.rule_answers import Content, Externals
    from agent.matching.own_rules import OwnRules

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "bench"
LOGS = ROOT.parent / "shared" / "samples" / "evtx-hosts"
FILES, RECORDS, RULES = 60_000, 1_000_000, 500
PACKS = (1, 2, 4, 8, 16, 32, 64, 125, 250, 500, 1_000, 2_000, 4_000)
TIMES_OVER = 3
_START = """
import json, resource, sys, time
# What only the other build has must not come from the checkout that the environment was made for.
sys.meta_path[:] = [f for f in sys.meta_path if not getattr(f, '__module__', '').startswith('__editable__')]
sys.path.insert(0, {root!r})
arguments = json.loads(sys.argv[1])
def told(seconds, count):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(json.dumps([seconds, count, max(peak, child)]))
"""
_READ_LOGS = """
import pathlib
logs = [p.read_bytes() for p in sorted(pathlib.Path(arguments['logs']).rglob('*.evtx'))] * arguments['times']
"""
_BUILT_IN = """
from agent.matching.byte_rules import ByteRules
from agent.packs.built_in import built_in_packs
indicators = [i for pack in built_in_packs() for i in pack.file.indicators]
"""
_SCAN_LOGS = """
rules = ByteRules(indicators)
start = time.perf_counter()
count = sum(len(rules.scan(data)) for data in logs)
told(time.perf_counter() - start, count)
"""
_MADE_UP = """
import hashlib
from agent.matching.byte_rules import ByteRules
from agent.indicators import Content, FileName
from agent.model.report import Strength
def made_up(number):
    kept = {'id': f'i{number}', 'strength': Strength.STRONG, 'reference': ['r'], 'status': 'SRC'}
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    if number % 2:
        return Content(value=digest[:40] if number % 4 == 1 else digest, **kept)
    return FileName(value=f'{digest[:6 + number % 9]}{number}.{("exe", "dll", "ps1", "zip")[number // 2 % 4]}', **kept)
indicators = [made_up(number) for number in range(arguments['count'])]
"""
_BARE = {
    "YARA-X": """
import yara_x
from tests.bench.engine import bare_source
scanner = yara_x.Scanner(yara_x.compile(bare_source()))
look = lambda data: len(scanner.scan(data).matching_rules)
""",
    "yara-python": """
import yara
from tests.bench.engine import bare_source
rules = yara.compile(source=bare_source())
look = lambda data: len(rules.match(data=data))
""",
    "evtx, records as JSON": """
import io, evtx
def look(data):
    try:
        return sum(1 for _ in evtx.PyEvtxParser(io.BytesIO(data)).records_json())
    except (OSError, RuntimeError):
        return 0
""",
}
_LOOK_AT_LOGS = """
start = time.perf_counter()
count = sum(look(data) for data in logs)
told(time.perf_counter() - start, count)
"""
_MFT = """
from tests.bench.ntfs import source_of, wanted
from agent.ntfs import MftScan, Volume
from agent.ntfs.patterns import least_patterns, name_patterns, size_patterns, stream_patterns
looked_for = wanted('all')
patterns = [
    {'names': name_patterns(looked_for.names, looked_for.pieces),
     'sizes': size_patterns(looked_for.selection.exact_sizes, 1024)},
    {'least': least_patterns(looked_for.selection.least_size), 'streams': stream_patterns()},
]
"""
_MFT_BYTES = """
try:
    from agent.engine.scanner import PatternScanner, scanned_ahead
    scanner = PatternScanner(patterns[0] | patterns[1])
    def look(pieces):
        if arguments['cores'] == 2:
            found = (ask() for _, ask in scanned_ahead(scanner, ((None, data) for data in pieces)))
        else:
            found = map(scanner.scan, pieces)
        return sum(len(one.places) for each in found for one in each)
except ImportError:
    from agent.ntfs.racing import RacingScanner
    scanners = [RacingScanner(one) for one in patterns]
    look = lambda pieces: sum(len(scanner.scan(data)) for data in pieces for scanner in scanners)
pieces = [bytes(buffer.data) for buffer in Volume(source_of(arguments['image'])).mft()]
start = time.perf_counter()
count = look(pieces)
told(time.perf_counter() - start, count)
"""
_MFT_SWEEP = """
source = source_of(arguments['image'])
start = time.perf_counter()
count = sum(1 for _ in MftScan(Volume(source), looked_for).hits())
told(time.perf_counter() - start, count)
"""
_THOROUGH = """
from agent.coverage import Ledger
from agent.matching.own_traces import Own
from agent.sources.files.source import FilesSource
from agent.targets.offline.folder import FolderTarget
from tests.evidence.packs import campaign
matcher = campaign(thorough=True)
"""
_HASHES = """
import hashlib
from tests.bench.hashing import Known
digests = tuple(hashlib.sha256(str(n).encode()).hexdigest() for n in range(40))
matcher = Known(('sha256',), digests).matcher(gated=False)
"""
_SWEEP_TREE = """
from agent.coverage import Ledger
from agent.matching.own_traces import Own
from agent.sources.files.source import FilesSource
from agent.targets.offline.folder import FolderTarget
ledger = Ledger('files', required=True)
start = time.perf_counter()
count = sum(1 for seen in FilesSource().observe(FolderTarget(arguments['tree'], own=Own()), matcher, ledger) if matcher.match(seen))
told(time.perf_counter() - start, (count, ledger.examined))
"""
_RULES = """
from pathlib import Path
from agent.matching.own_rules import OwnRules
from agent.packs.built_in import built_in_packs, matcher_of
own = OwnRules([Path(arguments['rules'])], timeout_s=10.0)
if not arguments['guarded']:
    from tests.bench.engine import in_this_process
    in_this_process(own)
own.scan(b'ready', '')
matcher = matcher_of(built_in_packs(), own)
"""


_THEN = {
    "agent.matching.byte_rules": "agent.byte_rules",
    "agent.matching.own_traces": "agent.own",
    "agent.model.report": "agent.model",
    "agent.packs.built_in": "agent.packs",
    "agent.sources.files.source": "agent.sources.files",
    "agent.targets.offline.folder": "agent.targets.folder",
    "tests.evidence.packs": "tests.sweeping",
}


@dataclass(frozen=True)
class Run:
    """What one process measured."""

    seconds: float
    count: object
    peak_mb: float


@dataclass
class Best:
    """The quickest of several runs of one way."""

    runs: list[Run] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return min(run.seconds for run in self.runs)

    @property
    def peak_mb(self) -> float:
        return max(run.peak_mb for run in self.runs)

    @property
    def count(self) -> object:
        return self.runs[0].count


def measured(root: Path, code: str, **arguments: object) -> Run:
    """One run of a piece of Python with a checkout's own ``agent``."""
    done = subprocess.run(
        [sys.executable, "-c", _START.format(root=str(root)) + code, json.dumps(arguments)],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{root}: {done.stderr[-2000:]}")
    return Run(*json.loads(done.stdout.splitlines()[-1]))


def as_then(code: str) -> str:
    """The same with the names that modules had before they were put into folders."""
    for now, then in _THEN.items():
        code = code.replace(f"from {now} import", f"from {then} import")
    return code


def in_turn(runs: int, **ways: Callable[[], Run]) -> dict[str, Best]:
    """Each way so many times, one after the other."""
    best = {name: Best() for name in ways}
    for _ in range(runs):
        for name, way in ways.items():
            best[name].runs.append(way())
    return best


def bare_source() -> str:
    """The built-in pack as one rule set, a rule an indicator."""
    from agent.engine.patterns import patterns_of
    from agent.packs.built_in import built_in_packs

    rules = []
    indicators = [i for pack in built_in_packs() for i in pack.file.indicators]
    for number, indicator in enumerate(indicators):
        forms = [form for pattern in patterns_of(indicator) for form in pattern.forms]
        if forms:
            strings = "\n".join(f"$p{n} = {form}" for n, form in enumerate(forms))
            rules.append(f"rule i{number} {{ strings: {strings} condition: any of them }}")
    return "\n".join(rules)


def in_this_process(own: OwnRules) -> None:
    """Own rules without their guard, for comparison."""
    import boreal

    from agent.engine.externals import EXTERNALS
    from agent.engine.guard import RuleMatch, ScanAnswer

    scanner = boreal.compile(sources=dict(own._sources), externals=dict(EXTERNALS))
    scanner.set_params(string_max_nb_matches=1_000_000)

    class Unguarded:
        notes = ()

        def scan_many(self, contents: Sequence[Content]) -> list[ScanAnswer]:
            return [self.scan(*content) for content in contents]

        def scan(self, data: bytes | memoryview, externals: Externals) -> ScanAnswer:
            found = scanner.match(
                data=bytes(data), externals=dict(externals), fast=False, max_match_data=0
            )
            matches = []
            for rule in found:
                places = [(i.offset, i.matched_length) for s in rule.strings for i in s.instances]
                matches.append(
                    RuleMatch(f"{rule.namespace}:{rule.rule}", *min(places, default=(0, 0)))
                )
            return ScanAnswer(matches, ())

        def close(self) -> None:
            pass

    setattr(own, "_guard", Unguarded())  # noqa: B010 (another type, to mypy)


def rules_file(count: int) -> Path:
    """Rules of the shapes that public rule sets have."""
    chance = random.Random(2018)
    path = CACHE / f"rules-{count}.yar"
    rules = []
    for number in range(count):
        words = [
            "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(6, 14)))
            for _ in range(5)
        ]
        rules.append(
            f'rule made_{number} {{ meta: score = 75 strings: $x1 = "{words[0]}.{words[1]}" ascii wide'
            f' $s1 = "{words[2]} {words[3]}" fullword ascii $s2 = "{words[4]}" wide'
            f" $h1 = {{ {chance.randbytes(6).hex(' ')} ?? {chance.randbytes(4).hex(' ')} }}"
            f" condition: filesize < 5MB and ( $x1 or ( uint16(0) == 0x5a4d and 2 of them ) ) }}"
        )  # fmt: skip
    path.write_text("\n".join(rules))
    return path


def earlier_build(revision: str) -> Path:
    """The repository's files at a revision, in the cache."""
    folder = CACHE / revision
    if not folder.exists():
        packed = subprocess.run(
            ["git", "-C", str(ROOT), "archive", revision], capture_output=True, check=True
        )
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
            archive.extractall(folder, filter="data")
    return folder


def logs_of(folder: Path) -> Path:
    """Unpacked event logs; where archives lie, theirs, unpacked into the cache."""
    archives = sorted(folder.glob("*.7z"))
    if not archives:
        return folder
    place = CACHE / "logs"
    for archive in archives:
        if not (place / archive.stem).exists():
            command = ["7z", "x", "-y", f"-o{place / archive.stem}", str(archive)]
            subprocess.run(command, check=True, capture_output=True)
    return place


def tree_of(name: str) -> Path:
    place = CACHE / f"tree-{name}"
    if not (place / "made").exists():
        place.mkdir(parents=True, exist_ok=True)
        (place / "files").mkdir()
        make_tree(place / "files", FILES, {"small": SMALL, "drive": SYSTEM_DRIVE}[name])
        (place / "made").touch()
    return place / "files"


@dataclass
class Bench:
    """This build against another one."""

    then: Path
    runs: int
    logs: Path

    def both(self, code: str, **arguments: object) -> dict[str, Best]:
        return in_turn(
            self.runs,
            now=lambda: measured(ROOT, code, **arguments),
            then=lambda: measured(self.then, as_then(code), **arguments),
        )

    def compare(self, what: str, code: str, **arguments: object) -> None:
        best = self.both(code, **arguments)
        now, then = best["now"], best["then"]
        if now.count != then.count:
            print(f"  they differ: {now.count} now, {then.count} then")
        print(
            f"{what:48} now {now.seconds:8.3f} s  then {then.seconds:8.3f} s"
            f"  {then.seconds / now.seconds:6.2f}x   peak {now.peak_mb:.0f} / {then.peak_mb:.0f} MB",
            flush=True,
        )

    def of_logs(self) -> None:
        self.compare(
            "built-in pack over event logs", _READ_LOGS + _BUILT_IN + _SCAN_LOGS,
            logs=str(logs_of(self.logs)), times=TIMES_OVER,
        )  # fmt: skip
        size = sum(p.stat().st_size for p in logs_of(self.logs).rglob("*.evtx")) * TIMES_OVER
        for name, code in _BARE.items():
            if importlib.util.find_spec(
                {"YARA-X": "yara_x", "yara-python": "yara"}.get(name, "evtx")
            ):
                best = in_turn(self.runs, way=partial(self._over_logs, code, TIMES_OVER))
                print(
                    f"  {name:46} {best['way'].seconds:8.3f} s  {size / best['way'].seconds / 1e6:8,.0f} MB/s"
                )

    def _over_logs(self, code: str, times: int, **arguments: object) -> Run:
        logs = str(logs_of(self.logs))
        return measured(
            ROOT, _READ_LOGS + code + _LOOK_AT_LOGS, logs=logs, times=times, **arguments
        )

    def of_packs(self) -> None:
        size = sum(p.stat().st_size for p in logs_of(self.logs).rglob("*.evtx"))
        bare = in_turn(self.runs, way=lambda: self._over_logs(_BARE["evtx, records as JSON"], 1))[
            "way"
        ]
        print(f"evtx, records as JSON: {size / bare.seconds / 1e6:,.0f} MB/s")
        code = (
            _MADE_UP + "rules = ByteRules(indicators)\nlook = lambda data: len(rules.scan(data))\n"
        )
        before = None
        for count in PACKS:
            best = in_turn(self.runs, way=partial(self._over_logs, code, 1, count=count))["way"]
            speed = size / best.seconds / 1e6
            more = "" if before is None else f"  {speed / before:5.2f}x of the pack before"
            print(
                f"  {count:6,} names and hashes {speed:8,.0f} MB/s  {bare.seconds / best.seconds:6.2f}x evtx{more}",
                flush=True,
            )
            before = speed

    def of_mft(self) -> None:
        image = str(synthetic_volume(RECORDS))
        for cores in (1, 2):
            what = f"the $MFT's byte scan alone, now by {cores} thread{'s' * (cores > 1)}"
            self.compare(what, _MFT + _MFT_BYTES, image=image, cores=cores)
        self.compare("the whole sweep of the $MFT", _MFT + _MFT_SWEEP, image=image)

    def of_trees(self) -> None:
        for name in ("small", "drive"):
            tree = str(tree_of(name))
            for path in Path(tree).rglob("*"):
                if path.is_file():
                    path.read_bytes()
            self.compare(f"--thorough, built-in pack, {name}", _THOROUGH + _SWEEP_TREE, tree=tree)
            self.compare(f"--thorough, hashes alone, {name}", _HASHES + _SWEEP_TREE, tree=tree)

    def of_rules(self) -> None:
        rules = str(rules_file(RULES))
        for name in ("small", "drive"):
            tree = str(tree_of(name))
            ways = {
                how: lambda how=how, tree=tree: measured(
                    ROOT, _RULES + _SWEEP_TREE, tree=tree, rules=rules, guarded=how == "guarded"
                )
                for how in ("guarded", "without")
            }
            best = in_turn(self.runs, **ways)
            guarded, without = best["guarded"], best["without"]
            print(
                f"{RULES} own rules, {name:30} guarded {guarded.seconds:8.3f} s  without"
                f" {without.seconds:8.3f} s  {guarded.seconds / without.seconds:6.2f}x", flush=True
            )  # fmt: skip

    def of_start(self, exes: Sequence[str]) -> None:
        version = "import subprocess\nstart = time.perf_counter()\nsubprocess.run([sys.executable, '-m', 'agent', '--version'], check=True, capture_output=True)\ntold(time.perf_counter() - start, 0)"
        self.compare("start-up from source (--version)", version)
        if exes:
            ways = {
                Path(exe).parent.parent.name + str(n): lambda exe=exe: _exe_start(exe)
                for n, exe in enumerate(exes)
            }
            best = list(in_turn(self.runs, **ways).values())
            sizes = [Path(exe).stat().st_size for exe in exes]
            print(
                f"exe: {sizes[0]:,} and {sizes[1]:,} bytes, starts in {best[0].seconds:.3f} and"
                f" {best[1].seconds:.3f} s, {best[0].seconds / best[1].seconds:.2f}x"
            )


def _exe_start(exe: str) -> Run:
    sys.path.insert(0, str(ROOT / "build" / "wine"))
    import time

    from lab import Lab

    lab = Lab.make(None)
    start = time.perf_counter()
    lab.run_exe(Path(exe), ["--version"], env={}, timeout=120)
    return Run(time.perf_counter() - start, 0, 0)


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", default="logs,packs,mft,thorough,rules,start")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--against", default="965b161", metavar="REVISION")
    parser.add_argument("--logs", type=Path, default=LOGS)
    parser.add_argument("--exes", nargs=2, default=[], metavar=("OLD", "NEW"))
    options = parser.parse_args(list(arguments) if arguments is not None else None)
    CACHE.mkdir(parents=True, exist_ok=True)
    bench = Bench(earlier_build(options.against), options.runs, options.logs)
    print(load())
    ways: dict[str, Callable[[], None]] = {
        "logs": bench.of_logs, "packs": bench.of_packs, "mft": bench.of_mft,
        "thorough": bench.of_trees, "rules": bench.of_rules,
        "start": lambda: bench.of_start(options.exes),
    }  # fmt: skip
    for part in options.parts.split(","):
        ways[part]()
    print(load())


if __name__ == "__main__":
    main()
