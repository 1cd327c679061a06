"""Hashing every file against the time that two cores need for the bytes alone, in one run.

    python -m tests.bench.hashing [--files 20000] [--small-files 60000] [--large-files 400]

Three trees in a temporary folder, gone afterwards (3 GB at most): one with sizes like those of a
Windows system drive (mean 150 kB, some files of tens of MB), one of small files (``files.py``), one
of large files, whose bytes are all that counts. In each lie three files whose hashes are in the list
that every way is given; a way that does not find exactly these ends the run.

The bound: as many bytes as the tree has, hashed by two processes from memory, no file touched. What
opening and reading the files adds to it, whoever does it, is shown by two processes that do no more.
iocsweep runs as it does for a pack of hashes without a size: ``--thorough``, which also scans the
bytes; and, with hashes that say ``min_size: 1``, by its gates. hashdeep and md5deep compare with a
list too (``-m``), with two threads. The way of cisagov's ioc-scanner: one file after the other, 4
KiB at a time, always all three algorithms, each digest searched with one regular expression.

Best of ``--runs``, and of up to ``--patience`` more while other programs took more than a tenth of a
core (``other``). Cold: the system's cache is emptied before each run. ``/bound`` is the ratio to the
bound by the clock, ``cpu`` the same by processor time: what a way cannot get below on two cores,
and what holds on a busy machine too. Memory: the largest resident set of a process of its own.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import multiprocessing
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.coverage import Ledger
from agent.indicators import FileHash, Gate
from agent.matching.matcher import Matcher
from agent.matching.own_traces import Own
from agent.model.report import Strength
from agent.reading.hashing import Algorithm, algorithm_of
from agent.sources.files.source import FilesSource
from agent.targets.offline.folder import FolderTarget
from agent.targets.offline.image import ImageTarget
from tests.bench.files import SMALL, Sizes, drop_caches, make_tree
from tests.bench.other_work import Measured, Taken, best_of, load

SYSTEM_DRIVE = Sizes(8_000, 2.42, 60 << 20)
"""Half below 8 kB, one in seven hundred above 10 MB; all below the default --max-file-size."""
LARGE = Sizes(3_000_000, 0.5, 16 << 20)
CORES = 2
ALL: tuple[Algorithm, ...] = ("md5", "sha1", "sha256")
PIECE = 1 << 20
PIECE_OF_CISAGOV = 4096
BLOCK = 192 << 20
"""Bytes that the bound is measured with, over and over: more than fit into a processor's cache."""
_PLANTED = (300_000, 5_000_000, 700)
"""Sizes of the files that are found."""
_HASHDEEP_ERRORS = 64
"""Lower bits of its exit status say whether everything matched (manual, RETURN VALUE)."""
_MEMORY = """
import resource, sys
from tests.bench import hashing

folder, listed, how = sys.argv[1:]
hashing.Known.read(listed).sweeping(gated=how == 'gated')(folder)
line = next(x for x in open('/proc/self/status') if x.startswith('VmHWM'))
print(int(line.split()[1]) / 1024, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
"""

_SPACE = memoryview(bytearray(PIECE))

Way = Callable[[str], int]
"""Is given the tree; gives how many files it recognised."""


@dataclass(frozen=True)
class Known:
    """The hashes that are looked for, all of some algorithms."""

    algorithms: tuple[Algorithm, ...]
    digests: tuple[str, ...]

    @classmethod
    def read(cls, path: str) -> Known:
        digests = tuple(Path(path).read_text().split())
        found = {algorithm_of(digest) for digest in digests}
        return cls(tuple(a for a in ALL if a in found), digests)

    def write(self, path: Path) -> None:
        path.write_text("\n".join(self.digests) + "\n")

    def matcher(self, *, gated: bool) -> Matcher:
        """``gated``: by hashes of files of any size; otherwise ``--thorough``."""
        indicators = [
            FileHash(
                id=f"hash-{number}",
                strength=Strength.CONFIRMED,
                reference=["bench"],
                status="SRC",
                value=digest,
                gate=Gate(min_size=1) if gated else Gate(),
            )
            for number, digest in enumerate(self.digests)
        ]
        return Matcher(indicators, thorough=not gated)

    def sweeping(
        self, *, gated: bool, target: type[FolderTarget | ImageTarget] = FolderTarget
    ) -> Way:
        """iocsweep's files source, and the comparing of what it yields."""

        def sweep(place: str) -> int:
            matcher = self.matcher(gated=gated)
            ledger = Ledger("files", required=True)
            seen = FilesSource().observe(target(place, own=Own()), matcher, ledger)
            return sum(1 for found in seen if matcher.match(found))

        return sweep


# The others.


def files_of(folder: str) -> Iterator[str]:
    for path, _, names in os.walk(folder):
        for name in names:
            yield os.path.join(path, name)


def reading(folder: str) -> int:
    """Every file's bytes, one process, nothing done with them."""
    space = memoryview(bytearray(PIECE))
    for path in files_of(folder):
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - a Path for each costs time
            while file.readinto(space):
                pass
    return 0


