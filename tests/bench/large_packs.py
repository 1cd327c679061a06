"""What a pack of 100,000 names, hashes, domains and addresses costs: to load and prove it, and a sweep with it.

    python -m tests.bench.large_packs [--indicators 100000] [--files 60000] [--runs 3] [--yaml]

Each measurement is a program of its own, as an operator starts it: ``packs check FILE`` (as JSON, and with ``--yaml``
as YAML), and the sweep of one tree with the built-in pack and with the large one alone, by default and with
``--thorough``. The best of the runs counts; processor time, and the most memory that the program had.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.bench.files import make_tree
from tests.bench.other_work import load

_SYLLABLES = [one + two for one in "bdklmnrstv" for two in "aeiou"]


class Taken(NamedTuple):
    """By one program."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--indicators", type=int, default=100_000)
    parser.add_argument("--files", type=int, default=60_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--yaml", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="iocsweep-bench-") as folder:
        here = Path(folder)
        pack = here / "large.json"
        _apart(_write_json, pack, options.indicators)
        print(f"{options.indicators:,} indicators, best of {options.runs}; {load()}")
        _tell("load, JSON", _best(["packs", "check", str(pack)], here, options.runs))
        if options.yaml:
            _apart(_write_yaml, here / "large.yaml", options.indicators)
            _tell("load, YAML", _best(["packs", "check", str(here / "large.yaml")], here, 1))
        tree = here / "tree"
        tree.mkdir()
        _apart(make_tree, tree, options.files)
        for mode in ((), ("--thorough",)):
            _compare(tree, pack, mode, options.runs, here)


def _compare(tree: Path, pack: Path, mode: Sequence[str], runs: int, here: Path) -> None:
    sweep = ["offline", str(tree), "--no-delivery", "--out", str(here / "r.json"), "--force", *mode]
    name = " ".join(mode) or "default"
    usual = _tell(f"sweep, {name}, built in", _best(sweep, here, runs))
    large = _tell(f"sweep, {name}, large", _best([*sweep, "--only-pack", str(pack)], here, runs))
    print(
        f"{'':30} {large.wall_s / usual.wall_s:.2f} times, {large.cpu_s / usual.cpu_s:.2f} in processor time"
    )


def large_pack(count: int) -> dict[str, Any]:
    """As many of each kind, no value twice; the same every time."""
    chance, known = random.Random(15), set[str]()
    indicators: list[dict[str, Any]] = []
    while len(indicators) < count:
        number = len(indicators)
        kind, value = _one(number % 4, chance)
        if value not in known:
            known.add(value)
            indicators.append(
                {
                    "type": kind, "id": f"large-{number:06}", "value": value,
                    "strength": "confirmed" if kind == "hash" else "weak",
                    "status": "SRC", "reference": ["R1"], "note": f"line {number}",
                }
            )  # fmt: skip
    return {
        "pack": "iocsweep.pack/1", "id": "large", "version": "1", "title": "Made up",
        "references": {"R1": "made up"}, "indicators": indicators,
    }  # fmt: skip


def _one(kind: int, chance: random.Random) -> tuple[str, str]:
    word = "".join(chance.choices(_SYLLABLES, k=4))
    if kind == 0:
        return "file_name", word + chance.choice((".exe", ".dll", ".dat", ".js", ".ps1"))
    if kind == 1:
        digest = hashlib.new(chance.choice(("md5", "sha1", "sha256")), usedforsecurity=False)
        digest.update(chance.randbytes(16))
        return "hash", digest.hexdigest()
    if kind == 2:
        return "domain", f"{word}.{chance.choice(('com', 'net', 'org'))}"
    first = chance.choice((5, 23, 45, 77, 91, 185, 193))
    return "address", ".".join(map(str, (first, *chance.choices(range(1, 255), k=3))))


def _apart(work: Callable[[Path, int], object], path: Path, count: int) -> None:
    """In another process: a program's most memory is never less than that of who started it."""
    process = multiprocessing.get_context("spawn").Process(target=work, args=(path, count))
    process.start()
    process.join()
    if process.exitcode != 0:
        raise SystemExit(f"{path}: could not be made")


def _write_json(path: Path, count: int) -> None:
    path.write_text(json.dumps(large_pack(count)))


def _write_yaml(path: Path, count: int) -> None:
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    path.write_text(yaml.dump(large_pack(count), Dumper=dumper, sort_keys=False))


def _best(arguments: Sequence[str], home: Path, runs: int) -> Taken:
    return min(_taken(arguments, home) for _ in range(runs))


def _taken(arguments: Sequence[str], home: Path) -> Taken:
    """One run, with a home of its own, so that no cache of an earlier one helps."""
    with tempfile.TemporaryDirectory(dir=home) as own:
        environment = dict(os.environ, IOCSWEEP_HOME=own)
        start = time.perf_counter()
        done = subprocess.Popen(
            [sys.executable, "-m", "agent", *arguments],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        _, status, used = os.wait4(done.pid, 0)
        wall = time.perf_counter() - start
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, 1, 3):
        raise SystemExit(f"{' '.join(arguments)}: ended with {code}")
    return Taken(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def _tell(name: str, taken: Taken) -> Taken:
    print(
        f"{name:30} {taken.wall_s:7.2f} s {taken.cpu_s:7.2f} s {taken.peak_mb:6.0f} MB", flush=True
    )
    return taken


if __name__ == "__main__":
    main()
