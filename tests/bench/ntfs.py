"""The $MFT scan against reading the $MFT and against other readers of it, in one run.

    python -m tests.bench.ntfs [--files 200000] [--records 1000000] [--runs 3] [--slow]

Two subjects: a volume that ntfs-3g filled (made once, kept in ``.cache/``), and a synthetic $MFT in
which six files in ten have an 8.3 name beside the long one, as on a Windows system drive. Every way
runs ``--runs`` times and the best time counts. Cold: the system's cache is emptied before each run.
``mft`` (PyPI) and dissect.ntfs are compared where they are installed, the latter with ``--slow``.
Memory: the largest resident set of a process of its own, less the interpreter with its imports.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from agent.ntfs import FileSource, Hit, MftScan, Volume, Wanted
from agent.walk import Selection
from tests.agent.ntfs.synthetic import boot, file_name, non_resident, record, run, standard
from tests.bench.files import EXTENSIONS, drop_caches
from tests.sweeping import campaign

CACHE = Path(__file__).parents[2] / ".cache"
CLUSTER, RECORD = 4096, 1024
TIMEOUT_S = 400
_MEMORY = """
import sys
from tests.bench import ntfs

def peak():  # Of this process alone; ru_maxrss is handed down from the parent.
    line = next(x for x in open('/proc/self/status') if x.startswith('VmHWM'))
    return int(line.split()[1]) / 1024

scan = ntfs.scanning(sys.argv[2])
before = peak()
scan(sys.argv[1])
print(peak() - before, peak())
"""


def wanted(what: str) -> Wanted:
    """``names``, ``sizes`` (and names), or ``all`` that the built-in pack selects."""
    matcher = campaign()
    selection = {
        "names": Selection(),
        "sizes": Selection(matcher.exact_sizes),
        "all": Selection(
            matcher.exact_sizes, matcher.least_min_size, matcher.extensions | {".zip"}
        ),
    }[what]
    return Wanted(
        matcher.wanted_names, matcher._wanted_exact, tuple(matcher._glob_letters), selection
    )


# What is measured. Each is given the image and gives how many things it saw.


def source_of(image: str) -> FileSource:
    return FileSource(Path(image).open("rb", buffering=0))


def reading(image: str) -> int:
    """The $MFT's bytes as they lie, nothing done with them, into one buffer."""
    source = source_of(image)
    volume, total = Volume(source), 0
    space = memoryview(bytearray(1 << 20))
    content = volume._mft_content()
    while count := content.readinto(space):
        total += count
    source.close()
    return total


def dd(image: str) -> int:
    """The $MFT's largest run by ``dd bs=1M``."""
    source = source_of(image)
    longest = max(Volume(source)._runs, key=lambda found: found.length)
    source.close()
    place = f"skip={longest.cluster * CLUSTER}"
    length = f"count={longest.length * CLUSTER}"
    flags = "iflag=skip_bytes,count_bytes"
    command = ["dd", f"if={image}", "of=/dev/null", "bs=1M", flags, place, length]
    subprocess.run(command, check=True, capture_output=True)
    return longest.length


def scanning(what: str, *, entries: bool = False) -> Callable[[str], int]:
    looked_for = wanted(what)

    def scan(image: str) -> int:
        source = source_of(image)
        search = MftScan(Volume(source), looked_for)
        for hit in search.hits():
            if entries and isinstance(hit, Hit):
                assert hit.paths is not None
        source.close()
        return search.counts.records

    return scan


def fls(image: str) -> int:
    done = subprocess.run(
        ["fls", "-r", "-p", "-f", "ntfs", image], capture_output=True, check=True, timeout=TIMEOUT_S
    )
    return done.stdout.count(b"\n")