def one_process(known: Known) -> Way:
    """What hashlib gives without a second core, 1 MiB at a time."""
    digests = frozenset(known.digests)

    def run(folder: str) -> int:
        count = 0
        for path in files_of(folder):
            count += not digests.isdisjoint(_digests(path, known.algorithms, PIECE))
        return count

    return run


def bare(known: Known) -> Way:
    """Two processes that open, read and hash every file, and do nothing else."""
    digests = frozenset(known.digests)

    def run(folder: str) -> int:
        with multiprocessing.get_context("fork").Pool(CORES) as pool:
            found = pool.imap_unordered(
                functools.partial(_bare_digests, known.algorithms), files_of(folder), chunksize=32
            )
            return sum(not digests.isdisjoint(values) for values in found)

    return run


def _bare_digests(algorithms: Sequence[Algorithm], path: str) -> list[str]:
    states = [hashlib.new(name, usedforsecurity=False) for name in algorithms]
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - as above
        while count := file.readinto(_SPACE):
            for state in states:
                state.update(_SPACE[:count])
    return [state.hexdigest() for state in states]


def as_cisagov(known: Known) -> Way:
    """The work that cisagov's ioc-scanner does, whatever the list asks for."""
    any_of_them = re.compile("|".join(known.digests))

    def run(folder: str) -> int:
        count = 0
        for path in files_of(folder):
            count += any(
                any_of_them.search(digest) for digest in _digests(path, ALL, PIECE_OF_CISAGOV)
            )
        return count

    return run


def _digests(path: str, algorithms: Sequence[Algorithm], piece: int) -> list[str]:
    states = [hashlib.new(name, usedforsecurity=False) for name in algorithms]
    with open(path, "rb") as file:  # noqa: PTH123 - as above
        while data := file.read(piece):
            for state in states:
                state.update(data)
    return [state.hexdigest() for state in states]


def deep(command: list[str]) -> Way:
    """hashdeep and its kin: they print the path of each file that is in the list."""

    def run(folder: str) -> int:
        done = subprocess.run([*command, folder], capture_output=True, check=False)
        if done.returncode >= _HASHDEEP_ERRORS:
            raise SystemExit(f"{' '.join(command)}: {done.stderr.decode(errors='replace')}")
        return done.stdout.count(b"\n")

    return run


def deep_command(algorithms: tuple[Algorithm, ...], listed: str) -> list[str]:
    """One algorithm by the program that is named after it, several by hashdeep."""
    if len(algorithms) == 1:
        return [f"{algorithms[0]}deep", "-r", f"-j{CORES}", "-m", listed]
    return ["hashdeep", "-r", f"-j{CORES}", "-c", ",".join(algorithms), "-m", "-k", listed]


# The bound.


def from_memory(block: bytes, algorithms: Sequence[Algorithm], total: int) -> Measured:
    """Two processes hash so many bytes, those of the block over and over."""
    space = memoryview(block)
    context = multiprocessing.get_context("fork")
    both = context.Barrier(CORES + 1)
    cpu_s = context.Array("d", [0.0] * CORES)

    def work(number: int) -> None:
        states = [hashlib.new(name, usedforsecurity=False) for name in algorithms]
        share, at = total // CORES, number * len(space) // CORES
        both.wait()
        used = time.process_time()
        while share > 0:
            piece = space[at : at + min(PIECE, share)]
            for state in states:
                state.update(piece)
            share -= len(piece)
            at = (at + len(piece)) % len(space)
        cpu_s[number] = time.process_time() - used
        both.wait()

    workers = [context.Process(target=work, args=(number,)) for number in range(CORES)]
    for worker in workers:
        worker.start()
    both.wait()
    start = time.perf_counter()
    both.wait()
    taken = time.perf_counter() - start
    for worker in workers:
        worker.join()
    return Measured(taken, sum(cpu_s[:]))


# Measuring.


