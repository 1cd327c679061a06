"""The $MFT scan against reading the $MFT and against other readers of it, in one run.

    python -m tests.bench.ntfs [--files 200000] [--records 1000000] [--runs 3] [--slow] [--clean]
        [--mft FILE] [--than DIR]

Two subjects: a volume that ntfs-3g filled, and a synthetic $MFT in which six files in ten have an
8.3 name beside the long one, as on a Windows system drive. Both are made once and kept in
``.cache/``, 1.5 GB together; ``--clean`` removes them afterwards. The volume's files hold zeros,
which the image keeps as holes: reading them costs no disk, which is to the good of whoever reads
all content.

Every way runs ``--runs`` times, those of others once, and up to ``--patience`` times more while
other programs took more than a tenth of a core (``other``); the best time counts. Cold: the system's
cache is emptied before each run. ``/read`` is the ratio to reading the $MFT, ``cpu`` processor time,
which holds on a busy machine too. Memory: the largest resident set of a process of its own, less
the interpreter with its imports.

Then the default sweep, start to end (``default_sweep.py``): ``--mft`` gives a real $MFT, ``--than``
the folder of another version of this program to compare with.

``--slow``: dissect.ntfs too, and hashing every file of the volume, by records and through the mount
by md5deep and in the way of cisagov's ioc-scanner (``hashing.py`` compares these at length). What
needs a tool or package that is missing is left out, and named.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.util
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from agent.ntfs import FileSource, Hit, MftScan, Volume, Wanted
from agent.reading.openings import Selection
from agent.sources.files.source import OPENED_ANYWAY, openings
from agent.targets.offline.image import ImageTarget
from tests.bench import default_sweep
from tests.bench.files import EXTENSIONS, SMALL, drop_caches
from tests.bench.hashing import CORES, Known, as_cisagov, deep, deep_command
from tests.bench.other_work import best_of, load
from tests.evidence.images import boot, file_name, non_resident, record, run, standard
from tests.evidence.packs import campaign

CACHE = Path(__file__).parents[2] / ".cache"
CLUSTER, RECORD = 4096, 1024
TIMEOUT_S = 400
SOUGHT = bytes(294_400)
"""The content of the file that was put into the volume to be found."""
MOUNT_S = 30
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
        "sizes": Selection(matcher.selector.exact_sizes),
        "all": Selection(
            matcher.selector.exact_sizes,
            matcher.selector.smallest_min_size,
            matcher.selector.extensions | OPENED_ANYWAY,
            openings(matcher.selector),
        ),
    }[what]
    return Wanted(
        matcher.selector.matching_names,
        matcher.selector._wanted_exact,
        tuple(matcher.selector._glob_letters),
        selection,
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
    runs = Volume(source).mft_runs
    source.close()
    length, cluster = max((found.length, found.cluster or 0) for found in runs)
    skip, count = f"skip={cluster * CLUSTER}", f"count={length * CLUSTER}"
    flags = "iflag=skip_bytes,count_bytes"
    command = ["dd", f"if={image}", "of=/dev/null", "bs=1M", flags, skip, count]
    subprocess.run(command, check=True, capture_output=True)
    return length


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


@contextlib.contextmanager
def mounted(image: str | Path, options: str = "ro") -> Iterator[str]:
    """The volume by ntfs-3g, which stays a child of this process so that its time is known."""
    place = tempfile.mkdtemp(prefix="iocsweep-bench-")
    command = ["ntfs-3g", "-o", f"{options},no_detach", str(image), place]
    try:
        with tempfile.TemporaryFile() as said, subprocess.Popen(command, stderr=said) as driver:
            until = time.monotonic() + MOUNT_S
            while not os.path.ismount(place):
                if driver.poll() is not None or time.monotonic() > until:
                    driver.kill()
                    said.seek(0)
                    raise SystemExit(f"no mount of {image}: {said.read().decode(errors='replace')}")
                time.sleep(0.001)
            try:
                yield place
            finally:
                subprocess.run(["umount", place], check=True)
    finally:
        os.rmdir(place)


def mounted_walk(image: str) -> int:
    with mounted(image) as place:
        count = 0
        for folder, _, names in os.walk(place):
            for name in names:
                os.lstat(os.path.join(folder, name))
                count += 1
        return count


def sought() -> Known:
    return Known(("md5",), (hashlib.md5(SOUGHT, usedforsecurity=False).hexdigest(),))


def hashing_records(image: str) -> int:
    """iocsweep as it sweeps an image thoroughly for one MD5."""
    return sought().sweeping(gated=False, target=ImageTarget)(image)


def hashing_as_cisagov(image: str) -> int:
    with mounted(image) as place:
        return as_cisagov(sought())(place)


def md5deep(image: str) -> int:
    with tempfile.TemporaryDirectory() as folder, mounted(image) as place:
        listed = Path(folder, "known")
        listed.write_text(f"{sought().digests[0]}  cyzfc.dat\n")
        return deep(deep_command(("md5",), str(listed)))(place)


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
    with mounted(making, "big_writes,noatime") as place:
        _fill(place, files)
    if shutil.which("fallocate"):
        subprocess.run(["fallocate", "--dig-holes", str(making)], check=True)
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
    Path(folders[len(folders) // 2], "cyzfc.dat").write_bytes(SOUGHT)


def _size(chance: random.Random, number: int) -> int:
    if number % 37 == 0:
        return chance.choice([500_000, 1_000_000, 402_358, 402_357])
    return SMALL.one(chance)


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


@dataclass(frozen=True)
class Way:
    """How the $MFT is looked at."""

    run: Callable[[str], int]
    ours: bool = False
    minutes: bool = False
    """It runs once, warm."""


def compare(image: Path, ways: dict[str, Way], runs: int, patience: int) -> None:
    source = source_of(str(image))
    volume = Volume(source)
    records, size = volume.records, volume.mft_size
    source.close()
    print(f"\n{image.name}: {records:,} records, {size / 1e6:,.0f} MB of $MFT, best of {runs}")
    columns = ("warm", "cold") if drop_caches() else ("warm",)
    if len(columns) == 1:
        print("cold: not measured, emptying the system's cache needs root on Linux")
    titles = f"{'/read':>8}{'records/s':>12}{'cpu':>8}{'other':>7}"
    print(f"{'':42}" + "".join(f"{column:>10}{titles}" for column in columns))
    base: list[float] = []
    for name, way in ways.items():
        if not way.minutes:
            way.run(str(image))
        line, times = f"{name:42}", []
        for column in columns[:1] if way.minutes else columns:
            taken = best_of(
                partial(way.run, str(image)),
                runs if way.ours else 1,
                before=drop_caches if column == "cold" else None,
                patience=0 if way.minutes else patience,
            )
            times.append(taken.seconds)
            reference = base[len(times) - 1] if base else taken.seconds
            line += f"{taken.seconds:9.3f}s{taken.seconds / reference:7.1f}x"
            line += f"{records / taken.seconds:12,.0f}{taken.cpu_s:7.3f}s{taken.other:7.2f}"
        base = base or times
        print(line, flush=True)
    Path(f"{image}.mft").unlink(missing_ok=True)
    for what in ("sizes", "all"):
        done = subprocess.run(
            [sys.executable, "-c", _MEMORY, str(image), what],
            capture_output=True, text=True, check=True, timeout=TIMEOUT_S,
        )  # fmt: skip
        grown, peak = map(float, done.stdout.split())
        print(f"memory, iocsweep {what}: {grown:.0f} MB by the scan, {peak:.0f} MB in all")


def other_readers(*, slow: bool) -> tuple[dict[str, Way], dict[str, Way], list[str]]:
    """Those that read any $MFT, those that need a volume, and what is left out, and why."""
    readers: dict[str, Way] = {}
    on_volume: dict[str, Way] = {}
    left_out = []
    if importlib.util.find_spec("mft"):
        readers["mft (Rust), full paths"] = Way(rust_mft)
    else:
        left_out.append("mft: not installed (PyPI: mft)")
    if shutil.which("fls"):
        on_volume["fls -r -p (Sleuth Kit)"] = Way(fls)
    else:
        left_out.append("fls -r: not installed (Debian package sleuthkit)")
    on_volume["walk of the ntfs-3g mount, names + sizes"] = Way(mounted_walk)
    if not slow:
        left_out.append("dissect.ntfs, and hashing every file: minutes, ask with --slow")
        return readers, on_volume, left_out
    on_volume["iocsweep, MD5 of every file, by records"] = Way(hashing_records, minutes=True)
    if shutil.which("md5deep"):
        on_volume[f"md5deep -r -j{CORES} -m on the mount"] = Way(md5deep, minutes=True)
    else:
        left_out.append("md5deep: not installed (Debian package hashdeep)")
    on_volume["as cisagov's ioc-scanner on the mount"] = Way(hashing_as_cisagov, minutes=True)
    if importlib.util.find_spec("dissect") and importlib.util.find_spec("dissect.ntfs"):
        on_volume["dissect.ntfs, names"] = Way(dissect, minutes=True)
    else:
        left_out.append("dissect.ntfs: not installed (PyPI: dissect.ntfs)")
    return readers, on_volume, left_out


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=200_000, help="0: no volume")
    parser.add_argument("--records", type=int, default=1_000_000, help="0: no synthetic $MFT")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--patience", type=int, default=4, help="more runs on a busy machine")
    parser.add_argument("--slow", action="store_true", help="what takes minutes too")
    parser.add_argument("--mft", type=Path, metavar="FILE", help="a real $MFT, swept as an image")
    parser.add_argument("--than", type=Path, metavar="DIR", help="another version, with a .venv")
    parser.add_argument("--clean", action="store_true", help="keep nothing in .cache/")
    options = parser.parse_args(arguments)
    ours = {
        "read the $MFT (1 MiB buffer)": Way(reading, ours=True),
        "dd of its largest run": Way(dd, ours=True),
        "iocsweep, names": Way(scanning("names"), ours=True),
        "iocsweep, names + exact sizes": Way(scanning("sizes"), ours=True),
        "iocsweep, the built-in pack's selection": Way(scanning("all"), ours=True),
        "iocsweep, the same, entries and paths": Way(scanning("all", entries=True), ours=True),
    }
    readers, on_volume, left_out = other_readers(slow=options.slow)
    if not shutil.which("mkntfs") or not shutil.which("ntfs-3g"):
        left_out.append("the whole volume: no ntfs-3g to fill it (Debian package ntfs-3g)")
        options.files = 0
    print(load())
    for reason in left_out:
        print(f"left out: {reason}")
    made = []
    if options.files:
        made.append(filled_volume(options.files))
        compare(made[-1], {**ours, **readers, **on_volume}, options.runs, options.patience)
    if options.records:
        made.append(synthetic_volume(options.records))
        compare(made[-1], {**ours, **readers}, options.runs, options.patience)
        print(f"left out here, where no folders and no contents are: {', '.join(on_volume)}")
    for image in default_sweep.subjects(options.mft, CACHE, options.records):
        made.append(image)
        is_real = image.name == default_sweep.REAL
        default_sweep.compare(image, options.than, options.runs, with_fls=is_real)
    print(f"\n{load()}")
    if options.clean:
        for image in made:
            image.unlink()


if __name__ == "__main__":
    main()