def mounted_walk(image: str) -> int:
    place = tempfile.mkdtemp(prefix="iocsweep-bench-")
    subprocess.run(["ntfs-3g", "-o", "ro", image, place], check=True, capture_output=True)
    try:
        count = 0
        for folder, _, names in os.walk(place):
            for name in names:
                os.lstat(os.path.join(folder, name))
                count += 1
        return count
    finally:
        subprocess.run(["umount", place], check=True)
        os.rmdir(place)


def extracted(image: str) -> str:
    """The $MFT as a file of its own, for what reads no volumes."""
    path = f"{image}.mft"
    if not os.path.exists(path):
        source = source_of(image)
        with Path(path).open("wb") as file:
            shutil.copyfileobj(Volume(source).open_stream(0), file, 1 << 20)
        source.close()
    return path


def rust_mft(image: str) -> int:
    from mft import PyMftParser

    count = 0
    for entry in PyMftParser(extracted(image)).entries():
        if not isinstance(entry, RuntimeError):
            count += bool(entry.full_path)
    return count


def dissect(image: str) -> int:
    from dissect.ntfs import NTFS

    with Path(image).open("rb") as file:
        return sum(1 for segment in NTFS(file).mft.segments() for _ in segment.filenames())


# What it is measured on.


def filled_volume(files: int) -> Path:
    """A volume of so many files in a tenth as many folders, made once."""
    image = CACHE / f"ntfs-bench-{files // 1000}k.img"
    if image.exists():
        return image
    CACHE.mkdir(exist_ok=True)
    making = image.with_suffix(".making")
    with making.open("wb") as file:
        file.truncate(8 << 30)
    subprocess.run(["mkntfs", "-qFQ", str(making)], check=True, capture_output=True)
    place = tempfile.mkdtemp(prefix="iocsweep-bench-")
    subprocess.run(["ntfs-3g", "-o", "big_writes,noatime", str(making), place], check=True)
    try:
        _fill(place, files)
    finally:
        subprocess.run(["umount", place], check=True)
        os.rmdir(place)
    making.rename(image)
    return image