@dataclass
class Bench:
    """One tree, compared."""

    folder: Path
    sizes: Sizes
    files: int
    hashes: int
    runs: int
    patience: int

    def __post_init__(self) -> None:
        self.tree = self.folder / "tree"
        self.tree.mkdir(parents=True)
        self.total = make_tree(self.tree, self.files, self.sizes)
        chance = random.Random(1811)
        self.planted = [chance.randbytes(size) for size in _PLANTED]
        for number, data in enumerate(self.planted):
            self.total += len(data)
            (self.tree / f"planted{number}.bin").write_bytes(data)
        self.columns = ("warm", "cold") if drop_caches() else ("warm",)

    def compare(self, algorithms: tuple[Algorithm, ...], block: bytes) -> None:
        ways = self._ways(algorithms)
        titles = "".join(
            f"{c:>10}{'/bound':>8}{'cpu':>7}{'MB/s':>7}{'other':>7}" for c in self.columns
        )
        print(f"\n{'+'.join(algorithms):42}{titles}")
        bound = best_of(
            lambda: from_memory(block, algorithms, self.total),
            max(3, self.runs),
            patience=self.patience,
        )
        self._row("two processes, bytes from memory", [bound] * len(self.columns), bound)
        for name, way in ways.items():
            found = way(str(self.tree))
            if found != len(self.planted) and way is not reading:
                raise SystemExit(f"{name}: {found} files recognised of {len(self.planted)}")
            runs = self.runs if "iocsweep" in name else 1
            taken = [self._taken(way, runs, column) for column in self.columns]
            self._row(name, taken, bound)
        listed = str(self.folder / "digests")
        for how in ("thorough", "gated"):
            done = subprocess.run(
                [sys.executable, "-c", _MEMORY, str(self.tree), listed, how],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            peak, child = map(float, done.stdout.split())
            more = f", its largest child {child:.0f} MB" if child else ""
            print(f"memory, iocsweep {how}: {peak:.0f} MB{more}")

    def _ways(self, algorithms: tuple[Algorithm, ...]) -> dict[str, Way]:
        known, deep_list = self._lists(algorithms)
        ways: dict[str, Way] = {
            "reading every file, one process": reading,
            "iocsweep, thorough": known.sweeping(gated=False),
            "iocsweep, hashes of any size": known.sweeping(gated=True),
            "two processes, files read and hashed": bare(known),
            "hashlib, one process": one_process(known),
        }
        command = deep_command(algorithms, deep_list)
        if shutil.which(command[0]):
            ways[" ".join(command[:-1])] = deep(command)
        else:
            print(f"\nleft out: {command[0]} is missing (Debian package hashdeep)")
        if algorithms == ALL:
            ways["as cisagov's ioc-scanner"] = as_cisagov(known)
        return ways

    def _lists(self, algorithms: tuple[Algorithm, ...]) -> tuple[Known, str]:
        """What is looked for, and the file of it that hashdeep's family reads."""
        chance = random.Random(len(algorithms))
        known = [_all_digests(data, algorithms) for data in self.planted]
        strange = max(0, self.hashes // len(algorithms) - len(known))
        known += [_all_digests(chance.randbytes(8), algorithms) for _ in range(strange)]
        result = Known(algorithms, tuple(digest for line in known for digest in line))
        result.write(self.folder / "digests")
        sizes = [len(data) for data in self.planted] + [8] * strange
        listed = self.folder / "known"
        if len(algorithms) == 1:
            lines = [f"{line[0]}  file{number}" for number, line in enumerate(known)]
        else:
            names = ",".join(algorithms)
            lines = ["%%%% HASHDEEP-1.0", f"%%%% size,{names},filename"]
            lines += [
                f"{size},{','.join(line)},file{number}"
                for number, (size, line) in enumerate(zip(sizes, known, strict=True))
            ]
        listed.write_text("\n".join(lines) + "\n")
        return result, str(listed)

    def _taken(self, way: Way, runs: int, column: str) -> Taken:
        before = drop_caches if column == "cold" else None
        return best_of(lambda: way(str(self.tree)), runs, before=before, patience=self.patience)

    def _row(self, name: str, taken: Sequence[Taken], bound: Taken) -> None:
        line = f"{name:42}"
        for one in taken:
            line += f"{one.seconds:9.3f}s{one.seconds / bound.seconds:7.2f}x"
            line += f"{one.cpu_s / bound.cpu_s:6.2f}x"
            line += f"{self.total / one.seconds / 1e6:7.0f}{one.other:7.2f}"
        print(line, flush=True)


def _all_digests(data: bytes, algorithms: Sequence[Algorithm]) -> list[str]:
    return [hashlib.new(name, data, usedforsecurity=False).hexdigest() for name in algorithms]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=20_000, help="like those of a system drive")
    parser.add_argument("--small-files", type=int, default=60_000)
    parser.add_argument("--large-files", type=int, default=400)
    parser.add_argument("--hashes", type=int, default=40, help="in the list")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--patience", type=int, default=4, help="more runs on a busy machine")
    parser.add_argument("--folder", help="where to build the trees (default: the temporary folder)")
    options = parser.parse_args(arguments)
    trees = {
        "like a system drive": (SYSTEM_DRIVE, options.files),
        "small files": (SMALL, options.small_files),
        "large files": (LARGE, options.large_files),
    }
    print(load())
    block = random.Random(2018).randbytes(BLOCK)
    for name, (sizes, files) in trees.items():
        if not files:
            continue
        folder = tempfile.mkdtemp(prefix="iocsweep-bench-", dir=options.folder)
        try:
            bench = Bench(
                Path(folder), sizes, files, options.hashes, options.runs, options.patience
            )
            mean = bench.total / files / 1000
            print(
                f"\n{name}: {files:,} files, {bench.total / 1e6:,.0f} MB, mean {mean:,.0f} kB,"
                f" best of {options.runs}"
            )
            if len(bench.columns) == 1:
                print("cold: not measured, emptying the system's cache needs root on Linux")
            for algorithms in (("sha256",), ("md5",), ALL):
                bench.compare(algorithms, block)
        finally:
            shutil.rmtree(folder)
    print(f"\n{load()}")


if __name__ == "__main__":
    main()
