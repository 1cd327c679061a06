"""The files source against a bare walk and against hashing everything, on one tree, in one run.

    python -m tests.bench.files [--files 60000] [--runs 3]

The tree has folders, sizes and extensions in about the proportions of a Windows system drive.
Every way reads it ``--runs`` times; the best time counts. Cold: with the system's cache of files
emptied before each run, where the rights suffice for that.

Two walks serve as measure. ``os.walk`` gets names alone. What a size-gated sweep must be held
against is the walk that knows sizes: on Windows that is the same walk, as a folder's listing holds
the sizes; elsewhere each size is a system call of its own.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from agent.coverage import Ledger
from agent.matching.matcher import Matcher
from agent.matching.own_traces import Own
from agent.sources.files.source import FilesSource
from agent.targets.offline.folder import FolderTarget
from tests.evidence.files import archive, shell_link
from tests.evidence.packs import campaign

FILES_PER_FOLDER = 24


class Sizes(NamedTuple):
    """Log-normal sizes of files, in bytes."""

    median: int
    sigma: float
    largest: int

    def one(self, chance: random.Random) -> int:
        return min(int(chance.lognormvariate(0, self.sigma) * self.median), self.largest)


SMALL = Sizes(5_000, 1.25, 8 << 20)
"""Half below 5 kB, one in a thousand above 240 kB."""

EXTENSIONS = {
    ".dll": 16, ".mui": 9, ".manifest": 9, ".cat": 6, ".exe": 4, ".sys": 2, ".png": 8, ".js": 8,
    ".txt": 5, ".xml": 5, ".json": 5, ".html": 3, ".inf": 3, ".pnf": 2, ".ttf": 1, ".log": 2,
    ".jpg": 4, ".pdf": 1, ".docx": 1, ".dat": 1, ".tmp": 0.5, ".bin": 0.5, ".ps1": 0.6, ".lnk": 0.3,
    ".zip": 0.2, ".url": 0.1, ".cer": 0.05, "": 2,
}  # fmt: skip
"""Weights; those that the built-in pack looks into are 5 % of all files."""


def make_tree(folder: Path, files: int, sizes: Sizes = SMALL) -> int:
    """Fill the folder; gives the number of bytes. The same every time."""
    chance = random.Random(2018)
    folders = [folder]
    for number in range(max(1, files // FILES_PER_FOLDER) - 1):
        parent = folders[chance.randrange(max(0, len(folders) - 300), len(folders))]
        if len(parent.parts) - len(folder.parts) > 8:
            parent = folder
        inner = (
            parent / f"{chance.choice(['amd64_driver', 'Assets', 'en-US', 'Packages'])}_{number}"
        )
        inner.mkdir()
        folders.append(inner)
    noise = chance.randbytes(sizes.largest)
    kinds, weights = list(EXTENSIONS), list(EXTENSIONS.values())
    link, packed = (
        shell_link("/c dir", machine_id="ws-0421"),
        archive({"a/readme.txt": noise[:4000]}),
    )
    total = 0
    for number, extension in enumerate(chance.choices(kinds, weights, k=files)):
        size = sizes.one(chance)
        start = chance.randrange(sizes.largest - size + 1)
        data = {".lnk": link, ".zip": packed}.get(extension, b"") or noise[start : start + size]
        if extension in {".dll", ".exe", ".sys", ".mui"}:
            data = b"MZ" + data[2:]
        elif extension in {".ps1", ".url"}:
            data = (data.hex().encode() + b"\n")[:size]
        place = (
            chance.choice(folders)
            / f"{chance.choice(['module', 'view', 'data'])}{number}{extension}"
        )
        place.write_bytes(data)
        total += len(data)
    return total


def bare_walk(folder: str) -> int:
    return sum(len(files) for _, _, files in os.walk(folder))


def walk_and_stat(folder: str) -> int:
    count = 0
    for path, _, files in os.walk(folder):
        for name in files:
            os.lstat(os.path.join(path, name))
            count += 1
    return count


def hashing(*algorithms: str) -> Callable[[str], int]:
    """Reads every file whole and hashes it, as scanners that go by hash lists alone do."""

    def run(folder: str) -> int:
        count = 0
        for path, _, files in os.walk(folder):
            for name in files:
                data = Path(path, name).read_bytes()
                for algorithm in algorithms:
                    hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()
                count += 1
        return count

    return run


def sweeping(matcher: Matcher) -> Callable[[str], int]:
    def run(folder: str) -> int:
        ledger = Ledger("files", required=True)
        target = FolderTarget(folder, own=Own())
        for found in FilesSource().observe(target, matcher, ledger):
            matcher.match(found)
        return ledger.examined

    return run


def drop_caches() -> bool:
    """Empty the system's cache of files and folders; False where that is not allowed."""
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3")
    except OSError:
        return False
    return True


def measure(run: Callable[[str], int], folder: str, runs: int, *, cold: bool) -> float:
    best = float("inf")
    for _ in range(runs):
        if cold:
            drop_caches()
        start = time.perf_counter()
        run(folder)
        best = min(best, time.perf_counter() - start)
    return best


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=60_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", help="where to build the tree (default: the temporary folder)")
    options = parser.parse_args(arguments)
    folder = tempfile.mkdtemp(prefix="iocsweep-bench-", dir=options.folder)
    try:
        _compare(Path(folder), options.files, options.runs)
    finally:
        shutil.rmtree(folder)


def _compare(folder: Path, files: int, runs: int) -> None:
    size = make_tree(folder, files)
    print(f"{files:,} files, {size / 1e6:,.0f} MB, best of {runs}")
    ways = {
        "bare walk, names (os.walk)": bare_walk,
        "bare walk, names and sizes": walk_and_stat,
        "iocsweep, files source": sweeping(campaign()),
        "one hash (sha256) of everything": hashing("sha256"),
        "full hashing (md5+sha1+sha256)": hashing("md5", "sha1", "sha256"),
    }
    can_drop = drop_caches()
    if not can_drop:
        print("cold: not measured, emptying the system's cache needs root on Linux")
    columns = ("warm", "cold") if can_drop else ("warm",)
    print(f"{'':33}" + "".join(f"{name:>9}{'/names':>8}{'/sizes':>8}" for name in columns))
    references: list[list[float]] = []
    for name, run in ways.items():
        run(str(folder))
        times = [measure(run, str(folder), runs, cold=column == "cold") for column in columns]
        references.append(times)
        line = f"{name:33}"
        for column, seconds in enumerate(times):
            line += f"{seconds:8.3f}s{seconds / references[0][column]:7.1f}x"
            line += f"{seconds / references[1][column]:7.1f}x" if len(references) > 1 else " " * 8
        print(line, flush=True)


if __name__ == "__main__":
    main()