def _fill(root: str, files: int) -> None:
    chance = random.Random(2018)
    folders = [root]
    for number in range(files // 10):
        parent = folders[chance.randrange(max(0, len(folders) - 300), len(folders))]
        if parent.count("/") > 10:
            parent = root
        folders.append(f"{parent}/{chance.choice(['amd64_driver', 'Assets', 'en-US'])}_{number}")
        os.mkdir(folders[-1])
    kinds = chance.choices(list(EXTENSIONS), list(EXTENSIONS.values()), k=files)
    for number, extension in enumerate(kinds):
        folder = folders[number * len(folders) // files]
        size = _size(chance, number)
        name = chance.choice(["module", "view", "data", "some longer name of a file "])
        place = os.open(f"{folder}/{name}{number}{extension}", os.O_CREAT | os.O_WRONLY)
        try:
            if size < 700:
                os.write(place, b"x" * size)
            elif number % 37 == 0:
                os.ftruncate(place, size)
            else:
                os.posix_fallocate(place, 0, size)
        finally:
            os.close(place)
    Path(folders[len(folders) // 2], "cyzfc.dat").write_bytes(bytes(294_400))


def _size(chance: random.Random, number: int) -> int:
    if number % 37 == 0:
        return chance.choice([500_000, 1_000_000, 402_358, 402_357])
    return min(int(chance.lognormvariate(0, 1.25) * 5000), 8 << 20)


def synthetic_volume(records: int) -> Path:
    """An image that holds little but an $MFT of so many records."""
    image = CACHE / f"ntfs-bench-synthetic-{records}.img"
    if image.exists():
        return image
    CACHE.mkdir(exist_ok=True)
    chance = random.Random(2018)
    kinds, weights = list(EXTENSIONS), list(EXTENSIONS.values())
    clusters = -(-records * RECORD // CLUSTER)
    own = record(
        standard(), file_name("$MFT"),
        non_resident(0x80, records * RECORD, run(clusters, 4), last=clusters - 1),
    )  # fmt: skip
    root = record(standard(), file_name("."), sequence=5, flags=3)
    making = image.with_suffix(".making")
    with making.open("wb") as file:
        file.write(boot(sectors=(clusters + 4) * 8).ljust(4 * CLUSTER, b"\0"))
        for number in range(records):
            if number in (0, 5):
                file.write(root if number else own)
            elif number % 8 == 6:
                file.write(record(standard(), file_name(f"folder{number}"), flags=3))
            else:
                extension = chance.choices(kinds, weights)[0]
                names = [file_name(f"some module {number}{extension}", space=1)]
                if number % 5 < 3:
                    names.insert(0, file_name(f"SOMEM~1{extension[:4].upper()}", space=2))
                size = _size(chance, number)
                data = non_resident(0x80, size, run(max(1, size // CLUSTER), 9))
                flags = 0 if number % 11 == 0 else 1
                file.write(record(standard(), *names, data, links=len(names), flags=flags))
        file.write(bytes(CLUSTER))
    making.rename(image)
    return image


# Measuring.


def best(way: Callable[[str], int], image: str, runs: int, *, cold: bool) -> float:
    taken = float("inf")
    for _ in range(runs):
        if cold:
            drop_caches()
        start = time.perf_counter()
        way(image)
        taken = min(taken, time.perf_counter() - start)
    return taken


def compare(image: Path, ways: dict[str, Callable[[str], int]], runs: int) -> None:
    source = source_of(str(image))
    volume = Volume(source)
    records, size = volume.records, volume.mft_size
    source.close()
    print(f"\n{image.name}: {records:,} records, {size / 1e6:,.0f} MB of $MFT, best of {runs}")
    can_drop = drop_caches()
    columns = ("warm", "cold") if can_drop else ("warm",)
    print(f"{'':42}" + "".join(f"{c:>9}{'/read':>8}{'records/s':>12}" for c in columns))
    base: list[float] = []
    for name, way in ways.items():
        few = runs if "iocsweep" in name or "read" in name else 1
        way(str(image))
        times = [best(way, str(image), few, cold=column == "cold") for column in columns]
        base = base or times
        line = f"{name:42}"
        for column, taken in enumerate(times):
            line += f"{taken:8.3f}s{taken / base[column]:7.1f}x{records / taken:12,.0f}"
        print(line, flush=True)
    for what in ("sizes", "all"):
        done = subprocess.run(
            [sys.executable, "-c", _MEMORY, str(image), what],
            capture_output=True, text=True, check=True, timeout=TIMEOUT_S,
        )  # fmt: skip
        grown, peak = map(float, done.stdout.split())
        print(f"memory, iocsweep {what}: {grown:.0f} MB by the scan, {peak:.0f} MB in all")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=200_000)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--slow", action="store_true", help="dissect.ntfs too: minutes")
    options = parser.parse_args(arguments)
    ours = {
        "read the $MFT (1 MiB buffer)": reading,
        "dd of its largest run": dd,
        "iocsweep, names": scanning("names"),
        "iocsweep, names + exact sizes": scanning("sizes"),
        "iocsweep, the built-in pack's selection": scanning("all"),
        "iocsweep, the same, entries and paths": scanning("all", entries=True),
    }
    others: dict[str, Callable[[str], int]] = {}
    if importlib.util.find_spec("mft"):
        others["mft (Rust), full paths"] = rust_mft
    if options.slow and importlib.util.find_spec("dissect"):
        others["dissect.ntfs, names"] = dissect
    on_volume = dict(others)
    if shutil.which("fls"):
        on_volume["fls -r -p (Sleuth Kit)"] = fls
    on_volume["walk of the ntfs-3g mount, names + sizes"] = mounted_walk
    compare(filled_volume(options.files), {**ours, **on_volume}, options.runs)
    compare(synthetic_volume(options.records), {**ours, **others}, options.runs)


if __name__ == "__main__":
    main()
