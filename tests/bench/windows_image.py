"""The default sweep of a Windows image: a million files, and all that a host remembers of them.

``python -m tests.bench.windows_image [--records 1000000] [--runs 5] [--samples DIR] [--clean]``

One raw NTFS image of 256 GB (sparse, 1.3 GB on the disk), made once and kept in the cache: the made
host (``made_host.py``: 300 event logs, 20 hives, 256 prefetch files, 10 browser profiles, 5,000
shell links) as ntfs-3g lays it down, folders' indexes and all, and a $MFT that was moved and filled
up to a million records like those of a real one (``default_sweep.py``). Contents of those are
holes. Beside it the same without the made host, and the made host as a folder: what each of the two
takes on its own.

Each run is a process of its own, ``python -m agent offline IMAGE``, start to end, with its defaults
over files that were read before; they take turns. The report has to say that each source looked at
all that was made, that it missed no more of it than in the folder (some of the real logs and hives
are damaged), and that nothing was found: else the bench is void, and fails.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.ntfs import FileSource, Volume
from agent.ntfs.allocation import BITMAP_RECORD
from tests.evidence.images import file_name, non_resident, record, run, standard

from .default_sweep import CLUSTER, RECORD, Kind, image_of, kinds_of, record_of
from .engine import CACHE, LOGS, ROOT, logs_of
from .made_host import LINKS, NAME, PREFETCH, made_host
from .made_host import LOGS as LOG_FILES
from .ntfs import mounted
from .other_work import load

SECTORS = 1 << 29
MFT, CONTENTS = 1 << 20, 1 << 24
"""Clusters: where the $MFT and its bitmap were moved to, and the first made-up content."""
_PLACE_OF_MFT = 0x30
"""In the boot sector."""
_FLAGS, _IN_USE = 0x16, 1
"""Of a record."""
EXAMINED = {
    "prefetch": PREFETCH,
    "registry": 20,
    "opened_files": LINKS,
    "browsers": 45,
    "browser_files": 10,
    "hosts_file": 1,
}
"""Of the made host, by source: what the report has to say."""
_ALIKE = ("state", "examined", "unread", "bytes", "reasons")
_OF_VOLUMES = ("files", "usn_journal", "ntfs_log", "shadow_copies")
"""What a folder has none of, or fewer."""
_HOLES = "image by its name, of unknown content: not looked into"
"""Made-up files named so are holes."""
_TITLES = {
    "image": "all files and the made host",
    "without": "all files but the made host's",
    "folder": "the made host alone, a folder",
}
_SHOWN_MS = 20
_EXIT_CODES = (0, 3)
"""Nothing found; the made host has damaged logs and hives."""
_RUN = """
import runpy, sys
told = sys.argv.pop(1)
try:
    runpy.run_module('agent', run_name='__main__', alter_sys=True)
finally:
    fields = {}
    for name in ('io', 'status'):
        with open('/proc/self/' + name) as file:
            fields.update(line.split(':', 1) for line in file)
    with open(told, 'w') as file:
        file.write(fields['rchar'] + fields['VmHWM'].split()[0])
