"""The default sweep of a disk, start to end: start-up, packs, the $MFT, what is opened, the report.

Against ``fls -r -p`` and, with ``--than DIR``, against another version of this program in a folder
of its own (with its own ``.venv``). All take turns, so that what else the machine does meets all of
them; the best of each counts, by the clock and in processor time. Called by ``tests.bench.ntfs``.

Subjects: a real $MFT (``--mft FILE``) made an image; a synthetic one mixed like it, with the same
shares of extensions, sizes, names, folders, deleted and compressed files; files of one byte named
``*.dat``, which no gate of the built-in pack allows. Contents are holes, which read as zeros.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.ntfs import MftEntry, Volume
from agent.ntfs.byte_source import FileSource
from agent.ntfs.record import Record
from agent.spelling import extension_of
from tests.evidence.images import boot, file_name, non_resident, record, resident, run, standard

CLUSTER, RECORD = 4096, 1024
FIRST = 4
"""Cluster of a synthetic $MFT."""
COMPRESSED, UNIT = 0x0001, 16
"""UNIT: clusters that are compressed together."""
REAL = "default-sweep-real.img"


@dataclass(frozen=True)
class Kind:
    """What is kept of a real file."""

    live: bool
    folder: bool
    extension: str
    has_short: bool
    size: int | None
    resident: bool
    compressed: bool


def image_of(mft: Path, image: Path) -> None:
    """A bare $MFT, put where its own first record says that it lies."""
    data = mft.read_bytes()
    size = int.from_bytes(data[28:32], "little")
    own = Record.raw(0, data[:size])
    found = next(a for a in own.attributes() if a.type == 0x80 and not a.name)
    runs = found.runs(own.data)
    sectors = 1 << 29
    with image.open("wb") as file:
        file.truncate(sectors * 512)
        place = runs[0].cluster or 0
        file.write(boot(sectors=sectors, mft=place, record=size))
        done = 0
        for one in runs:
            file.seek((one.cluster or 0) * CLUSTER)
            file.write(data[done : done + one.length * CLUSTER])
            done += one.length * CLUSTER


def kinds_of(image: Path) -> list[Kind]:
    """Of each record of a volume that stands for a file."""
    source = FileSource(image.open("rb", buffering=0))
    volume, found = Volume(source), []
    for buffer in volume.mft():
        for index in range(buffer.count):
            start = index * volume.record_size
            one = Record(buffer.first + index, buffer.data[start : start + volume.record_size])
            if one.signed and not one.extends:
                found.append(_kind(volume.entry(one)))
    source.close()
    return found


def _kind(entry: MftEntry) -> Kind:
    stream = entry.stream()
    names = entry.long_names or entry.names
    extension = extension_of(names[0].text) if names else ""
    return Kind(
        entry.live,
        entry.folder,
        extension if len(extension) < 12 else ".long",
        len(names) < len(entry.names),
        None if stream is None else stream.size,
        stream is not None and stream.resident,
        stream is not None and stream.is_compressed,
    )


def mixed(image: Path, kinds: Sequence[Kind], records: int) -> None:
    """A synthetic $MFT of files drawn from these."""
    chance = random.Random(2018)
    drawn = (chance.choice(kinds) for _ in range(records))
    _write(image, records, (record_of(kind, number) for number, kind in enumerate(drawn)))


def of_one_byte(image: Path, records: int) -> None:
    kind = Kind(True, False, ".dat", False, 1, True, False)
    _write(image, records, (record_of(kind, number) for number in range(records)))


def record_of(kind: Kind, number: int, first: int = 1000) -> bytes:
    """A file of this kind; ``first``: the cluster behind which the contents of all of them lie."""
    names = [file_name(f"some file {number}{kind.extension}")]
    if kind.has_short:
        names.insert(0, file_name(f"SOMEF~1{kind.extension[:4].upper()}", space=2))
    data, size, cluster = b"", kind.size, first + number * 8
    if size is not None and kind.resident:
        data = resident(0x80, b"x" * min(size, 500))
    elif size is not None:
        length = max(1, -(-size // CLUSTER))
        runs, packed, unit = run(length, cluster), 0, 0
        if kind.compressed:  # Its first unit; the others would not have become smaller.
            runs, packed, unit = run(1, cluster) + run(UNIT - 1, None), COMPRESSED, 4
            if length > UNIT:
                runs += run(length - UNIT, 1)
        last = max(length, UNIT if kind.compressed else 0) - 1
        data = non_resident(0x80, size, runs, last=last, flags=packed, unit=unit)
    flags = (1 if kind.live else 0) | (2 if kind.folder else 0)
    return record(standard(), *names, data, links=len(names), flags=flags)


def _write(image: Path, records: int, made: Iterator[bytes]) -> None:
    clusters = -(-records * RECORD // CLUSTER)
    sectors = 1 << 29
    own = record(
        standard(), file_name("$MFT"),
        non_resident(0x80, records * RECORD, run(clusters, FIRST), last=clusters - 1),
    )  # fmt: skip
    root = record(standard(), file_name("."), sequence=5, flags=3)
    blank = record(standard(), flags=0)
    making = image.with_suffix(".making")
    with making.open("wb") as file:
        file.truncate(sectors * 512)
        file.write(boot(sectors=sectors, mft=FIRST).ljust(FIRST * CLUSTER, b"\0"))
        for number, one in enumerate(made):
            file.write({0: own, 5: root}.get(number, one if number > 23 else blank))
    making.rename(image)


@dataclass
class Best:
    seconds: float = float("inf")
    cpu_s: float = float("inf")
    peak_mb: int = 0


def sweeping(python: Path, image: Path, out: str) -> list[str]:
    command = [str(python), "-m", "agent", "offline", str(image)]
    return [*command, "--out", out, "--no-delivery"]


def compare(image: Path, than: Path | None, runs: int, *, with_fls: bool) -> None:
    """Prints a line for each, with its ratios to the first; ``with_fls``: for a volume with
    folders that it can list."""
    own = Path(sys.executable), Path(__file__).parents[2]
    with tempfile.TemporaryDirectory() as out, tempfile.TemporaryDirectory() as compiled:
        ways = {"this one": (sweeping(own[0], image, out), own[1])}
        if than is not None:
            python = than / ".venv" / "bin" / "python"
            ways["the other one"] = sweeping(python, image, out), than
        if with_fls and shutil.which("fls"):
            ways["fls -r -p (Sleuth Kit)"] = (
                ["fls", "-r", "-p", "-f", "ntfs", str(image)],
                Path("/"),
            )
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        best = {name: Best() for name in ways}
        for _ in range(runs + 1):  # The first one compiles.
            for name, (command, folder) in ways.items():
                _run(command, folder, environment, best[name])
    print(f"\n{image.name}: the default sweep, start to end, best of {runs + 1} in turns")
    first = best["this one"]
    for name, one in best.items():
        print(
            f"{name:24}{one.seconds:9.3f}s{one.seconds / first.seconds:7.1f}x{one.cpu_s:9.3f}s cpu"
            f"{one.cpu_s / first.cpu_s:7.1f}x{one.peak_mb:7} MB",
            flush=True,
        )


def _run(command: list[str], folder: Path, environment: Mapping[str, str], best: Best) -> None:
    start = time.perf_counter()
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 3):
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    best.seconds = min(best.seconds, time.perf_counter() - start)
    best.cpu_s = min(best.cpu_s, used.ru_utime + used.ru_stime)
    best.peak_mb = max(best.peak_mb, used.ru_maxrss // 1024)


def subjects(mft: Path | None, cache: Path, records: int) -> Iterator[Path]:
    """The images, made once."""
    cache.mkdir(exist_ok=True)
    small = cache / "default-sweep-one-byte.img"
    if not small.exists():
        of_one_byte(small, 300_000)
    yield small
    if mft is None:
        print("left out: a real $MFT and one mixed like it: give one with --mft FILE")
        return
    real = cache / REAL
    image_of(mft, real)
    yield real
    like = cache / f"default-sweep-alike-{records}.img"
    if records and not like.exists():
        mixed(like, kinds_of(real), records)
    if records:
        yield like