"""


# ---- The image


def windows_image(image: Path, host: Path | None, kinds: Sequence[Kind], records: int) -> Path:
    """Made once; ``host``: the folder whose files it holds."""
    if not image.exists():
        making = image.with_suffix(".making")
        with making.open("wb") as file:
            file.truncate(SECTORS * 512)
        subprocess.run(["mkntfs", "-qFQ", str(making)], check=True, capture_output=True)
        if host is not None:
            with mounted(making, "big_writes,noatime") as place:
                shutil.copytree(host, place, dirs_exist_ok=True, copy_function=shutil.copyfile)
        _fill_up(making, kinds, records)
        making.rename(image)
    return image


def _fill_up(image: Path, kinds: Sequence[Kind], records: int) -> None:
    """Moves the $MFT and writes made-up records behind its own."""
    source = FileSource(image.open("rb", buffering=0))
    volume = Volume(source)
    assert (volume.boot.cluster_size, volume.record_size) == (CLUSTER, RECORD)
    first, mirror = volume.records, volume.boot.mirror_cluster
    used = bytearray(-(-records // 64) * 8)
    for number in range(first):
        used[number >> 3] |= (not volume.is_unused(number)) << (number & 7)
    own = volume.open_stream(0).read() or b""
    allocation = volume.entry(BITMAP_RECORD).stream()
    assert allocation is not None
    assert len(allocation.runs) == 1
    clusters = allocation.runs[0].cluster
    source.close()
    assert len(own) == first * RECORD
    assert clusters is not None
    mft, beside = -(-records * RECORD // CLUSTER), -(-len(used) // CLUSTER)
    zero = record(
        standard(), file_name("$MFT"),
        non_resident(0x80, records * RECORD, run(mft, MFT), last=mft - 1),
        non_resident(0xB0, len(used), run(beside, MFT + mft), last=beside - 1),
    )  # fmt: skip
    with image.open("r+b") as file:
        file.seek(MFT * CLUSTER)
        file.write(zero + own[RECORD:])
        chance = random.Random(2018)
        for number in range(first, records):
            one = record_of(chance.choice(kinds), number, CONTENTS)
            used[number >> 3] |= (one[_FLAGS] & _IN_USE) << (number & 7)
            file.write(one)
        file.seek((MFT + mft) * CLUSTER)
        file.write(used)
        file.seek(mirror * CLUSTER)
        file.write(zero)
        file.seek(clusters * CLUSTER + MFT // 8)
        file.write(b"\xff" * -(-(mft + beside) // 8))
        for sector in (0, SECTORS - 1):
            file.seek(sector * 512 + _PLACE_OF_MFT)
            file.write(MFT.to_bytes(8, "little"))


def subjects(samples: Path, records: int) -> dict[str, Path]:
    """What is swept, by its name."""
    host = made_host(CACHE / NAME, samples, logs_of(samples / "evtx-hosts"))
    real = CACHE / "windows-image-kinds.img"
    if not real.exists():
        with tempfile.TemporaryDirectory(dir=CACHE) as place:
            (archive,) = (samples / "mft").glob("*.7z")
            command = ["7z", "e", "-y", f"-o{place}", str(archive)]
            subprocess.run(command, check=True, capture_output=True)
            (mft,) = Path(place).iterdir()
            image_of(mft, real)
    kinds = kinds_of(real)
    image, without = f"windows-image-{records}-{NAME}.img", f"windows-image-{records}.img"
    return {
        "image": windows_image(CACHE / image, host, kinds, records),
        "without": windows_image(CACHE / without, None, kinds, records),
        "folder": host,
    }


# ---- What is measured


@dataclass
class Swept:
    """The best of several sweeps."""

    wall: float = float("inf")
    cpu: float = float("inf")
    peak_kb: int = 0
    read: int = 0
    """Bytes, by the system's count."""
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What the report of the quickest one says of each."""
    findings: int = 0


def sweep(target: Path, best: Swept, environment: Mapping[str, str]) -> None:
    """One more."""
    with tempfile.TemporaryDirectory() as out:
        told = Path(out, "told")
        command = [sys.executable, "-c", _RUN, str(told), "offline", str(target)]
        start = time.perf_counter()
        with subprocess.Popen(
            [*command, "--no-delivery", "--out", f"{out}/report.json"],
            cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - start
        if process.returncode not in _EXIT_CODES:
            raise SystemExit(f"{target.name}: the sweep ended with {process.returncode}")
        read, peak = map(int, told.read_text().split())
        report = json.loads(Path(out, "report.json").read_bytes())
    if wall < best.wall:
        best.wall = wall
        best.sources = {one["source"]: one for one in report["coverage"]}
    best.cpu = min(best.cpu, used.ru_utime + used.ru_stime)
    best.peak_kb, best.read = max(best.peak_kb, peak), max(best.read, read)
    best.findings = len(report.get("findings", ()))


def void(swept: Mapping[str, Swept], host: Path, records: int) -> Iterator[str]:
    """Why the bench says nothing: what of the made host was not looked at, or was found."""
    image, folder = swept["image"], swept["folder"]
    for source, count in {"files": records, **EXAMINED}.items():
        if (examined := image.sources[source].get("examined", 0)) != count:
            yield f"{source}: {examined:,} examined, not {count:,}"
    logs = [path.stat().st_size for path in host.rglob("*.evtx")]
    told = image.sources["event_logs"].get("bytes", 0)
    if len(logs) != LOG_FILES or told != sum(logs):
        yield f"event_logs: {told:,} bytes, not the {sum(logs):,} of {LOG_FILES} logs"
    for source, one in image.sources.items():
        other = folder.sources[source]
        if source not in _OF_VOLUMES and any(one.get(key) != other.get(key) for key in _ALIKE):
            yield f"{source}: not as in the folder: {one}, {other}"
    gaps = {one["reason"] for one in image.sources["files"].get("reasons", ())}
    if gaps - {_HOLES}:
        yield f"files: {gaps}"
    for name, best in swept.items():
        if best.findings:
            yield f"{name}: {best.findings} findings"


def show(swept: Mapping[str, Swept]) -> None:
    """The sweeps, and what each source took of them."""
    for name, one in swept.items():
        print(
            f"  {_TITLES[name]:34}{one.wall:8.2f} s{one.cpu:8.2f} s cpu{one.peak_kb >> 10:6} MiB"
            f"{one.read / 1e6:8,.0f} MB read"
        )
    print(f"  of them, by the reports:{'examined':>16}" + "".join(f"{n:>10}" for n in swept))
    for source, told in swept["image"].sources.items():
        times = [one.sources[source].get("elapsed_ms", 0) for one in swept.values()]
        if max(times) >= _SHOWN_MS:
            columns = "".join(f"{time:7} ms" for time in times)
            print(f"    {source:26}{told.get('examined', 0):10,}{columns}")
    rest = [
        1000 * one.wall - sum(told.get("elapsed_ms", 0) for told in one.sources.values())
        for one in swept.values()
    ]
    print(f"    {'all else':36}" + "".join(f"{time:7.0f} ms" for time in rest), flush=True)


def main() -> None:
    """The bench by the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--samples", type=Path, default=LOGS.parent)
    parser.add_argument("--clean", action="store_true", help="keep no image in .cache/")
    options = parser.parse_args()
    missing = [tool for tool in ("mkntfs", "ntfs-3g", "7z") if shutil.which(tool) is None]
    if missing:
        raise SystemExit(f"not installed: {', '.join(missing)}")
    CACHE.mkdir(parents=True, exist_ok=True)
    # Modules are compiled before the clock starts, as they are in the exe.
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(CACHE / "compiled")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    targets = subjects(options.samples, options.records)
    for target in targets.values():
        sweep(target, Swept(), environment)
    swept = {name: Swept() for name in targets}
    print(load())
    for _ in range(options.runs):
        for name, target in targets.items():
            sweep(target, swept[name], environment)
    print(f"the default sweep, start to end, best of {options.runs} in turns; {load()}")
    show(swept)
    if why := list(void(swept, targets["folder"], options.records)):
        raise SystemExit("void: " + "; ".join(why))
    if options.clean:
        targets["image"].unlink()
        targets["without"].unlink()


if __name__ == "__main__":
    main()
